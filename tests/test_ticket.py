"""A ticket says what the findings say, to whom it may be said, and data in it stays text."""

import copy
import json
import os
import re

import mistune
import pandas as pd
import pytest

from cacheaudit.causes.rank import CATALOGUE
from cacheaudit.engine import as_table, rollup
from cacheaudit.errors import ParamError, SourceError
from cacheaudit.findings import findings_of, plain_values
from cacheaudit.finished import read_finished
from cacheaudit.history import CUTOVER, planted_requests
from cacheaudit.params import PostmortemParams
from cacheaudit.postmortem import investigate
from cacheaudit.report.actions import BY_CAUSE
from cacheaudit.sources.frame import write_usage
from cacheaudit.ticket import ticket_of
from cacheaudit.ticket.argued import ASKED
from cacheaudit.ticket.markdown import plain
from cacheaudit.ticket.names import Names, neutral_names
from cacheaudit.traffic import Window
from cacheaudit.traffic.unread import COLUMNS, MOST, unread_calls
from tests.conftest import ROOT
from tests.logs import call, log, talk
from tests.planted import START as DAY_0
from tests.repairs import END, FIXED, calls, cohorts, findings, past
from tests.repairs import START as FIRST

GOLDEN = ROOT / "tests" / "golden"
HOSTILE = (
    "[x](http://evil) `a`` |b| <b onclick=z>&lt;</b>\n# big\n- @octo www.evil.com #12 *s* ~~z~~ $q$"
)
PARTS = ["What was seen", "Timeline", "Who was affected, and who was not", "Requests to look up",
         "What it cost", "Cause", "What we ask", "How it was measured"]  # fmt: skip


@pytest.fixture(scope="module")
def found():
    """The findings of the planted migration, with ids of the calls that read nothing."""
    kept = copy.deepcopy(findings())
    during = Window(
        start=CUTOVER,
        end=CUTOVER + pd.Timedelta("12h"),
        cohorts=(("support-chat", "edge-gateway"),),
    )
    rows = unread_calls(calls(), during, {"claude-opus-4-6"}).to_dict("records")
    kept["log"]["request_ids"] = plain_values(rows)
    kept["provenance"]["versions"] = {"cacheaudit": "0"}
    return kept


@pytest.fixture
def folder(found, tmp_path):
    """A run folder as a postmortem leaves it."""
    (tmp_path / "findings.json").write_text(json.dumps(found), encoding="utf-8")
    write_usage(past(), tmp_path / "usage.parquet")
    return tmp_path


def with_words(found, old, new):
    """*found* with the text *old* replaced by *new* in every value."""
    quoted = json.dumps(new)[1:-1]
    return json.loads(re.sub(rf"{old}(?!-)", lambda _: quoted, json.dumps(found)))


def to_provider(found, **given):
    names = neutral_names(found, past())
    return ticket_of(found, found["incidents"][0], names, "provider", **given)


def to_platform(found, **given):
    return ticket_of(found, found["incidents"][0], Names(), "platform", **given)


def html_of(text):
    plugins = ["table", "url", "strikethrough", "footnotes", "math", "task_lists"]
    return str(mistune.create_markdown(plugins=plugins, escape=False)(text))


def lines_under(text, heading):
    return text.split(f"## {heading}\n\n")[1].split("\n\n## ")[0]


@pytest.mark.parametrize("to", ["provider", "platform"])
def test_the_ticket_as_a_whole(found, to):
    text = to_provider(found) if to == "provider" else to_platform(found)
    golden = GOLDEN / f"ticket_{to}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")

    assert text == golden.read_text(encoding="utf-8")
    assert re.findall("^## (.*)$", text, re.M) == PARTS


def test_a_suspect_is_not_called_a_verdict(found):
    """Both findings of the same incident; the second one leaves two causes that lead."""
    two = copy.deepcopy(found)
    one = two["incidents"][0]
    one["verdict"] = "narrowed"
    for cause in one["causes"][:2]:
        cause["standing"], cause["needs"] = "leading", "a request log"
    told, cause = to_platform(two), lines_under(to_platform(two), "Cause")

    assert lines_under(to_platform(found), "Cause").startswith("The cause is identified.")
    assert cause.startswith("The cause is narrowed down, not identified.")
    assert "identified." not in cause.split("\n")[0].replace("not identified.", "")
    assert "Get a request log: it would decide." in told
    assert "A version change beside a drop is a suspect, not a verdict." in told


def test_every_cause_of_the_incident_is_told_once_with_its_reason(found):
    cause = lines_under(to_platform(found), "Cause")
    for one in found["incidents"][0]["causes"]:
        assert len(re.findall(rf"\b{re.escape(plain(one['id']))}\b", cause)) == 1
        if one["standing"] == "ruled_out":
            assert plain(one["evidence_against"][0]) in cause


def test_the_spared_stand_beside_the_affected(found):
    rows = lines_under(to_platform(found), "Who was affected, and who was not")

    assert re.search(r"\| support-chat via edge-gateway \| affected \| .* \| 8\d\.\d", rows)
    assert "| support-chat-eu via edge-gateway | spared | did not change |" in rows
    assert "2 of 3 kept their rate in the same hours." in rows


