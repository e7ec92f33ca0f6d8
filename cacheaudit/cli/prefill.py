"""`cacheaudit prefill`."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pandas as pd

from ..errors import RunFailed
from .given import Overrides, overrides, params_as, params_file
from .telling import UNDECIDED, following, tell, working

FAILED = 3
EXITS = {"less_warm": FAILED, "not_known": UNDECIDED}


@click.command()
@params_file
@overrides
@click.option("--execute", is_flag=True, help="Send what is planned, within budget_usd.")
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True)
def prefill(
    file: Path | None, given: Overrides, execute: bool, as_json: bool, out: Path
) -> None:  # fmt: skip
    """Warm the prompt cache of a candidate version, and keep it warm until the cutover.

    Prints the plan, what it is expected to cost and the most that it can, and writes it as a
    report. Nothing is sent without --execute, and nothing after the cutover. Ctrl-C, or the file
    stop_path, ends it before the next call. Exits 3 where less is warm than warm_share asks for.
    """
    from ..prefill_params import PrefillParams  # with it come the SDKs, which take a second

    asked = params_as(PrefillParams, file, given)
    if asked.execute and not execute:
        click.echo("execute is set in the parameters; the command sends with --execute.", err=True)
    params = replace(asked, execute=execute)
    from ..prefilling.prefill import planned
    from ..report.prefill import plan_words

    with working("Planning"):
        plan = planned(params)
    click.echo(plan_words(plan), err=as_json)
    if execute:  # one moment for the plan, the run, and whoever goes on from its receipts
        params = replace(
            params,
            cutover=f"{params.until(pd.Timestamp.now(tz='UTC')).ceil('s'):%Y-%m-%dT%H:%M:%SZ}",
        )
    _report(params, out, plan.plan.calls, as_json)


def _report(params: Any, out: Path, calls: int, as_json: bool) -> None:
    """Run the notebook, say what came of it, and exit by it."""
    from ..run import run_prefill

    what = "Keeping warm" if params.execute else "Writing the plan"
    with following(what, out, calls if params.execute else 0, "prefill"):
        run = run_prefill(params, out)
    if as_json:
        click.echo(json.dumps(run.findings, indent=1))
        click.echo(str(run.report), err=True)
    elif params.execute:
        tell(run.report, run.findings)
    else:
        click.echo(str(run.report))
    if run.findings["stopped"] == "stopped":
        kept = run.folder / "receipts.jsonl"
        more = f"-p cutover {params.cutover} -p receipts_path {kept}"
        click.echo(f"stopped before the cutover; go on with {more}", err=True)
    verdict = run.findings["verdict"]
    if verdict == "not_warmed" and not run.findings["metrics"]["calls"]:
        raise RunFailed(f"{run.findings['headline']}. Raise budget_usd, or set top.")
    if verdict == "not_warmed":
        raise RunFailed(
            "nothing was warmed: no call was answered with what it read or wrote. The report and"
            " its receipts say what became of each; mend that and run again."
        )
    if verdict in EXITS:
        raise click.exceptions.Exit(EXITS[verdict])
