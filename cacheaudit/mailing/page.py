"""The report's page as the HTML of a mail.

Mail clients show no data: URIs, know no CSS variables, and Gmail cuts a message off above 102,400
bytes of HTML. So figures become parts of their own (cid:), colours become values, and sections that
do not fit are named instead of shown; the whole report is attached or linked.
"""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

MOST_BYTES = 102_400
MOST_NAMED = 30  # sections that are left out, by name
IMAGE = re.compile(r'src="data:image/(png|jpeg|svg\+xml);base64,([A-Za-z0-9+/=\s]*)"')
SECTION = re.compile(r'(?=<h2 id=")')
VARIABLE = re.compile(r"(--[\w-]+):\s*([^;}]+)")
USE = re.compile(r"var\((--[\w-]+)\)")
DARK = re.compile(r"@media screen and \(prefers-color-scheme: ?dark\) ?\{.*?\}\s*\}", re.DOTALL)
WIDE = re.compile(r"@media (?:print|screen and \(min-width[^{]*) ?\{(?:[^{}]|\{[^{}]*\})*\}")
TONES = ("alert", "warn", "good", "calm")
NAME = "figure-{}@cacheaudit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A figure: the name that the HTML uses (cid:), its kind (png, jpeg, svg+xml), its bytes."""

    cid: str
    kind: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MailPage:
    """HTML of at most MOST_BYTES, the figures that it shows, and headings of what was left out."""

    html: str
    images: tuple[Image, ...]
    left_out: tuple[str, ...]


def mail_page(page: str, *, where: str, first: str = "", most_bytes: int = MOST_BYTES) -> MailPage:
    """The *page* of a report (render.page_html) for a mail.

    where   a sentence that says where the whole report is
    first   a sentence above all; "" for none
    """
    css = mail_css(_between(page, "<style>", "</style>"))
    title = _between(page, "<title>", "</title>")
    header = _between(page, '<header class="ca-top">', "</header>")
    lead = _between(page, '<div class="ca-lead">', '<nav class="ca-contents"')
    lead = (lead or _between(page, '<div class="ca-lead">', "</main>")).rsplit("</div>", 1)[0]
    rest = _between(page, '<div class="ca-rest">', "</main>").rsplit("</div>", 1)[0]
    parts = [lead, *[one for one in SECTION.split(rest) if one.strip()]]
    headings = [_heading(part) for part in parts]
    top = f'<div class="ca-top">{header}</div>'
    if first:
        top = f"<p><strong>{escape(first)}</strong></p>{top}"
    images: list[Image] = []
    shown: list[tuple[str, int]] = []  # with how many figures there are up to its end
    for part in parts:
        html, own = _with_parts(part, len(images))
        images += own
        shown.append((html, len(images)))

    for number, named in _choices(len(parts)):
        body, left = "".join(html for html, _ in shown[:number]), headings[number:]
        whole = _document(css, title, top, body, left[:named], len(left), where)
        if len(whole.encode("utf-8")) <= most_bytes:
            break
    last = shown[number - 1][1] if number else 0
    return MailPage(html=whole, images=tuple(images[:last]), left_out=tuple(left))


def _choices(parts: int) -> Iterator[tuple[int, int]]:
    """How many parts to show and how many of the others to name, best first: a section makes room
    for the names of the others, and they for the beginning."""
    yield from ((number, MOST_NAMED) for number in range(parts, 0, -1))
    yield from ((1, named) for named in range(MOST_NAMED, -1, -1))
    yield 0, MOST_NAMED
    yield 0, 0


def mail_css(css: str) -> str:
    """*css* for clients without variables, dark mode, wide windows and printers."""
    light = DARK.sub("", css)
    values = {name: value.strip() for name, value in VARIABLE.findall(light)}
    kept = WIDE.sub("", re.sub(r":root ?\{[^}]*\}", "", light))
    toned = []
    for tone in TONES:
        ink, ground = values.get(f"--{tone}-ink", ""), values.get(f"--{tone}-ground", "")
        toned.append(
            f".ca-verdict.ca-{tone}{{border-left:6px solid {ink};background:{ground}}}"
            f".ca-card.ca-{tone}{{border-left:4px solid {ink}}}"
            f".ca-{tone} .ca-badge{{background:{ground};color:{ink}}}"
            f".ca-{tone} .ca-status{{color:{ink}}}"
        )
    plain = USE.sub(lambda use: values.get(use[1], "inherit"), kept)
    return re.sub(r"var\([^)]*\)", "inherit", plain) + "".join(toned)


def _document(
    css: str, title: str, top: str, shown: str, named: list[str], left: int, where: str
) -> str:
    missing = ""
    if left:
        names = "".join(f"<li>{name}</li>" for name in named)
        if more := left - len(named):
            names += f"<li>{more} {'more' if named else 'sections'}</li>"
        missing = f"<h2>In the whole report</h2><p>Left out of this mail:</p><ul>{names}</ul>"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{css}</style></head>"
        f'<body><div class="ca-page">{top}{shown}{missing}'
        f'<p class="ca-end">{escape(where)}</p></div></body></html>'
    )


def _with_parts(html: str, first: int) -> tuple[str, list[Image]]:
    """*html* with its figures as parts, numbered from *first* on."""
    images: list[Image] = []

    def named(found: re.Match[str]) -> str:
        cid = NAME.format(first + len(images) + 1)
        content = base64.b64decode(found[2])
        images.append(Image(cid=cid, kind=found[1], content=content))
        return f'src="cid:{cid}"'

    return IMAGE.sub(named, html), images


def _heading(part: str) -> str:
    """Text of the section's heading, as it is in the page (escaped)."""
    found = re.match(r'<h2 id="[^"]*">(.*?)</h2>', part, re.DOTALL)
    return found[1] if found else "the beginning"


def _between(text: str, start: str, end: str) -> str:
    """What lies between the first *start* and the *end* after it; "" without one of them."""
    _, found, after = text.partition(start)
    inside, closed, _ = after.partition(end)
    return inside if found and closed else ""
