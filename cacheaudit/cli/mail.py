"""`cacheaudit mail`, and what the other commands' --mail does."""

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from click.core import ParameterSource

from ..errors import AuditError, SourceError
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
    _all_took_it(decided.refused)


@contextmanager
def mailing(file: Path | None, what: str) -> Iterator[Mailing]:
    """How a command mails its run folder; what stops it is mailed to the owners, and goes on.

    Its own parameters are read before all else: a slip in them costs no run, and is told to nobody
    but whoever runs it. What is done inside may be less than a run, such as reading parameters.
    """
    if file is None:
        yield lambda folder: None
        return
    from ..mail_params import MailParams
    from ..mailing.deliver import deliver, deliver_failure

    params = params_as(MailParams, file, ())
    done: list[Path] = []
    sent: list[Path] = []

    def send(folder: Path) -> None:
        done.append(folder)
        decided = deliver(folder, params)
        sent.append(folder)
        if not decided.send:
            click.echo(f"not mailed: {decided.why}", err=True)
        _all_took_it(decided.refused)

    try:
        yield send
    except AuditError as stopped:
        again = _again(click.get_current_context(silent=True))
        if done:
            mail = shlex.join(["cacheaudit", "mail", str(done[0]), "-f", str(file)])
            again = "" if sent else mail
        try:
            deliver_failure(
                what, str(stopped), params, again=again, folder=done[0] if done else None
            )
        except AuditError as silent:
            click.echo(f"cacheaudit: the owners could not be told: {silent}", err=True)
        raise


def _all_took_it(refused: int) -> None:
    if refused:
        raise SourceError(
            f"the server refused {refused} of the addresses; the others have the mail, and it"
            " counts as sent. Check readers."
        )


def _again(context: click.Context | None) -> str:
    """The command without values, for one may be a secret: its name, -f FILE and names of options.

    It is mailed, so that it is known what to look for in the schedule, not to be pasted.
    """
    if context is None:
        return ""
    words = ["cacheaudit", str(context.info_name)]
    for option in context.command.params:
        name = str(option.name)
        if context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        value = context.params.get(name)
        if name == "file":
            words += ["-f", shlex.quote(str(value))]
        elif name == "given":
            words += [word for key, _ in value or () for word in ("-p", shlex.quote(key), "…")]
        else:
            flag = isinstance(option, click.Option) and option.is_flag
            words += [max(option.opts, key=len), *([] if flag else ["…"])]
    return " ".join(words)
