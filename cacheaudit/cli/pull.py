"""`cacheaudit pull`."""

from pathlib import Path

import click

from .given import Overrides, overrides, params_file, params_of
from .telling import working


@click.command()
@params_file
@overrides
@click.option("--out", type=click.Path(path_type=Path), required=True, help=".parquet or .csv")
def pull(file: Path | None, given: Overrides, out: Path) -> None:
    """Pull usage from a source into a file of the usage frame."""
    params = params_of(file, given)
    from ..sources import fetch
    from ..sources.frame import write_usage

    with working(f"Pulling from {params.source}"):
        got = fetch(params)
        write_usage(got.usage, out)
    click.echo(f"{len(got.usage)} rows from {got.source} in {out}")
    for note in got.notes:
        click.echo(f"note: {note}", err=True)
