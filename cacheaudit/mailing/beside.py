"""What a report found beside its incidents. Pure.

Where all incidents are known, a mail is one line and says that nothing else was found: so all that
a page tells is asked here.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

SOON_DAYS = 14  # an end that the page's headline tells, too (report/week_summary.py)
UNDECIDED = (3, 4)  # exit codes: a gate failed, something could not be judged
RATES = ("hit_rate", "read_share_of_cached")
HARM = {("rate", "down"), ("usd_per_mtok", "up")}  # by which a cohort shows its incident
MEASURES = ("rate", "usd_per_mtok", "tokens")

Findings = Mapping[str, Any]


def beside(findings: Findings) -> bool:
    """Whether there is more than incidents: a gate that does not pass, data that may hide
    something, doubts, tokens that are in no sum, an end that is near, names that are new, cohorts
    that moved or stopped by themselves, an incident that this data does not reach, money that
    could be won otherwise."""
    return (
        any(one["standing"] != "pass" for one in findings.get("gates") or ())
        or any(one["severity"] != "note" for one in findings.get("data_quality") or ())
        or bool(unpriced(findings))
        or bool(findings.get("doubts"))
        or findings.get("exit_code") in UNDECIDED
        or any(_is_soon(one) for one in findings.get("ahead") or ())
        or any((findings.get("news") or {}).get(kind) for kind in ("came", "went", "prices"))
        or any(one["kind"] != "incident" for one in _winnable(findings))
        or bool(_of_the_week(findings))
    )


def unpriced(findings: Findings) -> Sequence[Mapping[str, Any]]:
    """Models without a price."""
    return (findings.get("cost") or {}).get("unpriced") or ()


def later(findings: Findings) -> tuple[str, ...]:
    """Names that end, but not soon, or that move."""
    ahead = findings.get("ahead") or ()
    return tuple(str(one["name"]) for one in ahead if not _is_soon(one))


def _is_soon(one: Mapping[str, Any]) -> bool:
    """Also where it was due."""
    return one["kind"] == "retired" or (one["days"] is not None and one["days"] <= SOON_DAYS)


def _winnable(findings: Findings) -> Sequence[Mapping[str, Any]]:
    return (findings.get("winnable") or {}).get("parts") or ()


def _of_the_week(findings: Findings) -> bool:
    """Whether an incident is out of sight, the rate could not be judged, or a cohort has moved by
    more than its own incident tells."""
    week = findings.get("week")
    if week is None:
        return False
    shown = Counter(one["incident"]["start"] for one in findings["incidents"])
    if Counter(one["start"] for one in week["open"]) - shown or week["unjudged"]:
        return True
    *parts, total = week["cohorts"]
    return _by_itself(total, week["open"]) or any(
        _by_itself(part, [one for one in week["open"] if _has_part(one, part)]) for part in parts
    )


def _by_itself(part: Mapping[str, Any], incidents: Sequence[Mapping[str, Any]]) -> bool:
    """Whether *part* (a cohort, the small ones together, all traffic) stopped, or moved in a way
    that none of *incidents*, which are open and have part in it, explains."""
    if part["is_gone"]:
        return True
    moved = {(name, part[name]["moved"]) for name in MEASURES}
    explained = {way for one in incidents for way in _explained(one)}
    return any(way in ("up", "down") for _, way in moved - explained)


def _explained(incident: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from HARM
    if incident["measure"] not in RATES:  # what a request costs rises with its length
        yield "tokens", "up"


def _has_part(incident: Mapping[str, Any], part: Mapping[str, Any]) -> bool:
    """One without cohorts is of all traffic."""
    whose = _cohorts(incident)
    return not whose or bool(whose & _cohorts(part))


def _cohorts(one: Mapping[str, Any]) -> set[tuple[Any, Any]]:
    return {(cohort["scope"], cohort["route"]) for cohort in one["cohorts"]}
