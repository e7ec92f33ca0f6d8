"""The plan is what the run does; what cannot work is refused with what would."""

import math
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cacheaudit.errors import AccessDenied, ParamError
from cacheaudit.logs.sent import sent
from cacheaudit.prefilling.fit import check_rate, fitting, sustained
from cacheaudit.prefilling.pace import Limits, Pace, limits_of
from cacheaudit.prefilling.prefill import planned
from cacheaudit.prefilling.prefix import prefixes_of
from cacheaudit.probing.candidate import Candidate
from tests.models import EPHEMERAL, block, sandbox
from tests.prefills import KEY, OPUS, SOL, Moved, body, calls, later, params_of, run

HERE = Candidate(model=OPUS.id)


@pytest.fixture
def box(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with sandbox(OPUS, SOL) as running:
        yield running


def prefixes(many, tokens=2000, api="messages", candidate=HERE):
    return prefixes_of([body(api, f"p{n}x", tokens) for n in range(many)], candidate)


@pytest.mark.parametrize("api", ["messages", "responses", "chat"])
@pytest.mark.parametrize("lead_s", [100.0, 1000.0, 4000.0])
def test_a_run_touches_when_the_plan_said(box, tmp_path, api, lead_s):
    params = params_of(box, tmp_path, [body(api, n) for n in "abc"], api, lead_s=lead_s)
    plan = planned(params, clock=Moved(box)).plan
    assert calls(box) == 0
    found = run(box, params)
    firsts = [min(r.sent_s for r in found.receipts if r.unit == unit) for unit in units(found)]
    lasts = [max(r.sent_s for r in found.receipts if r.unit == unit) for unit in units(found)]

    assert [one.touches for one in plan.courses] == [one.touches for one in found.prefixes]
    assert [one.first_s for one in plan.courses] == pytest.approx(firsts)
    assert [one.last_s for one in plan.courses] == pytest.approx(lasts)
    assert [one.warm_for_s for one in plan.courses] == pytest.approx(
        [one.warm_for_s for one in found.prefixes]
    )
    assert found.spent_usd <= plan.worst_usd
    assert plan.expected_usd / 2.5 < found.spent_usd < plan.expected_usd * 1.5
    assert plan.warm == found.warm.warm == 3


def units(found):
    return list(dict.fromkeys(one.unit for one in found.receipts))


def test_nothing_is_sent_without_execute_and_a_key_is_not_asked_for(box, tmp_path, monkeypatch):
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    params = params_of(box, tmp_path, [body("messages", "a")], execute=False)

    assert not run(box, params).executed
    assert planned(later(params, execute=True), clock=Moved(box)).warm is None
    assert calls(box) == 0
    with pytest.raises(AccessDenied, match="ANTHROPIC_API_KEY is not set"):
        run(box, later(params, execute=True))


def test_a_wait_for_the_lead_begins_no_sooner(box, tmp_path):
    until = box.state.ledger.clock.now + pd.Timedelta(hours=5)
    params = params_of(
        box, tmp_path, [body("messages", "a")], lead_s=100.0, cutover=until.isoformat()
    )
    found = run(box, params)

    assert [one.sent_s for one in found.receipts] == pytest.approx([until.timestamp() - 100])


def test_a_short_lead_is_named_with_what_it_costs(box, tmp_path):
    bodies = [body("messages", n) for n in "abc"]
    plan = planned(params_of(box, tmp_path, bodies, lead_s=2000.0), clock=Moved(box)).plan
    short = planned(
        params_of(box, tmp_path, bodies, lead_s=plan.least_lead_s), clock=Moved(box)
    ).plan

    assert plan.least_lead_s == pytest.approx(2 * 1.2 + 60)
    assert plan.least_usd == pytest.approx(short.expected_usd)
    assert plan.least_usd < plan.expected_usd
    assert short.warm == 3
    assert short.least_lead_s is None


REFUSED = {
    "past": ({"cutover": "2026-11-20T11:00"}, "expected a time to come"),
    "rate": ({"requests_per_minute": 0.5}, "it holds the first 2. Set top to 2"),
    "lifetime": (
        {"candidate": {"model": "x", "provider": "own"}}, "how long x keeps 3 of 3 prefixes is not",
    ),
    "tokens": ({"input_tokens_per_minute": 900.0}, "none of 3 prefixes can be warmed.*too_long"),
    "short": (
        {"candidate": {"model": "claude-opus-4-6"}, "bodies": 300},
        "none of 3 prefixes .*too_short.*minimum of 4,096 tokens",
    ),
    "unpriced": ({"candidate": {"model": "y", "provider": "own"}, "lifetime_s": 60.0}, "no price"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_work_is_refused_with_what_would(box, tmp_path, case):
    given, said = REFUSED[case]
    bodies = [body("messages", n, given.get("bodies", 2000)) for n in "abc"]
    with pytest.raises(ParamError, match=said):
        run(
            box,
            params_of(box, tmp_path, bodies, **{k: v for k, v in given.items() if k != "bodies"}),
        )

    assert calls(box) == 0


def test_prefixes_that_are_too_short_for_certain_are_left_out_and_named(box, tmp_path):
    """50 tokens are 200 bytes, and no tokenizer makes 512 tokens of them."""
    bodies = [body("messages", "a", 50), body("messages", "b")]
    found = run(box, params_of(box, tmp_path, bodies, lead_s=100.0))

    assert [(one.first, one.why) for one in found.plan.left_out] == [(1, "too_short")]
    assert found.warm.prefixes == 1
    assert calls(box) == 1


def test_top_takes_the_most_used(box, tmp_path):
    bodies = [body("messages", n) for n in "abbc"]
    found = run(box, params_of(box, tmp_path, bodies, lead_s=100.0, top=1))

    assert [(one.prefix.first, one.prefix.uses) for one in found.prefixes] == [(2, 2)]


@pytest.mark.slow
def test_the_number_that_a_rate_holds_is_held_by_it(box, tmp_path):
    """As many as are said to fit stay warm over ten lifetimes; one more is refused."""
    many = sustained(prefixes(40), limits_of(HERE, 5.0, 0.0), 0.8)
    assert many == 20
    bodies = [body("messages", f"p{n}x") for n in range(many + 1)]
    params = params_of(box, tmp_path, bodies, requests_per_minute=5.0, lead_s=3000.0)
    with pytest.raises(ParamError, match="holds the first 20"):
        run(box, params)
    found = run(box, later(params, top=many))

    assert found.warm.warm == many
    assert sum(one.rewritten for one in found.prefixes) == 0


def test_openai_s_overflow_is_kept_away_from_prefixes_that_begin_alike(box, tmp_path):
    """The first 256 words decide the machine; above 15 a minute requests go astray."""
    said = [body("chat", "a", 1200) for _ in range(30)]
    for number, one in enumerate(said):
        one["messages"][0]["content"] += f" case {number}"
    found = run(box, params_of(box, tmp_path, said, "chat", lead_s=3000.0, requests_per_minute=600))
    starts = sorted(one.sent_s for one in found.receipts)

    assert found.warm.warm == 30
    assert sum(one.rewritten for one in found.prefixes) == 0
    assert min(b - a for a, b in pairwise(starts)) >= 4.2 - 1e-6
    few = Limits(requests_per_minute=600.0, apart_s=4.2)
    alike = prefixes_of(said, Candidate(model=SOL.id, api="chat"), lives_s=60.0)
    with pytest.raises(ParamError, match=r"it holds the first 11\b.*begin alike.*prompt_cache_key"):
        check_rate(alike, few, 0.8)


@pytest.mark.parametrize(("api", "held"), [("messages", 10), ("responses", 2)])
def test_reads_count_towards_the_token_limit_at_openai_alone(api, held):
    candidate = HERE if api == "messages" else Candidate(model=SOL.id, api=api)
    many = prefixes_of([body(api, f"p{n}x") for n in range(10)], candidate, lives_s=300.0)
    limit = 2.2 * many[0].about_tokens / (0.8 * 300 / 60)

    assert sustained(many, limits_of(candidate, 500.0, limit), 0.8) == held


@settings(max_examples=150, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 300), min_size=1, max_size=40),
    limit=st.integers(300, 3000),
    rpm=st.sampled_from([5.0, 13.0, 60.0, 600.0]),
    heads=st.integers(1, 3),
)
def test_the_pace_is_never_passed_in_any_minute(sizes, limit, rpm, heads):
    limits = Limits(requests_per_minute=rpm, input_tokens_per_minute=limit, apart_s=4.2)
    pace, now_s, made = Pace(limits), 1000.0, []
    for number, size in enumerate(sizes):
        head = str(number % heads)
        now_s = pace.free_s(head, size, now_s)
        pace.enter(head, size, now_s)
        made.append((now_s, size, head))
    for at_s, _, head in made:
        minute = [one for one in made if at_s - 60 + 1e-6 < one[0] <= at_s]
        alike = [one[0] for one in made if one[2] == head and one[0] < at_s]

        assert sum(one[1] for one in minute) <= limit
        assert len(minute) <= math.ceil(rpm)
        assert not alike or at_s - alike[-1] >= 4.2 - 1e-9


def test_the_token_limit_is_kept_by_a_run(box, tmp_path):
    """Four prefixes of 2,000 tokens at 4,500 a minute; Anthropic's reads do not count."""
    bodies = [body("messages", n) for n in "abcd"]
    params = params_of(box, tmp_path, bodies, lead_s=1200.0, input_tokens_per_minute=4500.0)
    found = run(box, params)
    for at in [one.sent_s for one in found.receipts]:
        minute = [one for one in found.receipts if at - 60 < one.sent_s <= at]

        assert sum(one.cache_write_tokens + one.uncached_input_tokens for one in minute) <= 4500
    assert found.warm.warm == 4


def test_left_out_ones_keep_their_reason():
    bodies = [
        {"system": [block(50, "a", EPHEMERAL)], "messages": [{"role": "user", "content": "x"}]},
        {"system": "no mark", "messages": [{"role": "user", "content": "x"}]},
        body("messages", "c"),
        body("messages", "d", 9000),
    ]
    limits = limits_of(HERE, 50.0, 9000.0)
    kept, left_out = fitting(prefixes_of(bodies, HERE), HERE, limits, top=0)

    assert [one.first for one in kept] == [3]
    assert {one.first: one.why for one in left_out} == {
        1: "too_short",
        2: "unmarked",
        4: "too_long",
    }


def test_a_lead_that_is_too_short_for_all_is_planned_and_told(box, tmp_path):
    """Ten seconds at 60 a minute reach the ten most used of twelve."""
    bodies = [body("messages", f"p{n}x") for n in range(12)]
    params = params_of(box, tmp_path, bodies, lead_s=10.0, requests_per_minute=60.0)
    plan = planned(params, clock=Moved(box)).plan
    found = run(box, params)

    assert (plan.warm, found.warm.warm) == (10, 10)
    assert [one.touches for one in plan.courses] == [1] * 10 + [0] * 2
    assert [one.why for one in found.prefixes] == [""] * 10 + ["unreached"] * 2


def test_an_address_in_the_environment_is_said_not_to_be_used(box, tmp_path, monkeypatch):
    params = params_of(box, tmp_path, [body("messages", "a")])
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "https://gateway.example")
    here = {"model": OPUS.id}

    assert "ANTHROPIC_BASE_URL is set and not used" in " ".join(
        planned(later(params, candidate=here), clock=Moved(box)).notes
    )
    assert not [one for one in planned(params, clock=Moved(box)).notes if "not used" in one]


def test_a_request_log_orders_the_prefixes(box, tmp_path):
    """Its prefix_id is the readers' own hash of system and tools."""
    bodies = [body("messages", n) for n in "abc"]
    ids = [sent(one)["prefix_id"] for one in bodies]
    log = pd.DataFrame(
        {
            "ts": pd.date_range("2026-11-19", periods=6, freq="min", tz="UTC"),
            "provider": "anthropic", "model": "old", "uncached_input_tokens": 5,
            "prefix_id": [ids[2], ids[2], ids[2], ids[1], "other", None],
        }
    )  # fmt: skip
    log.to_parquet(tmp_path / "log.parquet")
    params = params_of(box, tmp_path, bodies, requests_path=str(tmp_path / "log.parquet"), top=2)
    made = planned(params, clock=Moved(box))

    assert [(one.first, one.uses) for one in made.plan.courses] == [(3, 3), (2, 1)]
    assert "Expected use is that of 4 calls in log.parquet" in " ".join(made.notes)
