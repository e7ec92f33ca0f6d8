"""The command line. Exit codes: 0 done, 1 could not run, 2 wrong command line, 3 a gate failed,
4 done, but something could not be judged with this data."""

import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pandas as pd
import yaml
from rich.console import Console

from .errors import AuditError, ParamError
from .params import PostmortemParams, read_params, read_params_file
from .schema import EVENT_KINDS

Overrides = tuple[tuple[str, str], ...]

UNDECIDED = 4

params_file = click.option(
    "-f", "--file", "file", type=click.Path(path_type=Path), help="YAML file of parameters."
)
overrides = click.option(
    "-p", "given", type=(str, str), multiple=True, metavar="NAME VALUE",
    help="One parameter, over the file's; may be repeated.",
)  # fmt: skip


def _once(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> str | None:
    """The value of an option that click would let a second one replace in silence."""
    if len(values) > 1:
        raise click.BadParameter("given twice; put all rows into one file, under one header.")
    return values[0] if values else None


events_file = click.option(
    "--events", type=click.Path(), multiple=True, callback=_once, metavar="FILE",
    help="CSV of releases, as `cacheaudit events` writes it; over the file and -p.",
)  # fmt: skip
requests_file = click.option(
    "--requests", type=click.Path(), multiple=True, callback=_once, metavar="FILE",
    help="Request log (.parquet, .csv, .jsonl or a glob); over the file and -p.",
)  # fmt: skip
strict = click.option("--strict", is_flag=True, help="Tokens without a price are an error.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cacheaudit")
def cli() -> None:
    """Why did the prompt-cache bill spike? Tries every rival cause; says what it cannot tell."""


@cli.command()
@params_file
@overrides
@events_file
@requests_file
@strict
@click.option("--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True)
def postmortem(
    file: Path | None,
    given: Overrides,
    events: str | None,
    requests: str | None,
    strict: bool,
    out: Path,
) -> None:
    """Run the postmortem notebook and write a run folder with report.html and findings.json."""
    params = _params(file, given, events=events, requests=requests)
    from .run import run_postmortem  # papermill takes seconds to import; bad parameters do not

    with _working("Running the postmortem notebook"):
        run = run_postmortem(params, out)
    _tell(run.report, run.findings)
    _leave(run.findings["cost"]["unpriced"], run.findings["verdict"], strict)


@cli.command()
@params_file
@overrides
@click.option("--out", type=click.Path(path_type=Path), required=True, help=".parquet or .csv")
def pull(file: Path | None, given: Overrides, out: Path) -> None:
    """Pull usage from a source into a file of the usage frame."""
    params = _params(file, given)
    from .sources import fetch
    from .sources.frame import write_usage

    with _working(f"Pulling from {params.source}"):
        got = fetch(params)
        write_usage(got.usage, out)
    click.echo(f"{len(got.usage)} rows from {got.source} in {out}")
    for note in got.notes:
        click.echo(f"note: {note}", err=True)


@cli.command()
@click.argument("usage", type=click.Path(path_type=Path), required=False)
@params_file
@overrides
@events_file
@requests_file
@strict
@click.option("--source", help="Where usage comes from: sample, anthropic, openai, ...")
@click.option("--since", metavar="7d", help="Window up to now, in days or hours: 7d, 12h.")
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
def causes(
    usage: Path | None,
    file: Path | None,
    given: Overrides,
    events: str | None,
    requests: str | None,
    strict: bool,
    source: str | None,
    since: str | None,
    as_json: bool,
) -> None:
    """The verdict in the terminal, in seconds: triage at 3 a.m.

    USAGE is a usage frame (.parquet or .csv); without it, --source asks a provider.
    """
    chosen: dict[str, Any] = {}
    if usage is not None:
        chosen |= {"source": "frame", "path": str(usage), "name": usage.stem}
    if source is not None:
        chosen["source"] = source
    if since is not None:
        chosen["start"] = (datetime.now(UTC) - _ago(since)).isoformat(timespec="minutes")
    params = _params(file, given, chosen, events, requests)
    from .findings import findings_of
    from .postmortem import investigate
    from .report.terminal import triage

    with _working(f"Reading {params.source}"):
        found = investigate(params)
    document = findings_of(found)
    if params.events_path:
        click.echo(f"{len(found.diagnosis.events)} events from {params.events_path}", err=True)
    if params.requests_path:
        use = "used" if document["log"]["used"] else "not used"
        click.echo(f"request log {params.requests_path}: {use}", err=True)
    click.echo(json.dumps(document, indent=1) if as_json else triage(found))
    _leave(document["cost"]["unpriced"], document["verdict"], strict)


@cli.command()
@click.option(
    "--git",
    "repository",
    type=click.Path(path_type=Path),
    required=True,
    help="A git repository, or a folder inside one.",
)
@click.option(
    "--kind",
    type=click.Choice(EVENT_KINDS),
    default="client",
    show_default=True,
    help="What a release of this repository changes.",
)
@click.option("--scope", help="The workspace or project that it serves; without it, all.")
@click.option("--match", default="*", show_default=True, help="Tags to take, such as 'v*'.")
@click.option("--since", metavar="2026-01-01", help="First day or time; UTC unless it says else.")
@click.option("--merges", is_flag=True, help="Also the merges into the current branch.")
@click.option("--path-only", is_flag=True, help="Of the merges, those that touch the --git folder.")
@click.option("--out", type=click.Path(path_type=Path), help=".csv; without it, to the terminal.")
def events(
    repository: Path,
    kind: str,
    scope: str | None,
    match: str,
    since: str | None,
    merges: bool,
    path_only: bool,
    out: Path | None,
) -> None:
    """The tags of a git repository as a CSV of releases, for --events.

    Names of tags, short hashes and times are all that is written; no message, no author.
    """
    if path_only and not merges:
        raise click.UsageError("--path-only chooses among merges; give --merges as well.")
    from .deploys import events_csv, read_deploys, since_of, write_events

    found = read_deploys(
        repository,
        kind=kind,
        scope=scope,
        match=match,
        since=None if since is None else since_of(since),
        merges=merges,
        path_only=path_only,
    )
    if out is None:
        click.echo(events_csv(found.events), nl=False)
    else:
        write_events(found.events, out)
        click.echo(f"{len(found.events)} events in {out}")
    for note in found.notes:
        click.echo(f"note: {note}", err=True)


@cli.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0 takes a free port.")
@click.option("--history", type=click.Path(path_type=Path), help="Usage frame by the minute.")
@click.option("--now", "clock", help="Where the sandbox's clock stands, ISO 8601 with a zone.")
def sandbox(port: int, history: Path | None, clock: str | None) -> None:
    """Serve the providers' usage reports on loopback, over a planted history, until Ctrl-C."""
    from .demo import sandbox_app
    from .sandbox.serve import serve
    from .sources.frame import read_usage

    usage = None if history is None else read_usage(history)
    now = None if clock is None else pd.Timestamp(clock).tz_convert("UTC")
    with serve(sandbox_app(usage, now), port) as url:
        click.echo(f"sandbox on {url} (OpenAI: {url}/v1); any key is good; Ctrl-C stops it")
        click.pause(info="") if sys.stdin.isatty() else _wait_for_interrupt()


@cli.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True)
def demo(out: Path) -> None:
    """A planted migration, served by the sandbox, pulled by the real SDK, as a postmortem."""
    from .demo import run_demo

    with _working("Sandbox, pull and postmortem"):
        run = run_demo(out)
    _tell(run.report, run.findings)
    _leave(run.findings["cost"]["unpriced"], run.findings["verdict"], strict=False)


def main() -> None:
    """Entry point: an error raised on purpose is one line on stderr and exit 1."""
    try:
        sys.exit(cli(standalone_mode=False))  # click hands back the code of an Exit
    except click.ClickException as wrong:
        wrong.show()
        sys.exit(wrong.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("cacheaudit: stopped; nothing half-written was left.", err=True)
        sys.exit(130)
    except AuditError as error:
        click.echo(f"cacheaudit: {error}", err=True)
        sys.exit(1)


def _params(
    file: Path | None,
    given: Overrides,
    chosen: dict[str, Any] | None = None,
    events: str | None = None,
    requests: str | None = None,
) -> PostmortemParams:
    """Of a file, then options, then -p, then --events and --requests; refused here if unknown
    or mistyped."""
    typed = (chosen or {}) | {name: _typed(name, text) for name, text in given}
    if events is not None:
        typed["events_path"] = events
    if requests is not None:
        typed["requests_path"] = requests
    if file is not None:
        return read_params_file(PostmortemParams, file, typed)
    return read_params(PostmortemParams, typed)


def _typed(name: str, text: str) -> Any:
    """*text* as YAML reads it, except that a time stays text."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ParamError(f"-p {name} is {text!r}; expected a YAML value.") from error
    return value if isinstance(value, bool | int | float | dict) else text


def _ago(text: str) -> pd.Timedelta:
    try:
        ago = pd.Timedelta(text)
    except ValueError as error:
        raise ParamError(f"--since is {text!r}; expected a duration such as 7d or 12h.") from error
    if not ago > pd.Timedelta(0):
        raise ParamError(f"--since is {text!r}; expected a duration above zero.")
    return ago


@contextmanager
def _working(what: str) -> Iterator[None]:
    """A spinner on stderr while people watch; nothing when a machine does."""
    console = Console(stderr=True)
    if console.is_terminal and not os.environ.get("CI"):
        with console.status(f"{what} ..."):
            yield
    else:
        yield


def _tell(report: Path, findings: Any) -> None:
    click.echo(str(report))
    for sentence in findings["summary"]:
        click.echo(sentence)


def _leave(unpriced: list[dict[str, Any]], verdict: str, strict: bool) -> None:
    """Exit by what could not be judged; silent where all could."""
    for one in unpriced:
        near = f"; nearest known: {', '.join(one['nearest'])}" if one["nearest"] else ""
        name = one["model"] or "a model that is not named"
        click.echo(
            f"unpriced: {one['tokens']:,} tokens of {name} ({one['reason']}{near})", err=True
        )
    if unpriced and strict:
        raise ParamError(
            "--strict: some tokens have no price, named above. Price them in a table of your own"
            " (prices_path), or drop --strict."
        )
    if unpriced or verdict == "unfit_data":
        raise click.exceptions.Exit(UNDECIDED)


def _wait_for_interrupt() -> None:
    threading.Event().wait()
