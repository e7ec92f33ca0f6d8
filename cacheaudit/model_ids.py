"""Model ids without their decorations: the name a price or a rule is looked up by.

A snapshot date, a Bedrock profile, vendor or revision, a resource path: these say where and which
copy of a version served, not which version. Anything else is part of the name: an unknown suffix
makes another model.
"""

import re

_PATH = re.compile(r"^(?:arn:|projects/|publishers/).*/")
_VENDORS = (
    "ai21|amazon|anthropic|cohere|deepseek|google|meta|minimax|mistral|moonshot|moonshotai"
    "|nvidia|openai|qwen|stability|twelvelabs|writer|zai"
)
# Profiles in use on Bedrock; `regional` is genai-prices' own word for all but `global`.
_PROFILE = re.compile(
    rf"^(?:(?:global|regional|us-gov|us|eu|apac|au|jp|in|ca|sa)\.)?(?:{_VENDORS})\."
)
_REVISION = re.compile(r"-v[12](?::0)?$")
_DATE = re.compile(r"(?:-20\d\d(-?)(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01])|@20\d{6})$")


def base_id(provider: str, model: str) -> str:
    """*model* in lower case without path, Bedrock decorations and snapshot date.

    >>> base_id("anthropic", "claude-opus-4-5-20251101")
    'claude-opus-4-5'
    >>> base_id("bedrock", "us.anthropic.claude-opus-4-6-v1:0")
    'claude-opus-4-6'
    >>> base_id("vertex", "claude-sonnet-4-5@20250929"), base_id("openai", "gpt-4o-2024-08-06")
    ('claude-sonnet-4-5', 'gpt-4o')
    >>> base_id("anthropic", "claude-opus-4-6-foo")
    'claude-opus-4-6-foo'
    """
    name = without_path(model)
    if is_bedrock(provider):
        name = _REVISION.sub("", _PROFILE.sub("", name))
    return _DATE.sub("", name)


def without_path(model: str) -> str:
    """*model* in lower case, without the ARN or resource path that leads to it.

    >>> without_path("publishers/anthropic/models/claude-opus-5")
    'claude-opus-5'
    """
    return _PATH.sub("", model.strip().lower())


def is_bedrock(provider: str) -> bool:
    """Whether *provider* is AWS's Bedrock, under any of its usual names."""
    return provider.lower() in {"aws", "amazon"} or "bedrock" in provider.lower()
