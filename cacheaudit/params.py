"""Parameters of each notebook, declared once and checked before a run.

papermill only logs an unknown parameter, checks no type and writes every value into the
executed notebook. So: one frozen dataclass per notebook, `read_params` before papermill starts,
and no secrets here (keys come from the environment alone).
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self, TypeVar, get_args, get_origin
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd
import yaml

from .bars import Bars
from .credentials import refuse_credentials, refuse_secret
from .errors import ParamError
from .moments import utc

T = TypeVar("T", bound="Params")

DEFAULT = Bars()
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
BUCKETS = {"1m": pd.Timedelta("1min"), "1h": pd.Timedelta("1h"), "1d": pd.Timedelta("1D")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """What the parameters of every notebook have."""

    @classmethod
    def of(cls, cell: Mapping[str, Any]) -> Self:
        """The parameters found in a notebook's namespace, checked like a file's."""
        return read_params(cls, {f.name: cell[f.name] for f in fields(cls) if f.name in cell})


@dataclass(frozen=True, slots=True, kw_only=True)
class PostmortemParams(Params):
    """Inputs of notebooks/postmortem.ipynb; the keys of params/postmortem*.yaml.

    name            short name of the report; part of the run folder's name
    source          where usage comes from: a key of sources.SOURCES
    path            file to read (frame, console export, saved pages); "" asks the provider
    cost_path       console cost export to set beside usage; "" for none
    start, end      window [start, end) in UTC, ISO 8601; "" takes the source's own
    bucket          width of a bucket: 1m, 1h or 1d
    minutes         pull the 24 h around a cutover by the minute, where the source offers it
    base_url        endpoint of the provider; "" is the provider's own
    pulls           organisation -> parameter file of its own pull, for source several; paths are
                    from where the command runs
    key_variable    environment variable with the key; "" is the provider's usual one
    store_path      DuckDB file that keeps what was pulled, so that the next run asks for the
                    unsettled tail alone; "" keeps nothing
    store_label     the account's name in the store; "" tells accounts apart by a hash of the key
    names           id -> name, for workspaces, projects, keys and models (deployments,
                    inference profiles); several ids may share one
    events_path     CSV of events (at, kind, what[, scope, source]); "" for none
    owners_path     CSV of owners (scope, route, team[, service]); "" for none
    requests_path   request log: a file, folder, glob or object store in one of the formats of
                    logs/formats.py or in request_table.py's columns, or a database URL; "" for none
    requests_table  table of a database URL, such as public.calls
    requests_format format of the log; "" recognises it
    columns         request_table.py's column -> the log's own name for it
    max_loss        share of a log's calls that may be unreadable; above it the log is refused
    prices_path     CSV of own prices (price_table.py), before the price list's; "" for none
    signals_path    CSV of signals (at, name, value[, unit]); "" for none
    probe_path      findings.json of a probe that was executed: what the versions do on the live
                    API is held against the causes; "" for none
    min_drop        smallest change of a hit rate that counts as a shift, as a share
    min_rise        smallest relative rise of cost per request that counts as a shift
    alpha           false-alarm rate of the whole diagnosis
    material_usd    an incident below this excess is called immaterial
    recovered_at_share  a hit rate counts as recovered from this share of its baseline on
    recovery_hours  recovery objective after the cutover, in hours
    tokenizers      model -> tokens per token of the models not named, for the same text: splits a
                    new tokenizer from longer prompts where no request log measures it
    bill_tolerance  a bill this close to the priced tokens reconciles, as a share of the bill
    zone            the reader's (IANA), named beside UTC where times are acted on; "" for none
    run_folder      where to write findings.json and usage.parquet; "" writes nothing
    """

    name: str = "sample"
    source: str = "sample"
    path: str = ""
    cost_path: str = ""
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
    events_path: str = ""
    owners_path: str = ""
    requests_path: str = ""
    requests_table: str = ""
    requests_format: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    max_loss: float = 0.01
    prices_path: str = ""
    tokenizers: dict[str, float] = field(default_factory=dict)
    signals_path: str = ""
    probe_path: str = ""
    min_drop: float = DEFAULT.min_drop
    min_rise: float = DEFAULT.min_rise
    alpha: float = DEFAULT.alpha
    material_usd: float = DEFAULT.material_usd
    recovered_at_share: float = DEFAULT.recovered_at_share
    recovery_hours: float = DEFAULT.recovery_hours
    bill_tolerance: float = DEFAULT.bill_tolerance
    zone: str = ""
    run_folder: str = ""

    def __post_init__(self) -> None:
        for name in ("min_drop", "alpha", "recovered_at_share", "bill_tolerance"):
            if not 0 < getattr(self, name) < 1:
                raise ParamError(f"{name} is {getattr(self, name)}; expected a share in (0, 1).")
        if not 0 <= self.max_loss < 1:
            raise ParamError(f"max_loss is {self.max_loss}; expected a share in [0, 1).")
        if self.key_variable and not VARIABLE.fullmatch(self.key_variable):
            raise ParamError(
                "key_variable is no name of an environment variable; expected letters, digits and"
                " underscores. The key itself belongs into the environment, never here."
            )
        refuse_secret("base_url", self.base_url)
        demand_zone(self.zone)
        if self.bucket not in BUCKETS:
            raise ParamError(f"bucket is {self.bucket!r}; expected one of {list(BUCKETS)}.")
        if bad := {m: r for m, r in self.tokenizers.items() if not r > 0}:
            raise ParamError(f"tokenizers holds {bad}; expected tokens per token, above 0.")
        start, end = self.window
        if start is not None and end is not None and start >= end:
            raise ParamError(f"start {self.start} is not before end {self.end}; swap them.")

    @property
    def window(self) -> tuple[pd.Timestamp | None, pd.Timestamp | None]:
        """[start, end) as UTC timestamps; None where the source decides."""
        return given_moment("start", self.start), given_moment("end", self.end)

    @property
    def bars(self) -> Bars:
        """What counts as a shift, as material, as recovered."""
        return Bars(**{f.name: getattr(self, f.name) for f in fields(Bars)})

    @property
    def width(self) -> pd.Timedelta:
        """Width of a bucket."""
        return BUCKETS[self.bucket]

    def to_dict(self) -> dict[str, Any]:
        """For provenance: every parameter but places to keep things, which are no input."""
        return {k: v for k, v in asdict(self).items() if k not in ("run_folder", "store_path")}


def given_moment(name: str, text: str) -> pd.Timestamp | None:
    """As moment_of; None for ""."""
    return moment_of(name, text) if text else None


def moment_of(name: str, text: str) -> pd.Timestamp:
    """The time that *text* says, in UTC; *name* is told in the ParamError."""
    try:
        return utc(text)
    except ValueError as error:
        raise ParamError(
            f"{name} is {text!r}; expected a time such as 2026-03-17T14:20."
        ) from error


def demand_zone(zone: str) -> None:
    """Refuse a *zone* that is not of the IANA database; "" is none. Raises ParamError."""
    try:
        _ = zone and ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ParamError(
            f"zone is {zone!r}; expected an IANA name such as Europe/Berlin."
        ) from error


def read_params(kind: type[T], given: Mapping[str, Any]) -> T:
    """Build *kind* from *given*, refusing names and types it does not declare, and places with a
    credential in them. Raises ParamError."""
    known = {f.name: f for f in fields(kind)}
    for name, value in given.items():
        if name not in known:
            near = get_close_matches(str(name), known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it knows {sorted(known)}."
            raise ParamError(f"{kind.__name__} has no {name!r}; {hint}")
        expected = known[name].type
        if not _fits(value, expected):
            words = getattr(get_origin(expected) or expected, "__name__", "")
            raise ParamError(f"{name} is {type(value).__name__}; expected {words}.")
        for place in _places(name, value):
            refuse_credentials(place, name)
    return kind(**given)


def read_params_file(kind: type[T], path: Path, overrides: Mapping[str, Any]) -> T:
    """Read a YAML mapping at *path*, put *overrides* over it and check the result.

    Raises ParamError, which quotes no line of the file.
    """
    refuse_credentials(path)
    if not path.is_file():
        raise ParamError(f"no parameter file at {path}; expected YAML. See params/ for examples.")
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise ParamError(
            f"{path} cannot be read ({why}); expected YAML in UTF-8. Save it again, or check who"
            " may read it."
        ) from error
    except yaml.YAMLError as error:
        raise ParamError(
            f"{path} is not YAML{_line_of(error)}; expected 'name: value' lines. Set that right."
        ) from None  # its own words quote the line
    except ValueError:
        raise ParamError(
            f"{path} holds a date or a number that is none; expected one such as 2026-03-17."
        ) from None
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise ParamError(f"{path} holds a {type(given).__name__}; expected 'name: value' lines.")
    plain = {k: v.isoformat() if hasattr(v, "isoformat") else v for k, v in given.items()}
    return read_params(kind, plain | dict(overrides))


def _places(name: str, value: Any) -> list[str]:
    """What of a parameter says where something is read or kept."""
    if name == "path" or name.endswith("_path"):
        return [value]
    return list(value.values()) if name == "pulls" else []


def _line_of(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f" at line {mark.line + 1}" if mark is not None else ""


def _fits(value: object, expected: Any) -> bool:
    if expected is Any:
        return True
    if expected is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if get_origin(expected) is dict:
        key, item = get_args(expected)
        return isinstance(value, dict) and all(
            _fits(k, key) and _fits(v, item) for k, v in value.items()
        )
    if get_origin(expected) is list:
        (item,) = get_args(expected)
        return isinstance(value, list) and all(_fits(v, item) for v in value)
    if expected is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, expected)
