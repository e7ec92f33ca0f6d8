"""Claude Code transcripts: JSON lines below `~/.claude/projects/<project>/`.

They are always on and deleted after 30 days: `<session>.jsonl`, and what subagents did in
`<session>/subagents/*.jsonl`. Lines of `type: assistant` hold the response with its usage; in some
versions a subagent's responses are repeated in `type: progress` lines of the session.

| column                  | from                                                               |
|---|---|
| `ts`                    | `timestamp`: when the line was written, see below                  |
| `provider`              | `message.id` (`msg_bdrk_`, `msg_vrtx_`), else a Claude model is    |
|                         | `anthropic`; what a gateway put in its place is `unknown`          |
| `model`                 | `message.model`; `<synthetic>` is an error text of the client's    |
| `request_id`            | `message.id`, see below                                            |
| `session_id`            | `sessionId`; a subagent is a conversation of its own: `/agentId`   |
| `scope`                 | last part of the folder (`cwd`) that the session began in          |
| `route`                 | `entrypoint`: cli, an editor, the SDK                              |
| `client_version`        | `version`                                                          |
| `uncached_input_tokens` | `usage.input_tokens`                                               |
| `cache_read_tokens`     | `usage.cache_read_input_tokens`                                    |
| `cache_write_5m_`, `_1h_tokens` | `usage.cache_creation.ephemeral_*_input_tokens`; what      |
|                         | `cache_creation_input_tokens` has beyond is `_other_`              |
| `output_tokens`         | `usage.output_tokens`                                              |
| `service_tier`, `speed` | `usage`                                                            |
| `region`                | `usage.inference_geo`; `not_available` and empty are not reported  |

**One response is many lines**, 1 to 10: one for each block of its content. The first have an early
count of output, the last the final one, and a resumed or forked session copies them into another
file, a side question also under another `requestId`. Anthropic's `message.id` is the same in all
and names one response. A gateway puts any text there, one even the same in every response: it
counts together with the request, the session and the input. `iterations` with a model of their own
are calls of their own (tokens.calls_of).

**Not here**: the start of a request (the first line is written when the first block is whole, so
`ts` is late by that), what was asked for, latency. `costUSD` of early versions is the client's
estimate and no bill: it is left out. A subagent's line without `agentId` has no `session_id`.

Sources: public transcripts of 2.1.38 and 2.1.39 (marot/spotter); ccusage issues 888, 913, 1635 and
its notes on the source; CodexBar pull request 647; anthropics/claude-code 44597, 64880; 2026-11.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from itertools import repeat
from typing import Annotated, Any, NamedTuple

import msgspec

from .record import Call, Reader, Record, Skip
from .rows import COUNTS, Counts, Labels, Row, call_of
from .tokens import calls_of
from .values import MOST, NotUnderstood, moment

Count = Annotated[int, msgspec.Meta(ge=0, lt=MOST)]
NO_MODEL = "<synthetic>"
UNREPORTED = (None, "", "not_available")
CLOUDS = {"msg_bdrk_": "bedrock", "msg_vrtx_": "vertex"}
LONG_ID = 20  # characters; "msg_" and less was made up by a gateway
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - beside times whose zone is known to be UTC
HOMES = ("home", "Users")  # the folder below is a person's name
ANSWERS = ("assistant", "progress")
LINES = ("assistant", "user", "system", "progress")


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


class Seen(NamedTuple):
    """Of one file: the folder that each session began in; labels, of which most rows have few."""

    folders: dict[str | None, str | None]
    labels: dict[Labels, Labels]


_line = msgspec.json.Decoder(Line).decode
_kind = msgspec.json.Decoder(Kind).decode
_progress = msgspec.json.Decoder(Told).decode
NO_CALL = Line()


def decode(text: bytes) -> Line:
    """One line; a field of another type counts only where it is a response's."""
    try:
        line = _line(text)
    except msgspec.ValidationError:
        if _kind(text).type in ANSWERS:
            raise
        return NO_CALL
    return line if line.type != "progress" else _reported(line, _kind(text).data)


