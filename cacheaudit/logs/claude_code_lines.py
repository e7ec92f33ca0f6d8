"""A line of a Claude Code transcript: what of it is looked at, and whether it is a response's.

Every line is decoded once, into nothing but these fields; of one that is no response's only that it
is whole JSON matters. Which field means what: claude_code.py.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from .values import MOST

Count = Annotated[int, msgspec.Meta(ge=0, lt=MOST)]
MARK = b'"usage"'
ANSWERS = ("assistant", "progress")


class Split(msgspec.Struct, gc=False):
    """`usage.cache_creation`."""

    ephemeral_5m_input_tokens: Count | None = None
    ephemeral_1h_input_tokens: Count | None = None


class Usage(msgspec.Struct, gc=False):
    """`message.usage`."""

    input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_creation: Split | None = None
    service_tier: str | None = None
    speed: str | None = None
    inference_geo: str | None = None
    iterations: Any = None


class Message(msgspec.Struct, gc=False):
    """`message`: the response."""

    id: str | None = None
    model: str | None = None
    usage: Usage | None = None


class Line(msgspec.Struct, gc=False):
    """One line; what is not named here is not looked at."""

    type: str | None = None
    timestamp: str | None = None
    sessionId: str | None = None
    agentId: str | None = None
    isSidechain: bool | None = None
    requestId: str | None = None
    version: str | None = None
    cwd: str | None = None
    entrypoint: str | None = None
    message: Message | None = None


class Told(msgspec.Struct, gc=False):
    """`data` of a `progress` line: a line of a subagent's, if it is one."""

    agentId: str | None = None
    message: Line | None = None


class Kind(msgspec.Struct, gc=False):
    """What a line is, where nothing else can be said about it."""

    type: Any = None
    data: msgspec.Raw = msgspec.Raw()


_line = msgspec.json.Decoder(Line).decode
_kind = msgspec.json.Decoder(Kind).decode
_whole = msgspec.json.Decoder(msgspec.Raw).decode
_progress = msgspec.json.Decoder(Told).decode


def decode(text: bytes) -> Line | None:
    """The response's line that *text* is; None where it is whole and of something else.

    Raises ValidationError where a field of a response is of another type, DecodeError for a line
    that is no JSON, or not to its end.
    """
    try:
        line = _line(text)
    except msgspec.ValidationError:
        if MARK not in text:
            _whole(text)
        elif _kind(text).type in ANSWERS:
            raise
        return None
    message = line.message
    if message is not None and message.usage is not None and line.type == "assistant":
        return line
    if line.type == "progress" and MARK in text:
        return _reported(line, _kind(text).data)
    return None


def converted(value: Any) -> Line | None:
    """The same for a line that the general decoder has read."""
    try:
        line = msgspec.convert(value, Line)
    except msgspec.ValidationError:
        if isinstance(value, Mapping) and value.get("type") not in ANSWERS:
            return None
        raise
    if line.type == "progress":
        return _reported(line, value.get("data"))
    message = line.message
    answers = message is not None and message.usage is not None and line.type == "assistant"
    return line if answers else None


def _reported(line: Line, data: Any) -> Line | None:
    """The subagent's line that a progress line reports, as one of the subagent."""
    try:
        told = _progress(data) if isinstance(data, msgspec.Raw) else msgspec.convert(data, Told)
    except msgspec.MsgspecError:
        return None  # the progress of something else
    inner = told.message
    if inner is None or inner.message is None or inner.message.usage is None:
        return None
    inner.type = "assistant"
    inner.isSidechain = True
    inner.agentId = told.agentId
    for name in ("timestamp", "sessionId", "version", "cwd", "entrypoint"):
        setattr(inner, name, getattr(inner, name) or getattr(line, name))
    return inner
