"""What was seen: the title, the timeline, who fell and who did not, the money."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ..incidents import RATES
from ..report.summary import MEASURE_NAMES, NINETY_FIVE
from ..schema import EVENT_KINDS
from ..words import count, listing, moment, share, span, times, usd
from .markdown import bullets, plain, table
from .names import Names
from .neutral import SEEN

Found = Mapping[str, Any]  # findings.json
One = Mapping[str, Any]  # one of its incidents
FEW = 3  # cohorts that a title names
MOST_ROWS = 40  # of a table: nobody reads more in a ticket


def title(one: One, names: Names) -> str:
    """One line: what moved, whose, from where to where, and when."""
    fell, began = _who(one, names, FEW), at(one["incident"]["start"])
    since = "before the data begins" if one["incident"]["began_before"] else f"at {moment(began)}"
    name = _measure(one).split(" (")[0]
    return f"{name[0].upper()}{name[1:]} of {fell} {_moved(one)} {since}"


def seen(one: One, names: Names) -> str:
    """Measure, levels, since when and until when, and on which versions."""
    incident = one["incident"]
    low, high = at(incident["start_low"]), at(incident["start_high"])
    began = f"It began at {moment(at(incident['start']))}"
    if low < high:
        began += f" ({NINETY_FIVE}: {moment(low)} to {moment(high)})"
    if incident["began_before"]:
        began = "It began before the data does"
    base = [moment(at(edge)) for edge in incident["baseline"]]
    lines = [
        f"The {_measure(one)} of {_who(one, names)} {_moved(one)}.",
        f"{began}. {_until(one)}",
        f"The baseline is {base[0]} to {base[1]}, {count(incident['baseline_buckets'])} buckets;"
        " it does not move.",
    ]
    if incident["inside"] is not None:
        outer = moment(at(incident["inside"]))
        lines.append(f"It is a further fall inside an incident that began at {outer}.")
    if names.mixed:
        lines.append(
            "A part of the affected traffic is not served by you; what is said of the incident as"
            " a whole holds it too."
        )
    return bullets(lines)


def timeline(found: Found, one: One, names: Names) -> str:
    """Cutovers, releases and what the rate did, in order of time."""
    name, rows = _measure(one), list[tuple[pd.Timestamp, str]]()
    for event in found["events"]:
        told = _event(event, names)
        if told is not None:
            rows.append((at(event["at"]), told))
    incident, recovery = one["incident"], one["recovery"] or {}
    rows.append((at(incident["start"]), f"the {name} leaves its baseline"))
    if incident["deeper_at"]:
        rows.append((at(incident["deeper_at"]), "it falls further"))
    back = recovery.get("recovered_at") or incident["end"]
    if back:
        rows.append((at(back), f"the {name} is back"))
    rows += [(at(found["window"][0]), "the data begins"), (at(found["window"][1]), "the data ends")]
    ordered = sorted(rows, key=lambda row: row[0])
    return _shortened(["UTC", "what"], [[f"{when:%Y-%m-%d %H:%M}", what] for when, what in ordered])


def cohorts(one: One, names: Names) -> str:
    """Who fell beside who kept the rate in the same hours: the contrast that convinces."""
    known = [c for c in one["cohorts"] if names.served(c["scope"], c["route"])]
    fell, spared = ([c for c in known if c["affected"] == side] for side in (True, False))
    kept = [c for c in spared if c["before"]]
    if not known:
        return "No cohort is told apart: the incident is in all traffic together."
    rows = [
        [
            names.cohort(c["scope"], c["route"]),
            "affected" if c["affected"] else "spared",
            _version(c, names),
            share(c["before"]),
            share(c["after"]),
            count(c["cached_tokens_per_request_before"]),
        ]
        for c in (*fell, *spared)
    ]
    rate = MEASURE_NAMES.get(str(known[0]["measure"]), "rate")
    head = ["traffic", "in the incident", "version", f"{rate} before", "during",
            "cached tokens a request before"]  # fmt: skip
    none = "Nothing" if len(known) == len(one["cohorts"]) else "Of what you serve nothing"
    idle = len(spared) - len(kept)
    caching = " that had a rate to keep" if idle else ""
    contrast = (
        f"{len(kept)} of {len(fell) + len(kept)} kept their rate in the same hours."
        if kept
        else f"{none}{caching} was spared, so there is no other traffic to hold it against."
    )
    if idle:
        contrast += (
            f" {count(idle)} of the spared had no {rate} before that could fall, and"
            f" {'is' if idle == 1 else 'are'} no contrast."
        )
    return f"{_shortened(head, rows)}\n\n{contrast}"


def legend(names: Names, text: str) -> str:
    """Which ids the labels in *text* stand for; "" where none is known."""
    lines = names.legend(text)
    return f"\n\nThese labels stand for your ids:\n\n{bullets(lines)}" if lines else ""


def money(one: One, names: Names) -> str:
    """Excess and what it means, with the cold-start ceiling beside it."""
    value, low, high, reason = (one["excess_usd"][k] for k in ("value", "low", "high", "reason"))
    if value is None:
        because = names.sentence(str(reason))
        return f"What it cost is not known{f' ({because})' if because else ''}."
    text = f"It cost {usd(value)} more than the same requests would have at the baseline"
    if low is not None:
        text += f" ({NINETY_FIVE}: {usd(low)} to {usd(high)})"
    lines = [f"{text}, at list prices. A dearer list price of another version is not in it."]
    rate = one["run_rate"]
    if rate is not None and rate["per_day_usd"]["value"] is not None:
        days = "day" if rate["days"] == 1 else f"{count(rate['days'])} days"
        cost = usd(rate["per_day_usd"]["value"])
        lines.append(f"In the last {days} it cost {cost} a day.")
    cold = one["cold_start"]
    if cold is not None and cold["ceiling_usd"] is not None:
        lines.append(
            f"A cold cache can explain at most {usd(cold['ceiling_usd'])} of it, within one"
            f" lifetime of an entry ({span(cold['ttl_s'])}); {usd(cold['observed_usd'])} was"
            " observed then."
        )
    return bullets(lines)


def at(text: str) -> pd.Timestamp:
    """A time of findings.json."""
    return pd.Timestamp(text)


def _measure(one: One) -> str:
    return MEASURE_NAMES[one["incident"]["measure"]]


def _moved(one: One) -> str:
    incident = one["incident"]
    if incident["measure"] in RATES:
        return f"fell from {share(incident['before'])} to {share(incident['after'])}"
    return f"rose to {times(incident['after'])} of its baseline"


def _until(one: One) -> str:
    end, recovery = one["incident"]["end"], one["recovery"] or {}
    if recovery.get("recovered_at"):
        bar = share(recovery["slo"]["at_share_of_baseline"])
        return f"It was back at {bar} of the baseline at {moment(at(recovery['recovered_at']))}."
    return f"It ended at {moment(at(end))}." if end else "It had not ended when the data did."


def _who(one: One, names: Names, most: int = 6) -> str:
    fell = [
        names.cohort(c["scope"], c["route"])
        for c in one["cohorts"]
        if c["affected"] and names.served(c["scope"], c["route"])
    ]
    return listing(fell, most) if fell else "all traffic"


def _event(event: Mapping[str, Any], names: Names) -> str | None:
    """What happened, as Markdown; None where it is another provider's."""
    if event["scope"] and not names.places(event["scope"]):
        return None
    who = f"{names.scope(event['scope'])}: " if event["scope"] else ""
    if event["kind"] == "model" and event["source"] == SEEN:
        old, new = _versions(str(event["what"]))
        if not names.serves(new):
            return None
        return f"{who}version {names.model(old)} → {names.model(new)} (seen in usage)"
    if names.tells_events:
        return f"{who}{event['kind']}: {plain(str(event['what']))}"
    kind = event["kind"] if event["kind"] in EVENT_KINDS else "given"
    return f"{who}a {kind} change on our side"


def _version(cohort: Mapping[str, Any], names: Names) -> str:
    if cohort["moved_to"] is None:
        return "did not change"
    old = "none before" if cohort["moved_from"] is None else names.model(cohort["moved_from"])
    return f"{old} → {names.model(cohort['moved_to'])}"


def _versions(what: str) -> tuple[str, str]:
    """The two sides of events.events_of's `old -> new`."""
    old, _, new = what.partition(" -> ")
    return old, new or "not named"


def _shortened(head: Sequence[str], rows: list[list[str]]) -> str:
    """A table of at most MOST_ROWS, and how many more there are."""
    more = f"\n\n{len(rows) - MOST_ROWS} more rows are left out." if len(rows) > MOST_ROWS else ""
    return table(head, rows[:MOST_ROWS]) + more
