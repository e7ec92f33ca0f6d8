"""Nothing is closed on hours that nobody saw, on a part, on traffic elsewhere, on other names."""

import json
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from cacheaudit.errors import ParamError, SourceError
from cacheaudit.finished import Finished, read_finished
from cacheaudit.history import SONNET_45
from cacheaudit.metrics import rollup
from cacheaudit.params import PostmortemParams
from cacheaudit.schema import check_usage
from cacheaudit.sources.frame import write_usage
from cacheaudit.verification import judge
from cacheaudit.verification.asked import asked
from cacheaudit.verification.needs import needs_of
from cacheaudit.verification.verify import verify
from cacheaudit.verification.words import sentences
from tests.repairs import END as MARCH_END
from tests.repairs import FIXED as MARCH_FIXED
from tests.repairs import findings, past, usage
from tests.weeks import cohort, usage_of

H, DAY = pd.Timedelta("1h"), pd.Timedelta("1D")
START = pd.Timestamp("2026-10-12", tz="UTC")  # a Monday
BROKEN, FIXED, END = START + 7 * DAY, START + 11 * DAY + 9 * H, START + 17 * DAY


@cache
def traffic(scope, seed=0, tokens=1e6, low=0.3, back=0.8, fixed=FIXED, since=START, until=END):
    """Reads 80 % of its input; *low* from the incident on and *back* from the repair on."""
    then = ((BROKEN, low), (fixed, back))
    return cohort(scope, seed=seed, tokens=tokens, then=then, start=since, end=until)


def spared(scope="healthy", **given):
    return traffic(scope, **{"seed": 9, "low": 0.8, **given})


def one_of(*scopes, spared=(), **given):
    """An incident of findings.json in which *scopes* fell from 80 to 30 %."""
    told = [
        {"scope": s, "route": "gateway", "affected": s in scopes, "before": 0.8,
         "after": 0.3 if s in scopes else 0.8, "baseline_of": [{"scope": s, "route": "gateway"}],
         "requests_during": 1000.0}
        for s in (*scopes, *spared)
    ]  # fmt: skip
    return {
        "incident": {"start": BROKEN.isoformat(), "end": None, "measure": "hit_rate",
                     "before": 0.8, "after": 0.3, "baseline": [str(START), str(BROKEN)]},
        "cohorts": told, "pattern": "", "recovery": None, "run_rate": None, **given,
    }  # fmt: skip


def judged(frame, one=None, before=None, fixed=FIXED, **given):
    one = one_of("chat", spared=("healthy",)) if one is None else one
    before = healed() if before is None else before
    kept = frame[frame["bucket_start"] >= (fixed - DAY).floor("D")]
    return judge(one, before[before["bucket_end"] <= fixed], kept, fixed_at=fixed, at_share=0.9,
                 **given)  # fmt: skip


def without(frame, scope, since, until=END):
    gone = (frame["scope"] == scope) & (frame["bucket_start"] >= since)
    return frame[~(gone & (frame["bucket_end"] <= until))].reset_index(drop=True)


@cache
def healed():
    return usage_of(traffic("chat"), spared())


def unread(frame):
    late = (frame["scope"] == "chat") & (frame["bucket_start"] >= FIXED + 4 * H)
    return check_usage(frame.assign(cache_read_tokens=frame["cache_read_tokens"].mask(late)))


UNSEEN = {
    "stopped after 7 hours": lambda f: without(f, "chat", FIXED + 7 * H),
    "stopped a day ago": lambda f: without(f, "chat", END - 25 * H),
    "three hours of thirty": lambda f: f[
        (f["bucket_end"] <= FIXED)
        | (f["bucket_start"] >= FIXED + 27 * H) & (f["bucket_end"] <= FIXED + 30 * H)
    ],
    "reads not reported": unread,
    "a late start": lambda f: f[f["bucket_start"] >= END - 28 * H],
}


