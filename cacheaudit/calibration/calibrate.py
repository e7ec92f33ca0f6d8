"""Plant falls in a quiet history, count what is found, and what is found where nothing is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..bars import Bars
from ..errors import ParamError, UnfitData
from ..metrics import rollup
from ..price_table import PriceTable
from ..quality import check_quality
from ..schema import COHORT, Cohort, check_usage, cohorts_of
from ..words import share
from .detect import delay_h
from .plant import Plot, Site, plant, plots_of, sites
from .quiet import Quiet, quiet_stretch
from .resample import false_alarms
from .result import Calibration, CohortPower, DropPower, FalseAlarms
from .watch import DAY, Watch, watch_of

WINDOWS = 3  # quiet windows per planting
DROPS = (0.05, 0.1, 0.2, 0.4)


def calibrate(
    usage: pd.DataFrame,
    events: pd.DataFrame | None = None,
    *,
    drops: Sequence[float] = DROPS,
    plants: int = 40,
    seed: int = 1,
    bars: Bars | None = None,
    prices: PriceTable | None = None,
) -> Calibration:
    """The power of the diagnosis' alarm on *usage* (a usage frame of settled buckets).

    drops   sizes of falls, as shares in (0, 1); each is planted at the same *plants* places, but
            for those in cohorts whose rate is smaller
    events  what the caller knows to have changed

    Raises ParamError for a size or a number out of range, UnfitData where the usage cannot be
    judged, too little of it is quiet, no cohort reads from its cache all along, or no fall of these
    sizes has room.
    """
    sizes = _checked(drops, plants)
    usage = check_usage(usage)
    _demand_fit(usage)
    watch = watch_of(usage, events, bars=bars, prices=prices)
    quiet = quiet_stretch(rollup(usage, watch.width), watch)
    plots = plots_of(quiet)
    if not plots:
        raise UnfitData(
            "no cohort has a hit rate that is watched from the first quiet day to the last;"
            " expected one that reads from its cache. There is nothing that could fall."
        )
    where, noise, calm = np.random.default_rng(seed).spawn(3)
    places = tuple(sites(quiet, plots, plants, where))
    trials = tuple(_planted(quiet, watch, places, sizes, noise))
    powers = _powers(trials, sizes)
    if not powers:
        highest = max(plot.rate for plot in plots)
        raise UnfitData(
            f"a hit rate of at most {share(highest)} has room for none of the falls asked for;"
            " expected one that is smaller than the rate. Ask for smaller ones (--drops)."
        )
    windows = WINDOWS * plants
    alarms = FalseAlarms(found=false_alarms(quiet, watch, windows, calm), windows=windows)
    own = {plot: [t for t in trials if t.site.plot == plot] for plot in plots}
    return Calibration(
        window=(quiet.start, quiet.end),
        alpha=watch.bars.alpha,
        series=len(quiet.series),
        seed=seed,
        false_alarms=alarms,
        drops=powers,
        cohorts=tuple(
            CohortPower(cohort=p.cohort, share=p.share, rate=p.rate, drops=_powers(own[p], sizes))
            for p in plots
        ),
        left_out=quiet.left_out,
        days_without_data=(quiet.end - quiet.start) // DAY - len(quiet.days),
        too_large=tuple(s for s in sizes if s not in {one.points for one in powers}),
        not_planted=_others(quiet, plots),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One place for a fall, and when it was found; clipped: no room there, and none was planted."""

    site: Site
    points: float
    delay_h: int | None
    clipped: bool


def _planted(
    quiet: Quiet,
    watch: Watch,
    places: tuple[Site, ...],
    sizes: tuple[float, ...],
    rng: np.random.Generator,
) -> Iterator[Trial]:
    ends = pd.DatetimeIndex(quiet.usage["bucket_end"].drop_duplicates().sort_values())
    for points in sizes:
        for site in places:
            if points > site.plot.rate:
                yield Trial(site=site, points=points, delay_h=None, clipped=True)
                continue
            fallen = plant(quiet.usage, site, points, rng)
            series = watch.replanted(quiet.series, fallen.usage, site.plot.cohort)
            delay = delay_h(watch, series, ends, site)
            yield Trial(site=site, points=points, delay_h=delay, clipped=False)


def _powers(trials: Sequence[Trial], sizes: Sequence[float]) -> tuple[DropPower, ...]:
    """By size, the smallest first; none of a size that had room nowhere."""
    found = []
    for points in sorted(sizes):
        own = [t for t in trials if t.points == points]
        delays = tuple(t.delay_h for t in own if not t.clipped)
        if delays:
            clipped = sum(t.clipped for t in own)
            found.append(DropPower(points=points, delays_h=delays, clipped=clipped))
    return tuple(found)


def _others(quiet: Quiet, plots: tuple[Plot, ...]) -> tuple[Cohort, ...]:
    every = cohorts_of(quiet.usage[COHORT].drop_duplicates())
    known = {plot.cohort for plot in plots}
    return tuple(sorted((c for c in every if c not in known), key=str))


def _checked(drops: Sequence[float], plants: int) -> tuple[float, ...]:
    if not drops or not all(0 < size < 1 for size in drops):
        raise ParamError(f"drops are {list(drops)}; expected shares in (0, 1), such as 0.1.")
    if plants < 10:
        raise ParamError(f"plants is {plants}; expected 10 or more: fewer say nothing of a share.")
    return tuple(sorted(set(drops)))


def _demand_fit(usage: pd.DataFrame) -> None:
    for note in check_quality(usage):
        if note.severity == "unfit" and note.about == "usage":
            raise UnfitData(note.text)
