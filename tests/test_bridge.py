"""The bridge from what one window cost to what another did."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from bench.bridge import bridge_of, brute_force, change_usd, frame, halved, renamed
from cacheaudit.bridge import Bridge, explain_cost
from cacheaudit.bridge.shapley import shapley
from cacheaudit.errors import ParamError
from cacheaudit.price_table import check_prices
from cacheaudit.schema import check_cost, check_usage
from tests.planted import OPUS, PRICES, SONNET, at, spent_usd, stream, usage_of

BEFORE, AFTER = (at(0), at(2)), (at(2), at(4))
LIST_RATIO = sum(PRICES[OPUS]) / sum(PRICES[SONNET])
CELL = {"scope": "chat", "route": "gateway", "provider": "anthropic"}


def rows(*given: dict[str, object], **labels: object) -> pd.DataFrame:
    """A usage frame; each row says its `day`, and whatever differs from a plain call of Sonnet."""
    table = pd.DataFrame([{"model": SONNET, **CELL, **labels, **row} for row in given])
    table["bucket_start"] = [at(float(d)) for d in table.pop("day")]
    table["bucket_end"] = table["bucket_start"] + pd.Timedelta("1h")
    return check_usage(table)


def call(day: float, requests: int = 100, **changes: object) -> dict[str, object]:
    """A hundred requests of 1,000 tokens, nine tenths of them read, and 50 of answer."""
    return {
        "day": day,
        "requests": requests,
        "uncached_input_tokens": 50 * requests,
        "cache_read_tokens": 900 * requests,
        "cache_write_5m_tokens": 50 * requests,
        "output_tokens": 50 * requests,
        **changes,
    }


def bridge(*given: dict[str, object], **settings: object) -> Bridge:
    return explain_cost(rows(*given), BEFORE, AFTER, **settings)


def moved(found: Bridge) -> dict[str, float]:
    """The factors that are not 0."""
    return {f: v for f, v in found.factors.items() if v != 0}


@pytest.mark.parametrize("seed", range(16))
def test_nothing_is_left_over(seed: int):
    usage = frame(seed)

    assert sum(bridge_of(usage).factors.values()) == pytest.approx(change_usd(usage), abs=1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_neither_narrower_buckets_nor_other_names_move_a_factor(seed: int):
    usage = frame(seed)
    factors = bridge_of(usage).factors

    assert bridge_of(halved(usage)).factors == pytest.approx(factors, abs=1e-9)
    assert bridge_of(renamed(usage)).factors == pytest.approx(factors, abs=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_equals_plain_arithmetic_over_all_orders(seed: int):
    usage = frame(seed, steady=True)
    factors = bridge_of(usage).factors

    assert {f: factors[f] for f in brute_force(usage)} == pytest.approx(brute_force(usage))


def test_shapley_is_the_mean_over_all_orders():
    rng, names = np.random.default_rng(3), ["a", "b", "c", "d"]
    worth = {frozenset(s): rng.normal(size=2) for n in range(5) for s in permutations(names, n)}
    orders = list(permutations(names))
    mean = dict.fromkeys(names, 0.0)
    for order in orders:
        for place, name in enumerate(order):
            gain = worth[frozenset(order[: place + 1])] - worth[frozenset(order[:place])]
            mean[name] = mean[name] + gain / len(orders)

    found = shapley(names, lambda changed: worth[changed])

    assert all(found[n] == pytest.approx(mean[n]) for n in names)


@pytest.mark.parametrize(
    ("factor", "change"),
    [
        ("volume", call(2, requests=130)),
        ("prompt_size", call(2, uncached_input_tokens=6000, cache_read_tokens=108_000,
                             cache_write_5m_tokens=6000)),
        ("cache_split", call(2, uncached_input_tokens=95_000, cache_read_tokens=0)),
        ("write_lifetime", call(2, cache_write_5m_tokens=0, cache_write_1h_tokens=5000)),
        ("output_size", call(2, output_tokens=9000)),
        ("model_mix", call(2, model="claude-opus-4-1")),
        ("model_mix", call(2, service_tier="batch")),
    ],
)  # fmt: skip
def test_what_changed_alone_explains_all_and_the_rest_is_just_0(
    factor: str, change: dict[str, object]
):
    found = bridge(call(0), change)

    assert list(moved(found)) == [factor]
    assert found.factors[factor] == pytest.approx(found.change_usd)


def test_a_new_price_of_the_same_model_is_price():
    """gpt-5.6-sol is a fifth cheaper from 2026-08-21 on."""
    usage = rows(
        {"day": 0, "requests": 10, "uncached_input_tokens": 1_000_000, "cache_read_tokens": 0,
         "output_tokens": 0},
        model="gpt-5.6-sol", provider="openai",
    )  # fmt: skip
    start = pd.Timestamp("2026-08-20", tz="UTC")
    days = [start, start + pd.Timedelta("1D")]
    usage = check_usage(
        pd.concat(usage.assign(bucket_start=d, bucket_end=d + pd.Timedelta("1h")) for d in days)
    )

    found = explain_cost(usage, (days[0], days[1]), (days[1], days[1] + pd.Timedelta("1D")))

    assert moved(found) == pytest.approx({"price": -1.0})


def test_a_migration_at_unchanged_traffic_is_its_list_price():
    found = bridge(call(0), call(2, model=OPUS), tokenizers={OPUS: 1.0})

    assert moved(found) == pytest.approx({"model_mix": found.change_usd})
    assert found.after_usd / found.before_usd == pytest.approx(5 / 3)


def test_a_move_from_anthropic_to_bedrock_is_a_move_like_any_other():
    bedrock = {"provider": "bedrock", "model": "anthropic.claude-opus-4-6-v1"}
    found = bridge(call(0, model=OPUS), call(2, **bedrock))

    assert set(moved(found)) <= {"model_mix"}
    assert "tokenizer" in found.factors


def test_a_model_that_takes_one_of_two_over_stands_in_for_that_one():
    """The other one's long, uncached prompts are none of its business."""
    batch = {"model": "claude-haiku-4-5", "uncached_input_tokens": 900_000,
             "cache_read_tokens": 0, "cache_write_5m_tokens": 0}  # fmt: skip
    found = bridge(
        call(0), call(0.5, **batch), call(2, model=OPUS), call(2.5, **batch),
        tokenizers={OPUS: 1.0},
    )  # fmt: skip

    assert moved(found) == pytest.approx({"model_mix": found.change_usd})


