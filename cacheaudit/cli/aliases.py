"""`cacheaudit aliases`."""

import json
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..aliases.audit import FAIL_ON, audit
from ..aliases.ends import Live
from ..aliases.standing import KINDS, Kind
from ..aliases.telling import answers_as_dict, answers_as_text, audit_as_dict, audit_as_text
from .telling import UNDECIDED, working

if TYPE_CHECKING:
    from ..aliases.answered import Answers

FINDINGS = 3


def _kinds(_: click.Context, __: click.Parameter, text: str) -> tuple[Kind, ...]:
    """Standings by name, with commas between; `none` is none of them."""
    asked = [part.strip() for part in text.split(",")] if text != "none" else []
    if wrong := [one for one in asked if one not in KINDS]:
        raise click.BadParameter(f"{wrong[0]!r} is none of {', '.join(KINDS)}; or none.")
    return tuple(kind for kind in KINDS if kind in asked)


def _days(_: click.Context, __: click.Parameter, text: str | None) -> int | None:
    if text is None:
        return None
    if not (found := re.fullmatch(r"(\d{1,5})d", text)):
        raise click.BadParameter(f"{text!r}; expected days, such as 90d.")
    return int(found[1])


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--exclude", multiple=True, metavar="GLOB", help="Paths to leave out; repeatable.")
@click.option("--fail-on", callback=_kinds, default=",".join(FAIL_ON), show_default=True,
              metavar="LIST", help="Standings that count, or none.")  # fmt: skip
@click.option("--within", callback=_days, metavar="90d",
              help="Retirements count this far ahead; without it, however far.")  # fmt: skip
@click.option("--everywhere", is_flag=True,
              help="Count names in comments, prose, lookups and tests as well.")  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="Show what does not count, too.")
@click.option("--live", "ask", is_flag=True,
              help="Ask the providers (keys from the environment) for today's dates.")  # fmt: skip
@click.option("--usage", type=click.Path(path_type=Path), help="Usage frame: who answered a name.")
@click.option(
    "--requests", metavar="FILE", help="Request log, as of `causes`: who answered a name."
)
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
def aliases(
    paths: tuple[Path, ...],
    exclude: tuple[str, ...],
    fail_on: tuple[Kind, ...],
    within: int | None,
    everywhere: bool,
    everything: bool,
    ask: bool,
    usage: Path | None,
    requests: str | None,
    as_json: bool,
) -> None:
    """Model names in code and configuration: which are pinned, which move, which retire.

    PATHS are files or folders; what git ignores is left out. With --usage or --requests: which
    versions answered to each name, and when that changed. Exits 3 where something counts.
    Nothing is sent without --live.
    """
    if not paths and usage is None and requests is None:
        raise click.UsageError("nothing to look at; give PATHS, --usage or --requests.")
    day = datetime.now(UTC).date()
    live = _live(day) if ask else None
    found = audit(
        paths, day, exclude=exclude, fail_on=fail_on, within_days=within,
        everywhere=everywhere, live=live,
    )  # fmt: skip
    answers = _answers(usage, requests)
    asked = tuple(one for answer in answers for one in answer.asked)
    if as_json:
        told: dict[str, Any] = {"schema": 1, **audit_as_dict(found)}
        click.echo(json.dumps(told | {"answered_by": answers_as_dict(asked)}, indent=1))
    else:
        texts = [audit_as_text(found, everything) if paths else "", answers_as_text(asked)]
        click.echo("\n\n".join(text for text in texts if text))
    moved = any(answer.moved for answer in answers) and "moving" in fail_on
    if found.counted or moved:
        raise click.exceptions.Exit(FINDINGS)
    if any(not answer.reported for answer in answers):
        click.echo("no row says what was asked for (model_requested): nothing to compare", err=True)
        raise click.exceptions.Exit(UNDECIDED)


def _live(day: date) -> Live:
    from ..aliases.live import live_facts  # with it come the SDKs, which take a second

    with working("Asking for lists of models"):
        facts = live_facts(day)
    asked = sorted({one.source for one in facts.values()})
    click.echo(f"{len(facts)} names in {' and '.join(asked)}", err=True)
    return facts


def _answers(usage: Path | None, requests: str | None) -> "list[Answers]":
    """Of the usage and of the request log, whichever were given."""
    if usage is None and requests is None:
        return []
    from ..aliases.answered import answered_by

    found = []
    if usage is not None:
        from ..sources.frame import read_usage

        found.append(answered_by(read_usage(usage)))
    if requests is not None:
        from ..logs.opening import open_log

        with working(f"Reading {requests}"):
            log = open_log(requests)
            found.append(answered_by(log.table))
        for note in log.notes:
            click.echo(f"note: {note}", err=True)
    return found
