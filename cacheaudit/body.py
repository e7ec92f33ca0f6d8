"""The allow-list between a notebook's HTML and the page: what is not on it cannot get in."""

import re
from html import escape, unescape
from html.parser import HTMLParser
from typing import NamedTuple

from .show import plain

TAGS = re.compile(
    "a|article|b|bdi|blockquote|br|caption|code|dd|del|details|div|dl|dt|em|figcaption|figure"
    "|h[1-6]|hr|i|img|kbd|li|ol|p|pre|section|small|span|strong|sub|summary|sup|table|tbody|td"
    "|tfoot|th|thead|time|tr|ul"
)
VOID = {"br", "hr", "img"}
DROPPED = {"script", "style", "template", "iframe", "object", "svg", "math"}  # with what they hold
ATTRIBUTES = re.compile(
    "alt|aria-hidden|aria-label|colspan|data-label|datetime|height|rowspan|scope|width"
)
LINK = re.compile(r"(?:https?://|mailto:|#)", re.IGNORECASE)
IMAGE = re.compile(r"data:image/(?:png|jpeg|svg\+xml);base64,[A-Za-z0-9+/=\s]*\Z")
NO_ALT = "Figure without a description"


class Heading(NamedTuple):
    """A heading of the second level: where in the page, and what it says."""

    anchor: str
    text: str


class _Open(NamedTuple):
    """A tag that is open: *closes* is what will be written for it, *role* why it matters."""

    tag: str
    closes: str
    role: str = ""


class Body(HTMLParser):
    """Re-emit what is on the lists; give headings ids; collect the contents.

    A tag that is not listed is shown as the text that it is, except for DROPPED and nbconvert's own
    wrappers (a div with no class of ours), which leave no trace. What was left open is closed.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""  # the first h1, which is not part of the body
        self.headings: list[Heading] = []
        self._out: list[str] = []
        self._open: list[_Open] = []
        self._anchors = {"content", "contents", "top"}
        self._starts: list[int] = []  # where in _out each top-level h2 begins
        self._verdict = 0  # where in _out the verdict ends
        self._dropping: list[str] = []
        self._heading: int | None = None  # where in _out the heading that we are in begins

    def split(self) -> tuple[str, str]:
        """What comes before the contents list, and after: it never comes before the verdict."""
        if len(self._starts) < 2:
            return "".join(self._out), ""
        above = sum(start < self._verdict for start in self._starts)
        cut = self._starts[above if above < 2 else 0]  # a verdict further down does not move it
        return "".join(self._out[:cut]), "".join(self._out[cut:])

    def close(self) -> None:
        super().close()
        while self._open:
            self._close_last()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._dropping or tag in DROPPED:
            if tag in DROPPED:
                self._dropping.append(tag)
            return
        kept = _attributes(tag, attrs)
        source = self.get_starttag_text() or ""
        if not TAGS.fullmatch(tag) or (tag == "img" and "src" not in kept):
            self._out.append(escape(plain(source), quote=False))
        elif re.fullmatch("h[1-6]", tag):
            self._start_heading(tag)
        elif tag == "div" and "class" not in kept and dict(attrs).get("class"):
            self._open.append(_Open(tag, ""))
        else:
            written = "".join(f' {name}="{escape(plain(v))}"' for name, v in kept.items())
            self._out.append(f"<{tag}{written}>")
            if tag not in VOID:
                role = "verdict" if "ca-verdict" in kept.get("class", "").split() else ""
                self._open.append(_Open(tag, f"</{tag}>", role))

    def handle_endtag(self, tag: str) -> None:
        if self._dropping:
            if tag in self._dropping:
                del self._dropping[self._dropping.index(tag) :]
        elif not TAGS.fullmatch(tag):
            self._out.append(escape(f"</{tag}>", quote=False))
        elif any(entry.tag == tag for entry in self._open):
            while self._close_last() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if self._dropping:
            return
        if data.isspace() and all(entry.tag != "pre" for entry in self._open):
            data = "\n" if "\n" in data else " "
            if self._out and self._out[-1] == "\n":
                return
        self._out.append(escape(plain(data), quote=False))

    def _start_heading(self, tag: str) -> None:
        if self._heading is not None:  # a heading in a heading is its text
            self._open.append(_Open(tag, ""))
            return
        role = "heading" if tag != "h1" or self.title else "title"
        level = "h2" if tag == "h1" else tag
        if level == "h2" and role == "heading" and not any(entry.closes for entry in self._open):
            self._starts.append(len(self._out))
        self._heading = len(self._out)
        self._out.append(f"<{level}>")
        self._open.append(_Open(tag, f"</{level}>", role))

    def _close_last(self) -> str:
        entry = self._open.pop()
        if entry.role in ("heading", "title"):
            self._end_heading(entry)
        else:
            self._out.append(entry.closes)
        if entry.role == "verdict":
            self._verdict = len(self._out)
        return entry.tag

    def _end_heading(self, entry: _Open) -> None:
        """Name the heading by its words; the first h1 leaves the body for the top of the page."""
        begin, self._heading = self._heading or 0, None
        words = unescape(re.sub(r"<[^>]*>", "", "".join(self._out[begin:])))
        words = " ".join(words.split())
        if entry.role == "title":
            del self._out[begin:]
            self.title = words
            return
        level = entry.closes[2:-1]
        self._out.append(entry.closes)
        if level in ("h2", "h3"):
            anchor = self._anchor(words)
            self._out[begin] = f'<{level} id="{escape(anchor)}">'
        if level == "h2":
            self.headings.append(Heading(anchor, words))

    def _anchor(self, words: str) -> str:
        """An id made of the *words*, numbered from the second time on."""
        stem = re.sub(r"\W+", "-", words.lower()).strip("-") or "section"
        anchor, count = stem, 1
        while anchor in self._anchors:
            count += 1
            anchor = f"{stem}-{count}"
        self._anchors.add(anchor)
        return anchor


def _attributes(tag: str, attrs: list[tuple[str, str | None]]) -> dict[str, str]:
    """The attributes that may stay; links get a rel, and each picture an alt."""
    given = {name: value or "" for name, value in attrs}
    kept = {name: value for name, value in given.items() if ATTRIBUTES.fullmatch(name)}
    if ours := re.findall(r"(?<!\S)ca-[a-z]+(?!\S)", given.get("class", "")):
        kept["class"] = " ".join(ours)
    if tag == "a" and LINK.match(given.get("href", "")):
        kept |= {"href": given["href"], "rel": "noopener noreferrer"}
    if tag == "img" and IMAGE.match(given.get("src", "")):
        kept |= {"src": given["src"], "alt": given.get("alt", "") or NO_ALT}
    return kept
