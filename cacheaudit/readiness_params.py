"""Parameters of notebooks/readiness.ipynb: what moves where, what is known, the bars, the plans."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any

import pandas as pd

from .errors import ParamError
from .gates import GateBars
from .params import Params, PostmortemParams, demand_zone, given_moment

DEFAULT = GateBars()
HELD = (  # bars of the gates before a cutover; the others belong to the weekly page
    "readiness_share", "above_minimum_share", "telemetry_share", "rollback_warm_share",
    "baseline_days",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadinessParams(Params):
    """Inputs of notebooks/readiness.ipynb; the keys of params/readiness*.yaml.

    name            short name of the report; part of the run folder's name
    provider        who serves both versions, as in usage
    incumbent       the version that serves now, as in usage
    candidate       the version that traffic is to move to
    cutover         when all of it is to have moved, UTC, ISO 8601; "" leaves it open
    source          where usage comes from: a key of sources.SOURCES
    path            file to read (frame, log, console export, saved pages); "" asks the provider
    start, end      window [start, end) of usage in UTC; "" takes baseline_days up to the cutover
    base_url        endpoint of the provider; "" is the provider's own
    pulls           organisation -> parameter file of its own pull, for source several
    key_variable    environment variable with the key; "" is the provider's usual one
    store_path      DuckDB file that keeps what was pulled; "" keeps nothing
    store_label     the account's name in the store; "" tells accounts apart by a hash of the key
    names           id -> name, for workspaces, projects, keys and models
    requests_path   request log to replay: a file, folder, glob, object store or database URL; ""
                    for none: then no plan is priced
    requests_table  table of a database URL
    requests_format format of the log; "" recognises it
    columns         request_table.py's column -> the log's own name for it
    max_loss        share of a log's calls that may be unreadable; above it the log is refused
    probe_path      findings.json of a probe of the candidate (cacheaudit probe --execute), best
                    with the incumbent in it; "" for none: then its hit rate is not known
    prices_path     CSV of own prices (price_table.py), before the price list's; "" for none
    ttl             lifetime that production asks for: 5m, 30m, 1h, 12h; "" is the versions' default
    tokenizer_ratio tokens on the candidate per token on the incumbent; 0 takes the probe's, else
                    the documented range
    ready_s         seconds until an entry can be read; 0 takes the log's median time to the first
                    token, where it has one
    minimum_tokens  shortest prefix that the candidate caches; 0 takes the probe's, else the
                    documented one
    plan            name of the plan to hold against the budget; "" takes the cheapest that fits
    budget_usd      what the cutover may cost above versions that had always served; 0: not given
    limit_tokens_per_min   rate limit on the candidate; 0: not known
    ramp_shares     shares of a ramp, in order
    ramp_hours      how long a ramp takes
    canary_share, canary_hours   share that moves first, and for how long
    prefixes        how many prefixes a prefill sends
    lead_s          from how long before traffic first moves
    keep_old_warm   share that stays on the incumbent in the plan that does so
    rollback_hours  after the cutover: when going back is tried
    rollback_days   for how long going back must stay possible
    floor           least hit rate, as a share of the usual one, in any hour of the cutover
    readiness_share share of the incumbent's hit rate that the candidate must keep
    above_minimum_share   share of cached tokens that must be in prefixes above its minimum
    telemetry_share share of requests that must report cache fields
    rollback_warm_share   share of the usual hit rate that going back must find
    baseline_days   days of usage that make the baseline
    paged           who is paged when the hit rate is below its bar after the cutover
    zone            the reader's (IANA), named beside UTC where times are acted on; "" for none
    run_folder      where to write findings.json and usage.parquet; "" writes nothing
    """

    name: str = "sample"
    provider: str = "anthropic"
    incumbent: str = "claude-sonnet-4-5-20250929"  # the sample's; cacheaudit: allow
    candidate: str = "claude-opus-4-6"
    cutover: str = "2026-03-17T14:20"
    source: str = "sample"
    path: str = ""
    start: str = ""
    end: str = ""
    base_url: str = ""
    pulls: dict[str, str] = field(default_factory=dict)
    key_variable: str = ""
    store_path: str = ""
    store_label: str = ""
    names: dict[str, str] = field(default_factory=dict)
    requests_path: str = ""
    requests_table: str = ""
    requests_format: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    max_loss: float = 0.01
    probe_path: str = ""
    prices_path: str = ""
    ttl: str = ""
    tokenizer_ratio: float = 0.0
    ready_s: float = 0.0
    minimum_tokens: int = 0
    plan: str = ""
    budget_usd: float = 0.0
    limit_tokens_per_min: float = 0.0
    ramp_shares: list[float] = field(default_factory=lambda: [0.1, 0.25, 0.5])
    ramp_hours: float = 6.0
    canary_share: float = 0.1
    canary_hours: float = 2.0
    prefixes: int = 20
    lead_s: float = 300.0
    keep_old_warm: float = 0.05
    rollback_hours: float = 1.0
    rollback_days: float = 7.0
    floor: float = 0.5
    readiness_share: float = DEFAULT.readiness_share
    above_minimum_share: float = DEFAULT.above_minimum_share
    telemetry_share: float = DEFAULT.telemetry_share
    rollback_warm_share: float = DEFAULT.rollback_warm_share
    baseline_days: float = DEFAULT.baseline_days
    paged: str = "the on-call engineer"
    zone: str = ""
    run_folder: str = ""

    def __post_init__(self) -> None:
        if not self.incumbent or not self.candidate or self.incumbent == self.candidate:
            raise ParamError(
                f"incumbent is {self.incumbent!r} and candidate {self.candidate!r}; expected two"
                " versions: the one that serves now, and the one that traffic is to move to."
            )
        for name in ("tokenizer_ratio", "ready_s", "minimum_tokens", "budget_usd"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ParamError(f"{name} is {getattr(self, name)}; expected 0 or more.")
        if not 0 < self.rollback_days < float("inf"):
            raise ParamError(f"rollback_days is {self.rollback_days}; expected days above 0.")
        demand_zone(self.zone)
        until = self.at or pd.Timestamp("2026-01-01", tz="UTC")
        _ = self.bars, self.pull(until)  # both refuse what is out of range, or holds a secret

    @property
    def at(self) -> pd.Timestamp | None:
        """The planned cutover; None where none is given."""
        return given_moment("cutover", self.cutover)

    @property
    def bars(self) -> GateBars:
        """The bars of the gates before a cutover."""
        return GateBars(**{name: getattr(self, name) for name in HELD})

    def pull(self, until: pd.Timestamp) -> PostmortemParams:
        """What a source is asked with: usage by the hour, `baseline_days` of it up to *until*."""
        shared = {f.name for f in fields(PostmortemParams)}
        given = {f.name: getattr(self, f.name) for f in fields(self) if f.name in shared}
        del given["probe_path"], given["prices_path"]
        first = until - pd.Timedelta(days=self.baseline_days)
        given["start"] = self.start or first.floor("h").isoformat()
        given["end"] = self.end or until.floor("h").isoformat()
        return PostmortemParams(**given, minutes=False)

    def to_dict(self) -> dict[str, Any]:
        """For provenance: every parameter but places to keep things, which are no input."""
        return {k: v for k, v in asdict(self).items() if k not in ("run_folder", "store_path")}
