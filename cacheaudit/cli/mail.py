"""`cacheaudit mail`, and what the other commands' --mail does."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from ..errors import AuditError
from .given import Overrides, overrides, params_as

Mailing = Callable[[Path], None]


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "-f",
    "--file",
    "file",
    type=click.Path(path_type=Path),
    required=True,
    help="YAML file of parameters (params/mail.yaml).",
)
@overrides
@click.option(
    "--dry-run", type=click.Path(path_type=Path), metavar="FILE.eml",
    help="Write the message there instead of sending it.",
)  # fmt: skip
def mail(folder: Path, file: Path, given: Overrides, dry_run: Path | None) -> None:
    """Mail the report of a run FOLDER to its readers, unless it was sent already."""
    from ..mail_params import MailParams
    from ..mailing.deliver import deliver

    decided = deliver(folder, params_as(MailParams, file, given), dry_run=dry_run)
    done = "written" if dry_run else "sent"
    click.echo(f"{done}: {decided.why}" if decided.send or dry_run else f"not sent: {decided.why}")


@contextmanager
def mailing(file: Path | None, what: str) -> Iterator[Mailing]:
    """How a command mails its run folder; what stops it is mailed to the owners, and goes on.

    The parameters are read before the run: a slip in them costs no run.
    """
    if file is None:
        yield lambda folder: None
        return
    from ..mail_params import MailParams
    from ..mailing.deliver import deliver, deliver_failure

    params = params_as(MailParams, file, ())

    def send(folder: Path) -> None:
        decided = deliver(folder, params)
        if not decided.send:
            click.echo(f"not mailed: {decided.why}", err=True)

    try:
        yield send
    except AuditError as stopped:
        again = " ".join(["cacheaudit", *sys.argv[1:]])
        try:
            deliver_failure(what, str(stopped), params, again=again)
        except AuditError as silent:
            click.echo(f"cacheaudit: the owners could not be told: {silent}", err=True)
        raise
