"""Mail through a real server, parsed again; what is due; what a mail says without its page."""

import base64
import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as POLICY
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cacheaudit.cli.mail import mailing
from cacheaudit.errors import AccessDenied, ParamError, SourceError
from cacheaudit.mail_params import MailParams
from cacheaudit.mailing.compose import failure_message, report_message
from cacheaudit.mailing.deliver import deliver, deliver_failure
from cacheaudit.mailing.due import due, row_of
from cacheaudit.mailing.ledger import keep_sent, read_sent
from cacheaudit.mailing.page import MOST_BYTES, mail_css, mail_page
from cacheaudit.mailing.text import mail_text
from tests.conftest import ROOT
from tests.mails import PASSWORD, REFUSED, USER, mail_server

# aiosmtpd does not know that a connection is TLS from its start
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
EXAMPLE = ROOT / "reports" / "examples" / "postmortem-migration.html"
PNG = base64.b64encode(b"\x89PNG not really").decode()


def params(**more) -> MailParams:
    given = {
        "sender": "cacheaudit@example.org",
        "readers": ["team@example.org"],
        "host": "127.0.0.1",
    }
    return MailParams(**(given | more))


def findings(**more) -> dict:
    incident = {
        "incident": {"start": "2026-03-17T14:20:00+00:00", "end": None, "measure": "hit_rate"},
        "verdict": "identified",
        "causes": [{"id": "model.below_minimum", "standing": "leading"}],
        "excess_usd": {"value": 1125.0},
    }
    return {
        "schema": 1,
        "kind": "postmortem",
        "name": "demo",
        "verdict": "identified",
        "headline": "Hit rate 88.2\u00a0% to 0\u00a0%: model.below_minimum",
        "summary": ["It fell.", "It is the minimum.", "A cold start explains 0.66\u00a0USD."],
        "incidents": [incident],
        "gates": [],
        "data_quality": [],
        "cost": {"unpriced": []},
        "provenance": {"fetched_at": "2026-03-31T00:00:00+00:00"},
    } | more


def incident(**more) -> dict:
    return findings()["incidents"][0] | more


def kept(found: dict, to: MailParams | None = None, day: date = date(2026, 11, 23)) -> list[dict]:
    """What is kept of *found* when it was sent on *day*."""
    return [row_of(found, to or params(), day)]


def page(sections: int = 2, size: int = 100) -> str:
    parts = "".join(
        f'<h2 id="s{n}">Section {n} &lt;b&gt;</h2><p>{"x" * size}</p>'
        f'<figure><img alt="Figure {n}" src="data:image/png;base64,{PNG}"></figure>'
        for n in range(sections)
    )
    return (
        "<!doctype html><html><head><title>Postmortem: demo</title><style>"
        ":root{--ink:#111;--alert-ink:#900}.ca-verdict{color:var(--ink)}</style></head><body>"
        '<header class="ca-top"><h1>Why?</h1></header><main id="content"><div class="ca-lead">'
        '<section class="ca-verdict ca-alert"><p>Incident</p></section></div>'
        '<nav class="ca-contents"></nav>'
        f'<div class="ca-rest">{parts}</div></main></body></html>'
    )


def run_folder(tmp_path: Path, found: dict | None = None, html: str | None = None) -> Path:
    folder = tmp_path / "postmortem-demo-20261123T070000Z"
    folder.mkdir(exist_ok=True)
    (folder / "findings.json").write_text(json.dumps(found or findings()), encoding="utf-8")
    (folder / "report.html").write_text(html or page(), encoding="utf-8")
    return folder


