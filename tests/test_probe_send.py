"""The real SDKs against the sandbox: bodies, counts, every fault by its name, keys nowhere."""

import traceback
from dataclasses import replace

import httpx2
import pytest

from cacheaudit.errors import AccessDenied, ParamError
from cacheaudit.probing.ask import Ask
from cacheaudit.probing.candidate import Candidate, candidates_of
from cacheaudit.probing.protocols import Offers
from cacheaudit.probing.questions import first_offers
from cacheaudit.probing.receipt import Receipt
from cacheaudit.probing.send import Sender
from tests.models import GPT_NEW, GPT_OLD, NEW, OLD, sandbox

KEY = "team/secret-of-the-team"
PATHS = {"messages": "/v1/messages", "responses": "/v1/responses", "chat": "/v1/chat"}
MODELS = {"messages": "old", "responses": "gpt-new", "chat": "gpt-new"}
SAID = "the words of a prompt that nobody else may read"


@pytest.fixture
def box(monkeypatch):
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, KEY)
    with sandbox(OLD, NEW, GPT_NEW, GPT_OLD, replace(OLD, id="bare", prewarm=False)) as running:
        yield running


def candidate(box, api, model="", **given):
    base_url = box.url if api == "messages" else f"{box.url}/v1"
    return Candidate(model=model or MODELS[api], api=api, base_url=base_url, **given)


def planned(one):
    return Receipt(
        question="q", unit=1, attempt=1, step=0, sent_s=0.0, candidate=one.label, asker=one.label,
        model=one.model, outcome="sent", worst_usd=0.1,
    )  # fmt: skip


def send(one, *, timeout_s=30.0, offers=None, nonce="n", **given):
    ask = Ask(candidate=one.label, nonce=nonce, **({"words": 2000} | given))
    with Sender(timeout_s=timeout_s) as sender:
        return sender(one, ask, offers or first_offers(one), planned(one))


def counts(receipt):
    return (
        receipt.cache_read_tokens, receipt.cache_write_tokens, receipt.uncached_input_tokens,
        receipt.output_tokens,
    )  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("api", "tail"), [("messages", 3), ("responses", 3), ("chat", 3)])
def test_a_prompt_is_written_once_and_then_read(box, api, tail, stream):
    """Nothing is generated but where the first token is to be timed, or the API always does."""
    one = candidate(box, api)
    output = int(stream or api == "chat")

    cold, warm = send(one, stream=stream), send(one, stream=stream)

    assert (cold.outcome, warm.outcome) == ("answered", "answered")
    assert counts(cold) == (0, 2000, tail, output)
    assert counts(warm) == (2000, 0, tail, output)
    assert (cold.first_token_ms is not None) is stream
    assert cold.response_id != warm.response_id != ""
    assert cold.request_id


def test_an_older_model_reads_blocks_and_reports_writes_of_nothing(box):
    one = candidate(box, "responses", "gpt-old")
    offers = Offers(prewarm=False, marks=False, diagnosis=False)

    cold, warm = send(one, offers=offers), send(one, offers=offers)

    assert counts(cold) == (0, 0, 2003, 1)
    assert counts(warm) == (1920, 0, 83, 1)


def test_the_providers_own_diagnosis_is_kept(box):
    old, new = candidate(box, "messages"), candidate(box, "messages", "new")
    first = send(old)
    other = send(new, before_id=first.response_id)
    same = send(old, before_id=first.response_id)

    assert (other.diagnosis, same.diagnosis) == ("model_changed", "no_divergence")
    assert other.cache_read_tokens == 0
    assert first.workspace == "team"
    gpt = candidate(box, "responses")
    cold = send(gpt, words=1500)
    warm = send(gpt, words=1500, before_id=cold.response_id)
    assert warm.diagnosis == "cache_hit"


def test_a_server_without_prewarming_refuses_it_and_is_asked_otherwise(box):
    one = candidate(box, "messages", "bare")

    assert send(one).outcome == "refused"
    assert send(one, offers=Offers(prewarm=False)).outcome == "answered"


