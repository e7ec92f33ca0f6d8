"""A provider's usage object to disjoint counts: every shape that a response comes with.

| shape (told by)                           | input is  | read                                | written |
|---|---|---|---|
| Anthropic, Bedrock InvokeModel (`input_tokens`, no total) | the uncached rest | `cache_read_input_tokens` | `cache_creation` by lifetime, else `cache_creation_input_tokens` |
| OpenAI Chat, Azure, OpenRouter, LiteLLM (`prompt_tokens`) | the total | `prompt_tokens_details.cached_tokens` | `.cache_write_tokens`, `.cache_creation_tokens` |
| OpenAI Responses (`input_tokens` and a total) | the total | `input_tokens_details.cached_tokens` | `.cache_write_tokens_details` by lifetime, else `.cache_write_tokens` |
| DeepSeek (`prompt_cache_hit_tokens`)      | hit + miss | hit                                | none |
| Mistral (`num_cached_tokens`), Cohere (`tokens`, `cached_tokens`) | the total | as named | none |
| Bedrock Converse, Nova, invocation log (`inputTokens`, `inputTokenCount`) | the uncached rest | `cacheReadInputTokens`, or the same with `Count` | `cacheDetails` by lifetime, else `cacheWriteInputTokens`(`Count`) |
| Google (`promptTokenCount`)               | the total, tool prompts beside it | `cachedContentTokenCount` | none |

A count that is absent or null is *not reported*: None, never 0. Where reads are not reported and
the input is a total, the rest is not known either: only `prompt_tokens` is. Thinking is output.

Sources: the providers' SDK types (anthropic 2.2, openai 3.45) and recorded payloads; Bedrock's two
names for one count, Cohere's billed units that do not add up and Gemini's total that holds thinking
which `completion_tokens` does not were seen in payloads of pydantic-ai and openllmetry, 2026-11.
"""  # noqa: E501

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from .values import NotUnderstood, text, whole

