"""What a request log tells of re-use: which calls found what the call before them had cached.

Everything is counted where the rows live; what comes back are tables of a few hundred rows.
"""

from .facts import LogFacts, Window, log_facts

__all__ = ["LogFacts", "Window", "log_facts"]
