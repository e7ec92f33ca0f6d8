"""`cacheaudit simulate`."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pandas as pd

from .telling import UNDECIDED, working

if TYPE_CHECKING:
    from ..planning import Migration, Plans
    from ..replaying import Rules
    from .replayed_log import ReplayedLog

NO_PLAN = 3
LIFETIMES = ("5m", "30m", "1h")


def _seconds(_: click.Context, __: click.Parameter, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        found = pd.Timedelta(text).total_seconds()
    except ValueError:
        raise click.BadParameter(f"{text!r}; expected a time such as 6h, 30m or 3s.") from None
    if not found >= 0:
        raise click.BadParameter(f"{text!r}; expected a time of 0 or more.")
    return found


def _times(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> tuple[Any, ...]:
    try:
        found = [pd.Timestamp(one) for one in given]
    except ValueError:
        raise click.BadParameter("expected a time such as 2026-11-02T07:00 (UTC).") from None
    return tuple(at.tz_localize("UTC") if at.tzinfo is None else at for at in found)


@click.command()
@click.argument("requests")
@click.option("--from", "old", default="", metavar="MODEL", help="The version that serves now.")
@click.option("--to", "new", default="", metavar="MODEL", help="The version to move to.")
@click.option("--at", "at", multiple=True, callback=_times, metavar="ISO",
              help="When all would have moved, in the past; else once a day.")  # fmt: skip
@click.option("--clock", default="", metavar="HH:MM", help="The same on each day of the log, UTC.")
@click.option("--provider", default="", help="Who serves both; else as the log says.")
@click.option("--ttl", default="", metavar="5m", help="Lifetime of entries; else as documented.")
@click.option("--ramp", default="6h", show_default=True, callback=_seconds,
              help="How long a ramp takes; a canary takes a third of it.")  # fmt: skip
@click.option("--canary", default=0.1, show_default=True, help="Share of a canary.")
@click.option("--prefixes", default=20, show_default=True, help="How many a prefill sends.")
@click.option("--floor", default=0.5, show_default=True,
              help="Least share of the usual hit rate in any hour of the move.")  # fmt: skip
@click.option("--limit", type=float, metavar="N", help="Rate limit on NEW, tokens a minute.")
@click.option("--ready", default="0s", show_default=True, callback=_seconds,
              help="Until an entry can be read: the time to the first token.")  # fmt: skip
@click.option(
    "--min-tokens", type=int, metavar="N", help="NEW caches no prefix below; else as documented."
)
@click.option("--token-ratio", type=float, metavar="X",
              help="Tokens on NEW per token on OLD; else about as documented.")  # fmt: skip
@click.option("--block-tokens", type=int, metavar="N", help="Tokens of a block of a block trace.")
@click.option("--prices", type=click.Path(path_type=Path), help="CSV of prices of your own.")
@click.option("--table", default="", help="Table of a database's URL.")
@click.option("--format", default="", help="Format of the log; without it, it is recognised.")
@click.option("--columns", type=(str, str), multiple=True, metavar="NAME THEIRS",
              help="The log's own name of a column; repeatable.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def simulate(requests: str, as_json: bool, **given: Any) -> None:
    """What a move to another version would have cost on your own past traffic, plan by plan.

    REQUESTS is a request log (file, folder, glob, object store, database), as of `causes`, or a
    block trace. Without --to: what caches of several lifetimes would have read of it. Nothing is
    sent. Exits 3 where no plan stays within floor and limit, 4 where a version has no price.
    """
    from .replayed_log import opened  # with it come the engines, which take a second

    asked = _Asked(**given)
    with working(f"Reading {requests}"):
        log = opened(
            requests, table=asked.table, format=asked.format, columns=dict(asked.columns),
            model=asked.old, block_tokens=asked.block_tokens,
        )  # fmt: skip
    _note(log.notes)
    told, text = _compared(log, asked) if asked.new else _replayed(log, asked)
    _note(told["notes"])
    click.echo(json.dumps({"schema": 1, **told}, indent=1) if as_json else text)
    _leave(told)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """The options."""

    old: str
    new: str
    at: tuple[pd.Timestamp, ...]
    clock: str
    provider: str
    ttl: str
    ramp: float
    canary: float
    prefixes: int
    floor: float
    limit: float | None
    ready: float
    min_tokens: int | None
    token_ratio: float | None
    block_tokens: int | None
    prices: Path | None
    table: str
    format: str
    columns: tuple[tuple[str, str], ...]


def _note(notes: Sequence[str]) -> None:
    for note in notes:
        click.echo(f"note: {note}", err=True)


def _rules(log: "ReplayedLog", asked: _Asked, model: str, provider: str, **more: Any) -> "Rules":
    from ..replaying import rules_of
    from ..sources.tables import read_prices

    given: dict[str, Any] = {
        "ttl": asked.ttl, "ready_s": asked.ready, "block_tokens": log.block_tokens,
        "prices": read_prices(asked.prices) if asked.prices else None,
    }  # fmt: skip
    return rules_of(provider, model, datetime.now(UTC).date(), **(given | more))


def _migration(log: "ReplayedLog", asked: _Asked) -> "Migration":
    from ..planning import Migration
    from ..rules import tokenizer_ratio

    old = log.version(asked.old)
    provider = asked.provider or log.provider(old)
    documented = tokenizer_ratio(old, asked.new) or (1.0, 1.0)
    ratio = sum(documented) / 2 if asked.token_ratio is None else asked.token_ratio
    return Migration(
        from_model=old,
        to_model=asked.new,
        rules={
            old: _rules(log, asked, old, provider),
            asked.new: _rules(log, asked, asked.new, provider, token_ratio=ratio, **_least(asked)),
        },
        at=asked.at,
        clock=asked.clock,
        ramp_s=asked.ramp,
        canary_share=asked.canary,
        canary_s=asked.ramp / 3,
        prefixes=asked.prefixes,
        floor=asked.floor,
        limit_tokens_per_min=asked.limit,
        reads_count=provider == "openai",
    )


def _least(asked: _Asked) -> dict[str, Any]:
    return {} if asked.min_tokens is None else {"min_tokens": asked.min_tokens}


def _compared(log: "ReplayedLog", asked: _Asked) -> tuple[dict[str, Any], str]:
    """The plans, as values and as text."""
    from ..planning import compare_plans
    from ..replaying import replay
    from ..report.plan_words import answer, lessons, log_notes, versions_words
    from ..report.plans import plan_words, rules_table
    from ..show import Prose

    migration = _migration(log, asked)
    calls = log.of(migration.from_model, migration.to_model)
    with working("Replaying plans"):
        plans = compare_plans(calls, migration)
        always = [replay(calls, rules, bucket_s=86_400) for rules in migration.rules.values()]
    told = {
        "kind": "plans", "from": migration.from_model, "to": migration.to_model,
        "rules": {model: asdict(rules) for model, rules in migration.rules.items()},
        "always_served": {
            model: one.to_dict() for model, one in zip(migration.rules, always, strict=True)
        },
        "unpriced": [model for model, rules in migration.rules.items() if rules.rates is None],
        "fits": _fits(plans), **plans.to_dict(), "answer": answer(plans),
        "lessons": lessons(plans), "notes": log_notes(calls),
    }  # fmt: skip
    said = Prose([versions_words(plans, *always)]).to_text()
    return told, f"{rules_table(migration.rules).to_text()}\n\n{said}\n\n{plan_words(plans)}"


def _fits(plans: "Plans") -> bool | None:
    """Whether a plan stays within floor and limit; None where it is not known of one."""
    floors = [one.within_floor for one in plans.plans if one.within_limit is not False]
    if any(floors):
        return True
    return None if None in floors else False


def _replayed(log: "ReplayedLog", asked: _Asked) -> tuple[dict[str, Any], str]:
    """What caches of several lifetimes would have read of each version's calls."""
    from ..replaying import replay
    from ..report.plan_words import log_notes
    from ..report.plans import replay_table

    lifetimes = (asked.ttl,) if asked.ttl else LIFETIMES
    rows, notes = [], dict[str, None]()
    for model in [log.version(asked.old)] if asked.old else log.models:
        provider, calls = asked.provider or log.provider(model), log.of(model)
        row = {"model": model, "requests": log.calls(model), "read": log.read_share(model)}
        for ttl in lifetimes:
            rules = _rules(log, asked, model, provider, ttl=ttl, **_least(asked))
            row |= {"min_tokens": rules.min_tokens, ttl: replay(calls, rules).hit_rate}
        rows.append(row)
        if not isinstance(log.source, pd.DataFrame):  # of a block trace they speak of plans alone
            notes |= dict.fromkeys(log_notes(calls))
    told = {"kind": "replay", "lifetimes": [*lifetimes], "versions": rows, "notes": [*notes]}
    return told, replay_table(rows, lifetimes).to_text()


def _leave(told: dict[str, Any]) -> None:
    """Exit by whether a plan fits, and whether all could be priced."""
    if told["kind"] == "replay":
        return
    for model in told["unpriced"]:
        click.echo(f"unpriced: all tokens of {model}; bring its prices with --prices", err=True)
    if told["fits"] is False:
        raise click.exceptions.Exit(NO_PLAN)
    if told["unpriced"] or told["fits"] is None:
        raise click.exceptions.Exit(UNDECIDED)
