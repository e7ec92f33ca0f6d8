"""Executed notebook in, one self-contained HTML file out.

Only what a reader should see is kept: no code, no prompts, no parameters, no cell tagged no-report,
nothing that was printed. nbconvert turns the rest into a bare body, which passes through an
allow-list on its way to the page: a tag or an attribute that is not on the list cannot get in,
whoever wrote it. Text is escaped there (quote=False) and attribute values too (quote=True); the
title and the headings are escaped by jinja2. No clock and no path enters the page, so a notebook
renders to the same bytes each time.
"""

import os
import re
from html import escape, unescape
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
from jinja2 import Environment, StrictUndefined
from nbconvert import HTMLExporter
from nbformat.reader import NotJSONError

from . import errors
from .errors import AuditError, RunFailed
from .show import plain

UNSEEN = {"no-report", "parameters", "injected-parameters"}
SHOWN = {"text/html", "text/markdown", "text/plain", "image/png", "image/jpeg", "image/svg+xml"}

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
_CSS_AIR = re.compile(r"/\*.*?\*/|(?<=[{};:,])\s+|\s+(?=[{}])", re.DOTALL)
NO_ALT = "Figure without a description"


class Heading(NamedTuple):
    """A heading of the second level: where in the page, and what it says."""

    anchor: str
    text: str


def render_html(notebook: Path, target: Path, *, title: str) -> Path:
    """Write the executed *notebook* to *target* as one HTML file, whole or not at all.

    *title* is the title of the page and of the browser's tab. A first-level heading in the notebook
    takes its place on the page; the title then stands above it in small print.
    """
    page = page_html(_read_finished(notebook), title=title)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        unfinished.write_bytes(page.encode("utf-8"))
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return target


def page_html(notebook: Any, *, title: str) -> str:
    """The page of a finished notebook (nbformat 4), as text."""
    body = _Body()
    body.feed(_body_html(notebook))
    body.close()
    lead, rest = body.split()
    here = files("cacheaudit")
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(
        here.joinpath("page.html.j2").read_text("utf-8")
    )
    css = here.joinpath("page.css").read_text("utf-8")
    return template.render(
        title=plain(title),
        heading=body.title or plain(title),
        css=_CSS_AIR.sub("", css),
        headings=body.headings,
        lead=lead,
        rest=rest,
    )


def _read_finished(path: Path) -> Any:
    """Read the notebook at *path*, or raise RunFailed if it did not run to its end."""
    try:
        notebook = nbformat.read(path, as_version=4)
    except NotJSONError as error:
        raise RunFailed(f"{path.name} is not a notebook; run it again.") from error
    code = [
        (number, cell)
        for number, cell in enumerate(notebook.cells, 1)
        if cell.cell_type == "code" and cell.source.strip()
    ]
    for number, cell in code:
        for output in cell.outputs:
            if output.output_type == "error":
                raise RunFailed(_stopped(path, number, output))
    for number, cell in code:
        if not (cell.execution_count or cell.outputs or "skip-execution" in _tags(cell)):
            raise RunFailed(f"cell {number} of {path.name} was not run; run the notebook first.")
    return notebook


def _stopped(path: Path, number: int, output: Any) -> str:
    """Name the cell and the error; quote only errors of our own, which hold no values."""
    kind = getattr(errors, output.ename, None)
    ours = isinstance(kind, type) and issubclass(kind, AuditError)
    said = f"{output.ename}: {plain(output.evalue)}" if ours else output.ename
    return f"cell {number} of {path.name} stopped with {said}. No page was written."


def _tags(cell: Any) -> set[str]:
    return set(cell.metadata.get("tags", ()))


def _body_html(notebook: Any) -> str:
    """What nbconvert's bare template makes of the cells and outputs that a reader should see."""
    cells = [c for c in notebook.cells if c.cell_type != "raw" and not _tags(c) & UNSEEN]
    seen = nbformat.v4.new_notebook(metadata=notebook.metadata)
    for cell in cells:
        kept = nbformat.from_dict(cell)
        if cell.cell_type == "code":
            kept.outputs = [o for o in cell.outputs if SHOWN & set(o.get("data", ()))]
        seen.cells.append(kept)
    exporter = HTMLExporter(
        template_name="basic",
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
    )
    html: str = exporter.from_notebook_node(seen)[0]
    return html


class _Open(NamedTuple):
    """A tag that is open: *closes* is what will be written for it, *role* why it matters."""

    tag: str
    closes: str
    role: str = ""


class _Body(HTMLParser):
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
