"""Thresholds as data, and measured values held against them: pass, fail or unknown.

    bars       the thresholds, with defaults
    gate       one question and its standing; the verdict of several
    readiness  before a migration: hit rate, pinned id, retirement, cost, rollback, telemetry
    minimum    whether the cached prefixes are above a candidate's minimum
    live       after the cutover: the rollout window, and recovery

A gate takes plain values and None for what is not known, never a plan or a probe: whoever measures
passes numbers. An interval that straddles the bar is unknown, and so is a value that is missing.
"""

from .bars import GateBars
from .gate import Gate, Standing, exit_code_of, verdict_of
from .live import recovery, rollout_window
from .minimum import CachedLength, above_minimum, above_minimum_billed
from .readiness import active, hit_rate, pinned, plan_cost, rollback_warm, steady, telemetry

__all__ = [
    "CachedLength",
    "Gate",
    "GateBars",
    "Standing",
    "above_minimum",
    "above_minimum_billed",
    "active",
    "exit_code_of",
    "hit_rate",
    "pinned",
    "plan_cost",
    "recovery",
    "rollback_warm",
    "rollout_window",
    "steady",
    "telemetry",
    "verdict_of",
]
