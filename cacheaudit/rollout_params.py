"""Parameters of notebooks/weekly.ipynb: where usage comes from, what is usual, the bars."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any

import pandas as pd

from .errors import ParamError
from .gates import GateBars
from .params import Params, PostmortemParams, demand_zone, given_moment

DEFAULT = GateBars()
LONGEST_DAYS = 366
WATCHED = (  # bars of the gates after a cutover; the others belong to readiness
    "baseline_days", "rollout_window_share", "rollout_window_hours", "recovered_at_share",
    "recovery_hours", "telemetry_share",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeklyParams(Params):
    """Inputs of notebooks/weekly.ipynb; the keys of params/weekly*.yaml.

    name            short name of the report; part of the run folder's name
    since           the cutover in UTC, ISO 8601; "" takes the newest in the data
    full_cutover    when all traffic had moved; "" reads it from what served
    source          where usage comes from: a key of sources.SOURCES
    path            file to read (frame, log, console export, saved pages); "" asks the provider
    start, end      window [start, end) in UTC; "" begins with the baseline, and ends now
    bucket          width of a bucket: 1m, 1h or 1d; a rollout window of hours needs hours
    minutes         pull the 24 h around a cutover by the minute, where the source offers it
    base_url        endpoint of the provider; "" is the provider's own
    pulls           organisation -> parameter file of its own pull, for source several
    key_variable    environment variable with the key; "" is the provider's usual one
    store_path      DuckDB file that keeps what was pulled; "" keeps nothing
    store_label     the account's name in the store; "" tells accounts apart by a hash of the key
    names           id -> name, for workspaces, projects, keys and models
    requests_table  table of a database URL, for source log
    requests_format format of the log; "" recognises it
    columns         request_table.py's column -> the log's own name for it
    max_loss        share of a log's calls that may be unreadable; above it the log is refused
    events_path     CSV of events (at, kind, what[, scope, source]); "" for none
    prices_path     CSV of own prices (price_table.py), before the price list's; "" for none
    week_days       length of the week: it ends with the data
    week_baseline_days  days before the week that it is held against, those with an incident left
                    out; three weeks give each hour of a weekend enough days to have a usual level
    baseline_path   run folder, or usage frame, of a frozen baseline: it does not move along with
                    a slow loss, and ends before the week. "" takes the days before the week
    baseline_start, baseline_end   window of it in UTC; "" takes all that is there
    moved_share     relative change of a hit rate or of a cost beyond which it moved, once its
                    whole interval is
    moved_volume_share  the same for the volume, which moves by itself
    reports_path    folder of run folders: what is new since the last of them, which fixes were
                    verified (by postmortems of this name). The command line sets it to --out; ""
                    compares with the week before
    calibration_path    calibration.json of `cacheaudit calibrate`; "" for none
    ahead_days      how far ahead the end of a model in use is told
    baseline_days   days before the cutover that make the baseline
    rollout_window_share  share of the baseline that a cutover must reach ...
    rollout_window_hours  ... within so many hours
    recovered_at_share    share of the baseline that counts as back at it
    recovery_hours  hours after the full cutover in which it must be back
    telemetry_share share of requests that must report cache fields
    zone            the reader's (IANA), named beside UTC where times are acted on; "" for none
    run_folder      where to write findings.json and usage.parquet; "" writes nothing
    """

    name: str = "sample"
    since: str = ""
    full_cutover: str = ""
    source: str = "sample"
    path: str = ""
    start: str = ""
    end: str = ""
    bucket: str = "1h"
    minutes: bool = True
    base_url: str = ""
    pulls: dict[str, str] = field(default_factory=dict)
    key_variable: str = ""
    store_path: str = ""
    store_label: str = ""
    names: dict[str, str] = field(default_factory=dict)
    requests_table: str = ""
    requests_format: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    max_loss: float = 0.01
    events_path: str = ""
    prices_path: str = ""
    week_days: float = 7.0
    week_baseline_days: float = 21.0
    baseline_path: str = ""
    baseline_start: str = ""
    baseline_end: str = ""
    moved_share: float = 0.05
    moved_volume_share: float = 0.25
    reports_path: str = ""
    calibration_path: str = ""
    ahead_days: float = 90.0
    baseline_days: float = DEFAULT.baseline_days
    rollout_window_share: float = DEFAULT.rollout_window_share
    rollout_window_hours: float = DEFAULT.rollout_window_hours
    recovered_at_share: float = DEFAULT.recovered_at_share
    recovery_hours: float = DEFAULT.recovery_hours
    telemetry_share: float = DEFAULT.telemetry_share
    zone: str = ""
    run_folder: str = ""

    def __post_init__(self) -> None:
        began, whole = self.cutover
        if began is not None and whole is not None and whole < began:
            raise ParamError(
                f"full_cutover {self.full_cutover} is before since {self.since}; swap them."
            )
        for name in ("week_days", "week_baseline_days"):
            if not 1 <= getattr(self, name) <= LONGEST_DAYS:
                raise ParamError(
                    f"{name} is {getattr(self, name)}; expected 1 to {LONGEST_DAYS} days."
                )
        demand_zone(self.zone)
        for name in ("moved_share", "moved_volume_share"):
            if not 0 < getattr(self, name) < 1:
                raise ParamError(f"{name} is {getattr(self, name)}; expected a share in (0, 1).")
        if not 0 <= self.ahead_days < float("inf"):
            raise ParamError(f"ahead_days is {self.ahead_days}; expected a number of days.")
        first, last = self.frozen
        if (first or last) and not self.baseline_path:
            raise ParamError(
                "baseline_start or baseline_end without baseline_path; set it to the run folder"
                " whose usage is the baseline, or leave both empty."
            )
        if first is not None and last is not None and first >= last:
            raise ParamError(
                f"baseline_start {self.baseline_start} is not before baseline_end"
                f" {self.baseline_end}; swap them."
            )
        _ = self.bars, self.pull  # both refuse what is out of range, or holds a secret

    @property
    def cutover(self) -> tuple[pd.Timestamp | None, pd.Timestamp | None]:
        """When it began and when all had moved, as UTC timestamps; None where the data decides."""
        return given_moment("since", self.since), given_moment("full_cutover", self.full_cutover)

    @property
    def frozen(self) -> tuple[pd.Timestamp | None, pd.Timestamp | None]:
        """Window of a frozen baseline, as UTC timestamps; None where its data decides."""
        return (
            given_moment("baseline_start", self.baseline_start),
            given_moment("baseline_end", self.baseline_end),
        )

    @property
    def bars(self) -> GateBars:
        """The bars of the gates after a cutover; those of readiness are not asked for here."""
        return GateBars(**{name: getattr(self, name) for name in WATCHED})

    @property
    def pull(self) -> PostmortemParams:
        """What a source is asked with; without a start, from the baseline's first day on."""
        shared = {f.name for f in fields(PostmortemParams)} - {
            "recovered_at_share",
            "recovery_hours",
        }
        given = {f.name: getattr(self, f.name) for f in fields(self) if f.name in shared}
        began, _ = self.cutover
        if not self.start and began is not None:
            first = began - pd.Timedelta(days=self.baseline_days)
            given["start"] = first.floor("D").isoformat()
        return PostmortemParams(**given)

    def to_dict(self) -> dict[str, Any]:
        """For provenance: every parameter but places to keep things, which are no input."""
        return {k: v for k, v in asdict(self).items() if k not in ("run_folder", "store_path")}
