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
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import repeat
from typing import Any

import msgspec

from .claude_code_lines import Line, Usage, converted, decode
from .record import Call, Reader, Record, Skip
from .rows import COUNTS, Counts, Labels, Row, call_of
from .tokens import calls_of
from .values import EARLIEST, LATEST, NotUnderstood, moment

NO_MODEL = "<synthetic>"
UNREPORTED = (None, "", "not_available")
CLOUDS = {"msg_bdrk_": "bedrock", "msg_vrtx_": "vertex"}
OWN_ID = "msg_01"  # of Anthropic's
LONG_ID = 20  # characters; "msg_" and less was made up by a gateway
HOMES = ("home", "Users")  # the folder below is a person's name
LINES = ("assistant", "user", "system", "progress")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_DAY, LAST_DAY, OUTSIDE = EARLIEST // 86_400, LATEST // 86_400, timedelta.max
Folders = dict[str | None, str | None]  # of one file: the folder that each session began in


def read(records: Iterable[Record]) -> Iterator[Call | Skip]:
    """The calls of one file, as often as lines of it say so."""
    for row in rows(records):
        yield from (row,) if isinstance(row, Skip) else repeat(call_of(row), row[5])


def rows(records: Iterable[tuple[int, Any]]) -> Iterator[Row | Skip]:
    """The responses of one file; neighbouring lines of one response are one row."""
    folders: Folders = {}
    best: Line | None = None
    name, first, since, times = None, "", 0, 0
    for number, value in records:
        try:
            line = value if type(value) is Line else converted(value)
        except msgspec.ValidationError:
            yield Skip(number, "a field is of another type, or out of range")
            continue
        if line is None:
            continue
        own = line.message.id if line.message else None
        if best is not None:
            if own == name and _repeats(line, best, first):
                times += 1
                if _output(line) > _output(best):
                    best = line
                continue
            yield from _told(best, first, times, since, folders)
        best, name, first, since, times = line, own, line.timestamp or "", number, 1
    if best is not None:
        yield from _told(best, first, times, since, folders)


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


def _told(
    line: Line, first: str, times: int, number: int, folders: Folders
) -> Iterable[Row | Skip]:
    """What *times* lines from *number* on, since *first*, say of one response: *line* the most."""
    message = line.message
    if message is None or message.usage is None or message.model == NO_MODEL:
        return ()
    model, name, session = message.model, message.id, line.sessionId
    usage, cloud = message.usage, None
    try:
        if not model:
            raise NotUnderstood("a response has no model")
        ts = _moment(first)
        counts = _counts(usage)
        billed = [] if counts is not None else [*_general(usage, model)]
    except NotUnderstood as reason:
        return repeat(Skip(number, str(reason)), times)
    if name is None or name[:6] != OWN_ID or len(name) < LONG_ID:
        name, cloud = _named(name or "", line, usage)
    folder = folders.setdefault(session, line.cwd)
    if line.isSidechain:
        session = f"{session}/{line.agentId}" if session and line.agentId else None
    tier, geo, speed = usage.service_tier, usage.inference_geo, usage.speed
    labels = _labels(cloud, model, folder, line.entrypoint, line.version, tier, geo, speed)
    if counts is not None:
        return ((ts, ts, name, session or None, None, times, labels, counts),)
    return [
        (ts, ts, name, session or None, None, times, (labels[0], by, *labels[2:]), parts)
        for by, parts in billed
    ]


@lru_cache(maxsize=4096)
def _labels(
    cloud: str | None,
    model: str,
    folder: str | None,
    entrypoint: str | None,
    version: str | None,
    tier: str | None,
    geo: str | None,
    speed: str | None,
) -> Labels:
    return (
        cloud or ("anthropic" if "claude" in model.lower() else "unknown"),
        model,
        None,
        project(folder) if folder else None,
        entrypoint or None,
        version or None,
        tier or None,
        None if geo in UNREPORTED else geo,
        speed or None,
    )


def _moment(text: str) -> int:
    """What moment() says, sooner of a time with a zone."""
    try:
        since = datetime.fromisoformat(text) - EPOCH
    except (ValueError, TypeError, OverflowError):  # TypeError: it has no zone
        since = OUTSIDE
    if not FIRST_DAY <= since.days < LAST_DAY:
        return moment(text or None, "timestamp")
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


def _named(name: str, line: Line, usage: Usage) -> tuple[str | None, str | None]:
    """(id of the call, cloud) where the id is no plain one of Anthropic's.

    One of a gateway's is taken with all that a copy of the same response repeats.
    """
    if name and (name[:4] != "msg_" or len(name) < LONG_ID):
        sent = usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens
        parts = (name, line.requestId, line.sessionId, *sent)
        name = ":".join("" if part is None else str(part) for part in parts)
    return name or None, CLOUDS.get(name[:9])


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
    decode=decode,
)
