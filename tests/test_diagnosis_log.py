"""Planted truth in, verdict out, with a request log beside the buckets and without."""

from dataclasses import dataclass, replace

import pandas as pd
import pytest

from bench.planted.stories import BY_NAME
from bench.planted.story import Planted
from cacheaudit.cost import cost_of
from cacheaudit.diagnosis import Diagnosis, IncidentDiagnosis, diagnose
from cacheaudit.events import client_releases
from cacheaudit.excess.estimate import Estimate
from cacheaudit.schema import check_cost, check_usage
from tests.planted import at, extra_usd, stream, usage_of


def nearest(found: Diagnosis, start: pd.Timestamp) -> IncidentDiagnosis:
    return min(found.incidents, key=lambda i: abs(i.incident.start - start))


def thinned(name: str, seed: int) -> Planted:
    story = BY_NAME[name]
    thin = tuple(replace(c, sessions_per_hour=c.sessions_per_hour / 4) for c in story.cohorts)
    return replace(story, cohorts=thin).make(seed)


@dataclass(frozen=True, kw_only=True)
class Told:
    """A story told with its log, and without; with a quarter of its traffic, to be quick."""

    planted: Planted
    logged: IncidentDiagnosis
    bare: IncidentDiagnosis


@pytest.fixture(scope="module")
def told(request) -> Told:
    name, seed = request.param
    planted = thinned(name, seed)
    logged = diagnose(planted.usage, planted.events, planted.requests, planted.cost)
    bare = diagnose(planted.usage, planted.events, cost=planted.cost)
    return Told(
        planted=planted,
        logged=nearest(logged, planted.start),
        bare=nearest(bare, planted.start),
    )


STORIES = [
    ("below_minimum.log", 21),
    ("serving.log", 21),
    ("ttl_shortened.log_no_lifetimes", 21),
    ("history_rewritten.log_no_reason", 22),
    ("prefix_volatile.log", 22),
    ("tools_churn.log", 21),
    ("affinity_lost.log", 22),
    ("fan_out.log", 21),
    ("split_traffic.log", 22),
    ("sparser.log", 22),
    ("shorter_sessions.log", 21),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("told", "name"), [pytest.param(s, s[0], id=s[0]) for s in STORIES], indirect=["told"]
)
def test_a_log_names_the_cause_where_it_can(told: Told, name: str):
    story, found, bare = BY_NAME[name], told.logged, told.bare

    assert abs(found.incident.start - told.planted.start) <= pd.Timedelta("2h")
    assert story.truth in found.leading
    assert set(found.leading) <= story.cls | story.also
    if story.identifiable:
        assert (found.verdict, found.leading) == ("identified", (story.truth,))
    assert any(e.startswith(("Request log", "The provider's own reason"))
               for c in found.causes for e in (*c.evidence_for, *c.evidence_against))  # fmt: skip
    # Without the log: less is known, and nothing else is accused.
    assert story.truth in bare.leading
    assert set(found.leading) <= set(bare.leading)
    if bare.verdict == "identified":
        assert bare.leading == (story.truth,)
    if not bare.case.moved:
        assert not any(c.startswith("model.") for c in bare.leading)
    assert not any("Request log" in e for c in bare.causes
                   for e in (*c.evidence_for, *c.evidence_against))  # fmt: skip


def test_a_log_that_the_provider_contradicts_is_not_used():
    planted = thinned("ttl_shortened.log_no_lifetimes", 21)
    half = planted.requests.iloc[::2]

    found = diagnose(planted.usage, planted.events, half)

    assert {("log_unfit", "unfit", "log")} <= {(n.id, n.severity, n.about) for n in found.quality}
    one = nearest(found, planted.start)
    assert one.case.log is None
    assert "client.ttl_shortened" in one.leading
    assert len(one.leading) > 1  # what the whole log would have decided


def test_a_log_that_invents_an_incident_ends_in_unfit_data():
    planted = thinned("fields_lost.log", 21)

    found = diagnose(planted.usage, requests=planted.requests)

    assert (found.verdict, found.incidents) == ("unfit_data", ())
    assert "log_fields_lost" in {n.id for n in found.quality}