def text_of(message: EmailMessage) -> str:
    return message.get_body(("plain",)).get_content()


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_report_goes_through_a_real_server_and_is_whole_at_the_other_end(
    tmp_path, monkeypatch, security
):
    monkeypatch.setenv("CACHEAUDIT_MAIL_PASSWORD", PASSWORD)
    html = EXAMPLE.read_text(encoding="utf-8")
    folder = run_folder(tmp_path, html=html)
    with mail_server(tmp_path, monkeypatch, tls=security == "tls") as box:
        to = params(port=box.port, user=USER, security=security, sent_path=str(tmp_path / "sent"))
        assert deliver(folder, to, now=NOW).send
        assert not deliver(folder, to, now=NOW).send

    (message,) = box.messages
    assert box.to == [["team@example.org"]]
    assert box.secured == [True]
    body = message.get_body(("html",)).get_content()
    named = set(re.findall(r'src="cid:([^"]+)"', body))
    parts = {part["Content-ID"].strip("<>"): part for part in message.walk() if part["Content-ID"]}
    assert named == set(parts)
    assert len(named) >= 3
    assert all(part.get_content().startswith(b"\x89PNG") for part in parts.values())
    assert len(body.encode()) < MOST_BYTES
    assert "data:" not in body
    assert "var(" not in body
    (attached,) = [p for p in message.iter_attachments() if p.get_filename() == "report.html"]
    assert attached.get_content().replace("\r\n", "\n").strip() == html.strip()
    assert "Incident: Hit rate 88.2 % to 0 %: model.below_minimum" in text_of(message)
    assert message["Subject"].strip().startswith("Incident: Hit rate 88.2 % to 0 %")
    assert message["Auto-Submitted"] == "auto-generated"


def test_the_text_stands_alone():
    gates = [
        {"name": "hit_rate", "about": "", "standing": "unknown", "reason": "Not known.",
         "needs": "a probe"},
        {"name": "above_minimum", "about": "chat", "standing": "fail", "reason": "Below 4,096.",
         "needs": ""},
    ]  # fmt: skip
    found = findings(
        kind="readiness", verdict="not_ready", headline="1 gate fails", gates=gates, incidents=[],
        data_quality=[{"id": "late", "severity": "blind", "text": "It is late.", "about": ""}],
    )  # fmt: skip

    assert mail_text(found, where="The whole report is attached.") == (
        "Readiness: demo\n\nNOT READY: 1 gate fails\n\nIt fell.\n\nIt is the minimum.\n\n"
        "A cold start explains 0.66 USD.\n\nGates\n- unknown: hit rate. Not known.\n"
        "- FAIL: above minimum, chat. Below 4,096.\n\nTo decide: a probe.\n\n"
        "Data: It is late.\n\nThe whole report is attached.\n"
    )


@given(
    headline=st.text(),
    name=st.text(min_size=1),
    ends=st.sampled_from(["\r\nBcc: a@b.c", "\n\n<p>", ""]),
)
def test_nothing_in_the_data_can_begin_a_header(headline, name, ends):
    found = findings(headline=headline + ends, name=name + ends)
    message = report_message(found, page(), params(), folder="run", at=NOW)

    assert message["Bcc"] is None
    assert len(message.get_all("Subject")) == 1
    assert "\n" not in message["Subject"]
    header = message.as_bytes().split(b"\r\n\r\n", 1)[0]
    assert b"\r\nBcc" not in header


def test_what_does_not_fit_is_named_and_attached():
    shown = mail_page(page(sections=5, size=30_000), where="Attached.")

    assert len(shown.html.encode()) <= MOST_BYTES
    assert shown.left_out == ("Section 3 &lt;b&gt;", "Section 4 &lt;b&gt;")
    assert len(shown.images) == 3
    assert "<li>Section 3 &lt;b&gt;</li>" in shown.html
    assert mail_page(page(), where="Attached.").left_out == ()


def test_colours_are_values_and_darkness_is_left_to_the_client():
    css = mail_css((ROOT / "cacheaudit" / "page.css").read_text(encoding="utf-8"))

    assert "var(" not in css
    assert "prefers-color-scheme" not in css
    assert "@media print" not in css
    assert "#97201a" in css
    assert len(css) < 8192  # above it, clients leave the style out


