"""Releases come out of real repositories with the right time, and nothing else comes with them."""

import json
import os
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from cacheaudit.deploys import events_csv, read_deploys, since_of, write_events
from cacheaudit.errors import ParamError, SourceError
from cacheaudit.schema import EVENTS
from cacheaudit.sources.frame import write_usage
from cacheaudit.sources.tables import read_events
from tests.planted import START, stream, usage_of

SECRET = "sk-ant-not-for-the-csv"
DROP = START + pd.Timedelta("9.408D")  # 09:47 on a Wednesday; what goes wrong in the stories below
CLEAN = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": SECRET,
    "GIT_AUTHOR_EMAIL": f"{SECRET}@example.com",
    "GIT_COMMITTER_NAME": SECRET,
    "GIT_COMMITTER_EMAIL": f"{SECRET}@example.com",
}


class Repository:
    """A throw-away repository whose every command has a date; all texts in it are SECRET."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *words: str, at: str = "2026-03-01T00:00:00Z", stdin: bytes = b"") -> str:
        """Fails, and does not skip, where git is absent."""
        dates = {"GIT_AUTHOR_DATE": "2001-01-01T00:00:00Z", "GIT_COMMITTER_DATE": at}
        done = subprocess.run(
            ["git", *words], cwd=self.path, env=os.environ | CLEAN | dates, input=stdin,
            capture_output=True, check=True,
        )  # fmt: skip
        return done.stdout.decode().strip()

    def commit(self, at: str, file: str = SECRET) -> None:
        target = self.path / file
        target.parent.mkdir(exist_ok=True)
        target.write_text(at)
        self.git("add", ".")
        self.git("commit", "-q", "-m", SECRET, at=at)

    def tag(self, name: str, at: str) -> None:
        self.git("tag", "-a", "-m", SECRET, name, at=at)

    def merge(self, file: str, at: str, into: str = "main") -> str:
        """Merge a branch that adds *file* to *into*; the short hash of the merge."""
        self.git("checkout", "-q", "-b", f"{into}-side", into)
        self.commit("2026-02-01T00:00:00Z", file)
        self.git("checkout", "-q", into)
        self.git("merge", "-q", "--no-ff", "-m", SECRET, f"{into}-side", at=at)
        self.git("branch", "-q", "-D", f"{into}-side")
        return self.git("rev-parse", "--short", "HEAD")


@pytest.fixture
def repository(tmp_path):
    made = Repository(tmp_path / "repository")
    made.commit("2026-03-01T10:00:00Z")
    return made


def told(events):
    return list(zip(events["at"].astype(str), events["what"], events["source"], strict=True))


def test_an_annotated_tag_has_its_tagger_s_time_and_a_light_one_its_commit_s(repository):
    repository.git("tag", "light", at="2026-03-09T00:00:00Z")
    repository.tag("annotated", "2026-03-05T12:00:00Z")

    found = read_deploys(repository.path)

    assert told(found.events) == [
        ("2026-03-01 10:00:00+00:00", "light", "git tag"),
        ("2026-03-05 12:00:00+00:00", "annotated", "git tag"),
    ]
    assert found.notes == ()


@pytest.mark.parametrize(
    ("at", "utc"),
    [
        ("2026-03-05T01:30:59+05:30", "2026-03-04T20:00:59Z"),
        ("2026-03-04T20:00:00-0800", "2026-03-05T04:00:00Z"),
        ("2026-03-29T02:30:00+0100", "2026-03-29T01:30:00Z"),
    ],
)
@pytest.mark.parametrize("annotated", [True, False])
def test_times_of_all_zones_are_told_in_utc(repository, at, utc, annotated):
    repository.commit(at, "other")
    repository.tag("v1", at) if annotated else repository.git("tag", "v1")

    assert events_csv(read_deploys(repository.path).events).decode().splitlines() == [
        "at,kind,what,scope,source",
        f"{utc},client,v1,,git tag",
    ]


def test_events_are_sorted_by_time_and_not_by_name(repository):
    repository.tag("a", "2026-03-05T00:00:00Z")
    repository.tag("b", "2026-03-03T00:00:00Z")
    repository.tag("c", "2026-03-04T23:00:00-0200")

    assert read_deploys(repository.path).events["what"].tolist() == ["b", "a", "c"]


NAMES = [
    "=1+1", "=cmd|'/Ccalc'!A0", "+1", "@SUM(A1)", "api/v1.2", "версия-2", "v1,beta", 'v"1"',
    "NA", "001", "1e5", "v1;x", "été",
]  # fmt: skip


def test_odd_names_come_back_as_they_are_and_a_note_warns_of_spreadsheets(repository, tmp_path):
    """Quoting stops no spreadsheet, and a name with a sign before it would name no tag at all."""
    for name in NAMES:
        repository.tag(name, "2026-03-05T00:00:00Z")

    found = read_deploys(repository.path, kind="gateway", scope='a "team", or so')
    again = read_events(write_events(found.events, tmp_path / "events.csv"))

    pd.testing.assert_frame_equal(again, found.events)
    assert sorted(again["what"]) == sorted(NAMES)
    assert set(again["scope"]) == {'a "team", or so'}
    assert set(again["kind"]) == {"gateway"}
    assert list(again.columns) == EVENTS
    assert found.notes == (
        "4 names begin with =, +, - or @: a spreadsheet takes them for formulas; import the column"
        " `what` as text.",
    )


def test_a_name_that_is_no_utf_8_is_shown_and_not_lost(repository):
    head = repository.git("rev-parse", "HEAD").encode()
    repository.git("update-ref", "--stdin", stdin=b"create refs/tags/caf\xe9 " + head + b"\n")

    assert read_deploys(repository.path).events["what"].tolist() == [r"caf\xe9"]


def test_no_text_of_a_commit_a_tag_or_a_person_gets_out(repository):
    repository.tag("v1", "2026-03-05T00:00:00Z")
    repository.merge("new", "2026-03-06T00:00:00Z")

    text = events_csv(read_deploys(repository.path, merges=True).events).decode()

    assert SECRET not in text
    assert len(text.splitlines()) == 3


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ({"match": "v*"}, ["v1", "v2"]),
        ({"match": "api*"}, ["api/v3"]),
        ({"match": "*v?"}, ["v1", "v2", "api/v3"]),
        ({"since": since_of("2026-03-03")}, ["v2", "api/v3"]),
        ({"since": since_of("2026-03-03T00:00:01")}, ["api/v3"]),
        ({"since": since_of("2026-03-03T01:00:00+01:00")}, ["v2", "api/v3"]),
        ({"match": "v*", "since": since_of("2026-03-03T00:00Z")}, ["v2"]),
    ],
)
def test_tags_are_chosen_by_name_and_by_time(repository, choice, names):
    repository.tag("v1", "2026-03-02T00:00:00Z")
    repository.tag("v2", "2026-03-03T00:00:00Z")
    repository.tag("api/v3", "2026-03-04T00:00:00Z")

    assert read_deploys(repository.path, **choice).events["what"].tolist() == names


def test_merges_are_short_hashes_of_first_parents_and_a_folder_can_choose(repository):
    """A merge inside a branch is no release; the merge of that branch is."""
    api = repository.merge("api/new", "2026-03-06T00:00:00Z")
    repository.git("branch", "long")
    inner = repository.merge("web/new", "2026-03-07T00:00:00Z", into="long")
    repository.git("checkout", "-q", "main")
    repository.git("merge", "-q", "--no-ff", "-m", SECRET, "long", at="2026-03-08T00:00:00Z")
    web = repository.git("rev-parse", "--short", "HEAD")
    repository.tag("v1", "2026-03-05T00:00:00Z")

    whole = read_deploys(repository.path / "api", merges=True).events
    part = read_deploys(repository.path / "api", merges=True, path_only=True).events

    assert whole["what"].tolist() == ["v1", api, web]
    assert whole["source"].tolist() == ["git tag", "git merge", "git merge"]
    assert part["what"].tolist() == ["v1", api]
    assert inner not in set(whole["what"])


def test_tags_that_name_no_commit_are_left_out_and_counted(repository):
    repository.git("tag", "tree", "HEAD^{tree}")
    repository.tag("v1", "2026-03-05T00:00:00Z")

    found = read_deploys(repository.path)

    assert found.events["what"].tolist() == ["v1"]
    assert found.notes == ("1 tags have no date (they name no commit) and were left out.",)


def test_a_tag_without_a_tagger_has_its_commit_s_time(repository):
    head = repository.git("rev-parse", "HEAD")
    old = f"object {head}\ntype commit\ntag v0\n\nfrom before taggers\n"
    made = repository.git("hash-object", "-t", "tag", "-w", "--stdin", stdin=old.encode())
    repository.git("update-ref", "refs/tags/v0", made)

    assert told(read_deploys(repository.path).events) == [
        ("2026-03-01 10:00:00+00:00", "v0", "git tag")
    ]


def test_a_shallow_clone_is_told(repository, tmp_path):
    repository.commit("2026-03-02T10:00:00Z", "other")
    repository.tag("v1", "2026-03-05T00:00:00Z")
    url = repository.path.as_uri()
    repository.git("clone", "-q", "--depth", "1", url, str(tmp_path / "clone"))

    (note,) = read_deploys(tmp_path / "clone").notes

    assert "shallow" in note


def test_the_environment_of_a_hook_does_not_change_the_repository(
    repository, tmp_path, monkeypatch
):
    other = Repository(tmp_path / "other")
    other.commit("2026-01-01T00:00:00Z")
    other.git("tag", "wrong")
    repository.git("tag", "right")
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))

    assert read_deploys(repository.path).events["what"].tolist() == ["right"]


def test_reading_leaves_the_repository_as_it_was(repository):
    repository.tag("v1", "2026-03-05T00:00:00Z")
    before = {p: p.stat().st_mtime_ns for p in repository.path.rglob("*")}

    read_deploys(repository.path, merges=True)

    assert {p: p.stat().st_mtime_ns for p in repository.path.rglob("*")} == before


def test_a_path_that_looks_like_an_option_is_a_path(tmp_path, monkeypatch):
    Repository(tmp_path / "--exec-path").commit("2026-03-01T00:00:00Z")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SourceError, match="0 tags and 0 merges read"):
        read_deploys(Path("--exec-path"))


@pytest.mark.parametrize("text", ["7d", "yesterday", "", "2026-13-01", "NaT", "now"])
def test_a_since_that_is_no_time_is_refused(text):
    with pytest.raises(ParamError, match="expected a day or time such as 2026-01-01"):
        since_of(text)


def test_a_time_of_no_calendar_is_one_clear_error(repository):
    made = repository.git("rev-parse", "HEAD")
    late = f"object {made}\ntype commit\ntag v9\ntagger x <x> 999999999999999 +0000\n\nx\n"
    tag = repository.git("hash-object", "--literally", "-t", "tag", "-w", "--stdin",
                         stdin=late.encode())  # fmt: skip
    repository.git("update-ref", "refs/tags/v9", tag)

    with pytest.raises(SourceError, match="expected a year up to 9999"):
        read_deploys(repository.path)


def test_git_that_is_absent_or_slow_is_one_clear_error(repository, tmp_path, monkeypatch):
    monkeypatch.setattr("cacheaudit.deploys.TIMEOUT_S", 0)
    with pytest.raises(SourceError, match="git took longer than 0 s"):
        read_deploys(repository.path)

    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match="Install git, or write the CSV by hand"):
        read_deploys(repository.path)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--git", "nowhere"], 1, "no folder at nowhere"),
        (["--git", "plain"], 1, "not a git repository"),
        (["--git", "empty", "--merges"], 1, "git cannot read empty"),
        (["--git", "empty"], 1, "0 tags and 0 merges read; expected at least one that fits"),
        (["--git", "repository", "--match", "w*"], 1, "1 tags and 0 merges read"),
        (["--git", "repository", "--since", "2027-01-01"], 1, "since 2027-01-01T00:00:00+00:00"),
        (["--git", "repository", "--since", "later"], 1, "expected a day or time"),
        (["--git", "repository", "--kind", "deploy"], 2, "'deploy' is not one of 'model'"),
        (["--git", "repository", "--path-only"], 2, "give --merges as well"),
        (["--git", "repository", "--out", "no/events.csv"], 1, "could not be written"),
        ([], 2, "Missing option '--git'"),
    ],
)
def test_wrong_calls_end_in_one_message_and_leave_no_file(
    repository, tmp_path, monkeypatch, command, words, code, said
):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    repository.tag("v1", "2026-03-05T00:00:00Z")
    Repository(tmp_path / "empty")
    (tmp_path / "plain").mkdir()
    before = sorted(tmp_path.iterdir())

    done = command("events", *words, cwd=tmp_path)

    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert code == 2 or done.stderr.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_the_terminal_and_the_file_get_the_same_bytes(repository, tmp_path, command):
    repository.tag("версия", "2026-03-05T00:00:00Z")
    said = command("events", "--git", "repository", cwd=tmp_path)
    kept = command("events", "--git", "repository", "--out", "events.csv", cwd=tmp_path)

    assert said.stdout.encode() == (tmp_path / "events.csv").read_bytes()
    assert kept.stdout == "1 events in events.csv\n"


@pytest.fixture(scope="module")
def incident(tmp_path_factory):
    """A release edits the prompt at DROP; the repository has its tag, and one of a week before."""
    folder = tmp_path_factory.mktemp("incident")
    rewritten = stream(prefix_tokens=6000, prefixes=800, per_hour=1.3, ttl_s=3600, rhythm=0.0)
    write_usage(usage_of([rewritten.then(9.408, edition=1)], days=17), folder / "usage.parquet")
    made = Repository(folder / "repository")
    made.commit((DROP - pd.Timedelta("8D")).isoformat())
    made.tag("v2.0", (DROP - pd.Timedelta("7D")).isoformat())
    made.tag("v2.1", DROP.isoformat())
    write_events(read_deploys(made.path).events, folder / "events.csv")
    return folder


def evidence(findings):
    """id -> sentences for it, of the causes that lead."""
    return {
        c["id"]: " ".join(map(str, c["evidence_for"]))
        for c in findings["causes"]
        if c["standing"] == "leading"
    }


def test_a_tag_at_the_drop_is_evidence_and_settles_the_cause(incident, command):
    without = command("causes", "usage.parquet", "--json", cwd=incident)
    given = command("causes", "usage.parquet", "--events", "events.csv", "--json", cwd=incident)

    assert json.loads(without.stdout)["verdict"] == "narrowed"
    assert json.loads(given.stdout)["verdict"] == "identified"
    assert "client change 'v2.1'" in evidence(json.loads(given.stdout))["client.prefix_changed"]
    assert "v2.0" not in evidence(json.loads(given.stdout))["client.prefix_changed"]
    assert given.stderr == "2 events from events.csv\n"
    assert without.stderr == ""


def test_events_on_the_command_line_go_before_the_file_and_p(incident, command):
    (incident / "params.yaml").write_text("events_path: wrong.csv\n")

    done = command(
        "causes", "usage.parquet", "-f", "params.yaml", "-p", "events_path", "worse.csv",
        "--events", "events.csv", "--json", cwd=incident,
    )  # fmt: skip

    assert done.returncode == 0
    assert json.loads(done.stdout)["provenance"]["params"]["events_path"] == "events.csv"


@pytest.mark.slow
def test_the_postmortem_reads_events_from_the_working_directory(incident, command):
    """The notebook runs in a kernel; a relative path means there what the user typed here."""
    done = command(
        "postmortem", "-p", "source", "frame", "-p", "path", "usage.parquet",
        "--events", "events.csv", cwd=incident,
    )  # fmt: skip
    (findings,) = (incident / "reports").glob("*/findings.json")

    assert done.returncode == 0
    assert (
        "client change 'v2.1'"
        in evidence(json.loads(findings.read_text()))["client.prefix_changed"]
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("at,kind,what\n2026-03-05T00:00Z,deploy,v1\n", "unknown event kinds ['deploy']"),
        ("at,kind,what\n2026-03-05T00:00,client,v1\n", "A time without a zone"),
        ("at,kind\n2026-03-05T00:00Z,client\n", "lacks the columns ['what']"),
        ("", "is empty"),
        (None, "no file at events.csv"),
    ],
)
def test_bad_events_are_one_message_and_exit_1(tmp_path, command, text, said):
    if text is not None:
        (tmp_path / "events.csv").write_text(text)

    done = command("causes", "--source", "sample", "--events", "events.csv", cwd=tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_events_given_twice_are_refused_and_not_half_read(tmp_path, command):
    done = command("causes", "--events", "a.csv", "--events", "b.csv", cwd=tmp_path)

    assert done.returncode == 2
    assert "given twice; put all rows into one file" in done.stderr


def test_since_is_in_utc_unless_it_says_else(monkeypatch):
    """Also on a machine in Tokyo."""
    with monkeypatch.context() as there:
        there.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        day, hour = since_of("2026-01-01"), since_of("2026-01-01T02:00+02:00")
    time.tzset()

    assert day == hour == datetime(2026, 1, 1, tzinfo=UTC)