@pytest.mark.parametrize("name", UNSEEN)
def test_hours_that_nobody_saw_close_nothing(name):
    found = judged(UNSEEN[name](healed()))

    assert (found.verdict, found.exit_code) == ("not_yet_known", 4)
    assert "chat via gateway" in needs_of(found)


def test_hours_that_were_seen_do_close():
    assert judged(healed()).verdict == "closed"


def test_the_hours_that_are_told_had_traffic():
    """A day of holes: 101 of 135 hours were seen."""
    frame = healed()
    frame = frame[(frame["bucket_start"] < FIXED) | (frame["bucket_start"].dt.hour % 4 > 0)]
    found = judged(frame)
    seen = frame[(frame["scope"] == "chat") & (frame["bucket_start"] > FIXED)]

    assert found.verdict == "closed"
    assert found.groups[0].hours == len(seen)
    assert found.groups[0].to_dict()["hours"] == len(seen)


def test_traffic_of_office_hours_is_closed_and_needs_no_nights():
    def office(frame):
        at = frame["bucket_start"]
        asleep = (at.dt.hour < 8) | (at.dt.hour >= 18) | (at.dt.day_of_week >= 5)
        return frame[~(asleep & (frame["scope"] == "chat"))].reset_index(drop=True)

    frame = office(healed())

    def until(end, gone=END):
        return judged(without(frame, "chat", gone)[lambda f: f["bucket_end"] <= end], before=frame)

    friday, sunday = until(FIXED + 6 * H), until(FIXED + 59 * H)

    assert friday.groups[0].standing == "too_short"
    assert (sunday.verdict, sunday.groups[0].hours) == ("closed", 8)  # a working day of eight hours
    assert until(FIXED + 82 * H, FIXED + 60 * H).groups[0].standing == "unseen"  # not on Monday


def test_a_bucket_that_has_not_ended_is_no_evidence():
    """By the day, repaired at 22:00, asked at 02:00: the bucket of today is not whole."""
    fixed, now = FIXED.floor("D") + 22 * H, FIXED.floor("D") + 26 * H
    frame = usage_of(traffic("chat", fixed=fixed, until=now), spared(until=now))
    before = usage_of(traffic("chat"), spared())
    daily = rollup(frame, DAY)
    found = judged(daily, before=before[before["bucket_end"] <= FIXED.floor("D")], fixed=fixed,
                   now=now)  # fmt: skip

    assert daily["bucket_end"].max() > now
    assert found.verdict == "not_yet_known"
    assert found.until <= now
    assert judged(healed(), now=FIXED + 20 * H).groups[0].standing == "too_short"


@pytest.mark.parametrize("part", [0.01, 0.85])
def test_traffic_that_moved_on_still_broken_is_named(part):
    """*part* stays and is back; the rest goes to a new scope at 30 %."""
    stays = traffic("chat")[lambda f: f["bucket_end"] <= FIXED]
    rest = traffic("chat", tokens=1e6 * part, seed=3)[lambda f: f["bucket_end"] > FIXED]
    new = traffic("chat-v2", tokens=1e6 * (1 - part), back=0.3, seed=4, since=FIXED)
    found = judged(usage_of(stays, rest, new, spared()))

    assert found.verdict == "not_yet_known"
    assert "chat-v2 via gateway" in " ".join(sentences(found))
    assert "chat-v2 via gateway" in needs_of(found)


def test_new_traffic_that_reads_well_or_is_small_is_no_reason():
    well = traffic("search", back=0.8, seed=4, since=FIXED)
    small = traffic("job", back=0.0, seed=5, since=FIXED, tokens=1e4)

    assert judged(usage_of(traffic("chat"), well, small, spared())).verdict == "closed"


def test_traffic_that_moved_on_in_the_last_hours_is_named():
    new = traffic("chat-v2", back=0.3, seed=4, since=END - 6 * H)
    found = judged(usage_of(without(healed(), "chat", END - 6 * H), new))

    assert found.verdict != "closed"


@cache
def many(broken=0.8):
    small = traffic("s0", seed=1, tokens=5e4)
    return usage_of(small, traffic("s9", seed=99, tokens=5e4, back=broken),
                    traffic("big", seed=77, tokens=6e6))  # fmt: skip


