"""Figures of the postmortem: plots put together, with the finding as alternative text."""

from collections.abc import Callable
from textwrap import fill

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from .. import plots
from ..diagnosis import IncidentDiagnosis
from ..incidents import RATES
from ..metrics import cache_metrics, headline_rate, merged_cohorts, rollup, usual_width
from ..postmortem import Postmortem
from ..schema import COHORT
from ..show import Figure, Piece, Prose
from ..words import listing, share, times
from .contrasts import (
    cohort_rows,
    finding,
    gap_finding,
    gap_rows,
    marked_loss,
    missing_contrast,
    money_finding,
    parts_of,
    without_a_place,
)
from .panel import NARROW, panel
from .summary import MEASURE_NAMES, headline

Draw = Callable[[Axes], object]

TITLE = 72  # characters of a title that fit it
MOST_ROWS = 10  # cohorts in the picture of the contrast
MOST_LINES = 6  # cohorts by name; the rest is only in the total
WIDE = 6.8  # inches: wide enough for a page, and its text can still be read on a phone
NEAR = pd.Timedelta("3h")
FINE = pd.Timedelta("5min")


def overview(postmortem: Postmortem) -> Figure | Prose:
    """Hit rate, write and uncached share, requests, cost and signals on one time axis."""
    usage = postmortem.usage
    if usage.empty:
        return _billed(postmortem)
    width = usual_width(usage)
    coarse = rollup(usage, width)
    rate = headline_rate(coarse)
    sums = _regular(cache_metrics(coarse, ["bucket_start"]), width)
    panels = _panels(postmortem, sums, coarse, rate)
    with plots.theme():
        figure, grid = plt.subplots(
            len(panels),
            1,
            figsize=(WIDE, 0.9 + 1.6 * len(panels)),
            sharex=True,
            height_ratios=[1.6] + [1.0] * (len(panels) - 1),
        )
        axes = list(grid) if len(panels) > 1 else [grid]
        for ax, (title, draw) in zip(axes, panels, strict=True):
            draw(ax)
            ax.set_title(title, pad=14 if ax is axes[0] else 6)
        until = usage["bucket_end"].max()
        plots.shade_incidents([i.incident for i in postmortem.diagnosis.incidents], until, axes)
        plots.mark_versions(postmortem.diagnosis.versions, axes)
        plots.time_axis(axes[-1])
        figure.align_ylabels()
        figure.tight_layout()
    name = MEASURE_NAMES[rate].split(" (")[0]
    caption = f"{name.capitalize()} and what goes with it, by bucket, UTC."
    if postmortem.diagnosis.incidents:
        caption += " Shaded: the incident."
    if postmortem.diagnosis.versions:
        caption += " Dashed: the cutover to another model version."
    return Figure(figure, f"{headline(postmortem)}. {caption}", caption)


def cutover(postmortem: Postmortem) -> Figure | Prose:
    """The three hours on each side of the start, by five minutes, where minutes were pulled."""
    top = postmortem.diagnosis.costliest
    if top is None or not _has_minutes(postmortem.usage, top):
        return Prose(
            ["No minutes around a cutover are in the data; the start is known to a bucket."]
        )
    usage, start = postmortem.usage, top.incident.start
    near = (usage["bucket_start"] >= start - NEAR) & (usage["bucket_start"] < start + NEAR)
    fine = usage[near & (usage["bucket_end"] - usage["bucket_start"] < FINE)]
    affected = {c.name for c in top.case.affected}
    with plots.theme():
        figure, ax = plt.subplots(figsize=(WIDE, 2.9))
        rates = _by_cohort(rollup(fine, FINE), headline_rate(fine), FINE)
        plots.plot_rates(rates, affected, ax=ax)
        plots.mark_versions(top.case.changes, [ax])
        plots.time_axis(ax)
        ax.set_title(f"{MEASURE_NAMES[headline_rate(fine)].capitalize()} by five minutes", pad=14)
        figure.tight_layout()
    caption = "Three hours on each side of the start, UTC. Dashed: the cutover."
    return Figure(figure, f"{headline(postmortem)}. {caption}", caption)


