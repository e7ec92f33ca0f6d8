"""Endpoints between: names of their own, limits of their own, addresses in the environment."""

import json
from dataclasses import replace

import httpx2
import pandas as pd
import pytest

from cacheaudit.errors import ParamError
from cacheaudit.measurement import planned
from cacheaudit.price_table import check_prices
from cacheaudit.probe_params import ProbeParams
from cacheaudit.probing.candidate import Candidate, candidates_of
from cacheaudit.probing.measure import probe
from cacheaudit.probing.questions import HELLO, Design
from cacheaudit.probing.send import Sender
from cacheaudit.report.terminal import plan_words
from tests.probing import Still

DESIGN = Design(questions=("caches", "first_token"), pairs=1, words=2000)
RATES = {
    f"{name}_usd_per_mtok": rate
    for name, rate in {
        "uncached_input": 1.0, "cache_read": 0.1, "cache_write_30m": 1.25, "output": 5.0
    }.items()
}  # fmt: skip


@pytest.fixture(autouse=True)
def _keys(monkeypatch):
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "team/key")


def prices():
    """The asked model, and a dearer one that may answer in its place."""
    rows = [
        {name: rate * times for name, rate in RATES.items()}
        | {"provider": "openai", "model": model, "valid_from": "2026-01-01"}
        for model, times in (("reasons", 1), ("reasons-large", 30))
    ]
    return check_prices(pd.DataFrame(rows), "planted")


