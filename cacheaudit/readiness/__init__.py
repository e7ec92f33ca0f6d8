"""Is a migration ready: what is known of both versions, the plans, the gates, the verdict.

known         given, measured by a probe, or documented
held_against  all of it against the gates
forecast      a log replayed: both versions in the long run, and the plans
at_stake      how long what is cached is, counted in a log
prepare       parameters in, a verdict out; the clock and the network end there
"""

from .forecast import Steady
from .prepare import Readiness, prepare_migration

__all__ = ["Readiness", "Steady", "prepare_migration"]
