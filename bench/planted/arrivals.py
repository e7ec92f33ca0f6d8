"""Who asks, when, and how long: sessions and their turns, before any cache.

All chance of a cohort is drawn here, from one generator and in a fixed order, so that two worlds
that differ only in how requests are sent or cached have the same requests and the same luck.
"""

import numpy as np
import pandas as pd

from .world import Cohort

BURN_IN_DAYS = 0.25
HOUR_S = 3600.0
MOST_TURNS = 80


def values_of(cohort: Cohort, name: str, at_s: np.ndarray) -> np.ndarray:
    """Field *name* of the phase that holds at each time (seconds since START)."""
    return np.array([getattr(p, name) for _, p in cohort.phases])[phase_at(cohort, at_s)]


def phase_at(cohort: Cohort, at_s: np.ndarray) -> np.ndarray:
    """Number of the phase that holds at each time (seconds since START)."""
    since_s = [day * 86400 for day, _ in cohort.phases]
    return np.maximum(np.searchsorted(since_s, at_s, side="right") - 1, 0)


def arrivals(cohort: Cohort, days: float, rng: np.random.Generator) -> pd.DataFrame:
    """One row per request, by time: its session, turn, lengths, and its dice.

    at_s            seconds since START (negative: burn-in)
    session, turn   numbers; prefix: which shared prefix
    single          one shot on the shared prefix
    history_tokens  conversation up to and including this turn's message (jobs: the document)
    *_u             uniform dice, thrown whether or not a mechanism asks for them
    """
    sessions = _sessions(cohort, days, rng)
    turns = _turns(cohort, sessions)
    log = sessions.loc[sessions.index.repeat(turns)].reset_index(drop=True)
    n, first = len(log), np.r_[0, np.cumsum(turns)[:-1]].astype(int)
    of = np.repeat(np.arange(len(sessions)), turns)
    log["turn"] = np.arange(n) - first[of]
    opens = log["turn"].to_numpy() == 0

    z = rng.standard_normal((5, n))
    dice = rng.uniform(size=(6, n))
    mood = _mood(cohort, days, log["start_s"].to_numpy(), rng)
    scale = values_of(cohort, "gap", log["start_s"].to_numpy()) * mood["gap"]
    pause = cohort.gap_s * scale * np.exp(cohort.gap_sigma * z[0])
    reply_s = 1.5 + 0.015 * cohort.output_tokens  # a turn cannot start before the last reply ended
    gap_s = np.where(opens, 0.0, reply_s + pause)
    if cohort.kind == "jobs":
        parallel = values_of(cohort, "parallel", log["start_s"].to_numpy())
        gap_s = np.where(opens, 0.0, np.where(parallel, 0.05, gap_s))
    log["at_s"] = log["start_s"] + _running(gap_s, first, of)

    longer = values_of(cohort, "context", log["start_s"].to_numpy()) * mood["context"]
    added = np.where(opens, cohort.opening_tokens, cohort.turn_tokens) * np.exp(0.6 * z[1]) * longer
    if cohort.kind == "jobs":
        added = np.where(opens, added, 0.0)
    log["history_tokens"] = _running(added, first, of)
    log["tail_tokens"] = cohort.tail_tokens * np.exp(0.5 * z[2])
    log["output_tokens"] = cohort.output_tokens * np.exp(0.7 * z[3])
    log["first_token_s"] = (0.5 + log["history_tokens"] * 5e-5) * np.exp(0.25 * z[4])
    log["blocks"] = np.ceil(7 * np.exp(0.9 * z[1]))  # a long turn has many blocks
    for name, u in zip(["side", "miss", "leaf", "process", "tools", "endpoint"], dice, strict=True):
        log[f"{name}_u"] = u
    log["parameter_u"] = rng.uniform(size=n)
    log = log[log["at_s"] < days * 86400]
    return log.sort_values("at_s", kind="stable", ignore_index=True).drop(columns="start_s")


def _running(values: np.ndarray, first: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Cumulative sum within each session."""
    total = np.cumsum(values)
    before = (total - values)[first]
    return total - before[of]


def _sessions(cohort: Cohort, days: float, rng: np.random.Generator) -> pd.DataFrame:
    """Start of each session: Poisson within the hour, by the day, the week and the day's luck."""
    hours = np.arange(-round(BURN_IN_DAYS * 24), round(days * 24))
    of_day = 1 - cohort.rhythm / 2 + cohort.rhythm / 2 * np.cos((hours % 24 - 14) / 24 * 2 * np.pi)
    of_week = np.where(hours // 24 % 7 < 5, 1.0, cohort.weekend)
    luck = rng.lognormal(0, 0.08, int(days) + 3)[hours // 24 + 1]
    most = max(p.volume for _, p in cohort.phases)
    n = rng.poisson(cohort.sessions_per_hour * of_day * of_week * luck * most)
    start_s = (np.repeat(hours, n) + rng.uniform(size=n.sum())) * HOUR_S
    weights = 1 / np.arange(1, len(cohort.prefixes_tokens) + 1)
    prefix = rng.choice(len(weights), size=len(start_s), p=weights / weights.sum())
    u = rng.uniform(size=(4, len(start_s)))
    kept = u[0] < values_of(cohort, "volume", start_s) / most
    own = [cohort.single if p.single is None else p.single for _, p in cohort.phases]
    single = u[1] < np.array(own)[phase_at(cohort, start_s)]
    frame = pd.DataFrame(
        {
            "start_s": start_s,
            "prefix": prefix,
            "single": single,
            "turns_u": u[2],
            "session_u": u[3],
        }
    )
    frame = frame[kept].reset_index(drop=True)
    return frame.assign(session=np.arange(len(frame)))


def _turns(cohort: Cohort, sessions: pd.DataFrame) -> np.ndarray:
    """Requests of each session: geometric, 1 for a single shot, fixed for a job."""
    mean = cohort.turns * values_of(cohort, "turns", sessions["start_s"].to_numpy())
    if cohort.kind == "jobs":
        return np.round(mean).astype(int)
    mean = np.maximum(mean, 1.0001)
    drawn = 1 + np.floor(np.log(sessions["turns_u"]) / np.log(1 - 1 / mean))
    return np.where(sessions["single"], 1, np.minimum(drawn, MOST_TURNS)).astype(int)


def _mood(
    cohort: Cohort, days: float, at_s: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Days differ a little in pace and in length, for no reason that anybody logged."""
    day = (at_s // 86400).astype(int) + 1
    size = int(days) + 3
    return {
        "gap": rng.lognormal(0, 0.05, size)[day],
        "context": rng.lognormal(0, 0.025, size)[day],
    }
