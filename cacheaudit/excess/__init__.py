"""What of the cost was excess, and the most that a cold start can explain of it."""

from .cold import ColdStart, cold_start
from .curve import ExcessCurve
from .estimate import Estimate
from .run_rate import RunRate, run_rate_of
from .total import charge_curve, excess, excess_curve

__all__ = [
    "ColdStart",
    "Estimate",
    "ExcessCurve",
    "RunRate",
    "charge_curve",
    "cold_start",
    "excess",
    "excess_curve",
    "run_rate_of",
]
