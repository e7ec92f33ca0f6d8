"""Anthropic Console CSV exports (no admin key needed): tokens -> usage frame, cost -> cost table.

    token export                          usage frame
    usage_date_utc                        bucket_start, bucket_end (one day)
    model_version                         model
    workspace, api_key                    scope, route
    usage_type                            service_tier
    context_window (≤ 200k, > 200k)       context_window (0-200k, 200k-1M)
    inference_geo, speed (newer exports)  region, speed
    usage_input_tokens_no_cache           uncached_input_tokens
    usage_input_tokens_cache_write_5m     cache_write_5m_tokens (1h: likewise)
    usage_input_tokens_cache_read         cache_read_tokens
    usage_output_tokens                   output_tokens

Token rows that agree in every label are summed. Cost rows are never merged: real exports repeat
a complete key with two amounts. Neither export counts requests; costs are rounded to cents.
"""

import re
from pathlib import Path

import pandas as pd

from ..errors import EmptyWindow, ParamError, SchemaError
from ..params import PostmortemParams
from ..schema import COUNTS, KEY, check_cost, check_usage, empty_usage
from .frame import nothing_inside, span
from .pull import Pull
from .tables import existing_file, header, read_csv

DAY = pd.Timedelta("1D")
LABELS = {
    "model_version": "model",
    "workspace": "scope",
    "api_key": "route",
    "usage_type": "service_tier",
    "context_window": "context_window",
    "inference_geo": "region",
    "speed": "speed",
}
TOKENS = {
    "usage_input_tokens_no_cache": "uncached_input_tokens",
    "usage_input_tokens_cache_write_5m": "cache_write_5m_tokens",
    "usage_input_tokens_cache_write_1h": "cache_write_1h_tokens",
    "usage_input_tokens_cache_read": "cache_read_tokens",
    "usage_output_tokens": "output_tokens",
}
COST_TEXT = ["workspace", "api_key", "usage_type", "context_window", "token_type"]
OPTIONAL = ["inference_geo", "speed", "list_price_usd"]
FORMS = {
    "token": [
        "usage_date_utc",
        *(c for c in LABELS if c not in OPTIONAL),
        *TOKENS,
        "web_search_count",
    ],
    "cost": ["usage_date_utc", "model", *COST_TEXT, "cost_usd", "cost_type"],
}
CONTEXT_WINDOWS = {"≤ 200k": "0-200k", "> 200k": "200k-1M"}
TOKEN_TYPES = {
    "input_no_cache": "uncached_input",
    "input_cache_read": "cache_read",
    "input_cache_write_5m": "cache_write_5m",
    "input_cache_write_1h": "cache_write_1h",
    "output": "output",
}
_TYPES = {
    "usage_date_utc": "day",
    **dict.fromkeys([*TOKENS, "web_search_count"], "count"),
    **dict.fromkeys(["cost_usd", "list_price_usd"], "number"),
}


def fetch(params: PostmortemParams, *, now: pd.Timestamp | None = None) -> Pull:
    """Whole days of the exports at params.path (either kind) and params.cost_path (cost)."""
    usage, cost, notes = empty_usage(), None, []
    for kind, path in _exports(params).items():
        raw = _read(path, kind)
        notes += _notes(raw, kind, path)
        if kind == "token":
            usage = token_usage(raw)
        else:
            cost = cost_table(raw)
    days = pd.concat([usage["bucket_start"], *([] if cost is None else [cost["day"]])])
    names = " and ".join(p.name for p in _exports(params).values())
    if days.empty:
        raise EmptyWindow(f"{names} has a header and no rows; expected at least one day.")
    data = (days.min(), days.max() + DAY)
    start, end = span(params.window, data, now)
    days = days[(days >= start) & (days + DAY <= end)]
    if days.empty:
        raise EmptyWindow(nothing_inside(names, (start, end), data))
    return Pull(
        usage=usage[usage["bucket_start"].isin(days)].reset_index(drop=True),
        cost=None if cost is None else cost[cost["day"].isin(days)].reset_index(drop=True),
        source=f"Anthropic Console export {names}",
        start=start,
        end=end,
        notes=(*notes, *_days_without_rows(days, start, end)),
    )


def export_kind(path: str | Path) -> str:
    """`token` or `cost`, told by the header of the file at *path*."""
    names = header(existing_file(path))
    for kind, form in FORMS.items():
        if set(form) <= set(names):
            return kind
    raise SchemaError(
        f"{Path(path).name} is no Anthropic Console export: its columns are {names}."
        f" Expected those of the token export {FORMS['token']} or of the cost export"
        f" {FORMS['cost']}. Export it again, or see docs/SOURCES.md."
    )


