"""The verdict and its causes, what the reader is asked, and how all of it was measured."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from ..causes.rank import CATALOGUE
from ..report.actions import BY_CAUSE
from ..report.summary import SAID_VERDICT
from ..words import count, ended, moment, share
from .markdown import bullets, plain
from .names import Names, left_out
from .told import Found, One, at

Addressee = Literal["provider", "platform"]
OURS = ("client", "rollout", "workload", "measurement")  # families of causes on a team's own side
MOST_ASKED = 6
SAID = {one.id: {"says": one.says, "needs": one.needs} for one in CATALOGUE}
# What the provider is asked where a cause may be its own, or where only it has the data.
ASKED: dict[str, str] = {
    "model.below_minimum": "From how many tokens on does {models} cache a prefix, for these"
    " workspaces and this way of calling?",
    "model.cold_start": "Was anything carried over from the former version's cache, and was a cache"
    " flushed around the start?",
    "model.unrecognised_id": "Did these requests carry cache markers when they arrived?",
    "model.cache_semantics": "By which rules do two requests share an entry on {models}, and what"
    " ends one, where they differ from the former version?",
    "model.serving": "Is caching on for {models} in these workspaces and regions, and in blocks of"
    " which length?",
    "model.worse_caching": "Does {models} keep entries for as long as the former version did?",
    "model.tokenizer": "How many tokens does {models} make of a text, per token of the former"
    " version?",
    "model.price": "Which prices hold for {models}, from which day?",
    "provider.regression": "Was a cache flushed, moved or made smaller {when}, or"
    " were entries dropped before their lifetime was over?",
    "provider.alias_moved": "To which version did each requested name point, and when was that"
    " changed?",
    "provider.repriced": "Which prices held for {models}, from which day?",
    "client.markers_dropped": "Did these requests carry cache markers when they arrived?",
}


def causes(one: One, names: Names, *, amounts: bool) -> str:
    """Verdict, then every cause by its standing: a suspect is not a verdict."""
    by = {s: [c for c in one["causes"] if c["standing"] == s]
          for s in ("leading", "possible", "not_tested", "ruled_out")}  # fmt: skip
    said = SAID_VERDICT.get(one["verdict"], one["verdict"])
    if one["verdict"] == "narrowed" and len(by["leading"]) == 1:
        said = "One cause is left by elimination; nothing speaks for it by itself"
    parts = [f"{said}. A version change beside a drop is a suspect, not a verdict."]
    for standing, what in (("leading", "Leading"), ("possible", "Possible, and not as well borne"
                           " out")):  # fmt: skip
        if by[standing]:
            told = [_standing(cause, names, amounts) for cause in by[standing]]
            parts.append(f"### {what}\n\n" + "\n".join(told))
    if by["not_tested"]:
        lines = [_lacking(cause, names, amounts) for cause in by["not_tested"]]
        parts.append(f"### Not tested with this data\n\n{bullets(lines)}")
    if by["ruled_out"]:
        groups: dict[str, list[str]] = {}
        for cause in by["ruled_out"]:
            groups.setdefault(_against(cause, names, amounts), []).append(plain(cause["id"]))
        lines = [f"{', '.join(ids)}: {text}" for text, ids in groups.items()]
        parts.append(f"### Ruled out, and by what\n\n{bullets(lines)}")
    return "\n\n".join(parts)


def asked(one: One, names: Names, to: Addressee, *, has_calls: bool) -> str:
    """What the reader is asked to do."""
    return _of_provider(one, names, has_calls) if to == "provider" else _of_platform(one)


def measured(found: Found, names: Names, *, amounts: bool) -> str:
    """Source, window, versions and what is odd about the data."""
    made = found["provenance"]
    low, high = (moment(at(edge)) for edge in found["window"])
    source = plain(str(made["source"]))
    if not names.open:
        source = f"{plain(str(made['params']['source']))} (kind of source)"
    versions = {k: v for k, v in made["versions"].items() if names.open or k == "cacheaudit"}
    lines = [
        f"Source: {source}, {low} to {high}; read at {moment(at(made['fetched_at']))}.",
        "Versions: " + ", ".join(f"{plain(k)} {plain(v)}" for k, v in versions.items()) + ".",
    ]
    if made["refreshed_at"]:
        lines.append(f"The provider's data was complete to {moment(at(made['refreshed_at']))}.")
    metrics = found.get("metrics") or {}
    if metrics.get("series_watched"):
        lines.append(
            f"{count(metrics['series_watched'])} series were watched, with a chance of"
            f" {share(metrics['alpha'])} of any false alarm among them."
        )
    if found["log"].get("used"):
        lines.append("A request log of the same traffic was held against the usage.")
    notes = [n["text"] for n in found["data_quality"]]
    notes += made["notes"] if names.open else []  # they name files and organisations
    told = names.sentences(_without_amounts(notes, amounts))
    lines += told or ["Nothing odd was found in the data."]
    if not amounts:
        lines.append("Amounts of money are left out of this text.")
    return bullets(lines)


def _standing(cause: Mapping[str, Any], names: Names, amounts: bool) -> str:
    """A cause with what speaks for it and against it, and what would decide."""
    lines = [f"- **{plain(cause['id'])}**: {_own(cause, 'says', names)}"]
    hidden = 0
    for word, key in (("for", "evidence_for"), ("against", "evidence_against")):
        told = [names.sentence(text) for text in _without_amounts(cause[key], amounts)]
        lines += [f"  - {word}: {text}" for text in told if text is not None]
        hidden += told.count(None)
    lines += [f"  - {text}" for text in left_out(hidden)]
    if cause["needs"]:
        lines.append(f"  - what would decide: {_own(cause, 'needs', names)}")
    return "\n".join(lines)


def _lacking(cause: Mapping[str, Any], names: Names, amounts: bool) -> str:
    said = _without_amounts([*cause["evidence_for"], *cause["evidence_against"]], amounts)
    text = " ".join(names.sentences(said)) or _own(cause, "says", names)
    needs = f" What would decide: {_own(cause, 'needs', names)}" if cause["needs"] else ""
    return f"{plain(cause['id'])}: {text}{needs}"


def _against(cause: Mapping[str, Any], names: Names, amounts: bool) -> str:
    """By what a cause is ruled out: what decides against it, else all that speaks against it."""
    texts = [cause["ruled_out_by"]] if cause.get("ruled_out_by") else cause["evidence_against"]
    return " ".join(names.sentences(_without_amounts(texts, amounts))) or "by its shape."


def _own(cause: Mapping[str, Any], key: Literal["says", "needs"], names: Names) -> str:
    """What the catalogue says of a cause, which names nothing; else as any sentence is told."""
    text, known = ended(cause[key]), SAID.get(cause["id"], {}).get(key)
    if known is not None and ended(known) == text:
        return plain(text)
    return names.sentence(text) or left_out(1)[0]


def _without_amounts(texts: Iterable[str], amounts: bool) -> list[str]:
    return [text for text in texts if amounts or not re.search(r"\bUSD\b", text)]


def _of_provider(one: One, names: Names, has_calls: bool) -> str:
    low, high = (moment(at(one["incident"][edge])) for edge in ("start_low", "start_high"))
    fell = [c for c in one["cohorts"] if c["affected"] and names.served(c["scope"], c["route"])]
    models = {c["moved_to"] for c in fell if c["moved_to"] and names.serves(c["moved_to"])}
    words = {
        "models": " or ".join(sorted(names.model(m) for m in models)) or "the model",
        "when": f"around {low}" if low == high else f"between {low} and {high}",
    }
    open_causes = [
        c for c in one["causes"] if c["standing"] in ("leading", "possible", "not_tested")
    ]
    lines = [ASKED[c["id"]].format(**words) for c in open_causes if c["id"] in ASKED]
    general = ASKED["provider.regression"].format(**words)
    lines = list(dict.fromkeys([*lines[: MOST_ASKED - 1], general]))
    if has_calls:
        lines.insert(
            0, "Please look up the calls above: why did they read so little from the cache?"
        )
    leading = [c for c in one["causes"] if c["standing"] == "leading"]
    if leading and all(c["id"].split(".")[0] in OURS for c in leading):
        first = "By this data the cause is on our side; we ask for confirmation only."
        return f"{first}\n\n{bullets(lines)}"
    return bullets(lines)


def _of_platform(one: One) -> str:
    """The kit's own actions by cause; where several lead, the data that would tell them apart."""
    leading = [c for c in one["causes"] if c["standing"] == "leading"]
    lines = []
    if len(leading) == 1:
        cause = leading[0]
        action, because = BY_CAUSE.get(cause["id"], ("Repair the cause", cause["says"]))
        lines.append(f"{action}: {because}")
    needs = dict.fromkeys(c["needs"] for c in leading if c["needs"])
    lines += [f"Get {need}: it would decide" for need in list(needs)[:MOST_ASKED]]
    owners = dict.fromkeys(
        c["team"] if c["service"] is None else f"{c['team']}: {c['service']}"
        for c in one["cohorts"] if c["affected"] and c["team"]
    )  # fmt: skip
    if owners:
        lines.append(f"Owners of what fell: {', '.join(owners)}")
    if one["incident"]["end"] is None:
        lines.append(
            "When it is repaired, say when: `cacheaudit verify` holds what came after against the"
            " baseline"
        )
    return bullets([line if "`" in line and "verify" in line else plain(ended(line))
                    for line in lines])  # fmt: skip
