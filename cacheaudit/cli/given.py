"""What a run is given: options, and the parameters that they amount to."""

import re
from pathlib import Path
from typing import Any

import click
import pandas as pd
import yaml

from ..errors import ParamError
from ..params import PostmortemParams, T, read_params, read_params_file

Overrides = tuple[tuple[str, str], ...]

params_file = click.option(
    "-f", "--file", "file", type=click.Path(path_type=Path), help="YAML file of parameters."
)
overrides = click.option(
    "-p", "given", type=(str, str), multiple=True, metavar="NAME VALUE",
    help="One parameter, over the file's; may be repeated.",
)  # fmt: skip


def _once(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> str | None:
    """The value of an option that click would let a second one replace in silence."""
    if len(values) > 1:
        raise click.BadParameter("given twice; put all rows into one file, under one header.")
    return values[0] if values else None


events_file = click.option(
    "--events", type=click.Path(), multiple=True, callback=_once, metavar="FILE",
    help="CSV of releases, as `cacheaudit events` writes it; over the file and -p.",
)  # fmt: skip
requests_file = click.option(
    "--requests", type=click.Path(), multiple=True, callback=_once, metavar="FILE",
    help="Request log: a file, a folder, a glob, s3://... or a database; over the file and -p.",
)  # fmt: skip
mail_file = click.option(
    "--mail", "mail", type=click.Path(path_type=Path), metavar="FILE",
    help="Mail the report, or the error of a run that stopped, as FILE (params/mail.yaml) says.",
)  # fmt: skip
strict = click.option("--strict", is_flag=True, help="Tokens without a price are an error.")


def params_of(
    file: Path | None,
    given: Overrides,
    chosen: dict[str, Any] | None = None,
    events: str | None = None,
    requests: str | None = None,
) -> PostmortemParams:
    """Of a file, then options, then -p, then --events and --requests; refused here if unknown
    or mistyped."""
    over = {"events_path": events, "requests_path": requests}
    return params_as(
        PostmortemParams, file, given, chosen, {k: v for k, v in over.items() if v is not None}
    )


def params_as(
    kind: type[T],
    file: Path | None,
    given: Overrides,
    chosen: dict[str, Any] | None = None,
    over: dict[str, Any] | None = None,
) -> T:
    """Parameters of *kind*: of a file, then *chosen*, then -p, then *over*."""
    typed = {**(chosen or {}), **{name: _typed(name, text) for name, text in given}, **(over or {})}
    return read_params(kind, typed) if file is None else read_params_file(kind, file, typed)


def _typed(name: str, text: str) -> Any:
    """*text* as YAML reads it, except that a time stays text."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ParamError(
            f"-p {name} is no YAML value; expected one such as 0.1, text, or {{a: b}}."
        ) from None  # its own words quote the value, which may be mailed
    except ValueError:  # looks like a date and is none: whoever takes it says so
        return text
    return value if isinstance(value, bool | int | float | dict | list) else text


def ago(text: str) -> pd.Timedelta:
    try:
        ago = pd.Timedelta(re.sub(r"(?<=\d)\s*d$", "D", text))  # pandas is about to drop "7d"
    except ValueError as error:
        raise ParamError(f"--since is {text!r}; expected a duration such as 7d or 12h.") from error
    if not ago > pd.Timedelta(0):
        raise ParamError(f"--since is {text!r}; expected a duration above zero.")
    return ago