def contrast(postmortem: Postmortem) -> list[Piece]:
    """Who fell beside who did not, and which calls lost; or what a request is made of."""
    top = postmortem.diagnosis.costliest
    if top is None:
        return []  # the causes below say so
    if not top.case.in_a_rate:
        return [_made_of(top)]
    rows, losses = cohort_rows(top), top.case.losses
    if len(rows) < 2 and losses is None:
        return [Prose([missing_contrast(top.case)])]
    panels = [(finding(top.case), rows[:MOST_ROWS])] if len(rows) else []
    if losses is not None:
        panels.append((gap_finding(losses), gap_rows(losses)))
    caption = "Ring: baseline. Dot: during the incident."
    if len(rows):
        caption = f"{MEASURE_NAMES[top.case.incident.measure].capitalize()} by cohort. {caption}"
    if losses is not None:
        caption += " Below: share of what the last call held that was read again, by the time since"
        caption += " the last use."
    picture = Figure(_dumbbells(panels), " ".join(_told(*panel) for panel in panels), caption)
    said = [] if losses is None else [marked_loss(losses)]
    said = [*_not_drawn(rows, without_a_place(top.case, postmortem.usage)), *said]
    return [picture, *([Prose([" ".join(said)])] if said else [])]


def _dumbbells(panels: list[tuple[str, pd.DataFrame]]) -> Drawing:
    heights = [0.55 + 0.55 * len(rows) for _, rows in panels]
    with plots.theme():
        figure, grid = plt.subplots(
            len(panels),
            1,
            figsize=(NARROW, sum(heights) + 0.3),
            height_ratios=heights,
            squeeze=False,
        )
        for ax, (title, rows) in zip(grid[:, 0], panels, strict=True):
            plots.plot_contrast(rows, ax=ax)
            ax.set_title(fill(title, TITLE), pad=10)
        figure.tight_layout()
    return figure


def _told(title: str, rows: pd.DataFrame) -> str:
    """The finding of one panel with its numbers, for those who do not see it."""
    each = [
        f"{name}{f' ({note})' if note else ''} {share(before)} to {share(after)}"
        for name, note, before, after, _ in rows[plots.ROWS].to_numpy().tolist()
    ]
    return f"{title}: {listing(each, MOST_ROWS)}."


def _not_drawn(rows: pd.DataFrame, without: int) -> list[str]:
    """Cohorts that the picture leaves out, in words."""
    rest, said = rows[MOST_ROWS:], []
    if len(rest):
        fell = int(rest["hot"].sum())
        drops = rest["before"] - rest["after"]
        said.append(
            f"{len(rest)} more cohorts are not drawn: {fell} fell and {len(rest) - fell} kept their"
            f" rate; none of them fell by more than {share(float(drops.max()))}."
        )
    if without:
        said.append(
            f"{without} more had traffic and are in neither group: new, or changed too little to"
            " tell."
        )
    return said


def _made_of(top: IncidentDiagnosis) -> Figure | Prose:
    """What a request is made of, against the baseline."""
    parts = parts_of(top.case)
    if not parts:
        return Prose(["What a request is made of is not known on both sides of the start."])
    title = money_finding(top.case)

    def draw(ax: Axes) -> object:
        return plots.plot_parts(
            [p.name for p in parts],
            [p.ratio for p in parts],
            [p.amounts for p in parts],
            [p.names_it for p in parts],
            ax=ax,
        )

    figure = panel(title, 0.8 + 0.62 * len(parts), draw)
    each = [f"{p.name} {times(p.ratio)}{f' ({p.amounts})' if p.amounts else ''}" for p in parts]
    caption = "During the incident, as a multiple of the baseline (dashed)."
    return Figure(figure, f"{title}: {listing(each)}.", caption)


