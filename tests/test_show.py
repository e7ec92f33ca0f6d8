"""Each piece escapes whatever it is given, is well-formed, and can be said in plain text."""

from html.parser import HTMLParser

import matplotlib.pyplot as plt
import pytest

from cacheaudit.show import (
    Bullets,
    Card,
    Cards,
    Column,
    Definitions,
    Details,
    Figure,
    KeyNumbers,
    Prose,
    Table,
    Verdict,
)

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
VOID = {"br", "img"}


def drawing():
    figure, ax = plt.subplots(figsize=(3, 2))
    ax.plot([0, 1], [1, 0])
    return figure


def pieces(text):
    """One of each piece, with *text* in every place that takes a text."""
    table = Table([Column(text), Column(text), Column(text, "right")], [[text] * 3], text)
    return {
        "verdict": Verdict("incident", text, [text, text], label=text),
        "numbers": KeyNumbers([(text, text, text)]),
        "prose": Prose([text]),
        "bullets": Bullets([text]),
        "definitions": Definitions([(text, text)]),
        "table": table,
        "cards": Cards([Card(text, text, [text], [text], text)]),
        "figure": Figure(drawing(), text, text),
        "details": Details(text, (table, Prose(text))),
    }


class Reader(HTMLParser):
    """Words, tags and attribute names of a fragment; fails on a tag left open or closed twice."""

    def __init__(self, html):
        super().__init__()
        self.words, self.tags, self.attributes, self.open = [], [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.mark.parametrize("name", pieces("x"))
def test_hostile_text_is_shown_as_text(name):
    html = pieces(HOSTILE)[name]._repr_html_()
    read = Reader(html)

    assert HOSTILE in read.words
    assert "script" not in read.tags
    assert read.tags.count("img") == (name == "figure")
    assert not [a for a in read.attributes if a.startswith("on")]


@pytest.mark.parametrize("name", pieces("x"))
def test_the_plain_text_says_the_same_and_carries_no_escape_codes(name):
    """Model names come from a file; a terminal must not obey them."""
    text = pieces("red \x1b[31m alert\u202e")[name].to_text()

    assert "red \ufffd[31m alert\ufffd" in " ".join(text.split())
    assert "\x1b" not in text


@pytest.mark.parametrize("name", pieces("x"))
def test_control_characters_stay_out_of_the_page(name):
    html = pieces("nul \x00 and lone \ud800")[name]._repr_html_()

    assert "\x00" not in html
    html.encode("utf-8")


@pytest.mark.parametrize(
    ("status", "word"),
    [("incident", "Incident"), ("quiet", "No incident"), ("unknown", "Not known")],
)
def test_a_verdict_is_told_in_words_not_by_colour_alone(status, word):
    verdict = Verdict(status, "Headline.", ["One.", "Two."])

    assert f"{word}</p>" in verdict._repr_html_()
    assert verdict._repr_html_().index("Headline.") < verdict._repr_html_().index("One.")
    assert f"] {word}: Headline.\n\nOne.\n\nTwo." in verdict.to_text()


def test_another_notebook_may_word_its_verdict():
    assert "Not ready</p>" in Verdict("incident", "h", [], label="Not ready")._repr_html_()


def test_an_unknown_status_is_refused():
    with pytest.raises(ValueError, match="'fine'"):
        Verdict("fine", "h", [])


def test_one_string_is_one_text_and_not_a_text_per_letter():
    assert Prose("ab")._repr_html_() == "<p>ab</p>"
    assert Bullets("ab").to_text() == "- ab"
    assert Verdict("quiet", "h", "ab").to_text().endswith("\n\nab")


def test_a_table_can_be_read_aloud_and_on_a_phone():
    columns = [Column("Model"), Column("Route"), Column("USD", "right")]
    html = Table(columns, [["m", "r", "1.00"]], "Cost.")._repr_html_()

    assert "<caption>Cost.</caption>" in html
    assert html.count('scope="col"') == 3
    assert '<th scope="row">m</th>' in html
    assert '<td class="ca-num" data-label="USD">1.00</td>' in html
    assert "ca-stack" in html
    assert "ca-stack" not in Table(columns[:2], [["m", "r"]], "Routes.")._repr_html_()


def test_a_table_in_plain_text_is_aligned():
    table = Table(
        [Column("Model"), Column("USD", "right")], [["a", "9"], ["long", "10.5"]], "Cost."
    )

    assert table.to_text().splitlines() == [
        "Cost.",
        "Model   USD",
        "-----------",
        "a         9",
        "long   10.5",
    ]


def test_an_empty_table_says_so():
    table = Table([Column("Model"), Column("USD")], [], "Cost.")

    assert '<td colspan="2">None found.</td>' in table._repr_html_()
    assert table.to_text().endswith("None found.")


def test_a_row_of_another_width_is_refused():
    with pytest.raises(ValueError, match="1 cells in a row of 2 columns"):
        Table([Column("a"), Column("b")], [["1"]], "")


def test_evidence_on_one_side_only_shows_that_the_other_is_empty():
    one_sided = Card("Prefix", "ruled_out", [], ["It kept its rate."])
    untested = Card("Routing", "not_tested", footer="It needs a request log.")

    assert "<h4>For</h4><p>None found.</p>" in one_sided._repr_html_()
    assert '<span class="ca-badge">ruled out</span>' in one_sided._repr_html_()
    assert "<h4>" not in untested._repr_html_()
    assert untested.to_text() == "Routing [not tested]\n  It needs a request log."


@pytest.mark.parametrize(
    ("badge", "tone"),
    [("leading", "alert"), ("possible", "warn"), ("ruled_out", "calm"), ("PASS", "good")],
)
def test_the_badge_sets_the_tone(badge, tone):
    assert f"ca-card ca-{tone}" in Card("t", badge)._repr_html_()


def test_a_figure_is_the_same_bytes_each_time_and_is_closed():
    before = plt.get_fignums()
    once, twice = (Figure(drawing(), "It fell.", "Hit rate.") for _ in range(2))

    assert plt.get_fignums() == before
    assert once._repr_html_() == twice._repr_html_()
    assert 'alt="It fell."' in once._repr_html_()
    assert "<figcaption>Hit rate.</figcaption>" in once._repr_html_()


def test_details_hold_one_piece_or_several():
    assert Details("More", Prose("a"))._repr_html_().endswith("<p>a</p></details>")
    assert Details("More", [Prose("a"), Prose("b")]).to_text() == "More\n\na\n\nb"