class Chat:
    """Chat Completions at the transport: refuses fewer than *least* output tokens, and breakpoints
    unless *marks*; answers as *served*, and uses all the output that it may."""

    def __init__(self, *, least=1, marks=True, served="reasons"):
        self.least, self.marks, self.served = least, marks, served
        self.bodies = []
        self._seen = set()

    def sender(self):
        return Sender(http_client=httpx2.Client(transport=httpx2.MockTransport(self)))

    def __call__(self, request):
        body = json.loads(request.read())
        self.bodies.append(body)
        room = body["max_completion_tokens"]
        if room < self.least or ("prompt_cache_options" in body and not self.marks):
            return httpx2.Response(400, json={"error": {"message": "no", "type": "invalid"}})
        prompt = json.dumps(body["messages"])
        tokens = len(prompt.split())
        cached = tokens - 9 if prompt in self._seen else 0
        self._seen.add(prompt)
        usage = {
            "prompt_tokens": tokens, "completion_tokens": room, "total_tokens": tokens + room,
            "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": 0},
        }  # fmt: skip
        head = {"id": "c", "created": 1, "model": self.served}
        said = {"role": "assistant", "content": ""}
        if not body.get("stream"):
            choice = {"index": 0, "message": said, "finish_reason": "length"}
            whole = {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
            return httpx2.Response(200, json=whole)
        delta = {"index": 0, "delta": said, "finish_reason": None}
        head |= {"object": "chat.completion.chunk"}
        chunks = [{**head, "choices": [delta], "usage": None},
                  {**head, "choices": [], "usage": usage}]  # fmt: skip
        lines = "".join(f"data: {json.dumps(one)}\n\n" for one in chunks) + "data: [DONE]\n\n"
        return httpx2.Response(200, text=lines, headers={"content-type": "text/event-stream"})

    def rooms(self):
        return [one["max_completion_tokens"] for one in self.bodies]


def probed(chat, path=None, design=DESIGN, **given):
    one = Candidate(model="reasons", api="chat", **given)
    return probe([one], budget_usd=2.0, execute=True, design=design, prices=prices(),
                 clock=Still(), sender=chat.sender(), receipts_path=path)  # fmt: skip


def verdicts(found, question="caches"):
    return [one.verdict for one in found.answers if one.question == question]


@pytest.mark.parametrize(
    ("chat", "rooms"),
    [
        (Chat(), [1, 1]),
        (Chat(marks=False), [1, 1, 1]),
        (Chat(least=2), [1, 1, 16, 16]),
        (Chat(least=200), [1, 1, 16, 16, 256, 256]),
        (Chat(least=200, marks=False), [1, 1, 16, 16, 256, 256, 256]),
    ],
)
def test_a_model_that_refuses_to_say_one_token_is_asked_for_more(chat, rooms):
    """What it took stays the limit of all other calls, whole or streamed."""
    found = probed(chat)
    greeted = [one for one in found.receipts if one.question == HELLO]

    assert chat.rooms()[: len(rooms)] == rooms
    assert set(chat.rooms()[len(rooms) :]) == {rooms[-1]}
    assert len(greeted) == len(rooms)
    assert {one.limit_tokens for one in found.receipts[len(rooms) :]} == {max(16, rooms[-1])}
    assert verdicts(found) == ["yes"]
    assert all(one.counted for one in found.receipts[len(rooms) :])


def test_a_run_that_goes_on_knows_the_limit_that_was_taken(tmp_path):
    """From the receipts of its greeting, which is not sent again."""
    path, chat = tmp_path / "receipts.jsonl", Chat(least=200)
    probed(Chat(least=200), path, replace(DESIGN, seed="s"))
    probed(chat, path, replace(DESIGN, seed="s", pairs=2))

    assert chat.rooms() == [256] * 4


def test_a_model_that_refuses_every_limit_is_refused_and_costs_nothing():
    chat = Chat(least=10_000)
    found = probed(chat)

    assert chat.rooms() == [1, 1, 16, 16, 256, 256]
    assert found.spent_usd == 0
    assert {one.why for one in found.answers if one.question == "caches"} == {"refused (1)"}


def test_the_plan_holds_for_a_model_that_takes_the_longest_limit_alone():
    found = probed(Chat(least=200, marks=False))
    steps = {one.question: one for one in found.plan.steps}
    for question, step in steps.items():
        mine = [one for one in found.receipts if one.question == question]
        held = max(one.held_usd or 0.0 for one in mine)
        aside = sum((one.worst_usd or 0.0) - (one.held_usd or 0.0) for one in mine) + held

        assert len(mine) <= step.calls
        assert aside <= step.worst_usd + 1e-12


@pytest.mark.parametrize("served", ["prod-eastus", "openai/reasons", "reasons-large"])
def test_a_name_that_was_announced_is_the_model_and_has_its_price(served):
    """Also where the price list knows that name at another price."""
    told = probed(Chat(served=served), served_as=("prod-eastus", "openai/reasons", "reasons-large"))
    plain = probed(Chat())

    assert verdicts(told) == verdicts(plain) == ["yes"]
    assert {one.outcome for one in told.receipts} == {"answered"}
    assert {one.served for one in told.receipts} == {served}
    assert told.spent_usd == pytest.approx(plain.spent_usd)


@pytest.mark.parametrize("served", ["prod-westus", "Prod-eastus", "prod-eastus-2"])
def test_a_name_that_is_not_exactly_one_of_them_is_another_model(served):
    found = probed(Chat(served=served), served_as=("prod-eastus",))

    assert [one.outcome for one in found.receipts] == ["other_model"]
    assert verdicts(found) == ["not known"]


@pytest.mark.parametrize("given", ["prod-eastus", [1], [""], {"prod": 1}, 5])
def test_names_that_are_no_list_of_names_are_refused(given):
    with pytest.raises(ParamError, match="served_as of"):
        candidates_of([{"model": "reasons", "served_as": given}])
    with pytest.raises(ParamError, match="served_as of"):
        ProbeParams(candidates=[{"model": "reasons", "served_as": given}])


def test_names_stand_in_the_findings():
    (one,) = candidates_of([{"model": "claude-opus-5-5", "served_as": ["opus-prod"]}])

    assert one.answers("opus-prod")
    assert not replace(one, served_as=()).answers("opus-prod")
    assert probe([one]).to_dict()["candidates"][0]["served_as"] == ["opus-prod"]


@pytest.mark.parametrize(
    ("base_url", "provider", "told"),
    [
        ("", "ANTHROPIC", True),
        ("https://gateway.example", "ANTHROPIC", False),
        ("", "OPENAI", False),
    ],
)
def test_an_address_in_the_environment_is_not_used_and_the_plan_says_so(
    monkeypatch, base_url, provider, told
):
    """In one line, and without the address, which may hold a key."""
    monkeypatch.setenv(f"{provider}_BASE_URL", "https://sk-not-real@other.example")
    one = {"model": "claude-opus-5-5", "base_url": base_url}
    params = ProbeParams(candidates=[one], questions=["caches"], pairs=1)
    words = " ".join(plan_words(planned(params)).split())

    assert ("ANTHROPIC_BASE_URL is set and not used: without a base_url" in words) is told
    assert "other.example" not in words
