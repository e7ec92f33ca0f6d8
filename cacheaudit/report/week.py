"""The weekly page: verdict, key numbers, the week's curve; then only what has something to say."""

from typing import Literal

import pandas as pd

from .. import plots
from ..rollout_plots import plot_week
from ..show import (
    Bullets,
    Column,
    Definitions,
    Details,
    Figure,
    KeyNumbers,
    Piece,
    Prose,
    Table,
    Verdict,
)
from ..weekly import Weekly
from ..words import UNKNOWN, count, moment, share, usd
from . import rollout
from .panel import panel
from .summary import headline_of, quality_lines
from .week_sections import (
    NO_LOG,
    Section,
    ahead,
    chosen,
    incidents,
    news,
    parts_pieces,
    winnable,
    with_interval,
)
from .week_summary import (
    LABELS,
    RATES,
    baseline_words,
    headline,
    mtok,
    power_words,
    summary,
    who,
    won,
)

STATUS: dict[str, Literal["incident", "quiet", "unknown"]] = {
    "quiet": "quiet", "on_time": "quiet", "moved": "incident", "late": "incident",
    "not_yet_known": "unknown",
}  # fmt: skip
HOURLY = pd.Timedelta("10D")  # a longer week is drawn by the day


def banner(weekly: Weekly) -> Verdict:
    """The verdict and its three sentences."""
    verdict = weekly.verdict
    return Verdict(STATUS[verdict], headline(weekly), summary(weekly), LABELS[verdict])


def front(weekly: Weekly) -> list[Piece]:
    """The rest of the first screen: figures, the curve, what lies ahead, what usual means."""
    words = Prose([baseline_words(weekly), power_words(weekly)])
    return [key_numbers(weekly), *curve(weekly), *ahead(weekly), words]


def key_numbers(weekly: Weekly) -> KeyNumbers:
    """The figures that a reader looks for first."""
    total = weekly.week.total
    name = RATES[weekly.week.measure].capitalize()
    open_ = weekly.incidents.open
    rates = [one.found.run_rate for one in open_ if one.found.run_rate is not None]
    per_day = sum(rate.per_day.value for rate in rates)
    items = [
        (name, share(total.rate.now), f"usually {share(total.rate.usual)}"),
        ("Per million prompt tokens", usd(total.cost.now), f"usually {usd(total.cost.usual)}"),
        ("Cost of the week", usd(total.usd), mtok(total.volume.now)),
        ("Open incidents", count(len(open_)), f"{usd(per_day)} a day" if rates else ""),
    ]
    if weekly.wins:
        items.append(("Could be won", usd(won(weekly).value), "a week; see below"))
    return KeyNumbers(items)


def curve(weekly: Weekly) -> list[Figure]:
    """Hit rate of the week beside its baseline; nothing where no hour has a rate."""
    hours = weekly.week.curve
    if not hours["rate"].notna().any():
        return []
    if weekly.week.week[1] - weekly.week.week[0] > HOURLY:
        hours = _by_day(hours)
    rate = RATES[weekly.week.measure].capitalize()
    title = f"{rate} of the week: {share(weekly.week.total.rate.now)}"
    if weekly.week.judged:
        title += f", usually {share(weekly.week.total.rate.usual)}"
    figure = panel(title, 2.1, lambda ax: plots.time_axis(plot_week(hours, weekly.worse, ax=ax)))
    caption = f"{rate} of all traffic beside the baseline of the same hours, UTC."
    return [Figure(figure, f"{title}. {headline(weekly)}.", caption)]


def _by_day(hours: pd.DataFrame) -> pd.DataFrame:
    day = hours["at"].dt.floor("D").rename("day")
    parts = hours.assign(read=hours["rate"] * hours["tokens"],
                         would=hours["usual"] * hours["tokens"])  # fmt: skip
    sums = parts.groupby(day)[["read", "would", "tokens"]].sum(min_count=1)
    over = sums["tokens"].where(sums["tokens"] > 0)
    rates = {"rate": sums["read"] / over, "usual": sums["would"] / over, "tokens": sums["tokens"]}
    return pd.DataFrame(rates).rename_axis("at").reset_index()


