"""`cacheaudit readiness`."""

import json
from pathlib import Path

import click

from .given import Overrides, mail_file, overrides, params_as, params_file
from .mail import mailing
from .telling import tell, tell_gates, working


@click.command()
@params_file
@overrides
@mail_file
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True)
def readiness(
    file: Path | None, given: Overrides, mail: Path | None, as_json: bool, out: Path
) -> None:
    """Before a migration: will the cache hold, what does the cutover cost, are you ready?

    Writes a run folder with report.html and findings.json. Exits with 0 where all gates pass, with
    3 where one failed, with 4 where one cannot be judged.
    """
    from ..readiness_params import ReadinessParams

    with mailing(mail, "readiness"):  # a slip in the parameters is told to the owners, too
        params = params_as(ReadinessParams, file, given)
    from ..run import run_readiness  # papermill takes seconds to import; bad parameters do not

    with mailing(mail, f"readiness {params.name}") as send:
        with working("Running the readiness notebook"):
            run = run_readiness(params, out)
        if as_json:
            click.echo(json.dumps(run.findings, indent=1))
            click.echo(str(run.report), err=True)
        else:
            tell(run.report, run.findings)
            tell_gates(run.findings["gates"])
        send(run.folder)
    if run.findings["exit_code"]:
        raise click.exceptions.Exit(run.findings["exit_code"])
