"""What may not be called ready: evidence of another migration, or not of all of this one."""

from datetime import date

import pandas as pd
import pytest

from cacheaudit.engine import as_table
from cacheaudit.live import live_of
from cacheaudit.readiness.probed import probed_of
from cacheaudit.readiness.vouched import lacks_of_baseline, lacks_of_log, logged
from tests.candidates import NEW, OLD, WEEK, cohort, log_of, probe_of, ready_on, usage_of

pytestmark = pytest.mark.slow  # whole plans and verdicts, a second or more each

DAY = date(2026, 3, 16)
GOOD = (0.88, 0.9, 0.92)


def gate(readiness, name):
    return {one.name: one for one in readiness.gates}[name]


def probe(**more):
    return {**probe_of(GOOD), **more}


def renamed(label: str, **more):
    """The probe with one candidate of another seller or id."""
    document = probe_of(GOOD)
    for one in document["candidates"]:
        if one["name"] == label:
            one.update(more)
    return document


SYNTHETIC = {"fetched_at": "2026-03-15T08:00:00+00:00", "params": {"prompts_path": ""}}
OLD_DAY = {"fetched_at": "2026-01-15T08:00:00+00:00", "params": {"prompts_path": "p"}}


@pytest.mark.parametrize(
    ("document", "lacks"),
    [
        (probe(provenance=SYNTHETIC), "own prompts"),
        (probe(provenance=OLD_DAY), "this one is 61 days old"),
        (renamed(NEW, model="claude-opus-4-5"), f"a probe of {NEW} at anthropic"),
        (renamed(NEW, provider="openrouter"), f"a probe of {NEW} at anthropic"),
        (renamed(OLD, model=NEW), "it has claude-opus-4-6 2 times"),
    ],
)
def test_a_probe_of_something_else_decides_nothing(tmp_path, document, lacks):
    found = gate(ready_on(tmp_path, usage_of(cohort(6000)), probe=document), "hit_rate")

    assert found.standing == "unknown"
    assert lacks in found.needs


def test_the_probe_itself_is_one_that_counts(tmp_path):
    """Control: the same without the fault."""
    found = gate(ready_on(tmp_path, usage_of(cohort(6000)), probe=probe()), "hit_rate")

    assert (found.standing, found.needs) == ("pass", "")


def test_another_snapshot_is_another_version():
    live = live_of(renamed(NEW, model="gpt-4o-2024-05-13", provider="openai"))

    assert probed_of(live, "openai", "gpt-4o-2024-11-20", OLD, DAY).candidate == (None, None, None)


def test_a_ratio_counts_only_against_the_incumbent_itself():
    document = renamed(OLD, model="claude-haiku-4-5")
    document["probe"].append(
        {
            **document["probe"][0],
            "question": "tokens",
            "candidate": NEW,
            "value": 1.3,
            "unit": "ratio",
        }
    )

    assert probed_of(live_of(document), "anthropic", NEW, OLD, DAY).ratio == (None, None, None)


def test_an_incumbent_that_is_hardly_known_decides_nothing(tmp_path):
    document = probe_of((0.82, 0.85, 0.88))
    known = ready_on(tmp_path, usage_of(cohort(6000)), probe=document)
    assert gate(known, "hit_rate").standing == "pass"
    document["probe"][0].update(low=0.2, high=0.98)

    found = gate(ready_on(tmp_path, usage_of(cohort(6000)), probe=document), "hit_rate")
    assert found.standing == "unknown"
    assert "straddle" in found.needs


def test_a_probe_far_from_production_decides_nothing(tmp_path):
    """6 % against 6 % is as much; but production reads 90 %."""
    document = probe_of((0.05, 0.06, 0.07))
    document["probe"][0].update(low=0.05, value=0.06, high=0.07)

    found = gate(ready_on(tmp_path, usage_of(cohort(6000)), probe=document), "hit_rate")
    assert found.standing == "unknown"
    assert "production's pace" in found.needs


def test_a_log_of_a_part_of_the_calls_does_not_speak_for_all(tmp_path):
    usage, log = usage_of(cohort(6000)), log_of(cohort(6000), days=3)
    whole = ready_on(tmp_path, usage, log=log)
    part = ready_on(tmp_path, usage, log=log[log["prefix_id"].str.endswith("-1")])

    assert gate(whole, "steady").standing == "pass"
    assert gate(part, "steady").standing == "unknown"
    assert "a log of all of its traffic" in gate(part, "plan_cost").needs
    assert gate(part, "above_minimum").reason.count("by billing")


def test_a_log_of_one_workspace_does_not_speak_for_two():
    both = usage_of(cohort(6000), cohort(6000))
    doubled = log_of(cohort(6000), cohort(6000))
    one = doubled.assign(scope="team-0")  # all of the tokens, under one name

    assert lacks_of_log(logged(as_table(doubled)), both, None) == ""
    assert "all workspaces" in lacks_of_log(logged(as_table(one)), both, None)


def test_a_replay_that_does_not_explain_its_log_prices_no_plan(tmp_path):
    """Entries that live for an hour, replayed as if they lived for five minutes."""
    log = log_of(cohort(6000), days=3).rename(
        columns={"cache_write_5m_tokens": "cache_write_1h_tokens"}
    )
    slow = log.iloc[::40].assign(cache_read_tokens=6000, cache_write_1h_tokens=0)
    readiness = ready_on(tmp_path, usage_of(cohort(6000)), log=slow)

    assert gate(readiness, "plan_cost").standing == "unknown"
    assert "a log that its replay explains" in gate(readiness, "plan_cost").needs


def test_a_baseline_with_an_incident_is_none(tmp_path):
    usage = usage_of(cohort(6000))
    broken = usage["bucket_start"] >= WEEK[1] - pd.Timedelta(days=2)
    moved = usage["cache_read_tokens"].where(~broken, 0)
    lost = usage.assign(
        uncached_input_tokens=usage["uncached_input_tokens"] + usage["cache_read_tokens"] - moved,
        cache_read_tokens=moved,
    )

    assert lacks_of_baseline(usage) == ""
    assert "one began at 2026-03-1" in lacks_of_baseline(lost)
    document = probe()
    del document["probe"][0]
    assert gate(ready_on(tmp_path, lost, probe=document), "hit_rate").standing == "unknown"
    assert gate(ready_on(tmp_path, usage, probe=document), "hit_rate").standing == "pass"


def test_what_would_be_read_no_more_is_not_ready_whatever_the_lengths(tmp_path):
    """2,000 shared tokens and 3,000 of each call's own: 5,000 are cached, 2,000 are of use."""
    log = log_of(cohort(2000), days=2)
    own = log.assign(
        cache_write_5m_tokens=log["cache_write_5m_tokens"] + 3000, session_id=range(len(log))
    )
    own["session_id"] = own["session_id"].astype(str)
    readiness = ready_on(tmp_path, usage_of(cohort(2000)), log=own, requests_path="")
    assert readiness.forecast.log is None
    found = ready_on(tmp_path, usage_of(cohort(2000)), log=own)

    assert gate(found, "above_minimum").standing == "fail"


def test_requests_that_nobody_counts_are_not_all_of_them(tmp_path):
    usage = usage_of(cohort(6000))
    uncounted = usage.assign(requests=pd.NA).astype({"requests": "Int64"})

    assert gate(ready_on(tmp_path, usage), "telemetry").standing == "pass"
    assert gate(ready_on(tmp_path, uncounted), "telemetry").standing == "unknown"
    logged_too = ready_on(tmp_path, uncounted, log=log_of(cohort(6000), days=1))
    assert gate(logged_too, "telemetry").standing == "pass"
