"""A Grafana dashboard over the exported series, with the bars of the gates drawn in.

The fields are those of https://grafana.com/docs/grafana/latest/visualizations/dashboards/
build-dashboards/view-dashboard-json-model/ (read 2026-11); the data source is chosen on import.
"""

import json
from typing import Any

from ..gates import GateBars
from ..words import NBSP, share, span
from .series import (
    BASELINE,
    CUTOVER,
    FULL,
    HIT_RATE,
    HIT_RATE_HIGH,
    HIT_RATE_LOW,
    PREFIX,
    REPORTING,
    STANDS,
    UNCACHED_SHARE,
    WRITE_SHARE,
    Series,
)

SCHEMA_VERSION = 39
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WHO = "{{scope}} {{route}} {{model}}"
WIDE, HIGH = 12, 8  # of a grid of 24 columns


def dashboard_text(bars: GateBars) -> str:
    """The dashboard as JSON, to be imported."""
    return json.dumps(dashboard(bars), indent=1) + "\n"


def dashboard(bars: GateBars) -> dict[str, Any]:
    """Rates beside baseline and bars, shares, gates, cache fields, hours since the cutover."""
    half, back = bars.rollout_window_share, bars.recovered_at_share
    since = f"(time() - {_of(CUTOVER)}) / 3600"
    panels = [
        _panel(
            "Hit rate after the cutover",
            [
                (_of(HIT_RATE), f"{WHO}"),
                (_of(HIT_RATE_LOW), f"{WHO}, lower limit"),
                (_of(HIT_RATE_HIGH), f"{WHO}, upper limit"),
                (_of(BASELINE), f"{WHO}, baseline"),
                (f"{half:g} * {_of(BASELINE)}", f"{WHO}, {_plain(half)} of the baseline"),
                (f"{back:g} * {_of(BASELINE)}", f"{WHO}, {_plain(back)} of the baseline"),
            ],
        ),
        _panel(
            "Written and uncached share of the input",
            [(_of(WRITE_SHARE), f"{WHO}, written"), (_of(UNCACHED_SHARE), f"{WHO}, uncached")],
        ),
        _panel(
            "Gates (1: this is its standing)",
            [(f"{PREFIX}{STANDS.name}{_matching()} == 1", f"{WHO} {{{{gate}}}}: {{{{standing}}}}")],
            unit="short", kind="state-timeline",
        ),
        _panel(
            f"Requests that report cache fields (bar {_plain(bars.telemetry_share)})",
            [(PREFIX + REPORTING.name, "reporting")], bar=bars.telemetry_share,
        ),
        _panel(
            f"Hours since the cutover (rollout window {_hours(bars.rollout_window_hours)},"
            f" recovery {_hours(bars.recovery_hours)})",
            [(since, WHO), (f"(time() - {_of(FULL)}) / 3600", f"{WHO}, full cutover")], unit="h",
        ),
    ]  # fmt: skip
    return {
        "title": "Prompt cache after a cutover",
        "uid": "cacheaudit-rollout",
        "tags": ["cacheaudit"],
        "schemaVersion": SCHEMA_VERSION,
        "timezone": "utc",
        "editable": True,
        "refresh": "5m",
        "time": {"from": "now-7d", "to": "now"},
        "templating": {"list": [_source_variable(), _scope_variable()]},
        "annotations": {"list": []},
        "panels": [
            {**panel, "id": n + 1, "gridPos": {"x": n % 2 * WIDE, "y": n // 2 * HIGH, "w": WIDE,
                                               "h": HIGH}}
            for n, panel in enumerate(panels)
        ],
    }  # fmt: skip


def _panel(
    title: str, targets: list[tuple[str, str]], *, unit: str = "percentunit",
    kind: str = "timeseries", bar: float | None = None,
) -> dict[str, Any]:  # fmt: skip
    steps: list[dict[str, Any]] = [{"color": "blue", "value": None}]
    if bar is not None:
        steps = [{"color": "red", "value": None}, {"color": "blue", "value": bar}]
    field: dict[str, Any] = {"unit": unit, "thresholds": {"mode": "absolute", "steps": steps}}
    if bar is not None:
        field["custom"] = {"thresholdsStyle": {"mode": "line"}}
    if unit == "percentunit":
        field |= {"min": 0, "max": 1}
    return {
        "type": kind,
        "title": title,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": field, "overrides": []},
        "options": {},
        "targets": [
            {"refId": chr(ord("A") + n), "expr": expr, "legendFormat": legend, "datasource": SOURCE}
            for n, (expr, legend) in enumerate(targets)
        ],
    }


def _source_variable() -> dict[str, Any]:
    return {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Source"}


def _scope_variable() -> dict[str, Any]:
    return {
        "name": "scope", "type": "query", "label": "Workspace", "datasource": SOURCE,
        "query": f"label_values({PREFIX}{BASELINE.name}, scope)", "includeAll": True, "multi": True,
        "allValue": ".*", "refresh": 2, "current": {"text": "All", "value": "$__all"},
    }  # fmt: skip


def _of(series: Series) -> str:
    return f"{PREFIX}{series.name}{_matching()}"


def _matching() -> str:
    return '{scope=~"$scope"}'


def _plain(value: float) -> str:
    return share(value).replace(NBSP, " ")


def _hours(hours: float) -> str:
    return span(hours * 3600)
