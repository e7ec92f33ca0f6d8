"""After a prefill the first production request of each prefix reads, through both SDKs."""

from dataclasses import replace
from datetime import date

import httpx2
import pandas as pd
import pytest

from cacheaudit.prefilling.keep import keep_warm
from cacheaudit.prefilling.pace import Limits
from cacheaudit.prefilling.prefill import planned, prefill
from cacheaudit.prefilling.prefix import prefixes_of
from cacheaudit.prefilling.send import Toucher
from cacheaudit.prefilling.setup import Setup
from cacheaudit.prefilling.warmth import UNREACHED
from cacheaudit.probing.candidate import Candidate
from cacheaudit.probing.money import Budget, rates_of
from cacheaudit.probing.receipt import Receipts, read_receipts
from tests.models import sandbox, split
from tests.prefills import (
    KEY,
    LIVES_S,
    MODELS,
    OLD_GPT,
    OPUS,
    SOL,
    Moved,
    billed_usd,
    body,
    calls,
    candidate_of,
    later,
    params_of,
    run,
)

APIS = ("messages", "responses", "chat")


@pytest.fixture
def box(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with sandbox(OPUS, SOL, OLD_GPT) as running:
        yield running


def production(box, api, name, model="", **more):
    """(read, written, uncached) of a request of production that asks something else."""
    sent = body(api, name, asks="another", **more) | {"model": model or MODELS[api]}
    with box.claude(KEY) if api == "messages" else box.gpt(KEY) as client:
        made = {
            "messages": lambda: client.messages,
            "responses": lambda: client.responses,
            "chat": lambda: client.chat.completions,
        }
        return split(made[api]().create(**sent).usage)


@pytest.mark.parametrize("api", APIS)
def test_after_it_the_first_production_request_of_each_prefix_reads(box, tmp_path, api):
    """The lead is three lifetimes: an entry of the first touch alone would be gone."""
    names = ["a", "b", "c"]
    lead_s = 3 * LIVES_S[api] + 10
    found = run(
        box, params_of(box, tmp_path, [body(api, one) for one in names], api, lead_s=lead_s)
    )

    assert Moved(box).now() <= found.plan.until_s
    assert found.warm.verdict == "warmed"
    assert (found.warm.warm, found.warm.tokens, found.warm.exact) == (3, 6000, True)
    assert [one.touches for one in found.prefixes] == [4, 4, 4]
    Moved(box).sleep(found.plan.until_s - Moved(box).now())
    for name in names:
        read, _, uncached = production(box, api, name)
        assert (read, uncached < 10) == (2000, True)


@pytest.mark.parametrize("api", APIS)
def test_without_a_refresh_it_would_not_be_warm(box, tmp_path, api):
    """The control: one touch, and the same time later production writes."""
    params = params_of(box, tmp_path, [body(api, "a")], api, lead_s=0.5 * LIVES_S[api])
    found = run(box, params)
    Moved(box).sleep(3 * LIVES_S[api])

    assert [one.touches for one in found.prefixes] == [1]
    assert production(box, api, "a")[0] == 0


def test_an_older_model_is_proven_by_a_second_call(box, tmp_path):
    """It reports no writes: that it was cached is known once it is read, five seconds later."""
    one = candidate_of(box, "chat", "gpt-4.1")
    sent = body("chat", "a", prompt_cache_retention="24h")
    found = run(box, params_of(box, tmp_path, [sent], "chat", candidate=one))

    assert [(one.touches, one.reads, one.verdict) for one in found.prefixes] == [(2, 1, "warm")]
    assert production(box, "chat", "a", "gpt-4.1")[0] >= 1792


def test_what_is_too_short_in_truth_is_found_out_by_its_first_touch(box, tmp_path):
    """600 words are 1,200 bytes and more: only the endpoint knows that they are 300 tokens."""
    sent = [body("messages", "a", 400), body("messages", "b")]
    found = run(box, params_of(box, tmp_path, sent, warm_share=0.5))
    short = next(one for one in found.prefixes if one.prefix.first == 1)

    assert (short.verdict, short.why, short.touches) == ("not_warm", "not_cached", 1)
    assert found.warm.share == 0.5


def test_a_touch_that_came_too_late_shows_as_written_anew(box, tmp_path):
    """Nobody answers from the second touch on, for longer than an entry lives."""
    for _ in range(2):
        box.fault(kind="529", path="/v1/messages", after=1, times=2, seconds=200)
    found = run(box, params_of(box, tmp_path, [body("messages", "a")], lead_s=1500.0))
    (one,) = found.prefixes
    told = [r for r in found.receipts if r.counted]

    assert one.rewritten == 1
    assert [bool(r.cache_read_tokens) for r in told[:2]] == [False, False]
    assert told[1].wait_s > 300
    assert one.verdict == "warm"


FAULTS = [
    ("401", "denied"), ("429", "busy"), ("529", "overloaded"), ("500", "failed"), ("cut", "cut"),
    ("404", "no_model"), ("other_model", "other_model"), ("missing", "no_counts"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "outcome"), FAULTS)
def test_a_fault_has_its_name_and_does_not_stop_the_others(box, tmp_path, kind, outcome):
    names = {"other_model": ["gpt-6.1-sol"], "missing": ["usage"]}.get(kind, [])
    if kind == "other_model":
        box.state.serving.catalogue.add(
            type(OPUS)(id="claude-sonnet-5-5", provider="anthropic", minimum_tokens=512,
                       lives=OPUS.lives)
        )  # fmt: skip
        names = ["claude-sonnet-5-5"]
    box.fault(kind=kind, path="/v1/messages", after=1, seconds=7, names=names)
    found = run(box, params_of(box, tmp_path, [body("messages", n) for n in "abc"], lead_s=200.0))
    said = [one.outcome for one in found.receipts]
    fatal = outcome in ("denied", "no_model")

    assert said[1] == outcome
    assert found.warm.warm == (1 if fatal else 3)
    assert len(said) == (2 if fatal else 4)
    if fatal:
        assert [one.why for one in found.prefixes] == ["", outcome, outcome]


def test_a_slow_endpoint_times_out_by_name_and_the_prefix_is_tried_again(box, tmp_path):
    box.fault(kind="slow", path="/v1/messages", seconds=1.0)
    params = params_of(box, tmp_path, [body("messages", "a")], lead_s=200.0, timeout_s=0.3)
    found = run(box, params)

    assert [one.outcome for one in found.receipts] == ["timeout", "answered"]
    assert found.prefixes[0].verdict == "warm"
    assert found.receipts[0].spent_usd == found.receipts[0].worst_usd > 0


def test_who_is_busy_is_left_alone_as_long_as_he_asks(box, tmp_path):
    box.fault(kind="429", path="/v1/messages", after=1, seconds=150)
    found = run(box, params_of(box, tmp_path, [body("messages", n) for n in "ab"], lead_s=220.0))
    starts = [one.sent_s for one in found.receipts]

    assert starts[2] - starts[1] >= 150
    assert found.warm.warm == 2


def test_it_ends_at_the_cutover_and_never_sends_after_it(box, tmp_path):
    """Whoever is busy until after the cutover is not asked again."""
    box.fault(kind="429", path="/v1/messages", after=1, seconds=9000, times=9)
    found = run(box, params_of(box, tmp_path, [body("messages", n) for n in "ab"], lead_s=220.0))

    assert all(one.sent_s < found.plan.until_s for one in found.receipts)
    assert [one.verdict for one in found.prefixes] == ["warm", "not_warm"]
    assert found.prefixes[1].why == "busy"


def test_a_call_that_the_disk_held_up_until_the_cutover_is_not_sent(box, tmp_path):
    """A line takes the disk 16 s, and there are 40: the third call is on it after them."""
    names, lead_s = "abcd", 40.0
    params = params_of(
        box, tmp_path, [body("messages", n) for n in names], lead_s=lead_s,
        requests_per_minute=600.0,
    )  # fmt: skip
    plan, clock, left = planned(params, clock=Moved(box)).plan, Moved(box), []

    class Slow(Receipts):
        def add(self, receipt):
            super().add(receipt)
            clock.sleep(16.0 if receipt.outcome == "sent" else 0.0)

    def touch(candidate, prefix, way, planned):
        left.append(clock.now())
        return replace(planned, outcome="answered", cache_read_tokens=0, cache_write_tokens=2000,
                       uncached_input_tokens=5, output_tokens=0)  # fmt: skip

    one = Candidate(model=OPUS.id)
    receipts = Slow(tmp_path / "slow.jsonl")
    setup = Setup(
        candidate=one, rates=rates_of(one, date(2026, 11, 23)),
        limits=Limits(requests_per_minute=600.0), touch=touch, clock=clock, receipts=receipts,
        budget=Budget(20.0), begin_s=plan.begin_s, until_s=plan.until_s,
    )  # fmt: skip
    keep_warm(prefixes_of([body("messages", n) for n in names], one), setup)
    receipts.close()
    written = [one.outcome for one in read_receipts(tmp_path / "slow.jsonl")]

    assert [at_s - plan.begin_s for at_s in left] == pytest.approx([16.0, 32.1])
    assert written == ["sent", "answered", "sent", "answered", "sent", "unsent"]
    assert setup.budget.spent_usd == sum(one.spent_usd for one in receipts.all)
    assert receipts.all[-1].spent_usd == 0


def test_what_was_kept_back_is_no_call_that_failed(box, tmp_path):
    """A clock that stands until the line is on the disk, and then is at the cutover."""

    class Leaping(Moved):
        path, at = tmp_path / "receipts.jsonl", 0.0

        def now(self):
            held = self.path.read_text(encoding="utf-8") if self.path.is_file() else ""
            if held.count("\n") == 3:  # two of the first call, one of the second
                return self.at
            return super().now()

    params = params_of(box, tmp_path, [body("messages", n) for n in "ab"], lead_s=200.0)
    clock = Leaping(box)
    clock.at = Moved(box).now() + 200.0
    found = prefill(params, clock=clock)

    assert calls(box) == len(found.receipts) == 1
    assert [(one.verdict, one.why, one.failed) for one in found.prefixes] == [
        ("warm", "", 0), ("not_warm", UNREACHED, 0)
    ]  # fmt: skip


def test_a_stop_file_ends_it(box, tmp_path):
    stop = tmp_path / "stop"
    params = params_of(box, tmp_path, [body("messages", "a")], stop_path=str(stop), lead_s=1500.0)

    class Stopping(Toucher):
        def touch(self, *given):
            if calls(box) == 2:
                stop.touch()
            return super().touch(*given)

    found = run(box, params, Stopping(timeout_s=5.0))

    assert found.stopped == "stopped"
    assert len(found.receipts) == 3
    assert [(one.verdict, one.why) for one in found.prefixes] == [("not_warm", "stopped")]


def test_an_interrupt_leaves_a_valid_result(box, tmp_path):
    class Interrupted(Toucher):
        def touch(self, *given):
            if calls(box) == 1:
                raise KeyboardInterrupt
            return super().touch(*given)

    params = params_of(box, tmp_path, [body("messages", n) for n in "ab"], lead_s=200.0)
    found = run(box, params, Interrupted(timeout_s=5.0))

    assert found.stopped == "stopped"
    assert [one.verdict for one in found.prefixes] == ["warm", "not_known"]
    assert [one.outcome for one in read_receipts(tmp_path / "receipts.jsonl")][-1] == "sent"


@pytest.mark.slow
@pytest.mark.parametrize("after", range(12))
@pytest.mark.parametrize("served", [False, True])
def test_a_run_that_was_killed_at_any_call_goes_on_to_the_same_warm_set(
    box, tmp_path, after, served
):
    """Three prefixes, four touches each. Killed before or after the call was served, unseen."""
    until = box.state.ledger.clock.now + pd.Timedelta(seconds=910)
    params = params_of(
        box, tmp_path, [body("messages", n) for n in "abc"], lead_s=910.0,
        cutover=until.isoformat(),
    )  # fmt: skip

    class Dying(Toucher):
        def touch(self, *given):
            if calls(box) < after:
                return super().touch(*given)
            if served:
                super().touch(*given)
            raise MemoryError

    with pytest.raises(MemoryError):
        run(box, params, Dying(timeout_s=5.0))
    found = run(box, params)
    proven = {}
    for one in sorted(found.receipts, key=lambda r: r.sent_s):
        if one.counted:
            assert one.sent_s - proven.get(one.unit, float("-inf")) >= 0.8 * 300 - 1e-6
            proven[one.unit] = one.sent_s

    assert found.warm.warm == 3
    assert sum(one.outcome == "sent" for one in found.receipts) == 1
    assert calls(box) == 12 + served
    assert billed_usd(box, Candidate(model=OPUS.id)) <= found.spent_usd + 1e-9


def test_no_prefix_is_sent_with_a_key_or_text_in_its_receipt(box, tmp_path):
    run(box, params_of(box, tmp_path, [body("messages", "secretword")], lead_s=200.0))
    text = (tmp_path / "receipts.jsonl").read_text(encoding="utf-8")

    assert "route-7d2e94" not in text
    assert "secretword" not in text


def test_calls_in_flight_together_keep_the_pace_and_the_books(box, tmp_path):
    """Real time: three at once, after the first alone has kept its limit of output."""
    box.state.ledger.clock.speed = 1.0
    together, most = [], 0

    class Counting(Toucher):
        def touch(self, *given):
            nonlocal most
            together.append(1)
            most = max(most, len(together))
            try:
                return super().touch(*given)
            finally:
                together.pop()

    params = params_of(
        box, tmp_path, [body("messages", n) for n in "abcdef"], lead_s=60.0, together=3,
        requests_per_minute=6000.0,
    )  # fmt: skip
    box.fault(kind="slow", path="/v1/messages", times=6, seconds=0.2)
    found = run(box, params, Counting(timeout_s=5.0))

    assert found.warm.warm == 6
    assert 2 <= most <= 3
    assert billed_usd(box, Candidate(model=OPUS.id)) == pytest.approx(found.spent_usd)


def test_nothing_is_retried_by_the_sdk(box, tmp_path):
    seen = []
    transport = httpx2.MockTransport(
        lambda request: seen.append(1) or httpx2.Response(529, headers={"retry-after": "900"})
    )
    params = params_of(box, tmp_path, [body("messages", "a")], lead_s=200.0)
    with httpx2.Client(transport=transport) as client:
        run(box, params, Toucher(timeout_s=5.0, http_client=client))

    assert len(seen) == 1


def test_what_was_proven_answers_for_no_other_body_and_no_other_model(box, tmp_path):
    box.state.serving.catalogue.add(replace(OPUS, id="claude-opus-5"))
    params = params_of(box, tmp_path, [body("messages", "a")], lead_s=200.0)
    run(box, params)
    other_body = run(box, params_of(box, tmp_path, [body("messages", "z")], lead_s=200.0))
    params = params_of(box, tmp_path, [body("messages", "a")], lead_s=200.0)
    moved = candidate_of(box, "messages", "claude-opus-5")
    other_model = run(box, later(params, candidate=moved))
    again = run(box, params)

    assert [one.prefixes[0].touches for one in (other_body, other_model)] == [1, 1]
    assert len(again.receipts) == calls(box) == 3
