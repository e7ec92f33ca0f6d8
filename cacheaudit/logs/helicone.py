"""Helicone requests: what `npx @helicone/export` or `/v1/request/query-clickhouse` gives.

Written for all that goes through Helicone. Export JSON lines *with* `--include-body`: it then
holds the provider's own usage. The CSV of the tool has no cache columns at all.

| row                                            | request table |
|---|---|
| `request_created_at`, UTC where it names no zone | `ts` |
| `provider`; `model`, else `response_model`; `request_model` | `provider`; `model`; `model_requested` |
| `request_id`, `response_status`                | `request_id`, `status` |
| `properties`: `Helicone-Session-Id`            | `session_id` |
| `prompt_version`                               | `prompt_version` |
| `delay_ms`, `time_to_first_token`              | `latency_ms`, `first_token_ms` |
| `response_body.usage`                          | all counts, as the provider names them (tokens.py) |
| else `prompt_cache_read_tokens`, `prompt_cache_write_tokens` | `cache_read_tokens`, `cache_write_other_tokens` |
| else `prompt_tokens`                           | see below |
| else `completion_tokens`                       | `output_tokens` |

What `prompt_tokens` holds, without a body:
- Anthropic, also on Bedrock and Vertex: the uncached rest, in every release.
- Elsewhere releases differ. Helicone once stored the provider's total, and now stores it without
  what was read, unless that leaves 0: then the total again. A row without reads is the same either
  way; reads that exceed it decide; otherwise the row is skipped, and the body would tell.
- A row without the cache columns reports neither reads nor writes. `prompt_tokens` is then the
  total, but for Anthropic, where only the output is known.

Traps: `cache_*` and `Helicone-Cache-Enabled` are Helicone's own cache of responses; its hits have
no tokens, and rows with a `cache_reference_id` are passed over. Recent releases count thinking
apart (`reasoning_tokens`), which is added to the output here. Cost is an estimate and left out.

Sources: Helicone/helicone at GitHub, read 2026-11: valhalla/jawn HandlerContext.ts
(toHeliconeRequest, getPromptTokens), packages/cost/usage (openAIUsageProcessor.ts subtracts what was
read, anthropicUsageProcessor.ts does not), examples/export/typescript. No real row was at hand.
"""  # noqa: E501

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from .record import Call, Reader, one_by_one
from .tokens import Tokens, calls_of, exclusive, inclusive
from .values import NotUnderstood, moment, number, text, whole

Row = Mapping[str, Any]

PROVIDERS = {
    "aws": "bedrock",
    "gemini": "google",
    "google": "google",
    "google-ai-studio": "google",
    "vertexai": "vertex",
}
TOLD_BY = {"request_created_at", "response_status"}
NO_REFERENCE = "00000000-0000-0000-0000-000000000000"


def calls_in(row: Any) -> Iterator[Call]:
    """The calls of one row: none where Helicone answered, more where the provider billed more."""
    if not isinstance(row, Mapping):
        raise NotUnderstood("a row is no object")
    if (text(row.get("cache_reference_id")) or NO_REFERENCE) != NO_REFERENCE:
        return
    provider = (text(row.get("provider")) or "").lower()
    model = text(row.get("model")) or text(row.get("response_model"))
    status = _status(row)
    failed = status is not None and status >= 400
    if failed and (not provider or not model):
        return
    if not provider or not model:
        raise NotUnderstood(f"{'model' if provider else 'provider'} is empty")
    properties = _object(row.get("properties")) or _object(row.get("request_properties"))
    given = {
        "ts": moment(row.get("request_created_at"), "request_created_at", zone="UTC"),
        "provider": PROVIDERS.get(provider, provider),
        "model": model,
        "model_requested": text(row.get("request_model")),
        "request_id": text(row.get("request_id")),
        "session_id": text(properties.get("Helicone-Session-Id")),
        "prompt_version": text(row.get("prompt_version")),
        "status": status,
        "latency_ms": number(row.get("delay_ms"), "delay_ms"),
        "first_token_ms": number(row.get("time_to_first_token"), "time_to_first_token"),
    }
    common = {name: value for name, value in given.items() if value is not None}
    for other, counted in _billed(row, "claude" in model.lower(), failed):
        yield {**common, **({"model": other} if other else {}), **counted}


def _billed(row: Row, claude: bool, failed: bool) -> Iterator[tuple[str | None, dict[str, int]]]:
    usage = _object(row.get("response_body")).get("usage")
    if isinstance(usage, Mapping):
        for model, tokens in calls_of(usage):
            yield model, tokens.counts()
        return
    counted = _columns(row, claude).counts()
    if not any(counted.values()):
        if not failed:
            raise NotUnderstood("no tokens were logged")
        counted = {}
    yield None, counted


def _columns(row: Row, claude: bool) -> Tokens:
    """The counts of a row without a body."""
    prompt = whole(row.get("prompt_tokens"), "prompt_tokens")
    read = whole(row.get("prompt_cache_read_tokens"), "prompt_cache_read_tokens")
    wrote = whole(row.get("prompt_cache_write_tokens"), "prompt_cache_write_tokens")
    said = whole(row.get("completion_tokens"), "completion_tokens")
    thought = whole(row.get("reasoning_tokens"), "reasoning_tokens")
    output = said if thought is None else (said or 0) + thought
    if read is None and wrote is None:
        return Tokens(prompt_tokens=None if claude else prompt, output_tokens=output)
    written = {} if wrote is None else {"other": wrote}
    if claude:
        return exclusive(prompt, read, written, output)
    if not read and not wrote:
        return inclusive(prompt, read, {}, output)
    if prompt is not None and (read or 0) > prompt and not wrote:
        return exclusive(prompt, read, {}, output)
    raise NotUnderstood(
        "whether prompt_tokens hold what was cached is not told; export with --include-body"
    )


def _status(row: Row) -> int | None:
    """The HTTP status; Helicone writes negative ones for what it ended itself."""
    try:
        return whole(row.get("response_status"), "response_status")
    except NotUnderstood:
        return 500


def _object(value: Any) -> Row:
    """An object, also where it is written as text (CSV); empty where it is none."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise NotUnderstood("an object in the row is no JSON") from None
    return value if isinstance(value, Mapping) else {}


READER = Reader(
    name="helicone",
    title="Helicone requests",
    recognises=lambda value: value.keys() >= TOLD_BY,
    read=one_by_one(calls_in),
)
