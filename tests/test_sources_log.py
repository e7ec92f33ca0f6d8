"""A request log as the only source."""

import json

import pandas as pd
import pytest

from cacheaudit.errors import EmptyWindow, ParamError, SourceError
from cacheaudit.findings import findings_of
from cacheaudit.metrics import overall_metrics
from cacheaudit.params import PostmortemParams
from cacheaudit.postmortem import investigate
from cacheaudit.report.terminal import triage
from cacheaudit.sources import fetch


def transcript(path, hours=48):
    """Calls of one session a quarter of an hour apart; each stands twice, as transcripts do."""
    start = pd.Timestamp("2026-09-01T00:00Z")
    with path.open("w", encoding="utf-8") as lines:
        for i in range(hours * 4):
            usage = {"input_tokens": 10, "cache_read_input_tokens": 900,
                     "cache_creation_input_tokens": 90, "output_tokens": 50}  # fmt: skip
            line = {
                "type": "assistant",
                "timestamp": (start + i * pd.Timedelta("15min")).isoformat(),
                "sessionId": "s1",
                "requestId": f"req_{i}",
                "message": {"id": f"msg_{i}", "model": "claude-opus-4-6", "usage": usage},
            }
            lines.write(json.dumps(line) + "\n" + json.dumps(line) + "\n")
    return PostmortemParams(source="log", path=str(path), name="log")


def test_usage_is_counted_from_the_calls_each_once(tmp_path):
    pull = fetch(transcript(tmp_path / "s1.jsonl"))

    assert pull.usage["requests"].sum() == 192
    assert overall_metrics(pull.usage)["hit_rate"] == 0.9
    assert pull.source == "request log: Claude Code transcripts"
    assert any("384 lines are 192 calls" in note for note in pull.notes)
    assert any("past it" in note for note in pull.notes)


@pytest.mark.slow
def test_the_log_serves_the_causes_too(tmp_path):
    found = investigate(transcript(tmp_path / "s1.jsonl"))

    assert found.log is not None
    assert found.diagnosis.verdict == "no_incident"
    assert "384 lines are 192 calls" in " ".join(triage(found).split())
    assert findings_of(found)["log"]["format"] == "Claude Code transcripts"


def test_a_window_cuts_calls_and_an_empty_one_is_said(tmp_path):
    params = transcript(tmp_path / "s1.jsonl")
    day = fetch(PostmortemParams(source="log", path=params.path, end="2026-09-02"))

    assert day.usage["requests"].sum() == 96
    with pytest.raises(EmptyWindow, match="no call lies in the window"):
        fetch(PostmortemParams(source="log", path=params.path, start="2026-10-01"))


def test_without_a_path_or_a_log_it_says_what_to_do(tmp_path):
    with pytest.raises(ParamError, match="path is empty"):
        fetch(PostmortemParams(source="log"))
    (tmp_path / "notes.jsonl").write_text('{"a": 1}\n', "utf-8")
    with pytest.raises(SourceError, match="nothing in it is known"):
        fetch(PostmortemParams(source="log", path=str(tmp_path / "notes.jsonl")))


@pytest.mark.slow
def test_names_reach_the_log_as_they_reach_the_usage(tmp_path):
    path = tmp_path / "calls.jsonl"
    rows = [
        {"ts": f"2026-09-01T{h:02}:00:00Z", "provider": "anthropic", "model": "m", "scope": "w1",
         "route": "k1", "cache_read_tokens": 9, "uncached_input_tokens": 1}
        for h in range(24)
    ]  # fmt: skip
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", "utf-8")
    names = {"w1": "support", "k1": "gateway", "m": "claude-opus-5"}
    found = investigate(PostmortemParams(source="log", path=str(path), names=names))

    assert set(found.usage["scope"]) == {"support"}
    assert set(found.usage["model"]) == {"claude-opus-5"}
    assert found.requests.scope.execute().unique().tolist() == ["support"]
    assert found.requests.route.execute().unique().tolist() == ["gateway"]
    assert found.requests.model.execute().unique().tolist() == ["claude-opus-5"]


@pytest.mark.real_data
def test_the_public_transcripts_are_899_calls_and_97_39_per_cent(real_data):
    path = real_data / "logs" / "claude_code.jsonl.gz"
    pull = fetch(PostmortemParams(source="log", path=str(path)))

    assert pull.usage["requests"].sum() == 899
    assert overall_metrics(pull.usage)["hit_rate"] == pytest.approx(0.9739, abs=5e-5)