def test_the_same_is_not_sent_twice_and_quiet_means_quiet(tmp_path):
    path = tmp_path / "sent.jsonl"
    keep_sent(path, kept(findings())[0], "2026-11-16T07:00:00+00:00")
    sent = read_sent(path)

    again = findings(provenance={"fetched_at": "later"})
    other = findings(summary=["It fell.", "Another figure.", "So."])
    assert due(again, sent, params(), NOW.date()).why == "the same report was sent already"
    assert due(other, sent, params(), NOW.date()).send
    assert not due(other, sent, params(quiet=True), NOW.date()).send
    assert due(findings(verdict="narrowed"), sent, params(quiet=True), NOW.date()).send
    assert due(findings(name="else"), sent, params(quiet=True), NOW.date()).send


def test_what_changed_back_is_sent_again(tmp_path):
    """Held against the last that was sent, not against any."""
    better = findings(verdict="no_incident", incidents=[])

    assert due(findings(), kept(findings()) + kept(better), params(quiet=True), NOW.date()).send


def test_a_known_incident_is_one_line_until_its_day(tmp_path):
    known = params(
        acknowledged=[
            {
                "start": "2026-03-17 14:20",
                "until": "2026-11-30",
                "report": "demo",
                "note": "fix on its way",
            }
        ]
    )
    line = "Known until 2026-11-30: the incident since 2026-03-17 14:20 UTC: fix on its way."

    decided = due(findings(), [], known, date(2026, 11, 30))
    assert (decided.known, decided.all_known) == ((line,), True)
    assert not due(findings(), [], known, date(2026, 12, 1)).known
    second = [incident(), incident(incident={"start": "2026-03-20T00:00", "end": None})]
    assert not due(findings(incidents=second), [], known, NOW.date()).all_known
    eml = tmp_path / "out.eml"
    deliver(
        run_folder(tmp_path), replace(known, sent_path=str(tmp_path / "s")), dry_run=eml, now=NOW
    )
    text = eml.read_text(encoding="utf-8")
    assert "Known until 2026-11-30" in text
    assert "Subject: Known: Incident" in text
    assert not (tmp_path / "s").exists()


ACKNOWLEDGED = {"start": "2026-03-17 14:20", "until": "2026-12-01", "report": "demo"}
GATE = {"name": "recovery", "about": "", "reason": "", "needs": ""}


@pytest.mark.parametrize(
    "more",
    [
        {"gates": [GATE | {"standing": "fail"}]},
        {"gates": [GATE | {"standing": "unknown"}]},
        {"data_quality": [{"id": "doubled", "severity": "unfit", "text": "Twice.", "about": ""}]},
        {"data_quality": [{"id": "hours", "severity": "blind", "text": "Thin.", "about": ""}]},
        {"cost": {"unpriced": [{"provider": "p", "model": "claude-x", "tokens": 5}]}},
    ],
)
def test_beside_what_is_known_everything_else_is_told(more):
    known = params(acknowledged=[ACKNOWLEDGED])

    assert due(findings(gates=[GATE | {"standing": "pass"}]), [], known, NOW.date()).all_known
    decided = due(findings(**more), [], known, NOW.date())
    assert (decided.send, len(decided.known), decided.all_known) == (True, 1, False)


def test_what_is_known_no_more_is_told_again_once():
    """The incident goes on after its day: the readers had one line of it."""
    quiet = params(quiet=True, acknowledged=[ACKNOWLEDGED])
    line = kept(findings(), quiet, date(2026, 11, 23))

    assert not due(findings(summary=["2"]), line, quiet, date(2026, 12, 1)).send
    for found in (findings(), findings(summary=["2"])):
        decided = due(found, line, quiet, date(2026, 12, 2))
        assert (decided.send, decided.all_known) == (True, False)
    again = line + kept(findings(), quiet, date(2026, 12, 2))
    assert not due(findings(summary=["3"]), again, quiet, date(2026, 12, 9)).send


