"""What is billed for a prefill: within its budget at any fault, but for one dear answer."""

import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cacheaudit.errors import SourceError
from cacheaudit.prefilling.keep import keep_warm
from cacheaudit.prefilling.pace import Limits
from cacheaudit.prefilling.prefix import prefixes_of
from cacheaudit.prefilling.set_aside import dear_usd
from cacheaudit.prefilling.setup import Setup
from cacheaudit.probing.candidate import Candidate
from cacheaudit.probing.measure import WallClock
from cacheaudit.probing.money import Budget, rates_of
from cacheaudit.probing.receipt import Receipts
from tests.models import sandbox
from tests.prefills import KEY, MODELS, OPUS, SOL, billed_usd, body, calls, params_of, run

KINDS = ["429", "500", "503", "529", "cut", "missing", "other_model"]
fault = st.fixed_dictionaries(
    {"kind": st.sampled_from(KINDS), "after": st.integers(0, 6), "times": st.integers(1, 4)}
)


@pytest.fixture(autouse=True)
def _key(_no_keys, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.mark.slow
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


TOKENS, TIMES, MANY = 4000, 10, 24


class Falling:
    """A gateway that from its second call on has a model answer at ten times the price, with a
    token for each byte; each of those lasts until *meets* are in flight, and a little longer."""

    def __init__(self, rates, meets):
        self.rates, self.calls, self.together, self.most = rates, 0, 0, 0
        self.met = threading.Barrier(meets)
        self.lock = threading.Lock()

    def dearer(self, served):
        return replace(
            self.rates, uncached_usd=TIMES * self.rates.uncached_usd,
            written_usd=TIMES * self.rates.written_usd, output_usd=TIMES * self.rates.output_usd,
        )  # fmt: skip

    def touch(self, candidate, prefix, way, planned):
        with self.lock:
            self.calls += 1
            self.together += 1
            self.most = max(self.most, self.together)
            falls = self.calls > 1
        if falls:
            self.met.wait(10.0)
        time.sleep(0.05)
        with self.lock:
            self.together -= 1
        wrote = prefix.bytes if falls else TOKENS
        return replace(
            planned, outcome="other_model" if falls else "answered",
            served="dearer" if falls else candidate.model, cache_read_tokens=0,
            cache_write_tokens=wrote, uncached_input_tokens=5, output_tokens=0,
        )  # fmt: skip


def fallen(together, budget_usd, *, meets=1, priced=True):
    """(the gateway, the receipts) of a run of 24 prefixes of 20 kB."""
    candidate = Candidate(model=OPUS.id)
    prefixes = prefixes_of([body("messages", f"p{n}x", TOKENS) for n in range(MANY)], candidate)
    clock = WallClock()
    gateway = Falling(rates_of(candidate, date(2026, 11, 23)), meets)
    setup = Setup(
        candidate=candidate, rates=gateway.rates, limits=Limits(requests_per_minute=1e7),
        touch=gateway.touch, clock=clock, receipts=Receipts(), budget=Budget(budget_usd),
        begin_s=clock.now(), until_s=clock.now() + 60, together=together,
        rates_of=gateway.dearer if priced else lambda served: None,
    )  # fmt: skip
    keep_warm(prefixes, setup)
    return gateway, setup.receipts.all, max(
        dear_usd(one, way, gateway.rates) for one in prefixes for way in one.ways
    )  # fmt: skip


@pytest.mark.parametrize("together", [1, 4, 32])
def test_one_dear_answer_at_most_passes_the_budget_whatever_is_in_flight(together):
    gateway, receipts, _ = fallen(together, 1.0)
    dear = [one for one in receipts if one.over_bound]

    assert gateway.calls == len(receipts) == 2
    assert sum(one.spent_usd for one in receipts) - dear[0].cost_usd < 1.0


@pytest.mark.parametrize("many", [2, 3, 4])
def test_as_many_are_in_flight_as_the_budget_holds_dear_answers_to(many):
    """The control: with the money for it calls go together, and all that fall are held by it."""
    _, _, each_usd = fallen(1, 1.0)
    gateway, receipts, _ = fallen(4, (many + 0.5) * each_usd, meets=many)

    assert gateway.most == many
    assert sum(one.over_bound for one in receipts) == many
    assert sum(one.spent_usd for one in receipts) <= (many + 0.5) * each_usd


def test_a_model_without_a_price_is_asked_no_more():
    """What it cost is not known, so nothing would hold a second."""
    _, receipts, _ = fallen(1, 20.0, priced=False)

    assert [one.outcome for one in receipts] == ["answered", "other_model"]
    assert receipts[1].spent_usd == receipts[1].worst_usd


def test_a_second_run_on_the_same_receipts_is_refused_and_sends_nothing(tmp_path):
    with sandbox(OPUS) as box:
        params = params_of(box, tmp_path, [body("messages", n) for n in "abc"], lead_s=200.0)
        held = Receipts(tmp_path / "receipts.jsonl")
        with pytest.raises(SourceError, match=r"receipts.jsonl .*another run is under way"):
            run(box, params)
        assert calls(box) == 0
        held.close()

        assert run(box, params).warm.warm == 3


def test_receipts_are_free_again_when_their_process_is_killed(tmp_path):
    path = tmp_path / "receipts.jsonl"
    holds = (
        "import sys, time; from pathlib import Path\n"
        "from cacheaudit.probing.receipt import Receipts\n"
        "held = Receipts(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holds, str(path)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        try:
            with pytest.raises(SourceError, match="each would spend the budget"):
                Receipts(path)
        finally:
            other.kill()

    Receipts(path).close()


def test_receipts_that_cannot_be_kept_are_refused_by_name(tmp_path):
    with pytest.raises(SourceError, match=f"cannot keep receipts in {tmp_path.name}: Is a dir"):
        Receipts(tmp_path)
