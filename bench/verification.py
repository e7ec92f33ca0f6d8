"""How often a verification is right: planted incidents, repaired in full, by half, or not at all.

Requests are drawn and an honest cache decides (cacheaudit/history.py); then a share of what one
cohort reads is written instead, from the start of the incident on. Of each seed there is one
postmortem, made before the repair, and three worlds after it. Prints, by days since the repair,
the share of each verdict. Run: `python -m bench.verification [FIRST_SEED] [SEEDS]`.
"""

import sys
from collections import Counter

import numpy as np
import pandas as pd

from cacheaudit.diagnosis import diagnose
from cacheaudit.findings import incident_dict, plain_values
from cacheaudit.history import Cohort, Version, hourly, planted_migration
from cacheaudit.schema import check_usage
from cacheaudit.verification import judge

START = pd.Timestamp("2026-05-04", tz="UTC")  # a Monday
MODEL = Version(model="claude-sonnet-4-5-20250929", minimum_tokens=1024)
LOOKS_DAYS = (0.5, 1.0, 1.25, 2.0, 4.0)
REPAIRED = {"in full": 0.0, "by half": 0.5, "not at all": 1.0}


def cohorts(rng: np.random.Generator) -> tuple[Cohort, ...]:
    """Two to four cohorts of any size and pace; the first one falls."""
    return tuple(
        Cohort(
            scope=f"team-{n}", route="gateway", versions=((START, MODEL),),
            prefixes=int(rng.integers(3, 17)), prefix_tokens=int(rng.integers(1100, 12000)),
            touches_per_ttl=float(rng.uniform(0.5, 3.5)),
            uncached_tokens=int(rng.integers(50, 2000)),
        )
        for n in range(int(rng.integers(2, 5)))
    )  # fmt: skip


def spoilt(
    usage: pd.DataFrame, share: float, since: pd.Timestamp, until: pd.Timestamp
) -> pd.DataFrame:
    """*share* of what the first cohort reads in [since, until) is written instead."""
    late = (usage["bucket_end"] > since) & (usage["bucket_end"] <= until)
    late &= usage["scope"] == "team-0"
    lost = (usage["cache_read_tokens"].astype(float) * share).round().where(late, 0).astype("Int64")
    return check_usage(
        usage.assign(
            cache_read_tokens=usage["cache_read_tokens"] - lost,
            cache_write_5m_tokens=usage["cache_write_5m_tokens"] + lost,
        )
    )


def trial(seed: int) -> list[tuple[str, float, str]]:
    """(repaired, days since, verdict) of one seed; empty where no postmortem saw the incident."""
    rng = np.random.default_rng(seed)
    began = START + pd.Timedelta(days=float(rng.uniform(7, 12)))
    fixed = began + pd.Timedelta(days=float(rng.uniform(1, 5)))
    share = float(rng.uniform(0.05, 1.0))
    end = (fixed + pd.Timedelta(days=5)).ceil("D")
    quiet = hourly(planted_migration(cohorts(rng), (START, end), seed))
    past = spoilt(quiet, share, began, fixed)
    past = past[past["bucket_end"] <= fixed].reset_index(drop=True)
    top = diagnose(past).costliest
    if top is None or [c.scope for c in top.case.affected] != ["team-0"]:
        return []
    told = [
        {"scope": c.scope, "route": c.route, "affected": c in top.case.affected,
         "baseline_of": [{"scope": s, "route": r} for s, r in c.heirs_of],
         "before": c.rate_before, "after": c.rate_after}
        for c in (*top.case.affected, *top.case.spared)
    ]  # fmt: skip
    one = plain_values({"incident": incident_dict(top.incident), "cohorts": told, "pattern": "",
                        "recovery": None, "run_rate": None})  # fmt: skip
    found = []
    for name, part in REPAIRED.items():
        world = spoilt(spoilt(quiet, share, began, fixed), share * part, fixed, end)
        for days in LOOKS_DAYS:
            seen = world[world["bucket_start"] >= (fixed - pd.Timedelta("1D")).floor("D")]
            seen = seen[seen["bucket_end"] <= fixed + pd.Timedelta(days=days)]
            verdict = judge(one, past, seen, fixed_at=fixed, at_share=0.9).verdict
            found.append((name, days, verdict))
    return found


def main() -> None:
    """Print the table."""
    first = int(sys.argv[1]) if len(sys.argv) > 1 else 81_000
    seeds = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    results = [trial(seed) for seed in range(first, first + seeds)]
    counts = Counter(row for rows in results for row in rows)
    judged = sum(bool(rows) for rows in results)
    print(f"{judged} of {seeds} incidents have a postmortem that names the cohort")
    print(f"{'repaired':12} {'days':>5} {'closed':>8} {'not yet':>8} {'open':>8}")
    for name in REPAIRED:
        for days in LOOKS_DAYS:
            parts = [counts[name, days, v] / max(1, judged)
                     for v in ("closed", "not_yet_known", "still_open")]  # fmt: skip
            print(f"{name:12} {days:5} " + " ".join(f"{100 * p:7.1f}%" for p in parts))


if __name__ == "__main__":
    main()
