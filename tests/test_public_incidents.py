"""Each public incident that can be written as usage or requests: right, or silent, never unjust.

The figures are read from the public data beside the checkout. Where a report gives totals and no
times, they are spread evenly, and the docstring of the builder says so.
"""

import pandas as pd
import pytest

from cacheaudit import diagnose
from cacheaudit.causes.rank import CATALOGUE
from cacheaudit.engine import rollup
from cacheaudit.schema import check_events, check_usage

pytestmark = pytest.mark.real_data

HOUR, DAY = pd.Timedelta("1h"), pd.Timedelta("1D")
ABSTAINS = {"unfit_data", "not_identifiable", "no_incident"}
VERSION = {h.id for h in CATALOGUE if h.family in ("model", "rollout")}


def figures(real_data, name: str) -> pd.DataFrame:
    (path,) = (real_data / "incidents").glob(f"{name}*.csv")
    return pd.read_csv(path)


def usage(rows: pd.DataFrame, width: pd.Timedelta) -> pd.DataFrame:
    """A usage frame of *rows*, which have `bucket_start` and counts; a week is one provider."""
    starts = pd.to_datetime(rows["bucket_start"], utc=True).astype("datetime64[us, UTC]")
    whole = rows.assign(bucket_start=starts, bucket_end=starts + width)
    return check_usage(whole.assign(provider=rows.get("provider", "anthropic")))


def client_release(at: str, what: str) -> pd.DataFrame:
    when = pd.Series(pd.to_datetime([at], utc=True).astype("datetime64[us, UTC]"))
    return check_events(pd.DataFrame({"at": when, "kind": "client", "what": what}))


@pytest.fixture
def client_day(real_data):
    """Claude Code 2.1.89, hour by hour: reads and writes; uncached input is not in the table."""
    rows = figures(real_data, "inc01_arknill_hourly")
    return usage(
        pd.DataFrame(
            {
                "bucket_start": rows["hour_utc"],
                "model": "claude-opus-4-6",
                "cache_read_tokens": rows["cache_read"],
                "cache_write_other_tokens": rows["cache_creation"],
                "output_tokens": rows["output"],
            }
        ),
        HOUR,
    )


def test_the_client_release_leads_once_it_is_given(client_day):
    found = diagnose(client_day, client_release("2026-04-01 04:30", "claude-code 2.1.89"))

    assert "client.history_rewritten" in found.leading
    assert {c.split(".")[0] for c in found.leading} == {"client"}


def test_without_the_release_it_is_among_the_leaders_and_no_version_is(client_day):
    found = diagnose(client_day)

    assert "client.history_rewritten" in found.leading
    assert not VERSION & set(found.leading)


def test_by_the_day_six_rows_accuse_nobody(real_data):
    rows = figures(real_data, "inc01_arknill_daily")
    frame = pd.DataFrame(
        {
            "bucket_start": rows["day"],
            "model": "claude-opus-4-6",
            "uncached_input_tokens": rows["input"],
            "cache_read_tokens": rows["cache_read"],
            "cache_write_other_tokens": rows["cache_creation"],
            "output_tokens": rows["output"],
        }
    )
    found = diagnose(usage(frame, DAY))

    assert found.verdict in ABSTAINS or "client.history_rewritten" in found.leading
    assert not VERSION & set(found.leading)


def test_a_table_of_write_lifetimes_alone_is_no_hit_rate(real_data):
    """Main and sub-agents, 1 h and 5 min writes by day: there are no reads to judge by."""
    rows = figures(real_data, "inc03_recca").dropna(subset=["write_1h_tokens"])
    frame = pd.DataFrame(
        {
            "bucket_start": rows["date"],
            "model": "claude-opus-4-6",
            "route": rows["agent"],
            "requests": rows["calls"],
            "cache_write_5m_tokens": rows["write_5m_tokens"],
            "cache_write_1h_tokens": rows["write_1h_tokens"].astype("int64"),
        }
    )
    found = diagnose(usage(frame, DAY))

    assert found.verdict == "unfit_data"
    assert "no_cache_reads" in {n.id for n in found.quality}