def test_a_provider_is_told_no_name_of_ours_and_only_ids_that_it_gave_out(found):
    """Scopes, routes, releases, files and the names that stand for ids; the ids themselves stay."""
    inner = copy.deepcopy(found)
    params = inner["provenance"]["params"]
    params["names"] = {"wrkspc_01": "support-chat", "claude-opus-4-6": "fast-model"}
    params["path"] = "exports/secret-usage.parquet"
    inner["provenance"]["notes"] = ["3 rows of secret-usage.parquet reach over the edge."]
    inner["events"].append({"at": CUTOVER.isoformat(), "kind": "client", "source": "given",
                            "what": "Project Nightjar", "scope": "billing-eu"})  # fmt: skip
    inner["incidents"][0]["causes"][0]["evidence_for"].append(
        "The client event 'Project Nightjar' reached support-chat's traffic."
    )
    inner["incidents"][0]["cohorts"][0]["team"] = "Team Heron"
    inner["log"]["request_ids"][0]["request_id"] = "support-chat-000001"
    renamed = with_words(inner, 'claude-opus-4-6(?=")', "fast-model")
    renamed["provenance"]["params"]["names"] = params["names"]
    usage = past().replace({"model": {"claude-opus-4-6": "fast-model"}})
    names = neutral_names(renamed, usage)
    text = ticket_of(renamed, renamed["incidents"][0], names, "provider")

    for ours in ("support-chat", "claims-review", "edge-gateway", "billing-eu", "Nightjar", "Heron",
                 "secret-usage", "fast-model", "repairs"):  # fmt: skip
        assert ours not in text, ours
    assert "workspace C: `wrkspc_01`" in text
    assert "claude-opus-4-6" in text
    assert "`req_" in text
    assert "1 more have ids of our own and are left out." in text


def test_labels_are_the_same_whichever_incident_is_told_and_differ_by_name(found):
    names = neutral_names(found, past())

    assert names.scopes == {"claims-review": "workspace A", "support-chat": "workspace B",
                            "support-chat-eu": "workspace C"}  # fmt: skip
    assert names.sentence("support-chat-eu and support-chat") == "workspace C and workspace B"
    assert names.cohort("wrkspc_9", None) == r"wrkspc\_9"


def test_without_money_no_amount_is_left(found):
    rich = copy.deepcopy(found)
    rich["data_quality"].append({"id": "x", "severity": "note", "about": "cost",
                                 "text": "12.00\u00a0USD were charged twice."})  # fmt: skip
    assert "USD" in to_platform(rich)
    assert "USD" not in to_platform(rich, amounts=False)
    assert "## What it cost" not in to_platform(rich, amounts=False)


def test_names_from_data_are_text_on_the_page(found):
    """A name that is a link, a tag, a table cell, a heading and a mention changes no markup."""
    tame, wild = (html_of(to_platform(with_words(found, "support-chat", name)))
                  for name in ("tame", HOSTILE))  # fmt: skip
    tags = [re.findall(r"</?[a-z][a-z0-9]*", page) for page in (tame, wild)]

    assert tags[0] == tags[1]
    assert "&lt;b onclick" in wild
    assert "<a " not in wild
    assert not re.search(r"@octo|www\.evil", wild)


@pytest.mark.parametrize(
    "text", [HOSTILE, "- item", "1. item", "1) item", "+ item", "# head", "=== rule", "---",
             "mailto:a@b.example", ":rocket:", "a\u2028b\x07c", "> quote", "***"]
)  # fmt: skip
def test_any_text_is_one_paragraph_of_text(text):
    page = html_of(plain(text)).strip()

    assert re.fullmatch(r"<p>[^<]*</p>", page), page
    assert "\n" not in plain(text)


def test_only_causes_of_the_catalogue_are_asked_about():
    ids = {one.id for one in CATALOGUE}

    assert set(ASKED) <= ids
    assert set(BY_CAUSE) <= ids


def test_a_provider_is_told_where_the_cause_is_on_our_side(found):
    ours = copy.deepcopy(found)
    for cause in ours["incidents"][0]["causes"]:
        leads = cause["id"] == "client.markers_dropped"
        cause["standing"] = "leading" if leads else "ruled_out"
    asked = lines_under(to_provider(ours), "What we ask")

    assert asked.startswith("By this data the cause is on our side")
    assert "Did these requests carry cache markers" in asked
    assert "on our side" not in lines_under(to_provider(found), "What we ask")


def test_the_command_writes_a_whole_file_or_the_terminal(folder, command):
    said = command("ticket", str(folder), "--to", "provider", "--no-money", cwd=folder)
    done = command("ticket", str(folder), "--to", "provider", "--no-money", "--out", "t.md",
                   cwd=folder)  # fmt: skip

    assert (said.returncode, done.returncode) == (0, 0)
    assert done.stdout.strip() == "t.md"
    assert (folder / "t.md").read_text(encoding="utf-8") == said.stdout
    assert "support-chat" not in said.stdout
    assert "support-chat" in command(
        "ticket", str(folder), "--to", "provider", "--names", cwd=folder
    ).stdout  # fmt: skip


