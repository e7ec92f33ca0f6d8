"""One valid log per format, made by code, and what its definition says of each of its records.

The definitions read nothing with the code under test. They cover the fields that the made logs
have, and what damage can turn these into. What turns a call into none, silently and rightly:

  claude_code   `type` is no answer; nothing is called `usage`, or `message.usage` is null
  codex         `type`, `payload` or `payload.type` is another; `info` is null (limits alone)
  otel          no span at all; an attribute list that is absent; no operation and no counts
  langfuse      `type` is not GENERATION
  bedrock       `schemaType` is not ModelInvocationLog
  litellm       `cache_hit` is true
  helicone      `cache_reference_id` is set; a failed call without provider or model
  responses     `response` is null beside a request: nobody answered; a piece of a response alone

An OpenTelemetry span whose reads exceed its input says what the input of its whole scope means: of
such a log nothing is claimed. No reader can know of a digit that became another digit, or of a file
that was cut between two lines. Of a key that an object repeats, the last counts, as in JSON.
"""

import json
from itertools import product
from typing import Any

from .kind import CANARY, START_US, Kind, Spent, stamp
from .values import (
    Bad,
    NoCall,
    Told,
    Unknowable,
    at,
    count,
    exclusive,
    in_utc,
    inclusive,
    named,
    reported,
    some,
    stamped,
    zoned,
)


def claude_code(number: int, spent: Spent) -> dict[str, Any]:
    hour = spent.wrote // 2
    return {
        "type": "assistant", "uuid": f"u{number}", "isSidechain": False, "sessionId": "s1",
        "timestamp": stamp(number), "version": "2.1.39", "cwd": "/srv/shop",
        "requestId": f"req_{number}",
        "message": {
            "id": f"msg_{number * 7919:024}", "model": "claude-opus-4-6", "role": "assistant",
            "content": [{"type": "text", "text": CANARY}],
            "usage": {
                "input_tokens": spent.rest, "cache_read_input_tokens": spent.read,
                "cache_creation_input_tokens": spent.wrote,
                "cache_creation": {"ephemeral_5m_input_tokens": spent.wrote - hour,
                                   "ephemeral_1h_input_tokens": hour},
                "output_tokens": spent.out, "service_tier": "standard",
            },
        },
    }  # fmt: skip


def claude_truth(s: Spent) -> Told:
    hour = s.wrote // 2
    return exclusive(s.rest, s.read, {"5m": s.wrote - hour, "1h": hour}, s.out)


def claude_told(record: Any) -> Told:
    if not isinstance(record, dict) or record.get("type") != "assistant":
        raise NoCall
    if '"usage"' not in json.dumps(record):
        raise NoCall
    usage = at(record, "message", "usage")
    if usage is None:
        raise NoCall
    if not named(record, "message", "model"):
        raise Bad
    lives = {
        life: count(at(usage, "cache_creation", f"ephemeral_{life}_input_tokens"))
        for life in ("5m", "1h")
    }
    flat = count(at(usage, "cache_creation_input_tokens"))
    known = {life: told for life, told in lives.items() if told is not None}
    if flat is not None:
        rest = flat - sum(known.values())
        if rest < 0:
            raise Bad
        if rest or not known:
            known["other"] = rest
    counts = (count(at(usage, f"{n}_tokens")) for n in ("input", "cache_read_input", "output"))
    rest, read, output = counts
    return some(exclusive(rest, read, {**known}, output))


NAMES = ("input_tokens", "cached_input_tokens", "cache_write_input_tokens", "output_tokens",
         "reasoning_output_tokens")  # fmt: skip
CODEX_HEAD = (
    {"timestamp": stamp(0), "type": "session_meta", "payload": {
        "id": "s1", "cwd": "/srv/shop", "originator": "codex_cli_rs", "cli_version": "0.156.1",
        "model_provider": "openai", "instructions": CANARY}},
    {"timestamp": stamp(0), "type": "turn_context", "payload": {"model": "gpt-5.5"}},
    {"timestamp": stamp(0), "type": "response_item", "payload": {"type": "message",
                                                                 "content": CANARY}},
)  # fmt: skip


