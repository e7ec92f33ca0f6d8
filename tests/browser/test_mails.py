"""The mail as a phone and a desk show it, its figures in their places."""

import base64
import email
import email.policy
import re

import pytest

from cacheaudit.mail_params import MailParams
from cacheaudit.mailing.deliver import deliver
from tests.browser.test_pages import opened, shot

pytestmark = pytest.mark.browser
KINDS = ["postmortem", "weekly", "probe"]


@pytest.fixture(params=KINDS)
def mail(request, sample, tmp_path):
    """The HTML part of the mail of a run, as a file, its `cid:` figures put in."""
    eml = tmp_path / "mail.eml"
    params = MailParams(
        sender="cacheaudit@example.org", readers=["team@example.org"], host="smtp.example.org",
        sent_path=str(tmp_path / "sent.jsonl"),
    )  # fmt: skip
    deliver(sample(request.param).parent, params, dry_run=eml)
    message = email.message_from_bytes(eml.read_bytes(), policy=email.policy.default)
    figures = {
        part["Content-ID"].strip("<>"): part.get_payload(decode=True)
        for part in message.walk()
        if part["Content-ID"]
    }
    page = message.get_body(("html",)).get_content()

    def put_in(match):
        return "data:image/png;base64," + base64.b64encode(figures.pop(match[1])).decode()

    page = re.sub(r"cid:([^\"']+)", put_in, page)
    assert figures == {}  # none is sent that is not shown
    path = tmp_path / f"mail-{request.param}.html"
    path.write_text(page, encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 700])
def test_it_fits(browser, mail, width, scheme):
    with opened(browser, mail, width, scheme) as page:
        shot(page, mail, f"{width}-{scheme}")

        assert page.evaluate("document.scrollingElement.scrollWidth") <= width
        for words, pixels in page.evaluate(
            "[...document.images].map(i => [i.alt, i.naturalWidth])"
        ):
            assert words
            assert pixels > 0
