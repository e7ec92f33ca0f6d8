"""`cacheaudit telemetry`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from .given import Overrides, overrides, params_as, params_file
from .telling import UNDECIDED, undecided, working

TO = click.Path(allow_dash=True, path_type=Path)


@click.command()
@params_file
@overrides
@click.option("--since", metavar="TIME", help="The cutover; without it, the newest in the data.")
@click.option("--metrics", type=TO, metavar="FILE", help="OpenMetrics text; - is the terminal.")
@click.option("--json", "line", type=TO, metavar="FILE", help="One line of JSON.")
@click.option("--alerts", type=TO, metavar="FILE", help="Prometheus alert rules (YAML).")
@click.option("--dashboard", type=TO, metavar="FILE", help="A Grafana dashboard (JSON).")
def telemetry(
    file: Path | None,
    given: Overrides,
    since: str | None,
    metrics: Path | None,
    line: Path | None,
    alerts: Path | None,
    dashboard: Path | None,
) -> None:
    """The gates after a cutover for machines: metrics, and the alerts and dashboard over them.

    Takes the parameters of `weekly`, and the same thresholds. Rules and dashboard need no data;
    metrics pull it, and exit with 3 where a gate failed, with 4 where one is open, or where the
    data cannot be judged or is not of now.
    """
    if not (metrics or line or alerts or dashboard):
        raise click.UsageError("give at least one of --metrics, --json, --alerts, --dashboard.")
    from ..rollout_params import WeeklyParams

    over: dict[str, Any] = {} if since is None else {"since": since}
    params = params_as(WeeklyParams, file, given, over=over)
    from .. import telemetry as made

    _write(alerts, lambda: made.alert_text(params.bars))
    _write(dashboard, lambda: made.dashboard_text(params.bars))
    if not (metrics or line):
        return
    from ..weekly import watch_cutover

    with undecided(), working(f"Reading {params.source}"):
        rollout, doubts = watch_cutover(params)
    _write(metrics, lambda: made.metrics_text(rollout))
    _write(line, lambda: made.json_line(rollout))
    for doubt in doubts:
        click.echo(f"cacheaudit: {doubt.says}. {doubt.needs}", err=True)
    if code := rollout.exit_code or (UNDECIDED if doubts else 0):
        raise click.exceptions.Exit(code)


def _write(target: Path | None, text: Callable[[], str]) -> None:
    """To a file, whole or not at all: a scraper may look at any moment."""
    if target is None:
        return
    if str(target) == "-":
        click.echo(text(), nl=False)
        return
    from ..errors import SourceError
    from ..files import write_whole

    try:
        write_whole(target, text().encode("utf-8"))
    except OSError as error:
        raise SourceError(
            f"{target} could not be written ({error.strerror}); nothing was kept."
            " Check the folder and its free space."
        ) from error
