"""A call, through the real SDK of its API, to a receipt. Retries are off: one would warm the cache.

Whatever the provider does is a receipt; no text of an answer or an error is kept. The key is read
when a client is made and is in no receipt.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import anthropic
import httpx2
import openai

from ..logs.tokens import Tokens, tokens_of
from ..logs.values import NotUnderstood
from .ask import Ask
from .bodies import Body, chat_body, messages_body, responses_body
from .candidate import PROVIDERS, Candidate
from .failures import failure_of
from .money import LONG
from .protocols import Offers
from .receipt import Receipt

TIMEOUT_S, HALF = 120.0, "the stream ended before its end"
LIVES = ("5m", "30m", "1h", "12h", "other")
HOMES = {"anthropic": "https://api.anthropic.com", "openai": "https://api.openai.com/v1"}
Reply = tuple[Any, Mapping[str, str], float | None]  # response, headers, ms to the first piece


class Sender:
    """Clients by candidate, made when first asked; to be used in a `with` block."""

    def __init__(
        self, *, timeout_s: float = TIMEOUT_S, http_client: httpx2.Client | None = None
    ) -> None:
        self._timeout_s, self._http = timeout_s, http_client
        self._clients: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        for client in self._clients.values():
            client.close()

    def __call__(self, candidate: Candidate, ask: Ask, offers: Offers, planned: Receipt) -> Receipt:
        """Send *ask* to *candidate*; *planned* with what came of it."""
        client = self._client(candidate)
        talk, make = TALKS[candidate.api]
        body = make(candidate, ask, offers)
        start = time.perf_counter()
        try:
            response, headers, first_ms = talk(client, body, ask.stream, start)
            heard = answer_of(response, headers)
        except Exception as error:  # noqa: BLE001  whatever an endpoint sends is a receipt
            return replace(planned, **failure_of(error), latency_ms=_since_ms(start))
        if heard["outcome"] == "answered" and not candidate.answers(heard["served"]):
            heard["outcome"] = "other_model"
        return replace(
            planned, **heard, status=200, latency_ms=_since_ms(start), first_token_ms=first_ms
        )

    def _client(self, candidate: Candidate) -> Any:
        if candidate.label not in self._clients:
            kind = anthropic.Anthropic if candidate.api == "messages" else openai.OpenAI
            self._clients[candidate.label] = kind(
                api_key=candidate.key(),
                base_url=candidate.base_url or HOMES[PROVIDERS[candidate.api]],
                default_headers=candidate.sent_headers(),
                max_retries=0,
                timeout=self._timeout_s,
                http_client=self._http,
            )
        return self._clients[candidate.label]


def _messages(client: Any, body: Body, stream: bool, start: float) -> Reply:
    if not stream:
        raw = client.messages.with_raw_response.create(**body)
        return raw.parse(), raw.headers, None
    with client.messages.stream(**body) as events:
        begins = ("content_block_delta", "message_delta")  # the latter where one token has no block
        first = _first(events, lambda event: event.type in begins, start)
        message = events.get_final_message()
        if message.stop_reason is None:
            raise httpx2.RemoteProtocolError(HALF)
        return message, events.response.headers, first


def _responses(client: Any, body: Body, stream: bool, start: float) -> Reply:
    if not stream:
        raw = client.responses.with_raw_response.create(**body)
        return raw.parse(), raw.headers, None
    with client.responses.create(**body, stream=True) as events:
        seen: list[Any] = []
        first = _first(events, lambda e: e.type == "response.output_text.delta", start, seen)
    ended = [e for e in seen if e.type in ("response.completed", "response.incomplete")]
    if not ended:
        raise httpx2.RemoteProtocolError(HALF)
    return ended[-1].response, events.response.headers, first


def _chat(client: Any, body: Body, stream: bool, start: float) -> Reply:
    if not stream:
        raw = client.chat.completions.with_raw_response.create(**body)
        return raw.parse(), raw.headers, None
    options = {"stream": True, "stream_options": {"include_usage": True}}
    with client.chat.completions.create(**body, **options) as events:
        seen: list[Any] = []
        first = _first(events, lambda e: bool(e.choices), start, seen)
    if not seen or seen[-1].usage is None:
        raise httpx2.RemoteProtocolError(HALF)
    return seen[-1], events.response.headers, first


TALKS: dict[str, tuple[Callable[..., Reply], Callable[[Candidate, Ask, Offers], Body]]] = {
    "messages": (_messages, messages_body),
    "responses": (_responses, responses_body),
    "chat": (_chat, chat_body),
}


def _first(
    events: Iterable[Any],
    is_first: Callable[[Any], bool],
    start: float,
    seen: list[Any] | None = None,
) -> float | None:
    """Milliseconds until the first of *events* that holds text; all of them go to *seen*."""
    first = None
    for event in events:
        if seen is not None:
            seen.append(event)
        if first is None and is_first(event):
            first = _since_ms(start)
    return first


def answer_of(response: Any, headers: Mapping[str, str]) -> dict[str, Any]:
    """What *response* says, as fields of a receipt."""
    usage = getattr(response, "usage", None)
    try:
        tokens = Tokens() if usage is None else tokens_of(usage.model_dump(exclude_unset=True))
    except NotUnderstood:
        tokens = Tokens()
    return {
        "outcome": "no_counts" if tokens.cache_read_tokens is None else "answered",
        "uncached_input_tokens": tokens.uncached_input_tokens,
        "cache_read_tokens": tokens.cache_read_tokens,
        "cache_write_tokens": _written(tokens, LIVES),
        "cache_write_long_tokens": _written(tokens, LONG),
        "output_tokens": tokens.output_tokens,
        "served": _text(getattr(response, "model", "")),
        "response_id": _text(getattr(response, "id", "")),
        "request_id": headers.get("request-id") or headers.get("x-request-id", ""),
        "workspace": headers.get("anthropic-workspace-id", ""),
        "diagnosis": _diagnosis(response),
    }


def _written(tokens: Tokens, lives: Iterable[str]) -> int | None:
    counts = [getattr(tokens, f"cache_write_{life}_tokens") for life in lives]
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _text(value: Any) -> str:
    """*value* where it is a name; an object of an odd gateway is none."""
    return value if isinstance(value, str) else ""


SAME = "no_divergence"


def _diagnosis(response: Any) -> str:
    """The provider's reason for a miss, in its own word; "" where it diagnosed nothing."""
    told = getattr(response, "diagnostics", None)
    if told is not None:
        reason = told.cache_miss_reason
        return "pending" if reason is None else _text(reason.type)
    if "diagnostics" in getattr(response, "model_fields_set", ()):
        return SAME
    told = getattr(response, "prompt_cache_diagnostics", None)
    return "" if told is None else _text(getattr(told, "reason", None) or told.type)


def _since_ms(start: float) -> float:
    return (time.perf_counter() - start) * 1000
