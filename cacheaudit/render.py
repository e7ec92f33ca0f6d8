"""Executed notebook in, one self-contained HTML file out.

Only what a reader should see is kept: no code, no prompts, no parameters, no cell tagged no-report,
nothing that was printed. nbconvert turns the rest into a bare body, which passes through an
allow-list on its way to the page: a tag or an attribute that is not on the list cannot get in,
whoever wrote it. Text is escaped there (quote=False) and attribute values too (quote=True); the
title and the headings are escaped by jinja2. No clock and no path enters the page, so a notebook
renders to the same bytes each time.
"""

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import Environment, StrictUndefined
from nbconvert import HTMLExporter
from nbformat.reader import NotJSONError

from .body import Body
from .errors import RunFailed, ours
from .files import write_whole
from .show import plain

UNSEEN = {"no-report", "parameters", "injected-parameters"}
SHOWN = {"text/html", "text/markdown", "text/plain", "image/png", "image/jpeg", "image/svg+xml"}

_CSS_AIR = re.compile(r"/\*.*?\*/|(?<=[{};:,])\s+|\s+(?=[{}])", re.DOTALL)


def render_html(notebook: Path, target: Path, *, title: str) -> Path:
    """Write the executed *notebook* to *target* as one HTML file, whole or not at all.

    *title* is the title of the page and of the browser's tab. A first-level heading in the notebook
    takes its place on the page; the title then stands above it in small print.
    """
    page = page_html(_read_finished(notebook), title=title)
    return write_whole(target, page.encode("utf-8"))


def page_html(notebook: Any, *, title: str) -> str:
    """The page of a finished notebook (nbformat 4), as text."""
    body = Body()
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
    said = f"{output.ename}: {plain(output.evalue)}" if ours(output.ename) else output.ename
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
