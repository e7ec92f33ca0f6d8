"""Prometheus alert rules over the exported series, with the thresholds of the gates.

The form is that of https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/ (read
2026-11). A rule compares the upper limit of the rate, so that thin traffic alone does not ring; the
gates themselves, which look longer, have a rule of their own.
"""

from typing import Any

import yaml

from ..gates import GateBars
from ..words import NBSP, share, span
from .series import (
    BASELINE,
    CUTOVER,
    DATA_END,
    FULL,
    HIT_RATE_HIGH,
    PREFIX,
    REPORTING,
    STANDS,
    Series,
)

WHO = "{{ $labels.scope }} {{ $labels.route }} on {{ $labels.model }}"


def alert_text(bars: GateBars) -> str:
    """The rules as YAML."""
    return yaml.safe_dump(alert_rules(bars), sort_keys=False, allow_unicode=True, width=10_000)


def alert_rules(bars: GateBars) -> dict[str, Any]:
    """One group of rules."""
    window_s, recovery_s = bars.rollout_window_hours * 3600, bars.recovery_hours * 3600
    return {
        "groups": [
            {
                "name": "cacheaudit",
                "rules": [
                    _rule(
                        "CacheRolloutBelowBar",
                        _below(bars.rollout_window_share, CUTOVER, window_s),
                        "1h",
                        "page",
                        f"{WHO}: the hit rate is below {share(bars.rollout_window_share)} of its"
                        f" baseline {span(window_s)} after the cutover.",
                    ),
                    _rule(
                        "CacheNotRecovered",
                        _below(bars.recovered_at_share, FULL, recovery_s),
                        "1h",
                        "page",
                        f"{WHO}: the hit rate is below {share(bars.recovered_at_share)} of its"
                        f" baseline {span(recovery_s)} after the full cutover. A cold start is over"
                        " after one lifetime: run cacheaudit postmortem.",
                    ),
                    _rule(
                        "CacheGateFailed",
                        f'{_name(STANDS)}{{standing="fail"}} == 1',
                        "0m",
                        "ticket",
                        f"{WHO}: the gate {{{{ $labels.gate }}}} failed.",
                    ),
                    _rule(
                        "CacheFieldsMissing",
                        f"{_name(REPORTING)} < {bars.telemetry_share:g}",
                        "1h",
                        "ticket",
                        f"Fewer than {share(bars.telemetry_share)} of the requests report cache"
                        " fields; the hit rate is that of the others.",
                    ),
                    _rule(
                        "CacheWatchStale",
                        f"time() - {_name(DATA_END)} > {window_s:g} or absent({_name(DATA_END)})",
                        "1h",
                        "ticket",
                        f"The data of the watch ends more than {span(window_s)} ago, or nothing is"
                        " exported.",
                    ),
                ],
            }
        ]
    }


def _below(share_of_baseline: float, since: Series, after_s: float) -> str:
    """Surely below a share of the baseline, and so long after *since*."""
    return (
        f"{_name(HIT_RATE_HIGH)} < {share_of_baseline:g} * {_name(BASELINE)}"
        f" and (time() - {_name(since)}) > {after_s:g}"
    )


def _rule(name: str, expr: str, lasting: str, severity: str, summary: str) -> dict[str, Any]:
    return {
        "alert": name,
        "expr": expr,
        "for": lasting,
        "labels": {"severity": severity},
        "annotations": {"summary": summary.replace(NBSP, " ")},
    }


def _name(series: Series) -> str:
    return PREFIX + series.name
