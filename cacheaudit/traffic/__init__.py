"""What a request log tells of re-use: which calls found what the call before them had cached.

Everything is counted where the rows live; what comes back are tables of a few hundred rows.
"""

from .around import Move
from .facts import LogFacts, Window, log_facts
from .live import Live, live_prefixes

__all__ = ["Live", "LogFacts", "Move", "Window", "live_prefixes", "log_facts"]
