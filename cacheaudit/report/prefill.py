"""The page of a prefill: verdict, prefixes, schedule, money; or a plan, where nothing was sent."""

from collections import Counter
from importlib.metadata import version
from typing import Literal

import pandas as pd

from ..prefilling.plan import Course
from ..prefilling.prefill import Prefill
from ..show import Bullets, Column, Definitions, Details, KeyNumbers, Piece, Prose, Table, Verdict
from ..words import UNKNOWN, count, moment, share, span, usd
from .prefill_words import (
    headline,
    left_out_words,
    manner_words,
    money_words,
    planned_words,
    summary,
    verdict,
    why_words,
)
from .probe_summary import OUTCOMES
from .supporting import prices_used

SHOWN = 30  # rows in the open; the rest is behind a line
Status = Literal["incident", "quiet", "unknown"]
LABELS: dict[str, tuple[Status, str]] = {
    "planned": ("unknown", "Plan only"),
    "not_warmed": ("incident", "Not warmed"),
    "warmed": ("quiet", "Warm"),
    "less_warm": ("incident", "Less warm than asked"),
    "not_known": ("unknown", "Not known"),
}
VERDICTS = {"warm": "warm", "not_warm": "not warm", "not_known": "not known"}


def banner(prefill: Prefill) -> Verdict:
    """The verdict and its three sentences."""
    status, label = LABELS[verdict(prefill)]
    return Verdict(status, headline(prefill), summary(prefill), label)


def key_numbers(prefill: Prefill) -> KeyNumbers:
    """What is warm, what it cost, and when the cutover is; planned or done."""
    plan, found = prefill.plan, prefill.warm
    cutover = ("Cutover", moment(prefill.cutover), prefill.candidate.label)
    if found is None:
        return KeyNumbers(
            [
                ("Would be warm", count(plan.warm), f"of {count(len(plan.courses))} prefixes"),
                ("Expected to cost", usd(plan.expected_usd), f"{count(plan.calls)} calls"),
                ("At most, at its prices", usd(plan.worst_usd), f"budget: {usd(plan.budget_usd)}"),
                cutover,
            ]
        )
    return KeyNumbers(
        [
            ("Warm", share(found.share), f"{count(found.warm)} of {count(found.prefixes)}"),
            (
                "Of their tokens", share(found.tokens_share),
                f"{count(found.warm_tokens)} of {count(found.tokens)}",
            ),
            ("Spent", usd(prefill.spent_usd), f"of a budget of {usd(plan.budget_usd)}"),
            cutover,
        ]
    )  # fmt: skip


def header(prefill: Prefill) -> Definitions:
    """What is warmed, where, when and how fast."""
    params = prefill.params
    limit = params.input_tokens_per_minute
    tokens = f", {count(limit)} input tokens a minute" if limit else ""
    begun = "Made" if prefill.executed else "Planned"
    own = "own request bodies" if params.prompts_path else "made-up request bodies"
    first = pd.Timestamp(prefill.plan.begin_s, unit="s", tz="UTC")
    return Definitions(
        [
            ("Candidate", prefill.candidate.label),
            ("Prefixes", f"{own}, {'whole' if params.whole else 'what requests share'}"),
            ("From", f"{moment(first)} to {moment(prefill.cutover)}"),
            ("Rate", f"at most {count(params.requests_per_minute)} calls a minute{tokens}"),
            (begun, f"{moment(prefill.made_at)} by cacheaudit {version('cacheaudit')}"),
        ]
    )


def prefixes(prefill: Prefill) -> list[Piece]:
    """Each prefix: what is planned for it, or what became of it; and what is left out."""
    table = _warm_table if prefill.executed else _course_table
    rows = len(prefill.plan.courses)
    pieces: list[Piece] = [table(prefill, 0, SHOWN)]
    if rows > SHOWN:
        pieces.append(Details(f"The other {count(rows - SHOWN)}", table(prefill, SHOWN, rows)))
    if told := [*left_out_words(prefill), *manner_words(prefill)]:
        pieces.append(Bullets(told))
    return pieces