def test_a_fall_in_two_steps_is_two_incidents_that_share_its_cost():
    """Day 8: three in ten prompts hold a clock; day 14: nine in ten. Each dollar counts once."""
    one, calm = stream(), stream()
    steps = [one.then(8, volatile=0.3).then(14, volatile=0.9)]
    usage, never = usage_of(steps), usage_of([calm])
    first = usage_of([one.then(8, volatile=0.3)])
    found = diagnose(usage)
    outer, inner = found.incidents
    truth = extra_usd(usage, never, since=8)
    deeper = extra_usd(usage, first, since=14)

    assert [i.incident.start for i in found.incidents] == [at(8), at(14)]
    assert outer.incident.deeper_at == inner.incident.start
    assert inner.incident.inside == outer.incident.start
    assert outer.excess_usd.value + inner.excess_usd.value == pytest.approx(truth, rel=0.05)
    assert inner.excess_usd.value == pytest.approx(deeper, rel=0.05)
    assert outer.excess_usd.value == pytest.approx(truth - deeper, rel=0.05)


def test_what_is_left_of_an_estimate_is_as_unsure_as_both():
    whole = Estimate(value=100, low=70, high=130)
    left = whole.without(Estimate(value=30, low=-10, high=70))

    assert (left.value, left.low, left.high) == (70, 20, 120)
    assert left.reason == ""
    assert whole.without(Estimate(value=1, low=1, high=1, reason="why")).reason == "why"


def charged(usage: pd.DataFrame, factor: float, since: float) -> pd.DataFrame:
    """The bill of *usage*, at *factor* of its price from day *since* on."""
    day = usage["bucket_start"].dt.floor("D").rename("day")
    sums = cost_of(usage).usd.groupby([day, usage["model"]]).sum().rename("usd").reset_index()
    dear = sums["usd"].where(sums["day"] < at(since), factor * sums["usd"])
    return check_cost(
        sums[["day", "model"]].assign(provider="anthropic", cost_type="tokens", amount_usd=dear)
    )


def test_a_bill_that_leaves_its_price_list_is_a_stale_price():
    usage = usage_of([stream()], days=20)
    found = diagnose(usage, cost=charged(usage, 1.25, 10))
    (one,) = found.incidents
    rows = usage[usage["bucket_start"] >= at(10)]
    over = 0.25 * float(cost_of(rows).usd.sum())

    assert (one.verdict, one.leading) == ("identified", ("measurement.stale_price",))
    assert one.incident.start == at(10)
    assert one.excess_usd.value == pytest.approx(over, rel=1e-6)


def test_a_bill_in_one_ratio_throughout_is_no_incident():
    usage = usage_of([stream()], days=20)

    assert not diagnose(usage, cost=charged(usage, 1.25, 0)).incidents


def released(usage: pd.DataFrame, day: float, *scopes: str) -> pd.DataFrame:
    """*usage* that tells the release of the caller: 2.0 from *day* on in *scopes*, else 1.0."""
    new = (usage["bucket_start"] >= at(day)) & usage["scope"].isin(scopes)
    return check_usage(usage.assign(client_version=new.map({True: "2.0", False: "1.0"})))


FALLS = [stream().then(10, volatile=0.9), stream(scope="eu")]


def sentences(found: Diagnosis) -> list[str]:
    (one,) = found.incidents
    return [e for c in one.causes for e in c.evidence_for]


def test_a_release_seen_in_the_usage_is_evidence():
    usage = usage_of(FALLS, days=18)
    found, bare = diagnose(released(usage, 10, "chat")), diagnose(usage)

    assert any("Known: client change '1.0 -> 2.0'" in s for s in sentences(found))
    assert not any("client change" in s for s in sentences(bare))
    assert found.leading
    assert all(c.startswith("client.") for c in found.leading)
    assert not all(c.startswith("client.") for c in bare.leading)


def test_a_release_that_others_took_unharmed_is_none():
    usage = usage_of(FALLS, days=18)
    found, bare = diagnose(released(usage, 10, "chat", "eu")), diagnose(usage)

    assert any("it also reached traffic that kept its rate" in s for s in sentences(found))
    assert set(found.leading) == set(bare.leading)


def test_a_release_days_before_is_none():
    usage = released(usage_of(FALLS, days=18), 6, "chat")

    assert len(client_releases(usage)) == 1
    assert not any("client change" in s for s in sentences(diagnose(usage)))
