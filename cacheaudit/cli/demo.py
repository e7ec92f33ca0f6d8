"""`cacheaudit demo`."""

from pathlib import Path

import click

from .telling import leave, tell, working


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True)
def demo(out: Path) -> None:
    """A planted migration, served by the sandbox, pulled by the real SDK, as a postmortem."""
    from ..demo import run_demo

    with working("Sandbox, pull and postmortem"):
        run = run_demo(out)
    tell(run.report, run.findings)
    leave(run.findings["cost"]["unpriced"], run.findings["verdict"], strict=False)