def _panels(
    postmortem: Postmortem, sums: pd.DataFrame, coarse: pd.DataFrame, rate: str
) -> list[tuple[str, Draw]]:
    """(title, draw) of each panel that this data can fill."""
    top = postmortem.diagnosis.costliest
    affected = set() if top is None else {c.name for c in top.case.affected}
    rates = _by_cohort(coarse, rate, usual_width(coarse))
    panels: list[tuple[str, Draw]] = []
    panels.append(
        (MEASURE_NAMES[rate].capitalize(), lambda ax: plots.plot_rates(rates, affected, ax=ax))
    )
    if rate == "hit_rate":
        own = (
            sums
            if top is None
            else _regular(
                cache_metrics(top.case.affected_rows(coarse), ["bucket_start"]), usual_width(coarse)
            )
        )
        whose = "" if top is None or not affected else " of affected traffic"
        panels.append(
            (
                f"Uncached and written share{whose}",
                lambda ax: plots.plot_shares(own["write_share"], own["uncached_share"], ax=ax),
            )
        )
    if sums["requests"].notna().any():
        panels.append(("Requests", _amount(sums["requests"], plots.BLUE, money=False)))
    else:
        tokens = (sums["input_tokens"].fillna(sums["cached_tokens"])) / 1e6
        panels.append(("Cached tokens, million", _amount(tokens, plots.BLUE, money=False)))
    day = postmortem.usage["bucket_start"].dt.floor("D")
    daily = postmortem.diagnosis.costed.usd.groupby(day).agg(lambda s: s.sum(skipna=False))
    if daily.notna().any():
        panels.append(("Cost a day, USD at list prices", _amount(daily, plots.PURPLE, money=True)))
    for name, signal in postmortem.signals.groupby("name"):
        unit = signal["unit"].dropna()
        title = f"{name}, {unit.iloc[0]}" if len(unit) else str(name)
        values = signal.set_index("at")["value"].astype("float64")
        panels.append((title, _line(values)))
    return panels


def _amount(values: pd.Series, color: str, *, money: bool) -> Draw:
    return lambda ax: plots.plot_amount(values, color=color, money=money, ax=ax)


def _line(values: pd.Series) -> Draw:
    return lambda ax: ax.plot(values.index, values.to_numpy(), color=plots.GREEN, lw=1.5)


def _by_cohort(coarse: pd.DataFrame, rate: str, width: pd.Timedelta) -> pd.DataFrame:
    """Rate by bucket and cohort: the largest few, named by scope."""
    names = merged_cohorts(coarse, [COHORT[0] if coarse["scope"].notna().any() else COHORT[1]])
    labelled = coarse.assign(scope=names.astype("str"))
    tokens = cache_metrics(labelled, ["scope"])["input_tokens"].sort_values(ascending=False)
    keep = list(tokens.index[:MOST_LINES])
    table = cache_metrics(labelled[labelled["scope"].isin(keep)], ["bucket_start", "scope"])[rate]
    return _regular(table.unstack("scope")[keep], width)


def _regular(table: pd.DataFrame, width: pd.Timedelta) -> pd.DataFrame:
    """*table* with a row of NaN for each bucket that has no data, so that lines break there."""
    index = pd.DatetimeIndex(table.index)
    full = pd.date_range(index.min(), index.max(), freq=width)
    return table.reindex(full.union(index))


def _has_minutes(usage: pd.DataFrame, top: IncidentDiagnosis) -> bool:
    if top.incident.measure not in RATES:
        return False
    around = (usage["bucket_start"] - top.incident.start).abs() < NEAR
    return bool((around & (usage["bucket_end"] - usage["bucket_start"] < FINE)).any())


def _billed(postmortem: Postmortem) -> Figure | Prose:
    """Charged by day and token class, for a source that has no tokens."""
    cost = postmortem.diagnosis.cost
    if cost is None or cost.empty:
        return Prose(["There is neither usage nor cost to draw."])
    kinds = cost["token_type"].fillna("other")
    table = cost.assign(kind=kinds).pivot_table(
        index="day", columns="kind", values="amount_usd", aggfunc="sum", observed=True
    ).astype("float64")  # fmt: skip
    table = table[table.sum().sort_values(ascending=False).index]
    with plots.theme():
        figure, ax = plt.subplots(figsize=(WIDE, 3.0))
        plots.plot_stack(table, ax=ax)
        plots.time_axis(ax)
        figure.tight_layout()
    caption = "Charged by day (UTC) and token class, USD. A day without a bar has no rows."
    biggest = table.sum(axis=1).idxmax()
    part = table.sum(axis=1).max() / table.to_numpy()[~pd.isna(table.to_numpy())].sum()
    return Figure(
        figure,
        f"{share(float(part))} of the charges fall on {biggest:%Y-%m-%d}. {caption}",
        caption,
    )
