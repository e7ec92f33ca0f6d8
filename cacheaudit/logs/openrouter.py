"""OpenRouter activity: the CSV of openrouter.ai/activity, one row a generation.

Activity, choose a period, Export, CSV; nothing has to be switched on.

| row                                             | request table |
|---|---|
| `created_at`, UTC where it names no zone        | `ts` |
| `generation_id`                                 | `request_id` |
| `model_permaslug`, the dated snapshot           | `model` |
| `provider_name`: who ran it; `provider` is `openrouter`, who bills | `endpoint` |
| `api_key_name`; `app_name`                      | `route`; `scope` |
| `tokens_cached`                                 | `cache_read_tokens` |
| `tokens_prompt`, a total, minus these           | `uncached_input_tokens` |
| `tokens_completion`, in which `tokens_reasoning` are | `output_tokens` |
| `generation_time_ms`, `time_to_first_token_ms`  | `latency_ms`, `first_token_ms` |
| `cost_total`, credits, which are USD            | `billed_usd` |

Traps:
- There is no column for writes: they are not reported, and where a provider bills them they are
  inside what is called uncached here. `cost_cache` is money, and no count follows from it.
- An empty `tokens_cached` is *not reported*, and the total's classes are not known then.
- With a key of one's own (`byok_usage_inference`) the provider sends another bill: `cost_total`
  is OpenRouter's share alone.
- A cancelled generation was charged for what it made, and counts. One that ended in `error` has
  no status in this file and is given 500.
- `variant` (`free`, `nitro`) is part of the price and not of the request table.

Not verified: that `created_at` is the start, and that `tokens_prompt` counts in the model's own
tokens, as OpenRouter's responses do; where `tokens_cached` exceed it, the row is skipped.

Sources: header of an export of 2026-09-05, as others cite it; openrouter.ai/docs, Usage Accounting
and Activity Export, read 2026-11 (native counts, credits, reasoning inside completion).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from .record import Call, Reader, one_by_one
from .tokens import inclusive
from .values import NotUnderstood, moment, number, text, whole

TOLD_BY = {"generation_id", "model_permaslug"}
FAILED = 500


def calls_in(row: Any) -> Iterator[Call]:
    """The call of one row."""
    if not isinstance(row, Mapping):
        raise NotUnderstood("a row is no object")
    model = text(row.get("model_permaslug"))
    if model is None:
        raise NotUnderstood("model_permaslug is empty")
    counted = inclusive(
        whole(row.get("tokens_prompt"), "tokens_prompt"),
        whole(row.get("tokens_cached"), "tokens_cached"),
        {},
        whole(row.get("tokens_completion"), "tokens_completion"),
    ).counts()
    failed = text(row.get("finish_reason_normalized")) == "error"
    if not counted and not failed:
        raise NotUnderstood("no tokens were logged")
    given = {
        "ts": moment(row.get("created_at"), "created_at", zone="UTC"),
        "provider": "openrouter",
        "model": model,
        "endpoint": text(row.get("provider_name")),
        "route": text(row.get("api_key_name")),
        "scope": text(row.get("app_name")),
        "request_id": text(row.get("generation_id")),
        "status": FAILED if failed else None,
        "latency_ms": number(row.get("generation_time_ms"), "generation_time_ms"),
        "first_token_ms": number(row.get("time_to_first_token_ms"), "time_to_first_token_ms"),
        "billed_usd": number(row.get("cost_total"), "cost_total"),
        **counted,
    }
    yield {name: value for name, value in given.items() if value is not None}


READER = Reader(
    name="openrouter",
    title="OpenRouter activity",
    recognises=lambda value: value.keys() >= TOLD_BY,
    read=one_by_one(calls_in),
)
