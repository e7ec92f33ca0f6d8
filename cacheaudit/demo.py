"""The demo: the planted migration behind the sandbox, pulled by the real SDK, as a postmortem.

The history is asked for by ids, as a provider would; params/postmortem-demo.yaml names them.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from .history import MARCH, planted_migration
from .params import PostmortemParams, read_params_file
from .pricing import UnitPrice, unit_price

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from .run import Run

PARAMS = Path(__file__).resolve().parent.parent / "params" / "postmortem-demo.yaml"
KEY = "sandbox-key"  # the sandbox takes any; a real one must not travel, not even on loopback
KEY_VARIABLE = "ANTHROPIC_ADMIN_KEY"


def sandbox_app(
    usage: pd.DataFrame | None, now: pd.Timestamp | None, speed: float = 0.0
) -> "Starlette":
    """The sandbox over *usage*, or over the demo's history; its clock at *now* or the end."""
    from .sandbox.app import create_app

    minutes = demo_history() if usage is None else usage
    clock = minutes["bucket_end"].max().ceil("D") if now is None else now
    return create_app(minutes, now=clock, price_usd_per_mtok=list_price, speed=speed)


def demo_history() -> pd.DataFrame:
    """The planted migration with ids where a provider has ids: a key belongs to one workspace."""
    usage = planted_migration()
    return usage.assign(
        scope="wrkspc_" + usage["scope"].str.replace("-", "_"),
        route="apikey_" + usage["scope"].str.replace("-", "_"),
    )


def list_price(provider: str, model: str, token_type: str, day: pd.Timestamp) -> float | None:
    """What the sandbox charges: the list price of the day, nothing where there is none."""
    card = unit_price(provider, model, day.date())
    if not isinstance(card, UnitPrice):
        return None
    rate: float | None = getattr(card, f"{token_type}_usd_per_mtok")
    return rate


def run_demo(out: Path, *, port: int = 0) -> "Run":
    """Serve, pull, judge and render; the sandbox is gone when this returns.

    port   of the sandbox, which stands in the report; 0 takes a free one
    """
    from .run import run_postmortem
    from .sandbox.serve import serve

    with serve(sandbox_app(None, MARCH[1]), port) as url, environment({KEY_VARIABLE: KEY}):
        params = read_params_file(PostmortemParams, PARAMS, {"base_url": url})
        return run_postmortem(params, out)


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """*values* in the environment, for a notebook's kernel as well; then what was there."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value
