"""LiteLLM's daily tables -> usage frame: buckets of a day, where the spend logs were switched off.

"LiteLLM_DailyUserSpend", "..TeamSpend", "..OrganizationSpend", "..EndUserSpend" or "..AgentSpend",
each by itself, as CSV, JSON lines or Parquet. A request stands in all of them, so one is enough.

    row                                      usage frame
    date (of the start, in UTC)              bucket_start, bucket_end (one day)
    custom_llm_provider                      provider
    model, model_group                       model, model_requested
    team_id or organization_id; api_key      scope; route
    successful_requests                      requests
    completion_tokens                        output_tokens
    cache_read_input_tokens                  cache_read_tokens, where they are reported (below)
    cache_creation_input_tokens              cache_write_other_tokens, likewise
    prompt_tokens minus these                uncached_input_tokens, where that is known (below)

Zeros are the columns' defaults and say little. Releases to 1.80 copied only what Anthropic's and
Bedrock's answers call `cache_read_input_tokens`: of other providers a 0 without an `endpoint`, a
column of later releases, is *not reported*. And where a provider has no read and no write in the
whole file, none of its zeros is believed. Judged by provider and not by model, because a new
model whose prefix is never cached must show its zeros.

`prompt_tokens` held what was written up to 1.65 and holds it since 1.77.7 (Bedrock: 1.78), not
between. A row with an `endpoint` was written since; one whose reads and writes exceed its prompt,
between. For the other rows with writes the uncached rest is not known and stays NA; a frame with
reads and writes alone still has its read share.

The tag table is refused: it counts a request once for each of its tags. `spend` is an estimate
and no bill. Sources: litellm from PyPI, 1.67 to 1.109.1, proxy/schema.prisma and
proxy/db/db_spend_update_writer.py, read 2026-11. That every release with `endpoint` also reads
OpenAI's `cached_tokens` was seen in 1.109.1 and not in all between.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import EmptyWindow, ParamError, SourceError
from ..logs.lines import log_files, records
from ..logs.litellm import ONCE_BESIDE, PROVIDERS
from ..logs.record import Skip
from ..logs.values import NotUnderstood, moment, text, whole
from ..params import PostmortemParams
from ..schema import check_usage
from .frame import nothing_inside, span
from .pull import Pull

Row = Mapping[str, Any]
DAY = pd.Timedelta("1D")
NEEDED = (
    *("date", "api_key", "model", "custom_llm_provider", "prompt_tokens", "completion_tokens"),
    *("cache_read_input_tokens", "cache_creation_input_tokens", "successful_requests"),
)
OWNERS = ("user_id", "team_id", "organization_id", "end_user_id", "agent_id")
LABELS = ["bucket_start", "provider", "model", "model_requested", "scope", "route"]
COUNTS = [
    *("requests", "uncached_input_tokens", "cache_read_tokens", "cache_write_other_tokens"),
    "output_tokens",
]


def fetch(params: PostmortemParams, *, now: pd.Timestamp | None = None) -> Pull:
    """The days in params.path, cut to the window."""
    if not params.path:
        raise ParamError("path is empty; source 'litellm_daily' reads a file. Set path to it.")
    name = Path(params.path).name
    usage = daily_usage(_rows(params.path))
    if usage.empty:
        raise EmptyWindow(f"{name} has no row with tokens; expected at least one day.")
    data = (usage["bucket_start"].min(), usage["bucket_end"].max())
    start, end = span(params.window, data, now)
    inside = (usage["bucket_start"] >= start) & (usage["bucket_end"] <= end)
    if not inside.any():
        raise EmptyWindow(nothing_inside(name, (start, end), data))
    kept = usage[inside].reset_index(drop=True)
    return Pull(
        usage=kept, source=f"LiteLLM daily table {name}", start=start, end=end, notes=_notes(kept)
    )


def daily_usage(rows: Iterable[Row]) -> pd.DataFrame:
    """The usage frame of the rows of one daily table.

    Raises SourceError for rows of the tag table or of two tables, and for a row whose counts
    cannot be read: an aggregate that lacks a row is no aggregate.
    """
    every = list(rows)
    _demand(every)
    try:
        summed = _summed(every)
    except NotUnderstood as reason:
        raise SourceError(
            f"a row of LiteLLM's daily table cannot be read: {reason}. Export it again."
        ) from None
    frame = pd.DataFrame(
        [[*key, *counts] for key, counts in summed.items()], columns=[*LABELS, *COUNTS]
    )
    starts = pd.to_datetime(frame["bucket_start"], utc=True).astype("datetime64[us, UTC]")
    typed = {name: frame[name].astype("Int64") for name in COUNTS}
    labels = {name: frame[name].astype("str") for name in LABELS if name != "bucket_start"}
    return check_usage(
        frame.assign(bucket_start=starts, bucket_end=starts + DAY, **typed, **labels)
    )


def _summed(rows: list[Row]) -> dict[tuple[Any, ...], list[int | None]]:
    """COUNTS by LABELS; what one row of a key leaves open stays open."""
    read = [counted for row in rows if (counted := _counted(row)) is not None]
    caching = {row["provider"] for row in read if row["read"] or row["wrote"]}
    summed: dict[tuple[Any, ...], list[int | None]] = {}
    for row in read:
        counts = _disjoint(row, row["provider"] in caching)
        key = tuple(row[label] for label in LABELS)
        before = summed.get(key)
        both = zip(before, counts, strict=True) if before else ((c, 0) for c in counts)
        summed[key] = [_both(one, other) for one, other in both]
    return summed


def _rows(path: str) -> Iterable[Row]:
    for file in log_files(path):
        for found in records(file):
            if isinstance(found, Skip) or not isinstance(found.value, Mapping):
                why = found.why if isinstance(found, Skip) else "no object"
                raise SourceError(
                    f"{file.name} line {found.line}: {why}; expected a row of a daily table."
                    " Export it again: an aggregate that lacks a row is no aggregate."
                )
            yield found.value


def _demand(rows: list[Row]) -> None:
    names = set().union(*rows)
    if rows and (missing := [name for name in NEEDED if name not in names]):
        raise SourceError(
            f"the rows lack the columns {missing} of LiteLLM's daily tables; found {sorted(names)}."
        )
    if "tag" in names:
        raise SourceError(
            "these rows are of LiteLLM_DailyTagSpend, which counts a request once for each of its"
            " tags; expected LiteLLM_DailyUserSpend or LiteLLM_DailyTeamSpend. Export one of them."
        )
    if len(owners := [name for name in OWNERS if name in names]) > 1:
        raise SourceError(
            f"the rows have {owners}: two daily tables in one. A request stands in each of them, so"
            " tokens would count twice. Export one."
        )


def _counted(row: Row) -> dict[str, Any] | None:
    """One row, its counts whole; None where nothing was billed."""
    counts = {name: whole(row.get(name), name) for name in NEEDED[4:]}
    prompt, output, read, wrote, requests = counts.values()
    if not prompt and not output:
        return None
    routed, day = text(row.get("custom_llm_provider")), str(row.get("date"))
    if routed is None:
        raise NotUnderstood("custom_llm_provider is empty in a row with tokens")
    try:
        start_us = moment(f"{day[:10]}T00:00Z", "date")
    except NotUnderstood:
        raise NotUnderstood("date is no day such as 2026-03-01") from None
    return {
        "bucket_start": pd.Timestamp(start_us, unit="us", tz="UTC"),
        "provider": PROVIDERS.get(routed, routed),
        "model": (text(row.get("model")) or "").removeprefix(f"{routed}/") or None,
        "model_requested": text(row.get("model_group")),
        "scope": text(row.get("team_id")) or text(row.get("organization_id")),
        "route": text(row.get("api_key")),
        "endpoint": text(row.get("endpoint")),
        "prompt": prompt or 0,
        "output": output,
        "read": read,
        "wrote": wrote,
        "requests": requests,
    }


def _disjoint(row: Mapping[str, Any], caching: bool) -> list[int | None]:
    """COUNTS of one row; *caching* says whether its provider's reads or writes are ever seen."""
    prompt, read, wrote = row["prompt"], row["read"], row["wrote"]
    flat = row["provider"] in ONCE_BESIDE
    if not caching or not (read or wrote or flat or row["endpoint"]):
        return [row["requests"], None, None, None, row["output"]]
    cached = (read or 0) + (wrote or 0)
    rest: int | None = None
    if not wrote or row["endpoint"] or not flat:
        rest = prompt - cached
    elif cached > prompt:
        rest = prompt - (read or 0)
    if rest is not None and rest < 0:
        raise NotUnderstood(f"{cached} tokens cached of {prompt} in all")
    return [row["requests"], rest, read, wrote, row["output"]]


def _both(one: int | None, other: int | None) -> int | None:
    """The sum; not known where a part is not known."""
    return None if one is None or other is None else one + other


def _notes(usage: pd.DataFrame) -> tuple[str, ...]:
    told = []
    silent = usage["cache_read_tokens"].isna()
    if silent.any():
        names = sorted(set(usage.loc[silent, "provider"]))
        told.append(
            f"{int(silent.sum())} rows of {names} have zeros that LiteLLM writes by default: reads"
            " and writes count as not reported there."
        )
    if open_ := int((usage["uncached_input_tokens"].isna() & ~silent).sum()):
        told.append(
            f"In {open_} rows it is not known whether prompt_tokens hold what was written (LiteLLM"
            " changed that in 1.67 and 1.77.7): their uncached input is left open."
        )
    return tuple(told)
