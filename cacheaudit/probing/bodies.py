"""The body of a call, in the shape of each API.

Synthetic prompts mark the end of their head, where marks are offered, so that the tail is not part
of what is cached. A call that needs no output asks for as little as there is: none where prewarming
is offered (Anthropic `max_tokens=0`, OpenAI `prewarm`), else the fewest tokens that the endpoint
accepts. The team's own bodies are sent as they are but for the model, the nonce and the length of
the output.
"""

from collections.abc import Mapping
from typing import Any

from .ask import LEAST_OUTPUT_TOKENS, Ask
from .candidate import Candidate
from .protocols import Offers

NOT_OURS = ("stream", "stream_options", "model", "n")
Body = dict[str, Any]


def messages_body(candidate: Candidate, ask: Ask, offers: Offers) -> Body:
    """For Anthropic's Messages."""
    body: Body
    if ask.body is not None:
        body = {**_own(ask), "max_tokens": ask.most_output_tokens if ask.thinks else 1}
    else:
        head = {"type": "text", "text": ask.head(), "cache_control": {"type": "ephemeral"}}
        body = {"max_tokens": 1, "messages": [{"role": "user", "content": ask.tail}]}
        body["system"] = [head if offers.marks is not False else _unmarked(head, "cache_control")]
        if offers.prewarm is not False and not ask.generate and not ask.stream:
            body["max_tokens"] = 0
    if offers.diagnosis is not False:
        body["diagnostics"] = {"previous_message_id": ask.before_id}
    return {**body, "model": candidate.model}


def responses_body(candidate: Candidate, ask: Ask, offers: Offers) -> Body:
    """For OpenAI's Responses."""
    options: Body = {}
    if ask.body is not None:
        body = {**_own(ask), "max_output_tokens": LEAST_OUTPUT_TOKENS}
        options = dict(body.pop("prompt_cache_options", None) or {})
    else:
        head = _head(ask, "input_text", offers)
        said = {"role": "user", "content": ask.tail}
        body = {
            "max_output_tokens": LEAST_OUTPUT_TOKENS,
            "input": [{"role": "developer", "content": [head]}, said],
        }
        if offers.marks is not False:
            options["mode"] = "explicit"
            if offers.prewarm is not False and not ask.generate and not ask.stream:
                options["prewarm"] = True
        else:
            body["prompt_cache_key"] = ask.nonce[-64:]
    if offers.marks is not False and offers.diagnosis is not False and ask.before_id:
        options["comparison_response_id"] = ask.before_id
    return {**body, **({"prompt_cache_options": options} if options else {}),
            "model": candidate.model}  # fmt: skip


def chat_body(candidate: Candidate, ask: Ask, offers: Offers) -> Body:
    """For OpenAI's Chat Completions, and what speaks like it."""
    if ask.body is not None:
        own = _own(ask)
        own.pop("max_tokens", None)
        return {**own, "max_completion_tokens": offers.output_tokens, "model": candidate.model}
    body: Body = {
        "max_completion_tokens": offers.output_tokens,
        "messages": [
            {"role": "system", "content": [_head(ask, "text", offers)]},
            {"role": "user", "content": ask.tail},
        ],
        "model": candidate.model,
    }
    if offers.marks is not False:
        body["prompt_cache_options"] = {"mode": "explicit"}
    return body


def _own(ask: Ask) -> Body:
    return {name: value for name, value in ask.own_body().items() if name not in NOT_OURS}


def _head(ask: Ask, kind: str, offers: Offers) -> Mapping[str, Any]:
    head: Body = {"type": kind, "text": ask.head()}
    if offers.marks is not False:
        head |= {"prompt_cache_breakpoint": {"mode": "explicit"}}
    return head


def _unmarked(block: Body, name: str) -> Body:
    return {key: value for key, value in block.items() if key != name}