def token_usage(raw: pd.DataFrame) -> pd.DataFrame:
    """The usage frame of a token export, one row per day and key."""
    present = [c for c in LABELS if c in raw.columns]
    usage = raw[[*present, *TOKENS]].rename(columns={**LABELS, **TOKENS})
    usage = usage.assign(
        bucket_start=raw["usage_date_utc"],
        bucket_end=raw["usage_date_utc"] + DAY,
        provider="anthropic",
        context_window=raw["context_window"].replace(CONTEXT_WINDOWS),
    )
    keys = [c for c in KEY if c in usage.columns]
    counts = [c for c in COUNTS if c in usage.columns]
    summed = usage.groupby(keys, dropna=False, sort=False)[counts].sum(min_count=1)
    return check_usage(summed.reset_index())


def cost_table(raw: pd.DataFrame) -> pd.DataFrame:
    """The cost table of a cost export, every row kept."""
    return check_cost(
        pd.DataFrame(
            {
                "day": raw["usage_date_utc"],
                "provider": "anthropic",
                "model": raw["model"].map(model_id, na_action="ignore"),
                "scope": raw["workspace"],
                "api_key": raw["api_key"],
                "token_type": raw["token_type"].replace(TOKEN_TYPES),
                "cost_type": raw["cost_type"].replace({"token": "tokens"}),
                "amount_usd": raw["cost_usd"],
                "list_usd": raw.get("list_price_usd"),
            }
        )
    )


def model_id(name: str) -> str:
    """The id of a model from its display name; any other name stays as it is.

    >>> model_id("Claude Opus 4.5"), model_id("Claude Haiku 3.5"), model_id("Claude Next")
    ('claude-opus-4-5', 'claude-3-5-haiku', 'Claude Next')
    """
    if not (found := re.fullmatch(r"Claude ([A-Z][a-z]+) (\d+)(?:\.(\d+))?", name)):
        return name
    family, major, minor = found[1].lower(), found[2], found[3]
    version = major if minor is None else f"{major}-{minor}"
    return f"claude-{version}-{family}" if int(major) < 4 else f"claude-{family}-{version}"


def _exports(params: PostmortemParams) -> dict[str, Path]:
    """{kind: file} of the exports that *params* names."""
    if not params.path:
        raise ParamError("path is empty; source 'console' reads an export. Set path to it.")
    found = {export_kind(params.path): Path(params.path)}
    if params.cost_path:
        if (kind := export_kind(params.cost_path)) != "cost":
            raise SchemaError(f"cost_path is a {kind} export; expected a cost export.")
        if "cost" in found:
            raise ParamError("path and cost_path are both cost exports; clear cost_path.")
        found["cost"] = Path(params.cost_path)
    return found


def _read(path: Path, kind: str) -> pd.DataFrame:
    raw = read_csv(path, f"a Console {kind} export", FORMS[kind], _TYPES)
    amounts = ["cost_usd"] if kind == "cost" else []
    if any(raw[c].isna().any() for c in amounts):
        raise SchemaError(f"cost_usd is empty in a row of {path.name}; expected an amount.")
    return raw


def _notes(raw: pd.DataFrame, kind: str, path: Path) -> list[str]:
    """What the reader must know about one export."""
    notes = []
    if ignored := [c for c in raw.columns if c not in {*FORMS[kind], *OPTIONAL}]:
        notes.append(f"{path.name}: columns {ignored} are new to this kit and were ignored.")
    if kind == "token":
        labels = [c for c in raw.columns if c in LABELS or c == "usage_date_utc"]
        if repeated := int(raw.duplicated(labels).sum()):
            notes.append(f"{path.name}: {repeated} rows repeat a key and were summed.")
        if searches := int(raw["web_search_count"].sum()):
            notes.append(f"{path.name}: {searches} web searches are billed apart, not shown here.")
        return [*notes, f"{path.name} counts no requests; rates per request are unknown."]
    names = raw["model"].dropna().unique()
    if kept := sorted(n for n in names if model_id(n) == n):
        notes.append(f"{path.name}: no id is known for {kept}; the names are kept as they are.")
    if "list_price_usd" not in raw.columns:
        notes.append(f"{path.name} is an older export: it has no list prices.")
    return [
        *notes,
        f"{path.name} rounds each of its {len(raw)} rows to cents; its sum is known to"
        f" ±{len(raw) * 0.005:.2f} USD at worst.",
    ]


def _days_without_rows(days: pd.Series, start: pd.Timestamp, end: pd.Timestamp) -> list[str]:
    every = pd.date_range(start.ceil("D"), end.floor("D"), freq="D", inclusive="left")
    missing = every.difference(pd.DatetimeIndex(days))
    if missing.empty:
        return []
    shown = ", ".join(f"{d:%Y-%m-%d}" for d in missing[:10])
    more = f" and {len(missing) - 10} more" if len(missing) > 10 else ""
    return [f"no rows on {len(missing)} of {len(every)} days: {shown}{more}."]