def test_a_known_tokenizer_is_told_from_longer_prompts():
    """The same text, a third more tokens on the new model."""
    grown = {
        "uncached_input_tokens": 6500,
        "cache_read_tokens": 117_000,
        "cache_write_5m_tokens": 6500,
        "output_tokens": 6500,
    }
    same_price = {"model": "claude-sonnet-4-6", **grown}

    found = bridge(call(0), call(2, **same_price), tokenizers={"claude-sonnet-4-6": 1.3})

    assert list(moved(found)) == ["tokenizer"]
    assert found.factors["tokenizer"] == pytest.approx(0.3 * found.before_usd)


def test_an_unknown_tokenizer_is_named_and_is_not_0():
    found = bridge(call(0), call(2, model="claude-opus-5-5"))

    assert "tokenizer" not in found.factors
    assert any("another tokenizer" in note for note in found.notes)
    assert sum(found.factors.values()) == pytest.approx(found.change_usd)


def test_a_mix_that_drifts_between_models_that_stay_says_nothing_of_tokenizers():
    opus = {"model": "claude-opus-5-5"}
    found = bridge(call(0), call(0.5, **opus), call(2), call(2.5, requests=110, **opus))

    assert found.notes == ()


def test_without_request_counts_volume_and_size_are_one_factor():
    uncounted = {"requests": pd.NA}
    found = bridge(call(0) | uncounted, call(2, requests=150) | uncounted)

    assert moved(found) == pytest.approx({"input_volume": 0.5 * found.before_usd})
    assert not {"volume", "prompt_size"} & set(found.factors)
    assert any("input_volume" in note for note in found.notes)


def test_cells_with_and_without_counts_stand_side_by_side():
    other = {"scope": "agents", "requests": pd.NA}
    found = bridge(call(0), call(2, requests=150), call(0) | other, call(2, requests=150) | other)

    assert found.factors["volume"] == pytest.approx(found.factors["input_volume"])
    assert any("for agents via gateway" in note for note in found.notes)


def test_a_cell_that_comes_or_goes_is_volume():
    found = bridge(call(0), call(2), call(2.5, scope="new", model=OPUS), call(0.5, scope="old"))

    assert list(moved(found)) == ["volume"]


def test_by_cell_adds_up_to_the_whole():
    usage = usage_of(
        [stream().then(2, marked=False), stream(scope="b").then(2, output_tokens=400)], days=4
    )
    found = explain_cost(usage, BEFORE, AFTER)
    table = found.by_cell

    assert list(table["scope"]) == ["chat", "b"]
    assert table[list(found.factors)].sum().to_dict() == pytest.approx(dict(found.factors))
    change = spent_usd(usage, since=2) * 2 - spent_usd(usage)
    assert found.change_usd == pytest.approx(change)


