"""Why did the prompt-cache bill spike? Audit notebooks that try every rival cause.

usage     = cacheaudit.read_usage("usage.parquet")   # or .csv, in the frame's own columns
usage     = cacheaudit.fetch_usage(params)           # any source
requests  = cacheaudit.read_requests("log/*.parquet")  # one row per call, in any of nine formats
diagnosis = cacheaudit.diagnose(usage, requests=requests)
bridge    = cacheaudit.explain_cost(usage, before=(t0, t1), after=(t2, t3))
rollout   = cacheaudit.watch(usage, cutover=T)       # is what moved back, and in time
result    = cacheaudit.probe(candidates, prompts, budget_usd=1.0, execute=False)  # sends nothing
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .bars import Bars
    from .bridge import Bridge, explain_cost
    from .diagnosis import Diagnosis, diagnose
    from .gates import GateBars
    from .logs.opening import read_requests
    from .params import PostmortemParams
    from .planning import Migration, Plans, compare_plans
    from .price_table import check_prices
    from .probe_params import ProbeParams
    from .probing.candidate import Candidate
    from .probing.measure import Probe, probe
    from .prompts import read_prompts
    from .replaying import Cutover, Outcome, Prefill, Rules, replay
    from .rollout import Rollout, watch
    from .rollout_params import WeeklyParams
    from .schema import check_usage
    from .sources import fetch_usage
    from .sources.frame import read_usage
    from .sources.tables import read_prices

__all__ = [
    "Bars",
    "Bridge",
    "Candidate",
    "Cutover",
    "Diagnosis",
    "GateBars",
    "Migration",
    "Outcome",
    "Plans",
    "PostmortemParams",
    "Prefill",
    "Probe",
    "ProbeParams",
    "Rollout",
    "Rules",
    "WeeklyParams",
    "check_prices",
    "check_usage",
    "compare_plans",
    "diagnose",
    "explain_cost",
    "fetch_usage",
    "probe",
    "read_prices",
    "read_prompts",
    "read_requests",
    "read_usage",
    "replay",
    "watch",
]

_ROOMS = {
    "Bars": "bars",
    "Bridge": "bridge",
    "Candidate": "probing.candidate",
    "Cutover": "replaying",
    "Diagnosis": "diagnosis",
    "GateBars": "gates",
    "Migration": "planning",
    "Outcome": "replaying",
    "Plans": "planning",
    "PostmortemParams": "params",
    "Prefill": "replaying",
    "Probe": "probing.measure",
    "ProbeParams": "probe_params",
    "Rollout": "rollout",
    "Rules": "replaying",
    "WeeklyParams": "rollout_params",
    "check_prices": "price_table",
    "check_usage": "schema",
    "compare_plans": "planning",
    "diagnose": "diagnosis",
    "explain_cost": "bridge",
    "fetch_usage": "sources",
    "probe": "probing.measure",
    "read_prices": "sources.tables",
    "read_prompts": "prompts",
    "read_requests": "logs.opening",
    "read_usage": "sources.frame",
    "replay": "replaying",
    "watch": "rollout",
}


def __getattr__(name: str) -> Any:
    """A public name from its room, when it is first asked for: a short command pays for no more."""
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_ROOMS[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_ROOMS})
