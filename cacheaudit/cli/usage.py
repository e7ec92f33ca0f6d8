"""`cacheaudit usage`."""

import json
from pathlib import Path

import click


@click.command()
@click.argument("log", type=click.Path(path_type=Path))
@click.option("--by", default="day,model", show_default=True, help="Columns to sum by.")
@click.option("--format", default="", help="Format of the log; without it, it is recognised.")
@click.option("--max-loss", default=0.01, show_default=True, help="Share that may be unreadable.")
@click.option("--json", "as_json", is_flag=True, help="The sums as JSON.")
def usage(log: Path, by: str, format: str, max_loss: float, as_json: bool) -> None:
    """Tokens and hit rate of a folder of transcripts or any request log, in a second.

    LOG is a file, a folder or a glob; each call counts once. For causes: `causes --source log`.
    """
    from ..logs.tally import rows_as_text, tally  # no pandas, no engine: a sum needs neither

    told = tally(log, by.split(","), format=format, max_loss=max_loss)
    click.echo(json.dumps(told.to_dict(), indent=1) if as_json else rows_as_text(told))
