"""Plans as tables and pictures: what each costs, what it risks, what a prefill is worth."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ..plan_plots import EXCESS, plot_cutover, plot_excess
from ..planning.compare import Plan, Plans, Predicted
from ..planning.course import STEADY
from ..plots import time_axis
from ..replaying import Rules
from ..show import Bullets, Column, Figure, Piece, Prose, Table
from ..words import UNKNOWN, count, moment, share, signed_usd, span, times, usd
from .panel import panel
from .plan_words import answer, lessons, lowest, peak


def plan_pieces(plans: Plans) -> list[Piece]:
    """The answer, both tables, the worth of a prefill, the lessons."""
    told = lessons(plans)
    tables: list[Piece] = [cost_table(plans), risk_table(plans), prefill_table(plans)]
    return [Prose([answer(plans)]), *tables, *([Bullets(told)] if told else [])]


def plan_words(plans: Plans) -> str:
    """The same for a terminal."""
    return "\n\n".join(piece.to_text() for piece in plan_pieces(plans))


def rules_table(rules: Mapping[str, Rules]) -> Table:
    """What each version's cache does and its input costs, as it was replayed."""
    rows = [
        [
            model,
            span(one.ttl_s),
            count(one.min_tokens),
            span(one.ready_s) if one.ready_s else "at once",
            times(one.token_ratio),
            *(usd(rate) for rate in one.rates or (None, None, None)),
        ]
        for model, one in rules.items()
    ]
    columns = [
        Column("version"), Column("entries live", "right"), Column("smallest prefix", "right"),
        Column("readable", "right"), Column("tokens", "right"), Column("read", "right"),
        Column("written", "right"), Column("uncached", "right"),
    ]  # fmt: skip
    caption = (
        "Rules of the replay: what is documented, or given. Tokens: per token in the log. Prices:"
        " per million tokens of input, today"
    )
    return Table(columns, rows, caption)


def replay_table(rows: Sequence[Mapping[str, Any]], lifetimes: Sequence[str]) -> Table:
    """Hit rates by version: what the log says was read, and what a cache of each lifetime would
    have; *rows* with model, requests, read, min_tokens and a rate by lifetime."""
    cells = [
        [
            str(row["model"]),
            count(row["requests"]),
            count(row["min_tokens"]),
            share(row["read"]),
            *(share(row[ttl]) for ttl in lifetimes),
        ]
        for row in rows
    ]
    columns = [
        Column("version"), Column("calls", "right"), Column("smallest prefix", "right"),
        Column("read", "right"), *(Column(f"would read, {ttl}", "right") for ttl in lifetimes),
    ]  # fmt: skip
    caption = (
        "What the log says was read of all input, and what a cache would have read whose entries"
        " live so long after their last use and are never evicted"
    )
    return Table(columns, cells, caption)


def cost_table(plans: Plans) -> Table:
    """The plans, the cheapest first: what each costs, and what it does to the hit rate."""
    rows = [
        [
            one.name,
            usd(one.predicted["excess_usd"].value),
            between(one.predicted["excess_usd"]),
            share(one.predicted["hit_rate"].value),
            share(one.predicted["steady_hit_rate"].value),
            share(lowest(one)),
            _fits(one.within_floor),
        ]
        for one in plans.plans
    ]
    window = span(plans.migration.floor_s).removeprefix("1 ")
    columns = [
        Column("plan"), Column("costs", "right"), Column("one more day (95 %)", "right"),
        Column("hit rate", "right"), Column("always served", "right"),
        Column(f"worst {window}", "right"), Column("within the floor"),
    ]  # fmt: skip
    caption = (
        f"What each plan costs above versions that had always served, tried on {_days(plans)}; its"
        f" hit rate from the first step until one lifetime after the last; the worst {window} of"
        f" all days, as a share of the usual rate (floor: {share(plans.migration.floor)})"
    )
    return Table(columns, rows, caption)


