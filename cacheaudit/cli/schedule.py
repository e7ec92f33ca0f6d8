"""`cacheaudit schedule`."""

from datetime import UTC, datetime
from pathlib import Path

import click

from ..errors import ParamError

RUNS = ("weekly", "postmortem", "readiness", "telemetry", "pull")


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--every", "when", required=True, metavar="WHEN", help="Such as 'Mon 07:00'.")
@click.option("--zone", default="UTC", show_default=True, help="IANA name, such as Europe/Berlin.")
@click.option(
    "--kind", required=True,
    type=click.Choice(["cron", "systemd", "github", "kubernetes", "jupyter"]),
)  # fmt: skip
@click.option(
    "--folder", type=click.Path(path_type=Path), help="The clone; without it, this folder.",
)  # fmt: skip
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def schedule(
    when: str, zone: str, kind: str, folder: Path | None, words: tuple[str, ...]
) -> None:  # fmt: skip
    """Print a unit that runs a command at set times; nothing is installed.

    WORDS are the command: without any, `weekly -f params/weekly.yaml --mail params/mail.yaml`.
    """
    from ..scheduling import every, unit

    chosen = words or ("weekly", "-f", "params/weekly.yaml", "--mail", "params/mail.yaml")
    if chosen[0] not in RUNS:
        raise ParamError(
            f"{chosen[0]} is nothing to run at set times; expected one of {', '.join(RUNS)}. What"
            " spends money is started by people."
        )
    here = (folder or Path.cwd()).resolve()
    text = unit(kind, every(when, zone), chosen, folder=str(here), year=datetime.now(UTC).year)
    click.echo(text, nl=False)
