"""`cacheaudit verify`."""

from pathlib import Path

import click
import yaml

from .given import Overrides, overrides, params_file, params_of
from .telling import working


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@params_file
@overrides
@click.option("--since", required=True, metavar="FIXED_AT", help="When the repair was in effect.")
@click.option("--incident", metavar="START", help="By its start; without it, the costliest.")
@click.option("--ticket", is_flag=True,
              help="Also a closing comment for the ticket (verification.md).")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR",
              help="Where to write; without it, the run FOLDER.")  # fmt: skip
def verify(
    folder: Path, file: Path | None, given: Overrides, since: str, incident: str | None,
    ticket: bool, out: Path | None,
) -> None:  # fmt: skip
    """After a repair: is what fell back at the baseline of its postmortem, in run FOLDER?

    Usage is pulled as that postmortem pulled it, or as -f and -p say, from the day before the
    repair to now; a start and an end of the file are not used (-p start and -p end are). Exits
    with 3 where it is still open, with 4 where that is not yet known.
    """
    own = {name for name, _ in given}
    checked = params_of(
        file, (*given, *((name, "") for name in ("start", "end") if name not in own))
    )
    from ..finished import read_finished
    from ..params import moment_of
    from ..verification.asked import asked
    from ..verification.verify import verify as judged
    from ..verification.verify import write_verification

    if file is not None:
        own |= set(yaml.safe_load(file.read_text(encoding="utf-8")) or {})
    params = asked(read_finished(folder), checked, own)
    fixed_at = moment_of("--since", since)
    start = None if incident is None else moment_of("--incident", incident)
    with working(f"Reading {params.source}"):
        found = judged(folder, params, fixed_at=fixed_at, incident=start)
    for path in write_verification(found, folder if out is None else out, comment=ticket):
        click.echo(str(path))
    for sentence in found.sentences:
        click.echo(sentence)
    if found.found.exit_code:
        raise click.exceptions.Exit(found.found.exit_code)