def test_to_acknowledge_sends_nothing():
    quiet = params(quiet=True, acknowledged=[ACKNOWLEDGED])

    assert not due(findings(summary=["2"]), kept(findings()), quiet, NOW.date()).send


def test_an_acknowledgement_is_of_one_incident():
    other = incident(causes=[{"id": "client.ttl_shortened", "standing": "leading"}])
    by_report = params(acknowledged=[ACKNOWLEDGED])
    by_cause = params(
        acknowledged=[{"start": "2026-03-17 14:20", "until": "2026-12-01",
                       "cause": "model.below_minimum"}]
    )  # fmt: skip

    def known(to, **more):
        decided = due(findings(**more), [], to, NOW.date())
        return len(decided.known), decided.all_known

    assert known(by_report) == known(by_cause) == (1, True)
    assert known(by_report, name="another-org") == (0, False)
    assert known(by_report, incidents=[incident(), other]) == (0, False)
    assert known(by_cause, incidents=[incident(), other]) == (1, False)
    assert known(by_cause, incidents=[other]) == (0, False)


@pytest.mark.parametrize(
    ("before", "now", "sent"),
    [
        (1125.0, 1_125_000.0, True), (1125.0, 2250.0, True), (1125.0, 2249.0, False),
        (1125.0, 600.0, False), (1125.0, 500.0, True), (None, 1125.0, True), (None, None, False),
        (0.01, 0.9, False), (-5.0, 0.5, False), (-5.0, 5.0, True),
    ],
)  # fmt: skip
def test_quiet_hears_an_excess_that_doubles(before, now, sent):
    """Held against the last one sent, so that it cannot creep."""
    was, found = (
        findings(incidents=[incident(excess_usd={"value": usd})], headline=f"{usd}")
        for usd in (before, now)
    )
    assert due(found | {"summary": ["2"]}, kept(was), params(quiet=True), NOW.date()).send is sent


def test_without_readers_nothing_is_due(tmp_path):
    to = params(readers=[], owners=["o@example.org"], sent_path=str(tmp_path / "sent"))
    decided = deliver(run_folder(tmp_path), to, now=NOW)

    assert (decided.send, decided.why) == (False, "there are no readers")
    assert not (tmp_path / "sent").exists()


def test_a_line_that_a_crash_cut_swallows_no_other(tmp_path):
    path = tmp_path / "sent.jsonl"
    path.write_bytes(b'{"at": "2026-11-0')
    rows = kept(findings()) + kept(findings(name="else"))
    for row in rows:
        keep_sent(path, row, "2026-11-23T07:00:00+00:00")

    assert [one["report"] for one in read_sent(path)] == ["postmortem/demo", "postmortem/else"]
    assert path.read_bytes().count(b"\n") == 3  # an end for the cut one, and no empty line


def test_one_reader_who_is_refused_costs_the_others_no_second_mail(tmp_path, monkeypatch):
    monkeypatch.setenv("CACHEAUDIT_MAIL_PASSWORD", PASSWORD)
    with mail_server(tmp_path, monkeypatch) as box:
        to = params(
            port=box.port, user=USER, readers=["a@example.org", REFUSED],
            sent_path=str(tmp_path / "sent"),
        )  # fmt: skip
        first, second = (deliver(run_folder(tmp_path), to, now=NOW) for _ in range(2))

    assert (first.send, first.refused) == (True, 1)
    assert (second.send, second.why) == (False, "the same report was sent already")
    assert box.to == [["a@example.org"]]


def test_the_link_names_the_folder_also_where_it_was_given_as_a_dot(tmp_path, monkeypatch):
    folder = run_folder(tmp_path)
    monkeypatch.chdir(folder)
    to = params(link="https://reports.example.org", sent_path=str(tmp_path / "s"))
    deliver(Path(), to, dry_run=tmp_path / "out.eml", now=NOW)

    text = (tmp_path / "out.eml").read_text(encoding="utf-8").replace("=\n", "")
    assert f"https://reports.example.org/{folder.name}/report.html" in text


