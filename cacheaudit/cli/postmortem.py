"""`cacheaudit postmortem`."""

from pathlib import Path

import click

from .given import (
    Overrides,
    events_file,
    mail_file,
    overrides,
    params_file,
    params_of,
    requests_file,
    strict,
)
from .mail import mailing
from .telling import leave, tell, working


@click.command()
@params_file
@overrides
@events_file
@requests_file
@strict
@mail_file
@click.option("--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True)
def postmortem(
    file: Path | None,
    given: Overrides,
    events: str | None,
    requests: str | None,
    strict: bool,
    mail: Path | None,
    out: Path,
) -> None:
    """Run the postmortem notebook and write a run folder with report.html and findings.json."""
    with mailing(mail, "postmortem"):  # a slip in the parameters is told to the owners, too
        params = params_of(file, given, events=events, requests=requests)
    from ..run import run_postmortem  # papermill takes seconds to import; bad parameters do not

    with mailing(mail, f"postmortem {params.name}") as send:
        with working("Running the postmortem notebook"):
            run = run_postmortem(params, out)
        tell(run.report, run.findings)
        send(run.folder)
    leave(run.findings["cost"]["unpriced"], run.findings["verdict"], strict)
