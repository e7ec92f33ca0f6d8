"""Mail through a real server, parsed again; what is due; what a mail says without its page."""

import base64
import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cacheaudit.errors import AccessDenied, ParamError, SourceError
from cacheaudit.mail_params import MailParams
from cacheaudit.mailing.compose import failure_message, report_message
from cacheaudit.mailing.deliver import deliver, deliver_failure
from cacheaudit.mailing.due import due, keep_sent, read_sent
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
        "incident": {"start": "2026-03-17T14:20:00+00:00", "end": None},
        "verdict": "identified",
        "causes": [{"id": "model.below_minimum", "standing": "leading"}],
    }
    return {
        "kind": "postmortem",
        "name": "demo",
        "verdict": "identified",
        "headline": "Hit rate 88.2\u00a0% to 0\u00a0%: model.below_minimum",
        "summary": ["It fell.", "It is the minimum.", "A cold start explains 0.66\u00a0USD."],
        "incidents": [incident],
        "gates": [],
        "data_quality": [],
        "provenance": {"fetched_at": "2026-03-31T00:00:00+00:00"},
    } | more


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
        data_quality=[{"id": "late", "severity": "warn", "text": "The tail is late.", "about": ""}],
    )  # fmt: skip

    assert mail_text(found, where="The whole report is attached.") == (
        "Readiness: demo\n\nNOT READY: 1 gate fails\n\nIt fell.\n\nIt is the minimum.\n\n"
        "A cold start explains 0.66 USD.\n\nGates\n- unknown: hit rate. Not known.\n"
        "- FAIL: above minimum, chat. Below 4,096.\n\nTo decide: a probe.\n\n"
        "Data: The tail is late.\n\nThe whole report is attached.\n"
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
    kept = tmp_path / "sent.jsonl"
    keep_sent(kept, findings(), "2026-11-16T07:00:00+00:00")
    sent = read_sent(kept)

    again = findings(provenance={"fetched_at": "later"})
    other = findings(summary=["It fell.", "Another figure.", "So."])
    assert due(again, sent, params(), NOW.date()).why == "the same report was sent already"
    assert due(other, sent, params(), NOW.date()).send
    assert not due(other, sent, params(quiet=True), NOW.date()).send
    assert due(findings(verdict="narrowed"), sent, params(quiet=True), NOW.date()).send
    assert due(findings(name="else"), sent, params(quiet=True), NOW.date()).send


def test_what_changed_back_is_sent_again(tmp_path):
    """Held against the last that was sent, not against any."""
    kept = tmp_path / "sent.jsonl"
    keep_sent(kept, findings(), "2026-11-09T07:00:00+00:00")
    keep_sent(kept, findings(verdict="no_incident", incidents=[]), "2026-11-16T07:00:00+00:00")

    assert due(findings(), read_sent(kept), params(quiet=True), NOW.date()).send


def test_a_known_incident_is_one_line_until_its_day(tmp_path):
    known = params(
        acknowledged=[
            {"start": "2026-03-17 14:20", "until": "2026-11-30", "note": "fix on its way"}
        ]
    )
    line = "Known until 2026-11-30: the incident since 2026-03-17 14:20 UTC: fix on its way."

    decided = due(findings(), [], known, date(2026, 11, 30))
    assert (decided.known, decided.all_known) == ((line,), True)
    assert not due(findings(), [], known, date(2026, 12, 1)).known
    second = findings()["incidents"] + [
        {**findings()["incidents"][0], "incident": {"start": "2026-03-20T00:00", "end": None}}
    ]
    assert not due(findings(incidents=second), [], known, NOW.date()).all_known
    gates = [{"name": "recovery", "about": "", "standing": "fail", "reason": "", "needs": ""}]
    assert not due(findings(gates=gates), [], known, NOW.date()).all_known

    eml = tmp_path / "out.eml"
    deliver(
        run_folder(tmp_path), replace(known, sent_path=str(tmp_path / "s")), dry_run=eml, now=NOW
    )
    text = eml.read_text(encoding="utf-8")
    assert "Known until 2026-11-30" in text
    assert "Subject: Known: Incident" in text
    assert not (tmp_path / "s").exists()


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
    assert "none.parquet" in text_of(box.messages[0])


@pytest.mark.parametrize(
    ("wrong", "password", "error", "message"),
    [
        ({}, "not it", AccessDenied, "refused the login of reporter"),
        ({"readers": [REFUSED]}, PASSWORD, SourceError, "refused all 1 addresses"),
        (
            {"readers": [REFUSED, "a@example.org"]},
            PASSWORD,
            SourceError,
            "refused 1 of the addresses",
        ),
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
    ],
)
def test_parameters_that_cannot_be_meant_are_refused(wrong, message):
    with pytest.raises(ParamError, match=message):
        params(**wrong)


def test_a_folder_that_is_no_run_says_so(tmp_path):
    with pytest.raises(SourceError, match="no finished run"):
        deliver(tmp_path, params(sent_path=str(tmp_path / "s")), now=NOW)


def test_the_parameters_file_names_what_the_class_has():
    import yaml

    file = yaml.safe_load((ROOT / "params" / "mail.yaml").read_text(encoding="utf-8"))
    assert set(file) == set(MailParams.__dataclass_fields__)
    MailParams(**file)


def test_a_failure_message_has_no_reader_in_it():
    message = failure_message("a\r\nBcc: x@y.z", "bad", params(owners=["o@example.org"]), at=NOW)

    assert message["To"] == "o@example.org"
    assert "\n" not in message["Subject"]
