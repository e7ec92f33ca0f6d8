"""What to do when, around a cutover: each line a time and a sentence. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..planning.proposals import moved
from ..readiness import Readiness
from ..replaying import Cutover, Rules
from ..words import count, share, span

UNSET = pd.Timestamp("2000-01-01", tz="UTC")  # stands for a cutover whose time is not set
DAY_S, HOUR_S = 86_400, 3600
SPLITS = {
    "session": "of the conversations", "new_session": "of the conversations that begin now",
    "prefix": "of the prefixes", "request": "of the calls",
    "spread": "of the calls, drawn at random",
}  # fmt: skip

Line = tuple[float, str, str]  # seconds after the cutover, what, do
RulesBy = Mapping[str, Rules]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of the runbook.

    after_s   seconds after all traffic has moved; below 0 before
    at        the same in UTC; None where the cutover has no time
    """

    after_s: float
    at: pd.Timestamp | None
    what: str
    do: str

    @property
    def when(self) -> str:
        """In words, relative to the cutover."""
        if self.after_s == 0:
            return "cutover"
        return f"{span(abs(self.after_s))} {'before' if self.after_s < 0 else 'after'}"

    def to_dict(self) -> dict[str, Any]:
        """For findings.json."""
        return {"after_s": self.after_s, "at": self.at, "what": self.what, "do": self.do}


def steps(readiness: Readiness) -> list[Step]:
    """All of the runbook in order of time; empty where no lifetime is known."""
    rules, cutover = readiness.known.rules, planned_cutover(readiness)
    if rules is None:
        return []
    known = readiness.params.at is not None
    found = [*_before(readiness, cutover, rules), *_moves(readiness, cutover, rules),
             *_after(readiness, cutover, rules)]  # fmt: skip
    return sorted(
        (
            Step(after_s=after, at=cutover.at + pd.Timedelta(seconds=after) if known else None,
                 what=what, do=do)
            for after, what, do in found
        ),
        key=lambda one: one.after_s,
    )  # fmt: skip


def planned_cutover(readiness: Readiness) -> Cutover:
    """The chosen plan on the day that was set; a straight cut where none is chosen."""
    params, plan = readiness.params, readiness.plan
    at = UNSET if params.at is None else params.at
    if plan is None:
        return Cutover(at=at, to=params.candidate, from_model=params.incumbent)
    return moved(plan.cutover, at)


def _before(readiness: Readiness, cutover: Cutover, rules: RulesBy) -> Iterator[Line]:
    params = readiness.params
    begins_s = (cutover.begins - cutover.at).total_seconds()
    yield (
        begins_s - DAY_S, "look again",
        "Make this page anew with the newest usage and log. Go on only if it says ready.",
    )  # fmt: skip
    ttl_s = rules[params.candidate].ttl_s
    touches = cutover.touches_ms(ttl_s)
    if cutover.prefill is not None and touches:
        again_s = cutover.prefill.again * ttl_s
        yield (
            begins_s - cutover.prefill.lead_s, "prefill",
            f"Send the {count(cutover.prefill.prefixes)} prefixes with the most tokens re-used to"
            f" {params.candidate}, and each again every {span(again_s)}, which is"
            f" {share(cutover.prefill.again)} of its lifetime, until all has moved:"
            f" {_prefill_command(readiness, cutover)}",
        )  # fmt: skip


def _prefill_command(readiness: Readiness, cutover: Cutover) -> str:
    """As it is typed; the time is left to the reader where none is set."""
    at = "TIME" if readiness.params.at is None else f"{cutover.at:%Y-%m-%dT%H:%MZ}"
    top = 0 if cutover.prefill is None else cutover.prefill.prefixes
    lead_s = (cutover.at - cutover.begins).total_seconds()
    lead_s += 0 if cutover.prefill is None else cutover.prefill.lead_s
    return f"cacheaudit prefill -f FILE -p cutover {at} -p top {top} -p lead_s {lead_s:g} --execute"