MANY = ["s0", "s9", "big"]


def test_one_small_cohort_that_is_not_back_keeps_it_open():
    one = one_of(*MANY)
    before = many()
    still, well = judged(many(0.3), one, before), judged(before, one, before)

    assert (still.verdict, well.verdict) == ("still_open", "closed")
    assert "s9 via gateway" in sentences(still)[0]
    assert still.about == well.about


def test_one_small_cohort_that_is_silent_closes_nothing():
    one, before = one_of(*MANY), many()
    found = judged(without(before, "s9", FIXED), one, before)

    assert found.verdict == "not_yet_known"
    assert "traffic of s9 via gateway" in needs_of(found)


def test_one_small_cohort_without_a_baseline_closes_nothing():
    one, frame = one_of(*MANY), many()
    one["cohorts"][1]["baseline_of"] = []
    found = judged(frame, one, frame)

    assert found.verdict == "not_yet_known"
    assert "a baseline of at least a day for s9 via gateway" in needs_of(found)


def test_healthy_traffic_under_the_broken_one_s_name_closes_nothing():
    """The healthy cohort is gone, and the broken one carries twenty times its own."""
    before = usage_of(traffic("chat", back=0.3), spared(tokens=2e7))
    columns = [c for c in before if c.endswith("_tokens") or c == "requests"]
    keys = [c for c in before if c not in columns and c != "billed_usd"]
    summed = before.assign(scope="chat").groupby(keys, dropna=False)[columns].sum(min_count=1)
    found = judged(check_usage(summed.reset_index()), before=before)

    assert found.verdict == "not_yet_known"
    assert "names" in needs_of(found)


@pytest.mark.parametrize("fell", ["ab", "b"])
def test_a_split_baseline_is_shared_by_those_that_came_of_it(fell):
    """Two new scopes of one old: each is held against its part of the volume, not the whole."""
    old = traffic("old", tokens=2e6)[lambda f: f["bucket_end"] <= BROKEN]
    new = [traffic(s, tokens=t, since=BROKEN, seed=n)
           for n, (s, t) in enumerate([("a", 1.6e6), ("b", 4e5)])]  # fmt: skip
    one, frame = one_of("a", "b"), usage_of(old, *new)
    for c in one["cohorts"]:
        c["affected"] = c["scope"] in fell
    for c, requests in zip(one["cohorts"], (8000.0, 2000.0), strict=True):
        c["baseline_of"] = [{"scope": "old", "route": "gateway"}]
        c["requests_during"] = requests

    assert judged(frame, one, frame).verdict == "closed"


def folder_of(tmp_path, **changes):
    run = tmp_path / "run"
    run.mkdir(exist_ok=True)
    found = json.loads(json.dumps({**findings(), **changes}))
    found["provenance"]["params"]["path"] = str(tmp_path / "now.parquet")
    (run / "findings.json").write_text(json.dumps(found), encoding="utf-8")
    write_usage(past(), run / "usage.parquet")
    write_usage(usage((MARCH_FIXED, SONNET_45)), tmp_path / "now.parquet")
    return run


def test_other_names_are_refused(tmp_path):
    run = folder_of(tmp_path)
    path = str(tmp_path / "now.parquet")

    def under(names):
        params = PostmortemParams(source="frame", path=path, names=names)
        return verify(run, params, fixed_at=MARCH_FIXED, now=MARCH_END)

    for names in ({"claims-review": "support-chat"}, {"support-chat": "archive"}):
        with pytest.raises(ParamError, match="names calls"):
            under(names)
    assert under({"key_of_later": "support-chat"}).document["verdict"] == "closed"