def test_an_incident_is_chosen_by_its_start(found, folder):
    later = copy.deepcopy(found["incidents"][0])
    later["incident"]["start"] = "2026-03-12T00:00:00+00:00"
    (folder / "findings.json").write_text(
        json.dumps({**found, "incidents": [later, found["incidents"][0]]}), encoding="utf-8"
    )
    done = read_finished(folder)

    assert done.costliest["incident"]["start"] == found["incident"]["start"]
    assert done.incident(pd.Timestamp("2026-03-12", tz="UTC")) == later
    assert "None are at hand" in ticket_of(done.findings, later, Names(), "platform")
    with pytest.raises(ParamError, match="expected one of: 2026-03-12T00:00:00"):
        done.incident(END)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"kind": "weekly"}, SourceError, "kind 'weekly'; expected that of a postmortem"),
        ({"schema": 2}, SourceError, "schema 2; expected 1"),
        ({"incidents": [], "incident": None}, ParamError, "found no incident"),
        ({"incidents": [{"incident": {}}]}, SourceError, "Run the postmortem again"),
    ],
)
def test_findings_that_are_no_such_postmortem_are_refused(found, folder, changes, error, words):
    (folder / "findings.json").write_text(json.dumps({**found, **changes}), encoding="utf-8")

    with pytest.raises(error, match=words):
        _ = read_finished(folder).costliest


def test_a_folder_without_findings_or_with_half_of_them_is_refused(folder):
    with pytest.raises(SourceError, match="expected the run folder of a postmortem"):
        read_finished(folder / "nowhere")
    whole = (folder / "findings.json").read_text(encoding="utf-8")
    (folder / "findings.json").write_text(whole[: len(whole) // 2], encoding="utf-8")
    with pytest.raises(SourceError, match="is no JSON"):
        read_finished(folder)


def test_unread_calls_are_the_first_and_others_spread_over_the_incident():
    during = Window(
        start=CUTOVER,
        end=CUTOVER + pd.Timedelta("12h"),
        cohorts=(("support-chat", "edge-gateway"),),
    )
    found = unread_calls(calls(), during, {"claude-opus-4-6"})
    own = calls().query("scope == 'support-chat' and model == 'claude-opus-4-6'")

    assert list(found) == COLUMNS
    assert MOST - 4 <= len(found) <= MOST
    assert found["request_id"].is_unique
    assert set(own["request_id"].head(3)) <= set(found["request_id"])
    assert set(found["request_id"]) <= set(own["request_id"])
    assert (found["read_tokens"] == 0).all()
    assert found["at"].is_monotonic_increasing
    assert found["at"].diff().max() < pd.Timedelta("2h")


def test_a_call_that_follows_another_goes_before_a_first_one():
    """By hand: q is alone; of p's calls r3 read a tenth and r4 nothing; r0 came too early."""
    rows = log(
        talk(0, "a", read=0, written=1000, request_id="r0"),
        talk(10, "a", read=1000, request_id="r1"),
        call(20, prefix_id="q", cache_read_tokens=0, request_id="r2"),
        talk(30, "a", read=100, written=900, request_id="r3"),
        talk(40, "a", read=0, written=1000, request_id="r4"),
        talk(50, "a", read=0, written=1000),
        talk(60, "a", read=0, written=1000, request_id="failed", status=500),
    )
    later = {"start": DAY_0 + pd.Timedelta("5s"), "end": DAY_0 + pd.Timedelta("1D")}
    chat = Window(**later, cohorts=(("chat", "gateway"),))
    other = Window(**later, cohorts=(("chat", None),))

    assert list(unread_calls(rows, chat)["request_id"]) == ["r2", "r3", "r4"]
    assert unread_calls(rows, other).empty


@pytest.mark.slow
def test_a_postmortem_with_a_log_has_the_ids_in_its_findings(tmp_path):
    log_path, usage_path = tmp_path / "log.parquet", tmp_path / "usage.parquet"

    whole = planted_requests(cohorts(), (FIRST, FIXED), 5)
    whole = whole.assign(request_id=[f"req_{n:06d}" for n in range(len(whole))])
    whole.to_parquet(log_path)
    write_usage(rollup(as_table(whole)), usage_path)
    params = PostmortemParams(source="frame", path=str(usage_path), requests_path=str(log_path))
    found = findings_of(investigate(params, now=END))
    ids = found["log"]["request_ids"]

    assert 0 < len(ids) <= MOST
    assert set(ids[0]) == set(COLUMNS)
    assert {one["scope"] for one in ids} == {"support-chat"}
    assert {one["model"] for one in ids} == {"claude-opus-4-6"}
    assert ids[0]["at"].startswith("2026-03-17T14:2")


def test_findings_without_a_log_have_no_ids():
    assert findings()["log"]["request_ids"] == []
