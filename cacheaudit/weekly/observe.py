"""Parameters in, the week out: pull, judge, compare. The clock and the network end here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from .. import clock
from ..bars import Bars
from ..cost import cost_of
from ..diagnosis import Diagnosis, diagnose
from ..errors import ParamError, UnfitData
from ..metrics import usual_width
from ..price_table import PriceTable
from ..quality import QualityNote, check_quality, settled
from ..rollout import Rollout, watch
from ..rollout_params import WeeklyParams
from ..schema import check_usage, empty_events
from ..sources import Pull, fetch
from ..sources.frame import read_usage
from ..sources.tables import read_events, read_prices
from .ahead import ahead_of
from .baseline import Baseline, Span, frozen_baseline, rolling_baseline
from .compare import compare
from .covered import rhythm_of
from .doubts import Doubt, doubts_of, of_telemetry, timely
from .known import Calibration
from .news import news_of
from .parts import Comparison
from .reports import Shelf, read_calibration, read_refreshed, read_reports
from .result import Weekly
from .settled import settled_by
from .told import Incidents, told_of
from .winnable import winnable

ASKED = ("anthropic", "anthropic_legacy", "openai", "several")
USAGE = "usage.parquet"  # of a run folder
MADE_UP = "sample"  # is of no week in particular
DAY = pd.Timedelta("1D")


def observe(params: WeeklyParams, *, now: pd.Timestamp | None = None) -> Weekly:
    """Pull what *params* asks for and judge the week in it. *now* is the clock, for tests."""
    at = clock.now() if now is None else now
    measured = read_calibration(params.calibration_path) if params.calibration_path else None
    pull = _pulled(params, at, now)
    prices = read_prices(params.prices_path) if params.prices_path else None
    found = _diagnosed(params, pull, prices)
    usage = _complete(pull)
    until = usage["bucket_end"].max()
    span = until - pd.Timedelta(days=params.week_days), until
    shelf = read_reports(params.reports_path, params.name, until)
    base = _baseline(params, usage, span, found)
    week = _compared(params, usage, span, found, prices, base)
    doubts = (
        *_timely(params, pull, usage, at),
        *doubts_of(week, _blind(usage, found, span), check_quality(base.usage)
                   if base.frozen and base.window is not None else ()),
    )  # fmt: skip
    judged = _Judged(params, pull, usage, found, prices, shelf, week, measured, doubts)
    return judged.weekly(at.floor("s"))


@dataclass(frozen=True, slots=True)
class _Judged:
    """What has been read and compared, to be put together."""

    params: WeeklyParams
    pull: Pull
    usage: pd.DataFrame
    found: Diagnosis
    prices: PriceTable | None
    shelf: Shelf
    week: Comparison
    calibration: Calibration | None
    doubts: tuple[Doubt, ...]

    def weekly(self, fetched_at: pd.Timestamp) -> Weekly:
        params, last, (begins, until) = self.params, self.shelf.last, self.week.week
        since = begins if last is None else last.until
        incidents = self._incidents(since)
        inside = self.usage[self.usage["bucket_end"] > begins]
        costed = self.found.costed
        rollout = _rollout(params, self.usage, self.found.quality)
        silent = () if self.doubts else of_telemetry(rollout.telemetry)
        return Weekly(
            params=params,
            pull=self.pull,
            week=self.week,
            diagnosis=self.found,
            incidents=incidents,
            news=news_of(
                self.usage, since, begins, report="" if last is None else last.folder,
                then=None if last is None else last.in_use, prices=self.prices,
            ),
            ahead=ahead_of(inside, until, params.ahead_days),
            wins=winnable(
                incidents.open, incidents.closed, self.week, inside, costed.book.rates,
                costed.usd.loc[inside.index],
            ),
            rollout=rollout,
            last=last,
            calibration=self.calibration,
            doubts=(*self.doubts, *silent),
            notes=self.shelf.notes,
            fetched_at=fetched_at,
        )  # fmt: skip

    def _incidents(self, since: pd.Timestamp) -> Incidents:
        last = self.shelf.last
        return told_of(
            self.found.incidents, since, self.usage["bucket_start"].min(),
            remembered=() if last is None else last.open, checked=self.shelf.verifications,
            settled=() if last is None or self.doubts
            else [one for one in last.open if settled_by(self.week, one)],
        )  # fmt: skip


def watch_cutover(
    params: WeeklyParams, *, now: pd.Timestamp | None = None
) -> tuple[Rollout, tuple[Doubt, ...]]:
    """What became of the traffic that moved, and no more: for machines that ask every minute.

    As `observe(params).rollout`, without a diagnosis of the weeks; and whether the data is of now.
    *now* is the clock, for tests.
    """
    at = clock.now() if now is None else now
    pull = _pulled(params, at, now)
    quality = check_quality(pull.usage, (pull.start, pull.end), pull.refreshed_at)
    usage = _complete(pull)
    return _rollout(params, usage, quality), tuple(_timely(params, pull, usage, at))


def _complete(pull: Pull) -> pd.DataFrame:
    """Its settled usage. Raises UnfitData where there is none."""
    usage = settled(pull.usage, pull.refreshed_at)
    if usage.empty:
        raise UnfitData(
            f"{pull.source} has no token counts that are complete; expected usage of some weeks."
            " Choose a source that reports cache tokens, or an earlier end."
        )
    return usage


def _pulled(params: WeeklyParams, at: pd.Timestamp, now: pd.Timestamp | None) -> Pull:
    """The pull, its usage in the order that a diagnosis prices it in."""
    asked = params.pull
    if not asked.start and not asked.path and asked.source in ASKED:
        days = pd.Timedelta(days=params.week_days + params.week_baseline_days)
        asked = replace(asked, start=(at - days).floor("D").isoformat())
    pull = fetch(asked, now=now)
    return replace(pull, usage=check_usage(pull.usage))


def _diagnosed(params: WeeklyParams, pull: Pull, prices: PriceTable | None) -> Diagnosis:
    log = None if pull.log is None else pull.log.named(params.names)
    return diagnose(
        pull.usage,
        read_events(params.events_path) if params.events_path else empty_events(),
        requests=None if log is None else log.table,
        cost=pull.cost,
        window=(pull.start, pull.end),
        refreshed_at=pull.refreshed_at,
        bars=Bars(
            recovered_at_share=params.recovered_at_share, recovery_hours=params.recovery_hours
        ),
        prices=prices,
    )


def _compared(
    params: WeeklyParams, usage: pd.DataFrame, week: Span, found: Diagnosis,
    prices: PriceTable | None, base: Baseline,
) -> Comparison:  # fmt: skip
    costed = found.costed
    if base.frozen:
        costed = cost_of(base.usage, prices)
    return compare(
        usage, found.costed.usd.loc[usage.index], week, base, costed.usd,
        moved_share=params.moved_share, moved_volume_share=params.moved_volume_share,
        prices=prices,
    )  # fmt: skip


def _baseline(
    params: WeeklyParams, usage: pd.DataFrame, week: Span, found: Diagnosis
) -> Baseline:  # fmt: skip
    if not params.baseline_path:
        spans = [(i.incident.start, i.incident.end or week[1]) for i in found.incidents]
        return rolling_baseline(usage, week[0], params.week_baseline_days, spans)
    path = Path(params.baseline_path)
    file = path / USAGE if path.is_dir() else path
    kept = settled(read_usage(file), read_refreshed(path) if path.is_dir() else None)
    base = frozen_baseline(kept, f"{file.parent.name}/{file.name}", params.frozen)
    if base.window is not None and base.window[0] < week[1] and base.window[1] > week[0]:
        raise ParamError(
            f"baseline_path has usage up to {base.window[1]:%Y-%m-%d %H:%M} UTC, which is in the"
            f" week that it is to judge ({week[0]:%Y-%m-%d %H:%M} to {week[1]:%Y-%m-%d %H:%M});"
            " expected another time. Set baseline_end before the week."
        )
    return base


def _timely(
    params: WeeklyParams, pull: Pull, usage: pd.DataFrame, at: pd.Timestamp
) -> Iterator[Doubt]:
    """Whether this is the week that was asked for; what is made up is of none."""
    if params.source == MADE_UP:
        return
    until = usage["bucket_end"].max()
    rhythm = rhythm_of(usage, until, 0)
    refreshed = pull.refreshed_at
    if refreshed is not None and not (pull.usage["bucket_end"] > refreshed).any():
        refreshed = None
    yield from timely(
        until, at, params.pull.window[1], usual_width(usage), rhythm, refreshed
    )  # fmt: skip


def _blind(
    usage: pd.DataFrame, found: Diagnosis, week: Span
) -> tuple[QualityNote, ...]:  # fmt: skip
    """Notes on what may hide in the week; what was silent long before it, hides nothing in it."""
    if not any(note.severity == "blind" for note in found.quality):
        return ()
    near = usage[usage["bucket_start"] >= week[0] - 7 * DAY]
    return tuple(note for note in check_quality(near) if note.severity == "blind")


def _rollout(params: WeeklyParams, usage: pd.DataFrame, quality: Sequence[QualityNote]) -> Rollout:
    cutover, whole = params.cutover
    unfit = [n.text for n in quality if n.severity == "unfit" and n.about == "usage"]
    return watch(
        usage, cutover=cutover, full_cutover=whole, bars=params.bars,
        unfit=unfit[0] if unfit else "",
    )  # fmt: skip
