"""Codex transcripts: counts are sums since the beginning, and not every count is a call."""

import gzip
import json
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cacheaudit.logs.claude_code import READER as CLAUDE_CODE
from cacheaudit.logs.codex import READER
from cacheaudit.logs.loss import Loss
from cacheaudit.logs.reading import calls, reader_for
from cacheaudit.logs.table import read_log

NAMES = (
    *("input_tokens", "cached_input_tokens", "cache_write_input_tokens"),
    *("output_tokens", "reasoning_output_tokens"),
)
FIRST, SECOND = (12_880, 9_600, 0, 328, 29), (13_120, 11_400, 500, 172, 0)


def line(kind, second=0, **payload):
    at = f"2026-09-21T11:{second // 60:02d}:{second % 60:02d}.100Z"
    return {"timestamp": at, "type": kind, "payload": payload}


def begun(name="s1", **changes):
    """The first line of a session."""
    return line(
        "session_meta",
        **{
            "id": name,
            "cwd": "/srv/shop",
            "originator": "codex_cli_rs",
            "cli_version": "0.156.1",
            "model_provider": "openai",
        }
        | changes,
    )


def turn(model="gpt-5.5"):
    return line("turn_context", model=model, effort="high")


def used(counts, **more):
    told = {k: v for k, v in zip(NAMES, counts, strict=True) if v is not None}
    return told | {"total_tokens": (counts[0] or 0) + (counts[3] or 0)} | more


def counted(second, total, last):
    """A token_count; None leaves a part out."""
    parts = {"total_token_usage": total, "last_token_usage": last}
    info = {k: used(v) for k, v in parts.items() if v is not None}
    return line("event_msg", second, type="token_count", info=info, rate_limits=None)


def plus(*many):
    return tuple(map(sum, zip(*many, strict=True)))


def write(path, *lines, separators=(",", ":")):
    text = "".join(json.dumps(one, separators=separators) + "\n" for one in lines)
    path.write_text(text, encoding="utf-8")
    return path


def found_in(tmp_path, *lines, head=None):
    """(calls, reasons of loss) of a file with *lines*, after its first two."""
    loss = Loss()
    path = write(tmp_path / "rollout-1.jsonl", *(head or [begun(), turn()]), *lines)
    return list(calls([path], READER, loss)), dict(loss.reasons)


def counts_of(call):
    """(input, read, written, output) as the provider would say."""
    written = call.get("cache_write_other_tokens")
    total = call["uncached_input_tokens"] + call["cache_read_tokens"] + (written or 0)
    return total, call["cache_read_tokens"], written, call["output_tokens"]


def test_a_count_becomes_one_row_of_the_request_table(tmp_path):
    tier = line("event_msg", type="thread_settings_applied", thread_settings={"service_tier": "x"})
    ((call,), lost) = found_in(tmp_path, tier, counted(27, SECOND, SECOND))

    assert call == {
        "ts": 1_789_988_427_100_000,
        "provider": "openai",
        "model": "gpt-5.5",
        "request_id": "s1:13120-11400-500-172-0:13120-11400-500-172-0",
        "session_id": "s1",
        "scope": "shop",
        "route": "codex_cli_rs",
        "client_version": "0.156.1",
        "service_tier": "x",
        "uncached_input_tokens": 1_220,
        "cache_read_tokens": 11_400,
        "cache_write_other_tokens": 500,
        "output_tokens": 172,
    }
    assert lost == {}


def test_totals_are_not_summed_and_repeated_ones_are_no_call(tmp_path):
    both = plus(FIRST, SECOND)
    found, _ = found_in(
        tmp_path,
        line("event_msg", 1, type="token_count", info=None, rate_limits={}),
        counted(2, FIRST, FIRST),
        counted(3, FIRST, FIRST),
        counted(4, both, SECOND),
        counted(9, both, SECOND),
    )

    assert [counts_of(call) for call in found] == [FIRST[:4], SECOND[:4]]


def test_where_only_totals_exist_a_call_is_what_they_grew_by(tmp_path):
    both = plus(FIRST, SECOND)
    found, _ = found_in(tmp_path, counted(1, FIRST, None), counted(2, both, None))

    assert [counts_of(call) for call in found] == [FIRST[:4], SECOND[:4]]


def test_totals_that_fall_began_anew(tmp_path):
    small = (900, 0, 0, 10, 0)
    lines = [counted(1, FIRST, None), counted(2, small, None), counted(3, plus(small, small), None)]
    found, _ = found_in(tmp_path, *lines)

    assert [counts_of(call) for call in found] == [FIRST[:4], small[:4], small[:4]]


def test_where_only_the_last_exists_it_is_the_call(tmp_path):
    found, _ = found_in(tmp_path, counted(1, None, FIRST), counted(2, None, FIRST))

    assert [counts_of(call) for call in found] == [FIRST[:4]] * 2
    assert found[0]["request_id"] != found[1]["request_id"]


