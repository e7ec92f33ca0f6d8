"""Sections of the weekly page; one that has nothing to say is not there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from ..diagnosis import IncidentDiagnosis
from ..excess import Estimate
from ..pricing import RATES
from ..show import Bullets, Column, Definitions, Details, Piece, Prose, Table
from ..show.markup import escaped
from ..weekly import Weekly
from ..weekly.ahead import Ahead
from ..weekly.news import Name
from ..weekly.parts import Change, Part
from ..weekly.told import Told
from ..weekly.winnable import Win, a_week_of
from ..words import UNKNOWN, cents, count, listing, local, moment, share, span, times, usd
from .money import interval
from .summary import FEW, headline_of, verdict_words
from .supporting import RATE_NAMES
from .week_summary import RATES as RATE_WORDS
from .week_summary import who, won

Say = Callable[[float | None], str]
SIGNS = {"down": "↓ ", "up": "↑ ", "level": "", "unknown": ""}
KINDS = {"model": "version", "scope": "workspace or project", "route": "route",
         "client_version": "client release"}  # fmt: skip
WINS = {"incident": "Open incident", "below_baseline": "Back to its baseline",
        "hardly_read": "Written and hardly read"}  # fmt: skip
OBJECTIVES = {
    "met": "met", "missed": "missed", "pending": "the time is not up",
    "not_applicable": "not judged, for it began before this data",
}  # fmt: skip
NO_LOG = (
    "Input that was not cached is in none of these sums: billing does not tell whether it could"
    " have been. A request log does (source log; cacheaudit simulate)."
)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with what stands under it: both are there, or neither."""

    title: str
    pieces: Sequence[Piece]
    level: Literal[2, 3] = 2

    def _repr_html_(self) -> str:
        body = "".join(piece._repr_html_() for piece in self.pieces)
        return f"<h{self.level}>{escaped(self.title)}</h{self.level}>{body}"

    def to_text(self) -> str:
        """The same for the terminal."""
        head = f"{'#' * self.level} {self.title}"
        return "\n\n".join([head, *(piece.to_text() for piece in self.pieces)])


def parts_pieces(weekly: Weekly) -> list[Piece]:
    """Every cohort beside its baseline, an arrow on what moved; the intervals behind a line."""
    every, rate = weekly.week.every, RATE_WORDS[weekly.week.measure]
    bars = weekly.params.moved_share, weekly.params.moved_volume_share
    caption = (
        f"The week beside its baseline. ↑ and ↓: surely beyond {share(bars[0])} of what is usual"
        f" ({share(bars[1])} for the volume)"
    )
    names = (rate, "USD per million tokens", "M tokens")
    columns = [Column("who")]
    columns += [Column(text, "right") for name in names for text in (name, "usually")]
    columns.append(Column("USD", "right"))
    table = Table(columns, [_part_row(part) for part in every], caption)
    columns = [Column("who"), *(Column(name, "right") for name in names)]
    rows = [[_part_name(part), *(_interval(*one) for one in _measures(part))] for part in every]
    surely = Table(columns, rows, "95 % for all of these together")
    return [table, Details("Intervals", surely)]


def chosen(weekly: Weekly) -> list[Piece]:
    """Costs that the models now in use explain."""
    dearer = [
        f"The models that serve {part.label} now make the baseline's traffic"
        f" {times(part.list_price)} as dear: that was chosen, and is no loss."
        for part in weekly.week.every
        if part.cost.way == "up" and not part.dearer and part.list_price is not None
    ]
    known = [
        f"{headline_of(one)} ({who(one)}) since {moment(one.incident.start)}: none of it is excess"
        f" ({one.excess_usd.reason})."
        for one in weekly.incidents.chosen
    ]
    return [Bullets([*dearer, *known])] if dearer or known else []


def _measures(part: Part) -> tuple[tuple[Change, Say], ...]:
    return (part.rate, share), (part.cost, cents), (part.volume, _millions)


def _part_row(part: Part) -> list[str]:
    cells = [
        text
        for change, say in _measures(part)
        for text in (f"{SIGNS[change.way]}{say(change.now)}", say(change.usual))
    ]
    return [_part_name(part), *cells, cents(part.usd)]


def _part_name(part: Part) -> str:
    if part.is_gone:
        return f"{part.label} (nothing sent)"
    return f"{part.label} (new)" if part.is_new else part.label


def _interval(change: Change, say: Say) -> str:
    return UNKNOWN if change.low is None else f"{say(change.low)} to {say(change.high)}"


def _millions(tokens: float | None) -> str:
    return UNKNOWN if tokens is None else f"{tokens / 1e6:,.1f}"


def incidents(weekly: Weekly) -> list[Piece]:
    """Those that are open, those that closed since the last report, those out of sight."""
    known = weekly.incidents
    pieces: list[Piece] = [
        Section(
            f"{headline_of(one.found)}: {who(one.found)}", [_incident(one, weekly.params.zone)], 3
        )
        for one in (*known.open, *known.closed)
    ]
    if known.out_of_sight:
        lines = [
            f"{one.said}: open in the last report, since {moment(one.start)}, which is before this"
            " data. A longer pull or a frozen baseline (baseline_path) would tell whether it is"
            " over."
            for one in known.out_of_sight
        ]
        pieces.append(Bullets(lines))
    return pieces


