"""`cacheaudit ticket`."""

from pathlib import Path

import click

from ..errors import SourceError
from ..files import write_whole


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--to", type=click.Choice(["provider", "platform"]), required=True,
              help="Who is to read it.")  # fmt: skip
@click.option("--incident", metavar="START", help="By its start; without it, the costliest.")
@click.option("--names", "keep", is_flag=True,
              help="Tell a provider our names of workspaces, keys and releases, too.")  # fmt: skip
@click.option("--no-money", is_flag=True, help="Leave amounts of money out.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE.md",
              help="A file; without it, the terminal.")  # fmt: skip
def ticket(
    folder: Path, to: str, incident: str | None, keep: bool, no_money: bool, out: Path | None
) -> None:
    """A draft ticket, in Markdown, from the run FOLDER of a finished postmortem.

    For a provider, names of ours become neutral labels; ids that it gave out stay.
    """
    from ..finished import as_written, read_finished
    from ..params import moment_of
    from ..ticket import Addressee, ticket_of
    from ..ticket.names import Names
    from ..ticket.neutral import neutral_names

    done = read_finished(folder)
    start = None if incident is None else moment_of("--incident", incident)
    one = done.costliest if start is None else done.incident(start)
    addressee: Addressee = "provider" if to == "provider" else "platform"
    usage = done.usage() if to == "provider" else None
    with as_written():
        names = Names() if usage is None else neutral_names(done.findings, usage, one, keep=keep)
        text = ticket_of(done.findings, one, names, addressee, amounts=not no_money)
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        write_whole(out, text.encode("utf-8"))
    except OSError as error:
        raise SourceError(
            f"{out} could not be written ({error.strerror}). Give another --out."
        ) from error
    click.echo(str(out))
