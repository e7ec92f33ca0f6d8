"""A diagnosis with its request log on a server is the one with the log in a frame."""

import pytest

from cacheaudit.diagnosis import diagnose
from tests.engines.hostile import in_postgres, in_spark
from tests.engines.postgres import ZONE
from tests.test_diagnosis_log import thinned

STORIES = {
    "serving.log": ("identified", ("model.serving",)),
    "history_rewritten.log_no_reason": (
        "narrowed",
        ("client.history_rewritten", "client.lookback_overflow", "client.parameter_changed"),
    ),
}


def plain(value: object) -> object:
    """*value* with NaN as something that equals itself."""
    if isinstance(value, dict):
        return {key: plain(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return "NaN" if value != value else value


@pytest.fixture(scope="module", params=STORIES)
def told(request):
    """A story, and what is found with its log in a frame."""
    planted = thinned(request.param, 21 if request.param == "serving.log" else 22)
    found = diagnose(planted.usage, planted.events, planted.requests, planted.cost)
    assert (found.verdict, found.leading) == STORIES[request.param]
    assert "Request log" in str(found.to_dict())
    return planted, found


def test_the_diagnosis_is_the_same_on_postgres(told, postgres):
    """Verdict, causes, every sentence of evidence, and every number."""
    planted, expected = told
    table = in_postgres(planted.requests, postgres, ZONE)

    found = diagnose(planted.usage, planted.events, table, planted.cost)

    assert plain(found.to_dict()) == plain(expected.to_dict())


@pytest.mark.parametrize("told", ["history_rewritten.log_no_reason"], indirect=True)
def test_the_diagnosis_is_the_same_on_spark(told, spark):
    """Not of a move: live_prefixes is held to DuckDB's in test_same_frames, on fewer calls."""
    planted, expected = told
    table = in_spark(planted.requests, spark, ZONE)

    found = diagnose(planted.usage, planted.events, table, planted.cost)

    assert plain(found.to_dict()) == plain(expected.to_dict())
