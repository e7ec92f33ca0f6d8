"""What of the cost was excess, and the most that a cold start can explain of it."""

from .cold import ColdStart, cold_start
from .estimate import Estimate
from .total import charge_excess, excess

__all__ = ["ColdStart", "Estimate", "charge_excess", "cold_start", "excess"]
