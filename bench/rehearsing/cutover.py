"""Warmed from T - h until T, moved at T, and held against what the plan had said of it."""

from contextlib import AbstractContextManager

import pandas as pd

from bench.rehearsing.measures import (
    during,
    first_calls,
    hit_rate,
    matches,
    production,
    share_inside,
)
from bench.rehearsing.ready import write_bodies
from bench.rehearsing.stage import ADMIN, PREFILL, ModelOf, Stage, stage
from bench.rehearsing.story import CANDIDATE, HOUR, INCUMBENT, MINUTE, PLAN
from bench.rehearsing.traffic import Asked
from bench.rehearsing.week import Scene
from cacheaudit.logs.sent import sent
from cacheaudit.planning import Plans
from cacheaudit.planning.proposals import proposals
from cacheaudit.prefill_params import PrefillParams
from cacheaudit.prefilling.prefill import Prefill, prefill
from cacheaudit.replaying import replay
from cacheaudit.rollout_params import WeeklyParams
from cacheaudit.weekly import Weekly, observe

WARMED = 0.95  # of the prefixes, at the cutover
HINDSIGHT = 0.005  # of the input: a plan counts tokens re-used where a prefill counts uses


def warmed(scene: Scene, on: Stage) -> Prefill:
    """Let production go on until the cutover, with a prefill beside it."""
    story, book = scene.story, scene.book
    book.act("The prefill, until the cutover")
    ends = story.cutover - pd.Timedelta(seconds=story.prefill_early_s)
    on.until(ends - pd.Timedelta(seconds=story.lead_s) - MINUTE)
    began = on.at
    found = prefill(_prefill_params(scene, on, ends), clock=on)
    on.until(story.cutover)
    book.note("touches", len(found.receipts))
    book.note("expected by its plan", found.plan.expected_usd, "usd")
    book.check("spent, and the worst case of its plan", found.spent_usd, "at most",
               found.plan.worst_usd, unit="usd")  # fmt: skip
    matches(scene, "spent by the prefill's receipts and by the provider's books", found.spent_usd,
            on.spent_usd("prefill", began, on.at))  # fmt: skip
    warm = sum(until > story.cutover for until in promised(found).values())
    book.check("prefixes that receipts prove warm at the cutover", warm, "at least",
               WARMED * story.top)  # fmt: skip
    return found


def _prefill_params(scene: Scene, on: Stage, ends: pd.Timestamp) -> PrefillParams:
    bodies, log = scene.folder / "prefill-bodies.jsonl", scene.folder / "prefill-requests.parquet"
    write_bodies(bodies, on.bodies(on.at - HOUR))
    during(on.log(), on.at - HOUR, on.at).to_parquet(log)
    return PrefillParams(
        name="rehearsal",
        candidate={"model": CANDIDATE, "base_url": on.url, "key_variable": PREFILL},
        prompts_path=str(bodies), requests_path=str(log), top=scene.story.top,
        cutover=ends.isoformat(), lead_s=scene.story.lead_s, together=1,
        budget_usd=scene.story.budget_usd, execute=True, timeout_s=30.0,
        receipts_path=str(scene.folder / "prefill-receipts.jsonl"),
    )  # fmt: skip


def promised(found: Prefill) -> dict[str, pd.Timestamp]:
    """prefix_id -> until when receipts say that it is warm."""
    return {
        str(sent(one.prefix.body)["prefix_id"]): found.cutover
        + pd.Timedelta(seconds=one.warm_for_s)
        for one in found.prefixes
        if one.verdict == "warm"
    }


def measured(scene: Scene, on: Stage, warm: Prefill, plans: Plans, calls: list[Asked]) -> None:
    """The hour after the cutover, on the candidate, against the plan."""
    story, book, plan = scene.story, scene.book, plans.plan(PLAN)
    book.act(f"The cutover: all traffic on {CANDIDATE}")
    ends = story.back + story.ttl  # of what a plan prices
    on.until(max(ends, story.cutover + HOUR) + MINUTE)
    _found_warm(scene, on, warm)
    rate = hit_rate(production(on, story.cutover, story.cutover + HOUR))
    share_inside(scene, "hit rate of the hour after, and the plan's prediction", rate,
                 plan.predicted["first_hour_hit_rate"])  # fmt: skip
    hindsight = _hindsight(scene, plans, calls)
    book.check("the same hour, and a replay of this very day", rate, "within",
               hindsight - HINDSIGHT, hindsight + HINDSIGHT, unit="share")  # fmt: skip
    spent = on.spent_usd("production", story.cutover, ends) + warm.spent_usd
    with branch(scene, calls, lambda one: CANDIDATE) as twin:
        twin.until(ends + MINUTE)
        usual = twin.spent_usd("production", story.cutover, ends)
    book.note("spent until a lifetime after it, with the prefill", spent, "usd")
    book.note("spent by a twin whose candidate had always served", usual, "usd")
    said = plan.predicted["excess_usd"]
    book.check("excess, and the plan's prediction", spent - usual, "within", said.low, said.high,
               unit="usd")  # fmt: skip
    book.check("excess, and the budget", spent - usual, "at most", story.budget_usd, unit="usd")


def _found_warm(scene: Scene, on: Stage, warm: Prefill) -> None:
    """The first call on each warmed prefix, while receipts say that it is warm."""
    first = first_calls(on.log(), scene.story.cutover)
    until = pd.Series(promised(warm)).reindex(first.index)
    within = first[first["ts"] < until]
    scene.book.check("first calls that found their prefix, of those that were promised one",
                     int(within["found"].sum()), "is", len(within))  # fmt: skip
    scene.book.note("first calls later, or on other prefixes", len(first) - len(within))


def _hindsight(scene: Scene, plans: Plans, calls: list[Asked]) -> float:
    """Hit rate of the hour after, by a replay of what the day would have been without a cutover."""
    story = scene.story
    with branch(scene, calls, lambda one: INCUMBENT) as stayed:
        stayed.until(max(story.back, story.cutover + HOUR) + story.ttl)
        log = stayed.log()
    log.to_parquet(scene.folder / "stayed.parquet")
    outcome = replay(log, plans.migration.rules, proposals(plans.migration, story.cutover)[PLAN])
    rows = outcome.by_bucket
    rows = rows[rows["bucket_start"].between(story.cutover, story.cutover + HOUR, inclusive="left")]
    return float(rows["hit_tokens"].sum()) / float(rows["prompt_tokens"].sum())


def branch(
    scene: Scene, calls: list[Asked], model_of: ModelOf
) -> AbstractContextManager[Stage]:  # fmt: skip
    """The same calls on a sandbox of its own, begun more than a lifetime before the cutover: after
    one its cache is that of a sandbox which had always served."""
    story = scene.story
    begins = story.cutover - pd.Timedelta(hours=story.branch_h)
    return stage(story.team, calls, model_of, story.served, now=begins)


def watched(scene: Scene, on: Stage, code: int) -> Weekly:
    """The weekly page, some hours later."""
    story, book = scene.story, scene.book
    on.until(story.cutover + pd.Timedelta(hours=story.after_h))
    found = observe(
        WeeklyParams(
            name="rehearsal", since=story.cutover.isoformat(), source="anthropic",
            base_url=on.url, key_variable=ADMIN,
        ),
        now=on.at,
    )  # fmt: skip
    book.check("weekly --since T: exit code", found.rollout.exit_code, "is", code)
    book.note("verdict", found.rollout.verdict, "text")
    for gate in found.rollout.gates:
        book.say(f"{gate.standing}: {gate.name}. {gate.reason}")
    return found
