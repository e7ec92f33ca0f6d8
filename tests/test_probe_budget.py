"""The budget against the sandbox's own books: what a provider bills never passes it."""

import json
import time
from dataclasses import replace

import httpx2
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cacheaudit.price_table import check_prices
from cacheaudit.probing.ask import ALLOWANCE_TOKENS
from cacheaudit.probing.candidate import Candidate
from cacheaudit.probing.measure import probe
from cacheaudit.probing.questions import HELLO, Design
from cacheaudit.probing.send import Sender
from cacheaudit.words import usd
from tests.models import OLD, sandbox
from tests.probing import Still

USD = {  # per million tokens of the plain
    "uncached_input": 1.0, "cache_read": 0.1, "cache_write_5m": 1.25, "output": 5.0,
}  # fmt: skip
TIMES = {"plain": 1, "wordy": 1, "peer": 1, "dear": 20, "unpriced": 9}
HELD_USD = ALLOWANCE_TOKENS * USD["output"] / 1e6  # 0.08192
DESIGN = Design(
    questions=("caches", "at_once", "hit_rate"), pairs=2, repeats=2, follow_ups=1, words=2000,
    together_repeats=1, paces_s=(0.0,),
)  # fmt: skip
PATH = "/v1/messages"


@pytest.fixture(scope="module")
def box():
    one = replace(OLD, id="plain")
    with (
        pytest.MonkeyPatch.context() as patch,
        sandbox(
            one, replace(one, id="wordy", output_tokens=4000, ignores_limit=True),
            *(replace(one, id=name) for name in ("peer", "dear", "unpriced")),
        ) as running,
    ):  # fmt: skip
        patch.setenv("ANTHROPIC_API_KEY", "team/key")
        yield running


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "team/key")


def prices():
    """A table with all but the unpriced."""
    rows = [
        {f"{name}_usd_per_mtok": rate * times for name, rate in USD.items()}
        | {"provider": "anthropic", "model": model, "valid_from": "2026-01-01"}
        for model, times in TIMES.items()
        if model != "unpriced"
    ]
    return check_prices(pd.DataFrame(rows), "planted")


def billed_usd(box):
    """What the provider would bill, from its own books."""
    return sum(
        counts[f"{name}_tokens"] * rate * TIMES[dict(key[:-1])["model"]] / 1e6
        for key, counts in box.state.ledger._served.items()
        for name, rate in USD.items()
    )


def served(box):
    return sum(counts["requests"] for counts in box.state.ledger._served.values())


def probed(box, *models, budget_usd, faults=(), path=None, timeout_s=5.0, design=DESIGN, **given):
    """(probe, what it was billed, calls that were served) of *models* in this order."""
    box.state.faults.clear()
    for one in faults:
        box.state.faults.add({"path": PATH, **one})
    before = billed_usd(box), served(box)
    found = probe(
        [Candidate(model=one, base_url=box.url, **given) for one in models],
        budget_usd=budget_usd, execute=True, design=design, prices=prices(), receipts_path=path,
        clock=Still(), sender=Sender(timeout_s=timeout_s),
    )  # fmt: skip
    return found, billed_usd(box) - before[0], served(box) - before[1]


def faulty(*kinds, most_after=30, names=()):
    return st.fixed_dictionaries(
        {"kind": st.sampled_from(kinds), "after": st.integers(0, most_after),
         "times": st.integers(1, 3), "names": st.just(names)},
    )  # fmt: skip


FAULTS = st.lists(
    st.one_of(
        faulty("429", "500", "503", "cut"),
        faulty("missing", names=("usage",)),
        faulty("other_model", names=("peer",)),
        faulty("other_model", most_after=0, names=("dear",)),  # of a greeting
        faulty("other_model", names=("unpriced",), most_after=0),
        faulty("slow").map(lambda one: one | {"seconds": 0.6, "times": 1}),
    ),
    max_size=5,
)


@pytest.mark.slow
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    faults=FAULTS,
    models=st.sampled_from([("plain",), ("wordy",), ("plain", "wordy"), ("wordy", "peer")]),
    budget_usd=st.floats(0.09, 0.4),
)
def test_the_books_of_the_provider_never_pass_the_budget(box, faults, models, budget_usd):
    """Errors, lost and cut answers, a limit that is ignored, a greeting by a dearer model."""
    found, billed, _ = probed(
        box, *models, budget_usd=budget_usd, faults=faults, timeout_s=0.4
    )  # fmt: skip

    assert billed <= found.spent_usd + 1e-9
    assert found.spent_usd <= budget_usd + 1e-9


def test_an_endpoint_that_ignores_its_limit_is_found_out_by_its_greeting(box):
    """It is paid for, out of what was held; and it gets no other call, the other does."""
    found, billed, _ = probed(box, "wordy", "plain", budget_usd=0.2)
    mine = [one for one in found.receipts if one.candidate == "wordy"]

    assert [(one.question, one.step, one.over_bound) for one in mine] == [(HELLO, 0, True)]
    assert mine[0].cost_usd < mine[0].worst_usd
    assert all(
        one.why.startswith("over_bound") for one in found.answers if one.candidate == "wordy"
    )
    assert any(one.question == "caches" and one.verdict == "yes" for one in found.answers)
    assert billed == pytest.approx(found.spent_usd)


def test_what_is_held_for_a_greeting_is_free_with_its_answer(box):
    """0.09 USD hold one greeting at a time, and then the pairs of both candidates."""
    found, _, _ = probed(box, "plain", "peer", budget_usd=0.09)
    greetings = [one for one in found.receipts if one.question == HELLO]

    assert [one.held_usd for one in greetings] == [pytest.approx(HELD_USD, rel=0.002)] * 4
    assert not any(one.held_usd for one in found.receipts if one.question != HELLO)
    assert [one.verdict for one in found.answers if one.question == "caches"] == ["yes", "yes"]
    assert found.notes == ()


