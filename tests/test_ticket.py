"""A ticket says what the findings say, to whom it may be said, and data in it stays text."""

import copy
import json
import os
import random
import re
from dataclasses import replace

import mistune
import pandas as pd
import pytest
from click.testing import CliRunner

from cacheaudit.causes.rank import CATALOGUE
from cacheaudit.cli import cli
from cacheaudit.engine import as_table, rollup
from cacheaudit.errors import ParamError, SourceError
from cacheaudit.findings import findings_of, plain_values
from cacheaudit.finished import read_finished
from cacheaudit.history import CUTOVER, Version, planted_requests
from cacheaudit.params import PostmortemParams
from cacheaudit.postmortem import investigate
from cacheaudit.report.actions import BY_CAUSE
from cacheaudit.schema import check_usage
from cacheaudit.sources.frame import write_usage
from cacheaudit.ticket import ticket_of
from cacheaudit.ticket.argued import ASKED
from cacheaudit.ticket.known import public_model
from cacheaudit.ticket.markdown import plain
from cacheaudit.ticket.names import Names
from cacheaudit.ticket.neutral import neutral_names
from cacheaudit.ticket.vocabulary import foreign, kit_words
from cacheaudit.traffic import Window
from cacheaudit.traffic.unread import COLUMNS, MOST, unread_calls
from tests.conftest import ROOT
from tests.logs import call, log, talk
from tests.planted import START as DAY_0
from tests.repairs import END, FIXED, calls, cohorts, findings, past
from tests.repairs import START as FIRST

WORKSPACE = "wrkspc_01JwQvzr7rXLA5AGx3HKfFUJ"
GOLDEN = ROOT / "tests" / "golden"
HOSTILE = (
    "[x](http://evil) `a`` |b| <b onclick=z>&lt;</b>\n# big\n- @octo www.evil.com #12 *s* ~~z~~ $q$"
)
PARTS = ["What was seen", "Timeline", "Who was affected, and who was not", "Requests to look up",
         "What it cost", "Cause", "What we ask", "How it was measured"]  # fmt: skip


def an_id(number):
    """A request id as a provider makes it."""
    return f"req_011CSHoEeqs5C35K2UU{number:05d}"


@pytest.fixture(scope="module")
def found():
    """The findings of the planted migration, with ids of the calls that read nothing."""
    kept = copy.deepcopy(findings())
    during = Window(
        start=CUTOVER,
        end=CUTOVER + pd.Timedelta("12h"),
        cohorts=(("support-chat", "edge-gateway"),),
    )
    shaped = calls().assign(request_id=[an_id(n) for n in range(len(calls()))])
    rows = unread_calls(
        shaped, during, {"claude-opus-4-6"}, minimums={"claude-opus-4-6": 1024}
    ).to_dict("records")
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
    names = neutral_names(found, past(), found["incidents"][0])
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
    params["names"] = {WORKSPACE: "support-chat", "claude-opus-4-6": "fast-model"}
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
    names = neutral_names(renamed, usage, renamed["incidents"][0])
    text = ticket_of(renamed, renamed["incidents"][0], names, "provider")

    for ours in ("support-chat", "claims-review", "edge-gateway", "billing-eu", "Nightjar", "Heron",
                 "secret-usage", "fast-model", "repairs"):  # fmt: skip
        assert ours not in text, ours
    assert f"workspace C: `{WORKSPACE}`" in text
    assert "claude-opus-4-6" in text
    assert "`req_" in text
    assert "1 more has an id that is not known to be yours and is left out." in text


