"""Which files are read, and their texts. The disk and git end here.

Of a folder in a git repository: what git lists, so what it ignores is left out. Of any other
folder: all but well-known ones that hold what others wrote (SKIPPED). Of both: code, configuration
and notebooks (regions.language), no links, nothing binary, nothing above MOST_BYTES. A file that is
named by itself is read whatever git says and whatever it is called, unless it is excluded.
"""

import codecs
import json
import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from ..errors import SourceError
from .names import may_name
from .regions import language

MOST_BYTES = 4_000_000  # above it a file is data
SNIFF = 8192
TIMEOUT_S = 60
SKIPPED = {
    ".git", ".hg", ".svn", ".venv", "venv", "node_modules", "site-packages", "__pycache__",
    ".tox", ".nox", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".ipynb_checkpoints",
    ".terraform", ".next", ".nuxt", "target", "dist", "build", "vendor", "third_party", "coverage",
}  # fmt: skip
# A hook's GIT_DIR would outvote the folder that was named.
ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_NAMESPACE")
TESTS = {
    "test", "tests", "__tests__", "spec", "specs", "testdata", "fixtures", "__fixtures__",
    "cassettes", "__snapshots__", "__mocks__",
}  # fmt: skip
_TEST_FILE = re.compile(r"test_.*|.*_(?:test|spec)\.[a-z]+|.*\.(?:test|spec)\.[a-z]+|conftest\.py")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A file that is to be read.

    shown    what a reader knows it as
    inside   its way below the folder that was given; of a file that was named by itself, below the
             folder where the command runs, or its name
    """

    path: Path
    shown: str
    inside: str

    @property
    def is_test(self) -> bool:
        """Whether it is a test, or its data, by the names on its way; a folder that somebody else
        called test, above what was given, says nothing."""
        *folders, name = PurePosixPath(self.inside).parts or ("",)
        return bool(TESTS & {f.lower() for f in folders}) or _TEST_FILE.fullmatch(name) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text out of a file: all of it, or the source of one cell of a notebook."""

    text: str
    family: str
    cell: int | None = None


def files_of(paths: Sequence[Path], exclude: Sequence[str] = ()) -> list[Named]:
    """The files of *paths*, each once, in the order of their names.

    exclude   shell patterns of a path (`*` stands for slashes, too), or of one part of it
    Raises SourceError for a path that is not there.
    """
    found: dict[Path, Named] = {}
    for path in paths:
        if not path.exists():
            raise SourceError(f"nothing at {path}; expected a file or a folder. Check the path.")
        for one in _folder(path) if path.is_dir() else [_alone(path)]:
            if not _excluded(one.shown, exclude):
                found.setdefault(one.path.absolute(), one)
    return sorted(found.values(), key=lambda one: one.shown)


def texts_of(file: Named) -> list[Text] | None:
    """The texts of *file*; empty where it holds no name, None where it is no text to read."""
    try:
        if file.path.stat().st_size > MOST_BYTES:
            return None
        content = file.path.read_bytes()
    except OSError:
        return None
    wide = content.startswith(_UTF16)
    if not wide and b"\0" in content[:SNIFF]:
        return None
    if not wide and not may_name(content):
        return []
    text = content.decode("utf-16" if wide else "utf-8-sig", "replace")
    if file.path.suffix == ".ipynb":
        return _cells(text)
    return [Text(text=text, family=language(file.path.name))]


def _cells(text: str) -> list[Text] | None:
    """The sources of a notebook's cells; outputs hold what a model said, not what was asked."""
    try:
        cells = json.loads(text)["cells"]
        sources = [(cell["cell_type"], cell["source"]) for cell in cells]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return [
        Text(
            text=source if isinstance(source, str) else "".join(map(str, source)),
            family="python" if kind == "code" else "prose",
            cell=number,
        )
        for number, (kind, source) in enumerate(sources, 1)
        if isinstance(source, str | list)
    ]


def _alone(path: Path) -> Named:
    here, whole = Path.cwd(), path.parent.resolve() / path.name
    inside = whole.relative_to(here) if whole.is_relative_to(here) else Path(path.name)
    shown = inside if path.is_absolute() else path
    return Named(path=path, shown=shown.as_posix(), inside=inside.as_posix())


def _folder(folder: Path) -> Iterator[Named]:
    inside = _listed(folder) or _walked(folder)
    for name in inside:
        path = folder / name
        if language(path.name) not in ("", "prose") or path.suffix == ".ipynb":
            shown = name if folder == Path() else _joined(folder, name)
            yield Named(path=path, shown=shown, inside=name)


def _joined(folder: Path, name: str) -> str:
    """*name* under the folder as it was given; an absolute one would tell of the machine."""
    return name if folder.is_absolute() else (PurePosixPath(folder.as_posix()) / name).as_posix()


def _listed(folder: Path) -> list[str] | None:
    """Files under *folder* that git lists, tracked or new; None outside a repository.

    Nothing listed counts as outside: a folder that is ignored as a whole, and was named anyway.
    """
    environment = {k: v for k, v in os.environ.items() if k not in ELSEWHERE}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "ls-files", "-z", "-co", "--exclude-standard"],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode:
        return None
    names = {os.fsdecode(name) for name in done.stdout.split(b"\0") if name}
    return sorted(n for n in names if _is_plain(folder / n)) or None


def _walked(folder: Path) -> Iterable[str]:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if f not in SKIPPED)
        for name in files:
            path = Path(place) / name
            if _is_plain(path):
                yield path.relative_to(folder).as_posix()


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _excluded(shown: str, exclude: Sequence[str]) -> bool:
    parts = PurePosixPath(shown).parts
    return any(
        fnmatchcase(shown, glob)
        or fnmatchcase(shown, f"{glob.rstrip('/')}/*")
        or ("/" not in glob.rstrip("/") and any(fnmatchcase(p, glob.rstrip("/")) for p in parts))
        for glob in exclude
    )
