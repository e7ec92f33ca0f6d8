"""Is the data fit to judge? What is missing, unreported, partial, lost, doubled or still arriving.

Notes of severity `unfit` stop the diagnosis; `blind` ones say where an incident may hide, so that
finding none means nothing; the others are printed where the reader decides.

    reported, coverage   what a usage frame reports, and which time it covers
    lost                 fields that vanish, values that cannot be
    doubled, inclusive   tokens that count twice
    logs, charges        what a request log and a bill say of the same days
    entries, reconciled  what is odd about a bill, and whether it settles the money
"""

from .bill import charged_by_day, cost_table
from .charges import reconcile_cost
from .check import check_quality
from .coverage import settled
from .logs import reconcile
from .note import QualityNote
from .reconciled import Reconciliation, reconciliation

__all__ = [
    "QualityNote",
    "Reconciliation",
    "charged_by_day",
    "check_quality",
    "cost_table",
    "reconcile",
    "reconcile_cost",
    "reconciliation",
    "settled",
]