EDGES = {
    "scope": ["claims-review", "support-chat", "support-chat-eu"],
    "route": ["edge-gateway"],
    "version": ["client-old", "client-recent"],
    "asked": ["own-alias"],
    "event": ["nightjar-event"],
    "place": ["billing-eu"],
    "team": ["team-heron"],
    "file": ["secret-usage"],
    "organisation": ["initech-org"],
    "call": ["own-call-id"],
    "model": ["falcon-model"],
    "key": ["kept-own-key"],
    "other_scope": ["zz-other-scope"],
    "other_model": ["zz-other-model"],
}
MODELS = {*EDGES["model"], *EDGES["other_model"], *EDGES["asked"]}
PUBLIC = {"claude-opus-4-6": "claude-opus-4-6-own"}  # a model of that name would be no name of ours
OURS = [name for names in EDGES.values() for name in names]
NASTY = [
    "wrkspc_layoffs", "proj_layoffs_2027", "org_secretbuyer", "key_acme_bank",
    "req-barbarossa-1345", "proj_mergerwithinitechcorporation", "claude-opus-4-6",
    "claude-opus-4-6-barbarossa", "opus", "2", "80", "80.1", "2026", "14:00", "2,600",
    "1h", "100 %", "cache", "rate", "traffic", "Cache", "workspace", "workspace A",
    "route A", "hit rate", "kept its rate", "model", "version", "prompt", "logs",
    "client", "UTC", "USD", "A", "x", "-", ".", "the", "Ärger-Straße", "日本語", "🚀",
    "🚀 los", "[x](http://evil)", "*bold*", "a|b", "line\nbreak", "`tick`",
    "jane@acme.example", "default", "/srv/acme/secret.jsonl", "acme: cache",
    "O'Brien & Sons", "<b onclick=z>", "\\d+", "(?i)x", "é",
]  # fmt: skip


