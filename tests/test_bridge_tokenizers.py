"""A tokenizer's ratio out of a request log."""

import pandas as pd
import pytest

from cacheaudit.bridge.tokenizers import measured
from cacheaudit.engine import as_table
from cacheaudit.events import VersionChange
from tests.planted import OPUS, SONNET, at

CHANGE = VersionChange(
    provider="anthropic", scope=None, route=None, from_model=SONNET, to_model=OPUS,
    start=at(1), start_high=at(1), end=at(1), share=1.0, returned=False,
)  # fmt: skip


def log(*calls: tuple[str, str | None, int | None]) -> pd.DataFrame:
    """Calls of (model, prefix, its tokens)."""
    table = pd.DataFrame(calls, columns=["model", "prefix_id", "prefix_tokens"])
    return table.assign(
        ts=at(0) + pd.to_timedelta(range(len(table)), unit="min"),
        provider="anthropic",
        uncached_input_tokens=10,
        cache_read_tokens=0,
        output_tokens=5,
    )


def test_prefixes_that_both_versions_were_sent_give_the_ratio():
    """A prefix in use all day weighs once; one that is new on the new version says nothing."""
    calls = [(SONNET, "a", 1000)] * 50 + [(SONNET, "b", 3000), (OPUS, "a", 1300), (OPUS, "b", 3900)]
    found = measured(as_table(log(*calls, (OPUS, "c", 9000))), CHANGE)

    assert found.ratio == pytest.approx(1.3)
    assert found.prefixes == 2


def test_without_a_prefix_in_common_there_is_no_ratio():
    assert measured(as_table(log((SONNET, "a", 1000), (OPUS, "b", 1300))), CHANGE) is None


def test_a_log_that_names_no_prefixes_has_no_ratio():
    assert measured(as_table(log((SONNET, None, None), (OPUS, None, None))), CHANGE) is None