def test_a_tail_marker_that_was_dropped_leads(real_data):
    """oh-my-pi 18.2.1 to 18.2.3, then 18.2.0 again; totals spread evenly over 48 hours each."""
    versions = figures(real_data, "inc04_ohmypi_versions").iloc[::-1]
    starts = pd.date_range("2026-09-15", periods=96, freq="1h", tz="UTC")
    rows = [
        {
            "bucket_start": at,
            "model": "claude-opus-5",
            "requests": max(1, round(v["requests"] / 48)),
            "uncached_input_tokens": round(v["uncached_input"] / 48),
            "cache_read_tokens": round(v["cache_read"] / 48),
            "cache_write_other_tokens": round(v["cache_write"] / 48),
        }
        for i, at in enumerate(starts)
        for v in [versions.iloc[i // 48]]
    ]
    turned = pd.DataFrame(rows).assign(bucket_start=list(starts[::-1]))  # the healthy days first
    for frame in (pd.DataFrame(rows), turned):
        found = diagnose(usage(frame, HOUR))

        assert found.verdict in ABSTAINS or "client.markers_dropped" in found.leading
        assert not VERSION & set(found.leading)
    assert diagnose(usage(turned, HOUR)).leading == ("client.markers_dropped",)


def test_one_turn_after_a_model_switch_is_a_cold_start_or_nothing(real_data):
    """hermes-agent: four turns by the minute, and twenty more like the one before the switch."""
    turns = figures(real_data, "inc08_hermes")
    hit = turns["cache_hit_pct"].to_numpy() / 100
    rates = [*[hit[0]] * 20, *hit[1:], *[hit[-1]] * 20]
    starts = pd.date_range("2026-08-31 13:00", periods=len(rates), freq="1min", tz="UTC")
    frame = pd.DataFrame(
        {
            "bucket_start": starts,
            "provider": "openai",
            "model": ["gx10"] * 20 + ["zhipu"] * (len(rates) - 20),
            "requests": 1,
            "uncached_input_tokens": [round((1 - r) * 139_000) for r in rates],
            "cache_read_tokens": [round(r * 139_000) for r in rates],
        }
    )
    found = diagnose(usage(frame, pd.Timedelta("1min")))

    assert found.verdict in ABSTAINS or found.leading == ("model.cold_start",)


def test_a_busy_week_with_a_steady_rate_is_not_a_cache_incident(real_data):
    """July 2026: the hit rate held and volume rose; the author blamed cache writes."""
    rows = figures(real_data, "inc12_vendor")
    frame = pd.DataFrame(
        {
            "bucket_start": rows["date"],
            "model": rows["model"].map({"opus": "claude-opus-4-8", "haiku": "claude-haiku-4-5"}),
            "uncached_input_tokens": rows["input"],
            "cache_read_tokens": rows["cache_read"],
            "cache_write_other_tokens": rows["cache_write"],
            "output_tokens": rows["output"],
        }
    )
    found = diagnose(usage(frame, DAY))

    assert found.verdict in ABSTAINS or found.leading == ("workload.volume",)
    assert not VERSION & set(found.leading)


def calls_of(real_data, repeats: int) -> pd.DataFrame:
    """Bedrock, two calls per model as reported, *repeats* times over, an hour apart."""
    rows = figures(real_data, "inc18_bedrock")
    old, new = (rows[rows["model_id"].str.contains(m)] for m in ("sonnet-4-5", "sonnet-4-6"))
    calls, at = [], pd.Timestamp("2026-02-10", tz="UTC")
    for model_rows in (old, new):
        for _ in range(repeats):
            for call in model_rows.itertuples():
                calls.append(
                    {
                        "ts": at + pd.Timedelta(minutes=int(call.call)),
                        "provider": "bedrock",
                        "model": call.model_id,
                        "session_id": f"{at:%d%H}",
                        "prefix_id": "audit",
                        "uncached_input_tokens": 1349 - call.cache_write - call.cache_read + 20,
                        "cache_read_tokens": call.cache_read,
                        "cache_write_5m_tokens": call.cache_write,
                    }
                )
            at += HOUR
    return pd.DataFrame(calls)


def test_four_calls_are_too_few_for_a_verdict(real_data):
    assert diagnose(rollup(calls_of(real_data, 1))).verdict == "unfit_data"


@pytest.mark.parametrize("with_log", [False, True])
def test_a_version_that_does_not_cache_this_prefix_is_told_with_its_rivals(real_data, with_log):
    """Sonnet 4.5 to 4.6: below its minimum, or other rules there; the data cannot say which."""
    calls = calls_of(real_data, 72)
    found = diagnose(rollup(calls), requests=calls if with_log else None)

    assert found.verdict == "narrowed"
    assert {"model.below_minimum", "model.cache_semantics"} <= set(found.leading)


def test_a_second_call_that_misses_now_and_then_is_no_incident(real_data):
    """Ten pairs, back to back, one pair every hour."""
    rows = figures(real_data, "inc20_sdk")
    at = pd.Timestamp("2026-04-26", tz="UTC")
    frame = pd.DataFrame(
        {
            "bucket_start": [at + i * HOUR for i in range(len(rows))],
            "model": "claude-sonnet-4-5",
            "requests": 2,
            "uncached_input_tokens": 20,
            "cache_read_tokens": rows["r2_cache_read"],
            "cache_write_5m_tokens": rows["r1_cache_creation"] + rows["r2_cache_creation"],
        }
    )
    assert diagnose(usage(frame, HOUR)).verdict == "no_incident"


def test_a_healthy_control_raises_no_alarm(real_data):
    """Three agents of OpenAI production, each spread over the same twelve hours."""
    rows = figures(real_data, "inc23_iterate").iloc[:3]
    at = pd.Timestamp("2026-07-10", tz="UTC")
    frame = pd.DataFrame(
        [
            {
                "bucket_start": at + j * HOUR,
                "provider": "openai",
                "model": "gpt-5.2",
                "scope": r["agent"],
                "requests": max(1, round(r["requests"] / 12)),
                "uncached_input_tokens": round((r["input"] - r["cached"]) / 12),
                "cache_read_tokens": round(r["cached"] / 12),
            }
            for _, r in rows.iterrows()
            for j in range(12)
        ]
    )
    assert diagnose(usage(frame, HOUR)).verdict == "no_incident"
