"""Langfuse: observations as the API (camelCase) or an export (snake_case) gives them.

JSON, JSON lines or CSV; also whole traces `{"trace": ..., "observations": [...]}`. Observations of
type GENERATION are calls; spans, tools and embeddings are not. One that stands twice (in the trace
and beside it) is one call, by its id.

| observation                                        | request table |
|---|---|
| `startTime`, `endTime` (`latency` is seconds here and milliseconds there: never used) | `ts`, `latency_ms` |
| `completionStartTime`                              | `first_token_ms` |
| `model`, `providedModelName`                       | `model` |
| metadata attributes `gen_ai.provider.name`, `gen_ai.system`, `llm.provider`, else the model's name (NAMED) | `provider` |
| .. `gen_ai.request.model`                          | `model_requested` |
| `id`; `sessionId` of the trace                     | `request_id`; `session_id` |
| `projectId`; `environment`                         | `scope`; `route` |
| `promptName` and `promptVersion`; `version`, else the trace's `release` | `prompt_version`; `client_version` |
| `level` ERROR without usage                        | `status` 500 |
| `usageDetails`: keys of READ, WRITTEN, `output` and its details | see below |

`input` is the total in one integration, the uncached rest in another, and lacks only the reads in
LiteLLM's. `total` decides: of all ways in which reads, writes and details can stand beside `input`
and `output`, those that add up to it. Where all of them do, Langfuse may have made the total itself
by adding up the map; if the OpenTelemetry attributes show that `input` is what the emitter sent, it
is a total by that convention. Several ways left, or none: the row is skipped.

Without a cache key, reads and writes are not reported. `input` is then the total, except for
Anthropic's models, whose uncached rest has lost its cache that way: there only output is known.

Sources: langfuse/langfuse at GitHub, read 2026-11: OtelIngestionProcessor.ts (extractUsageDetails);
BerriAI/litellm pull request 26919 (writes left inside `input`); langfuse.com/docs, Token and Cost
Tracking (a missing total is the sum of the map); three public traces of 2025, in which one of
claude-agent shows an input of 5 and no cache key.
"""  # noqa: E501

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Any

import msgspec

from .record import Call, Reader, Record, Skip, one_by_one
from .tokens import Tokens
from .values import NotUnderstood, moment, text, whole

Row = Mapping[str, Any]

READ = (
    *("input_cached_tokens", "input_cache_read", "cache_read_input_tokens", "cache_read_tokens"),
    *("prompt_details.cache_read", "cache_read.input_tokens", "details.cache_read_tokens"),
    *("details.cache_read_input_tokens", "cached_content_token_count", "cached_tokens"),
    *("input_cached", "cache_read", "input_cache_read_tokens"),
)
WRITTEN = {
    **dict.fromkeys(("input_cache_creation_5m", "cache_creation_5m"), "5m"),
    **dict.fromkeys(("input_cache_creation_1h", "cache_creation_1h"), "1h"),
    **dict.fromkeys(("input_cache_creation", "cache_creation_input_tokens"), "other"),
    **dict.fromkeys(("cache_write_tokens", "input_cache_write", "cache_creation_tokens"), "other"),
    **dict.fromkeys(("prompt_details.cache_write", "cache_creation.input_tokens"), "other"),
    **dict.fromkeys(("details.cache_creation_input_tokens", "cache_write"), "other"),
    "details.cache_write_tokens": "other",
}
INPUT, OUTPUT = ("input", "input_tokens", "prompt_tokens"), ("output", "output_tokens")
OF_INPUT = ("input_audio", "input_text", "input_image", "prompt_details.", "input_tool")
OF_OUTPUT = ("output_", "completion_details.", "reasoning", "details.reasoning", "thoughts_")
SYSTEMS = {
    **{name: name for name in ("anthropic", "openai", "mistral", "cohere", "deepseek", "xai")},
    **dict.fromkeys(("aws.bedrock", "aws_bedrock", "bedrock", "amazon_bedrock"), "bedrock"),
    **dict.fromkeys(("vertex_ai", "gcp.vertex_ai", "vertexai"), "vertex"),
    **dict.fromkeys(("gcp.gemini", "gemini", "google", "google-gla"), "google"),
    **dict.fromkeys(("az.ai.openai", "azure.ai.openai", "azure", "azure_openai"), "azure"),
    **dict.fromkeys(("mistral_ai", "mistralai"), "mistral"),
    "openrouter": "openrouter",
}
SENT_BY = ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system")
SENT_INPUT = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt")
SENT_TOTAL = ("gen_ai.usage.total_tokens", "llm.usage.total_tokens", "llm.token_count.total")
# What the models of 2026-11 are called; a longer name goes first, none is guessed further.
NAMED = {
    **dict.fromkeys(("us.anthropic.", "eu.anthropic.", "apac.anthropic."), "bedrock"),
    **dict.fromkeys(("global.anthropic.", "anthropic.", "amazon.nova"), "bedrock"),
    "claude": "anthropic",
    **dict.fromkeys(("gpt-", "chatgpt-", "o1", "o3", "o4", "codex-"), "openai"),
    "gemini": "google",
    "deepseek-": "deepseek",
    **dict.fromkeys(("mistral-", "magistral-", "codestral-"), "mistral"),
    "command-": "cohere",
    "grok-": "xai",
}
CALL, ERROR, FAILED = "GENERATION", "ERROR", 500
SNAKE = {
    "traceId": "trace_id",
    "startTime": "start_time",
    "endTime": "end_time",
    "completionStartTime": "completion_start_time",
    "usageDetails": "usage_details",
    "providedModelName": "provided_model_name",
    "projectId": "project_id",
    "sessionId": "session_id",
    "promptName": "prompt_name",
    "promptVersion": "prompt_version",
}


