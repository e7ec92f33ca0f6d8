"""Which way to move traffic to another version: every plan replayed on the team's own past.

migration   from what to what, when, under which rules and within which floor
proposals   the plans that are compared, and one's own
judged      what one plan does on one past day
course      how plans go hour by hour, on the last of these days
compare     all of them over several days, the cheapest within the floor, what a prefill is worth
"""

from .compare import Plans, compare_plans
from .migration import Migration

__all__ = ["Migration", "Plans", "compare_plans"]