def _moves(readiness: Readiness, cutover: Cutover, rules: RulesBy) -> Iterator[Line]:
    """The steps of the plan, and whether each can be judged before the next."""
    name, ttl_s = readiness.params.candidate, rules[readiness.params.candidate].ttl_s
    most = 1 - cutover.keep_old_warm
    for number, (when, part) in enumerate(cutover.steps):
        after_s = (when - cutover.at).total_seconds()
        if part < 1:
            gap_s = (cutover.steps[number + 1][0] - when).total_seconds()
            judged = (
                f"What moved is warm {span(ttl_s)} later; look then, before the next step."
                if gap_s > ttl_s
                else f"The next step comes within one lifetime of {span(ttl_s)}, so this one cannot"
                " be judged before it."
            )
            do = f"Send {share(min(part, most))} {SPLITS[cutover.split_by]} to {name}. {judged}"
            yield after_s, "step", do
        else:
            kept = f", but {share(cutover.keep_old_warm)}" if cutover.keep_old_warm else ""
            yield after_s, "cutover", f"Send all traffic to {name}{kept}. {_first_hour(readiness)}"


def _first_hour(readiness: Readiness) -> str:
    """What the hour after it is expected to read."""
    found = None if readiness.plan is None else readiness.plan.predicted["first_hour_hit_rate"]
    if found is None or found.value is None:
        return "What the hour after it reads is not predicted."
    low, high = _between(found.low, found.high)
    span_ = f" ({share(low)} to {share(high)})" if low is not None and high is not None else ""
    return f"The replay expects a hit rate of {share(found.value)}{span_} in the hour after."


def _between(low: float | None, high: float | None) -> tuple[float | None, float | None]:
    """A prediction of a share, within 0 and 1."""
    low, high = (None if one is None else min(1.0, max(0.0, one)) for one in (low, high))
    return low, high


def _after(readiness: Readiness, cutover: Cutover, rules: RulesBy) -> Iterator[Line]:
    params, bars = readiness.params, readiness.params.bars
    new_s, old_s = (rules[name].ttl_s for name in (params.candidate, params.incumbent))
    yield (
        new_s, "cold start over",
        f"An entry lives {span(new_s)}, so whatever is cold from here on has another cause:"
        " cacheaudit causes names it.",
    )  # fmt: skip
    if cutover.keep_old_warm:
        kept = f"{params.incumbent} stays warm for the {share(cutover.keep_old_warm)} that it keeps"
        yield old_s, "old cache", f"{kept}; the rest of its entries are gone."
    else:
        yield (
            old_s, "old cache gone",
            f"{params.incumbent} forgets within {span(old_s)} of its last call; going back is a"
            " cutover of its own from here on.",
        )  # fmt: skip
    window_s, recovery_s = bars.rollout_window_hours * HOUR_S, bars.recovery_hours * HOUR_S
    yield window_s, "rollout window", _watch(readiness, bars.rollout_window_share, paged=True)
    yield recovery_s, "recovery", _watch(readiness, bars.recovered_at_share)
    yield (
        params.rollback_days * DAY_S, "rollback window closes",
        f"Until here {params.incumbent} must answer; take it out of service no sooner.",
    )  # fmt: skip


def _watch(readiness: Readiness, at_share: float, *, paged: bool = False) -> str:
    """A gate after the cutover, its bar as a number, who hears of it, and the command that asks."""
    baseline, params = readiness.baseline, readiness.params
    since = "TIME" if params.at is None else f"{params.at:%Y-%m-%dT%H:%MZ}"
    look = f"cacheaudit weekly -f FILE --since {since}"
    if baseline is None:
        return f"{look}. The bar is {share(at_share)} of the baseline, which is not known."
    bar = at_share * baseline
    said = f"The hit rate must be at {share(bar)}, {share(at_share)} of {share(baseline)}"
    hears = f"; below it {params.paged} is paged" if paged else ""
    return f"{said}{hears}: {look}.{_foretold(readiness, bar)}"


def _foretold(readiness: Readiness, bar: float) -> str:
    """A warning where the candidate is below *bar* for good."""
    rate = None if readiness.steady is None else readiness.steady.candidate.hit_rate
    if rate is None or rate >= bar:
        return ""
    return f" The replay has the candidate at {share(rate)} for good, so this will fail."