def calls_in(row: Any) -> Iterator[Call]:
    """The call of one observation, none where it is no generation."""
    if not isinstance(row, Mapping):
        raise NotUnderstood("an observation is no object")
    if row.get("type") != CALL:
        return
    sent = _sent(row)
    model = text(row.get("model")) or text(_of(row, "providedModelName"))
    usage = _usage(row)
    failed = row.get("level") == ERROR and not any(usage.values())
    if not model:
        if failed:
            return
        raise NotUnderstood("model is empty")
    name, version = text(_of(row, "promptName")), text(_of(row, "promptVersion"))
    given = {
        **_times(row),
        "provider": _provider(sent, model),
        "model": model,
        "model_requested": text(sent.get("gen_ai.request.model")),
        "request_id": text(row.get("id")),
        "session_id": text(_of(row, "sessionId")),
        "scope": text(_of(row, "projectId")),
        "route": text(row.get("environment")),
        "prompt_version": f"{name or 'prompt'} {version}" if version else name,
        "client_version": text(row.get("version")) or text(row.get("release")),
        "status": FAILED if failed else None,
    }
    counted = {} if failed else disjoint(usage, sent, "claude" in model.lower()).counts()
    if not failed and not any(counted.values()):
        raise NotUnderstood("no tokens were logged")
    yield {k: v for k, v in given.items() if v is not None} | counted


def observations(records: Iterable[Record]) -> Iterator[Record]:
    """The observations of rows, traces and pages, each id once, with what only its trace knows."""
    seen: set[str] = set()
    for line, value in records:
        for row in _inside(value):
            key = text(row.get("id")) if isinstance(row, Mapping) else None
            if key is None or key not in seen:
                yield Record(line, row)
            if key is not None:
                seen.add(key)


def disjoint(usage: Mapping[str, int], sent: Row, claude: bool) -> Tokens:
    """The counts of a usage map; raises NotUnderstood where `total` leaves them open."""
    said = next((usage[name] for name in INPUT if name in usage), None)
    output = next((usage[name] for name in OUTPUT if name in usage), None)
    read = _one([usage[name] for name in READ if name in usage])
    lives: dict[str, list[int]] = {}
    for name in (n for n in WRITTEN if n in usage):
        lives.setdefault(WRITTEN[name], []).append(usage[name])
    written = {life: _one(counts) or 0 for life, counts in lives.items()}
    wrote = sum(written.values())
    apart = {
        "read": read or 0,
        "wrote": wrote,
        "of_input": _rest(usage, OF_INPUT),
        "of_output": _rest(usage, OF_OUTPUT),
    }
    if not any(apart.values()) or said is None:
        beside = {}
    else:
        beside = _beside(said, output or 0, apart, usage.get("total"), sent)
    cached = (read or 0) + wrote
    held = sum(apart[k] for k in ("read", "wrote") if not beside.get(k))
    more = apart["of_input"] if beside.get("of_input") else 0
    if said is not None and held > said:
        raise NotUnderstood(f"{held} tokens cached of {said} in all")
    rest = said - held + more if said is not None and read is not None else None
    told = said is not None and not (claude and read is None and not written)
    return Tokens(
        uncached_input_tokens=rest,
        cache_read_tokens=read,
        output_tokens=None if output is None else output + (
            apart["of_output"] if beside.get("of_output") else 0
        ),
        prompt_tokens=said - held + more + cached if said is not None and told else None,
        **{f"cache_write_{life}_tokens": count for life, count in written.items()},
    )  # fmt: skip


