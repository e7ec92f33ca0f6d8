"""The cost section: what a finance reader adds up, and whether it is settled."""

import pandas as pd
import pytest

from cacheaudit.bridge import explain_cost
from cacheaudit.cost import cost_of
from cacheaudit.quality import reconciliation
from cacheaudit.report.bridges import bridge_pieces, bridge_words, to_the_cent
from cacheaudit.report.money import standing
from cacheaudit.report.supporting import prices_used
from cacheaudit.schema import check_cost
from tests.planted import OPUS, at, stream, usage_of

WEEKS = ((at(0), at(7)), (at(7), at(14)))


@pytest.fixture(scope="module")
def usage() -> pd.DataFrame:
    """A migration that loses its markers, beside one cohort that answers shorter."""
    moved = stream().then(7, model=OPUS, marked=False)
    return usage_of([moved, stream(scope="b").then(7, output_tokens=150)], days=14, seed=1)


@pytest.fixture(scope="module")
def bridge(usage):
    return explain_cost(usage, *WEEKS, tokenizers={OPUS: 1.0})


def said(pieces) -> str:
    return "\n".join(p.to_text() for p in pieces)


def cells(text: str) -> dict[str, float]:
    """{first column: number beside it} of a table in plain text."""
    rows = [line.split("  ") for line in text.splitlines()]
    found = {}
    for row in rows:
        words = [w.strip() for w in row if w.strip()]
        if len(words) > 1 and words[1].replace(",", "").replace(".", "").strip("+-").isdigit():
            found[words[0]] = float(words[1].replace(",", ""))
    return found


@pytest.mark.parametrize("seed", range(8))
def test_what_is_shown_adds_up_to_the_cent(seed: int):
    moved = stream().then(2, model=OPUS, marked=seed % 2 == 0, output_tokens=150 + 7 * seed)
    usage = usage_of([moved], days=4, seed=seed)
    found = explain_cost(usage, (at(0), at(2)), (at(2), at(4)))

    shown = cells(bridge_pieces(found)[1].to_text())

    parts = sum(v for name, v in shown.items() if name not in {"Before", "After"})
    assert parts == pytest.approx(shown["After"] - shown["Before"], abs=1e-9)
    assert sum(to_the_cent(found).values()) == pytest.approx(round(found.change_usd, 2), abs=0.011)


def test_the_waterfall_says_in_words_what_it_shows(bridge):
    picture = bridge_pieces(bridge)[0]

    assert picture.alt.startswith(bridge_words(bridge))
    assert "cache split" in picture.alt
    assert "output size -" in picture.alt


def test_the_title_names_what_drove_the_change_its_way(bridge):
    """Shorter answers made it cheaper; they are no reason for the rise."""
    assert "cache split" in bridge_words(bridge)
    assert "output size" not in bridge_words(bridge)


def test_factors_that_stayed_are_one_row(bridge):
    assert "write lifetime" in said(bridge_pieces(bridge))
    assert cells(bridge_pieces(bridge)[1].to_text())["unchanged"] == 0.0


def test_cells_are_listed_where_there_is_more_than_one(bridge, usage):
    one = explain_cost(usage[usage["scope"] == "b"], *WEEKS)

    assert "The same by cell" in said(bridge_pieces(bridge))
    assert "The same by cell" not in said(bridge_pieces(one))


def test_what_cannot_be_bridged_is_said(usage):
    unknown = usage.assign(model="mystery-9")

    assert "can be split" in said(bridge_pieces(explain_cost(unknown, *WEEKS)))
    assert "no price for mystery-9" in said(bridge_pieces(explain_cost(unknown, *WEEKS)))
    assert "no window" in said(bridge_pieces(None))


def bill(usage: pd.DataFrame, factor: float) -> pd.DataFrame:
    """What the usage is priced at, times *factor*, by day and model."""
    usd = cost_of(usage).usd * factor
    day = usage["bucket_start"].dt.floor("D").rename("day")
    sums = usd.groupby([day, usage["model"]]).sum().rename("amount_usd").reset_index()
    return sums.assign(provider="anthropic", cost_type="tokens", list_usd=pd.NA)


@pytest.mark.parametrize(("factor", "word"), [(1.0, "Reconciled"), (1.1, "Draft"), (None, "Draft")])
def test_money_is_called_what_the_bill_makes_it(usage, factor, word):
    cost = None if factor is None else check_cost(bill(usage, factor))
    text = said(standing(reconciliation(usage, cost_of(usage).usd, cost)))

    assert text.startswith(f"{word}: ")
    assert ("Where bill and price list differ most" in text) == (factor == 1.1)


def test_every_price_used_is_listed_with_its_day_and_where_it_is_from(usage):
    text = prices_used(cost_of(usage).book.used).to_text()

    assert OPUS in text
    assert "genai-prices" in text
    assert "write 5m" in text
    assert "write 12h" not in text