def codex(number: int, spent: Spent) -> dict[str, Any]:
    counts = (spent.rest + spent.read + spent.wrote, spent.read, spent.wrote, spent.out, 0)
    grown = tuple(count + 10**7 * number for count in counts)  # grows by more than any call
    told = [dict(zip(NAMES, c, strict=True)) for c in (grown, counts)]
    info = {"total_token_usage": told[0], "last_token_usage": told[1]}
    payload = {"type": "token_count", "info": info, "rate_limits": None}
    return {"timestamp": stamp(number), "type": "event_msg", "payload": payload}


def codex_told(record: Any) -> Told:
    payload = record.get("payload") if isinstance(record, dict) else None
    if not isinstance(payload, dict) or record.get("type") != "event_msg":
        raise NoCall
    if payload.get("type") != "token_count" or payload.get("info") is None:
        raise NoCall
    last = [count(at(payload, "info", "last_token_usage", name)) for name in NAMES]
    if at(payload, "info", "total_token_usage") is None and not any(last):
        raise Bad
    if not any(last):
        return {}  # what the totals grew by, or nothing
    total, read, wrote, output, _ = last
    return inclusive(total, read, {} if wrote is None else {"other": wrote}, output)


USAGE = "gen_ai.usage."
OTEL = {
    "gen_ai.operation.name": "operation", "gen_ai.provider.name": "provider",
    "gen_ai.response.model": "model", f"{USAGE}input_tokens": "total",
    f"{USAGE}cache_read.input_tokens": "read", f"{USAGE}cache_creation.input_tokens": "wrote",
    f"{USAGE}output_tokens": "out",
}  # fmt: skip