def _beside(
    said: int, output: int, apart: Mapping[str, int], total: int | None, sent: Row
) -> dict[str, bool]:
    """Which parts stand beside `input` and `output`, by what adds up to the total."""
    parts = [name for name, count in apart.items() if count]
    if total is None:
        raise NotUnderstood("there is no total to tell what input holds")
    ways = [
        dict(zip(parts, way, strict=True))
        for way in product((False, True), repeat=len(parts))
        if said + output + sum(apart[p] for p, out in zip(parts, way, strict=True) if out) == total
    ]
    if len(ways) != 1:
        raise NotUnderstood(f"{len(ways)} ways in which input and its details add up to the total")
    (way,) = ways
    emitted = next((whole(sent[n], n) for n in SENT_INPUT if sent.get(n) is not None), None)
    own = any(sent.get(name) is not None for name in SENT_TOTAL)
    details = whole(sent.get("gen_ai.usage.details.input_tokens"), "input_tokens")
    cached = apart["read"] + apart["wrote"]
    if all(way.values()) and emitted == said and details is None and not own and cached <= said:
        return {}  # the total is Langfuse's own sum of a map whose input was a total
    return way


def _inside(value: Any) -> Iterator[Any]:
    """Observations of a record: itself, a page's `data`, or a trace's."""
    if not isinstance(value, Mapping):
        yield value
        return
    trace = value.get("trace")
    shell = trace if isinstance(trace, Mapping) else value
    lists = [
        v.get(k) for v, k in ((value, "observations"), (shell, "observations"), (value, "data"))
    ]
    if not any(isinstance(one, list) for one in lists):
        yield value
        return
    known = {name: shell.get(name) for name in ("sessionId", "session_id", "release")}
    told = {name: given for name, given in known.items() if given}
    for one in lists:
        for row in one if isinstance(one, list) else ():
            yield {**told, **row} if isinstance(row, Mapping) and told else row


def _sent(row: Row) -> Row:
    """The OpenTelemetry attributes that Langfuse keeps in the metadata."""
    metadata = _map(row.get("metadata"), "metadata", strict=False)
    return _map(metadata.get("attributes"), "attributes", strict=False)


def _usage(row: Row) -> dict[str, int]:
    """The usage map, whole counts; keys that are null are not reported."""
    given = _map(_of(row, "usageDetails"), "usageDetails", strict=True)
    counts = {name: whole(count, name) for name, count in given.items()}
    return {name: count for name, count in counts.items() if count is not None}


def _times(row: Row) -> Call:
    start = moment(_of(row, "startTime"), "startTime", zone="UTC")
    ends = {"latency_ms": _of(row, "endTime"), "first_token_ms": _of(row, "completionStartTime")}
    spans = {to: moment(at, to, zone="UTC") - start for to, at in ends.items() if at}
    return {"ts": start, **{to: span / 1000 for to, span in spans.items() if span >= 0}}


def _provider(sent: Row, model: str) -> str:
    for name in SENT_BY:
        if found := SYSTEMS.get(str(sent.get(name)).lower()):
            return found
    for start, provider in NAMED.items():
        if model.lower().startswith(start):
            return provider
    raise NotUnderstood("the provider is not logged, and the model's name does not tell it")


def _of(row: Row, name: str) -> Any:
    """The value under a name of the API, or under the same name of an export."""
    value = row.get(name)
    return row.get(SNAKE[name]) if value is None or value == "" else value


def _map(value: Any, name: str, *, strict: bool) -> Row:
    """An object, also where it is written as text; empty where there is none."""
    if isinstance(value, str) and value:
        try:
            value = msgspec.json.decode(value)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            value = value if strict else None
    if value is None or value == "":
        return {}
    if isinstance(value, Mapping):
        return value
    if strict:
        raise NotUnderstood(f"{name} is {type(value).__name__}; expected an object")
    return {}


def _one(counts: list[int]) -> int | None:
    """One count under several names: never their sum."""
    if len(set(counts)) > 1:
        raise NotUnderstood(f"two names of one count hold {sorted(set(counts))}")
    return counts[0] if counts else None


def _rest(usage: Mapping[str, int], starts: tuple[str, ...]) -> int:
    """Tokens of further details, which are part of the input or the output."""
    names = [n for n in usage if n.startswith(starts) and n not in (*READ, *WRITTEN, *OUTPUT)]
    return sum(usage[n] for n in names)


def recognises(value: Mapping[str, Any]) -> bool:
    """Whether *value* is an observation, a trace or a page of them."""
    first = next(_inside(value), None)
    if not isinstance(first, Mapping):
        return False
    return "type" in first and any(n in first for n in ("usageDetails", "usage_details"))


_read = one_by_one(calls_in)


def read(records: Iterable[Record]) -> Iterator[Call | Skip]:
    """Observations, each once."""
    yield from _read(observations(records))


READER = Reader(
    name="langfuse",
    title="Langfuse observations",
    recognises=recognises,
    read=read,
)