def test_what_a_compaction_or_a_full_context_leaves_is_no_call(tmp_path):
    estimated = {"total_token_usage": used(FIRST), "last_token_usage": used((0,) * 5)}
    full = {"total_token_usage": used((0,) * 5, total_tokens=258_400)}
    found, lost = found_in(
        tmp_path,
        counted(1, FIRST, FIRST),
        line("event_msg", 2, type="token_count", info=estimated),
        line("event_msg", 3, type="token_count", info=full | {"last_token_usage": used((0,) * 5)}),
        counted(4, SECOND, SECOND),
        counted(5, plus(SECOND, FIRST), None),
    )

    assert [counts_of(call) for call in found] == [FIRST[:4], SECOND[:4], FIRST[:4]]
    assert lost == {}


def test_a_record_and_its_count_are_one_call_in_either_order(tmp_path):
    compaction = (300, 100, 0, 30, 0)
    both = plus(FIRST, SECOND)
    found, _ = found_in(
        tmp_path,
        counted(1, FIRST, FIRST),
        line("token_usage_record", 1, response_id="resp_1", usage=used(FIRST)),
        line("token_usage_record", 2, response_id="resp_2", usage=used(SECOND)),
        counted(3, both, SECOND),
        line("token_usage_record", 4, response_id="resp_c", usage=used(compaction)),
        line("compacted", 4, compaction_response_id="resp_c"),
        line("token_usage_record", 4, response_id="resp_c", usage=used(compaction)),
        counted(5, plus(both, FIRST), FIRST),
    )

    assert {call["request_id"]: counts_of(call) for call in found} == {
        "resp_1": FIRST[:4],
        "resp_2": SECOND[:4],
        "resp_c": compaction[:4],
        "s1:38880-30600-500-828-58:12880-9600-0-328-29": FIRST[:4],
    }


def test_a_count_that_holds_what_a_record_says_of_the_thread_is_that_call(tmp_path):
    after = (400, 200, 0, 50, 0)
    record = line(
        "token_usage_record",
        1,
        response_id="resp_1",
        usage=used((300, 100, 0, 30, 0)),
        thread_token_usage=used(after),
    )
    found, _ = found_in(tmp_path, record, counted(2, after, None))

    assert [call["request_id"] for call in found] == ["resp_1"]


def test_a_fork_does_not_count_its_parents_history_again(tmp_path):
    both = plus(FIRST, SECOND)
    own = plus(both, (5_000, 4_000, 0, 77, 0))
    parent = [begun("p", forked_from_id="gone"), turn(), counted(1, FIRST, FIRST)]
    parent.append(counted(2, both, SECOND))
    write(tmp_path / "rollout-1.jsonl", *parent)
    again = [counted(60, FIRST, FIRST), counted(60, both, SECOND)]  # at the time of the fork
    for name in ("c1", "c2"):
        new = counted(70, own if name == "c1" else plus(own, FIRST), None)
        child = [begun(name, forked_from_id="p"), *parent[:2], *again, new]
        write(tmp_path / f"rollout-{name}.jsonl", *child)
    rows = read_log(tmp_path).table.execute()

    assert len(rows) == 4
    assert sorted(rows["output_tokens"]) == [77, 172, 328, 77 + 328]
    assert sorted(at.minute for at in rows["ts"]) == [0, 0, 1, 1]
    assert set(rows["session_id"]) == {"p", "c1", "c2"}


def test_sessions_that_begin_alike_are_not_taken_for_one(tmp_path):
    for name in ("s1", "s2"):
        lines = [begun(name), turn(), counted(1, FIRST, FIRST)]
        write(tmp_path / f"rollout-{name}.jsonl", *lines)

    assert read_log(tmp_path).calls == 2


def test_the_model_is_that_of_the_turn(tmp_path):
    found, _ = found_in(
        tmp_path, counted(1, FIRST, FIRST), turn("gpt-5.5-codex"), counted(2, SECOND, SECOND)
    )

    assert [call["model"] for call in found] == ["gpt-5.5", "gpt-5.5-codex"]


def test_reads_that_are_not_reported_stay_so(tmp_path):
    ((call,), _) = found_in(tmp_path, counted(1, None, (500, None, None, 20, None)))

    assert {k: v for k, v in call.items() if k.endswith("_tokens")} == {
        "prompt_tokens": 500,
        "output_tokens": 20,
    }


