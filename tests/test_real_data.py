"""Public real data: right totals, the known incident, and no version accused."""

import re

import pandas as pd
import pytest

from cacheaudit.findings import findings_of
from cacheaudit.params import PostmortemParams
from cacheaudit.postmortem import investigate
from cacheaudit.report.cell import show
from cacheaudit.report.money import money
from cacheaudit.report.supporting import supporting
from tests.conftest import ROOT

pytestmark = pytest.mark.real_data
NOW = pd.Timestamp("2026-11-23", tz="UTC")


@pytest.fixture
def client_incident(real_data, tmp_path, monkeypatch):
    """The incident of 1 April 2026, by the step that docs/SOURCES.md documents."""
    docs = (ROOT / "docs" / "SOURCES.md").read_text(encoding="utf-8")
    (step,) = [b for b in re.findall(r"```python\n(.*?)```", docs, re.S) if "incident_hourly" in b]
    hours = (real_data / "incidents" / "inc01_arknill_hourly_2026-04.csv").read_bytes()
    (tmp_path / "incident_hourly.csv").write_bytes(hours)
    monkeypatch.chdir(tmp_path)
    exec(step, {})
    return investigate(PostmortemParams(source="frame", path="usage.csv"), now=NOW)


def test_the_client_incident_is_dated_and_no_version_is_accused(client_incident):
    top = client_incident.diagnosis.costliest
    start = pd.Timestamp("2026-04-01 05:00", tz="UTC")

    assert abs(top.incident.start - start) <= pd.Timedelta("1h")
    assert top.recovery.recovered_at == pd.Timestamp("2026-04-01 09:00", tz="UTC")
    assert top.verdict == "narrowed"
    assert not any(cause.startswith(("model.", "rollout.")) for cause in top.leading)
    assert "client.history_rewritten" in top.leading  # the accepted cause is not excluded


def test_the_client_incident_says_what_its_table_cannot_tell(client_incident):
    findings = findings_of(client_incident)
    notes = {note["id"] for note in findings["data_quality"]}

    assert findings["incident"]["measure"] == "read_share_of_cached"
    assert findings["metrics"]["hit_rate"] is None
    assert {"empty_buckets", "no_uncached", "no_requests"} <= notes
    assert findings["excess_usd"]["value"] is None


def test_a_console_cost_export_adds_up_and_is_called_unfit_for_a_verdict(real_data):
    path = real_data / "admin" / "anthropic_console_cost.csv"
    postmortem = investigate(PostmortemParams(source="console", path=str(path)), now=NOW)
    text = show(*money(postmortem)).to_text()

    assert findings_of(postmortem)["cost"]["billed_usd"] == pytest.approx(190.34)
    assert postmortem.diagnosis.verdict == "unfit_data"
    assert "2026-06-23  no rows" in re.sub(r" {2,}", "  ", text)


def test_thirty_one_real_days_have_their_tokens_and_no_incident(real_data):
    path = real_data / "admin" / "openai_usage_completions_real_org_31buckets.json"
    postmortem = investigate(
        PostmortemParams(source="openai", path=str(path), bucket="1d"), now=NOW
    )
    findings = findings_of(postmortem)
    days = show(*supporting(postmortem)).to_text()

    assert findings["verdict"] == "no_incident"
    assert findings["metrics"]["input_tokens"] == 16_951_009
    assert {"empty_buckets", "partial_buckets", "no_model"} <= {
        n["id"] for n in findings["data_quality"]
    }
    assert len(re.findall(r"^\d{4}-\d\d-\d\d +no rows", days, re.M)) == 5
    assert days.count("(partial)") == 2
    assert findings["cost"]["unpriced"][0]["model"] is None
