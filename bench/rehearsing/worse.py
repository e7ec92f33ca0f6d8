"""The control: a candidate whose cache forgets sooner than its documents say must be caught."""

import pandas as pd

from bench.rehearsing.cutover import watched
from bench.rehearsing.ready import judged, probed, told
from bench.rehearsing.stage import Stage, stage
from bench.rehearsing.story import CANDIDATE, INCUMBENT
from bench.rehearsing.traffic import Asked
from bench.rehearsing.week import Scene


def caught(scene: Scene, on: Stage, calls: list[Asked]) -> None:
    """Before the cutover by a probe, and after one that was made all the same by the weekly page.

    on   the rehearsal's own stage, whose usage is read again
    """
    story, book = scene.story, scene.book
    served = [story.worse if one.id == CANDIDATE else one for one in story.served]
    book.act(f"The control: a {CANDIDATE} that forgets after {story.worse_s:g} s")
    with stage(story.team, [], lambda one: INCUMBENT, served, now=story.eve) as poor:
        probed(scene, poor, "probe-worse")
    path = str(scene.folder / "probe-worse" / "findings.json")
    told(scene, "the worse candidate after the probe", judged(scene, on, probe_path=path), 3,
         "hit_rate", "fail")  # fmt: skip
    moves_ms = story.cutover.timestamp() * 1000
    begins, log = story.cutover - pd.Timedelta(hours=story.branch_h), on.log()
    with stage(
        story.team, calls,
        lambda one: INCUMBENT if one.at_ms < moves_ms else CANDIDATE,
        served, now=begins, log=pd.DataFrame(log[log["ts"] < begins]),
    ) as poor:  # fmt: skip
        watched(scene, poor, 3)