def test_a_mail_is_of_the_time_at_which_its_page_was_made_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("CACHEAUDIT_NOW", "2026-03-23T07:00")
    deliver(
        run_folder(tmp_path), params(sent_path=str(tmp_path / "s")), dry_run=tmp_path / "out.eml"
    )

    message = message_from_bytes((tmp_path / "out.eml").read_bytes(), policy=POLICY)
    assert message["Date"].datetime == datetime(2026, 3, 23, 7, tzinfo=UTC)


def test_many_sections_leave_a_mail_within_its_bytes():
    """400 headings are more than the mail may hold."""
    html = page(sections=400, size=900).replace("Section ", "A section of a long name " * 10)
    shown = mail_page(html, where="Attached.")

    assert len(shown.html.encode()) <= MOST_BYTES
    assert len(shown.left_out) + len(shown.images) == 400
    assert len(shown.images) > 50
    assert f"<li>{len(shown.left_out) - 30} more</li>" in shown.html


@given(
    lead=st.integers(0, 6000), sections=st.integers(0, 60), size=st.integers(0, 300),
    name=st.integers(1, 400), most=st.integers(2000, 12_000),
)  # fmt: skip
def test_a_mail_is_never_larger_than_it_may_be(lead, sections, size, name, most):
    html = page(sections, size).replace("Section", "é" * name)
    html = html.replace("<p>Incident</p>", f"<p>{'x' * lead}</p>")
    shown = mail_page(html, where="Attached.", most_bytes=most)

    assert len(shown.html.encode()) <= most
    assert shown.html.count("cid:") == len(shown.images)


def test_an_error_goes_to_the_owners_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("CACHEAUDIT_MAIL_PASSWORD", PASSWORD)
    with mail_server(tmp_path, monkeypatch) as box:
        to = params(port=box.port, user=USER, owners=["owner@example.org"])
        told = deliver_failure("postmortem demo", "cell 4 stopped\nwith KeyError", to,
                               again="cacheaudit postmortem", now=NOW)  # fmt: skip

    assert told
    assert box.to == [["owner@example.org"]]
    assert "cell 4 stopped" in text_of(box.messages[0])
    assert box.messages[0]["Subject"] == "Could not run: postmortem demo"
    assert not deliver_failure("x", "y", params(), now=NOW)


@pytest.mark.slow
def test_a_failed_run_of_the_command_mails_its_error(tmp_path, monkeypatch, command):
    monkeypatch.setenv("CACHEAUDIT_MAIL_PASSWORD", PASSWORD)
    with mail_server(tmp_path, monkeypatch) as box:
        file = tmp_path / "mail.yaml"
        file.write_text(
            f"sender: a@example.org\nreaders: [r@example.org]\nowners: [o@example.org]\n"
            f"host: 127.0.0.1\nport: {box.port}\nuser: {USER}\n"
        )
        done = command(
            "postmortem", "-p", "source", "frame", "-p", "path", "none.parquet",
            "--mail", str(file), cwd=tmp_path,
        )  # fmt: skip

    assert done.returncode == 1
    assert box.to == [["o@example.org"]]
    text = text_of(box.messages[0])
    assert "none.parquet" in text  # the error names it
    assert "no report was written" in text
    assert "    cacheaudit postmortem -p source … -p path … --mail …" in text.splitlines()


def mail_file(tmp_path: Path, port: int, **more) -> Path:
    file = tmp_path / "mail.yaml"
    given = {
        "sender": "a@example.org", "readers": ["r@example.org"], "owners": ["o@example.org"],
        "host": "127.0.0.1", "port": port, "user": USER, "sent_path": str(tmp_path / "sent"),
    }  # fmt: skip
    file.write_text(yaml.safe_dump(given | more))
    return file


