"""`cacheaudit pull`."""

from pathlib import Path

import click

from ..errors import ParamError
from .given import Overrides, overrides, params_file, params_of
from .telling import working


@click.command()
@params_file
@overrides
@click.option("--out", type=click.Path(path_type=Path), required=True, help=".parquet or .csv")
@click.option(
    "--rebuild", is_flag=True, help="First make the store again from the pages beside it."
)
def pull(file: Path | None, given: Overrides, out: Path, rebuild: bool) -> None:
    """Pull usage from a source into a file of the usage frame."""
    params = params_of(file, given)
    if rebuild and not params.store_path:
        raise ParamError("--rebuild needs a store; expected store_path. Set it, or drop --rebuild.")
    from ..sources import fetch, rebuild_store
    from ..sources.frame import write_usage

    if rebuild:
        answers = rebuild_store(params.store_path)
        click.echo(f"{params.store_path} made again from the pages of {answers} answers")

    with working(f"Pulling from {params.source}"):
        got = fetch(params)
        write_usage(got.usage, out)
    click.echo(f"{len(got.usage)} rows from {got.source} in {out}")
    for note in got.notes:
        click.echo(f"note: {note}", err=True)
