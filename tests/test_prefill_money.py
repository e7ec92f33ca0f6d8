"""What the sandbox bills for a prefill never passes its budget, at any fault."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cacheaudit.probing.candidate import Candidate
from tests.models import sandbox
from tests.prefills import KEY, MODELS, OPUS, SOL, billed_usd, body, params_of, run

KINDS = ["429", "500", "503", "529", "cut", "missing", "other_model"]
fault = st.fixed_dictionaries(
    {"kind": st.sampled_from(KINDS), "after": st.integers(0, 6), "times": st.integers(1, 4)}
)


@pytest.fixture(autouse=True)
def _key(_no_keys, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@settings(max_examples=40, deadline=None)
@given(
    faults=st.lists(fault, max_size=3),
    budget_usd=st.floats(0.001, 0.25),
    lives=st.sampled_from(["5m", "1h"]),
    api=st.sampled_from(["messages", "responses", "chat"]),
)
def test_what_is_billed_never_passes_the_budget(faults, budget_usd, lives, api):
    """Faults of every kind; bodies of three lengths, with entries of either lifetime."""
    with sandbox(OPUS, SOL, replace(OPUS, id="served")) as box, TemporaryDirectory() as where:
        for one in faults:
            names = {"missing": ["usage"], "other_model": ["served"]}.get(one["kind"], [])
            box.fault(path="/v1/", names=names, **one)
        bodies = [body(api, name, many) for name, many in (("a", 900), ("b", 2000), ("c", 3000))]
        if api == "messages":
            for one in bodies:
                one["system"][0]["cache_control"] = {"type": "ephemeral", "ttl": lives}
        found = run(
            box, params_of(box, Path(where), bodies, api, lead_s=1300.0, budget_usd=budget_usd)
        )
        candidate = Candidate(model=MODELS[api], api=api)

        assert billed_usd(box, candidate) <= found.spent_usd + 1e-9 <= budget_usd + 1e-6


def test_a_server_that_ignores_its_limit_is_found_out_within_the_budget(tmp_path):
    """16,000 tokens that nobody asked for: set aside for the first call, and no second is made."""
    with sandbox(replace(OPUS, output_tokens=16_000, ignores_limit=True)) as box:
        bodies = [body("messages", name) for name in "abc"]
        found = run(box, params_of(box, tmp_path, bodies, lead_s=200.0, budget_usd=0.5))

        (first,) = found.receipts
        assert first.cost_usd <= first.worst_usd
        assert first.held_usd > 0.3
        assert {one.why for one in found.prefixes[1:]} == {"over_bound"}
        assert 0.3 < billed_usd(box, Candidate(model=OPUS.id)) <= found.spent_usd <= 0.5


def test_a_dearer_model_that_answers_is_paid_for_and_asked_no_more(tmp_path):
    """At a tenth of the price of what answers, nothing that was set aside would have held it."""
    cheap = replace(OPUS, id="claude-haiku-5-5")
    with sandbox(cheap, OPUS) as box:
        box.fault(kind="other_model", path="/v1/messages", after=1, times=9, names=[OPUS.id])
        given = {"model": cheap.id, "base_url": box.url}
        bodies = [body("messages", name, 20_000) for name in "abc"]
        found = run(box, params_of(box, tmp_path, bodies, lead_s=200.0, candidate=given))

        assert [one.outcome for one in found.receipts] == ["answered", "other_model"]
        assert found.receipts[1].cost_usd > found.receipts[1].worst_usd
        assert found.prefixes[2].why == "over_bound"


@pytest.mark.parametrize(("budget_usd", "warm"), [(0.05, 0), (0.1, 1), (0.15, 2), (0.5, 3)])
def test_a_budget_keeps_so_many_alive_as_it_can_to_the_end(tmp_path, budget_usd, warm):
    """Money for half of the calls is not spent on all prefixes until it is gone: the plan says how
    many it holds, and the run holds as many."""
    with sandbox(OPUS) as box:
        bodies = [body("messages", name, 3000) for name in "abc"]
        params = params_of(box, tmp_path, bodies, lead_s=3000.0, budget_usd=budget_usd)
        planned = run(box, replace(params, execute=False)).plan
        found = run(box, params)

    assert planned.warm == warm
    assert found.warm.warm >= warm
    assert {one.why for one in found.prefixes} <= {"", "budget"}
    assert all(one.touches in (0, 13) for one in found.prefixes)
    assert (found.stopped == "budget") == (found.warm.warm < 3)
