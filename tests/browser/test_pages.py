"""What a reader sees: on a phone, a tablet and a desk, in light and dark, and on paper."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

WIDTHS = (390, 768, 1440)
A4_WIDTH = 680  # 180 mm between the margins, at 96 points to the inch
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
WIDER = """() => [...document.querySelectorAll('main *')]
    .filter(e => e.getClientRects().length && !e.closest('.ca-stack thead')
                 && e.scrollWidth > e.clientWidth + 1
                 && getComputedStyle(e).display !== 'inline'
                 && getComputedStyle(e).overflowX !== 'visible')
    .map(e => e.tagName + '.' + e.className + ': ' + e.textContent.trim().slice(0, 60))"""
OUTSIDE = """() => [...document.querySelectorAll('main *')]
    .filter(e => e.getClientRects().length && !e.closest('.ca-stack thead, .ca-table')
                 && e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
    .map(e => e.tagName + '.' + e.className)"""


@contextmanager
def opened(
    browser: "Browser", report: Path, width: int, scheme: str = "light", media: str = "screen"
) -> Iterator["Page"]:
    """*report* in a window; what it says on the console, or asks for, fails the test."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.emulate_media(media=media, color_scheme=scheme)
    page.goto(report.as_uri())
    page.wait_for_load_state("networkidle")
    yield page
    context.close()
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [report.as_uri()]


def shot(page: "Page", report: Path, name: str) -> None:
    """A picture for people, where CACHEAUDIT_SCREENSHOTS names a folder."""
    if folder := os.environ.get("CACHEAUDIT_SCREENSHOTS"):
        stem = report.stem if report.stem != "report" else report.parent.name.split("-")[0]
        page.screenshot(path=Path(folder) / f"{stem}-{name}.png", full_page=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits_and_is_accessible(browser, report, width, scheme):
    from axe_playwright_python.sync_playwright import Axe

    with opened(browser, report, width, scheme) as page:
        shot(page, report, f"{width}-{scheme}")
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")

        assert page.evaluate("document.scrollingElement.scrollWidth") <= width
        assert page.evaluate(OUTSIDE) == []
        if width == min(WIDTHS):
            assert page.evaluate(WIDER) == []  # nothing is pushed sideways to be read
        found = Axe().run(page, options=RULES).response["violations"]
        grave = [v for v in found if v["impact"] in ("serious", "critical")]
        assert [(v["id"], v["nodes"][0]["html"][:120]) for v in grave] == []


def test_it_prints(browser, report, tmp_path):
    """On A4: nothing is cut off, what was folded is open, and light whatever the reader's taste."""
    with opened(browser, report, A4_WIDTH, "dark", "print") as page:
        shot(page, report, "print")

        assert page.evaluate("document.scrollingElement.scrollWidth") <= A4_WIDTH
        assert page.evaluate(WIDER) == []
        closed = "[...document.querySelectorAll('details > :not(summary)')]"
        assert page.evaluate(f"{closed}.every(e => e.getClientRects().length > 0)")
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == "rgb(255, 255, 255)"
        paper = page.pdf(format="A4", prefer_css_page_size=True)
        assert paper.startswith(b"%PDF")
        (tmp_path / "report.pdf").write_bytes(paper)


def test_every_anchor_leads_somewhere_and_every_picture_is_told(browser, report):
    with opened(browser, report, 1440) as page:
        lost = """() => [...document.querySelectorAll('a[href^="#"]')]
            .filter(a => !document.getElementById(decodeURIComponent(a.hash.slice(1))))
            .map(a => a.hash)"""
        told = "[...document.images].map(i => [i.alt.length, i.naturalWidth])"

        assert page.evaluate(lost) == []
        for words, pixels in page.evaluate(told):
            assert words > 40
            assert pixels > 0


def test_the_verdict_is_on_the_first_screen_of_a_phone(browser, report):
    with opened(browser, report, 390) as page:
        verdict = page.locator(".ca-headline").bounding_box()

        assert verdict is not None
        assert verdict["y"] + verdict["height"] < 844