@pytest.mark.slow
def test_no_value_of_the_command_line_is_mailed(tmp_path, monkeypatch, command):
    monkeypatch.setenv("CACHEAUDIT_MAIL_PASSWORD", PASSWORD)
    (tmp_path / "my pull.yaml").write_text("source: frame\npath: none.parquet\n")
    with mail_server(tmp_path, monkeypatch) as box:
        done = command(
            "postmortem", "-f", "my pull.yaml", "-p", "store_label", "S3CRET", "--strict",
            "--requests", "postgres://audit:S3CRET@db.example.org/logs",
            "--mail", str(mail_file(tmp_path, box.port)), cwd=tmp_path,
        )  # fmt: skip

    assert done.returncode == 1
    text = text_of(box.messages[0])
    assert "S3CRET" not in box.messages[0].as_string()
    assert (
        "    cacheaudit postmortem -f 'my pull.yaml' -p store_label … --requests … --strict"
        " --mail …"
    ) in text.splitlines()


@pytest.mark.parametrize(
    ("readers", "sent", "again"),
    [([REFUSED], [], True), (["r@example.org", REFUSED], [["r@example.org"]], False)],
)
def test_a_run_that_was_done_is_not_told_as_one_that_stopped(
    tmp_path, monkeypatch, readers, sent, again
):
    """Its report is there; what went wrong is the mail."""
    monkeypatch.setenv("CACHEAUDIT_MAIL_PASSWORD", PASSWORD)
    folder = run_folder(tmp_path)
    with mail_server(tmp_path, monkeypatch) as box:
        file = mail_file(tmp_path, box.port, readers=readers)
        with pytest.raises(SourceError, match="refused"), mailing(file, "weekly demo") as send:
            send(folder)

    text = " ".join(text_of(box.messages[-1]).split())
    assert box.to == [*sent, ["o@example.org"]]
    assert box.messages[-1]["Subject"] == "Could not mail: weekly demo"
    assert f"weekly demo is done, and its report is in the run folder {folder.name}." in text
    assert "no report was written" not in text
    assert (f"cacheaudit mail {folder} -f {file}" in text) is again


def test_the_command_says_how_many_were_refused(tmp_path, monkeypatch, command):
    monkeypatch.setenv("CACHEAUDIT_MAIL_PASSWORD", PASSWORD)
    folder = run_folder(tmp_path)
    with mail_server(tmp_path, monkeypatch) as box:
        file = mail_file(tmp_path, box.port, readers=["r@example.org", REFUSED])
        first, second = (
            command("mail", str(folder), "-f", str(file), cwd=tmp_path) for _ in range(2)
        )

    assert (first.returncode, second.returncode) == (1, 0)
    assert "refused 1 of the addresses" in first.stderr
    assert "not sent: the same report was sent already" in second.stdout
    assert box.to == [["r@example.org"]]


@pytest.mark.parametrize(
    ("wrong", "password", "error", "message"),
    [
        ({}, "not it", AccessDenied, "refused the login of reporter"),
        ({"readers": [REFUSED]}, PASSWORD, SourceError, "refused all 1 addresses"),
        ({"security": "tls"}, PASSWORD, SourceError, "Nothing was sent"),
        ({"port": 1}, PASSWORD, SourceError, "took no mail"),
        ({}, "", ParamError, "not in the environment"),
    ],
)
def test_what_the_server_refuses_is_named_without_the_password(
    tmp_path, monkeypatch, wrong, password, error, message
):
    monkeypatch.setenv("CACHEAUDIT_MAIL_PASSWORD", password)
    with mail_server(tmp_path, monkeypatch) as box:
        sent = tmp_path / "sent.jsonl"
        to = params(**({"port": box.port, "user": USER, "sent_path": str(sent)} | wrong))
        with pytest.raises(error, match=message) as raised:
            deliver(run_folder(tmp_path), to, now=NOW)

    assert not password or password not in str(raised.value)
    assert not sent.exists()


