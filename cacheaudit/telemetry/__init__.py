"""A rollout for machines, with the thresholds of its gates: metrics, rules, a dashboard. Pure.

    series      what is exported: names, labels, values
    expose      the same as OpenMetrics text, and as one line of JSON
    alerts      Prometheus rules over the series
    dashboard   a Grafana dashboard over the series

Nothing unknown is exported: a series that is absent says so, and a 0 would not.
"""

from .alerts import alert_rules, alert_text
from .dashboard import dashboard, dashboard_text
from .expose import json_line, metrics_text

__all__ = [
    "alert_rules", "alert_text", "dashboard", "dashboard_text", "json_line", "metrics_text",
]  # fmt: skip
