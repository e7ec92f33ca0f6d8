"""Releases out of a git repository, as an events frame: its tags and, if asked, its merges.

Reads only, asks no network, and runs git without a shell. What leaves the repository are names of
tags, short hashes and times; no message, no author, no path.

    event     at                                          what           source
    tag       tagger's time; the commit's for light tags  name           git tag
    merge     committer's time                            short hash     git merge

Names stay as they are, also `=1+1`: the report has to name a tag that exists. A note warns of those
that a spreadsheet takes for a formula. The time is that of the tag, not of the deploy.
"""

import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

import pandas as pd

from .errors import ParamError, SourceError
from .files import write_whole
from .schema import EVENTS, check_events

TIMEOUT_S = 60
# A hook's GIT_DIR would outvote the path that was asked for.
ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_NAMESPACE")
ALONE = {"LC_ALL": "C", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
FORMULA = ("=", "+", "-", "@")  # first signs that make a spreadsheet calculate

Dated = list[tuple[int | None, str]]  # seconds since 1970, or None where git tells no time; name


@dataclass(frozen=True, slots=True, kw_only=True)
class Deploys:
    """The events that were found, and what a reader of them has to know."""

    events: pd.DataFrame
    notes: tuple[str, ...]


def read_deploys(
    path: Path,
    *,
    kind: str = "client",
    scope: str | None = None,
    match: str = "*",
    since: datetime | None = None,
    merges: bool = False,
    path_only: bool = False,
) -> Deploys:
    """Tags of the whole repository around *path*, and its first-parent merges if *merges*.

    match      shell pattern of a tag's whole name; `*` stands for slashes, too, as in `git tag -l`
    since      first moment that counts, with a zone
    path_only  only merges that changed something under *path*
    """
    if not path.is_dir():
        raise SourceError(f"no folder at {path}; expected a git repository. Check --git.")
    shallow = _git(path, "rev-parse", "--is-shallow-repository").strip() == "true"
    tags = _tags(path)
    fitting = [(at, name) for at, name in tags if fnmatchcase(name, match)]
    dated = {
        "git tag": fitting,
        "git merge": _merges(path, path_only=path_only) if merges else [],
    }
    rows = [
        {"at": _moment(at, name), "what": name, "source": source}
        for source, found in dated.items()
        for at, name in found
        if at is not None and (since is None or at >= since.timestamp())
    ]
    if not rows:
        bound = f" since {since.isoformat()}" if since else ""
        raise SourceError(
            f"{path}: {len(tags)} tags and {len(dated['git merge'])} merges read; expected at least"
            f" one that fits --match {match!r}{bound}. Loosen these, or fetch what a short clone"
            " left out: git fetch --tags."
        )
    frame = pd.DataFrame(rows).assign(kind=kind, scope=scope or None)
    events = check_events(frame.astype({"at": "datetime64[us, UTC]"}))
    undated = sum(at is None for at, _ in fitting)
    return Deploys(events=events, notes=tuple(_notes(events, undated, shallow)))


def events_csv(events: pd.DataFrame) -> bytes:
    """*events* as the CSV that `events_path` takes; times in UTC."""
    at = events["at"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    text = events.assign(at=at)[EVENTS].to_csv(index=False, lineterminator="\n")
    return text.encode("utf-8")


def write_events(events: pd.DataFrame, target: Path) -> Path:
    """Write *events* to *target*, whole or not at all."""
    try:
        return write_whole(target, events_csv(events))
    except OSError as error:
        raise SourceError(
            f"{target} could not be written ({error.strerror}); nothing was kept."
            " Check the folder and its free space."
        ) from error


def since_of(text: str) -> datetime:
    """A day or time in ISO 8601; one without a zone is in UTC, as `start` is."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ParamError(
            f"--since is {text!r}; expected a day or time such as 2026-01-01."
        ) from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _tags(path: Path) -> Dated:
    fields = "%(creatordate:unix)%00%(*committerdate:unix)%00%(refname:strip=2)"
    lines = _git(path, "for-each-ref", f"--format={fields}", "refs/tags").splitlines()
    parts = [line.split("\0") for line in lines]
    return [(_seconds(own or commit), name) for own, commit, name in parts]


def _merges(path: Path, *, path_only: bool) -> Dated:
    """Plumbing, because `git log` obeys the user's settings and may print signatures."""
    within = ["--", "."] if path_only else ["--"]
    asked = ["rev-list", "--first-parent", "--merges", "--timestamp", "--abbrev-commit", "HEAD"]
    parts = [line.split() for line in _git(path, *asked, *within).splitlines()]
    return [(_seconds(at), short) for at, short in parts]


def _seconds(text: str) -> int | None:
    return int(text) if text else None


def _moment(seconds: int, name: str) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise SourceError(
            f"{name} is dated {seconds} seconds after 1970; expected a year up to 9999."
            " Leave it out with --match."
        ) from error


def _notes(events: pd.DataFrame, undated: int, shallow: bool) -> list[str]:
    formulas = int(events["what"].str.startswith(FORMULA).sum())
    said = {
        "the clone is shallow: what lies before it is missing; see git fetch --unshallow.": shallow,
        f"{undated} tags have no date (they name no commit) and were left out.": undated,
        f"{formulas} names begin with =, +, - or @: a spreadsheet takes them for formulas; import"
        " the column `what` as text.": formulas,
    }
    return [text for text, holds in said.items() if holds]


def _git(path: Path, *words: str) -> str:
    """What git says of the repository around *path*; bytes that are no UTF-8 are shown as \\xNN."""
    environment = {k: v for k, v in os.environ.items() if k not in ELSEWHERE} | ALONE
    try:
        done = subprocess.run(
            ["git", "-C", str(path), *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise SourceError(
            f"git took longer than {TIMEOUT_S} s over {path}; expected an answer in seconds."
            " Try a local clone."
        ) from error
    except OSError as error:
        raise SourceError(
            f"git could not be started ({error.strerror}); expected it on the PATH. Install git, or"
            " write the CSV by hand: docs/SOURCES.md, Events."
        ) from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
        raise SourceError(
            f"git cannot read {path}: {said[0].removeprefix('fatal: ')}; expected a git repository"
            " with commits. Check --git."
        )
    return done.stdout.decode("utf-8", "backslashreplace")
