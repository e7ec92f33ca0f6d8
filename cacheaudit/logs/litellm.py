"""LiteLLM spend logs: rows of the proxy's table "LiteLLM_SpendLogs", one a call.

Written wherever the proxy has a database, unless `disable_spend_logs` is set. Read from CSV
(`\\copy`), JSON lines, Parquet or the JSON of `/spend/logs`; in PostgreSQL, where they lie,
by litellm_table.py, which gives the same calls.

| row                                                        | request table |
|---|---|
| `startTime`, in UTC without a zone                         | `ts` |
| `endTime`, `completionStartTime` (unless it is the end)    | `latency_ms`, `first_token_ms` |
| `custom_llm_provider`                                      | `provider` (PROVIDERS) |
| `model` without the provider's prefix; `model_group`       | `model`; `model_requested` |
| `team_id`, else `organization_id`; `api_key` (a hash)      | `scope`; `route` |
| `request_id`, `session_id`                                 | the same |
| `status`; `metadata.error_information.error_code`          | `status`: 200; the code, else 500 |
| `metadata.usage_object`: `prompt_tokens` minus the two     | `uncached_input_tokens` |
| .. `prompt_tokens_details.cached_tokens` or `cache_read_input_tokens`   | `cache_read_tokens` |
| .. `cache_creation_token_details`, else `cache_creation_tokens`, `cache_creation_input_tokens` | `cache_write_*_tokens` |
| .. `completion_tokens`                                     | `output_tokens` |
| .. `service_tier`, `speed`, `inference_geo`                | `service_tier`, `speed`, `region` |
| `prompt_tokens`, where there is no usage object            | `prompt_tokens`: classes not known |

Traps:
- `prompt_tokens` of Anthropic and Bedrock held the tokens written up to 1.65, not from 1.67 to
  1.77.1, and holds them again since 1.77.7 (Bedrock since 1.78). Told by what each wrote:
  `cache_creation_tokens` in the details came with the change, and on Bedrock the total is AWS's.
  Where neither decides, the row is skipped.
- `cache_hit` is LiteLLM's own cache of responses. 'True' means that no provider was asked: such
  rows are passed over. So are embeddings, images, files and batches (NOT_CALLS), and failures
  before a provider or model was chosen.
- The columns default to 0: a success without any token is a row whose usage was lost, a skip.
- `completionStartTime` is the end where a response was not streamed: no first token then.
- `session_id` is made up per call where the caller sets none. `spend` is LiteLLM's own estimate
  and no bill, so it is left out.

Sources: litellm from PyPI, 1.55 to 1.109.1, read 2026-11: proxy/schema.prisma (DateTime is
`timestamp(3)`), proxy/spend_tracking/spend_tracking_utils.py (times are converted to UTC),
llms/anthropic/chat/transformation.py, llms/bedrock/chat/converse_transformation.py, types/utils.py.
"""  # noqa: E501

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from .record import Call, Reader, Record, Skip, one_by_one
from .tokens import Tokens, tokens_of
from .values import NotUnderstood, moment, text, whole

Row = Mapping[str, Any]

PROVIDERS = {
    "anthropic_text": "anthropic",
    "azure_ai": "azure",
    "azure_text": "azure",
    "bedrock_converse": "bedrock",
    "bedrock_mantle": "bedrock",
    "cohere_chat": "cohere",
    "gemini": "google",
    "text-completion-openai": "openai",
    "vertex_ai": "vertex",
    "vertex_ai_beta": "vertex",
}
# Whose writes LiteLLM once counted beside `prompt_tokens`: those that serve Anthropic's models.
ONCE_BESIDE = ("anthropic", "azure", "bedrock", "vertex")
_ONLY = (
    *("embedding", "image_generation", "image_edit", "image_variation", "moderation"),
    *("transcription", "speech", "rerank", "search", "ocr", "create_batch", "retrieve_batch"),
    *("cancel_batch", "create_file", "file_content", "file_retrieve", "file_list", "file_delete"),
    *("video_generation", "vector_store_search", "vector_store_create"),
)
NOT_CALLS = (*_ONLY, *(f"a{name}" for name in _ONLY), "call_mcp_tool", "list_mcp_tools")
CACHED_ID = "_cache_hit"  # what LiteLLM appends to the id of a response out of its own cache
FLAT_READS = ("cache_read_input_tokens", "prompt_cache_hit_tokens", "num_cached_tokens")
FLAT_WRITES = "cache_creation_input_tokens"
NESTED_WRITES = ("cache_write_tokens", "cache_creation_tokens")
COUNTED = ("prompt_tokens", "completion_tokens", *FLAT_READS, FLAT_WRITES)
FAILED, UNKNOWN_FAILURE, SUCCEEDED = "failure", 500, 200


def calls_in(row: Any) -> Iterator[Call]:
    """The call of one row, none where no provider was asked for text."""
    if not isinstance(row, Mapping):
        raise NotUnderstood("a row is no object")
    if _no_call(row):
        return
    metadata = _decoded(row.get("metadata"))
    status = _status(row, metadata)
    provider, model = _served(row)
    failed = status is not None and status >= 400
    if failed and not (provider and model):
        return
    if not provider or not model:
        raise NotUnderstood(f"{'model' if provider else 'custom_llm_provider'} is empty")
    usage = _object(metadata.get("usage_object"), "usage_object")
    counts = _counts(row, usage, provider)
    if not counts and not failed:
        raise NotUnderstood("no tokens were logged")
    given = {
        **_times(row),
        "provider": provider,
        "model": model,
        "model_requested": text(row.get("model_group")),
        "scope": text(row.get("team_id")) or text(row.get("organization_id")),
        "route": text(row.get("api_key")),
        "request_id": text(row.get("request_id")),
        "session_id": text(row.get("session_id")),
        "status": status,
        "service_tier": _word(usage.get("service_tier")),
        "speed": _word(usage.get("speed")),
        "region": _word(usage.get("inference_geo")),
        **counts,
    }
    yield {name: value for name, value in given.items() if value is not None}