@pytest.fixture(scope="module")
def telling(found):
    """Findings that name everything that a finding may name, in sentences too."""
    inner = copy.deepcopy(found)
    made, one = inner["provenance"], inner["incidents"][0]
    made["params"] |= {"names": {"kept-own-key": "support-chat"}, "path": "exports/secret-usage",
                       "pulls": {"initech-org": "initech-org.yaml"}}  # fmt: skip
    made["source"] = "initech-org: usage frame secret-usage"
    made["notes"] = ["initech-org: 3 rows of secret-usage reach over the edge of the window."]
    inner["log"]["request_ids"][0]["request_id"] = "own-call-id"
    inner["log"]["request_ids"].append(
        inner["log"]["request_ids"][1] | {"scope": "zz-other-scope", "model": "zz-other-model"}
    )
    given = {"at": CUTOVER.isoformat(), "kind": "client", "source": "given"}
    inner["events"] += [
        {**given, "what": "nightjar-event", "scope": "billing-eu"},
        {**given, "what": "nightjar-event", "scope": None, "kind": "falcon-model"},
        {**given, "kind": "model", "source": "seen in usage", "scope": "zz-other-scope",
         "what": "zz-other-model -> zz-other-model"},
    ]  # fmt: skip
    other = {**one["cohorts"][2], "scope": "zz-other-scope", "moved_to": "zz-other-model"}
    one["cohorts"] = [{**c, "team": "team-heron", "service": "team-heron"}
                      for c in [*one["cohorts"], other]]  # fmt: skip
    one["cohorts"][1] |= {"moved_from": "falcon-model"}
    one["causes"][0]["evidence_for"] += [
        "Given: client change 'nightjar-event' at 2026-03-17 14:00 UTC.",
        "support-chat sent client-old before and client-recent after, and asked for own-alias.",
        "falcon-model caches through edge-gateway; initech-org does not.",
        "zz-other-scope kept its rate on zz-other-model.",
    ]
    inner["data_quality"] = [
        {"id": "x", "severity": "note", "about": "usage", "text": text}
        for text in ("billing-eu read and wrote nothing after 2026-03-16.",
                     "3 rows of secret-usage were kept by team-heron.")
    ]  # fmt: skip
    usage = past()
    odd = usage.tail(4).index
    usage["client_version"] = ["client-old", "client-recent"] * (len(usage) // 2)
    usage["model_requested"] = "own-alias"
    usage.loc[odd, "model"] = "falcon-model"
    elsewhere = (
        usage[usage["scope"] == "support-chat-eu"]
        .tail(3)
        .assign(provider="openai", model="zz-other-model", scope="zz-other-scope")
    )
    return inner, check_usage(pd.concat([usage, elsewhere], ignore_index=True))


def renamed(telling, by):
    """*telling* with every name of ours changed to what *by* has for it."""
    any_of = re.compile("|".join(sorted(map(re.escape, by), key=len, reverse=True)))

    def change(value):
        if isinstance(value, dict):
            return {change(k): change(v) for k, v in value.items()}
        if isinstance(value, list):
            return [change(one) for one in value]
        return any_of.sub(lambda m: by[m[0]], value) if isinstance(value, str) else value

    columns = ["scope", "route", "client_version", "model_requested", "model"]
    usage = telling[1].copy()
    for column in columns:
        usage[column] = usage[column].map(lambda name: by.get(name, name))
    return change(telling[0]), usage


def told(telling, to):
    inner, usage = telling
    one = inner["incidents"][0]
    names = neutral_names(inner, usage, one) if to == "provider" else Names()
    return ticket_of(inner, one, names, to)


def said(text):
    """Its sentences; of what is ruled out, without the causes before them."""
    ids = r"^- [a-z]+\.[\w\\., ]+: "
    lines = [re.sub(ids, "- ", line) for line in text.split("\n")]
    return {part.strip("- ") for line in lines for part in re.split(r"(?<=[.?]) ", line)}


def numbers(text):
    return set(re.findall(r"\d(?:[\d.,]*\d)?", text))


LEFT_OUT = re.compile(r"(One|\d+) sentences? (is|are) left out: \w+ names? something of ours\.")


@pytest.mark.parametrize("seed", range(30))
def test_a_provider_reads_nothing_that_hangs_on_a_name_of_ours(telling, seed):
    """Whatever our things are called, the ticket says the same, or leaves a sentence out.

    So no name is in it but as a word of the kit's own, and no word or number of it is changed.
    """
    rng = random.Random(seed)
    chosen = sorted(rng.sample(NASTY, len(OURS)))
    by = dict(zip(sorted(OURS), chosen, strict=True))  # labels go by the alphabet
    by = {name: PUBLIC.get(new, new) if name in MODELS else new for name, new in by.items()}
    wild = renamed(telling, by)
    text, tame = told(wild, "provider"), told(telling, "provider")
    new = {one for one in said(text) - said(tame) if LEFT_OUT.fullmatch(one) is None}
    bare = re.sub(r"claude-(opus-4-6|sonnet-4-5-20250929)(?!-)", "", text)
    own = {name for name in chosen if foreign(name, kit_words() | {"claude-opus-4-6"})}

    assert new == set()
    assert [name for name in own if name in bare or plain(name) in bare] == []
    counted = re.sub(r"\d+ (sentences are|more has an id that is .* and is) left out", "", text)
    assert numbers(counted) <= numbers(told(wild, "platform"))


def test_a_provider_reads_what_can_be_said_without_our_names(telling):
    text = told(telling, "provider")

    assert [name for name in OURS if name in text] == []
    assert "workspace C sent client version A before and client version B after" in text
    assert "client change 'one of ours' at 2026-03-17 14:00 UTC." in text
    assert "caches through" not in text
    assert "workspace A read and wrote nothing after 2026-03-16." in text
    assert "openai" not in text.lower()
    assert "| zz" not in text
    assert "2 of 3 kept their rate" in text


def test_a_model_is_told_as_its_maker_calls_it():
    assert public_model("anthropic", "claude-opus-4-6") == "claude-opus-4-6"
    assert public_model("bedrock", "us.anthropic.claude-opus-4-6-v1:0") is not None
    path = "projects/acme-merger/locations/eu/publishers/anthropic/models/claude-opus-4-6"
    assert public_model("vertex", path) == "claude-opus-4-6"
    for ours in ("claude-opus-4-6-barbarossa", "acme-falcon", "gpt-5", "claude-barbarossa"):
        assert public_model("anthropic", ours) is None, ours


def test_a_sentence_with_an_unknown_word_or_a_name_within_another_is_not_changed():
    words = kit_words() | {"claude-opus-4-6"}
    names = Names(to="anthropic", shown={"opus": "workspace A"}, words=words)

    assert names.sentence("opus moved to claude-opus-4-6.") == (
        "workspace A moved to claude-opus-4-6."
    )
    assert names.sentence("opus moved to barbarossa.") is None
    assert names.sentence("opus-eu kept its rate.") is None


def test_notes_of_the_pull_are_not_told_to_a_provider(found):
    inner = copy.deepcopy(found)
    inner["provenance"]["notes"] = ["3 rows of the log were left out."]

    assert "3 rows of the log" not in to_provider(inner)
    assert "3 rows of the log" in to_platform(inner)


def test_with_names_only_names_are_added(telling):
    inner, usage = telling
    one = inner["incidents"][0]
    text = ticket_of(inner, one, neutral_names(inner, usage, one, keep=True), "provider")

    assert "support-chat via edge-gateway" in text
    assert "nightjar-event" in text
    for hidden in ("secret-usage", "initech-org", "own-call-id", "zz-other", "team-heron"):
        assert hidden not in text, hidden


BROKEN = [
    ("incidents", 0, "cohorts", 0, "affected"), ("incidents", 0, "incident", "baseline"),
    ("incidents", 0, "causes"), ("incidents", 0, "recovery", "slo"),
    ("provenance", "params"), ("provenance", "versions"), ("events", 0, "what"), ("log", "used"),
]  # fmt: skip


@pytest.mark.parametrize("where", BROKEN, ids=lambda where: str(where[-1]))
@pytest.mark.parametrize("to", ["provider", "platform"])
def test_findings_that_lack_a_part_are_refused_in_one_line(found, folder, where, to):
    broken = copy.deepcopy(found)
    broken["incidents"][0]["recovery"] = {"recovered_at": CUTOVER.isoformat(),
                                          "slo": {"at_share_of_baseline": 0.9}}  # fmt: skip
    part = broken
    for key in where[:-1]:
        part = part[key]
    del part[where[-1]]
    (folder / "findings.json").write_text(json.dumps(broken), encoding="utf-8")
    result = CliRunner().invoke(cli, ["ticket", str(folder), "--to", to])

    assert result.exception is None or isinstance(result.exception, (SystemExit, SourceError))


def test_a_time_that_is_none_is_refused(found, folder):
    broken = copy.deepcopy(found)
    broken["incidents"][0]["incident"]["baseline"] = ["soon", "later"]
    (folder / "findings.json").write_text(json.dumps(broken), encoding="utf-8")
    result = CliRunner().invoke(cli, ["ticket", str(folder), "--to", "platform"])

    assert isinstance(result.exception, SourceError)
    assert "Run the postmortem again" in str(result.exception)


def test_labels_are_the_same_whichever_incident_is_told_and_differ_by_name(found):
    names = neutral_names(found, past(), found["incidents"][0])

    assert names.scopes == {"claims-review": "workspace A", "support-chat": "workspace B",
                            "support-chat-eu": "workspace C"}  # fmt: skip
    assert names.sentence("support-chat-eu and support-chat") == "workspace C and workspace B"
    assert names.cohort("nobody's", None) == "a name of ours"


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
    found = unread_calls(calls(), during, {"claude-opus-4-6"}, {"claude-opus-4-6": 1024})
    own = calls().query("scope == 'support-chat' and model == 'claude-opus-4-6'")
    first = own.drop_duplicates("prefix_id")["request_id"]

    assert list(found) == COLUMNS
    assert MOST - 4 <= len(found) <= MOST
    assert found["request_id"].is_unique
    assert found["at"].iloc[2] < CUTOVER + pd.Timedelta("30min")
    assert set(found["request_id"]) <= set(own["request_id"])
    assert not set(found["request_id"]) & set(first)
    assert (found["read_tokens"] == 0).all()
    assert found["at"].is_monotonic_increasing
    assert found["at"].diff().max() < pd.Timedelta("2h")
    assert unread_calls(calls(), during, {"claude-opus-4-6"}).empty  # 2,600 tokens of 4,096


DURING = {"start": DAY_0 + pd.Timedelta("5s"), "end": DAY_0 + pd.Timedelta("1D")}
SHORT = {"claude-opus-4-6": 500}


@pytest.mark.slow
def test_only_calls_that_had_something_to_read_are_asked_about():
    """By hand: r3 read a tenth and r4 nothing; r0 came too early, and r6 after its entry's end.

    r2 and new* are the first of their prefix; s* share less than the model caches; r7 began before
    r6 had begun to answer, r8 read most of it.
    """
    rows = log(
        talk(0, "a", read=0, written=1000, request_id="r0"),
        talk(10, "a", read=1000, request_id="r1"),
        call(20, prefix_id="q", cache_read_tokens=0, request_id="r2"),
        talk(30, "a", read=100, written=900, request_id="r3"),
        talk(40, "a", read=0, written=1000, request_id="r4"),
        talk(50, "a", read=0, written=1000),
        talk(60, "a", read=0, written=1000, request_id="failed", status=500),
        *(call(100 + n, prefix_id=f"n{n}", cache_read_tokens=0, request_id=f"new{n}")
          for n in range(3)),
        *(call(200 + n, prefix_id="s", cache_read_tokens=0, uncached_input_tokens=20,
               request_id=f"s{n}") for n in range(3)),
        talk(3600, "a", read=0, written=1000, request_id="r6", latency_ms=9000),
        talk(3605, "a", read=0, written=1000, request_id="r7"),
        talk(3620, "a", read=900, written=100, request_id="r8"),
    )  # fmt: skip
    chat = Window(**DURING, cohorts=(("chat", "gateway"),))
    other = Window(**DURING, cohorts=(("chat", None),))

    assert list(unread_calls(rows, chat, minimums=SHORT)["request_id"]) == ["r3", "r4"]
    assert unread_calls(rows, chat).empty  # documented: from 4,096 tokens on
    assert unread_calls(rows, other, minimums=SHORT).empty


def test_an_entry_lives_as_long_as_was_written_into_it():
    """Twenty minutes later an hour's entry still lives, and one of five minutes does not."""
    rows = log(
        *(
            call(at_s, prefix_id=life, session_id=f"{life}{at_s}", cache_read_tokens=0,
                 request_id=f"{life}-{at_s}", **{f"cache_write_{life}_tokens": 1000})
            for life in ("5m", "1h") for at_s in (10, 1210)
        )
    )  # fmt: skip

    found = unread_calls(rows, Window(**DURING, cohorts=()), minimums=SHORT)

    assert list(found["request_id"]) == ["1h-1210"]


@pytest.mark.slow
def test_a_postmortem_with_a_log_has_the_ids_in_its_findings(tmp_path):
    """A version that caches less than its documentation says: from 4,096 tokens, not 1,024."""
    log_path, usage_path = tmp_path / "log.parquet", tmp_path / "usage.parquet"
    worse = Version(model="claude-sonnet-4-6", minimum_tokens=4096)
    moved = [replace(one, versions=(one.versions[0], (CUTOVER, worse)))
             if one.scope == "support-chat" else one for one in cohorts()]  # fmt: skip
    whole = planted_requests(moved, (FIRST, FIXED), 5)
    whole = whole.assign(request_id=[f"req_{n:06d}" for n in range(len(whole))])
    whole.to_parquet(log_path)
    write_usage(rollup(as_table(whole)), usage_path)
    params = PostmortemParams(source="frame", path=str(usage_path), requests_path=str(log_path))
    found = findings_of(investigate(params, now=END))
    ids = found["log"]["request_ids"]

    assert 0 < len(ids) <= MOST
    assert set(ids[0]) == set(COLUMNS)
    assert {one["scope"] for one in ids} == {"support-chat"}
    assert {one["model"] for one in ids} == {"claude-sonnet-4-6"}
    assert ids[0]["at"].startswith("2026-03-17T14:2")


def test_findings_without_a_log_have_no_ids():
    assert findings()["log"]["request_ids"] == []
