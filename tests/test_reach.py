"""What the report says of re-use: rates that are sums, intervals that hold, words that follow."""

import json
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, binomtest

from cacheaudit.engine import as_table
from cacheaudit.findings import findings_of
from cacheaudit.params import PostmortemParams
from cacheaudit.postmortem import investigate
from cacheaudit.report.traffic import _band, best_words, traffic_pieces
from cacheaudit.traffic.gaps import EDGES_S
from cacheaudit.traffic.reach import LIFETIMES_S, reach_of, with_interval
from tests.logs import log, talk
from tests.planted import START

MODEL = "claude-opus-4-6"
DAY = pd.Timedelta("1D")


def paused():
    """Twelve conversations of three calls: ten minutes of silence, then one minute."""
    calls = []
    for n in range(12):
        at = n * 7200
        calls += [
            talk(at, f"s{n}", read=0, written=1000),
            talk(at + 600, f"s{n}", read=0, written=1000),
            talk(at + 660, f"s{n}", read=1000, written=0),
        ]
    return log(*calls)


def found(periods=None):
    periods = {"all": (START, START + 2 * DAY)} if periods is None else periods
    return reach_of(as_table(paused()), {MODEL: 0}, periods)


@pytest.mark.slow
def test_a_longer_life_can_read_what_a_short_one_lost():
    """Input of 3 x 1,100 a conversation; 5 min: the last prompt again, 30 min: the second too."""
    rates = found().lifetimes.set_index("ttl_s")["best_possible_hit_rate"]

    assert list(rates.index) == list(LIFETIMES_S)
    assert rates[300] == pytest.approx(1 / 3)
    assert rates[1800] == pytest.approx(2 / 3)
    assert found().lifetimes["hit_rate"].tolist() == pytest.approx([1000 / 3300] * 3)


def test_periods_share_out_the_calls():
    half = found({"before": (START, START + DAY / 2), "during": (START + DAY / 2, START + DAY)})
    rows = half.lifetimes[half.lifetimes["ttl_s"] == 300].set_index("period")

    assert rows["calls"].tolist() == [18, 18]
    assert rows["input_tokens"].sum() == 12 * 3300


def test_a_model_without_a_minimum_is_not_guessed():
    rates = reach_of(as_table(paused()), {}, {"all": (START, START + DAY)})

    assert rates.lifetimes["best_possible_hit_rate"].isna().all()
    assert best_words(rates).startswith("What a cache could reach is not known")


def plain(text):
    """One line, with the spaces of a typewriter."""
    return " ".join(text.split())


def test_the_words_carry_the_rows():
    assert plain(best_words(found())) == (
        "An ideal cache with entries that live 5 minutes would have read 33.3 % of the input of"
        " this log, 66.7 % with entries that live 1 hour; 30.3 % was read."
    )


def test_intervals_are_wilson_s():
    rows = pd.DataFrame({"calls": [10, 40, 7], "hits": [0, 31, 7]}, dtype="Int64")
    for row in with_interval(rows).itertuples():
        theirs = binomtest(int(row.hits), int(row.calls)).proportion_ci(0.95, "wilson")
        assert (row.hit_low, row.hit_high) == pytest.approx((theirs.low, theirs.high))


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    """Exactly, over all outcomes of 30 calls and 91 true shares; Wilson's mean is near 95 %."""
    hits = pd.DataFrame({"calls": 30, "hits": range(31)}, dtype="Int64")
    rows = with_interval(hits)
    covered = []
    for truth in np.linspace(0.05, 0.95, 91):
        inside = (rows["hit_low"] <= truth) & (truth <= rows["hit_high"])
        covered.append(binom.pmf(np.arange(31), 30, truth)[inside].sum())

    assert np.mean(covered) == pytest.approx(0.95, abs=0.01)
    assert NormalDist().inv_cdf(0.975) == pytest.approx(1.95996, abs=1e-5)


def test_bands_are_named_in_one_unit_each():
    edges = [0.0, *EDGES_S, float("nan")]
    names = [_band(a, b) for a, b in pairwise(edges)]

    assert names[:4] == ["up to 10 s", "10 to 30 s", "30 to 60 s", "1 to 2 min"]
    assert names[-3:] == ["1 to 6 h", "6 to 24 h", "over 24 h"]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("log") / "calls.parquet"
    paused().to_parquet(path)
    return investigate(PostmortemParams(source="log", path=str(path)))


def test_the_report_shows_what_the_log_says_and_names_no_hash(report):
    text = plain("\n".join(piece.to_text() for piece in traffic_pieces(report)))

    assert "An ideal cache with entries that live 5 minutes" in text
    assert "30.3 % of the input" in text  # prompts of 1,100 are below this model's minimum
    assert "within 5 minutes 100 % of 12 and later 0 % of 12" in text
    document = json.dumps(findings_of(report))
    assert '"prefix_id"' not in document
    assert findings_of(report)["inventory"][0]["requests"] == 36


@pytest.mark.slow
def test_without_a_log_only_billing_speaks():
    quiet = investigate(PostmortemParams())
    text = "\n".join(piece.to_text() for piece in traffic_pieces(quiet))

    assert "ideal cache" not in text
    assert "Lengths of cached prefixes" in text
    assert findings_of(quiet)["traffic"] is None