def test_who_bills_is_in_the_session(tmp_path):
    head = [begun(model_provider="azure", cwd="/Users/ada", originator=None), turn()]
    ((call,), _) = found_in(tmp_path, counted(1, FIRST, FIRST), head=head)

    assert call["provider"] == "azure"
    assert not {"scope", "route"} & call.keys()


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (counted(1, None, (500, 600, 0, 1, 0)), "600 tokens cached of 500"),
        (counted(1, None, (-5, 0, 0, 1, 0)), "input_tokens is -5"),
        (counted(1, None, (2**60, 0, 0, 1, 0)), "input_tokens is"),
        (counted(1, None, (1.5, 0, 0, 1, 0)), "input_tokens is 1.5"),
        (counted(1, FIRST, FIRST) | {"timestamp": None}, "timestamp"),
        (counted(1, FIRST, FIRST) | {"timestamp": "2026-09-21T11:00:00"}, "no zone"),
        (line("event_msg", type="token_count", info={}), "neither totals nor"),
        (line("event_msg", type="token_count", info=[]), "no object"),
        (line("event_msg", type="token_count", info={"last_token_usage": 5}), "no object"),
        (line("token_usage_record", usage=used(FIRST)), "no response_id"),
    ],
)
def test_a_count_that_cannot_be_read_is_counted_with_its_reason(tmp_path, bad, why):
    found, lost = found_in(tmp_path, bad, counted(9, SECOND, SECOND))

    assert [counts_of(call) for call in found] == [SECOND[:4]]
    assert [(why in reason, where) for reason, (_, where) in lost.items()] == [
        (True, "rollout-1.jsonl line 3")
    ]


def test_a_count_before_any_model_is_not_guessed(tmp_path):
    found, lost = found_in(tmp_path, counted(1, FIRST, FIRST), head=[begun()])

    assert found == []
    assert list(lost) == ["no turn_context before it names a model"]


def test_lines_that_are_no_count_need_only_be_whole(tmp_path):
    path = write(tmp_path / "a.jsonl", begun(), turn(), counted(1, FIRST, FIRST))
    whole = path.read_text(encoding="utf-8")
    said = json.dumps(line("response_item", role="user", content="words"))
    path.write_text(f"{whole}\n{said}\n{said[:-9]}\n{said}\n{said[:40]}", encoding="utf-8")
    loss = Loss()

    assert len(list(calls([path], READER, loss))) == 1
    assert loss.reasons == {"no JSON": (1, "a.jsonl line 6")}
    assert loss.unfinished == 1


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
@pytest.mark.parametrize("packed", [False, True])
def test_spaced_compact_and_packed_files_say_the_same(tmp_path, separators, packed):
    lines = [begun(), turn(), counted(1, FIRST, FIRST)]
    path = write(tmp_path / "a.jsonl", *lines, separators=separators)
    if packed:
        path = tmp_path / "b.jsonl.gz"
        path.write_bytes(gzip.compress((tmp_path / "a.jsonl").read_bytes()))

    assert reader_for([path]) is READER
    assert read_log(path).table.execute()["cache_read_tokens"].tolist() == [9_600]


usages = st.tuples(*[st.integers(0, 10**6)] * 2, st.just(0), st.integers(1, 10**5), st.just(0))


@given(st.lists(usages, min_size=1, max_size=8), st.data())
def test_calls_add_up_to_the_last_total(many, data):
    many = [(a + b, b, *rest) for a, b, *rest in many]
    lines = [begun(), turn()]
    for at, (last, total) in enumerate(zip(many, accumulate(many, plus), strict=True)):
        shown = last if data.draw(st.booleans(), label="last") else None
        lines += [counted(at, total, shown)] * data.draw(st.integers(1, 3), label="times")
    found = list(
        READER.read((n, READER.decode(json.dumps(x).encode())) for n, x in enumerate(lines))
    )

    assert plus(*map(counts_of, found)) == plus(*many)[:4]
    assert len({call["request_id"] for call in found}) == len(many)


@pytest.mark.parametrize(
    "other",
    [
        {"type": "assistant", "sessionId": "s", "message": {}},
        {"type": "GENERATION", "usage": {"input": 1}, "sessionId": "s"},
        {"request_id": "r", "metadata": {"usage_object": {}}},
        {"resourceSpans": []},
        {"schemaType": "ModelInvocationLog", "modelId": "m"},
        {"response_id": "1", "provider": "ANTHROPIC"},
        {"generation_id": "gen-1", "tokens_prompt": "5"},
        {"model": "gpt-5.5", "usage": {"input_tokens": 1}, "type": "response"},
        {"type": "session_meta", "payload": None},
    ],
)
def test_other_formats_are_not_taken_for_it(other):
    assert not READER.recognises(other)


def test_its_lines_are_not_taken_for_claude_codes():
    lines = [begun(), turn(), counted(1, FIRST, FIRST)]

    assert all(map(READER.recognises, lines))
    assert not any(map(CLAUDE_CODE.recognises, lines))


@pytest.mark.real_data
def test_no_other_real_log_is_taken_for_it(real_data):
    logs = real_data / "logs"
    with gzip.open(logs / "claude_code.jsonl.gz") as transcript:
        values = [json.loads(one) for one in transcript]
    values += [json.loads(p.read_text(encoding="utf-8")) for p in logs.rglob("*.json")]

    assert len(values) > 3_000
    assert not any(READER.recognises(value) for value in values)
