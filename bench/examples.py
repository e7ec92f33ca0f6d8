"""The pages of reports/examples, from planted traffic, and an index with what each says.

Inputs are drawn from seeds, the clock stands still and paths are relative: the pages are the same
bytes each time. The README's table of them is rendered as well, between its two marks. With --check
nothing is written: what stands there is held against what would.

    python bench/examples.py FOLDER [--readme FILE] [--check]
"""

import argparse
import contextlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.planted.stories import BY_NAME
from bench.rehearsing.book import Book
from bench.rehearsing.ready import probed, write_bodies
from bench.rehearsing.stage import keys, stage
from bench.rehearsing.story import CANDIDATE, HOUR, INCUMBENT, MINUTE, SHORT, TOO_LONG
from bench.rehearsing.traffic import planted
from bench.rehearsing.week import Scene, lived
from cacheaudit.calibration import calibrate
from cacheaudit.clock import VARIABLE as CLOCK
from cacheaudit.demo import environment, run_demo
from cacheaudit.files import write_whole
from cacheaudit.history import hourly, migration_cohorts, planted_migration
from cacheaudit.params import PostmortemParams
from cacheaudit.rollout_params import WeeklyParams
from cacheaudit.run import Run, run_postmortem, run_readiness, run_weekly
from cacheaudit.sources.frame import write_usage

