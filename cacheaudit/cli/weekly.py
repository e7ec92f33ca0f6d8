"""`cacheaudit weekly`."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from .given import Overrides, mail_file, overrides, params_as, params_file
from .mail import mailing
from .telling import tell, tell_gates, undecided, working


@click.command()
@params_file
@overrides
@mail_file
@click.option("--since", metavar="TIME", help="The cutover; without it, the newest in the data.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True)
def weekly(
    file: Path | None, given: Overrides, mail: Path | None, since: str | None, out: Path
) -> None:
    """What moved this week, what is new, which incidents are open, what could be won.

    The week is held against a frozen baseline (baseline_path), or the days before it. After a
    cutover: is what moved back where it was, and in time? Writes a run folder with report.html and
    findings.json; the newest earlier one of the same name under --out is the last report.

    Exits with 0 where nothing moved and where something did: the report says so, and the run did
    its work. Exits with 3 where a gate failed (a cutover is late), with 4 where something could not
    be judged: a gate, unfit data, hours that are missing, data that is not of this week, no
    baseline or one of other traffic, tokens without a price.
    """
    from ..rollout_params import WeeklyParams

    over: dict[str, Any] = {} if since is None else {"since": since}
    with mailing(mail, "weekly"):  # a slip in the parameters is told to the owners, too
        params = params_as(WeeklyParams, file, given, over=over)
    if not params.reports_path:
        params = replace(params, reports_path=str(out))
    from ..run import run_weekly  # papermill takes seconds to import; bad parameters do not

    with undecided(), mailing(mail, f"weekly {params.name}") as send:
        with working("Running the weekly notebook"):
            run = run_weekly(params, out)
        tell(run.report, run.findings)
        tell_gates(run.findings["gates"])
        send(run.folder)
    if run.findings["exit_code"]:
        raise click.exceptions.Exit(run.findings["exit_code"])
