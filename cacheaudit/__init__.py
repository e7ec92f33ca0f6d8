"""Why did the prompt-cache bill spike? Audit notebooks that try every rival cause.

usage     = cacheaudit.read_usage("usage.parquet")   # or .csv, in the frame's own columns
usage     = cacheaudit.fetch_usage(params)           # any source
requests  = cacheaudit.read_requests("log/*.parquet")  # one row per call; optional
diagnosis = cacheaudit.diagnose(usage, requests=requests)
"""

from .bars import Bars
from .diagnosis import Diagnosis, diagnose
from .engine import read_requests
from .params import PostmortemParams
from .schema import check_usage
from .sources import fetch_usage
from .sources.frame import read_usage

__all__ = [
    "Bars",
    "Diagnosis",
    "PostmortemParams",
    "check_usage",
    "diagnose",
    "fetch_usage",
    "read_requests",
    "read_usage",
]
