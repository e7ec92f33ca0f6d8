"""A story: the truth, what its data can tell, and the world that makes the data."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from .arrivals import arrivals
from .cache import served
from .classes import Ids
from .frames import at_day, cost_frame, events_frame, usage_frame
from .prices import LIST_USD_PER_M, usd_of
from .reqlog import OPTIONAL, request_table
from .world import BEFORE, Cohort

T = 14.43  # day of the change, before the seed moves it by up to 20 hours
EVERYTHING: tuple[str, ...] = tuple(OPTIONAL)
FULL_LOG: tuple[str, ...] = tuple(c for c in OPTIONAL if c != "cache_miss_reason")
JITTER_H = 20
Spoil = Callable[[pd.DataFrame, float], pd.DataFrame]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """The data of one story and seed, and its truth in numbers.

    start       when the cause began; NaT where nothing did
    extra_usd   cost since start minus that of the same requests without the cause; NaN where
                the story does not say (a workload, a price, a measurement is no excess)
    """

    usage: pd.DataFrame
    events: pd.DataFrame | None
    requests: pd.DataFrame | None
    cost: pd.DataFrame | None
    start: pd.Timestamp
    extra_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One planted incident.

    truth         id of the cause; None: nothing worth an alarm happened
    cls           causes that this story's data cannot tell apart, the truth among them
    identifiable  this data decides, by docs/METHODS.md
    kinds         two changes in one hour without a contrast: families of both; the right verdict
                  is then not_identifiable
    visible       False: hourly buckets hide it; only a wrong accusation counts
    day           when the cause begins (planted clock)
    log           optional columns of the request table; None: there is none
    labels        labels beyond model, scope and route that the usage report tells apart
    spoil_log, spoil_usage   what goes wrong when the requests are logged, or reported
    from_log      the usage frame is made from the log, faults and all
    cost_factor   the provider's prices rise by this at `day`; a cost table is given
    excess        whether extra_usd is defined for this cause
    jitter_h      the seed moves all changes by up to so many hours
    """

    name: str
    truth: str | None
    cls: Ids
    cohorts: tuple[Cohort, ...]
    day: float = T
    identifiable: bool = False
    kinds: frozenset[str] = frozenset()
    visible: bool = True
    days: int = 21
    width: str = "1h"
    labels: tuple[str, ...] = ()
    events: tuple[tuple[float, str, str, str | None], ...] = ()
    log: tuple[str, ...] | None = None
    spoil_log: Spoil | None = None
    spoil_usage: Spoil | None = None
    from_log: bool = False
    cost_factor: float | None = None
    excess: bool = False
    jitter_h: int = JITTER_H

    @property
    def also(self) -> Ids:
        """What is true besides: a new version that costs another price is no wrong accusation."""
        cards = [{LIST_USD_PER_M[p.version.id] for _, p in c.phases} for c in self.cohorts]
        return frozenset({"model.price"}) if any(len(c) > 1 for c in cards) else frozenset()

    @property
    def coinciding(self) -> bool:
        """Two changes share an hour, and nothing tells them apart."""
        return bool(self.kinds)

    @property
    def alarms(self) -> bool:
        """A reader of this data should be told of an incident."""
        return self.truth is not None and self.visible

    def make(self, seed: int) -> Planted:
        """The story's data; equal seeds give equal data."""
        rng = np.random.default_rng([seed, zlib.crc32(self.name.encode())])
        shift = rng.integers(-self.jitter_h * 60, self.jitter_h * 60 + 1) / 1440
        cohorts = [_moved(c, shift, rng.lognormal(0, 0.12)) for c in self.cohorts]
        seeds = rng.integers(2**63, size=len(cohorts))
        actual, before = [], []
        for cohort, own in zip(cohorts, seeds, strict=True):
            drawn = arrivals(cohort, self.days, np.random.default_rng(own))
            actual.append(_kept(served(drawn, cohort), cohort))
            if self.excess:
                if any(p.parallel for _, p in cohort.phases):  # the same requests, one by one
                    calm = np.random.default_rng(own)
                    drawn = arrivals(cohort.as_before(), self.days, calm)
                before.append(_kept(served(drawn, cohort.as_before(), as_before=True), cohort))
        start_day = self.day + shift
        done = pd.concat(actual, ignore_index=True).sort_values(
            "at_s", kind="stable", ignore_index=True
        )
        done["row"] = np.arange(len(done))  # a repeated line keeps its response id
        extra_usd = float("nan")
        if self.excess:
            extra_usd = _since(done, start_day) - _since(pd.concat(before), start_day)
        logged = self.spoil_log(done, start_day * 86400) if self.spoil_log else done
        reported = logged if self.from_log else done
        if self.spoil_usage:
            reported = self.spoil_usage(reported, start_day * 86400)
        moved = [(day + shift, *rest) for day, *rest in self.events]
        factor = self.cost_factor
        return Planted(
            usage=usage_frame(reported, self.width, self.labels),
            events=events_frame(moved) if moved else None,
            requests=None if self.log is None else request_table(logged, self.log),
            cost=None if factor is None else cost_frame(done, start_day * 86400, factor),
            start=pd.NaT if self.truth is None else at_day(start_day),
            extra_usd=extra_usd,
        )


def _moved(cohort: Cohort, shift: float, busier: float) -> Cohort:
    """*cohort* with its changes *shift* days later and *busier* times the traffic."""
    phases = tuple((day if day == BEFORE else day + shift, p) for day, p in cohort.phases)
    return replace(cohort, phases=phases, sessions_per_hour=cohort.sessions_per_hour * busier)


def _kept(requests: pd.DataFrame, cohort: Cohort) -> pd.DataFrame:
    """Requests after the burn-in, labelled."""
    kept = requests[requests["at_s"] >= 0]
    return kept.assign(
        provider=cohort.provider, route=cohort.route, cohort=f"{cohort.scope}-{cohort.route}"
    )


def _since(requests: pd.DataFrame, day: float) -> float:
    return usd_of(requests[requests["at_s"] >= day * 86400])
