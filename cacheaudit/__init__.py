"""Why did the prompt-cache bill spike? Audit notebooks that try every rival cause.

usage     = cacheaudit.read_usage("usage.parquet")   # or .csv, in the frame's own columns
usage     = cacheaudit.fetch_usage(params)           # any source
requests  = cacheaudit.read_requests("log/*.parquet")  # one row per call; optional
diagnosis = cacheaudit.diagnose(usage, requests=requests)
bridge    = cacheaudit.explain_cost(usage, before=(t0, t1), after=(t2, t3))
"""

from .bars import Bars
from .bridge import Bridge, explain_cost
from .diagnosis import Diagnosis, diagnose
from .engine import read_requests
from .params import PostmortemParams
from .price_table import check_prices
from .schema import check_usage
from .sources import fetch_usage
from .sources.frame import read_usage
from .sources.tables import read_prices

__all__ = [
    "Bars",
    "Bridge",
    "Diagnosis",
    "PostmortemParams",
    "check_prices",
    "check_usage",
    "diagnose",
    "explain_cost",
    "fetch_usage",
    "read_prices",
    "read_requests",
    "read_usage",
]
