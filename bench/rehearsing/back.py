"""The rollback drill: back to the old version after the cutover, on branches of the day."""

from dataclasses import dataclass

import pandas as pd

from bench.rehearsing.cutover import branch
from bench.rehearsing.measures import during, first_calls, hit_rate, production, share_inside
from bench.rehearsing.story import CANDIDATE, INCUMBENT, KEPT, MINUTE, PLAN
from bench.rehearsing.traffic import Asked
from bench.rehearsing.week import Scene
from cacheaudit.planning import Plans

GOLDEN = 0.6180339887498949


def drilled(scene: Scene, plans: Plans, bar: float | None, calls: list[Asked]) -> None:
    """With a share of the conversations kept on the old version, and with none."""
    story, book = scene.story, scene.book
    back = story.back
    stayed = pd.read_parquet(scene.folder / "stayed.parquet")
    usual = hit_rate(during(stayed, back, back + story.ttl))
    book.act("The rollback drill: back to the old version, on branches of the day")
    book.note("hit rate of a twin that had stayed", usual, "share")
    book.note("share of the conversations kept on the old version", story.keep_old_warm, "share")
    kept_share = 0.0 if story.nothing_kept else story.keep_old_warm
    kept = _returned(scene, calls, kept_share)
    cold = _returned(scene, calls, 0.0)
    book.check("kept warm: hit rate in the lifetime after going back", kept.rate, "at least", bar,
               unit="share")  # fmt: skip
    share_inside(scene, "kept warm: of the twin's, and the plan's prediction",
                 _over(kept.rate, usual), plans.plan(KEPT).predicted["rollback_share"])  # fmt: skip
    share_inside(scene, "not kept warm: of the twin's, and the plan's prediction",
                 _over(cold.rate, usual), plans.plan(PLAN).predicted["rollback_share"])  # fmt: skip
    book.check("hit rate kept warm, and not", kept.rate, "above", cold.rate, unit="share")
    book.check("not kept warm: prefixes whose first call found them", cold.found_back, "is", 0)
    book.check("kept warm: prefixes whose first call found them", kept.found_back, "above",
               cold.found_back)  # fmt: skip
    book.check("moved without a prefill: prefixes whose first call found them", cold.found_new,
               "is", 0)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """A branch that moved without a prefill and went back.

    rate         in the lifetime after going back; None where nothing was asked
    found_new    prefixes whose first call found them, of those that moved
    found_back   likewise, after going back
    """

    rate: float | None
    found_new: int
    found_back: int


def _returned(scene: Scene, calls: list[Asked], keep: float) -> Returned:
    """The branch in which *keep* of the conversations stay."""
    story = scene.story
    moves, back = story.cutover, story.back
    moves_ms, back_ms = moves.timestamp() * 1000, back.timestamp() * 1000

    def model_of(one: Asked) -> str:
        stays = one.group * GOLDEN % 1 < keep
        return CANDIDATE if moves_ms <= one.at_ms < back_ms and not stays else INCUMBENT

    with branch(scene, calls, model_of) as on:
        on.until(back + story.ttl + MINUTE)
        rate, log = hit_rate(production(on, back, back + story.ttl)), on.log()
    moved = log[log["model"] == CANDIDATE]
    return Returned(
        rate=rate,
        found_new=int(first_calls(moved, moves)["found"].sum()),
        found_back=int(first_calls(during(log, back, back + story.ttl), back)["found"].sum()),
    )


def _over(rate: float | None, usual: float | None) -> float | None:
    return None if rate is None or not usual else rate / usual