PORT = 18741  # of the demo: its address stands on the page. Below those that systems hand out
INNOCENT, SEED = BY_NAME["confounded.markers_and_migration_contrast"], 4
WEEK = replace(SHORT, first=SHORT.first - pd.Timedelta("4D"), days=8)  # a baseline and a day
MARKS = ("<!-- examples -->", "<!-- /examples -->")
OUT = Path("runs")
MONDAYS = [pd.Timestamp(f"2026-03-{day}", tz="UTC") for day in (16, 23)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A page: its file, what it shows, when it is made (UTC), and how, in the current folder."""

    name: str
    shows: str
    at: str
    make: Callable[[], Run]


def postmortem_innocent() -> Run:
    """A team moves while its client forgets its markers; two others do one of the two."""
    story = INNOCENT.make(SEED)
    assert story.events is not None
    write_usage(story.usage, Path("usage.parquet"))
    story.events.to_csv("releases.csv", index=False)
    _signals(story.usage, story.start).to_csv("signals.csv", index=False)
    return run_postmortem(
        PostmortemParams(
            name="innocent-migration", source="frame", path="usage.parquet",
            events_path="releases.csv", signals_path="signals.csv",
        ),
        OUT,
    )  # fmt: skip


def readiness(candidate: str, name: str) -> Run:
    """The same team and day; only the candidate differs."""
    inputs = Path("migration")
    if not inputs.is_dir():
        inputs.mkdir()
        _migration(inputs)
    asked = WEEK.readiness(inputs, "")
    given = {
        "name": name, "candidate": candidate, "source": "frame", "base_url": "",
        "path": "migration/usage.parquet", "start": (WEEK.start + HOUR).isoformat(),
        "probe_path": "migration/probe/findings.json",
    }  # fmt: skip
    if candidate != CANDIDATE:
        given["probe_path"] = ""  # nobody pays for a probe of what billing rules out
    return run_readiness(replace(asked, **given), OUT)


def weekly_moved() -> Run:
    """Two Mondays of the demo's team: one before its cutover, one after."""
    usage = planted_migration()
    _write_until(usage, MONDAYS[0])
    with environment({CLOCK: f"{MONDAYS[0]:%Y-%m-%d}T07:00"}):
        run_weekly(WeeklyParams(name="platform", source="frame", path="usage.parquet"), OUT)
    _write_until(usage, MONDAYS[1])
    return run_weekly(
        WeeklyParams(
            name="platform", source="frame", path="usage.parquet", reports_path=str(OUT)
        ),
        OUT,
    )  # fmt: skip


def weekly_quiet() -> Run:
    """The same team, had nobody moved; with the power of its alarm."""
    first = [replace(one, versions=one.versions[:1]) for one in migration_cohorts()]
    usage = hourly(planted_migration(first))
    write_usage(usage, Path("quiet.parquet"))
    power = calibrate(usage, drops=(0.1, 0.4), plants=10, seed=SEED)
    document = {"schema": 1, "kind": "calibration", "name": "platform", **power.to_dict()}
    Path("calibration.json").write_text(json.dumps(document), encoding="utf-8")
    return run_weekly(
        WeeklyParams(
            name="platform", source="frame", path="quiet.parquet",
            calibration_path="calibration.json",
        ),
        OUT,
    )  # fmt: skip


EXAMPLES = (
    Example(
        name="postmortem-migration", shows="a migration that broke the cache",
        at="2026-04-01T07:00", make=lambda: run_demo(OUT, port=PORT),
    ),
    Example(
        name="postmortem-innocent", shows="a migration that stands beside the drop and is innocent",
        at="2026-03-23T07:00", make=postmortem_innocent,
    ),
    Example(
        name="readiness-not-ready", shows="a candidate that billing alone rules out",
        at="2026-11-16T16:00", make=lambda: readiness(TOO_LONG, "opus"),
    ),
    Example(
        name="readiness-ready", shows="a candidate that was probed, and the runbook of its cutover",
        at="2026-11-16T16:00", make=lambda: readiness(CANDIDATE, "sonnet"),
    ),
    Example(
        name="weekly-moved", shows="the Monday after the demo's cutover",
        at="2026-03-23T07:00", make=weekly_moved,
    ),
    Example(
        name="weekly-quiet", shows="a Monday on which nothing moved",
        at="2026-04-01T07:00", make=weekly_quiet,
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An example's page and what its findings say."""

    example: Example
    page: str
    headline: str
    summary: tuple[str, ...]


def made() -> Iterator[Made]:
    """Every example in turn, made in a folder of its own that is gone at the end."""
    with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
        for one in EXAMPLES:
            with environment({CLOCK: one.at}):
                run = one.make()
            yield Made(
                example=one,
                page=run.report.read_text(encoding="utf-8"),
                headline=run.findings["headline"],
                summary=tuple(run.findings["summary"]),
            )


def index_of(pages: Sequence[Made]) -> str:
    """reports/examples/README.md: what each page shows, with its three sentences."""
    lines = ["# Examples", "", "Made by `make examples` from planted traffic; nobody's data.", ""]
    for one in pages:
        name = one.example.name
        lines += [f"## [{name}]({name}.html): {one.example.shows}", "", f"**{one.headline}.**", ""]
        lines += [*[line for said in one.summary for line in (f"> {said}", ">")][:-1], ""]
    return "\n".join(lines)


def table_of(pages: Sequence[Made]) -> str:
    """Of the project's README: a picture and the sentences of each page."""
    rows = ["| | |", "|---|---|"]
    for one in pages:
        name = one.example.name
        picture = f'<img src="docs/pictures/{name}.png" width="340" alt="{one.headline}">'
        said = f"**{_capital(one.example.shows)}.** {' '.join(one.summary)}"
        rows.append(f'| <a href="reports/examples/{name}.html">{picture}</a> | {said} |')
    return "\n".join(rows)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _readme(path: Path, pages: Sequence[Made]) -> str:
    """What is in *path*, with the table between its marks made anew."""
    before, _, rest = path.read_text(encoding="utf-8").partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    assert end, f"found no {MARKS} in {path.name}"
    return f"{before}{MARKS[0]}\n{table_of(pages)}\n{MARKS[1]}{after}"


def _write_until(usage: pd.DataFrame, end: pd.Timestamp) -> None:
    """What a pull on the morning of *end* would hold, by the hour."""
    write_usage(hourly(usage[usage["bucket_end"] <= end]), Path("usage.parquet"))


def _migration(folder: Path) -> None:
    """Days of a team on the sandbox: usage, request log, and a probe of both versions."""
    story = WEEK
    calls = planted(story.team, story.first, story.days, story.seed)
    scene = Scene(story=story, folder=folder, book=Book(tell=lambda text: None))
    with (
        keys(),
        stage(story.team, calls, lambda _: INCUMBENT, story.served, now=story.start) as on,
    ):
        lived(scene, on)
        usage = [on.usage(day, min(day + 24 * HOUR, on.at)) for day in _days(story.first, on.at)]
        write_usage(pd.concat(usage, ignore_index=True), folder / "usage.parquet")
        write_bodies(folder / "bodies.jsonl", on.bodies(story.eve - HOUR))
        probed(scene, on, "probe")
        on.sleep(MINUTE.total_seconds())


def _days(first: pd.Timestamp, until: pd.Timestamp) -> pd.DatetimeIndex:
    return pd.date_range(first, until, freq="D")


def _signals(usage: pd.DataFrame, start: pd.Timestamp) -> pd.DataFrame:
    """Latency and an eval score by six hours: the first rises where nothing is cached, the other
    does not move."""
    rng = np.random.default_rng(SEED)
    at = pd.date_range(usage["bucket_start"].min(), usage["bucket_end"].max(), freq="6h")
    slow = np.where(at >= start, 640.0, 0.0)
    latency = 1850 + slow + rng.normal(0, 60, len(at))
    score = 0.91 + rng.normal(0, 0.006, len(at))
    one = {"at": at, "name": "latency p50", "value": latency.round(), "unit": "ms"}
    other = {"at": at, "name": "eval score", "value": score.round(3), "unit": ""}
    return pd.concat([pd.DataFrame(one), pd.DataFrame(other)], ignore_index=True)


def main() -> int:
    """Write the pages into a folder; or say which of them would differ."""
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("folder", type=Path)
    words.add_argument(
        "--check", action="store_true", help="Write nothing; exit 1 where one differs."
    )
    words.add_argument("--readme", type=Path, help="file with a table of the pages")
    given = words.parse_args()
    folder, readme = given.folder.resolve(), given.readme and given.readme.resolve()
    pages = tuple(made())
    texts = {folder / f"{one.example.name}.html": one.page for one in pages}
    texts[folder / "README.md"] = index_of(pages)
    if readme:
        texts[readme] = _readme(readme, pages)
    folder.mkdir(parents=True, exist_ok=True)
    stale = []
    for path, text in texts.items():
        if not given.check:
            write_whole(path, text.encode("utf-8"))
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(path.name)
    for name in stale:
        print(f"{name} is not what would be made now; run make examples and look at it.")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
