"""`cacheaudit calibrate`."""

import json
from importlib.metadata import version
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

import click

from ..errors import ParamError, SourceError, UnfitData
from ..files import write_whole
from ..params import PostmortemParams
from .given import Overrides, overrides, params_file, params_of
from .telling import UNDECIDED, working

if TYPE_CHECKING:
    from ..calibration import Calibration
    from ..sources import Pull


OUT = Path("reports") / "calibration.json"


def _shares(_: click.Context, __: click.Parameter, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r}; expected shares such as 0.05,0.1,0.2.") from None


@click.command()
@click.argument("usage", type=click.Path(path_type=Path), required=False)
@params_file
@overrides
@click.option("--name", help="Name of the calibration; else that of the parameters.")
@click.option("--drops", default="0.05,0.1,0.2,0.4", show_default=True, callback=_shares,
              help="Sizes of falls of the hit rate, as shares: 0.1 is ten points.")  # fmt: skip
@click.option("--plants", default=40, show_default=True, help="Falls of each size.")
@click.option(
    "--seed",
    default=1,
    type=click.IntRange(min=0),
    show_default=True,
    help="Of places, noise and windows.",
)
@click.option("--out", type=click.Path(path_type=Path), default=OUT,
              show_default=True)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="The same on the terminal, as JSON.")
def calibrate(
    usage: Path | None,
    file: Path | None,
    given: Overrides,
    name: str | None,
    drops: tuple[float, ...],
    plants: int,
    seed: int,
    out: Path,
    as_json: bool,
) -> None:
    """What the alarm finds: falls planted in your own quiet history, and how often it cries wolf.

    USAGE is a usage frame (.parquet or .csv); without it, the parameters say where usage is from.
    Takes a minute or two. Exits 4, and writes nothing, where too little of the history is quiet.
    """
    chosen: dict[str, Any] = {}
    if usage is not None:
        chosen |= {"source": "frame", "path": str(usage), "name": usage.stem}
    params = params_of(file, given, chosen)
    _demand_writable(out)
    from ..calibration import calibration_text

    with working("Planting falls in quiet days"):
        pull, found = _calibrated(params, drops, plants, seed)
    document = {
        "schema": 1,
        "kind": "calibration",
        "name": name or params.name,
        **found.to_dict(),
        "provenance": _provenance(params, pull),
    }
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    try:
        write_whole(out, (text + "\n").encode("utf-8"))
    except OSError as error:
        raise SourceError(
            f"{out} could not be written ({error.strerror}). Give another --out."
        ) from error
    click.echo(text if as_json else calibration_text(found))
    click.echo(f"written to {out}", err=True)


def _demand_writable(out: Path) -> None:
    """Found out before a minute is spent; raises ParamError."""
    try:
        if out.is_dir():
            raise ParamError(f"--out is {out}, a folder; expected a file.")
        if out == OUT:  # a slip in a place that was given makes no folder
            out.parent.mkdir(exist_ok=True)
        with NamedTemporaryFile(prefix=f".{out.name}.", dir=out.parent):
            pass
    except OSError as error:
        raise ParamError(
            f"--out is {out}, which cannot be written ({error.strerror}); expected a file in a"
            " folder that exists."
        ) from error


def _calibrated(
    params: PostmortemParams, drops: tuple[float, ...], plants: int, seed: int
) -> "tuple[Pull, Calibration]":
    """The pull and what was found in it; exits 4 where this data cannot tell."""
    from ..calibration import calibrate as calibrated
    from ..quality import settled
    from ..sources import fetch
    from ..sources.tables import read_events, read_prices

    events = read_events(params.events_path) if params.events_path else None
    prices = read_prices(params.prices_path) if params.prices_path else None
    pull = fetch(params)
    usage = settled(pull.usage, pull.refreshed_at)
    try:
        found = calibrated(
            usage, events, drops=drops, plants=plants, seed=seed, bars=params.bars, prices=prices
        )
    except UnfitData as error:
        click.echo(f"cacheaudit: could not be judged: {error}", err=True)
        raise click.exceptions.Exit(UNDECIDED) from None
    return pull, found


def _provenance(params: PostmortemParams, pull: "Pull") -> dict[str, Any]:
    return {
        "source": pull.source,
        "refreshed_at": None if pull.refreshed_at is None else pull.refreshed_at.isoformat(),
        "notes": list(pull.notes),
        "versions": {"cacheaudit": version("cacheaudit")},
        "params": params.to_dict(),
    }
