"""The worked examples of docs/METHODS.md, computed by what computes every report."""

from pathlib import Path

import pandas as pd
import pytest

from cacheaudit.bridge import explain_cost
from cacheaudit.cost import cost_of
from cacheaudit.pricing import UnitPrice, unit_price
from cacheaudit.schema import check_usage

METHODS = (Path(__file__).parents[1] / "docs" / "METHODS.md").read_text("utf-8")
DAY = pd.Timestamp("2026-11-01", tz="UTC")
PREFIX = 50_000
TENTH, FORTIETH = "claude-sonnet-4-5", "claude-fable-5-1"  # what a read costs of plain input


def prefix(model: str, *, hit_rate: float, written: bool = False, day: int = 0) -> pd.DataFrame:
    """One request for the prefix: read at *hit_rate*, the rest plain input or written."""
    read = round(PREFIX * hit_rate)
    rest = "cache_write_5m_tokens" if written else "uncached_input_tokens"
    counts = {"requests": 1, "uncached_input_tokens": 0, "output_tokens": 0}
    row = counts | {"cache_read_tokens": read, rest: PREFIX - read}
    start = DAY + pd.Timedelta(days=day)
    labels = {"bucket_start": start, "bucket_end": start + pd.Timedelta("1h"), "model": model}
    return check_usage(pd.DataFrame([row | labels | {"provider": "anthropic"}]))


def as_plain_tokens(usage: pd.DataFrame) -> float:
    """Plain input tokens that cost as much as *usage*."""
    price = unit_price("anthropic", usage["model"].iloc[0], DAY.date())
    assert isinstance(price, UnitPrice)
    return float(cost_of(usage).usd.sum()) / price.uncached_input_usd_per_mtok * 1e6


def times_dearer(after: pd.DataFrame, before: pd.DataFrame) -> float:
    return float(cost_of(after).usd.sum() / cost_of(before).usd.sum())


def test_a_prefix_at_90_percent_costs_9500_plain_tokens_not_5000():
    tokens = as_plain_tokens(prefix(TENTH, hit_rate=0.9))

    assert tokens == pytest.approx(9_500)
    assert f"{tokens:,.0f} plain tokens" in METHODS


@pytest.mark.parametrize(
    ("before", "after", "figure"),
    [
        (prefix(TENTH, hit_rate=0.9), prefix(TENTH, hit_rate=0.0), "5.3x"),
        (prefix(FORTIETH, hit_rate=0.9), prefix(FORTIETH, hit_rate=0.0, written=True), "10.2x"),
        (
            prefix(FORTIETH, hit_rate=0.9, written=True),
            prefix(FORTIETH, hit_rate=0.0, written=True),
            "8.5x",
        ),
        (prefix(TENTH, hit_rate=0.9), prefix(TENTH, hit_rate=0.03), "5.1x"),
    ],
)
def test_what_a_lost_prefix_costs(before: pd.DataFrame, after: pd.DataFrame, figure: str):
    assert f"{times_dearer(after, before):.1f}x" == figure
    assert f"| {figure} |" in METHODS


def test_the_bridge_calls_a_lost_prefix_cache_split():
    """The same 5.3x as a bridge: all of it in one factor."""
    usage = check_usage(
        pd.concat([prefix(TENTH, hit_rate=0.9), prefix(TENTH, hit_rate=0.0, day=1)])
    )
    one, two = DAY + pd.Timedelta("1D"), DAY + pd.Timedelta("2D")
    found = explain_cost(usage, (DAY, one), (one, two))

    assert {f for f, v in found.factors.items() if v} == {"cache_split"}
    assert found.after_usd / found.before_usd == pytest.approx(5.263, abs=0.001)