def test_the_folder_s_own_parameters_are_the_default(tmp_path, command):
    run = folder_of(tmp_path)
    done = command("verify", str(run), "--since", "2026-03-20T09:00", cwd=tmp_path)
    document = json.loads((run / "verification.json").read_text(encoding="utf-8"))

    assert (done.returncode, done.stderr) == (0, "")
    assert document["provenance"]["params"]["source"] == "frame"
    assert document["provenance"]["params"]["start"] == "2026-03-19T00:00:00+00:00"
    assert document["name"] == findings()["name"]
    assert document["incident"]["cohorts"] == [{"scope": "support-chat", "route": "edge-gateway"}]


def done_with(**params):
    own = {**findings()["provenance"]["params"], "path": "kept.parquet", "end": "2026-03-20",
           "names": {"key_1": "chat"}, "prices_path": "own.csv", **params}  # fmt: skip
    return Finished(folder=Path("run"), findings={"provenance": {"params": own}})


def test_what_is_given_goes_over_the_folder_s():
    """Of another source only what holds for any: a file of one is nothing to the other."""
    given = PostmortemParams(path="new.parquet", start="2026-03-19")
    same = asked(done_with(), given, {"path", "start"})
    other = asked(done_with(), PostmortemParams(source="openai"), {"source"})

    assert (same.source, same.path, same.start, same.end) == (
        "frame", "new.parquet", "2026-03-19", "")  # fmt: skip
    assert (other.source, other.path) == ("openai", "")
    assert same.names == other.names == {"key_1": "chat"}
    assert other.prices_path == "own.csv"


def test_an_endpoint_is_not_taken_out_of_a_folder():
    """A key would be sent there; parameters alone say where."""
    done, url = done_with(source="anthropic", base_url="https://elsewhere.example"), "https://a.b"

    with pytest.raises(ParamError, match="give it by -f or -p"):
        asked(done, PostmortemParams(), ())
    assert asked(done, PostmortemParams(base_url=url), {"base_url"}).base_url == url


def test_parameters_of_another_version_are_refused_in_words():
    with pytest.raises(SourceError, match="Give them by -f or -p"):
        asked(done_with(bucket="1w"), PostmortemParams(), ())


def edited(change):
    found = json.loads(json.dumps(findings()))
    found["provenance"]["params"] = dict(found["provenance"]["params"])
    change(found)
    return found


def drop(*path):
    def change(found):
        for key in path[:-1]:
            found = found[key]
        del found[path[-1]]

    return change


def put(value, *path):
    def change(found):
        for key in path[:-1]:
            found = found[key]
        found[path[-1]] = value

    return change


EDITS = {
    "no incident": drop("incident"),
    "incidents null": put(None, "incidents"),
    "no name": drop("name"),
    "no params": drop("provenance", "params"),
    "params null": put(None, "provenance", "params"),
    "no pattern": drop("incidents", 0, "pattern"),
    "no baseline_of": drop("incidents", 0, "cohorts", 0, "baseline_of"),
    "start no time": put("x", "incidents", 0, "incident", "start"),
    "start without a zone": put("2026-03-17T14:20:00", "incidents", 0, "incident", "start"),
    "start null": put(None, "incidents", 0, "incident", "start"),
    "before is text": put("much", "incidents", 0, "incident", "before"),
    "costliest no time": put("x", "incident", "start"),
    "baseline null": put(None, "incidents", 0, "incident", "baseline"),
    "cohorts null": put(None, "incidents", 0, "cohorts"),
    "recovery is text": put("soon", "incidents", 0, "recovery"),
    "run_rate without days": put({}, "incidents", 0, "run_rate"),
}


@pytest.mark.parametrize("name", EDITS)
def test_findings_that_were_edited_are_refused_in_words(tmp_path, name):
    (tmp_path / "findings.json").write_text(json.dumps(edited(EDITS[name])), encoding="utf-8")

    with pytest.raises(SourceError, match="Run the postmortem again"):
        read_finished(tmp_path)


def test_findings_that_cannot_be_read_are_refused_in_words(tmp_path):
    (tmp_path / "findings.json").symlink_to(tmp_path / "findings.json")  # a loop: no file at all

    with pytest.raises(SourceError, match=r"findings\.json"):
        read_finished(tmp_path)
