"""What a command says: progress for people, results on stdout, the rest on stderr."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from ..errors import ParamError, UnfitData

UNDECIDED = 4


@contextmanager
def working(what: str) -> Iterator[None]:
    """A spinner on stderr while people watch; nothing when a machine does."""
    from rich.console import Console  # 0.1 s that a sum need not pay

    console = Console(stderr=True)
    if console.is_terminal and not os.environ.get("CI"):
        with console.status(f"{what} ..."):
            yield
    else:
        yield


SAMPLE = "This is the made-up sample, nobody's traffic: -p source ... or -f FILE takes yours."


def tell(report: Path, findings: Any) -> None:
    if findings["provenance"]["params"].get("source") == "sample":
        click.echo(SAMPLE, err=True)
    click.echo(str(report))
    for sentence in findings["summary"]:
        click.echo(sentence)


def tell_gates(gates: list[dict[str, Any]]) -> None:
    """Each gate's standing, and what would decide one that is open."""
    for gate in gates:
        who = f", {gate['about']}" if gate["about"] else ""
        click.echo(f"{gate['standing']}: {gate['name']}{who}")
        if gate["needs"]:
            click.echo(f"  {gate['needs']}")


def leave(unpriced: list[dict[str, Any]], verdict: str, strict: bool) -> None:
    """Exit by what could not be judged; silent where all could."""
    for one in unpriced:
        near = f"; nearest known: {', '.join(one['nearest'])}" if one["nearest"] else ""
        name = one["model"] or "a model that is not named"
        click.echo(
            f"unpriced: {one['tokens']:,} tokens of {name} ({one['reason']}{near})", err=True
        )
    if unpriced and strict:
        raise ParamError(
            "--strict: some tokens have no price, named above. Price them in a table of your own"
            " (prices_path), or drop --strict."
        )
    if unpriced or verdict == "unfit_data":
        raise click.exceptions.Exit(UNDECIDED)


@contextmanager
def following(what: str, out: Path, calls: int, kind: str = "probe") -> Iterator[None]:
    """A spinner that counts the receipts of a run of *kind* under *out* as they are written, while
    people watch."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal or os.environ.get("CI") or not calls:
        with working(what):
            yield
        return
    ended = threading.Event()
    with console.status(f"{what} ...") as status:

        def watch() -> None:
            while not ended.wait(1.0):
                sent = _receipts(out, kind) // 2  # a line before a call and one after
                status.update(f"{what}: {sent:,} of at most {calls:,} calls; Ctrl-C ends it well")

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()


def _receipts(out: Path, kind: str) -> int:
    """Lines in the newest receipts of a run that is not finished."""
    newest = sorted(out.glob(f".{kind}-*.receipts.jsonl"), key=lambda p: p.stat().st_mtime)
    return newest[-1].read_bytes().count(b"\n") if newest else 0


@contextmanager
def undecided() -> Iterator[None]:
    """Exit 4, with a line, where there is nothing to judge; no page is made of it."""
    try:
        yield
    except UnfitData as error:
        click.echo(f"cacheaudit: could not be judged: {error}", err=True)
        raise click.exceptions.Exit(UNDECIDED) from None