def rows_of(value: Any) -> list[Any]:
    """The rows in one JSON document of the API (`{"data": [...]}`), or the value itself."""
    inside = value.get("data") if isinstance(value, Mapping) else None
    return inside if isinstance(inside, list) else [value]


def recognises(value: Mapping[str, Any]) -> bool:
    """Whether *value* is a row: no other format has both of these names."""
    row = next(iter(rows_of(value)), None)
    return isinstance(row, Mapping) and {"startTime", "custom_llm_provider"} <= row.keys()


def disjoint(usage: Row, provider: str) -> Tokens:
    """The counts of a usage object as LiteLLM writes it; its own total is not looked at further.

    Raises NotUnderstood where it cannot be told whether the input holds what was written.
    """
    known = {name: usage.get(name) for name in COUNTED}
    details = _object(usage.get("prompt_tokens_details"), "prompt_tokens_details")
    total = whole(usage.get("total_tokens"), "total_tokens")
    if written := whole(usage.get(FLAT_WRITES), FLAT_WRITES) or 0:
        told = any(whole(details.get(name), name) is not None for name in NESTED_WRITES)
        prompt = whole(usage.get("prompt_tokens"), "prompt_tokens") or 0
        output = whole(usage.get("completion_tokens"), "completion_tokens") or 0
        if not told and provider not in ONCE_BESIDE:
            raise NotUnderstood(f"whether prompt_tokens hold what {FLAT_WRITES} counts is not told")
        if not told or total == prompt + written + output:
            known["prompt_tokens"] = prompt + written
    return tokens_of({**known, "prompt_tokens_details": details, "total_tokens": None})


def _counts(row: Row, usage: Row, provider: str) -> dict[str, int]:
    """What was counted; empty where nothing was."""
    if usage:
        if usage.get("prompt_tokens") is None and usage.get("completion_tokens") is None:
            raise NotUnderstood("usage_object has neither prompt_tokens nor completion_tokens")
        found = disjoint(usage, provider)
    else:
        found = Tokens(
            prompt_tokens=whole(row.get("prompt_tokens"), "prompt_tokens") or None,
            output_tokens=whole(row.get("completion_tokens"), "completion_tokens"),
        )
    return found.counts() if found.prompt_tokens or found.output_tokens else {}


def _no_call(row: Row) -> bool:
    return (
        row.get("call_type") in NOT_CALLS
        or str(row.get("cache_hit")).lower() == "true"
        or CACHED_ID in str(row.get("request_id"))
    )


def _served(row: Row) -> tuple[str, str]:
    """(provider, model); the prefix that LiteLLM routes by is no part of the model's name.

    Bedrock's profile stays: it says where the model was served.
    """
    routed, model = text(row.get("custom_llm_provider")) or "", text(row.get("model")) or ""
    for prefix in (f"{routed}/", "converse/"):
        model = model.removeprefix(prefix)
    return PROVIDERS.get(routed, routed), model


def _times(row: Row) -> Call:
    start = _moment(row, "startTime")
    end, first = (
        _moment(row, n) if row.get(n) else None for n in ("endTime", "completionStartTime")
    )
    spans = {"latency_ms": end, "first_token_ms": None if first == end else first}
    ended = {to: (at - start) / 1000 for to, at in spans.items() if at is not None and at >= start}
    return {"ts": start, **ended}


def _moment(row: Row, name: str) -> int:
    at = row.get(name)  # Parquet holds times, the other kinds hold text
    return moment(at.isoformat() if isinstance(at, datetime) else at, name, zone="UTC")


def _status(row: Row, metadata: Row) -> int | None:
    said = _word(row.get("status")) or _word(metadata.get("status"))
    if said != FAILED:
        return SUCCEEDED if said == "success" else None
    error = metadata.get("error_information")
    code = str(error.get("error_code")) if isinstance(error, Mapping) else ""
    named = len(code) == 3 and code.isascii() and code.isdigit() and code[0] in "45"
    return int(code) if named else UNKNOWN_FAILURE


def _decoded(metadata: Any) -> Row:
    """The metadata, which most exports hold as text."""
    if isinstance(metadata, str) and metadata:
        try:
            metadata = msgspec.json.decode(metadata)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise NotUnderstood("metadata is no JSON") from None
    return _object(None if metadata == "" else metadata, "metadata")


def _object(value: Any, name: str) -> Row:
    """An object; empty where there is none."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise NotUnderstood(f"{name} is {type(value).__name__}; expected an object")
    return value


def _word(value: Any) -> str | None:
    return value or None if isinstance(value, str) else None


_read = one_by_one(calls_in)


def read(records: Iterable[Record]) -> Iterator[Call | Skip]:
    """Rows, and the rows inside a document of the API."""
    yield from _read(Record(line, row) for line, value in records for row in rows_of(value))


READER = Reader(
    name="litellm",
    title="LiteLLM spend logs",
    recognises=recognises,
    read=read,
)