def test_a_budget_below_the_allowance_is_of_use_and_says_what_it_promises(box):
    found, billed, _ = probed(box, "plain", budget_usd=0.05)
    (first, *_), (note,) = found.receipts, found.notes

    assert first.worst_usd == pytest.approx(0.05)
    assert [one.verdict for one in found.answers if one.question == "caches"] == ["yes"]
    assert billed <= found.spent_usd + 1e-9 <= 0.05
    assert usd(0.05) in note
    assert usd(HELD_USD) in note


def test_a_greeting_that_the_budget_no_longer_holds_names_both_numbers(box):
    """The first was lost and counts for all that was held; the second would need as much again."""
    found, billed, _ = probed(
        box, "plain", budget_usd=0.1, faults=[{"kind": "slow", "seconds": 0.6}], timeout_s=0.3
    )
    (lost,) = found.receipts

    assert lost.outcome == "timeout"
    assert found.stopped == "budget"
    assert usd(0.1 - lost.worst_usd) in found.notes[0]
    assert usd(lost.worst_usd) in found.notes[0]
    assert billed <= found.spent_usd + 1e-9 <= 0.1


@pytest.mark.parametrize(("other", "times"), [("dear", 20), ("peer", 1)])
def test_a_greeting_by_another_model_is_paid_at_the_dearer_price_and_is_the_last(box, other, times):
    found, billed, calls = probed(
        box, "plain", budget_usd=0.2,
        faults=[{"kind": "other_model", "names": [other], "times": 99}],
    )  # fmt: skip
    (receipt,) = found.receipts

    assert (receipt.outcome, receipt.served, calls) == ("other_model", other, 1)
    assert receipt.cost_usd == pytest.approx(billed)
    assert found.spent_usd == receipt.cost_usd


def test_another_model_without_a_price_counts_for_all_that_was_set_aside(box):
    found, _, _ = probed(
        box, "plain", budget_usd=0.2, faults=[{"kind": "other_model", "names": ["unpriced"]}]
    )

    assert found.receipts[0].cost_usd is None
    assert found.spent_usd == found.receipts[0].worst_usd


def test_a_cheaper_model_in_its_place_is_paid_at_the_price_that_was_asked_for(box):
    found, billed, _ = probed(
        box, "dear", budget_usd=4.0, faults=[{"kind": "other_model", "names": ["peer"]}]
    )

    assert found.spent_usd == pytest.approx(20 * billed)


def test_a_dearer_model_later_is_paid_for_and_ends_the_candidate(box):
    """The trust that the greeting earned: it may pass the bound of its own call, and no more.

    After the greeting's two calls and one cold call, whose length is then known.
    """
    design = replace(DESIGN, questions=("caches",), pairs=9)
    found, billed, _ = probed(
        box, "plain", budget_usd=0.2, design=design,
        faults=[{"kind": "other_model", "names": ["dear"], "after": 4, "times": 99}],
    )  # fmt: skip
    last = found.receipts[-1]

    assert [one.outcome for one in found.receipts].count("other_model") == 1
    assert last.over_bound
    assert billed == pytest.approx(found.spent_usd)


def test_a_run_that_goes_on_does_not_ask_an_endpoint_that_passed_its_bound(box, tmp_path):
    """Nor does a run of the next day: the receipts say it."""
    path = tmp_path / "receipts.jsonl"
    _, _, first = probed(box, "wordy", budget_usd=0.2, path=path)
    found, _, again = probed(box, "wordy", budget_usd=0.2, path=path)

    assert (first, again) == (1, 0)
    assert all(one.why.startswith("over_bound") for one in found.answers)


def gateway(output):
    """A sender to an endpoint that answers at once, with *output* tokens of the body it gets."""

    def answer(request):
        usage = {"input_tokens": 99, "output_tokens": output(json.loads(request.read())),
                 "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}  # fmt: skip
        return httpx2.Response(
            200, json={"id": "m", "type": "message", "role": "assistant", "content": [],
                       "model": "plain", "stop_reason": "max_tokens", "stop_sequence": None,
                       "usage": usage},
        )  # fmt: skip

    return Sender(http_client=httpx2.Client(transport=httpx2.MockTransport(answer)))


def test_a_limit_of_nothing_that_is_kept_proves_no_other():
    """A gateway that prewarms as it should, and then generates what it likes."""
    sender = gateway(lambda body: 3000 if body["max_tokens"] else 0)
    found = probe([Candidate(model="plain")], budget_usd=0.2, execute=True, design=DESIGN,
                  prices=prices(), clock=Still(), sender=sender)  # fmt: skip

    assert [(one.question, one.over_bound) for one in found.receipts] == [
        (HELLO, False), (HELLO, True),
    ]  # fmt: skip
    assert {one.why for one in found.answers if one.question == "caches"} == {"over_bound (2)"}


def test_no_call_is_in_flight_beside_a_greeting():
    """Requests at once are, which shows that the count would see it."""
    open_now, most = [], {}

    def output(body):
        greets = "Count from 1" in json.dumps(body)
        open_now.append(1)
        time.sleep(0.02)
        most[greets] = max(most.get(greets, 0), len(open_now))
        open_now.pop()
        return 0

    both = [Candidate(model="plain", name=name) for name in "ab"]
    probe(both, budget_usd=0.09, execute=True, design=replace(DESIGN, questions=("at_once",)),
          prices=prices(), clock=Still(), sender=gateway(output))  # fmt: skip

    assert most[True] == 1
    assert most[False] > 1
