"""`cacheaudit causes`."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from .given import (
    Overrides,
    ago,
    events_file,
    overrides,
    params_file,
    params_of,
    requests_file,
    strict,
)
from .telling import leave, working


@click.command()
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
        chosen["start"] = (datetime.now(UTC) - ago(since)).isoformat(timespec="minutes")
    params = params_of(file, given, chosen, events, requests)
    from ..findings import findings_of
    from ..postmortem import investigate
    from ..report.terminal import triage

    with working(f"Reading {params.source}"):
        found = investigate(params)
    document = findings_of(found)
    if params.events_path:
        click.echo(f"{len(found.diagnosis.events)} events from {params.events_path}", err=True)
    if params.requests_path:
        use = "used" if document["log"]["used"] else "not used"
        click.echo(f"request log {params.requests_path}: {use}", err=True)
    click.echo(json.dumps(document, indent=1) if as_json else triage(found))
    leave(document["cost"]["unpriced"], document["verdict"], strict)
