"""`cacheaudit events`."""

from pathlib import Path

import click

from ..schema import EVENT_KINDS


@click.command()
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
    from ..deploys import events_csv, read_deploys, since_of, write_events

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
