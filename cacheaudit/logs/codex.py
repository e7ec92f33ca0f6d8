"""Codex transcripts: `~/.codex/sessions/YYYY/MM/DD/rollout-*.jsonl`, and `archived_sessions/`.

They are always on. Lines are `{timestamp, type, payload}`:

| column                  | from                                                               |
|---|---|
| `ts`                    | `timestamp` of the count: the *end* of the response                |
| `provider`              | `session_meta.model_provider`; where absent, `openai`              |
| `model`                 | the last `turn_context.model` before                               |
| `request_id`            | `token_usage_record.response_id`; else the running totals, below   |
| `session_id`            | `session_meta.id`, the first in the file                           |
| `scope`                 | last part of `session_meta.cwd`                                    |
| `route`                 | `session_meta.originator`: the terminal, an editor                 |
| `client_version`        | `session_meta.cli_version`                                         |
| `service_tier`          | the last `thread_settings_applied.thread_settings.service_tier`    |
| `uncached_input_tokens` | `input_tokens`, a total, less the next two                         |
| `cache_read_tokens`     | `cached_input_tokens`                                              |
| `cache_write_other_tokens` | `cache_write_input_tokens`: no lifetime is told                 |
| `output_tokens`         | `output_tokens`; `reasoning_output_tokens` are in it               |

**A count is no call.** `token_count` has `total_token_usage`, the sum since the session began, and
`last_token_usage`, the call. It is written again when limits are refreshed or a history is
compacted: totals that did not move are no call. Where only totals exist, a call is what they grew
by; totals that fall began anew, so that the call is all of them. A context that was full leaves
totals of which all but `total_tokens` are zero: no call, and the next begins at zero.

**Newer versions also write `token_usage_record`** for each response, compactions included, with the
provider's id. A count that says the same as one of these records is that call, and not another.

**A forked session begins with a copy of its parent's history**, counts included, often with the
time of the fork. Copies have the parent's totals, so these are the id, below the id of the oldest
ancestor that the file names. Where the parent's file is not read as well, its calls are counted at
the time of the fork.

**Not here**: the start of a request, its duration. A count before any `turn_context` has no model
and is skipped with that reason (some versions of September 2025).

Sources: openai/codex `codex-rs/protocol` (TokenUsageInfo) and `core` (recompute_token_usage);
rollout lines of 0.156 in public tests; ccusage's notes on the source and its issues 1288, 1460;
codeburn pull request 458; tokscale issue 679; 2026-11.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from .claude_code import project
from .record import Call, Reader, Record, Skip
from .tokens import Tokens, inclusive
from .values import NotUnderstood, moment, text, whole

MARKS = (
    b'"token_count"', b'"token_usage_record"', b'"turn_context"', b'"session_meta"',
    b'"thread_settings_applied"',
)  # fmt: skip
COUNTS = (
    "input_tokens", "cached_input_tokens", "cache_write_input_tokens", "output_tokens",
    "reasoning_output_tokens",
)  # fmt: skip
Usage = tuple[int | None, ...]  # in the order of COUNTS
_whole_line = msgspec.json.Decoder().decode
_nothing = msgspec.json.Decoder(msgspec.Raw).decode


@dataclass(slots=True)
class _Rollout:
    """What one file has said so far.

    session, ancestor   ids: of the file, of the oldest session whose history it begins with
    totals              of the last count
    told                calls from counts, with the totals they were told with
    recorded            calls from records, by response id
    spent, sums         what records say was used: by call, and in all after it
    """

    session: str | None = None
    ancestor: str | None = None
    shared: Call = field(default_factory=lambda: {"provider": "openai"})
    model: str | None = None
    tier: str | None = None
    totals: Usage | None = None
    told: list[tuple[Call, Usage, Usage | None]] = field(default_factory=list)
    recorded: dict[str, Call] = field(default_factory=dict)
    spent: Counter[Usage] = field(default_factory=Counter)
    sums: set[Usage] = field(default_factory=set)

    def calls(self) -> Iterator[Call]:
        """All of the file: those with a record, and those that only a count tells of."""
        yield from self.recorded.values()
        for call, used, totals in self.told:
            known = totals in self.sums
            if self.spent[used] > 0:
                self.spent[used] -= 1
                known = True
            if not known:
                yield call


def read(records: Iterable[Record]) -> Iterator[Call | Skip]:
    """The calls of one file, each once."""
    rollout = _Rollout()
    for number, value in records:
        if not isinstance(value, Mapping):
            continue
        payload = value.get("payload")
        if not isinstance(payload, Mapping):
            continue
        kind = value.get("type")
        try:
            if kind == "session_meta":
                _session(rollout, payload)
            elif kind == "turn_context":
                rollout.model = text(payload.get("model")) or rollout.model
            elif kind == "token_usage_record":
                _record(rollout, value, payload)
            elif kind == "event_msg" and payload.get("type") == "thread_settings_applied":
                _settings(rollout, payload)
            elif kind == "event_msg" and payload.get("type") == "token_count":
                _count(rollout, value, payload)
        except NotUnderstood as reason:
            yield Skip(number, str(reason))
    yield from rollout.calls()


def _session(rollout: _Rollout, meta: Mapping[str, Any]) -> None:
    name, parent = text(meta.get("id")), text(meta.get("forked_from_id"))
    rollout.ancestor = parent or name or rollout.ancestor
    if rollout.session is not None:
        return  # of an ancestor, copied with its history
    rollout.session = name
    rollout.model = text(meta.get("model"))
    told = {
        "provider": meta.get("model_provider"),
        "session_id": name,
        "scope": project(text(meta.get("cwd")) or ""),
        "route": meta.get("originator"),
        "client_version": meta.get("cli_version"),
    }
    rollout.shared |= {column: label for column, value in told.items() if (label := text(value))}


def _settings(rollout: _Rollout, payload: Mapping[str, Any]) -> None:
    settings = payload.get("thread_settings")
    if isinstance(settings, Mapping) and "service_tier" in settings:
        rollout.tier = text(settings["service_tier"])


def _record(rollout: _Rollout, line: Mapping[str, Any], payload: Mapping[str, Any]) -> None:
    used = _usage(payload.get("usage"))
    name = text(payload.get("response_id"))
    if used is None or not any(used):
        return
    if name is None:
        raise NotUnderstood("a token_usage_record has no response_id")
    if name in rollout.recorded:
        return
    rollout.recorded[name] = _call(rollout, line, used, name)
    rollout.spent[used] += 1
    if (after := _usage(payload.get("thread_token_usage"))) is not None:
        rollout.sums.add(after)


def _count(rollout: _Rollout, line: Mapping[str, Any], payload: Mapping[str, Any]) -> None:
    info = payload.get("info")
    if info is None:
        return  # limits alone
    if not isinstance(info, Mapping):
        raise NotUnderstood("info of a token_count is no object")
    totals, last = _usage(info.get("total_token_usage")), _usage(info.get("last_token_usage"))
    if totals is None and last is None:
        raise NotUnderstood("a token_count has neither totals nor a last usage")
    before, rollout.totals = rollout.totals, totals if totals is not None else rollout.totals
    if totals is not None and totals == before:
        return
    used = last if last is not None and any(last) else _growth(totals, before)
    if used is None or not any(used):
        return
    if totals is None:
        name = f"{rollout.ancestor}:{line.get('timestamp')}:{_spelled(used)}"
    else:
        name = f"{rollout.ancestor}:{_spelled(totals)}:{_spelled(used)}"
    rollout.told.append((_call(rollout, line, used, name), used, totals))


def _growth(totals: Usage | None, before: Usage | None) -> Usage | None:
    """What *totals* grew by; all of them where they fell, for then they began anew."""
    if totals is None or before is None:
        return totals
    pairs = list(zip(totals, before, strict=True))
    if any(now is not None and then is not None and now < then for now, then in pairs):
        return totals
    return tuple(None if now is None else now - (then or 0) for now, then in pairs)


def _call(rollout: _Rollout, line: Mapping[str, Any], used: Usage, name: str) -> Call:
    if rollout.model is None:
        raise NotUnderstood("no turn_context before it names a model")
    total, read, wrote, output, _ = used
    written = {} if wrote is None else {"other": wrote}
    tokens: Tokens = inclusive(total, read, written, output)
    tier = {} if rollout.tier is None else {"service_tier": rollout.tier}
    return {
        **rollout.shared,
        **tier,
        "ts": moment(line.get("timestamp"), "timestamp"),
        "model": rollout.model,
        "request_id": name,
        **tokens.counts(),
    }


def _usage(value: Any) -> Usage | None:
    """Counts as told, or None where there is no object or none of them in it."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise NotUnderstood("a usage is no object")
    used = tuple(whole(value.get(name), name) for name in COUNTS)
    return None if all(count is None for count in used) else used


def _spelled(used: Usage) -> str:
    return "-".join("" if count is None else str(count) for count in used)


def decode(line: bytes) -> Any:
    """One line; where it can be no call, it is only looked through to its end."""
    return _whole_line(line) if any(mark in line for mark in MARKS) else _nothing(line)


def recognises(value: Mapping[str, Any]) -> bool:
    """The first line of a session, a turn's settings, or a count."""
    payload = value.get("payload")
    if not isinstance(payload, Mapping):
        return False
    kind = value.get("type")
    return kind in ("session_meta", "turn_context", "token_usage_record", "response_item") or (
        kind == "event_msg" and "type" in payload
    )


READER = Reader(
    name="codex",
    title="Codex transcripts",
    recognises=recognises,
    read=read,
    decode=decode,
)