def test_a_certificate_of_a_stranger_is_not_trusted(tmp_path, monkeypatch):
    monkeypatch.setenv("CACHEAUDIT_MAIL_PASSWORD", PASSWORD)
    with mail_server(tmp_path, monkeypatch) as box:
        monkeypatch.delenv("SSL_CERT_FILE")
        to = params(port=box.port, user=USER, sent_path=str(tmp_path / "s"))
        with pytest.raises(SourceError, match="could not be trusted"):
            deliver(run_folder(tmp_path), to, now=NOW)

    assert box.raw == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"sender": ""}, "sender is empty"),
        ({"readers": []}, "both empty"),
        ({"readers": ["not an address"]}, "an address is none"),
        ({"readers": ["a@b.example\nBcc: c@d.example"]}, "an address is none"),
        ({"security": "none", "host": "mail.example.org"}, "not sent in the clear"),
        ({"security": "ssl"}, "security is 'ssl'"),
        ({"password_variable": "hunter2!"}, "no name of an environment variable"),
        ({"acknowledged": [{"start": "2026-03-17"}]}, "acknowledged 1 lacks"),
        ({"acknowledged": [{"begin": "x"}]}, "acknowledged 1 has 'begin'"),
        (
            {"acknowledged": [{"start": "2026-03-17 14:20", "until": "2026-12-01"}]},
            "acknowledged 1 says when an incident began, and not which",
        ),
    ],
)
def test_parameters_that_cannot_be_meant_are_refused(wrong, message):
    with pytest.raises(ParamError, match=message):
        params(**wrong)


def test_a_folder_that_is_no_run_says_so(tmp_path):
    with pytest.raises(SourceError, match="no finished run"):
        deliver(tmp_path, params(sent_path=str(tmp_path / "s")), now=NOW)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "has schema None; expected 1"),
        ("[]", "has schema None; expected 1"),
        ("[" * 100_000, "no finished run"),
        (json.dumps(findings(schema=2)), "has schema 2; expected 1"),
        (json.dumps({"schema": 1, "kind": "weekly"}), "findings.json has no provenance"),
        (json.dumps(findings(headline=None)), "findings.json is not as written"),
        (json.dumps(findings(summary=None)), "findings.json is not as written"),
        (json.dumps(findings(incidents=[{}])), "findings.json has no incident"),
        (json.dumps(findings(provenance={"params": None})), "findings.json is not as written"),
    ],
)
def test_findings_that_no_run_wrote_are_one_line(tmp_path, command, text, words):
    folder = run_folder(tmp_path)
    (folder / "findings.json").write_text(text, encoding="utf-8")
    done = command("mail", str(folder), "-f", str(mail_file(tmp_path, 1)), cwd=tmp_path)

    assert done.returncode == 1
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_dry_run_into_no_folder_is_one_line(tmp_path, command):
    done = command(
        "mail", str(run_folder(tmp_path)), "-f", str(mail_file(tmp_path, 1)),
        "--dry-run", str(tmp_path / "absent" / "o.eml"), cwd=tmp_path,
    )  # fmt: skip

    assert done.returncode == 1
    assert "o.eml could not be written (No such file or directory)" in done.stderr
    assert done.stderr.count("\n") == 1


SAMPLE = {"params": {"source": "sample"}}


@pytest.mark.parametrize("known", [False, True])
def test_a_mail_of_the_sample_says_so_first(tmp_path, known):
    to = params(acknowledged=[ACKNOWLEDGED] if known else [], sent_path=str(tmp_path / "s"))
    found = findings(provenance=SAMPLE, headline="It fell. " * 40)
    deliver(run_folder(tmp_path, found), to, dry_run=tmp_path / "o.eml", now=NOW)

    message = message_from_bytes((tmp_path / "o.eml").read_bytes(), policy=POLICY)
    before = "Made-up sample: Known: Incident" if known else "Made-up sample: Incident"
    assert message["Subject"].startswith(before)
    assert len(" ".join(message["Subject"].split())) <= 140
    assert text_of(message).startswith("This is the made-up sample that comes with cacheaudit")
    if not known:
        body = message.get_body(("html",)).get_content()
        first = re.sub("<[^>]*>", "", body.partition("<body>")[2]).strip()
        assert first.startswith("This is the made-up sample that comes with cacheaudit")