def _incident(one: Told, zone: str) -> Definitions:
    found, incident = one.found, one.found.incident
    here = f", {local(incident.start, zone)} {zone}" if zone else ""
    begun = "before this data" if incident.began_before else moment(incident.start) + here
    since = f"{begun} (new)" if one.is_new else begun
    standing = "open" if one.open else f"closed at {moment(incident.end)}"
    pairs = [("Since", since), ("Standing", standing), ("Cause", cause_words(found))]
    if (back := found.recovery) is not None:
        text = f"{share(back.at_share)} of the baseline within {span(back.within_hours * 3600)}"
        pairs.append(("Recovery", f"{text}: {OBJECTIVES[back.objective]}"))
    pairs.append(("Excess so far", with_interval(found.excess_usd)))
    if found.run_rate is not None:
        pairs.append(("If it lasts", f"{with_interval(a_week_of(found.run_rate))} a week"))
    if one.verification is not None:
        pairs.append(("Fix verified", one.verification.sentence))
    return Definitions(pairs)


def cause_words(found: IncidentDiagnosis) -> str:
    """The verdict with the causes that lead, in words while they are few."""
    leading = [c for c in found.causes if c.standing == "leading"]
    if not leading:
        return verdict_words(found)
    if len(leading) > 2:
        return f"{verdict_words(found)}: {listing([c.id for c in leading], FEW)}"
    return f"{verdict_words(found)}: " + " ".join(f"{c.says} ({c.id})" for c in leading)


def with_interval(value: Estimate) -> str:
    """Money with its interval, or why it has none."""
    if value.value != value.value:
        return f"{UNKNOWN} ({value.reason})" if value.reason else UNKNOWN
    if value.low != value.low:
        return usd(value.value) + (f" ({value.reason})" if value.reason else "")
    return f"{usd(value.value)} ({interval(value)})"


def news(weekly: Weekly) -> list[Piece]:
    """Names that came and went, and prices that changed; nothing where nothing did."""
    found = weekly.news
    if not (found and found.told):
        return []
    since = f"Since the last report, whose data ended at {moment(found.since)}."
    if not found.report:
        since = (
            f"No earlier report of this name is known (reports_path), so new is what the"
            f" {span(weekly.params.week_days * 86400)} before {moment(weekly.week.week[1])} have"
            " and the data before had not."
        )
    lines = [_came(one) for one in found.came] + [_went(one) for one in found.went]
    pieces: list[Piece] = [Prose([since])]
    if lines:
        pieces.append(Bullets(lines))
    if found.prices:
        pieces.append(_prices(weekly))
    return pieces


def _came(one: Name) -> str:
    part = "" if one.share is None else f", {share(one.share)} of the tokens since"
    return f"New {KINDS[one.kind]}: {one.name}, from {moment(one.at)} on{part}."


def _went(one: Name) -> str:
    last = "" if one.at is None else f"; last traffic until {moment(one.at)}"
    return f"No longer seen: {KINDS[one.kind]} {one.name}{last}."


def _prices(weekly: Weekly) -> Table:
    names = {rate: RATE_NAMES[rate] for rate in RATES}
    rows = [
        [
            one.model + (f", {one.way}" if one.way else ""),
            names[one.rate],
            usd(one.before_usd_per_mtok),
            usd(one.now_usd_per_mtok),
            one.source,
        ]
        for one in weekly.news.prices
    ]
    columns = [Column("model"), Column("tokens"), Column("before", "right"), Column("now", "right"),
               Column("from")]  # fmt: skip
    return Table(columns, rows, "List prices that changed, per million tokens")


def ahead(weekly: Weekly) -> list[Piece]:
    """Ends and aliases, a line each; the rest behind one line."""
    lines = [_ahead(one) for one in weekly.ahead]
    if not lines:
        return []
    shown: list[Piece] = [Bullets(lines[:FEW])]
    if len(lines) > FEW:
        shown.append(Details(f"{len(lines) - FEW} more", Bullets(lines[FEW:])))
    return [Section("Ahead", shown, 3)]


def _ahead(one: Ahead) -> str:
    part = f"{share(one.share)} of the week's tokens"
    if one.kind == "moving":
        to = f"; it last stood for {one.resolves_to}" if one.resolves_to else ""
        return f"{one.name} is an alias: it moves to another version without you{to} ({part})."
    if one.days is None:
        return f"{one.name}: its end is announced, without a day ({part})."
    if one.due:
        return f"{one.name} was to end on {one.on}, and still serves ({part})."
    days = "1 day" if one.days == 1 else f"{count(one.days)} days"
    away = f", in {days}" if one.days > 0 else ""
    return f"{one.name} ends on {one.on}{away} ({part})."


def winnable(weekly: Weekly) -> list[Piece]:
    """What a week could still save; nothing where nothing could be told."""
    if not weekly.wins:
        return []
    rows = [_win(win) for win in weekly.wins]
    total = usd(won(weekly).value)
    columns = [Column("what"), Column("USD a week", "right"), Column("if")]
    table = Table(columns, rows, f"Together {total} a week; no traffic is counted twice")
    return [table] if weekly.pull.log is not None else [table, Prose([NO_LOG])]


def _win(win: Win) -> list[str]:
    return [f"{WINS[win.kind]}: {win.about}", with_interval(win.usd_per_week), win.assumes]