def _converted(value: Any) -> Line:
    """The same for a line that the general decoder has read."""
    try:
        line = msgspec.convert(value, Line)
    except msgspec.ValidationError:
        if isinstance(value, Mapping) and value.get("type") not in ANSWERS:
            return NO_CALL
        raise
    return line if line.type != "progress" else _reported(line, value.get("data"))


def _reported(line: Line, data: Any) -> Line:
    """The subagent's line that a progress line reports, as one of the subagent."""
    try:
        told = _progress(data) if isinstance(data, msgspec.Raw) else msgspec.convert(data, Told)
    except msgspec.MsgspecError:
        return NO_CALL  # the progress of something else
    inner = told.message
    if inner is None or inner.message is None or inner.message.usage is None:
        return NO_CALL
    inner.type = "assistant"
    inner.isSidechain = True
    inner.agentId = told.agentId
    for name in ("timestamp", "sessionId", "version", "cwd", "entrypoint"):
        setattr(inner, name, getattr(inner, name) or getattr(line, name))
    return inner


def read(records: Iterable[Record]) -> Iterator[Call | Skip]:
    """The calls of one file, as often as lines of it say so."""
    for row in rows(records):
        if isinstance(row, Skip):
            yield row
        else:
            yield from repeat(call_of(row), row[5])


def rows(records: Iterable[Record]) -> Iterator[Row | Skip]:
    """The responses of one file; neighbouring lines of one response are one row."""
    seen = Seen({}, {})
    best, first, since, times = NO_CALL, "", 0, 0
    name: str | None = None
    for number, value in records:
        if type(value) is Line:
            line = value
        else:
            try:
                line = _converted(value)
            except msgspec.ValidationError:
                yield Skip(number, "a field is of another type, or out of range")
                continue
        message = line.message
        if line.type != "assistant" or message is None or message.usage is None:
            continue
        if times and message.id == name and _repeats(line, best, first):
            times += 1
            if _output(line) > _output(best):
                best = line
            continue
        if times:
            yield from _told(best, first, times, since, seen)
        best, first, since, times = line, line.timestamp or "", number, 1
        name = message.id
    if times:
        yield from _told(best, first, times, since, seen)


def _repeats(line: Line, best: Line, first: str) -> bool:
    """Whether *line* is of the same response as *best*, and no earlier than *first*."""
    one, other = line.message, best.message
    if one is None or other is None or not one.id or one.id != other.id:
        return False
    a, b = one.usage, other.usage
    return (
        a is not None
        and b is not None
        and a.cache_read_input_tokens == b.cache_read_input_tokens
        and a.cache_creation_input_tokens == b.cache_creation_input_tokens
        and a.input_tokens == b.input_tokens
        and one.model == other.model
        and line.requestId == best.requestId
        and line.sessionId == best.sessionId
        and line.agentId == best.agentId
        and line.timestamp is not None
        and len(line.timestamp) == len(first)
        and line.timestamp[-1:] == first[-1:] == "Z"  # then the text is in the order of time
        and line.timestamp >= first
    )


def _output(line: Line) -> int:
    usage = line.message.usage if line.message else None
    return -1 if usage is None or usage.output_tokens is None else usage.output_tokens


def _told(line: Line, first: str, times: int, number: int, seen: Seen) -> Iterable[Row | Skip]:
    """What *times* lines from *number* on, since *first*, say of one response: *line* the most."""
    message = line.message
    if message is None or message.usage is None or message.model == NO_MODEL:
        return ()
    try:
        return _rows(line, message, message.usage, first, times, seen)
    except NotUnderstood as reason:
        return repeat(Skip(number, str(reason)), times)


