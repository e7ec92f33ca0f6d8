"""Results of OpenAI's usage and cost reports -> rows of our tables. Pure.

Their `input_tokens` T is a total: T = read R + written W + uncached U. One absent count follows
from the others:

    absent   then
    U        U = T - R - W
    U and W  U = T - R, all that was not read (before writes were billed there was nothing else);
             W stays NA
    U and R  both NA: nothing tells reads from uncached input, and not reported is not zero
    R        R = T - U - W
    W        W = T - U - R, all of it in `other`
"""

from ..errors import IncompletePull, SourceError
from ..schema import COUNTS, KEY
from .pages import Page
from .rows import Row, bucket_results, dig, dollars

TOKEN_TYPES = {
    "input": "uncached_input",
    "cached input": "cache_read",
    "cache writes": "cache_write_30m",
    "cache writes - 12hr": "cache_write_12h",
    "output": "output",
}


def usage_rows(pages: list[Page]) -> list[Row]:
    """Pages of the usage report -> rows of a usage frame; empty buckets have none.

    A batch job whose tier is null and one whose tier is default are the same to us: rows that
    share a key only for that reason are added, and a count one of them lacks is NA.
    """
    rows: dict[tuple[object, ...], Row] = {}
    seen = set[tuple[object, ...]]()
    for bucket, result in bucket_results(pages):
        row = _usage_row(bucket, result)
        key = tuple(row.get(column) for column in KEY)
        theirs = (*key, dig(result, "batch"), dig(result, "service_tier"))
        if theirs in seen:
            raise IncompletePull(
                f"OpenAI's bucket from {row['bucket_start']} came twice for one key; expected it"
                " once. The pages overlap; nothing was kept. Run again."
            )
        seen.add(theirs)
        rows[key] = _added(rows[key], row) if key in rows else row
    return list(rows.values())


def cost_rows(pages: list[Page]) -> list[Row]:
    """Pages of the cost report -> rows of a cost table."""
    return [_cost_row(bucket, result) for bucket, result in bucket_results(pages)]


def split_line_item(item: str | None) -> tuple[str | None, str | None]:
    """Model and token type of a cost line item.

    >>> split_line_item("gpt-5.6-luna, cached input")
    ('gpt-5.6-luna', 'cache_read')
    >>> split_line_item("gpt-6-astra, input_tokens")
    ('gpt-6-astra', 'uncached_input')
    >>> split_line_item("web search")
    (None, 'web search')
    """
    if item is None:
        return None, None
    model, found, kind = item.rpartition(", ")
    plain = kind.lower().replace("_", " ").removesuffix(" tokens")
    return (model, TOKEN_TYPES.get(plain, kind)) if found else (None, item)


def _usage_row(bucket: object, result: object) -> Row:
    tier = dig(result, "service_tier")
    is_batch = dig(result, "batch") is True and tier in {None, "default"}
    return {
        "bucket_start": dig(bucket, "start_time"),
        "bucket_end": dig(bucket, "end_time"),
        "provider": "openai",
        "model": dig(result, "model"),
        "scope": dig(result, "project_id"),
        "route": dig(result, "api_key_id"),
        "service_tier": "batch" if is_batch else tier,
        "requests": _count(result, "num_model_requests"),
        "output_tokens": _count(result, "output_tokens"),
        **_disjoint_input(result),
    }


def _disjoint_input(result: object) -> dict[str, int | None]:
    """Read, written and uncached input; the module's docstring says what follows from what."""
    total, uncached = _count(result, "input_tokens"), _count(result, "input_uncached_tokens")
    read, written = (
        _count(result, "input_cached_tokens"),
        _count(result, "input_cache_write_tokens"),
    )
    by_30m = _count(result, "input_cache_write_30m_tokens")
    by_12h = _count(result, "input_cache_write_12h_tokens")
    split = (by_30m or 0) + (by_12h or 0)
    if written is not None:
        written = max(written, split)
    if total is not None and uncached is None and read is not None:
        uncached = total - read - (split if written is None else written)
    elif total is not None and uncached is not None and read is None and written is not None:
        read = total - uncached - written
    elif total is not None and uncached is not None and read is not None and written is None:
        written = total - uncached - read
    return {
        "uncached_input_tokens": uncached,
        "cache_read_tokens": read,
        "cache_write_30m_tokens": by_30m,
        "cache_write_12h_tokens": by_12h,
        "cache_write_other_tokens": None if written is None else written - split,
    }


def _count(result: object, field: str) -> int | None:
    value = dig(result, field)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise SourceError(f"{field} is {type(value).__name__}; expected a whole count. Report it.")


def _added(one: Row, other: Row) -> Row:
    both = {c: one[c] + other[c] for c in COUNTS if None not in (one.get(c), other.get(c))}
    return one | dict.fromkeys(COUNTS) | both


def _cost_row(bucket: object, result: object) -> Row:
    model, token_type = split_line_item(dig(result, "line_item"))
    amount, currency = dig(result, "amount", "value"), dig(result, "amount", "currency")
    return {
        "day": dig(bucket, "start_time"),
        "provider": "openai",
        "model": model,
        "scope": dig(result, "project_id"),
        "api_key": dig(result, "api_key_id"),
        "token_type": token_type,
        "cost_type": "tokens" if token_type in TOKEN_TYPES.values() else None,
        "amount_usd": dollars(amount, currency, per_dollar=1),
    }