def _course_table(prefill: Prefill, begin: int, end: int) -> Table:
    rows = [
        [
            f"prefix {one.number}",
            f"request {count(one.first)}",
            count(one.uses),
            count(one.about_tokens),
            span(one.lives_s),
            count(one.touches),
            _before(prefill, one),
            span(one.warm_for_s) if one.warm_for_s else "not warm",
            usd(one.expected_usd),
        ]
        for one in prefill.plan.courses[begin:end]
    ]
    columns = [
        Column("prefix"), Column("first in"), Column("used", "right"),
        Column("about tokens", "right"), Column("lives", "right"), Column("touches", "right"),
        Column("before the cutover"), Column("warm after it", "right"),
        Column("expected cost", "right"),
    ]  # fmt: skip
    caption = "The most used first; tokens by the bytes that are sent, until the endpoint counts"
    return Table(columns, rows, caption)


def _before(prefill: Prefill, one: Course) -> str:
    """From the first touch to the last, before the cutover."""
    if one.first_s is None or one.last_s is None:
        return "not reached"
    until_s = prefill.plan.until_s
    first, last = span(until_s - one.first_s), span(until_s - one.last_s)
    return first if one.touches == 1 else f"{first} to {last}"


def _warm_table(prefill: Prefill, begin: int, end: int) -> Table:
    rows = [
        [
            one.prefix.name,
            f"request {count(one.prefix.first)}",
            f"{'' if one.exact else 'about '}{count(one.tokens)}",
            VERDICTS[one.verdict] + (f" ({why})" if (why := why_words(one.why)) else ""),
            count(one.touches),
            count(one.reads),
            count(one.rewritten),
            count(one.failed),
            span(one.warm_for_s)
            if one.warm_for_s
            else UNKNOWN
            if one.verdict == "not_known"
            else "0",
            usd(one.usd),
        ]
        for one in prefill.prefixes[begin:end]
    ]
    columns = [
        Column("prefix"), Column("first in"), Column("tokens", "right"), Column("at the cutover"),
        Column("touches", "right"), Column("read", "right"), Column("written anew", "right"),
        Column("failed", "right"), Column("warm for", "right"), Column("cost", "right"),
    ]  # fmt: skip
    caption = (
        "Warm: the last touch that read or wrote it began less than its lifetime before the"
        " cutover. A prefix that is used lives anew"
    )
    return Table(columns, rows, caption)


def spend(prefill: Prefill) -> list[Piece]:
    """What was sent and what it cost, by what became of it; nothing of it in a plan."""
    if not prefill.executed:
        plan = prefill.plan
        busiest = (
            f"The busiest minute has {count(plan.peak_requests_per_minute)} calls and about"
            f" {count(plan.peak_tokens_per_minute)} input tokens as the provider counts them."
        )
        return [Prose([money_words(prefill), busiest])]
    made = Counter(str(one.outcome) for one in prefill.receipts)
    rows = [
        [OUTCOMES[name], count(made[name]), usd(_usd(prefill, name))]
        for name in OUTCOMES
        if name in made
    ]
    columns = [Column("calls that were"), Column("calls", "right"), Column("cost", "right")]
    caption = (
        "Where nobody knows what a call cost, it is here at the most that it could, and it counts"
        " for that in the budget"
    )
    return [Table(columns, rows, caption)]


def _usd(prefill: Prefill, outcome: str) -> float:
    return sum(one.spent_usd for one in prefill.receipts if one.outcome == outcome)


def supporting(prefill: Prefill) -> list[Piece]:
    """Where the prefixes come from; prices and parameters behind a line each."""
    params = [(name, str(value)) for name, value in prefill.params.to_dict().items()]
    return [
        Bullets(prefill.notes) if prefill.notes else Prose(["No remarks on the input."]),
        Details("Prices used", prices_used(prefill.prices)),
        Details("Parameters: run it again with these", Definitions(params)),
    ]


def plan_words(prefill: Prefill) -> str:
    """What would be done and what it can cost, for a terminal, before anything is sent."""
    parts: list[Piece] = [_course_table(prefill, 0, SHOWN), Prose([planned_words(prefill)])]
    if told := [*left_out_words(prefill), *manner_words(prefill), *prefill.notes]:
        parts.append(Bullets(told))
    return "\n\n".join(piece.to_text() for piece in parts)
