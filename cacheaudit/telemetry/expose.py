"""A rollout as OpenMetrics text for a scraper, and as one line of JSON for a log."""

import json
from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector

from ..rollout import Rollout
from .series import ALL, COHORT, PREFIX, cohort_labels, samples


def metrics_text(rollout: Rollout) -> str:
    """OpenMetrics text. All are gauges, so that readers of the older text format take it, too."""
    registry = CollectorRegistry()
    registry.register(_Seen(rollout))
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return text.decode("utf-8")


class _Seen(Collector):
    """The families of one rollout, in the order of series.ALL."""

    def __init__(self, rollout: Rollout) -> None:
        self.rollout = rollout

    def collect(self) -> Iterator[GaugeMetricFamily]:
        known = list(samples(self.rollout))
        for series in ALL:
            family = GaugeMetricFamily(PREFIX + series.name, series.help, labels=series.labels)
            for one, labels, value in known:
                if one is series:
                    family.add_metric(labels, value)
            if family.samples:
                yield family


def json_line(rollout: Rollout) -> str:
    """The same as one line, with a newline at its end; what is not known is null."""
    document: dict[str, Any] = {
        "kind": "cacheaudit.rollout",
        "until": rollout.until.isoformat(),
        "verdict": rollout.verdict,
        "measure": rollout.measure,
        "reporting_share": rollout.telemetry.value,
        "cohorts": [
            {
                **dict(zip(COHORT, cohort_labels(group), strict=True)),
                "start": group.start.isoformat(),
                "full": None if group.full is None else group.full.isoformat(),
                "hit_rate": None if group.recent is None else group.recent.rate,
                "hit_rate_low": None if group.recent is None else group.recent.low,
                "hit_rate_high": None if group.recent is None else group.recent.high,
                "baseline_hit_rate": None if group.recent is None else group.recent.usual,
                "write_share": group.write_share,
                "uncached_share": group.uncached_share,
                "gates": {
                    gate.name: {"standing": gate.standing, "value": gate.value, "bar": gate.bar}
                    for gate in group.gates
                },
            }
            for group in rollout.groups
        ],
    }
    return json.dumps(document, allow_nan=False, ensure_ascii=False) + "\n"
