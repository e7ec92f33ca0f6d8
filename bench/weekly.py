"""How often the weekly page is wrong: quiet quarters, and the same with a fall planted in the week.

Each seed is a quiet quarter of bench/planted (an honest cache, request by request), of which the
last 28 days are looked at. Then reads of one large cohort become writes, from an hour drawn in the
week's first five days on, until the hit rate is so many points lower. Nothing is tuned on the
reported seeds (85,000 and up).

    python bench/weekly.py                        five minutes on one core
    python bench/weekly.py --seeds 85000:85006
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.planted.quiet import quarter
from cacheaudit.causes.facts import rows_of
from cacheaudit.rollout_params import WeeklyParams
from cacheaudit.schema import INPUT, check_usage
from cacheaudit.sources.frame import write_usage
from cacheaudit.weekly import Weekly, observe
from cacheaudit.weekly.parts import Part
from cacheaudit.wilson import wilson

DAYS = pd.Timedelta("28D")
POINTS = (0.1, 0.2, 0.4)
LEAST_RATE = 0.42  # of a cohort in which the largest fall has room
READ, WRITTEN = "cache_read_tokens", "cache_write_5m_tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One look: the verdict, and whether the comparison or an open incident named the cohort."""

    points: float
    verdict: str
    compared: bool
    incident: bool


def month(seed: int) -> pd.DataFrame:
    """The last 28 whole days of a quiet quarter."""
    usage = quarter(seed).usage
    end = usage["bucket_end"].max().floor("D")
    inside = (usage["bucket_end"] <= end) & (usage["bucket_start"] >= end - DAYS)
    return check_usage(usage[inside].reset_index(drop=True))


def fallen(usage: pd.DataFrame, part: Part, points: float, since: pd.Timestamp) -> pd.DataFrame:
    """Reads of *part* become writes from *since* on, *points* of its input."""
    late = rows_of(usage, *part.members) & (usage["bucket_start"] >= since)
    read = usage[READ].astype("float64").fillna(0.0)
    share = usage[INPUT].astype("float64").fillna(0.0).sum(axis=1) * points
    lost = np.minimum(share, read).round().where(late, 0).astype("Int64")
    return check_usage(
        usage.assign(**{READ: usage[READ] - lost, WRITTEN: usage[WRITTEN].fillna(0) + lost})
    )


def look(usage: pd.DataFrame) -> Weekly:
    """As the page does, an hour after the data ends."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "usage.parquet"
        write_usage(usage, path)
        now = usage["bucket_end"].max() + pd.Timedelta("1h")
        return observe(WeeklyParams(source="frame", path=str(path)), now=now)


def trial(seed: int) -> list[Seen]:
    """A seed's looks: with nothing planted, then each size."""
    usage = month(seed)
    quiet = look(usage)
    found = [
        Seen(
            points=0.0, verdict=quiet.verdict, compared=bool(quiet.week.worse),
            incident=bool(quiet.incidents.open),
        )
    ]  # fmt: skip
    rng = np.random.default_rng(seed)
    large = [p for p in quiet.week.parts if len(p.members) == 1 and (p.rate.now or 0) >= LEAST_RATE]
    if not large:
        return found
    part = large[int(rng.integers(len(large)))]
    since = quiet.week.week[0] + pd.Timedelta(hours=int(rng.integers(120)))
    for points in POINTS:
        week = look(fallen(usage, part, points, since))
        found.append(
            Seen(
                points=points,
                verdict=week.verdict,
                compared=any(p.members == part.members for p in week.week.worse),
                incident=any(
                    c.cohort in part.members
                    for one in week.incidents.open
                    for c in one.found.case.affected
                ),
            )
        )
    return found


def rows(seen: list[Seen]) -> Iterator[str]:
    """Verdicts by what was planted, and who saw it."""
    for points in (0.0, *POINTS):
        own = [one for one in seen if one.points == points]
        if not own:
            continue
        said = {v: sum(one.verdict == v for one in own) for v in sorted({o.verdict for o in own})}
        moved = said.get("moved", 0)
        low, high = wilson(moved / len(own), len(own))
        yield (
            f"{points:>5.0%}: moved {moved} of {len(own)} ({low:.0%} to {high:.0%});"
            f" by the comparison {sum(one.compared for one in own)},"
            f" by an open incident {sum(one.incident for one in own)}; {said}"
        )


def main() -> int:
    """Run, print the table."""
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--seeds", default="85000:85048", help="first:last, the last one not")
    words.add_argument("--jobs", type=int, default=1)
    asked = words.parse_args()
    first, _, last = asked.seeds.partition(":")
    with ProcessPoolExecutor(asked.jobs) as pool:
        seen = [one for found in pool.map(trial, range(int(first), int(last))) for one in found]
    print("\n".join(rows(seen)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
