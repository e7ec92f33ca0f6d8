"""Not ready for one candidate, not yet known for the other, then probed, then ready."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.rehearsing.measures import matches
from bench.rehearsing.stage import ADMIN, PROBE, Stage
from bench.rehearsing.story import CANDIDATE, HOUR, INCUMBENT, MINUTE, TOO_LONG
from bench.rehearsing.week import Scene
from cacheaudit.measurement import Measurement, measure
from cacheaudit.probe_findings import write_probe
from cacheaudit.probe_params import ProbeParams
from cacheaudit.readiness import Readiness, prepare_migration

QUESTIONS = ["caches", "smallest", "hit_rate", "survival", "isolation"]  # the others are a race


def asked(scene: Scene, on: Stage) -> Readiness:
    """The three answers; the last of them."""
    story, book = scene.story, scene.book
    if not story.brief:
        book.act(f"Is {TOO_LONG} ready; is {CANDIDATE}?")
        never = judged(scene, on, candidate=TOO_LONG)
        told(scene, TOO_LONG, never, 3, "above_minimum", "fail")
        before = judged(scene, on)
        told(scene, f"{CANDIDATE} before a probe", before, 4, "hit_rate", "unknown")
    book.act("The probe, executed with a budget; then the same question")
    write_bodies(scene.folder / "bodies.jsonl", on.bodies(story.eve - HOUR))
    found = probed(scene, on, "probe")
    on.sleep(MINUTE.total_seconds())  # a provider reports whole minutes
    spent = on.spent_usd("probe", found.made_at, on.at)
    matches(scene, "spent by the probe's receipts and by the provider's books",
            found.probe.spent_usd, spent)  # fmt: skip
    book.check("spent of the probe's budget", spent, "at most", story.probe_usd, unit="usd")
    after = judged(scene, on, probe_path=str(scene.folder / "probe" / "findings.json"))
    told(scene, f"{CANDIDATE} after the probe", after, 0, "hit_rate", "pass")
    _plan(scene, after)
    return after


def judged(scene: Scene, on: Stage, **given: object) -> Readiness:
    """What the readiness page would say."""
    return prepare_migration(
        scene.story.readiness(scene.folder, on.url, key_variable=ADMIN, **given), now=on.at
    )


def told(scene: Scene, who: str, found: Readiness, code: int, gate: str, standing: str) -> None:
    """Exit code and the standing of *gate*, against what is expected of them."""
    book = scene.book
    book.check(f"{who}: exit code", found.exit_code, "is", code)
    held = next((one.standing for one in found.gates if one.name == gate), None)
    book.check(f"{who}: gate {gate}", held, "is", standing, unit="text")
    for one in found.gates:
        if one.standing != "pass":
            book.say(f"{one.standing}: {one.name}. {one.reason}")


def probed(scene: Scene, on: Stage, name: str) -> Measurement:
    """Both versions, with the team's own bodies at the team's pace; findings in a folder *name*."""
    story, folder = scene.story, scene.folder / name
    folder.mkdir(exist_ok=True)
    shared = {"base_url": on.url, "key_variable": PROBE}
    params = ProbeParams(
        name=f"rehearsal-{name}",
        candidates=[
            {"model": INCUMBENT, "incumbent": True, **shared}, {"model": CANDIDATE, **shared}
        ],
        prompts_path=str(scene.folder / "bodies.jsonl"),
        requests_path=str(scene.folder / "requests.parquet"),
        questions=QUESTIONS, repeats=story.probe_repeats, idle_repeats=2,
        budget_usd=story.probe_usd, execute=True, receipts_path=str(folder / "receipts.jsonl"),
        seed=f"rehearsal-{story.seed}", timeout_s=30.0,
    )  # fmt: skip
    found = measure(params, now=on.at, clock=on)
    write_probe(found, str(folder))
    scene.book.note("calls of the probe", len(found.probe.receipts))
    for one in found.probe.answers:
        if one.question == "hit_rate":
            scene.book.note(f"measured hit rate of {one.candidate}", one.value, "share")
    return found


def write_bodies(path: Path, bodies: Sequence[dict[str, Any]]) -> None:
    """One request body a line."""
    path.write_text("".join(json.dumps(one) + "\n" for one in bodies), encoding="utf-8")


def _plan(scene: Scene, found: Readiness) -> None:
    book, plan = scene.book, found.plan
    book.note("plan", "none" if plan is None else plan.name, "text")
    book.note("cheapest within the floor", found.plans.cheapest if found.plans else "none", "text")
    if plan is not None:
        book.note("past days it was tried on", len(plan.by_day))
        book.note("its excess", plan.predicted["excess_usd"].value, "usd")
    book.note("budget", scene.story.budget_usd, "usd")
