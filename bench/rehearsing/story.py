"""What is rehearsed: who moves from what to what and when, how much traffic, and what is broken."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from bench.rehearsing.traffic import Team
from cacheaudit.readiness_params import ReadinessParams
from cacheaudit.rules import LIFETIME_S
from cacheaudit.sandbox.catalogue import Served, documented

INCUMBENT, CANDIDATE = "claude-sonnet-4-6", "claude-sonnet-5-5"
TOO_LONG = "claude-opus-4-6"  # its minimum is above all of the team's prefixes
PLAN = "straight cut, prefill"
KEPT = "straight cut, old kept warm"
FIRST = pd.Timestamp("2026-11-13", tz="UTC")
DAY, HOUR, MINUTE = pd.Timedelta("1D"), pd.Timedelta("1h"), pd.Timedelta("1min")


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A rehearsal.

    first           midnight (UTC) of the first day; days: of traffic before the cutover's own
    cutover_hour    of the day
    after_h         hours that are watched after it
    rollback_h      hours after it, at which traffic goes back in the drill
    branch_h        hours before it, at which branches of the day begin
    top             prefixes that are warmed; lead_s: from so long before
    keep_old_warm   share of the conversations that stay on the old version in the drill
    probe_repeats   of the probe's hit rate
    worse_s         lifetime of a cache that is worse than its documents
    brief           without the questions before the probe, and without the control

    Broken on purpose, to see a check fail:
    planned_life        that the plan takes for production's; "" takes production's own
    prefill_early_s     the prefill ends so long before the cutover
    turns_worse, nothing_kept   as BREAKS has them
    """

    team: Team = field(default_factory=Team)
    seed: int = 2
    first: pd.Timestamp = FIRST
    days: int = 5
    cutover_hour: float = 10.0
    after_h: float = 4.0
    rollback_h: float = 1.0
    branch_h: float = 0.5
    top: int = 24
    lead_s: float = 300.0
    keep_old_warm: float = 0.25
    budget_usd: float = 1.0
    probe_usd: float = 20.0
    probe_repeats: int = 40
    worse_s: float = 10.0
    planned_life: str = ""
    prefill_early_s: float = 0.0
    turns_worse: bool = False
    nothing_kept: bool = False
    brief: bool = False

    @property
    def ttl(self) -> pd.Timedelta:
        """Lifetime of what production writes."""
        return pd.Timedelta(seconds=LIFETIME_S[self.team.life])

    @property
    def life(self) -> str:
        """What the plan takes it for."""
        return self.planned_life or self.team.life

    @property
    def start(self) -> pd.Timestamp:
        """When the first day opens."""
        return self.first + pd.Timedelta(hours=self.team.opens)

    @property
    def eve(self) -> pd.Timestamp:
        """When the last day before the cutover's closes."""
        return self.first + (self.days - 1) * DAY + pd.Timedelta(hours=self.team.closes)

    @property
    def cutover(self) -> pd.Timestamp:
        """When all traffic moves."""
        return self.first + self.days * DAY + pd.Timedelta(hours=self.cutover_hour)

    @property
    def back(self) -> pd.Timestamp:
        """When traffic goes back in the drill."""
        return self.cutover + pd.Timedelta(hours=self.rollback_h)

    @property
    def served(self) -> list[Served]:
        """The documented versions; they answer at once."""
        return [
            replace(one, warm_s=0.0, cold_s_per_token=0.0) for one in documented().of("anthropic")
        ]

    @property
    def worse(self) -> Served:
        """The candidate with a cache that forgets too soon."""
        (one,) = [one for one in self.served if one.id == CANDIDATE]
        return replace(one, lives=dict.fromkeys(one.lives, self.worse_s))

    def readiness(self, folder: Path, url: str, **given: object) -> ReadinessParams:
        """Parameters of the readiness page."""
        known = {
            "name": "rehearsal", "incumbent": INCUMBENT, "candidate": CANDIDATE,
            "cutover": self.cutover.isoformat(), "source": "anthropic", "base_url": url,
            "requests_path": str(folder / "requests.parquet"), "plan": PLAN,
            "budget_usd": self.budget_usd, "ramp_hours": 0.5, "canary_hours": 0.5,
            "prefixes": self.top, "lead_s": self.lead_s, "keep_old_warm": self.keep_old_warm,
            "ttl": self.life, "rollback_hours": self.rollback_h,
        }  # fmt: skip
        return ReadinessParams(**(known | given))  # type: ignore[arg-type]


BREAKS: dict[str, str] = {  # link of the chain -> what is broken of it
    "lifetime": "the plan takes another lifetime for production's",
    "prefill": "the prefill ends more than a lifetime before the cutover",
    "cache": "the candidate's cache is lost at the cutover, and the worse one from then on",
    "kept": "nothing is kept warm in the drill that says so",
}


def broken(story: Story, *links: str) -> Story:
    """*story* with *links* of its chain broken."""
    knobs: dict[str, dict[str, Any]] = {
        "lifetime": {"planned_life": "1h" if story.team.life == "5m" else "5m"},
        "prefill": {"prefill_early_s": story.ttl.total_seconds() + story.lead_s},
        "cache": {"turns_worse": True},
        "kept": {"nothing_kept": True},
    }
    return replace(story, **{k: v for link in links for k, v in knobs[link].items()})


SHORT = Story(  # the longer lifetime, for few calls to be dense
    team=Team(
        prefixes=4, opens=9.2, closes=15.2, quiet=1.0, single_per_hour=25.0, talks_per_hour=10.0,
        life="1h",
    ),
    seed=2, days=4, top=4, cutover_hour=11.0, rollback_h=1.25, branch_h=1.1, probe_repeats=20,
)  # fmt: skip
