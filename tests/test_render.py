"""The page holds what a reader should see, all of it, and nothing that acts or calls home."""

import re
from html.parser import HTMLParser
from importlib.resources import files

import nbformat
import pytest
from nbformat import v4

from cacheaudit.errors import RunFailed
from cacheaudit.render import render_html
from cacheaudit.show import Prose, Verdict
from tests.test_show import HOSTILE, pieces

CLIP = 102_400  # bytes of HTML after which Gmail hides the rest of a message
STYLE_CLIP = 8192  # characters of style that Gmail reads
FIGURE = re.compile(r"base64,[A-Za-z0-9+/=]*")


def shown(*values, tags=(), source="secret_call()"):
    """A code cell that has run and displays *values*."""
    outputs = [
        v4.new_output(
            "execute_result",
            {"text/html": v._repr_html_(), "text/plain": repr(v)},
            execution_count=7,
        )
        for v in values
    ]
    return code(*outputs, tags=tags, source=source)


def code(*outputs, tags=(), source="secret_call()"):
    metadata = {"tags": list(tags)}
    return v4.new_code_cell(source, execution_count=7, outputs=list(outputs), metadata=metadata)


def words(text):
    return v4.new_markdown_cell(text)


def printed(text, name="stdout"):
    return v4.new_output("stream", name=name, text=text)


def failed(ename, evalue):
    return v4.new_output("error", ename=ename, evalue=evalue, traceback=["\x1b[31mred"])


@pytest.fixture
def render(tmp_path):
    """Write the cells as a notebook and return the rendered page."""

    def render(*cells, title="Postmortem"):
        notebook = tmp_path / "ran.ipynb"
        nbformat.write(v4.new_notebook(cells=list(cells)), notebook)
        return render_html(notebook, tmp_path / "page.html", title=title).read_text("utf-8")

    return render


