"""The formats that are read, by name; adding one is a module, a row here and a payload test."""

from . import (
    bedrock,
    claude_code,
    codex,
    helicone,
    langfuse,
    litellm,
    openrouter,
    otel,
    own,
    responses,
)
from .record import Reader

_MODULES = (
    claude_code, codex, otel, litellm, langfuse, bedrock, helicone, openrouter, responses, own,
)  # fmt: skip
FORMATS: dict[str, Reader] = {module.READER.name: module.READER for module in _MODULES}