Usage = Mapping[str, Any]
LIVES = ("5m", "1h", "30m", "12h")
# Iterations of the response itself (anthropic 2.12); `message` may name its model all the same.
FALLBACK = "fallback_message"
OWN_PARTS = ("message", "compaction", FALLBACK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Counts of one call, disjoint but for the last two; None is *not reported*.

    prompt_tokens   all input, where it is known
    total_tokens    the provider's own total of input and output, where it states one
    """

    uncached_input_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_5m_tokens: int | None = None
    cache_write_30m_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    cache_write_12h_tokens: int | None = None
    cache_write_other_tokens: int | None = None
    output_tokens: int | None = None
    prompt_tokens: int | None = None
    total_tokens: int | None = None

    def counts(self) -> dict[str, int]:
        """What is reported, as columns of the request table; the total only without its parts."""
        names = COUNTS if self.uncached_input_tokens is None else COUNTS[:-1]
        return {name: count for name in names if (count := getattr(self, name)) is not None}

    def __add__(self, other: "Tokens") -> "Tokens":
        """Both together; what neither reports stays not reported."""
        return Tokens(
            **{f.name: _sum(getattr(self, f.name), getattr(other, f.name)) for f in fields(self)}
        )


COUNTS = [f.name for f in fields(Tokens)][:-1]  # `total_tokens` is the last, before it the input's


def tokens_of(usage: Any) -> Tokens:
    """The disjoint counts of one usage object, of any shape above.

    Raises NotUnderstood where it holds no token count, one is no whole number of at least 0, two
    names of one count disagree, or parts exceed their total. `iterations` are not looked at.
    """
    if not isinstance(usage, Mapping):
        raise NotUnderstood("there is no usage object")
    for told, shape in _SHAPES:
        if any(usage.get(key) is not None for key in told):
            return shape(usage)
    raise NotUnderstood("the usage object has no token count")


def calls_of(usage: Any) -> Iterator[tuple[str | None, Tokens]]:
    """(model, tokens) of each model that one response was billed for; None is the response's own.

    An Anthropic response may list `iterations`. A tool that asked another model is billed beside
    the response's own tokens. A compaction is not in them (55,096 tokens under zeros, seen in a
    payload): where the response's own iterations hold more than the top level, they are what was
    billed. An attempt of another model that a fallback replaced is a call of its own, unless the
    top level is large enough to hold it, too.
    """
    own = tokens_of(usage)
    parts = usage.get("iterations") or []
    if parts == []:
        yield None, own
        return
    if not isinstance(parts, list) or not all(isinstance(p, Mapping) for p in parts):
        raise NotUnderstood("iterations is no list of objects")
    served_by = {None, *(text(p.get("model")) for p in parts if p.get("type") == FALLBACK)}
    served, replaced, beside = Tokens(), dict[str | None, Tokens](), dict[str | None, Tokens]()
    for part in parts:
        model, counted = text(part.get("model")), tokens_of(part)
        if model is not None and part.get("type") not in OWN_PARTS:
            beside[model] = beside.get(model, Tokens()) + counted
        elif model in served_by or len(served_by) == 1:
            served += counted
        else:
            replaced[model] = replaced.get(model, Tokens()) + counted
    yield None, served if _all(served) > _all(own) else own
    if _all(own) < _all(served) + sum(map(_all, replaced.values())):
        yield from replaced.items()
    yield from beside.items()


def inclusive(
    total: int | None,
    read: int | None,
    written: Mapping[str, int | None],
    output: int | None,
    own_total: int | None = None,
) -> Tokens:
    """Counts where the input is a total; *written* by lifetime (5m, 30m, 1h, 12h, other)."""
    wrote = sum(w or 0 for w in written.values())
    rest = None
    if total is not None and (read or 0) + wrote > total:
        raise NotUnderstood(f"{(read or 0) + wrote} tokens cached of {total} in all")
    if total is not None and read is not None:
        rest = total - read - wrote
    return Tokens(
        uncached_input_tokens=rest,
        cache_read_tokens=read,
        output_tokens=_output(total, output, own_total),
        prompt_tokens=total,
        total_tokens=own_total,
        **_columns(written),
    )


def exclusive(
    uncached: int | None,
    read: int | None,
    written: Mapping[str, int | None],
    output: int | None,
    own_total: int | None = None,
) -> Tokens:
    """Counts where the input is what was neither read nor written."""
    wrote = sum(w or 0 for w in written.values())
    known = None not in (uncached, read) or own_total is not None
    total = (uncached or 0) + (read or 0) + wrote if known and uncached is not None else None
    return Tokens(
        uncached_input_tokens=uncached,
        cache_read_tokens=read,
        output_tokens=_output(total, output, own_total),
        prompt_tokens=total,
        total_tokens=own_total,
        **_columns(written),
    )


def _anthropic(usage: Usage) -> Tokens:
    split = _part(usage, "cache_creation")
    lives = {life: _count(split, f"ephemeral_{life}_input_tokens") for life in ("5m", "1h")}
    return exclusive(
        _count(usage, "input_tokens"),
        _count(usage, "cache_read_input_tokens"),
        _by_life(lives, _count(usage, "cache_creation_input_tokens")),
        _count(usage, "output_tokens"),
    )


def _responses(usage: Usage) -> Tokens:
    details = _part(usage, "input_tokens_details")
    if not details and "total_tokens" not in usage:
        return _anthropic(usage)
    return inclusive(
        _count(usage, "input_tokens"),
        _count(details, "cached_tokens"),
        _openai_writes(details),
        _count(usage, "output_tokens"),
        _count(usage, "total_tokens"),
    )


def _chat(usage: Usage) -> Tokens:
    details = _part(usage, "prompt_tokens_details") or _part(usage, "prompt_token_details")
    read = _same(
        _count(details, "cached_tokens"),
        _count(usage, "cache_read_input_tokens"),
        _count(usage, "prompt_cache_hit_tokens"),
        _count(usage, "num_cached_tokens"),
    )
    total, miss = _count(usage, "prompt_tokens"), _count(usage, "prompt_cache_miss_tokens")
    if total is None and read is not None and miss is not None:
        total = read + miss
    if miss is not None and total is not None and read is not None and read + miss != total:
        raise NotUnderstood(f"{read} tokens hit and {miss} missed of {total}")
    return inclusive(
        total,
        read,
        _openai_writes(details, _count(usage, "cache_creation_input_tokens")),
        _count(usage, "completion_tokens"),
        _count(usage, "total_tokens"),
    )


def _openai_writes(details: Usage, flat: int | None = None) -> dict[str, int | None]:
    split = _part(details, "cache_write_tokens_details")
    lives = {life: _count(split, f"ttl_{life}_tokens") for life in ("30m", "12h")}
    nested = _part(details, "cache_creation_token_details")
    lives |= {life: _count(nested, f"ephemeral_{life}_input_tokens") for life in ("5m", "1h")}
    names = ("cache_write_tokens", "cache_creation_tokens")
    return _by_life(lives, _same(*(_count(details, name) for name in names), flat))


def _cohere(usage: Usage) -> Tokens:
    told = _part(usage, "tokens")
    return inclusive(
        _count(told, "input_tokens"),
        _count(usage, "cached_tokens"),
        {},
        _count(told, "output_tokens"),
    )


def _bedrock(usage: Usage) -> Tokens:
    def either(*names: str) -> int | None:
        return _same(*(_count(usage, name) for name in names))

    lives: dict[str, int | None] = {}
    details = usage.get("cacheDetails") or []
    for one in details if isinstance(details, list) else [details]:
        if not isinstance(one, Mapping) or one.get("ttl") not in LIVES:
            raise NotUnderstood("cacheDetails names a lifetime that is not known")
        lives[one["ttl"]] = (lives.get(one["ttl"]) or 0) + (_count(one, "inputTokens") or 0)
    written = either("cacheWriteInputTokens", "cacheWriteInputTokenCount")
    return exclusive(
        either("inputTokens", "inputTokenCount"),
        either("cacheReadInputTokens", "cacheReadInputTokenCount"),
        _by_life(lives, written),
        either("outputTokens", "outputTokenCount"),
        _count(usage, "totalTokens"),
    )


def _google(usage: Usage) -> Tokens:
    given = {_camel(key): value for key, value in usage.items()}
    prompt, tools = _count(given, "promptTokenCount"), _count(given, "toolUsePromptTokenCount")
    output = _sum(_count(given, "candidatesTokenCount"), _count(given, "thoughtsTokenCount"))
    own_total = _count(given, "totalTokenCount")
    if prompt is None:
        prompt = own_total if output is None else None
    return inclusive(
        _sum(prompt, tools), _count(given, "cachedContentTokenCount"), {}, output, own_total
    )


_SHAPES = (
    (("promptTokenCount", "prompt_token_count", "totalTokenCount"), _google),
    (("inputTokens", "inputTokenCount", "outputTokens", "outputTokenCount"), _bedrock),
    (("tokens",), _cohere),
    (("prompt_tokens", "prompt_cache_miss_tokens", "completion_tokens"), _chat),
    (("input_tokens", "output_tokens", "cache_read_input_tokens"), _responses),
)


def _output(total: int | None, output: int | None, own_total: int | None) -> int | None:
    """The output, with what only the provider's own total holds of it: thinking that is billed."""
    if own_total is None or total is None:
        return output
    if own_total < total + (output or 0):
        raise NotUnderstood(f"{total} tokens in and {output} out exceed the total {own_total}")
    return own_total - total if output is not None or own_total > total else None