def risk_table(plans: Plans) -> Table:
    """How many calls a plan exposes and cools, what it asks of the limit, what going back costs."""
    limit = plans.migration.limit_tokens_per_min
    rows = [
        [
            one.name,
            span(one.by_day[-1].mixed_s) if one.by_day[-1].mixed_s else "0",
            count(one.predicted["exposed_requests"].value),
            count(one.predicted["cold_requests"].value),
            count(peak(one)),
            *([] if limit is None else [_fits(one.within_limit)]),
            usd(one.predicted["rollback_usd"].value),
            share(one.predicted["rollback_share"].value),
        ]
        for one in plans.plans
    ]
    columns = [
        Column("plan"), Column("both serve", "right"), Column("exposed calls", "right"),
        Column("cold calls", "right"), Column("peak tokens a minute", "right"),
        *([] if limit is None else [Column("within the limit")]),
        Column("going back", "right"), Column("then reads", "right"),
    ]  # fmt: skip
    back, seen = span(plans.migration.rollback_after_s), span(plans.migration.notice_s)
    against = "" if limit is None else f" (limit: {count(limit)})"
    caption = (
        f"Exposed: on the new version within {seen} of the first step. Cold: read less than they"
        f" would have. Peak: tokens that count towards a rate limit, in the new version's dearest"
        f" minute of all days{against}. Going back {back} after all has moved: what it costs on"
        " top, and what the old version then reads of what it would have read"
    )
    return Table(columns, rows, caption)


def prefill_table(plans: Plans) -> Table:
    """What a straight cut costs with more and more prefixes sent in advance."""
    without = plans.prefill[0].value
    rows = [
        [
            count(prefixes),
            usd(one.value),
            between(one),
            "" if not prefixes or one.value is None or without is None
            else signed_usd(one.value - without),
        ]
        for prefixes, one in plans.prefill.items()
    ]  # fmt: skip
    columns = [
        Column("prefixes", "right"), Column("costs", "right"),
        Column("one more day (95 %)", "right"), Column("against none", "right"),
    ]  # fmt: skip
    lead = span(plans.migration.lead_s)
    caption = f"A straight cut with the most used prefixes sent from {lead} before it"
    return Table(columns, rows, caption)


def excess_figure(plans: Plans) -> Figure | Prose:
    """What each plan costs, drawn; the answer is its alternative text."""
    priced = [one for one in plans.plans if one.predicted["excess_usd"].value is not None]
    if not priced:
        return Prose(["There is no price to draw the plans by."])
    rows = pd.DataFrame([_bar(one) for one in priced], columns=EXCESS)
    caption = (
        f"Cost above versions that had always served: mean of {_days(plans)}, and where one more"
        " day falls with 95 %. Orange: outside the floor or the rate limit."
    )
    figure = panel(
        "What each plan costs", 0.9 + 0.36 * len(rows), lambda ax: plot_excess(rows, ax=ax)
    )
    return Figure(figure, f"{answer(plans)} {caption}", caption)


def cutover_figure(plans: Plans, rates: pd.DataFrame) -> Figure | Prose:
    """Hit rates of chosen plans around the cutover (*rates*: planning.course.courses)."""
    at, names = plans.days[-1], [name for name in rates.columns if name != STEADY]
    if not rates.notna().any().any():
        return Prose(["There is no input around the cutover to draw a rate of."])
    dearest = max(names, key=lambda name: plans.plans.index(plans.plan(name)))
    hot = {dearest} if len(names) > 1 else set(names)

    def draw(ax):  # type: ignore[no-untyped-def]
        plot_cutover(rates, hot, at, ax=ax)
        time_axis(ax)

    caption = f"Hit rate around a cutover at {moment(at)}, had it been made then; UTC."
    worst = {name: rates[name].min() for name in names}
    told = "; ".join(f"{name}: down to {share(low)}" for name, low in worst.items())
    return Figure(panel("Hit rate around the cutover", 3.0, draw), f"{told}. {caption}", caption)


def between(one: Predicted) -> str:
    """The interval of one more day; not known from a single one."""
    if one.low is None or one.high is None:
        return UNKNOWN
    return f"{usd(one.low)} to {usd(one.high)}"


def _bar(one: Plan) -> list[object]:
    found = one.predicted["excess_usd"]
    outside = one.within_floor is False or one.within_limit is False
    return [one.name, found.value, found.low, found.high, outside]


def _days(plans: Plans) -> str:
    first, last = plans.days[0], plans.days[-1]
    if len(plans.days) == 1:
        return f"one past day ({last:%Y-%m-%d})"
    return f"{count(len(plans.days))} past days ({first:%Y-%m-%d} to {last:%Y-%m-%d})"


def _fits(within: bool | None) -> str:
    return UNKNOWN if within is None else "yes" if within else "no"
