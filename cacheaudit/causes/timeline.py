"""When things happened, against when the incident did: windows, coincidence, standing still."""

import pandas as pd

from ..events import VersionChange, lifetimes_in_use
from ..incidents import RATES, Incident
from ..rules import LIFETIME_S
from .facts import CohortFacts, moved_by, rows_of, steady_s

COST_SLACK = 6  # buckets
# The longest lifetime on offer, for where the one in use is not reported. Docs: see rules.py;
# OpenAI kept entries of older models for up to 24 hours.
OFFERED_S = {"anthropic": 3600.0, "bedrock": 3600.0, "vertex": 3600.0, "openai": 86400.0}
OFFERED_ELSEWHERE_S = 86400.0


def outlasts(after_move_s: float, ttl_s: float, width: pd.Timedelta) -> bool:
    """False while traffic moves (NaN), and within one lifetime and a bucket of its end."""
    return after_move_s > ttl_s + width.total_seconds()


def longest_stand(
    start: pd.Timestamp,
    until: pd.Timestamp,
    affected: tuple[CohortFacts, ...],
    usage: pd.DataFrame,
) -> float:
    """Seconds between *start* and *until* for which no affected cohort moved; NaN if none."""
    changes = [(c, c.change) for c in affected if c.change is not None]
    ends = [moved_by(change) for _, change in changes]
    known = [e for e in ends if e is not None]
    stands = [steady_s(usage[rows_of(usage, c.cohort)], v, until) for c, v in changes if v.is_ramp]
    if len(known) == len(ends):
        stands.append(max(0.0, (until - max([start, *known])).total_seconds()))
    return max(stands, default=float("nan"))


def longest_ttl(before: pd.DataFrame) -> tuple[float, bool]:
    """Seconds, and whether the source reports lifetimes at all."""
    lifetimes = lifetimes_in_use(before)
    known = [float(LIFETIME_S[x]) for x in lifetimes if x in LIFETIME_S]
    if known and len(known) == len(lifetimes):
        return max(known), True
    offered = [OFFERED_S.get(p, OFFERED_ELSEWHERE_S) for p in before["provider"].dropna().unique()]
    return max(offered, default=OFFERED_ELSEWHERE_S), bool(known)


def coincides(change: VersionChange, incident: Incident, width: pd.Timedelta) -> bool:
    """Whether the change, or the ramp that it began, touches the incident's start.

    Of a ramp that has not ended its beginning counts: a canary of last month explains nothing.
    """
    last = change.start_high if change.end is None else change.end
    slack = _slack(incident, width)
    return (
        change.start <= incident.could_high + slack and last >= incident.could_low - slack + width
    )


def _slack(incident: Incident, width: pd.Timedelta) -> pd.Timedelta:
    """How far off a date may be besides its interval: costs stray in ways that it does not know."""
    return width if incident.measure in RATES else COST_SLACK * width


def coinciding(
    events: pd.DataFrame,
    incident: Incident,
    affected: tuple[CohortFacts, ...],
    width: pd.Timedelta,
) -> pd.DataFrame:
    """Events at the start, versions apart (they are seen in the usage), of an affected scope."""
    near = events[_at_start(events, incident, width)]
    scopes = [c.scope for c in affected]
    return near[near["scope"].isna() | near["scope"].isin(scopes) | (not scopes)]


def harmless(
    events: pd.DataFrame,
    incident: Incident,
    spared: tuple[CohortFacts, ...],
    width: pd.Timedelta,
) -> frozenset[str]:
    near = events[_at_start(events, incident, width)]
    return frozenset(near.loc[near["scope"].isin([c.scope for c in spared]), "what"])


def _at_start(events: pd.DataFrame, incident: Incident, width: pd.Timedelta) -> pd.Series:
    slack = _slack(incident, width)
    near = events["at"].between(incident.could_low - slack, incident.could_high + slack)
    return near & (events["kind"] != "model")


def windows(
    incident: Incident, usage: pd.DataFrame, width: pd.Timedelta
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of the frozen baseline and of the incident, without the bucket of the change."""
    low, high = incident.baseline
    before = usage[(usage["bucket_start"] >= low) & (usage["bucket_end"] <= high)]
    end = incident.deeper_at or incident.end or usage["bucket_end"].max()
    skip = width if end - incident.start > 2 * width else pd.Timedelta(0)
    inside = (usage["bucket_start"] >= incident.start + skip) & (usage["bucket_start"] < end)
    return before, usage[inside]
