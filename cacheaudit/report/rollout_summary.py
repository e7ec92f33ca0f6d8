"""The headline and the three sentences after a cutover. Every number comes from a value."""

from ..gates import Gate
from ..rollout import Group, Rollout
from ..weekly import Weekly
from ..words import count, ended, listing, moment, share, span

LABELS = {
    "on_time": "On time", "late": "Late", "not_yet_known": "Not yet known",
    "no_cutover": "No cutover",
}  # fmt: skip
HINT = "a postmortem of the same data names it (cacheaudit postmortem)."
REACHED = {"pass": "reached", "fail": "did not reach", "unknown": "was not seen to reach"}
BACK = {"pass": "was back", "fail": "was not back", "unknown": "was not seen to be back"}
RATES = {"hit_rate": "hit rate", "read_share_of_cached": "read share of cached tokens"}


def headline(weekly: Weekly) -> str:
    """One line: who is late, or that all is back, or what is not known."""
    rollout = weekly.rollout
    if rollout.verdict == "no_cutover":
        return "No traffic moved to another model version in this data"
    if rollout.verdict == "late":
        return _late(rollout)
    if rollout.verdict == "on_time":
        return f"All that moved to {_models(rollout)} reads what it read before the cutover"
    if not rollout.groups:
        return f"No traffic moved to another model version at {moment(rollout.cutover)}"
    gate = next(gate for gate in rollout.gates if gate.standing == "unknown")
    return f"Whether {gate.about or 'what moved'} is back cannot be told yet"


def _late(rollout: Rollout) -> str:
    """The failing group with the most traffic, and how many more there are."""
    failing = failing_groups(rollout)
    worst, rate = failing[0], RATES[rollout.measure]
    others = f", and so are {count(len(failing) - 1)} more" if len(failing) > 1 else ""
    gate = failing_gate(worst)
    if worst.recovered_at is not None and gate.name == "recovery" and _came_late(rollout, worst):
        return f"The {rate} of {worst.label} was back only at {moment(worst.recovered_at)}{others}"
    half = f"{share(rollout.bars.rollout_window_share)} of its baseline"
    name = "its baseline" if gate.name == "recovery" else half
    return (
        f"The {rate} of {worst.label} was not back at {name} in time: {share(gate.value)}"
        f" against {share(_usual(gate, rollout))}{others}"
    )


def failing_groups(rollout: Rollout) -> list[Group]:
    """Groups with a failed gate, those with the most traffic first."""
    return [g for g in rollout.groups if any(gate.standing == "fail" for gate in g.gates)]


def failing_gate(group: Group) -> Gate:
    """The gate that failed; recovery before the rollout window, for it is the graver."""
    return next(gate for gate in reversed(group.gates) if gate.standing == "fail")


def _came_late(rollout: Rollout, group: Group) -> bool:
    if group.recovered_at is None or group.full is None:
        return False
    passed = group.recovered_at - group.full
    return bool(passed.total_seconds() > rollout.bars.recovery_hours * 3600)


def _usual(gate: Gate, rollout: Rollout) -> float | None:
    of = {
        "recovery": rollout.bars.recovered_at_share,
        "rollout_window": rollout.bars.rollout_window_share,
    }[gate.name]
    return None if gate.bar is None else gate.bar / of


def _models(rollout: Rollout) -> str:
    return listing(sorted({m.to_model for g in rollout.groups for m in g.moves}))


def summary(weekly: Weekly) -> tuple[str, str, str]:
    """What moved and when; how the gates stand; what that means and what to do."""
    rollout = weekly.rollout
    if not rollout.groups:
        return _without(weekly)
    return _moved(rollout), _stand(rollout), _meaning(weekly)


def _without(weekly: Weekly) -> tuple[str, str, str]:
    rollout = weekly.rollout
    spans = f"{moment(weekly.pull.start)} to {moment(rollout.until)}"
    return (
        f"No cohort was seen to move to another model version in {spans}.",
        "There is no rollout window and no recovery to judge.",
        "If there was a cutover, the data must name the version that served before and after it,"
        " and hold a day or more of the traffic before.",
    )


def _moved(rollout: Rollout) -> str:
    cohorts = sum(len(group.moves) for group in rollout.groups)
    many = "1 cohort" if cohorts == 1 else f"{count(cohorts)} cohorts"
    text = f"{many} moved to {_models(rollout)} from {moment(rollout.cutover)} on"
    if rollout.full_cutover == rollout.cutover:
        return f"{many} moved to {_models(rollout)} at {moment(rollout.cutover)}, all at once."
    if rollout.full_cutover is not None:
        return f"{text}; by {moment(rollout.full_cutover)} all of it had."
    most = max(group.old_share for group in rollout.groups)
    return f"{text}; the old version still serves up to {share(most)} of a cohort."


def _stand(rollout: Rollout) -> str:
    """How many passed each gate, and the rate of all of them now."""
    told = _one(rollout) if len(rollout.groups) == 1 else _several(rollout)
    return (
        f"{told}; the {RATES[rollout.measure]} of the last day is {share(rollout.now)}, against"
        f" {share(rollout.baseline)} of the same hours before."
    )


def _one(rollout: Rollout) -> str:
    (group,), bars = rollout.groups, rollout.bars
    return (
        f"Within {span(bars.rollout_window_hours * 3600)} it {REACHED[group.window.standing]}"
        f" {share(bars.rollout_window_share)} of its baseline, and within"
        f" {span(bars.recovery_hours * 3600)} of the full cutover it"
        f" {BACK[group.recovery.standing]}"
    )


def _several(rollout: Rollout) -> str:
    bars = rollout.bars
    quick = sum(group.window.standing == "pass" for group in rollout.groups)
    back = sum(group.recovery.standing == "pass" for group in rollout.groups)
    return (
        f"Of {count(len(rollout.groups))} that are judged, {count(quick)} reached"
        f" {share(bars.rollout_window_share)} of the baseline within"
        f" {span(bars.rollout_window_hours * 3600)}, and {count(back)}"
        f" {'was' if back == 1 else 'were'} back within {span(bars.recovery_hours * 3600)} of the"
        " full cutover"
    )


def _meaning(weekly: Weekly) -> str:
    rollout = weekly.rollout
    if cold := cold_start(weekly):
        return cold
    unknown = [gate for gate in rollout.gates if gate.standing == "unknown"]
    if unknown:
        return f"What would decide: {ended(unknown[0].needs)}"
    if rollout.verdict == "late":
        return (
            "It came back too late for a cold cache, which is warm one lifetime after all had"
            f" moved: {HINT}"
        )
    if below_again(rollout):
        return f"Some of it is below its baseline again since: {HINT}"
    return "There is nothing to do; the baseline stays frozen for the next look."


def cold_start(weekly: Weekly) -> str:
    """A loss that outlasts one lifetime, named as such; "" where there is none or none is sure."""
    rollout = weekly.rollout
    lasting = [group for group in rollout.groups if group.outlasts_ttl]
    if not lasting or rollout.ttl_s is None:
        return ""
    who = listing([group.label for group in lasting], 3)
    return (
        f"An entry lives {span(rollout.ttl_s)}, so a cold start was over {span(rollout.ttl_s)}"
        f" after the last traffic moved; {who} stayed below the bar after that, which has another"
        f" cause: {HINT}"
    )


def below_again(rollout: Rollout) -> bool:
    """Whether what had recovered in time is surely below the bar in the last day."""
    bar = rollout.bars.recovered_at_share
    return any(
        g.recovery.standing == "pass" and g.now is not None and g.now.high < bar * g.now.usual
        for g in rollout.groups
    )