class Reader(HTMLParser):
    """Tags with their attributes, the words, and the words of each tag that is left unclosed."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.words, self.open = [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "br", "hr", "img"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def all(self, attribute):
        return [attrs[attribute] for _, attrs in self.tags if attribute in attrs]


def postmortem(text="plain words"):
    """A notebook with every piece, each kind of cell, and *text* wherever a text can stand."""
    every = pieces(text)
    return [
        words("# Prompt cache postmortem"),
        shown(Prose("the defaults"), tags=["parameters"], source="source = 'sample'"),
        shown(Prose("the injected"), tags=["injected-parameters"], source="source = 'mine'"),
        code(printed("read 3 files")),
        shown(Prose("set-up chatter"), tags=["no-report"], source="import os"),
        v4.new_markdown_cell("how to run it", metadata={"tags": ["no-report"]}),
        shown(every["verdict"], every["numbers"]),
        words("## Summary"),
        shown(every["prose"], every["bullets"], every["definitions"]),
        words("## Root causes & more"),
        shown(every["cards"]),
        words("### What went well\n\n- [a source](https://example.com/doc)"),
        words("## Summary"),
        shown(every["table"], every["figure"], every["details"]),
        code(printed("progress 50 %"), printed("DeprecationWarning: old", "stderr")),
        v4.new_raw_cell("raw words"),
    ]


def test_hostile_text_is_shown_and_does_nothing(render):
    page = render(*postmortem(HOSTILE), title=HOSTILE)
    read = Reader(page)

    assert "<script" not in page
    assert sum(HOSTILE in word for word in read.words) >= 20
    assert [tag for tag, _ in read.tags].count("img") == 1
    assert not [name for _, attrs in read.tags for name in attrs if name.startswith("on")]


@pytest.mark.parametrize(
    "markup",
    [
        "<script>alert(1)</script>",
        "<svg onload=alert(1)><a href='javascript:alert(1)'>x</a></svg>",
        "<img src=x onerror=alert(1)>",
        "<img src='https://example.com/pixel.png'>",
        "<a href='javascript:alert(1)' onclick='alert(1)'>x</a>",
        "<a href=' java\nscript:alert(1)'>x</a>",
        "<iframe src='https://example.com'></iframe>",
        "<link rel=stylesheet href='https://example.com/a.css'>",
        "<style>@import url(https://example.com/a.css)</style>",
        "<p style='background:url(https://example.com/a.png)'>x</p>",
        "<form action='https://example.com'><input autofocus onfocus=alert(1)></form>",
        "<base href='https://example.com/'>",
        "<meta http-equiv=refresh content='0;url=https://example.com'>",
        "<details ontoggle=alert(1) open>x</details>",
        "<img src='data:image/svg+xml,<svg onload=alert(1)>'>",
        "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
        "<p><!--><img src=x onerror=alert(1)>--></p>",
        "<div class='ca-card' id=content><h2>open",
    ],
)
def test_markup_of_others_is_taken_in_by_the_list_or_not_at_all(render, markup):
    """Pieces escape; an output by someone else, or a markdown cell, is where this matters."""
    other = v4.new_output("display_data", {"text/html": markup})
    read = Reader(render(words("## A"), words(markup), code(other), words("## The end")))

    tags = {tag for tag, _ in read.tags}
    allowed = {"charset", "http-equiv", "content", "name", "lang", "id", "class", "href", "rel"}
    assert not tags & {"script", "iframe", "link", "form", "input", "base", "svg", "math", "img"}
    assert [tag for tag, _ in read.tags].count("style") == 1
    assert {name for _, attrs in read.tags for name in attrs} <= allowed | {
        "tabindex",
        "aria-labelledby",
    }
    assert all(href.startswith("#") for href in read.all("href"))
    assert len(read.all("id")) == len(set(read.all("id")))
    assert read.words.count("The end") == 2  # in the contents, and as a heading


def test_only_what_a_reader_should_see_is_there(render):
    page = render(*postmortem())

    for unwanted in (
        "secret_call",
        "import os",
        "source =",
        "how to run it",
        "set-up chatter",
        "the defaults",
        "the injected",
        "read 3 files",
        "progress",
        "DeprecationWarning",
        "raw words",
        "In\xa0[",
        "Out[",
        "prompt",
        "¶",
        "cell-id",
        "Verdict(",
    ):
        assert unwanted not in page


def test_nothing_is_loaded(render):
    page = render(*postmortem())
    read = Reader(page)

    assert not {"script", "link", "iframe", "object", "base"} & {tag for tag, _ in read.tags}
    assert all(source.startswith("data:image/png;base64,") for source in read.all("src"))
    assert [h for h in read.all("href") if not h.startswith("#")] == ["https://example.com/doc"]
    assert "@import" not in page
    assert "url(" not in page
    (policy,) = [a["content"] for _, a in read.tags if "http-equiv" in a]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")


def test_the_page_is_sound(render):
    page = render(*postmortem())
    read = Reader(page)
    ids = read.all("id")

    assert page.startswith("<!doctype html>")
    assert read.open == []
    assert ("html", {"lang": "en"}) in read.tags
    assert "width=device-width, initial-scale=1" in read.all("content")
    assert [tag for tag, _ in read.tags].count("h1") == 1
    assert "<title>Postmortem</title>" in page
    assert len(ids) == len(set(ids))
    assert {href[1:] for href in read.all("href") if href.startswith("#")} <= set(ids)
    assert all(attrs["alt"] for tag, attrs in read.tags if tag == "img")


def test_the_contents_list_the_second_level_and_names_are_stable(render):
    page = render(*postmortem())
    (contents,) = re.findall(r"<nav.*?</nav>", page, re.DOTALL)

    assert re.findall(r'href="#(.*?)">(.*?)<', contents) == [
        ("summary", "Summary"),
        ("root-causes-more", "Root causes &amp; more"),
        ("summary-2", "Summary"),
    ]
    assert '<h3 id="what-went-well">' in page


def test_the_verdict_stands_before_the_contents(render):
    verdict = shown(Verdict("quiet", "Nothing moved.", []))
    for cells in (
        (words("# Title"), verdict, words("## Summary"), words("## Impact")),
        (words("# Title"), words("## Summary"), verdict, words("## Impact")),
        (words("# Title"), verdict, words("## Summary\n\n## Impact\n\n## Trigger")),
    ):
        page = render(*cells)

        assert page.index("<h1>Title</h1>") < page.index("Nothing moved.") < page.index("<nav")


def test_a_verdict_far_down_does_not_take_the_contents_along(render):
    page = render(words("## A\n\n## B\n\n## C"), shown(Verdict("quiet", "Late.", [])))

    assert page.index("<nav") < page.index('<h2 id="a">')


def test_one_heading_needs_no_contents(render):
    assert "<nav" not in render(words("## Only"))


def test_without_headings_the_title_is_the_heading_and_there_are_no_contents(render):
    page = render(shown(Prose("a")), title="Weekly & more")

    assert "<h1>Weekly &amp; more</h1>" in page
    assert "ca-kicker" not in page.split("</style>")[1]
    assert "<nav" not in page


def test_the_same_notebook_gives_the_same_bytes(render):
    assert render(*postmortem()) == render(*postmortem())


def test_the_page_fits_a_mail(render):
    page = render(*postmortem(), *(shown(pieces("x" * 40)["table"]) for _ in range(30)))
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)

    assert len(FIGURE.sub("", page).encode()) < CLIP
    assert len(style) < STYLE_CLIP


def test_answers_of_other_kinds_are_shown_and_widgets_are_not(render):
    text = v4.new_output("execute_result", {"text/plain": "42 <b>"}, execution_count=1)
    frame = {"text/html": "<style scoped>td{}</style><table border=1><tr><td>7</td></tr></table>"}
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "w"}}
    page = render(
        code(
            text,
            v4.new_output("display_data", frame),
            v4.new_output("display_data", widget),
            v4.new_output("display_data", {"application/javascript": "alert(1)"}),
            v4.new_output("display_data", {"text/markdown": "**bold** 5 < 6"}),
        )
    )

    assert "<pre>42 &lt;b&gt;</pre>" in page
    assert "<table><tr><td>7</td></tr></table>" in page
    assert "<strong>bold</strong> 5 &lt; 6" in page
    assert "model_id" not in page
    assert "alert" not in page.split("</style>")[1].replace("ca-alert", "")


def test_a_failed_cell_is_named_and_an_older_page_is_kept(render, tmp_path):
    render(words("## Old"))
    old = (tmp_path / "page.html").read_bytes()

    with pytest.raises(RunFailed, match=r"cell 2 of ran.ipynb stopped with KeyError\. No page"):
        render(words("## New"), code(failed("KeyError", "'sk-secret'")))
    assert (tmp_path / "page.html").read_bytes() == old
    assert sorted(p.name for p in tmp_path.iterdir()) == ["page.html", "ran.ipynb"]


def test_a_failure_in_a_hidden_cell_is_a_failure(render):
    with pytest.raises(RunFailed, match="cell 1"):
        render(code(failed("ValueError", "x"), tags=["no-report"]))


def test_our_own_errors_are_quoted_for_they_say_what_to_do(render):
    with pytest.raises(RunFailed, match="UnfitData: 3 days; widen the window"):
        render(code(failed("UnfitData", "3 days; widen the window")))


def test_a_notebook_that_stopped_half_way_is_no_report(render):
    cell = v4.new_code_cell("findings")

    with pytest.raises(RunFailed, match=r"cell 2 of ran\.ipynb was not run"):
        render(shown(Prose("a")), cell)


def test_a_cut_notebook_is_refused(tmp_path):
    (tmp_path / "cut.ipynb").write_text('{"cells": [')

    with pytest.raises(RunFailed, match=r"cut\.ipynb is not a notebook"):
        render_html(tmp_path / "cut.ipynb", tmp_path / "page.html", title="t")
    assert not (tmp_path / "page.html").exists()


def test_a_page_that_cannot_be_put_in_place_leaves_nothing(tmp_path):
    nbformat.write(v4.new_notebook(cells=[words("a")]), tmp_path / "ran.ipynb")
    (tmp_path / "page.html").mkdir()

    with pytest.raises(IsADirectoryError):
        render_html(tmp_path / "ran.ipynb", tmp_path / "page.html", title="t")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["page.html", "ran.ipynb"]


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_ink_can_be_read_on_every_ground_it_stands_on(scheme):
    """WCAG AA: 4.5 to 1 for text."""
    css = files("cacheaudit").joinpath("page.css").read_text("utf-8")
    blocks = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    colours = dict(re.findall(r"--([a-z-]+): (#\w{6})", blocks[["light", "dark"].index(scheme)]))
    pairs = [(ink, on) for ink in ("ink", "soft", "link") for on in ("page", "card")]
    pairs += [(f"{t}-ink", f"{t}-ground") for t in ("alert", "warn", "good", "calm")]
    pairs += [("ink", f"{t}-ground") for t in ("alert", "warn", "good")]

    for ink, ground in pairs:
        low, high = sorted(luminance(colours[name]) for name in (ink, ground))
        assert (high + 0.05) / (low + 0.05) >= 4.5, (ink, ground)
