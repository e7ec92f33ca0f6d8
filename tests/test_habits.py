"""Production's paces and lengths, out of a log and out of usage."""

import pandas as pd
import pytest

from cacheaudit.engine import rollup
from cacheaudit.errors import UnfitData
from cacheaudit.habits import EDGES_S, POINTS, lengths_of, paces_of
from cacheaudit.measurement import planned
from cacheaudit.probe_params import ProbeParams
from cacheaudit.sources.frame import write_usage
from cacheaudit.traffic.gaps import gaps
from tests.logs import call, log, talk

SMALL = {"questions": ["hit_rate"], "repeats": 2, "follow_ups": 2}


def test_paces_are_the_gaps_of_the_log_by_their_weight():
    """Three of four re-uses after 10 s, one after 150 s: the points are three to one."""
    at, calls = 0, []
    for gap in [10, 10, 10, 150] * 10:
        calls.append(talk(at, "s"))
        at += gap
    paces, within, above = paces_of(gaps(log(*calls), EDGES_S), 600.0)

    assert (within, above) == (39, 0)
    assert len(paces) == POINTS
    assert sum(8 < pace <= 12 for pace in paces) == 15
    assert sum(120 < pace <= 180 for pace in paces) == 5


def test_gaps_above_the_longest_pace_are_left_out_and_counted():
    calls = [talk(0, "s"), talk(10, "s"), talk(2010, "s")]
    paces, within, above = paces_of(gaps(log(*calls), EDGES_S), 600.0)

    assert (within, above) == (1, 1)
    assert set(paces) == {9.8}
    with pytest.raises(UnfitData, match=r"used again within 5 s.*Set paces_s"):
        paces_of(gaps(log(*calls), EDGES_S), 5.0)


def test_lengths_are_what_was_cached_per_request_the_most_used_first():
    calls = [call(i, scope="a", cache_read_tokens=3000) for i in range(10)]
    calls += [call(i, scope="b", cache_read_tokens=800) for i in range(10)]

    assert lengths_of(rollup(log(*calls))) == (3000, 800)
    with pytest.raises(UnfitData, match="Set words"):
        lengths_of(rollup(log(call(0, cache_read_tokens=0))))


def test_a_log_gives_a_probe_its_pace_and_its_lengths_and_says_so(tmp_path):
    calls = [talk(20 * i, "s", read=3000) for i in range(10)] + [talk(5000, "s", read=3000)]
    log(*calls).to_parquet(tmp_path / "log.parquet")
    found = planned(ProbeParams(requests_path=str(tmp_path / "log.parquet"), **SMALL))

    assert set(found.design.paces_s) == {15.5}
    assert found.design.words == 3000
    assert found.notes == (
        "Prompts of 3,000 words: tokens cached per request in log.parquet.",
        "The pace is that of 9 re-uses in the log, half of them within 16 seconds. 10.0\u00a0% of"
        " the re-uses came after more than 10 minutes and are left out: the hit rate is of the"
        " others.",
    )


def test_usage_gives_lengths_and_what_is_given_wins(tmp_path):
    calls = [call(i, scope="a", cache_read_tokens=3000) for i in range(10)]
    calls += [call(i, scope="b", cache_read_tokens=800) for i in range(10)]
    write_usage(rollup(log(*calls)), tmp_path / "usage.parquet")
    of_usage = ProbeParams(usage_path=str(tmp_path / "usage.parquet"), **SMALL)
    given = ProbeParams(usage_path=str(tmp_path / "usage.parquet"), words=500, **SMALL)

    assert [one.words for one in planned(of_usage).design.prompts] == [3000, 800]
    assert planned(given).design.words == 500
    assert planned(given).design.prompts == ()


def test_gaps_of_no_rows_are_no_pace():
    empty = pd.DataFrame({"gap_from_s": [], "gap_to_s": [], "calls": []}, dtype="Float64")

    with pytest.raises(UnfitData):
        paces_of(empty, 600.0)
