"""A migration from end to end on the sandbox, with the clock moved: does each step say the truth?

A team's planted traffic goes through Anthropic's SDK on the incumbent for some days. Readiness is
asked of a candidate whose minimum is above the team's prefixes, and of one that fits, before and
after a probe; the plan's prefill runs until the cutover; traffic moves; what was measured is held
against what the plan had predicted, the weekly page judges the pulled usage, traffic goes back on
branches of the same day, and a candidate whose cache is worse than its documents must be caught.

Each check compares two figures, and both are printed. Exits with 1 where one does not hold. The
clocks of this machine decide nothing: the same seed gives the same figures.

    python bench/rehearsal.py [--seed N] [--short] [--break LINK] [--out FILE]
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.rehearsing.back import drilled
from bench.rehearsing.book import Book
from bench.rehearsing.cutover import measured, warmed, watched
from bench.rehearsing.ready import asked
from bench.rehearsing.stage import keys, stage
from bench.rehearsing.story import BREAKS, CANDIDATE, INCUMBENT, SHORT, Story, broken
from bench.rehearsing.traffic import Asked, planted
from bench.rehearsing.week import Scene, lived
from bench.rehearsing.worse import caught
from cacheaudit.files import write_whole


def rehearse(story: Story, folder: Path, tell: Callable[[str], None] = print) -> Book:
    """Play *story*; logs, receipts and findings go to *folder*."""
    scene = Scene(story=story, folder=folder, book=Book(tell=tell))
    calls = planted(story.team, story.first, story.days + 1, story.seed)
    moves_ms = story.cutover.timestamp() * 1000

    def model_of(one: Asked) -> str:
        return INCUMBENT if one.at_ms < moves_ms else CANDIDATE

    with keys(), stage(story.team, calls, model_of, story.served, now=story.start) as on:
        lived(scene, on)
        ready = asked(scene, on)
        if ready.plans is None:
            scene.book.say(ready.plans_why)
            return scene.book
        warm = warmed(scene, on)
        if story.turns_worse:
            on.serve(story.worse)
        measured(scene, on, warm, ready.plans, calls)
        watched(scene, on, 0)
        bars = [gate.bar for gate in ready.gates if gate.name == "rollback_warm"]
        drilled(scene, ready.plans, bars[0], calls)
        if not story.brief:
            caught(scene, on, calls)
    return scene.book


def main() -> int:
    """Rehearse, tell it, and write the figures."""
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--seed", type=int)
    words.add_argument("--short", action="store_true", help="fewer days and calls, as the test has")
    words.add_argument("--break", dest="link", default="", choices=["", *BREAKS],
                       help="break this link of the chain; checks must fail")  # fmt: skip
    words.add_argument("--out", type=Path, default=Path("reports") / "rehearsal.json")
    given = words.parse_args()
    story = SHORT if given.short else Story()
    story = story if given.seed is None else replace(story, seed=given.seed)
    story = broken(story, *([given.link] if given.link else []))
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        book = rehearse(story, Path(folder))
    found = {"seed": story.seed, "short": given.short, "broken": given.link, **book.to_dict()}
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    write_whole(given.out, text.encode("utf-8"))
    print(f"\n{len(book.checks) - len(book.failed)} of {len(book.checks)} checks hold,"
          f" {time.monotonic() - began:.0f} s; figures in {given.out.name}.")  # fmt: skip
    for name in book.failed:
        print(f"FAIL  {name}")
    return 1 if book.failed else 0


if __name__ == "__main__":
    sys.exit(main())
