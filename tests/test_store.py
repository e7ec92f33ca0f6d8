"""The store: what it asks for, what it keeps, and what survives kills, crowds and broken files."""

import gzip
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cacheaudit.errors import EmptyWindow, IncompletePull, SourceError
from cacheaudit.sandbox import create_app, serve
from cacheaudit.schema import check_usage, empty_usage
from cacheaudit.sources import fetch, rebuild_store
from cacheaudit.store.intervals import (
    MARGIN,
    Answered,
    minus,
    pieces,
    replaced,
    settled_until,
    unsettled,
)
from cacheaudit.store.keep import open_store
from cacheaudit.store.report import Report, live
from tests.conftest import ROOT
from tests.worlds import NOW, START, asking, flat_price, history

HOUR, DAY = pd.Timedelta("1h"), pd.Timedelta("1D")
KEY = "sk-ant-admin01-secret"
USAGE = "/v1/organizations/analytics/usage"
SOURCES = ["anthropic", "anthropic_legacy", "openai"]


def at(hours: float) -> pd.Timestamp:
    return START + hours * HOUR


def answered(low, high, settled, name="p"):
    return Answered(
        low=at(low), high=at(high), settled_until=at(settled), asked_at=NOW, refreshed_at=None,
        pages=name,
    )  # fmt: skip