def test_a_mail_of_own_traffic_is_not_called_made_up(tmp_path):
    own = findings(provenance={"params": {"source": "anthropic"}})
    for found in (own, findings()):
        message = report_message(found, page(), params(), folder="run", at=NOW)

        assert "made-up" not in message.as_string().lower()


@pytest.mark.parametrize("name", ["weekly", "postmortem", "readiness"])
def test_a_slip_in_the_parameters_is_told_to_the_owners(tmp_path, monkeypatch, command, name):
    """An unattended job would go silent."""
    monkeypatch.setenv("CACHEAUDIT_MAIL_PASSWORD", PASSWORD)
    (tmp_path / "own.yaml").write_text("name: org\nsorce: S3CRET\nstore_label: S3CRET\n")
    with mail_server(tmp_path, monkeypatch) as box:
        file = mail_file(tmp_path, box.port)
        done = command(name, "-f", "own.yaml", "--mail", str(file), cwd=tmp_path)

    assert done.returncode == 1
    assert "has no 'sorce'; did you mean 'source'" in done.stderr
    assert box.to == [["o@example.org"]]
    text = " ".join(text_of(box.messages[0]).split())
    assert box.messages[0]["Subject"] == f"Could not run: {name}"
    assert "has no 'sorce'; did you mean 'source'" in text
    assert f"cacheaudit {name} -f own.yaml --mail …" in text
    assert "S3CRET" not in box.messages[0].as_string()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["-p", "path", "s3://AKIA:S3CRET@bucket/x.parquet"], "path: s3://… holds a secret"),
        (["-p", "path", "[https://u:S3CRET@h"], "-p path is no YAML value"),
        (["-f", "cut.yaml"], "cut.yaml is not YAML at line 2"),
    ],
)
def test_what_a_place_holds_is_in_no_mail(tmp_path, monkeypatch, command, given, words):
    monkeypatch.setenv("CACHEAUDIT_MAIL_PASSWORD", PASSWORD)
    (tmp_path / "cut.yaml").write_text("path: 's3://AKIA:S3CRET@bucket\n")
    with mail_server(tmp_path, monkeypatch) as box:
        file = mail_file(tmp_path, box.port)
        done = command("postmortem", *given, "--mail", str(file), cwd=tmp_path)

    assert words in " ".join(text_of(box.messages[0]).split())
    assert words in done.stderr
    assert "S3CRET" not in done.stderr + box.messages[0].as_string()


def test_a_slip_in_the_mail_file_is_told_by_the_command_alone(tmp_path, monkeypatch, command):
    (tmp_path / "own.yaml").write_text("sorce: frame\n")
    with mail_server(tmp_path, monkeypatch) as box:
        file = mail_file(tmp_path, box.port, sendr="a@example.org")
        done = command("weekly", "-f", "own.yaml", "--mail", str(file), cwd=tmp_path)

    assert done.returncode == 1
    assert "MailParams has no 'sendr'" in done.stderr
    assert box.raw == []


def test_the_parameters_file_names_what_the_class_has():
    file = yaml.safe_load((ROOT / "params" / "mail.yaml").read_text(encoding="utf-8"))
    assert set(file) == set(MailParams.__dataclass_fields__)
    MailParams(**file)


def test_a_failure_message_has_no_reader_in_it():
    message = failure_message("a\r\nBcc: x@y.z", "bad", params(owners=["o@example.org"]), at=NOW)

    assert message["To"] == "o@example.org"
    assert "\n" not in message["Subject"]
