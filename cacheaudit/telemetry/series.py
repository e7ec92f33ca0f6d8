"""What is exported of a rollout: names, labels and values. Shares are 0 to 1, times UTC."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from ..rollout import Group, Rollout

PREFIX = "cacheaudit_"
COHORT = ("provider", "model", "scope", "route")  # whose it is: labels of every series of a cohort
GATE = (*COHORT, "gate")
STANDING = (*GATE, "standing")
SEVERAL = "(several)"
VERDICTS = ("on_time", "late", "not_yet_known", "no_cutover")


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One name with its help and labels; every one is a gauge."""

    name: str
    help: str
    labels: tuple[str, ...] = COHORT


HIT_RATE = Series(name="hit_rate", help="Cache reads over all input of what moved, last stretch.")
HIT_RATE_LOW = Series(name="hit_rate_low", help="Lower 95 % limit of the hit rate.")
HIT_RATE_HIGH = Series(name="hit_rate_high", help="Upper 95 % limit of the hit rate.")
BASELINE = Series(name="baseline_hit_rate", help="Hit rate of the same hours before the cutover.")
WRITE_SHARE = Series(name="write_share", help="Cache writes over all input, last day.")
UNCACHED_SHARE = Series(name="uncached_share", help="Uncached over all input, last day.")
CUTOVER = Series(name="cutover_timestamp_seconds", help="When the cohort began to move.")
FULL = Series(name="full_cutover_timestamp_seconds", help="When all of the cohort had moved.")
VALUE = Series(name="gate_value", help="What a gate measured.", labels=GATE)
BAR = Series(name="gate_bar", help="What a gate asks for.", labels=GATE)
STANDS = Series(name="gate", help="1 for the standing that a gate has.", labels=STANDING)
REPORTING = Series(
    name="reporting_share", help="Share of requests that report cache fields.", labels=()
)
DATA_END = Series(name="data_end_timestamp_seconds", help="End of the data.", labels=())
VERDICT = Series(name="rollout_verdict", help="1 for the verdict that holds.", labels=("verdict",))
ALL = (
    HIT_RATE, HIT_RATE_LOW, HIT_RATE_HIGH, BASELINE, WRITE_SHARE, UNCACHED_SHARE, CUTOVER, FULL,
    VALUE, BAR, STANDS, REPORTING, DATA_END, VERDICT,
)  # fmt: skip

Sample = tuple[Series, tuple[str, ...], float]


def samples(rollout: Rollout) -> Iterator[Sample]:
    """(series, label values, value) of all that is known of *rollout*."""
    for group in rollout.groups:
        for series, value in _of_group(group):
            if value is not None:
                yield series, cohort_labels(group), value
        for gate in group.gates:
            labels = (*cohort_labels(group), gate.name)
            if gate.value is not None:
                yield VALUE, labels, gate.value
            if gate.bar is not None:
                yield BAR, labels, gate.bar
            for standing in ("pass", "fail", "unknown"):
                yield STANDS, (*labels, standing), float(gate.standing == standing)
    if rollout.telemetry.value is not None:
        yield REPORTING, (), rollout.telemetry.value
    yield DATA_END, (), rollout.until.timestamp()
    for verdict in VERDICTS:
        yield VERDICT, (verdict,), float(rollout.verdict == verdict)


def cohort_labels(group: Group) -> tuple[str, ...]:
    """Values of COHORT; what differs between the small cohorts of a group is SEVERAL."""
    return tuple(
        _one({getattr(move, name) or "" for move in group.moves})
        for name in ("provider", "to_model", "scope", "route")
    )


def _of_group(group: Group) -> Iterator[tuple[Series, float | None]]:
    recent = group.recent
    yield HIT_RATE, None if recent is None else recent.rate
    yield HIT_RATE_LOW, None if recent is None else recent.low
    yield HIT_RATE_HIGH, None if recent is None else recent.high
    yield BASELINE, None if recent is None else recent.usual
    yield WRITE_SHARE, group.write_share
    yield UNCACHED_SHARE, group.uncached_share
    yield CUTOVER, _epoch_s(group.start)
    yield FULL, _epoch_s(group.full)


def _epoch_s(at: pd.Timestamp | None) -> float | None:
    return None if at is None else at.timestamp()


def _one(values: set[str]) -> str:
    return values.pop() if len(values) == 1 else SEVERAL