def otel(number: int, spent: Spent) -> dict[str, Any]:
    given = {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic",
        "gen_ai.response.model": "claude-opus-5", "gen_ai.response.id": f"msg_{number}",
        "gen_ai.input.messages": CANARY,
        f"{USAGE}input_tokens": spent.rest + spent.read + spent.wrote,
        f"{USAGE}cache_read.input_tokens": spent.read,
        f"{USAGE}cache_creation.input_tokens": spent.wrote, f"{USAGE}output_tokens": spent.out,
    }  # fmt: skip
    pairs = [
        {"key": k, "value": {"intValue": str(v)} if isinstance(v, int) else {"stringValue": v}}
        for k, v in given.items()
    ]
    start_s = START_US // 10**6 + number
    span = {
        "traceId": f"t{number}", "spanId": f"s{number}", "name": "chat", "attributes": pairs,
        "startTimeUnixNano": f"{start_s}000000000", "endTimeUnixNano": f"{start_s}250000000",
    }  # fmt: skip
    scope = {"scope": {"name": "openllmetry", "version": "0.5.1"}, "spans": [span]}
    return {"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [scope]}]}


def listed(value: Any, name: str) -> Any:
    """The one item of a list; NoCall where there is none."""
    inside = at(value, name)
    if inside is None or inside == []:
        raise NoCall
    if not isinstance(inside, list) or not isinstance(inside[0], dict):
        raise Bad
    return inside[0]


def otel_span(record: Any) -> Any:
    return listed(listed(listed(record, "resourceSpans"), "scopeSpans"), "spans")


def otel_told(record: Any) -> Told:
    if not isinstance(record, dict):
        raise NoCall
    if "resourceSpans" not in record and "attributes" in record:
        return {}  # a span by itself, which is another form of the same
    span = otel_span(record)
    pairs, given = span.get("attributes"), {}
    if isinstance(pairs, dict):
        raise NoCall if not any(str(k).startswith("gen_ai.") for k in pairs) else Bad
    if pairs is None:
        raise NoCall
    if not isinstance(pairs, list) or not all(isinstance(p, dict) for p in pairs):
        raise Bad
    for pair in pairs:
        value = pair.get("value")
        if isinstance(value, dict):
            kinds = ("stringValue", "intValue", "doubleValue", "boolValue")
            value = next((value[k] for k in kinds if k in value), None)
        given[OTEL.get(str(pair.get("key")), "")] = value
    total, read, wrote, out = (count(given.get(n)) for n in ("total", "read", "wrote", "out"))
    if total is not None and (read or 0) + (wrote or 0) > total:
        raise Unknowable
    if total is None and out is None:
        raise Bad if given.get("operation") == "chat" else NoCall
    if not isinstance(given.get("provider"), str) or not named(given, "model"):
        raise Bad
    return inclusive(total, read, {"other": wrote}, out)


def otel_when(record: Any) -> int:
    """Also as JavaScript's [seconds, nanoseconds]."""
    start = otel_span(record).get("startTimeUnixNano")
    if isinstance(start, list) and len(start) == 2:
        return stamped(start[0]) + (count(start[1]) or 0) // 1000
    return stamped(start)


def litellm(number: int, spent: Spent) -> dict[str, Any]:
    prompt = spent.rest + spent.read + spent.wrote
    details = {"cached_tokens": spent.read, "cache_write_tokens": spent.wrote}
    usage = {
        "prompt_tokens": prompt, "completion_tokens": spent.out,
        "total_tokens": prompt + spent.out, "prompt_tokens_details": details,
    }  # fmt: skip
    form = "%Y-%m-%d %H:%M:%S.000000"
    return {
        "request_id": f"chatcmpl-{number}", "call_type": "acompletion", "api_key": "88dc",
        "cache_hit": "None", "startTime": stamp(number, form), "endTime": stamp(number + 2, form),
        "completionStartTime": stamp(number + 1, form), "model": "gpt-5.5", "model_group": "big",
        "custom_llm_provider": "openai", "team_id": "team-a", "status": "success",
        "prompt_tokens": prompt, "completion_tokens": spent.out, "messages": CANARY,
        "metadata": {"usage_object": usage, "status": None, "error": CANARY},
    }  # fmt: skip


def litellm_told(record: Any) -> Told:
    if not isinstance(record, dict):
        raise Bad
    if str(record.get("cache_hit")).lower() == "true":
        raise NoCall
    if not named(record, "model") or not named(record, "custom_llm_provider"):
        raise Bad
    metadata = record.get("metadata")
    if isinstance(metadata, str) and metadata:
        try:
            metadata = json.loads(metadata)
        except ValueError:
            raise Bad from None
    usage = at(None if metadata == "" else metadata, "usage_object")
    if usage is None or usage == {}:
        prompt, output = (count(record.get(n)) for n in ("prompt_tokens", "completion_tokens"))
        return some(reported(prompt=prompt or None, output=output))
    prompt, output = (count(at(usage, n)) for n in ("prompt_tokens", "completion_tokens"))
    read, wrote = (
        count(at(usage, "prompt_tokens_details", n))
        for n in ("cached_tokens", "cache_write_tokens")
    )
    if not prompt and not output:
        raise Bad
    return inclusive(prompt, read, {"other": wrote}, output)


def langfuse(number: int, spent: Spent) -> dict[str, Any]:
    return {
        "id": f"o{number}", "traceId": "t1", "type": "GENERATION", "projectId": "p1",
        "startTime": stamp(number), "endTime": stamp(number + 1), "model": "gpt-5.5",
        "level": "DEFAULT", "input": CANARY, "output": CANARY, "statusMessage": CANARY,
        "usageDetails": {
            "input": spent.rest, "cache_read_input_tokens": spent.read,
            "input_cache_creation": spent.wrote, "output": spent.out,
            "total": spent.rest + spent.read + spent.wrote + spent.out,
        },
    }  # fmt: skip


def langfuse_told(record: Any) -> Told:
    if not isinstance(record, dict):
        raise Bad
    if record.get("type") != "GENERATION":
        raise NoCall
    if not named(record, "model"):
        raise Bad
    usage = record.get("usageDetails")
    if isinstance(usage, str) and usage:
        raise Bad
    names = ("input", "cache_read_input_tokens", "input_cache_creation", "output", "total")
    given, read, wrote, output, total = (count(at(usage or None, name)) for name in names)
    parts = [part for part in (read, wrote) if part]
    if given is None:
        return some(reported(cache_read=read, cache_write_other=wrote, output=output))
    inside = 0
    if parts:
        ways = [
            sum(p for p, out in zip(parts, way, strict=True) if not out)
            for way in product((False, True), repeat=len(parts))
            if given + (output or 0) + sum(p for p, out in zip(parts, way, strict=True) if out)
            == total
        ]
        if len(ways) != 1 or ways[0] > given:
            raise Bad
        inside = ways[0]
    if not any((given, read, wrote, output)):
        raise Bad
    rest = given - inside
    whole = None if read is not None else rest + sum(parts)
    uncached = rest if read is not None else None
    return reported(
        uncached_input=uncached, cache_read=read, cache_write_other=wrote, output=output,
        prompt=whole,
    )  # fmt: skip


def bedrock(number: int, spent: Spent) -> dict[str, Any]:
    return {
        "schemaType": "ModelInvocationLog", "schemaVersion": "1.0",
        "timestamp": stamp(number, "%Y-%m-%dT%H:%M:%SZ"), "accountId": "111122223333",
        "region": "us-east-1", "requestId": f"r{number}", "operation": "Converse",
        "identity": {"arn": "arn:aws:sts::111122223333:assumed-role/chat/x"},
        "modelId": "anthropic.claude-opus-5-v1:0",
        "input": {"inputTokenCount": spent.rest, "cacheReadInputTokenCount": spent.read,
                  "cacheWriteInputTokenCount": spent.wrote,
                  "inputBodyJson": {"messages": [{"role": "user", "content": CANARY}]}},
        "output": {"outputTokenCount": spent.out, "outputBodyJson": {"output": CANARY}},
    }  # fmt: skip


def bedrock_told(record: Any) -> Told:
    if not isinstance(record, dict) or record.get("schemaType") != "ModelInvocationLog":
        raise NoCall
    names = ("inputTokenCount", "cacheReadInputTokenCount", "cacheWriteInputTokenCount")
    rest, read, wrote = (count(at(record, "input", name)) for name in names)
    output = count(at(record, "output", "outputTokenCount"))
    return some(exclusive(rest, read, {"other": wrote}, output))


def helicone(number: int, spent: Spent) -> dict[str, Any]:
    return {
        "request_id": f"r{number}", "request_created_at": stamp(number, "%Y-%m-%d %H:%M:%S.000"),
        "response_created_at": stamp(number + 1), "response_status": 200, "provider": "ANTHROPIC",
        "model": "claude-opus-5", "request_model": "claude-opus-latest", "delay_ms": 1000,
        "prompt_tokens": spent.rest, "prompt_cache_read_tokens": spent.read,
        "prompt_cache_write_tokens": spent.wrote, "completion_tokens": spent.out,
        "cache_reference_id": "", "request_body": CANARY, "user_id": "ada",
    }  # fmt: skip


def helicone_told(record: Any) -> Told:
    if not isinstance(record, dict):
        raise Bad
    if named(record, "cache_reference_id"):
        raise NoCall
    status = record.get("response_status")
    try:
        failed = (count(status) or 200) >= 400
    except Bad:
        failed = True
    if not named(record, "provider") or not named(record, "model"):
        raise NoCall if failed else Bad
    names = ("prompt", "prompt_cache_read", "prompt_cache_write", "completion")
    rest, read, wrote, output = (count(record.get(f"{name}_tokens")) for name in names)
    claude = "claude" in str(record["model"]).lower()
    cached = read is not None or wrote is not None
    if claude and cached:
        told = exclusive(rest, read, {"other": wrote}, output)
    elif not cached:
        told = reported(prompt=None if claude else rest, output=output)
    elif not read and not wrote:
        told = inclusive(rest, read, {}, output)
    elif rest is not None and (read or 0) > rest and not wrote:
        told = exclusive(rest, read, {}, output)
    else:
        raise Bad
    if not any(told.values()):
        if not failed:
            raise Bad
        return {}
    return told


def openrouter(number: int, spent: Spent) -> dict[str, Any]:
    return {
        "generation_id": f"gen-{number}", "created_at": stamp(number, "%Y-%m-%d %H:%M:%S.000"),
        "cost_total": "0.0125", "tokens_prompt": str(spent.rest + spent.read),
        "tokens_completion": str(spent.out), "tokens_cached": str(spent.read),
        "model_permaslug": "openai/gpt-5.6", "provider_name": "OpenAI", "user": CANARY,
        "finish_reason_normalized": "stop", "generation_time_ms": "1800",
        "api_key_name": "prod", "app_name": "Chat",
    }  # fmt: skip


def openrouter_told(record: Any) -> Told:
    if not isinstance(record, dict) or not named(record, "model_permaslug"):
        raise Bad
    names = ("prompt", "cached", "completion")
    total, read, output = (count(record.get(f"tokens_{name}")) for name in names)
    return some(inclusive(total, read, {}, output))


def completion(number: int, spent: Spent) -> dict[str, Any]:
    prompt = spent.rest + spent.read + spent.wrote
    return {
        "id": f"chatcmpl-{number}", "object": "chat.completion",
        "created": START_US // 10**6 + number, "model": "gpt-5.5",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": CANARY}}],
        "usage": {
            "prompt_tokens": prompt, "completion_tokens": spent.out,
            "total_tokens": prompt + spent.out,
            "prompt_tokens_details": {"cached_tokens": spent.read,
                                      "cache_write_tokens": spent.wrote},
        },
    }  # fmt: skip


def completion_told(record: Any) -> Told:
    if not isinstance(record, dict):
        raise NoCall
    if record.get("response") is not None:
        return wrapped_told(record)
    usage = record.get("usage")
    if "usage" not in record and record.get("object") != "chat.completion":
        raise NoCall
    if not isinstance(usage, dict):
        raise Bad
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    total, output, grand = (count(usage.get(name)) for name in names)
    details = usage.get("prompt_tokens_details")
    read, wrote = (count(at(details, n)) for n in ("cached_tokens", "cache_write_tokens"))
    if total is not None and grand is not None:  # thinking is in the total alone, for some
        if grand < total + (output or 0):
            raise Bad
        output = grand - total if output is not None or grand > total else None
    return some(inclusive(total, read, {"other": wrote}, output))


def wrapped(number: int, spent: Spent) -> dict[str, Any]:
    usage = claude_code(number, spent)["message"]["usage"]
    return {
        "ts": stamp(number), "route": "gateway", "latency_ms": 2100,
        "request": {"model": "opus", "system": CANARY,
                    "messages": [{"role": "user", "content": CANARY}]},
        "response": {"id": f"msg_{number}", "type": "message", "role": "assistant",
                     "model": "claude-opus-5", "usage": usage,
                     "content": [{"type": "text", "text": CANARY}]},
    }  # fmt: skip


def wrapped_told(record: Any) -> Told:
    if not isinstance(record, dict) or record.get("response") is None:
        return completion_told(record)
    if isinstance(record["response"], list):
        return {}  # a stream, or answers in a list
    usage = at(record, "response", "usage")
    if not isinstance(usage, dict):
        raise Bad
    model = "x" if named(record, "response", "model") or named(record, "request", "model") else ""
    return claude_told({"type": "assistant", "message": {"model": model, "usage": usage}})


def answered_at(record: Any) -> int:
    """The start that is told beside the answer, else what the answer tells itself."""
    given = (record.get("ts"), record.get("created"), at(record.get("response"), "created"))
    return stamped(next((one for one in given if one is not None), None))


def own(number: int, spent: Spent) -> dict[str, Any]:
    return {
        "ts": stamp(number, "%Y-%m-%dT%H:%M:%SZ"), "provider": "anthropic", "model": "m",
        "scope": "a", "request_id": f"r{number}", "uncached_input_tokens": spent.rest,
        "cache_read_tokens": spent.read, "cache_write_5m_tokens": spent.wrote,
        "output_tokens": spent.out, "latency_ms": 12.5, "status": 200, "marker_sent": True,
        "mine": CANARY,
    }  # fmt: skip


def own_told(record: Any) -> Told:
    if not isinstance(record, dict) or not all(named(record, n) for n in ("provider", "model")):
        raise Bad
    names = {"uncached_input": "uncached_input", "cache_read": "cache_read", "output": "output",
             "cache_write_5m": "cache_write_5m"}  # fmt: skip
    return some(reported(**{k: count(record.get(f"{n}_tokens")) for k, n in names.items()}))


def _inclusive_truth(s: Spent) -> Told:
    return inclusive(s.rest + s.read + s.wrote, s.read, {"other": s.wrote}, s.out)


def _exclusive_truth(s: Spent) -> Told:
    return exclusive(s.rest, s.read, {"other": s.wrote}, s.out)


CLAUDE, CLAUDE_5, GPT = (
    ("anthropic", "claude-opus-4-6"),
    ("anthropic", "claude-opus-5"),
    ("openai", "gpt-5.5"),
)
KINDS = {
    "claude_code": Kind(
        reader="claude_code", call=claude_code, served=CLAUDE, truth=claude_truth, told=claude_told,
        when=lambda record: zoned(record.get("timestamp")),
        head=({"type": "user", "sessionId": "s1", "message": {"content": CANARY}},),
    ),
    "codex": Kind(
        reader="codex", call=codex, served=GPT, truth=_inclusive_truth, told=codex_told,
        when=lambda record: zoned(record.get("timestamp")), head=CODEX_HEAD, ordered=True,
    ),
    "otel": Kind(
        reader="otel", call=otel, served=CLAUDE_5, truth=_inclusive_truth, told=otel_told,
        when=otel_when,
    ),
    "litellm": Kind(
        reader="litellm", call=litellm, served=GPT, truth=_inclusive_truth, told=litellm_told,
        when=lambda record: in_utc(record.get("startTime")), flat=True,
    ),
    "langfuse": Kind(
        reader="langfuse", call=langfuse, served=GPT, truth=_exclusive_truth, told=langfuse_told,
        when=lambda record: in_utc(record.get("startTime")),
    ),
    "bedrock": Kind(
        reader="bedrock", call=bedrock, served=("bedrock", "anthropic.claude-opus-5-v1:0"),
        truth=_exclusive_truth, told=bedrock_told,
        when=lambda record: zoned(record.get("timestamp")),
    ),
    "helicone": Kind(
        reader="helicone", call=helicone, served=CLAUDE_5, truth=_exclusive_truth,
        told=helicone_told, when=lambda record: in_utc(record.get("request_created_at")), flat=True,
    ),
    "openrouter": Kind(
        reader="openrouter", call=openrouter, served=("openrouter", "openai/gpt-5.6"),
        truth=lambda s: exclusive(s.rest, s.read, {}, s.out), told=openrouter_told,
        when=lambda record: in_utc(record.get("created_at")), flat=True,
    ),
    "completions": Kind(
        reader="responses", call=completion, served=GPT, truth=_inclusive_truth,
        told=completion_told, when=answered_at,
    ),
    "messages": Kind(
        reader="responses", call=wrapped, served=CLAUDE_5, truth=claude_truth, told=wrapped_told,
        when=answered_at,
    ),
    "own": Kind(
        reader="own", call=own, served=("anthropic", "m"), told=own_told,
        truth=lambda s: exclusive(s.rest, s.read, {"5m": s.wrote}, s.out),
        when=lambda record: zoned(record.get("ts")), flat=True,
    ),
}  # fmt: skip
