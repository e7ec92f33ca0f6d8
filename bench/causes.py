"""Does the diagnosis name what was planted? Every cause, confounders, quiet quarters.

Tuning uses seeds below 1000; reported seeds are 10000 and up. Every story is made by the mechanism
of its cause (see bench/planted): no rate is drawn, the cache decides.

What is counted (the incident judged is the one nearest the planted start, within two days):

    truth among the leaders     over stories that should alarm; an error or a miss is a failure
    within the class            all leaders are causes that the story's data cannot tell from the
                                truth (docs/METHODS.md; a new version's price is true too)
    identified                  one leader, the truth, where the story's data decides
    coinciding                  verdict not_identifiable, and a leader of each of the two families
    a version wrongly accused   a leader model.* where no model.* is in the class
    measurement.*               verdict unfit_data with a quality note is right as well
    quiet                       90 days, three cohorts, nothing happens: any incident is false

    python bench/causes.py                            5 seeds, all stories
    python bench/causes.py --seeds 1:2 --only floor   one seed, some stories
    python bench/causes.py --quiet 500 --jobs 2       with quiet quarters
"""

import argparse
import json
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from planted.quiet import LEVELS, level, quarter
from planted.score import Run, failed, judged
from planted.stories import BY_NAME, STORIES
from planted.story import Planted
from planted.tables import confusion, per_story, summary

from cacheaudit import diagnose

FIRST_SEED = 10000


def diagnosed(planted: Planted) -> Any:
    """The engine's answer on all that the story gives, and on nothing else."""
    given = {"events": planted.events, "requests": planted.requests, "cost": planted.cost}
    return diagnose(planted.usage, **{k: v for k, v in given.items() if v is not None})


def run_story(task: tuple[str, int]) -> Run:
    """One story with one seed; an exception of the engine is a failed run."""
    name, seed = task
    story = BY_NAME[name]
    planted = story.make(seed)
    try:
        diagnosis = diagnosed(planted)
    except Exception as error:  # noqa: BLE001  whatever the engine raises is its answer
        at = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(at.filename).name}:{at.lineno}"
        return failed(story, seed, f"{type(error).__name__} at {where}: {str(error)[:120]}")
    return judged(story, seed, planted, diagnosis)


def run_quarter(seed: int) -> tuple[int, int, str]:
    """Seed, number of incidents and what was said of a quiet quarter."""
    try:
        diagnosis = diagnosed(quarter(seed))
    except Exception as error:  # noqa: BLE001
        return seed, 1, f"{type(error).__name__}: {str(error)[:120]}"
    said = [f"{i.incident.start:%m-%d %H:%M} {i.incident.measure}" for i in diagnosis.incidents]
    return seed, len(diagnosis.incidents), "; ".join(said)


def mapped(function: Any, tasks: Iterable[Any], jobs: int) -> Iterator[Any]:
    """*function* over *tasks*, in order, on *jobs* processes."""
    if jobs == 1:
        yield from map(function, tasks)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(function, tasks)


def span(text: str) -> range:
    """'10000:10005' as a range; '7' as range(7, 8)."""
    first, _, last = text.partition(":")
    return range(int(first), int(last) if last else int(first) + 1)


def main() -> int:
    """Run, print the tables, write the runs; 1 if a run ended in an error."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=span, default=range(FIRST_SEED, FIRST_SEED + 5))
    parser.add_argument("--only", default="", help="stories whose name has this part")
    parser.add_argument("--no-log", action="store_true", help="leave out stories with a log")
    parser.add_argument("--quiet", type=int, default=0, help="so many quiet quarters besides")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write every run to this file")
    asked = parser.parse_args()

    began = time.perf_counter()
    chosen = [
        s for s in STORIES if asked.only in s.name and not (asked.no_log and s.log is not None)
    ]
    tasks = [(s.name, seed) for s in chosen for seed in asked.seeds]
    runs = []
    for run in mapped(run_story, tasks, asked.jobs):
        runs.append(run)
        print(f"\r{len(runs)}/{len(tasks)} {run.story:<50}", end="", file=sys.stderr, flush=True)
    if runs:
        print("\n".join(["", *per_story(runs), "", *confusion(runs), "", *summary(runs)]))
    seeds = range(asked.seeds.start, asked.seeds.start + asked.quiet)
    quarters = list(mapped(run_quarter, seeds, asked.jobs))
    if quarters:
        false = [q for q in quarters if q[1]]
        print(f"\nquiet quarters with an alarm: {len(false)} of {len(quarters)}")
        for name in LEVELS:
            own = [q for q in quarters if level(q[0]) == name]
            print(f"  {name:<8}{sum(q[1] > 0 for q in own)} of {len(own)}")
        print("\n".join(f"  seed {q} ({level(q)}): {said}" for q, _, said in false))
    print(f"\n{time.perf_counter() - began:.0f} s")
    if asked.json:
        rows = {"runs": [r.to_dict() for r in runs], "quiet": quarters}
        asked.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return int(any(r.error for r in runs))


if __name__ == "__main__":
    sys.exit(main())