def hours_in(intervals) -> list[int]:
    """The hours that *intervals* touch, each as often as it is touched."""
    found = []
    for low, high in intervals:
        first, last = (low - START) / HOUR, (high - START) / HOUR
        found += range(int(first), int(-(-last // 1)))
    return found


# Which windows to ask for

SPANS = st.tuples(st.integers(0, 30), st.integers(1, 12)).map(lambda x: (x[0], x[0] + x[1]))
ANSWERS = st.lists(
    st.tuples(SPANS, st.integers(-3, 14)).map(
        lambda x: answered(*x[0], min(max(x[0][0] + x[1], x[0][0]), x[0][1]))
    ),
    max_size=8,
)


@given(SPANS, st.lists(SPANS, max_size=8))
def test_what_is_left_and_what_is_taken_are_together_what_was_wanted(wanted, taken):
    left = minus(wanted, taken)
    cells = [cell for low, high in left for cell in range(low, high)]
    gone = {cell for low, high in taken for cell in range(low, high)}

    assert cells == [cell for cell in range(*wanted) if cell not in gone]
    assert all(one[1] < other[0] for one, other in pairwise(left))


@given(SPANS, ANSWERS, st.integers(0, 59))
def test_every_bucket_is_asked_for_unless_an_answer_settled_it(span, answers, cut_minutes):
    start, end = at(span[0]), at(span[1]) + cut_minutes * pd.Timedelta("1min")
    gaps = unsettled((start, end), answers, HOUR)
    settled = {h for a in answers for h in hours_in([(a.low, a.settled_until)])}
    cut = [span[1]] if cut_minutes else []

    assert hours_in(gaps) == [h for h in range(*span) if h not in settled] + cut
    assert all(low == low.floor("h") and low < high <= end for low, high in gaps)
    assert all(one[1] < other[0] for one, other in pairwise(gaps))
    if cut:
        assert gaps[-1][1] == end


@given(st.lists(SPANS, max_size=4), st.integers(1, 9))
def test_pieces_are_the_gaps_in_lengths_that_are_short_enough(spans, longest):
    gaps = [(at(low), at(high)) for low, high in spans]
    cut = list(pieces(gaps, longest * HOUR))

    assert hours_in(cut) == hours_in(gaps)
    assert all(low < high <= low + longest * HOUR for low, high in cut)


@given(ANSWERS, SPANS, st.integers(0, 12))
def test_a_new_answer_replaces_what_it_covers_and_leaves_the_rest_as_it_was(old, span, settled):
    kept = []
    for answer in old:
        kept = replaced(kept, answer)
    new = answered(*span, min(span[0] + settled, span[1]), "new")
    after = replaced(kept, new)
    outside = [h for h in range(45) if not span[0] <= h < span[1]]

    def told(answers, hour):
        return [
            (a.pages, at(hour) < a.settled_until) for a in answers if a.low <= at(hour) < a.high
        ]

    assert new in after
    assert all(one.high <= other.low for one, other in pairwise(after))
    assert all(a.low < a.high and a.low <= a.settled_until <= a.high for a in after)
    assert [told(after, h) for h in outside] == [told(kept, h) for h in outside]


@pytest.mark.parametrize(
    ("refreshed", "now", "expected"),
    [
        (5.5, 100, 5),  # the provider says so, to the last whole bucket
        (200, 100, 10),  # not beyond what was asked
        (-1, 100, 0),
        (None, 100, 10),  # it does not say: what ended 48 h ago
        (None, 55.2, 7),
        (None, 40, 0),
    ],
)
def test_settled_is_what_the_provider_says_or_what_ended_two_days_ago(refreshed, now, expected):
    said = None if refreshed is None else at(refreshed)

    assert pd.Timedelta("48h") == MARGIN
    assert settled_until((at(0), at(10)), said, at(now), HOUR) == at(expected)


# Conservation, against a provider whose data arrives late


class Provider:
    """Hourly buckets of two models; a part of each arrives late, and some hours are quiet.

    lag    after it nothing changes any more
    says   whether pages tell until when they are complete
    """

    def __init__(self, lag: pd.Timedelta, says: bool) -> None:
        self.lag, self.says, self.now = lag, says, START
        self.asked: list[tuple[pd.Timestamp, pd.Timestamp]] = []

    def report(self, endpoint: str = "http://provider") -> Report:
        return Report(
            name="usage", endpoint=endpoint, bucket="1h", ask=self.ask, frame=self.frame,
            refreshed=lambda pages: min(
                (pd.Timestamp(p["data_refreshed_at"]) for p in pages if self.says), default=None
            ),
        )  # fmt: skip

    def ask(self, start, end):
        self.asked.append((start, end))
        hours = pd.date_range(start.floor("h"), end, freq="h", inclusive="left")
        data = [[h.isoformat(), m, self.tokens(h, m, end)] for h in hours for m in ("a", "b")]
        refreshed_at = (self.now - self.lag).isoformat()
        return [{"data": [row for row in data if row[2]], "data_refreshed_at": refreshed_at}]

    def tokens(self, hour, model, end):
        """In four parts; the last has arrived when the lag is over. Cut where the window ends."""
        seed = int((hour - START) / HOUR) * 7 + ord(model)
        if seed % 5 == 0:
            return 0
        until = min(hour + HOUR, end, self.now)
        share = (until - hour) / HOUR
        late = min(1.0, (self.now - until) / self.lag)
        return int(1000 * share) + seed % 13 + int(4 * late)

    @staticmethod
    def frame(pages):
        rows = [row for page in pages for row in page["data"]]
        if not rows:
            return empty_usage()
        starts = pd.to_datetime([row[0] for row in rows], utc=True)
        return check_usage(
            pd.DataFrame(
                {
                    "bucket_start": starts, "bucket_end": starts + HOUR, "provider": "made-up",
                    "model": [row[1] for row in rows], "output_tokens": [row[2] for row in rows],
                }
            )
        )  # fmt: skip


def through(path, provider, start, end, key=KEY, **options):
    with open_store(path, now=provider.now) as store:
        return store.reader(source="made-up", key=key, **options)(provider.report(), start, end)


PULLS = st.lists(
    st.tuples(
        st.integers(0, 90),  # hours that pass
        st.integers(0, 300),  # hours the window reaches back
        st.integers(1, 300),  # hours it is long
        st.sampled_from([0, 0, 20]),  # minutes that its end cuts into a bucket
    ),
    min_size=2,
    max_size=6,
)


@pytest.mark.engines
@settings(max_examples=20, deadline=None, phases=[Phase.reuse, Phase.generate])  # no shrinking
@given(PULLS, st.sampled_from([(30 * HOUR, True), (47 * HOUR, False)]))
def test_any_sequence_of_pulls_returns_what_fresh_pulls_would_and_asks_once_for_the_settled(
    pulls, kind
):
    """Late parts arrive between the pulls; quiet hours have no rows."""
    provider = Provider(*kind)
    provider.now = at(400.3)
    margin = provider.lag if provider.says else MARGIN
    settled_at = dict[int, pd.Timestamp]()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "usage.duckdb"
        for passed, back, length, minutes in pulls:
            provider.now += passed * HOUR
            start = (provider.now - back * HOUR).floor("h")
            end = min(start + length * HOUR + minutes * pd.Timedelta("1min"), provider.now)
            provider.asked = []
            found = through(path, provider, start, end)
            asked = list(provider.asked)
            fresh = live(provider.report(), start, end)

            pd.testing.assert_frame_equal(found.frame, fresh.frame)
            whole = [(low, min(high, end.floor("h"))) for low, high in asked]
            assert not set(hours_in(whole)) & set(settled_at)
            if asked:
                assert found.refreshed_at == fresh.refreshed_at
            elif provider.says:
                assert found.refreshed_at >= end
            done = provider.now - margin
            settled_at |= {h: done for h in hours_in(whole) if at(h + 1) <= done}


def test_a_hole_between_two_pulls_is_asked_for_and_a_quiet_stretch_is_not(tmp_path):
    provider = Provider(HOUR, says=True)
    provider.now = at(400)
    path = tmp_path / "usage.duckdb"
    provider.tokens = lambda hour, model, end: 5 if hour < at(10) else 0
    through(path, provider, at(0), at(20))
    through(path, provider, at(30), at(40))
    provider.asked = []
    through(path, provider, at(0), at(40))

    assert provider.asked == [(at(20), at(30))]


def test_late_data_replaces_what_was_kept_and_is_not_added_to_it(tmp_path):
    provider = Provider(47 * HOUR, says=False)
    provider.now = at(30)
    path = tmp_path / "usage.duckdb"
    first = through(path, provider, at(0), at(30)).frame
    provider.now = at(100)
    second = through(path, provider, at(0), at(30)).frame

    assert second["output_tokens"].sum() > first["output_tokens"].sum()
    with duckdb.connect(str(path)) as file:
        kept = file.sql("select sum(output_tokens), count(*) from usage").fetchall()[0]
    assert kept == (second["output_tokens"].sum(), len(second))


def test_a_pull_is_as_fresh_as_the_stalest_of_its_pieces(tmp_path):
    provider = Provider(HOUR, says=True)
    provider.now = at(400)
    ask = provider.ask

    def stale_once(start, end):
        pages = ask(start, end)
        if start == at(168):
            pages[0]["data_refreshed_at"] = at(300).isoformat()
        return pages

    provider.ask = stale_once

    assert through(tmp_path / "usage.duckdb", provider, at(0), at(390)).refreshed_at == at(300)
    provider.asked = []
    through(tmp_path / "usage.duckdb", provider, at(0), at(390))
    assert provider.asked == [(at(300), at(336))]


def test_a_row_that_was_not_asked_for_is_refused(tmp_path):
    provider = Provider(HOUR, says=True)
    provider.now = at(400)
    ask = provider.ask
    provider.ask = lambda start, end: ask(start - HOUR, end)

    with pytest.raises(IncompletePull, match=r"rows outside of 2026-09-01 05:00 to .* 09:00 UTC"):
        through(tmp_path / "usage.duckdb", provider, at(5), at(9))


# The real sources against the sandbox


class Counted:
    """The sandbox with a record of the questions that reached it."""

    def __init__(self, provider: str) -> None:
        self.app = create_app(history(provider), now=NOW, price_usd_per_mtok=flat_price)
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.url = ""

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            pairs = [p.split("=") for p in scope["query_string"].decode().split("&") if "=" in p]
            self.seen.append((scope["path"], dict(pairs)))
        await self.app(scope, receive, send)

    def usage_windows(self) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
        """The windows of usage that were asked for, each once however many pages it had."""
        asked = [q for path, q in self.seen if "cost" not in path and "page" not in q]
        return [(_moment(q, "start"), _moment(q, "end")) for q in asked]


def _moment(query, which):
    if f"{which}_time" in query:
        return pd.Timestamp(int(query[f"{which}_time"]), unit="s", tz="UTC")
    return pd.Timestamp(query[f"{which}ing_at"].replace("%3A", ":").replace("%2B", "+"))


@pytest.fixture(scope="module")
def servers():
    anthropic, openai = Counted("anthropic"), Counted("openai")
    with serve(anthropic) as one, serve(openai) as other:
        anthropic.url, openai.url = one, f"{other}/v1"
        yield {"anthropic": anthropic, "anthropic_legacy": anthropic, "openai": openai}


@pytest.fixture(params=SOURCES)
def source(request):
    return request.param


@pytest.fixture
def world(servers, source, monkeypatch):
    yield from _world(servers[source], monkeypatch)


@pytest.fixture
def sandbox(servers, monkeypatch):
    """Anthropic's analytics alone, where one provider is enough."""
    yield from _world(servers["anthropic"], monkeypatch)


def _world(server, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_ADMIN_KEY", KEY)
    monkeypatch.setenv("OPENAI_ADMIN_KEY", KEY)
    server.seen.clear()
    yield server
    server.app.state.faults.clear()
    server.app.state.ledger.move(NOW)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "usage.duckdb"


def pull(world, path="", now=NOW, label="", **changes):
    world.app.state.ledger.move(now)
    world.seen.clear()
    params = asking(world.url, **{"source": "anthropic", **changes})
    return fetch(replace(params, store_path=str(path), store_label=label), now=now)


def same(found, expected):
    pd.testing.assert_frame_equal(found.usage, expected.usage)
    pd.testing.assert_frame_equal(found.cost, expected.cost)
    told = [(p.start, p.end, p.refreshed_at, p.notes, p.source) for p in (found, expected)]
    assert told[0] == told[1]


@pytest.mark.slow
@pytest.mark.parametrize("bucket", ["1h", "1d"])
def test_a_pull_through_the_store_is_the_pull(world, source, path, bucket):
    expected = pull(world, source=source, bucket=bucket)

    same(pull(world, path, source=source, bucket=bucket), expected)
    same(pull(world, path, source=source, bucket=bucket), expected)


@pytest.mark.slow
def test_a_second_pull_asks_for_the_unsettled_tail_alone(world, source, path):
    tail = START + 40 * DAY
    pull(world, path, source=source, now=tail)
    later = tail + pd.Timedelta("5h20min")
    expected = pull(world, source=source, now=later)
    found = pull(world, path, source=source, now=later)

    same(found, expected)
    since = tail if source == "anthropic" else (tail - MARGIN)  # only one says what is complete
    assert world.usage_windows() == [(since, later)]


@pytest.mark.slow
def test_a_window_that_reaches_further_back_asks_for_the_head_alone(world, source, path):
    pull(world, path, source=source, start="2026-09-20", end="2026-10-01", minutes=False)
    found = pull(world, path, source=source, start="2026-09-15", end="2026-10-01", minutes=False)

    assert world.usage_windows() == [(START + 14 * DAY, START + 19 * DAY)]
    same(found, pull(world, source=source, start="2026-09-15", end="2026-10-01", minutes=False))


@pytest.mark.slow
def test_minutes_around_a_cutover_are_kept_too(servers, path, monkeypatch):
    """One team moves from model 1 to model 2 on the tenth day."""
    usage = history("anthropic", days=20)
    cutover = START + 10 * DAY
    usage = usage[usage["model"] == "model-1"].reset_index(drop=True)
    usage.loc[usage["bucket_start"] >= cutover, "model"] = "model-2"
    world = Counted("anthropic")
    world.app = create_app(usage, now=NOW, price_usd_per_mtok=flat_price)
    monkeypatch.setenv("ANTHROPIC_ADMIN_KEY", KEY)
    with serve(world) as world.url:
        expected = pull(world, end="2026-09-21")
        first, asked = pull(world, path, end="2026-09-21"), world.usage_windows()
        again = pull(world, path, end="2026-09-21")
        widths = set(expected.usage["bucket_end"] - expected.usage["bucket_start"])

        assert widths == {HOUR, pd.Timedelta("1min")}
        same(first, expected)
        assert (cutover - DAY / 2, cutover + DAY / 2) in asked
        same(again, expected)
        assert world.seen == []


def test_a_file_is_read_as_it_is_and_makes_no_store(path, tmp_path):
    history("anthropic", days=1).to_parquet(tmp_path / "usage.parquet")
    params = asking(source="frame", path=str(tmp_path / "usage.parquet"))

    assert len(fetch(replace(params, store_path=str(path))).usage)
    assert not path.exists()


@pytest.mark.slow
def test_an_empty_window_is_an_error_with_a_store_and_is_asked_again_where_that_may_be_a_lapse(
    world, source, path
):
    window = {"start": "2026-10-18", "end": "2026-10-20"}
    for _ in range(2):
        with pytest.raises(EmptyWindow):
            pull(world, path, source=source, now=NOW + 9 * DAY, **window)

    assert len(world.usage_windows()) == (1 if source == "anthropic_legacy" else 0)


@pytest.mark.slow
def test_a_window_that_is_all_kept_is_complete_to_its_end(sandbox, path):
    pull(sandbox, path, now=START + 20 * DAY)
    pull(sandbox, path)
    found = pull(sandbox, path, end="2026-10-10", now=NOW + DAY)

    assert sandbox.seen == []
    assert found.refreshed_at == NOW


# Pulls that end early


@pytest.mark.slow
def test_a_fault_in_the_middle_keeps_the_pieces_before_it_and_says_so(sandbox, path):
    expected = pull(sandbox)
    sandbox.app.state.faults.add({"kind": "503", "path": USAGE, "after": 2, "times": 9})
    with pytest.raises(SourceError, match=r"HTTP 503.*the next run goes on at 2026-09-15 00:00"):
        pull(sandbox, path)
    sandbox.app.state.faults.clear()

    same(pull(sandbox, path), expected)
    assert sandbox.usage_windows()[0][0] == START + 14 * DAY


RUN = """
import sys
import pandas as pd
from cacheaudit.params import PostmortemParams
from cacheaudit.sources import fetch
url, store, start, bucket, now, out = sys.argv[1:]
params = PostmortemParams(
    source="anthropic", base_url=url, start=start, bucket=bucket, store_path=store
)
fetch(params, now=pd.Timestamp(now)).usage.to_parquet(out)
"""


def launch(world, path, out=os.devnull, start="2026-09-01", bucket="1h"):
    """A pull in a process of its own."""
    said = [world.url, str(path), start, bucket, NOW.isoformat(), str(out)]
    environment = {**os.environ, "ANTHROPIC_ADMIN_KEY": KEY}
    return subprocess.Popen(
        [sys.executable, "-c", RUN, *said], cwd=ROOT, env=environment, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip


def wait_for(condition, process, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.002)


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.engines
@pytest.mark.parametrize("answers", [0, 3])
def test_a_pull_that_is_killed_goes_on_at_the_first_missing_piece(sandbox, path, answers):
    expected = pull(sandbox)
    sandbox.seen.clear()
    sandbox.app.state.faults.add({"kind": "slow", "after": answers, "seconds": 15})
    process = launch(sandbox, path)
    wait_for(lambda: len(sandbox.seen) == answers + 1, process)
    kill(process)
    first = sandbox.usage_windows()
    found = pull(sandbox, path)

    same(found, expected)
    weeks = [(START + d * DAY, min(START + (d + 7) * DAY, NOW)) for d in range(0, 45, 7)]
    assert first == weeks[: answers + 1]
    assert sandbox.usage_windows() == weeks[answers:]


@pytest.mark.engines
def test_kills_at_any_moment_waste_one_piece_each_and_no_row_is_lost_or_doubled(sandbox, path):
    """20 pieces of a day, by the minute; the process dies between, in and after commits."""
    minutes = {"start": "2026-09-26", "bucket": "1m"}
    expected = pull(sandbox, **minutes)
    asked, kills = 0, [(4, 0.0), (5, 0.02), (4, 0.005)]
    for answers, delay_s in kills:
        sandbox.seen.clear()
        process = launch(sandbox, path, **minutes)
        wait_for(lambda wanted=answers: len(sandbox.seen) >= wanted, process)
        time.sleep(delay_s)
        kill(process)
        asked += len(sandbox.usage_windows())
    found = pull(sandbox, path, **minutes)
    asked += len(sandbox.usage_windows())

    same(found, expected)
    assert 20 < asked <= 20 + len(kills)
    names = {file.name for file in path.with_name("usage.duckdb.pages").iterdir()}
    with duckdb.connect(str(path)) as file:
        assert names == {name for (name,) in file.sql("select pages from answered").fetchall()}


# Two at once


@pytest.mark.engines
def test_two_pulls_at_once_make_one_and_the_second_says_what_it_waits_for(sandbox, path, tmp_path):
    expected = pull(sandbox)
    sandbox.seen.clear()
    sandbox.app.state.faults.add({"kind": "slow", "seconds": 2.5, "path": USAGE, "times": 2})
    outs = [tmp_path / "one.parquet", tmp_path / "other.parquet"]
    both = [launch(sandbox, path, out) for out in outs]
    told = [process.communicate(timeout=120)[1] for process in both]

    assert [process.returncode for process in both] == [0, 0], told
    for out in outs:
        pd.testing.assert_frame_equal(check_usage(pd.read_parquet(out)), expected.usage)
    assert len(sandbox.usage_windows()) == 7
    assert sum(f"waiting for process {process.pid}" in "".join(told) for process in both) == 1


@pytest.mark.engines
def test_who_waits_goes_on_as_soon_as_the_other_is_killed(sandbox, path):
    expected = pull(sandbox)
    sandbox.seen.clear()
    sandbox.app.state.faults.add({"kind": "slow", "seconds": 15, "path": USAGE, "after": 1})
    process = launch(sandbox, path)
    wait_for(lambda: len(sandbox.seen) == 2, process)
    heard, found = [], []
    waiter = threading.Thread(target=lambda: found.append(_patient(sandbox, path, heard)))
    waiter.start()
    wait_for(lambda: heard, process)
    kill(process)
    waiter.join(timeout=60)

    assert f"process {process.pid}, which has {path} open" in heard[0]
    same(found[0], expected)


def _patient(world, path, heard):
    with open_store(path, now=NOW, say=heard.append):
        pass
    return fetch(asking(world.url, source="anthropic", store_path=str(path)), now=NOW)


@pytest.mark.engines
def test_the_wait_is_bounded_and_the_error_names_the_process(sandbox, path):
    sandbox.app.state.faults.add({"kind": "slow", "seconds": 15, "path": USAGE})
    process = launch(sandbox, path)
    wait_for(lambda: sandbox.seen, process)
    with (
        pytest.raises(SourceError, match=f"still open in process {process.pid} after 0 s"),
        open_store(path, now=NOW, wait_s=0.3, say=lambda text: None),
    ):
        pass
    kill(process)


@pytest.mark.slow
def test_threads_of_one_process_take_turns(path):
    """DuckDB would share the open file between them."""
    providers = [Provider(HOUR, says=True) for _ in range(4)]
    for provider in providers:
        provider.now = at(2000)
    pulls = [
        threading.Thread(target=through, args=(path, provider, at(0), at(1500)))
        for provider in providers
    ]
    for thread in pulls:
        thread.start()
    for thread in pulls:
        thread.join(timeout=60)

    assert sorted(len(provider.asked) for provider in providers) == [0, 0, 0, 9]


# Whose rows they are


@pytest.mark.slow
def test_accounts_endpoints_buckets_and_labels_never_mix(path):
    provider = Provider(HOUR, says=True)
    provider.now = at(400)

    def asks(key=KEY, endpoint="http://provider", bucket="1h", source="made-up", label=""):
        report = provider.report(endpoint)
        if bucket == "1d":
            report = Report(
                name="usage", endpoint=endpoint, bucket="1d", ask=report.ask,
                frame=lambda pages: empty_usage(), refreshed=report.refreshed,
            )  # fmt: skip
        provider.asked = []
        with open_store(path, now=provider.now) as store:
            store.reader(source=source, key=key, label=label)(report, at(0), at(48))
        return bool(provider.asked)

    variants = [
        {},
        {"key": "sk-other"},
        {"endpoint": "http://gateway"},
        {"endpoint": "http://user:password@gateway"},
        {"endpoint": "http://other:password@gateway"},
        {"bucket": "1d"},
        {"source": "other"},
        {"label": "team"},
    ]
    assert [asks(**changes) for changes in variants] == [True] * len(variants)
    assert [asks(**changes) for changes in variants] == [False] * len(variants)
    assert not asks(label="team", key="sk-rotated")
    assert not asks(endpoint="http://provider/")


def test_no_key_stands_in_the_file_or_in_the_pages(sandbox, path):
    fetch(asking(sandbox.url, source="anthropic", store_path=str(path)), now=NOW)
    folder = path.with_name("usage.duckdb.pages")
    texts = [path.read_bytes(), *(gzip.decompress(f.read_bytes()) for f in folder.iterdir())]

    assert len(texts) > 7
    for secret in (KEY, "x-api-key"):
        assert not any(secret.encode() in text for text in texts)


# Files that cannot be used


def refused(path, words):
    before = path.read_bytes()
    with pytest.raises(SourceError, match=words), open_store(path, now=NOW):
        pass
    assert path.read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize("broken", ["garbage", "empty", "cut", "flipped"])
def test_a_corrupt_file_is_refused_and_left_as_it_is(path, broken):
    provider = Provider(HOUR, says=True)
    provider.now = at(400)
    through(path, provider, at(0), at(300))
    whole = path.read_bytes()
    content = {
        "garbage": b"not a database " * 1000,
        "empty": b"",
        "cut": whole[:9000],
        "flipped": whole[:12288] + bytes(b ^ 0x5A for b in whole[12288:]),
    }[broken]
    path.write_bytes(content)

    refused(path, "Move it away|move it away")


def test_a_store_of_a_newer_version_is_refused(path):
    with open_store(path, now=NOW):
        pass
    with duckdb.connect(str(path)) as file:
        file.execute("update meta set schema = 2")

    refused(path, "schema 2; this version reads 1")


def test_a_database_that_is_no_store_is_refused(path):
    with duckdb.connect(str(path)) as file:
        file.execute("create table mine (x integer)")

    refused(path, "no store of cacheaudit")


def test_what_a_store_that_is_gone_had_not_written_yet_is_not_put_into_a_new_one(path):
    path.with_name("usage.duckdb.wal").write_bytes(b"left over")

    with pytest.raises(SourceError, match="is gone, and its unfinished"), open_store(path, now=NOW):
        pass
    assert not path.exists()


# The provider's pages


@pytest.mark.engines
def test_the_pages_are_enough_to_make_the_store_again(world, source, path):
    for days in (30, 33, 44):
        now = START + days * DAY + pd.Timedelta("50min")
        pull(world, path, source=source, now=now)
    path.rename(path.with_name("moved.duckdb"))

    count = rebuild_store(str(path))
    assert count == len(list(path.with_name("usage.duckdb.pages").iterdir()))
    for table in ("series", "answered", "usage", "cost"):
        with duckdb.connect(str(path)) as new:
            made = new.sql(f"select * from {table} order by all").fetchall()
        with duckdb.connect(str(path.with_name("moved.duckdb"))) as old:
            assert made == old.sql(f"select * from {table} order by all").fetchall()
    with duckdb.connect(str(path)) as new:
        (last,) = new.sql("select max(bucket_start) from usage").fetchall()[0]
    assert pd.Timestamp(last, tz="UTC") == START + 44 * DAY - HOUR  # the cut one is not kept
    expected = pull(world, source=source, now=now)
    same(pull(world, path, source=source, now=now), expected)


def test_pages_stay_while_a_bucket_comes_from_them_and_no_longer(path):
    provider = Provider(47 * HOUR, says=False)
    folder = path.with_name("usage.duckdb.pages")

    def numbers():
        return [int(file.name.split("-")[1].split(".")[0]) for file in sorted(folder.iterdir())]

    provider.now = at(60)
    through(path, provider, at(0), at(60))  # settled to 12
    through(path, provider, at(0), at(60))  # asks from there
    assert numbers() == [1, 2]
    provider.now = at(200)
    through(path, provider, at(0), at(70))  # replaces all of 2, and nothing of 1
    assert numbers() == [1, 3]
    read = json.loads(gzip.decompress(sorted(folder.iterdir())[0].read_bytes()))
    assert read["answer"]["low"] == at(0).isoformat()


def test_pages_of_a_killed_pull_are_swept_and_those_of_other_stores_are_not(path):
    provider = Provider(HOUR, says=True)
    provider.now = at(400)
    through(path, provider, at(0), at(24))
    folder = path.with_name("usage.duckdb.pages")
    (kept,) = folder.iterdir()
    own = kept.name.split("-")[0]
    left_over = [f"{own}-00000009.json.gz", f".{own}-00000009.json.gz.77.part"]
    for name in [*left_over, "ffffffff-00000001.json.gz", "notes.txt"]:
        (folder / name).write_bytes(b"x")
    with open_store(path, now=NOW):
        pass

    names = {file.name for file in folder.iterdir()}
    assert names == {kept.name, "ffffffff-00000001.json.gz", "notes.txt"}


def test_a_store_is_rebuilt_from_whole_pages_of_one_store_and_never_over_a_file(path):
    provider = Provider(HOUR, says=True)
    provider.now = at(400)
    through(path, provider, at(0), at(24))
    with pytest.raises(SourceError, match="is there; expected none"):
        rebuild_store(str(path))
    path.unlink()
    folder = path.with_name("usage.duckdb.pages")
    (page,) = folder.iterdir()
    whole = page.read_bytes()
    page.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match="missing, cut or no pages"):
        rebuild_store(str(path))
    page.write_bytes(whole)
    other = json.loads(gzip.decompress(whole))
    other["store"]["id"] = "ffffffff"
    (folder / "ffffffff-00000001.json.gz").write_bytes(gzip.compress(json.dumps(other).encode()))
    with pytest.raises(SourceError, match="pages of 2 stores"):
        rebuild_store(str(path))
    assert not path.exists()
