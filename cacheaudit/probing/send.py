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
from .bodies import chat_body, messages_body, responses_body
from .candidate import Candidate
from .failures import failure_of
from .protocols import Offers
from .receipt import Receipt

TIMEOUT_S, HALF = 120.0, "the stream ended before its end"
LIVES = ("5m", "30m", "1h", "12h", "other")
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
        talk = {"messages": _messages, "responses": _responses, "chat": _chat}[candidate.api]
        start = time.perf_counter()
        try:
            response, headers, first_ms = talk(client, candidate, ask, offers, start)
            heard = _answer(response, headers)
        except Exception as error:  # noqa: BLE001  failure_of raises what is none of theirs
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
                base_url=candidate.base_url or None,
                default_headers=candidate.sent_headers(),
                max_retries=0,
                timeout=self._timeout_s,
                http_client=self._http,
            )
        return self._clients[candidate.label]


def _messages(client: Any, candidate: Candidate, ask: Ask, offers: Offers, start: float) -> Reply:
    body = messages_body(candidate, ask, offers)
    if not ask.stream:
        raw = client.messages.with_raw_response.create(**body)
        return raw.parse(), raw.headers, None
    with client.messages.stream(**body) as stream:
        begins = ("content_block_delta", "message_delta")  # the latter where one token has no block
        first = _first(stream, lambda event: event.type in begins, start)
        message = stream.get_final_message()
        if message.stop_reason is None:
            raise httpx2.RemoteProtocolError(HALF)
        return message, stream.response.headers, first


def _responses(client: Any, candidate: Candidate, ask: Ask, offers: Offers, start: float) -> Reply:
    body = responses_body(candidate, ask, offers)
    if not ask.stream:
        raw = client.responses.with_raw_response.create(**body)
        return raw.parse(), raw.headers, None
    with client.responses.create(**body, stream=True) as stream:
        seen: list[Any] = []
        first = _first(stream, lambda e: e.type == "response.output_text.delta", start, seen)
    ended = [e for e in seen if e.type in ("response.completed", "response.incomplete")]
    if not ended:
        raise httpx2.RemoteProtocolError(HALF)
    return ended[-1].response, stream.response.headers, first


def _chat(client: Any, candidate: Candidate, ask: Ask, offers: Offers, start: float) -> Reply:
    body = chat_body(candidate, ask, offers)
    if not ask.stream:
        raw = client.chat.completions.with_raw_response.create(**body)
        return raw.parse(), raw.headers, None
    options = {"stream": True, "stream_options": {"include_usage": True}}
    with client.chat.completions.create(**body, **options) as stream:
        seen: list[Any] = []
        first = _first(stream, lambda e: bool(e.choices), start, seen)
    if not seen or seen[-1].usage is None:
        raise httpx2.RemoteProtocolError(HALF)
    return seen[-1], stream.response.headers, first


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


def _answer(response: Any, headers: Mapping[str, str]) -> dict[str, Any]:
    """What *response* says, as fields of a receipt."""
    usage = getattr(response, "usage", None)
    try:
        tokens = Tokens() if usage is None else tokens_of(usage.model_dump(exclude_unset=True))
    except NotUnderstood:
        tokens = Tokens()
    lives = [getattr(tokens, f"cache_write_{life}_tokens") for life in LIVES]
    written = [count for count in lives if count is not None]
    return {
        "outcome": "no_counts" if tokens.cache_read_tokens is None else "answered",
        "uncached_input_tokens": tokens.uncached_input_tokens,
        "cache_read_tokens": tokens.cache_read_tokens,
        "cache_write_tokens": sum(written) if written else None,
        "output_tokens": tokens.output_tokens,
        "served": getattr(response, "model", "") or "",
        "response_id": getattr(response, "id", "") or "",
        "request_id": headers.get("request-id") or headers.get("x-request-id", ""),
        "workspace": headers.get("anthropic-workspace-id", ""),
        "diagnosis": _diagnosis(response),
    }


SAME = "no_divergence"


def _diagnosis(response: Any) -> str:
    """The provider's reason for a miss, in its own word; "" where it diagnosed nothing."""
    told = getattr(response, "diagnostics", None)
    if told is not None:
        reason = told.cache_miss_reason
        return "pending" if reason is None else str(reason.type)
    if "diagnostics" in getattr(response, "model_fields_set", ()):
        return SAME
    told = getattr(response, "prompt_cache_diagnostics", None)
    return "" if told is None else str(getattr(told, "reason", None) or told.type)


def _since_ms(start: float) -> float:
    return (time.perf_counter() - start) * 1000
