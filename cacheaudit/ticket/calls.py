"""Requests that the reader can look up."""

from ..words import count
from .markdown import table
from .names import Names
from .told import Found, One, at


def calls(found: Found, one: One, names: Names) -> str:
    """Requests that can be looked up."""
    logged = found["log"].get("request_ids", [])
    costliest = found["incident"] is not None and found["incident"]["start"]
    if not logged or one["incident"]["start"] != costliest:
        return (
            "None are at hand: this was told from usage reports, which name no requests, or from"
            " a log in which no call of this incident with an id had anything to read."
        )
    rows, unknown = [], 0
    for call in logged:
        if not (names.served(call["scope"], call["route"]) and names.serves(call["model"])):
            continue
        name = names.call(str(call["request_id"]))
        if name is None:
            unknown += 1
            continue
        rows.append([
            f"{at(call['at']):%Y-%m-%d %H:%M:%S}", name, names.model(call["model"]),
            names.cohort(call["scope"], call["route"]), count(call["read_tokens"]),
            count(call["written_tokens"]),
        ])  # fmt: skip
    if not rows:
        none = "None are at hand with an id that is known to be yours."
        return f"{none} {_unknown(unknown)}".strip()
    said = _unknown(unknown, " more")
    head = ["UTC", "request id", "model", "traffic", "read tokens", "written tokens"]
    told = (
        "Calls of the affected traffic that read nothing, or less than half of what they share with"
        " the call before, within the lifetime of its entry; the first ones, and others spread over"
        " the incident."
    )
    return f"{told}\n\n{table(head, rows)}" + (f"\n\n{said}" if said else "")


def _unknown(calls: int, more: str = "") -> str:
    """How many calls are not told, for their ids would mean nothing to who reads."""
    if calls == 0:
        return ""
    have = "has an id that is" if calls == 1 else "have ids that are"
    left = "is" if calls == 1 else "are"
    return f"{count(calls)}{more} {have} not known to be yours and {left} left out."
