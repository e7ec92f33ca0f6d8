"""The command line. Exit codes: 0 done, 1 could not run, 2 wrong command line, 3 a gate failed,
4 done, but something could not be judged with this data."""

import sys
from importlib import import_module

import click

from ..errors import AuditError

COMMANDS = [
    "postmortem",
    "readiness",
    "weekly",
    "telemetry",
    "probe",
    "prefill",
    "causes",
    "simulate",
    "calibrate",
    "usage",
    "pull",
    "events",
    "mail",
    "ticket",
    "verify",
    "schedule",
    "aliases",
    "sandbox",
    "demo",
]


class Commands(click.Group):
    """One module a command, imported when it is asked for: none waits for another's packages."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return COMMANDS

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f".{name}", __name__), name)
        return command


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cacheaudit")
def cli() -> None:
    """Why did the prompt-cache bill spike? Tries every rival cause; says what it cannot tell."""


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
