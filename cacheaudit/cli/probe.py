"""`cacheaudit probe`."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ..errors import RunFailed
from .given import Overrides, overrides, params_as, params_file
from .telling import UNDECIDED, following, tell, working


@click.command()
@params_file
@overrides
@click.option("--execute", is_flag=True, help="Send what is planned, within budget_usd.")
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True)
def probe(
    file: Path | None, given: Overrides, execute: bool, as_json: bool, out: Path
) -> None:  # fmt: skip
    """Measure live what the prompt caches of candidate versions do.

    Prints the plan and the most that it can cost, and writes it as a report. Nothing is sent
    without --execute. Ctrl-C ends the measuring and keeps what was measured.
    """
    from ..probe_params import ProbeParams  # with it come the SDKs, which take a second

    asked = params_as(ProbeParams, file, given)
    if asked.execute and not execute:
        click.echo("execute is set in the parameters; the command sends with --execute.", err=True)
    params = replace(asked, execute=execute)
    from ..measurement import planned
    from ..report.terminal import plan_words

    with working("Planning"):
        plan = planned(params)
    click.echo(plan_words(plan), err=as_json)
    _report(params, out, plan.probe.plan.calls, as_json)


def _report(params: Any, out: Path, calls: int, as_json: bool) -> None:
    """Run the notebook, say what came of it, and exit by it."""
    from ..run import run_probe

    what = "Probing" if params.execute else "Writing the plan"
    with following(what, out, calls if params.execute else 0):
        run = run_probe(params, out)
    if as_json:
        click.echo(json.dumps(run.findings, indent=1))
        click.echo(str(run.report), err=True)
    elif params.execute:
        tell(run.report, run.findings)
    else:
        click.echo(str(run.report))
    if run.findings["stopped"]:
        kept = run.folder / "receipts.jsonl"
        click.echo(f"not all was measured; go on with -p receipts_path {kept}", err=True)
    if run.findings["verdict"] == "not_measured":
        raise RunFailed(
            "nothing was measured: no call was answered with what it read. The report and its"
            " receipts say what became of each; mend that and run again."
        )
    if run.undecided:
        raise click.exceptions.Exit(UNDECIDED)