def test_a_cell_without_a_price_is_left_out_of_both_windows_and_named():
    found = bridge(call(0), call(2, requests=200), call(0, scope="x"),
                   call(2, scope="x", model="mystery-9"))  # fmt: skip

    (left,) = found.left_out
    assert (left.scope, left.tokens) == ("x", 210_000)
    assert "mystery-9" in left.reason
    assert found.after_usd == pytest.approx(2 * found.before_usd)
    assert any("Left out" in note for note in found.notes)


def test_reads_that_are_not_reported_leave_their_cell_out():
    found = bridge(
        call(0), call(2), call(0, scope="x"), call(2, scope="x", cache_read_tokens=pd.NA)
    )

    assert found.left_out[0].reason.endswith("are not reported")
    assert found.change_usd == pytest.approx(0.0)


def test_nothing_but_unknown_cost_is_said_and_no_figure():
    found = bridge(call(0, model="mystery-8"), call(2, model="mystery-9"))

    assert (found.before_usd, found.after_usd) == (0.0, 0.0)
    assert len(found.left_out) == 1


def test_a_day_without_data_is_less_volume():
    found = bridge(call(0), call(1), call(2))

    assert moved(found) == pytest.approx({"volume": -found.after_usd})


def test_windows_of_unequal_length_say_so():
    found = explain_cost(rows(call(0), call(1)), (at(0), at(1)), (at(1), at(4)))

    assert any("differ in length" in note for note in found.notes)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ((at(0), at(3)), (at(2), at(4)), "overlap"),
        ((at(1), at(0)), (at(2), at(4)), "swap"),
        ((at(0), at(2)), (at(10), at(12)), "holds no bucket"),
        ((pd.Timestamp("2026-03-02"), at(2)), (at(2), at(4)), "UTC"),
    ],
)
def test_windows_that_cannot_be_compared_are_refused(before, after, message: str):
    with pytest.raises(ParamError, match=message):
        explain_cost(rows(call(0), call(2)), before, after)


def bill(*lines: tuple[float, float, float | None], **columns: object) -> pd.DataFrame:
    """A cost table of (day, charged, list)."""
    table = pd.DataFrame(lines, columns=["day", "amount_usd", "list_usd"])
    table["day"] = [at(float(d)) for d in table["day"]]
    return check_cost(table.assign(provider="anthropic", cost_type="tokens", **columns))


def test_a_discount_that_ends_is_shown_apart():
    """Charged 10 of 20 USD before and 24 of 24 after, where our list says 20 and 24."""
    usd = bridge(call(0), call(2, requests=120))
    scale = 20 / usd.before_usd
    grown = rows(call(0, requests=round(100 * scale)), call(2, requests=round(120 * scale)))
    found = explain_cost(grown, BEFORE, AFTER, cost=bill((0, 10.0, 20.0), (2, 24.0, 24.0)))

    assert found.discounts_usd == pytest.approx(10.0)
    assert found.unexplained_usd == pytest.approx(4.0 - found.change_usd, abs=1e-9)
    assert abs(found.unexplained_usd) < 0.01


def test_credits_and_rows_that_look_alike_all_count():
    found = bridge(
        call(0), call(2), cost=bill((0, 5, None), (0, 5, None), (2, 9, None), (2, -4, None))
    )

    assert (found.billed.before_usd, found.billed.after_usd) == (10.0, 5.0)
    assert found.discounts_usd is None
    assert found.unexplained_usd == pytest.approx(-5.0)


def test_a_window_that_cuts_a_day_is_not_held_against_daily_charges():
    found = explain_cost(
        rows(call(0), call(2)), (at(0), at(1.5)), AFTER, cost=bill((0, 1, None), (2, 1, None))
    )

    assert found.billed is None
    assert any("cost report" in note for note in found.notes)


def test_everything_can_be_written_as_plain_data():
    found = bridge(call(0), call(2), cost=bill((0, 1, None), (2, 1, None))).to_dict()

    assert found["billed"]["unexplained_usd"] == 0.0
    assert set(found["factors"]) == set(found["by_cell"][0]) - {
        "scope", "route", "before_usd", "after_usd"
    }  # fmt: skip


def test_prices_of_one_s_own_hold_in_a_bridge():
    """A contract at half the list from the third day on: all of the change is price."""
    own = check_prices(
        pd.DataFrame(
            {
                "provider": ["anthropic"], "model": [SONNET], "valid_from": [f"{at(2):%Y-%m-%d}"],
                "uncached_input_usd_per_mtok": [1.5], "cache_read_usd_per_mtok": [0.15],
                "cache_write_5m_usd_per_mtok": [1.875], "output_usd_per_mtok": [7.5],
            }
        ),
        "contract.csv",
    )  # fmt: skip
    found = bridge(call(0), call(2), prices=own)

    assert moved(found) == pytest.approx({"price": -found.before_usd / 2})
