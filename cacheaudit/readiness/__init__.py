"""Is a migration ready: what is known of both versions, the plans, the gates, the verdict.

known         given, measured by a probe, or documented
held_against  all of it against the gates
prepare       parameters in, a verdict out; the clock and the network end there
"""

from .prepare import Readiness, Steady, prepare_migration

__all__ = ["Readiness", "Steady", "prepare_migration"]
