"""What a probe would cost, and what it did: sums for the page and for findings.json."""

from collections.abc import Callable
from typing import Any

from ..measurement import Measurement
from ..probing.receipt import Receipt
from ..show import Column, Table
from ..words import UNKNOWN, count, span, usd
from .answer_table import PLAIN
from .probe_answers import ASKED
from .probe_summary import OUTCOMES

TOKENS = ("uncached_input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")


def plan_table(measurement: Measurement) -> Table:
    """The plan by question and candidate."""
    plan = measurement.probe.plan
    rows = [
        [
            PLAIN[step.question],
            step.candidate,
            count(step.calls),
            span(step.wait_s) if step.wait_s else "",
            usd(step.expected_usd),
            usd(step.worst_usd),
        ]
        for step in sorted(plan.steps, key=lambda one: list(ASKED).index(one.question))
    ]
    waits = span(plan.wait_s) if plan.wait_s else ""
    money = [usd(plan.expected_usd), usd(plan.worst_usd)]
    rows.append(["all", "", count(plan.calls), waits, *money])
    columns = [
        Column("question"), Column("candidate"), Column("calls at most", "right"),
        Column("waits", "right"), Column("cost expected", "right"),
        Column("cost at most", "right"),
    ]  # fmt: skip
    caption = (
        "Expected: all is as documented, what was sent before is read, nothing fails. At most: a"
        " call sets aside what its bytes would cost, were each a token, at the dearest rate; and a"
        " first call, what an endpoint that ignores its limit would generate. Questions wait side"
        " by side"
    )
    return Table(columns, rows, caption)


def by_outcome(measurement: Measurement) -> list[dict[str, Any]]:
    """Calls and USD by what became of them; a call of unknown cost is at what was set aside."""
    return _sums(measurement, lambda one: one.outcome, "outcome", list(OUTCOMES))


def by_candidate(measurement: Measurement) -> list[dict[str, Any]]:
    """Calls, tokens and USD by candidate; tokens are None where no call reported them."""
    order = [one.label for one in measurement.probe.candidates]
    return _sums(measurement, lambda one: one.candidate, "candidate", order)


def _sums(
    measurement: Measurement, key: Callable[[Receipt], str], name: str, order: list[str]
) -> list[dict[str, Any]]:
    grouped: dict[str, list[Receipt]] = {}
    for one in measurement.probe.receipts:
        grouped.setdefault(key(one), []).append(one)
    rows = []
    for label in sorted(grouped, key=lambda x: order.index(x) if x in order else len(order)):
        many = grouped[label]
        row: dict[str, Any] = {name: label, "calls": len(many)}
        for column in TOKENS:
            known = [v for one in many if (v := getattr(one, column)) is not None]
            row[column] = sum(known) if known else None
        rows.append({**row, "usd": sum(one.spent_usd for one in many)})
    return rows


def outcome_table(measurement: Measurement) -> Table:
    """Every call, by what became of it."""
    rows = [
        [
            OUTCOMES[row["outcome"]],
            "yes" if row["outcome"] == "answered" else "no",
            count(row["calls"]),
            usd(row["usd"]),
        ]
        for row in by_outcome(measurement)
    ]
    columns = [
        Column("calls that were"), Column("counted"), Column("calls", "right"),
        Column("cost", "right"),
    ]  # fmt: skip
    caption = (
        "What was not answered is no miss and is left out of every rate. Where nobody knows what a"
        " call cost, it is here at the most that it could"
    )
    return Table(columns, rows, caption)


def candidate_table(measurement: Measurement) -> Table:
    """Tokens and money by candidate."""
    rows = [
        [
            row["candidate"],
            count(row["calls"]),
            *(UNKNOWN if row[name] is None else count(row[name]) for name in TOKENS),
            usd(row["usd"]),
        ]
        for row in by_candidate(measurement)
    ]
    columns = [
        Column("candidate"), Column("calls", "right"), Column("uncached", "right"),
        Column("read", "right"), Column("written", "right"), Column("output", "right"),
        Column("cost", "right"),
    ]  # fmt: skip
    return Table(columns, rows, "Tokens, as the endpoints report them, and what they cost")