def _by_life(lives: Mapping[str, int | None], flat: int | None) -> dict[str, int | None]:
    """Writes by lifetime; what the flat count holds beyond them is of an unknown one."""
    known = {life: count for life, count in lives.items() if count is not None}
    if flat is None:
        return dict(known)
    rest = flat - sum(known.values())
    if rest < 0:
        raise NotUnderstood(f"{sum(known.values())} tokens written by lifetime of {flat} in all")
    return {**known, **({"other": rest} if rest or not known else {})}


def _columns(written: Mapping[str, int | None]) -> dict[str, int | None]:
    return {f"cache_write_{life}_tokens": count for life, count in written.items()}


def _count(usage: Usage, name: str) -> int | None:
    return whole(usage.get(name), name)


def _part(usage: Usage, name: str) -> Usage:
    part = usage.get(name)
    if part is not None and not isinstance(part, Mapping):
        raise NotUnderstood(f"{name} is {type(part).__name__}; expected an object")
    return part or {}


def _same(*counts: int | None) -> int | None:
    """One count under several names: never their sum."""
    told = {c for c in counts if c is not None}
    if len(told) > 1:
        raise NotUnderstood(f"two names of one count hold {sorted(told)}")
    return told.pop() if told else None


def _sum(*counts: int | None) -> int | None:
    reported = [c for c in counts if c is not None]
    return sum(reported) if reported else None


def _all(tokens: Tokens) -> int:
    return sum(tokens.counts().values())


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
