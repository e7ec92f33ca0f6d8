"""What kind of response an object is: where its usage stands, and who must have sent it.

The provider is told by, in this order: the wrapper's `provider`, its address, what only one
provider writes into a response (below). An OpenAI-shaped body that shows none of these is served by
many, and its provider has to be given.

| in the response | provider |
|---|---|
| `type: message` and an id `msg_bdrk_…`, `msg_vrtx_…`, any other | bedrock, vertex, anthropic |
| `usageMetadata` with `createTime` or `trafficType`, without | vertex, google |
| `usage.inputTokens` | bedrock |
| `usage.billed_units` | cohere |
| an id `gen-…` beside `provider` | openrouter |
| `prompt_cache_hit_tokens` | deepseek |
| `num_cached_tokens` | mistral |
| `x_groq`, `queue_time` | groq |
| `prompt_filter_results`, `content_filter_results` | azure |
| an id `chatcmpl-…` or `resp_…`, and a model of OpenAI's own naming | openai |
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from .providers import provider_at, provider_named
from .values import NotUnderstood, text

Object = Mapping[str, Any]
ADDRESSES = ("url", "uri", "api_base", "base_url", "endpoint")
_OPENAI_MODEL = re.compile(r"(?:ft:)?(?:gpt-|o\d|chatgpt-|codex-|computer-use-)")
_COUNTS = (
    "input_tokens", "output_tokens", "prompt_tokens", "completion_tokens", "inputTokens",
    "outputTokens", "inputTokenCount", "promptTokenCount", "tokens", "prompt_cache_miss_tokens",
)  # fmt: skip


def usage_of(response: Object) -> Object | None:
    """The usage object of *response*, wherever its provider puts it; None where there is none."""
    x_groq = response.get("x_groq")
    for found in (
        response.get("usage"),
        response.get("usageMetadata"),
        response.get("usage_metadata"),
        x_groq.get("usage") if isinstance(x_groq, Mapping) else None,
    ):
        if isinstance(found, Mapping):
            return found
    return None


def has_counts(usage: Object | None) -> bool:
    """Whether *usage* has the name of a token count, of any shape."""
    return usage is not None and (
        any(name in usage for name in _COUNTS) or "prompt_token_count" in usage
    )


def provider_of(response: Object, around: Object) -> str:
    """Who served *response*; *around* is what it was saved with.

    Raises NotUnderstood where nothing tells.
    """
    if by_id := _gateway(response):
        return by_id
    given = provider_named(around.get("provider"))
    at = next(filter(None, (provider_at(around.get(name)) for name in ADDRESSES)), None)
    if found := given or at or _by_shape(response):
        return found
    raise NotUnderstood("the provider is not told; expected a provider field beside the response")


def model_in_address(around: Object) -> str | None:
    """The model that a Bedrock or Google address names: `/model/ID/converse`, `/models/ID:...`."""
    for name in ADDRESSES:
        if isinstance(address := around.get(name), str) and "/model" in address:
            try:
                path = urlsplit(address).path
            except ValueError:
                continue
            if found := re.search(r"/models?/([^/:]+)", path):
                return unquote(found[1])
    return None


def _gateway(response: Object) -> str | None:
    """OpenRouter writes who served upstream into `provider`, but bills itself."""
    ours = "provider" in response and str(response.get("id")).startswith("gen-")
    return "openrouter" if ours else None


def _by_shape(response: Object) -> str | None:
    usage = usage_of(response) or {}
    if "usageMetadata" in response or "usage_metadata" in response:
        return "vertex" if "createTime" in response or "trafficType" in usage else "google"
    if "inputTokens" in usage:
        return "bedrock"
    if "billed_units" in usage:
        return "cohere"
    name, model = text(response.get("id")) or "", text(response.get("model")) or ""
    if response.get("type") == "message":
        return {"msg_bdrk_": "bedrock", "msg_vrtx_": "vertex"}.get(name[:9], "anthropic")
    if "prompt_cache_hit_tokens" in usage:
        return "deepseek"
    if "num_cached_tokens" in usage:
        return "mistral"
    if "x_groq" in response or "queue_time" in usage:
        return "groq"
    if _filtered(response):
        return "azure"
    if name.startswith(("chatcmpl-", "resp_")) and _OPENAI_MODEL.match(model):
        return "openai"
    return None


def _filtered(response: Object) -> bool:
    choices = response.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return "prompt_filter_results" in response or (
        isinstance(first, Mapping) and "content_filter_results" in first
    )