def _rows(
    line: Line, message: Message, usage: Usage, first: str, times: int, seen: Seen
) -> list[Row]:
    model, name, session = message.model, message.id, line.sessionId
    if not model:
        raise NotUnderstood("a response has no model")
    ts = _moment(first) or moment(first or None, "timestamp")
    if not name:
        name = None
    elif name[:4] != "msg_" or len(name) < LONG_ID:
        name = _made_up(name, line, usage)
    if line.isSidechain:
        session = f"{session}/{line.agentId}" if session and line.agentId else None
    folder = seen.folders.setdefault(line.sessionId, line.cwd)
    labels: Labels = (
        (CLOUDS.get(name[:9]) if name else None) or _provider(model),
        model,
        None,
        project(folder) if folder else None,
        line.entrypoint or None,
        line.version or None,
        usage.service_tier or None,
        None if usage.inference_geo in UNREPORTED else usage.inference_geo,
        usage.speed or None,
    )
    labels = seen.labels.setdefault(labels, labels)
    counts = _counts(usage)
    if counts is not None:
        return [(ts, ts, name, session or None, None, times, labels, counts)]
    return [
        (ts, ts, name, session or None, None, times, (labels[0], billed, *labels[2:]), told)
        for billed, told in _general(usage, model)
    ]


def _moment(text: str) -> int | None:
    """What moment() would say of the client's own spelling, `2026-02-11T20:36:47.925Z`, sooner."""
    if len(text) != 24 or text[23] != "Z" or not "2010" <= text[:4] < "2100":
        return None
    try:
        since = datetime.fromisoformat(text[:23]) - EPOCH
    except (ValueError, TypeError):  # TypeError: there is another zone in it
        return None
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _counts(usage: Usage) -> Counts | None:
    """What calls_of would say of nearly every response, sooner; None where it has to be asked."""
    split, output = usage.cache_creation, usage.output_tokens
    if split is None or usage.iterations:
        return None
    five, hour = split.ephemeral_5m_input_tokens, split.ephemeral_1h_input_tokens
    if five is None or hour is None or five + hour != usage.cache_creation_input_tokens:
        return None
    return usage.input_tokens, usage.cache_read_input_tokens, five, None, hour, None, None, output


def _general(usage: Usage, own: str) -> Iterator[tuple[str, Counts]]:
    """(model, counts) of each model that the response was billed for."""
    told = msgspec.to_builtins(usage)
    for part in told["iterations"] if isinstance(told["iterations"], list) else ():
        if isinstance(part, dict) and part.get("model") == own:
            del part["model"]  # the response's own
    for model, tokens in calls_of(told):
        yield model or own, tuple([getattr(tokens, name) for name in COUNTS])


def _made_up(name: str, line: Line, usage: Usage) -> str:
    """An id of a gateway's: with all that a copy of the same response repeats."""
    sent = (usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens)
    parts = (name, line.requestId, line.sessionId, *sent)
    return ":".join("" if part is None else str(part) for part in parts)


@lru_cache(maxsize=256)
def _provider(model: str) -> str:
    return "anthropic" if "claude" in model.lower() else "unknown"


@lru_cache(maxsize=4096)
def project(folder: str) -> str | None:
    """The last part of *folder*; None where that is a person's home.

    >>> project("/srv/ada/src/shop"), project("C:\\\\Users\\\\ada\\\\shop"), project("/Users/ada")
    ('shop', 'shop', None)
    """
    parts = [part for part in folder.replace("\\", "/").split("/") if part]
    if not parts or (len(parts) > 1 and parts[-2] in HOMES and len(parts) <= 3):
        return None
    return parts[-1]


def recognises(value: Mapping[str, Any]) -> bool:
    """A line of a session: no other format names the kind of line beside `sessionId`."""
    return value.get("type") in LINES and "sessionId" in value


READER = Reader(
    name="claude_code",
    title="Claude Code transcripts",
    recognises=recognises,
    read=read,
    mark=b'"usage"',
    decode=decode,
)
