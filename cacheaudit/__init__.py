"""Why did the prompt-cache bill spike? Audit notebooks that try every rival cause.

usage     = cacheaudit.read_usage("usage.parquet")   # or .csv, in the frame's own columns
usage     = cacheaudit.fetch_usage(params)           # any source
requests  = cacheaudit.read_requests("log/*.parquet")  # one row per call, in any of nine formats
diagnosis = cacheaudit.diagnose(usage, requests=requests)
bridge    = cacheaudit.explain_cost(usage, before=(t0, t1), after=(t2, t3))
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .bars import Bars
    from .bridge import Bridge, explain_cost
    from .diagnosis import Diagnosis, diagnose
    from .logs.opening import read_requests
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

_ROOMS = {
    "Bars": "bars",
    "Bridge": "bridge",
    "Diagnosis": "diagnosis",
    "PostmortemParams": "params",
    "check_prices": "price_table",
    "check_usage": "schema",
    "diagnose": "diagnosis",
    "explain_cost": "bridge",
    "fetch_usage": "sources",
    "read_prices": "sources.tables",
    "read_requests": "logs.opening",
    "read_usage": "sources.frame",
}


def __getattr__(name: str) -> Any:
    """A public name from its room, when it is first asked for: a short command pays for no more."""
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_ROOMS[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_ROOMS})