@pytest.mark.parametrize("api", ["messages", "responses", "chat"])
@pytest.mark.parametrize(
    ("status", "outcome"),
    [(401, "denied"), (403, "denied"), (404, "no_model"), (429, "busy"), (500, "failed"),
     (503, "overloaded"), (529, "overloaded")],
)  # fmt: skip
def test_an_error_has_a_name_and_is_sent_once(box, api, status, outcome):
    one = candidate(box, api)
    box.fault(kind=str(status), path=PATHS[api], seconds=7)

    refused, after = send(one), send(one)

    assert (refused.outcome, refused.status, refused.retry_after_s) == (outcome, status, 7.0)
    assert not refused.counted
    assert refused.spent_usd in (0.0, 0.1)
    assert counts(after)[:2] == (0, 2000)  # the SDK did not warm it by trying again


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("api", ["messages", "responses", "chat"])
def test_half_an_answer_is_cut_and_paid_for(box, api, stream):
    one = candidate(box, api)
    box.fault(kind="cut", path=PATHS[api])

    cut = send(one, stream=stream)

    assert (cut.outcome, cut.counted, cut.spent_usd) == ("cut", False, 0.1)


@pytest.mark.parametrize("api", ["messages", "responses", "chat"])
def test_an_answer_that_comes_too_late_is_a_timeout_and_paid_for(box, api):
    one = candidate(box, api)
    box.fault(kind="slow", path=PATHS[api], seconds=0.6)

    late = send(one, timeout_s=0.2)

    assert (late.outcome, late.counted, late.spent_usd) == ("timeout", False, 0.1)


@pytest.mark.parametrize(
    ("api", "gone"),
    [
        ("messages", ["cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation"]),
        ("responses", ["input_tokens_details"]),
        ("chat", ["prompt_tokens_details"]),
        ("chat", ["usage"]),
    ],
)
def test_an_answer_without_cache_fields_says_nothing_of_the_cache(box, api, gone):
    box.fault(kind="missing", path=PATHS[api], names=gone)

    bare = send(candidate(box, api))

    assert (bare.outcome, bare.cache_read_tokens, bare.spent_usd) == ("no_counts", None, 0.1)


@pytest.mark.parametrize(("api", "other"), [("messages", "new"), ("chat", "gpt-old")])
def test_another_model_is_never_taken_for_the_one_that_was_asked(box, api, other):
    box.fault(kind="other_model", path=PATHS[api], names=[other])
    offers = Offers(prewarm=False, marks=False, diagnosis=False)

    answer = send(candidate(box, api), offers=offers)

    assert (answer.outcome, answer.served, answer.counted) == ("other_model", other, False)


def test_a_server_that_is_not_there_cost_nothing(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    gone = send(Candidate(model="m", base_url="http://127.0.0.1:9"))

    assert (gone.outcome, gone.spent_usd) == ("unreachable", 0.0)


@pytest.mark.parametrize(
    ("asked", "served", "same"),
    [
        ("claude-opus-4-5", "claude-opus-4-5-20251101", True),
        ("gpt-5.4", "gpt-5.4-2026-03-05", True),
        ("gpt-5.6", "gpt-5.6-sol", True),
        ("claude-opus-5", "claude-opus-5-5", False),
        ("claude-opus-5", "claude-opus-4-8", False),
        ("gpt-5.4", "gpt-5.4-mini-2026-03-17", False),
        ("claude-opus-4-5-20251101", "claude-opus-4-5-20260301", False),
        ("tiny-2026-01-01", "tiny-2026-06-01", False),
        ("anything", "", True),
    ],
)
def test_a_snapshot_is_the_model_that_was_asked_for(asked, served, same):
    api = "messages" if asked.startswith("claude") else "responses"

    assert Candidate(model=asked, api=api).answers(served) is same


def test_the_teams_own_body_is_sent_with_little_output(box):
    body = {
        "model": "another", "stream": True, "max_tokens": 4096,
        "system": [{"type": "text", "text": "word " * 2000,
                    "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "messages": [{"role": "user", "content": SAID}],
    }  # fmt: skip
    one = candidate(box, "messages")

    cold, warm = (send(one, words=0, body=body, generate=True) for _ in range(2))

    assert (cold.outcome, cold.served, cold.output_tokens) == ("answered", "old", 1)
    assert counts(cold)[:2] == (0, 2012)
    assert counts(warm)[:2] == (2012, 0)


def test_no_key_and_no_prompt_is_in_a_receipt_or_an_error(box, monkeypatch):
    body = {"max_tokens": 9, "messages": [{"role": "user", "content": SAID}]}
    monkeypatch.setenv("GATEWAY", KEY)
    one = candidate(box, "messages", headers={"x-gateway-token": "$GATEWAY"})
    lines = [send(one, words=0, body=body).to_line()]
    for kind in ("401", "404", "500", "cut"):
        box.fault(kind=kind, path="/v1/messages")
        lines.append(send(one, words=0, body=body).to_line())
    monkeypatch.delenv("GATEWAY")
    with pytest.raises(AccessDenied) as refused:
        send(one)
    lines.append("".join(traceback.format_exception(refused.value)))

    assert not any(word in line for line in lines for word in (KEY, "secret-of", SAID, "nobody"))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"model": ""}, "has no model"),
        ({"model": "m", "api": "grpc"}, "api is 'grpc'"),
        ({"model": "m", "key_variable": "sk-ant-1"}, "no name of an environment variable"),
        ({"model": "m", "headers": {"Authorization": "Bearer x"}}, "may hold a secret"),
        ({"model": "m", "headers": {"x-api-key": "x"}}, "may hold a secret"),
        ({"model": "m", "modle": "x"}, "has \\['modle'\\]"),
    ],
)
def test_a_candidate_that_is_wrong_is_refused_without_its_secret(given, words):
    with pytest.raises(ParamError, match=words) as refused:
        candidates_of([given])

    assert "sk-ant-1" not in str(refused.value)
    assert "Bearer" not in str(refused.value)


