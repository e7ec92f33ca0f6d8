"""Names and what they are, together: which of them count, and what a gate says of them.

A name counts where a program asks for it (names.py) and its standing is one that was asked for; a
retirement, where its day is within so many days. Everything found is kept, with where it stands.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from .ends import Live
from .forms import Form
from .names import Place, names_in
from .standing import Kind, Standing, standing_of
from .tree import Named, files_of, texts_of

FAIL_ON: tuple[Kind, ...] = ("moving", "deprecated", "retiring", "retired")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A name in a file: where it stands, what it is, whether it counts."""

    file: str
    place: Place
    standing: Standing
    counts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Everything that was found on a day.

    files    read, of those that were listed
    unread   files that are no text, too large, or a notebook that is not whole
    """

    day: date
    found: tuple[Found, ...]
    files: int
    unread: tuple[str, ...]

    @property
    def counted(self) -> tuple[Found, ...]:
        """Those that fail a gate."""
        return tuple(one for one in self.found if one.counts)


def audit(
    paths: Sequence[Path],
    day: date,
    *,
    exclude: Sequence[str] = (),
    fail_on: Collection[Kind] = FAIL_ON,
    within_days: int | None = None,
    everywhere: bool = False,
    live: Live | None = None,
) -> Audit:
    """Read *paths* and say what each name in them is on *day*.

    exclude       shell patterns of paths to leave out (tree.files_of)
    fail_on       standings that count
    within_days   a retirement counts this many days ahead; None: however far
    everywhere    names in comments, prose, lookups and tests count as well

    Raises SourceError for a path that is not there.
    """
    places: list[tuple[str, Place]] = []
    unread: list[str] = []
    files = files_of(paths, exclude)
    for file in files:
        found = _places(file)
        places += [(file.shown, place) for place in found or ()]
        if found is None:
            unread.append(file.shown)
    last = None if within_days is None else day + timedelta(days=within_days)
    known = _standings((place for _, place in places), day, live)
    return Audit(
        day=day,
        found=tuple(
            Found(
                file=shown,
                place=place,
                standing=known[place.name, place.form],
                counts=_asks(place, everywhere)
                and counts(known[place.name, place.form], fail_on, last),
            )
            for shown, place in places
        ),
        files=len(files) - len(unread),
        unread=tuple(unread),
    )


def counts(one: Standing, fail_on: Collection[Kind], last: date | None = None) -> bool:
    """Whether a standing of *one* is in *fail_on*; a retirement by *last*, None for any day."""
    near = last is None or one.retires_on is None or one.retires_on <= last
    return any(kind in fail_on and (kind != "retiring" or near) for kind in one.kinds)


def _places(file: Named) -> list[Place] | None:
    texts = texts_of(file)
    if texts is None:
        return None
    found = [place for one in texts for place in names_in(one.text, one.family, one.cell)]
    if file.is_test:
        return [replace(p, where="test") if p.where != "allowed" else p for p in found]
    return found


def _asks(place: Place, everywhere: bool) -> bool:
    return place.where == "code" or (everywhere and place.where != "allowed")


def _standings(
    places: Iterable[Place], day: date, live: Live | None
) -> dict[tuple[str, Form], Standing]:
    """Each name's standing, once: a repository names few models, many times."""
    distinct = {(place.name, place.form) for place in places}
    return {key: standing_of(*key, day, live) for key in distinct}
