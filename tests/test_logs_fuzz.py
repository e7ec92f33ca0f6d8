"""Whatever is damaged in a log, each line is read right, counted as skipped, or refused.

The claim and its oracle are in tests/fuzz. A failure prints the campaign, the kind of log and the
seed, and `python bench/fuzz.py --again CAMPAIGN KIND SEED` runs that log once more. Here the seeds
are the same in each run; the bench draws new ones.
"""

import json
import random
import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cacheaudit.engine import read_requests, rollup
from cacheaudit.errors import SourceError
from cacheaudit.logs.formats import FORMATS
from cacheaudit.logs.table import read_log
from cacheaudit.sources.litellm_daily import daily_usage
from tests.conftest import ROOT
from tests.fuzz import CAMPAIGNS
from tests.fuzz.damage import paths
from tests.fuzz.files import odd_at
from tests.fuzz.formats import KINDS
from tests.fuzz.kind import Spent
from tests.fuzz.tables import billed, day

SECONDS = 0.4  # of one campaign, about
SEEDS = st.integers(0, 2**32 - 1)


@pytest.mark.slow
@pytest.mark.parametrize("campaign", CAMPAIGNS, ids=lambda campaign: campaign.name)
def test_no_damage_makes_a_log_silently_less(campaign):
    @settings(
        derandomize=True,
        deadline=None,
        database=None,
        max_examples=max(30, int(SECONDS / campaign.seconds)),
    )
    @given(kind=st.sampled_from(campaign.kinds), seed=SEEDS)
    def holds(kind, seed):
        campaign.once(kind, seed)

    holds()


@pytest.mark.parametrize("name", KINDS)
def test_every_odd_value_at_every_place_of_a_record(name, tmp_path):
    for place in paths(KINDS[name].call(1, spent())):
        assert odd_at(name, place, random.Random(1), tmp_path).how in ("read", "skipped"), place


@pytest.mark.parametrize("name", KINDS)
def test_damage_meets_every_kind_of_log_and_most_of_each_is_judged(name):
    """A fuzz that leaves everything out, or whose logs are all refused, would prove nothing."""
    lines = next(campaign for campaign in CAMPAIGNS if campaign.name == "lines")

    became = [lines.once(name, seed) for seed in range(120)]

    hows = Counter(outcome.how for outcome in became)
    assert hows["read"] + hows["skipped"] > 110, hows
    assert hows["skipped"] >= 20, hows
    assert sum(outcome.calls for outcome in became) > 300


def test_every_format_has_a_kind_of_log_in_the_fuzz():
    assert {kind.reader for kind in KINDS.values()} == set(FORMATS)


def test_every_format_has_its_section_in_sources():
    """`own` is the request table itself, whose section has the name that people know it by."""
    text = (ROOT / "docs" / "SOURCES.md").read_text(encoding="utf-8")
    table = text.partition("## Log formats")[2].partition("###")[0]
    rows = dict(re.findall(r"^\| \[`(\w+)`\]\(#([\w-]+)\) \|", table, re.M))
    sections = {re.sub(r"\s+", "-", s.lower()) for s in re.findall(r"^##+ (.+)$", text, re.M)}

    assert set(rows) | {"own"} == set(FORMATS)
    assert set(rows.values()) | {"request-log"} <= sections


# found by the fuzz


def test_a_count_that_the_table_cannot_hold_costs_its_line_and_not_the_log(tmp_path):
    calls = [KINDS["own"].call(number, spent()) for number in range(1, 4)]
    calls[1]["cache_read_tokens"] = 2 * 10**15
    path = tmp_path / "own.jsonl"
    path.write_text("\n".join(map(json.dumps, calls)), encoding="utf-8")

    log = read_log(path, max_loss=0.5)

    assert log.calls == 2
    assert "cache_read_tokens is beyond 10^15 (1 times, first at own.jsonl line 2)" in log.notes[0]


@pytest.mark.parametrize(("text", "rows"), [(b"%s\r}\n", 1), (b"%s}\r", 1), (b"%s}\r\n%s}\r\n", 2)])
def test_a_lone_return_in_or_behind_an_object_is_a_blank(tmp_path, text, rows):
    """RFC 8259, section 2. The engine and what it is judged by must say the same of it."""
    call = {"ts": "2026-03-01T12:00:01Z", "provider": "p", "model": "m",
            "uncached_input_tokens": 1, "cache_read_tokens": 2}  # fmt: skip
    path = tmp_path / "own.jsonl"
    path.write_bytes(text.replace(b"%s", json.dumps(call).encode()[:-1]))

    assert len(billed(path, path.read_bytes())) == rows
    assert int(rollup(read_requests(path))["requests"].sum()) == rows


def test_the_engine_says_by_which_line_json_breaks(tmp_path):
    """It breaks in line 4; DuckDB 2 counts one more."""
    lines = [json.dumps(KINDS["own"].call(number, spent())) for number in range(1, 6)]
    lines[3] = lines[3][:-20] + "}"
    path = tmp_path / "own.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")

    with pytest.raises(SourceError, match=r"by line [45]\b"):
        read_requests(path)


def test_pages_in_a_list_are_read_like_lines(tmp_path):
    """`jq -s` puts the pages of an export, which are lists, into one list."""
    calls = [KINDS["bedrock"].call(number, spent()) for number in range(1, 5)]
    path = tmp_path / "pages.json"
    path.write_text(json.dumps([calls[:2], calls[2:]], indent=1), encoding="utf-8")

    assert read_log(path).calls == 4


@pytest.mark.parametrize("date", ["007", "-1", "10", "0001-01-01"])
def test_a_date_that_is_none_is_no_day_of_the_year_seven(date):
    row = day(1, spent()) | {"date": date}

    with pytest.raises(SourceError, match="date"):
        daily_usage([row])


def spent():
    return Spent(rest=10, read=200, wrote=30, out=5)