def test_candidates_have_names_of_their_own_and_one_incumbent():
    with pytest.raises(ParamError, match="two candidates are called 'm'"):
        candidates_of([{"model": "m"}, {"model": "m"}])
    with pytest.raises(ParamError, match="two candidates are the incumbent"):
        candidates_of([{"model": "m", "incumbent": True}, {"model": "n", "incumbent": True}])
    found = candidates_of([{"model": "m", "headers": {"x-team": "a"}}, {"model": "m", "name": "b"}])

    assert [one.label for one in found] == ["m", "b"]


def test_a_key_that_is_not_there_is_told_before_anything_is_sent():
    with pytest.raises(AccessDenied, match="ANTHROPIC_API_KEY is not set"):
        Candidate(model="m").key()
    with pytest.raises(AccessDenied, match="MY_KEY is not set"):
        Candidate(model="m", key_variable="MY_KEY").key()


ODD = {
    "usage is text": {"usage": "none"},
    "usage is a list": {"usage": [1]},
    "model is an object": {"model": {"id": "old"}},
    "diagnostics is text": {"diagnostics": SAID},
    "nothing": None,
    "a list": [1],
}


@pytest.mark.parametrize("what", ODD)
@pytest.mark.parametrize("api", ["messages", "responses", "chat"])
def test_an_answer_that_nobody_understands_is_a_receipt(monkeypatch, api, what):
    """A gateway may answer 200 with anything; the probe goes on, and quotes nothing of it."""
    given = ODD[what]
    whole = {"id": "x", "model": MODELS[api], "content": [], "choices": [], "output": []}
    body = {**whole, **given} if isinstance(given, dict) else given
    odd = odd_client(monkeypatch, lambda request: httpx2.Response(200, json=body))
    one = Candidate(model=MODELS[api], api=api)

    with Sender(http_client=odd) as sender:
        receipt = sender(one, Ask(candidate="c", nonce="n", words=99), Offers(), planned(one))

    assert receipt.outcome in ("no_counts", "cut")
    assert receipt.spent_usd == 0.1
    assert SAID not in receipt.to_line()


@pytest.mark.parametrize(
    ("api", "lines"),
    [
        ("chat", 'data: {"error": {"message": "%s", "type": "x"}}\n\n'),
        ("chat", ""),
        ("messages", ""),
        ("messages", '{"type": "message"}'),
        ("messages", 'event: content_block_delta\ndata: {"type": "content_block_delta"}\n\n'),
        ("responses", "data: {\n\n"),
    ],
)
def test_a_stream_that_nobody_understands_is_a_receipt(monkeypatch, api, lines):
    text = lines.replace("%s", SAID).encode()
    kind = {"content-type": "text/event-stream"}
    odd = odd_client(monkeypatch, lambda request: httpx2.Response(200, content=text, headers=kind))
    one = Candidate(model=MODELS[api], api=api)
    ask = Ask(candidate="c", nonce="n", words=99, stream=True)

    with Sender(http_client=odd) as sender:
        receipt = sender(one, ask, Offers(), planned(one))

    assert receipt.outcome == "cut"
    assert SAID not in receipt.to_line()


def odd_client(monkeypatch, answer):
    """A client of a gateway that gives *answer*."""
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, KEY)
    return httpx2.Client(transport=httpx2.MockTransport(answer))
