"""What the last hours say, and what a day cost: neither is said of more than it is true of."""

import copy

import pandas as pd
import pytest

from cacheaudit.history import SONNET_45
from cacheaudit.schema import check_usage
from cacheaudit.verification import judge
from cacheaudit.verification.needs import needs_of
from cacheaudit.verification.words import closing_comment, sentences
from tests.repairs import END, FIXED, cut, findings, past, spoilt, usage

SCOPE = "support-chat"
H = pd.Timedelta("1h")


def judged(now, until=END, spared=False, **one):
    incident = copy.deepcopy(findings()["incidents"][0]) | one
    incident["cohorts"] = [c for c in incident["cohorts"] if spared or c["affected"]]
    seen = cut(now, FIXED.floor("D") - pd.Timedelta("1D"), until)
    return judge(incident, past(), seen, fixed_at=FIXED, at_share=0.9)


def repaired():
    return usage((FIXED, SONNET_45))


@pytest.mark.parametrize("hours", [1, 2])
def test_a_relapse_of_the_last_hours_is_not_closed(hours):
    """Too short for the last day to show it, and no proof that it lasts."""
    found = judged(spoilt(repaired(), 1.0, SCOPE, END - hours * H))

    assert (found.verdict, found.groups[0].standing) == ("not_yet_known", "slipping")
    assert found.groups[0].low > found.groups[0].bar
    assert "the last 2 hours of support-chat" in needs_of(found)
    assert "Look again" in closing_comment(found)
    assert any("not proven by it" in one for one in sentences(found))


def test_a_longer_relapse_is_open():
    assert judged(spoilt(repaired(), 1.0, SCOPE, END - 6 * H)).verdict == "still_open"


def test_a_relapse_that_is_over_holds_nothing_back():
    over = judged(spoilt(repaired(), 1.0, SCOPE, END - 4 * H, END - 2 * H))

    assert over.verdict == "closed"


def test_a_repair_that_holds_is_closed_whenever_it_is_looked_at():
    for hours in range(25, 87, 6):
        assert judged(repaired(), until=FIXED + hours * H).verdict == "closed", hours


def test_without_traffic_in_the_last_hours_the_day_decides():
    now = repaired()
    quiet = check_usage(now[~((now["scope"] == SCOPE) & (now["bucket_end"] > END - 2 * H))])

    assert judged(quiet).verdict == "closed"


def test_a_control_that_falls_in_the_last_hours_holds_the_closing_back():
    found = judged(spoilt(repaired(), 1.0, "claims-review", END - 2 * H), spared=True)
    told = sentences(found)

    assert found.groups[0].standing == "back"
    assert found.verdict == "not_yet_known"
    assert "the last 2 hours of claims-review via edge-gateway" in needs_of(found)
    assert any(
        "lies surely past its bar in the last 2 hours: claims-review via edge-gateway" in one
        and "cannot be compared" not in one
        for one in told
    )


def cost(run_rate):
    told = [one for one in sentences(judged(repaired(), run_rate=run_rate)) if "cost" in one]
    return told[0].replace("\u00a0", " ") if told else None


@pytest.mark.parametrize(
    ("days", "last"),
    [({"days": 7}, "the last 7 days"), ({"days": 1}, "the last day"), ({}, "the last days")],
)
def test_what_a_day_cost_is_said_of_the_days_it_is_the_mean_of(days, last):
    """Not of the whole incident; and the interval is that of the next day, of no day that was."""
    rate = {"value": 110.61, "low": 109.32, "high": 111.90, "reason": ""}
    told = cost({"per_day_usd": rate, **days})

    assert told == (
        f"In {last} that its postmortem saw, the incident cost 110.61 USD a day; what is saved"
        " since is not estimated here."
    )


def test_without_a_cost_none_is_told():
    unknown = {"value": None, "low": None, "high": None, "reason": "no price"}

    assert cost(None) is None
    assert cost({"per_day_usd": unknown, "days": 7}) is None