def sections(weekly: Weekly) -> list[Piece]:
    """Every section that has something to say."""
    known = [
        Section("What moved", [*parts_pieces(weekly), *chosen(weekly)] if _moved(weekly) else []),
        Section("Incidents", incidents(weekly)),
        Section("Since the cutover", _cutover(weekly)),
        Section("Gates", _gates(weekly)),
        Section("What is new", news(weekly)),
        Section("What could still be won", winnable(weekly)),
    ]
    return [section for section in known if section.pieces]


def _moved(weekly: Weekly) -> bool:
    parts = any(part.moved or part.is_new or part.is_gone for part in weekly.week.every)
    return parts or bool(weekly.incidents.chosen)


def _cutover(weekly: Weekly) -> list[Piece]:
    if not weekly.rollout.groups:
        return []
    return [
        rollout.key_numbers(weekly),
        rollout.header(weekly),
        rollout.since_cutover(weekly),
        rollout.groups_table(weekly),
    ]


def _gates(weekly: Weekly) -> list[Piece]:
    """Those of a cutover; without one, only what did not pass."""
    found = weekly.rollout
    if found.verdict == "no_cutover" and all(gate.standing == "pass" for gate in found.gates):
        return []
    return rollout.gates(weekly)


def supporting(weekly: Weekly) -> list[Piece]:
    """What to know about the data, what did not move, and how to run it again."""
    lines = [*quality_lines(weekly.quality), *weekly.pull.notes, *weekly.notes, *_silent(weekly)]
    lines = [*(f"Not known: {one.says}. {one.needs}" for one in weekly.doubts), *lines]
    pieces: list[Piece] = [Bullets(lines)] if lines else [Prose(["No remarks on the data."])]
    pieces.append(Details("What was looked at", _looked_at(weekly)))
    if not _moved(weekly):
        pieces.append(Details("Each cohort beside its baseline", parts_pieces(weekly)))
    if weekly.incidents.older:
        pieces.append(Details("Incidents that were over by the last report", _older(weekly)))
    params = Definitions([(k, str(v)) for k, v in weekly.params.to_dict().items()])
    pieces.append(Details("Parameters: run it again with these", params))
    return [Section("Supporting information", pieces)]


def _silent(weekly: Weekly) -> list[str]:
    """What this data cannot tell, where no section says so."""
    lines = []
    if not weekly.news.told:
        lines.append(
            "What is new is not known: there is no earlier report of this name (reports_path), and"
            " no usage before this week."
        )
    if not weekly.wins and weekly.pull.log is None:
        lines.append(f"Nothing to win is seen in billing. {NO_LOG}")
    return lines


def _looked_at(weekly: Weekly) -> Definitions:
    week, last = weekly.week, weekly.last
    base = week.baseline
    window = "none" if base.window is None else " to ".join(map(moment, base.window))
    return Definitions(
        [
            ("Week", " to ".join(map(moment, week.week))),
            ("Baseline", f"{window}, {'frozen' if base.frozen else 'not frozen'}"),
            ("Last report", "none" if last is None else last.folder),
            ("Cutover", moment(weekly.rollout.cutover) if weekly.rollout.cutover else "none seen"),
            ("Source", weekly.pull.source),
            ("Complete to", moment(weekly.pull.refreshed_at)
             if weekly.pull.refreshed_at else "not stated"),
        ]
    )  # fmt: skip


def _older(weekly: Weekly) -> Table:
    rows = [
        [
            f"{headline_of(one)}: {who(one)}",
            moment(one.incident.start),
            moment(one.incident.end) if one.incident.end is not None else UNKNOWN,
            with_interval(one.excess_usd),
        ]
        for one in weekly.incidents.older
    ]
    columns = [Column("incident"), Column("start"), Column("end"), Column("excess", "right")]
    return Table(columns, rows, "In this data, and over")
