"""`cacheaudit sandbox`."""

import sys
import threading
from pathlib import Path

import click
import pandas as pd


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0 takes a free port.")
@click.option("--history", type=click.Path(path_type=Path), help="Usage frame by the minute.")
@click.option("--now", "clock", help="Where the sandbox's clock stands, ISO 8601 with a zone.")
@click.option("--speed", type=click.FloatRange(0), default=0.0, show_default=True,
              help="Seconds that pass there in one of ours; 0 stands still.")  # fmt: skip
def sandbox(port: int, history: Path | None, clock: str | None, speed: float) -> None:
    """Serve the providers on loopback until Ctrl-C: usage reports of a planted history, and models
    that say one word over a prompt cache with real lifetimes."""
    from ..demo import sandbox_app
    from ..sandbox.serve import serve
    from ..sources.frame import read_usage

    usage = None if history is None else read_usage(history)
    now = None if clock is None else pd.Timestamp(clock).tz_convert("UTC")
    with serve(sandbox_app(usage, now, speed), port) as url:
        click.echo(f"sandbox on {url} (OpenAI: {url}/v1); any key is good; Ctrl-C stops it")
        click.pause(info="") if sys.stdin.isatty() else _wait_for_interrupt()


def _wait_for_interrupt() -> None:
    threading.Event().wait()
