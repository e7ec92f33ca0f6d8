"""Claude Code transcripts: each response once, whatever repeats it, and no count made up."""

import gzip
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cacheaudit.engine import rollup
from cacheaudit.errors import SourceError
from cacheaudit.logs.claude_code import READER, _moment
from cacheaudit.logs.loss import Loss
from cacheaudit.logs.reading import calls, reader_for
from cacheaudit.logs.table import read_log
from cacheaudit.logs.tokens import calls_of
from cacheaudit.logs.values import NotUnderstood, moment
from cacheaudit.metrics import overall_metrics

ID = "msg_01EEiRWuVvwAmenNJXZcerPY"
OTHER_ID = "msg_01GGLGCJ9sN12iKQZvVorFAw"
COMPACT = (",", ":")


def usage(read=17_842, output=441, **changes):
    """A usage object as the client writes it."""
    return {
        "input_tokens": 3,
        "cache_creation_input_tokens": 8_037,
        "cache_read_input_tokens": read,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 8_037},
        "output_tokens": output,
        "service_tier": "standard",
        "inference_geo": "not_available",
    } | changes


def answer(name=ID, second=47, used=None, model="claude-opus-4-6", **changes):
    """A line with a response."""
    return {
        "type": "assistant",
        "uuid": "805e777b",
        "parentUuid": "1a2252ee",
        "isSidechain": False,
        "sessionId": "258c7280",
        "timestamp": f"2026-02-11T20:36:{second:02d}.925Z",
        "version": "2.1.39",
        "cwd": "/srv/shop",
        "requestId": "req_1",
        "message": {
            "id": name,
            "model": model,
            "role": "assistant",
            "content": [{"type": "text", "text": "the text"}],
            "usage": usage() if used is None else used,
        },
    } | changes


def write(path, *lines, separators=COMPACT):
    text = "".join(json.dumps(line, separators=separators) + "\n" for line in lines)
    path.write_text(text, encoding="utf-8")
    return path


def found_in(tmp_path, *lines):
    """(calls, reasons of loss) of a file with *lines*."""
    loss = Loss()
    path = write(tmp_path / "one.jsonl", *lines)
    return list(calls([path], READER, loss)), dict(loss.reasons)


def rows(where):
    return read_log(where, format="claude_code").table.execute().to_dict("records")


def test_a_response_becomes_one_row_of_the_request_table(tmp_path):
    ((call,), lost) = found_in(tmp_path, answer(entrypoint="cli"))

    assert call == {
        "ts": 1_770_842_207_925_000,
        "provider": "anthropic",
        "model": "claude-opus-4-6",
        "request_id": ID,
        "session_id": "258c7280",
        "scope": "shop",
        "route": "cli",
        "client_version": "2.1.39",
        "service_tier": "standard",
        "uncached_input_tokens": 3,
        "cache_read_tokens": 17_842,
        "cache_write_5m_tokens": 0,
        "cache_write_1h_tokens": 8_037,
        "output_tokens": 441,
    }
    assert lost == {}


def test_lines_of_one_response_are_one_call_with_the_most_output_at_the_first_time(tmp_path):
    early, last = usage(output=10), usage(output=441, inference_geo="", iterations=[])
    lines = [answer(second=s, used=early) for s in (47, 49, 50)] + [answer(second=53, used=last)]
    (row,) = rows(write(tmp_path / "one.jsonl", *lines))

    assert row["output_tokens"] == 441
    assert row["ts"].second == 47
    assert row["cache_read_tokens"] == 17_842


@pytest.mark.parametrize(
    "copy", [{}, {"requestId": "req_2", "isSidechain": True}, {"sessionId": "resumed"}]
)
def test_a_response_that_is_copied_into_another_file_is_one_call(tmp_path, copy):
    write(tmp_path / "a.jsonl", answer(second=40), answer(OTHER_ID, second=41))
    write(tmp_path / "b.jsonl", answer(second=50, **copy))

    assert sorted(row["request_id"] for row in rows(tmp_path)) == [ID, OTHER_ID]


def test_a_copy_without_request_id_is_the_same_call(tmp_path):
    bare = {k: v for k, v in answer(second=50).items() if k != "requestId"}

    assert len(rows(write(tmp_path / "a.jsonl", answer(), bare))) == 1


def test_a_gateway_that_gives_every_response_one_id_does_not_make_them_one_call(tmp_path):
    made_up = [
        answer("ocgo", 10 + i, usage(read=1_000 * (i // 2)), model="kimi-k2.5", requestId=None)
        for i in range(8)
    ]  # four responses of two lines
    found = rows(write(tmp_path / "a.jsonl", *made_up))

    assert sorted(row["cache_read_tokens"] for row in found) == [0, 1_000, 2_000, 3_000]
    assert {row["provider"] for row in found} == {"unknown"}


def test_lines_without_any_id_are_calls_of_their_own(tmp_path):
    assert len(rows(write(tmp_path / "a.jsonl", answer(None), answer(None)))) == 2


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        ("msg_bdrk_01EEiRWuVvwAmenNJXZ", "bedrock"),
        ("msg_vrtx_01EEiRWuVvwAmenNJXZ", "vertex"),
        (ID, "anthropic"),
    ],
)
def test_who_served_is_in_the_id(tmp_path, name, provider):
    ((call,), _) = found_in(tmp_path, answer(name))

    assert call["provider"] == provider


def test_a_subagent_is_a_conversation_of_its_own(tmp_path):
    side = answer(OTHER_ID, isSidechain=True, agentId="afc096d")
    unknown = answer("msg_01AAAAAAAAAAAAAAAAAAAAAA", isSidechain=True)
    found, _ = found_in(tmp_path, answer(), side, unknown)

    assert [c.get("session_id") for c in found] == ["258c7280", "258c7280/afc096d", None]


def test_a_progress_line_repeats_a_subagents_response(tmp_path):
    inner = answer(OTHER_ID, isSidechain=True)
    told = {
        "type": "progress",
        "sessionId": "258c7280",
        "timestamp": "2026-02-11T20:37:00.000Z",
        "data": {"type": "agent_progress", "agentId": "afc096d", "message": inner},
    }
    other = {"type": "progress", "data": "50 %", "sessionId": "x", "note": {"usage": 1}}
    write(tmp_path / "a.jsonl", told, other)
    write(tmp_path / "b.jsonl", answer(OTHER_ID, isSidechain=True, agentId="afc096d"))
    (row,) = rows(tmp_path)

    assert row["session_id"] == "258c7280/afc096d"
    assert row["request_id"] == OTHER_ID


def test_what_is_no_response_is_passed_over(tmp_path):
    user = {"type": "user", "sessionId": "s", "message": {"role": "user", "content": '"usage"'}}
    result = user | {"toolUseResult": {"usage": usage()}, "message": "text", "timestamp": 1}
    error = answer(model="<synthetic>", isApiErrorMessage=True)
    found, lost = found_in(tmp_path, user, result, error, answer())

    assert len(found) == 1
    assert lost == {}


def test_another_model_in_the_iterations_is_a_call_of_its_own(tmp_path):
    part = {"input_tokens": 100, "output_tokens": 20, "cache_read_input_tokens": 0}
    used = usage(
        iterations=[
            {"type": "message", "model": "claude-opus-4-6", **part},
            {"type": "advisor_message", "model": "claude-haiku-4-5", **part},
        ]
    )
    found = rows(write(tmp_path / "a.jsonl", answer(used=used), answer(used=used, second=50)))

    assert sorted((r["model"], r["output_tokens"]) for r in found) == [
        ("claude-haiku-4-5", 20),
        ("claude-opus-4-6", 441),
    ]
    assert {r["request_id"] for r in found} == {ID}


def test_what_is_not_reported_stays_so(tmp_path):
    ((call,), _) = found_in(tmp_path, answer(used={"input_tokens": 5, "output_tokens": 2}))

    assert {k: v for k, v in call.items() if k.endswith("_tokens")} == {
        "uncached_input_tokens": 5,
        "output_tokens": 2,
    }


@pytest.mark.parametrize(
    ("geo", "region"), [("not_available", None), ("", None), (None, None), ("us", "us")]
)
def test_a_region_that_is_not_available_is_not_reported(tmp_path, geo, region):
    ((call,), _) = found_in(tmp_path, answer(used=usage(inference_geo=geo, speed="fast")))

    assert call.get("region") == region
    assert call["speed"] == "fast"


def test_the_home_of_a_person_does_not_become_a_scope(tmp_path):
    lines = [
        answer(ID, cwd="/Users/ada", sessionId="1"),
        answer(OTHER_ID, cwd="C:\\Users\\ada\\shop", sessionId="2"),
    ]
    found, _ = found_in(tmp_path, *lines)

    assert [c.get("scope") for c in found] == [None, "shop"]


def test_the_scope_is_where_the_session_began(tmp_path):
    found, _ = found_in(tmp_path, answer(), answer(OTHER_ID, cwd="/srv/shop/src/deep"))

    assert [c["scope"] for c in found] == ["shop", "shop"]


def test_the_clients_estimate_is_no_bill(tmp_path):
    ((call,), _) = found_in(tmp_path, answer(costUSD=1.5))

    assert "billed_usd" not in call


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (answer(timestamp=None), "timestamp is NoneType"),
        (answer(timestamp="2026-02-11T20:36:47"), "no zone"),
        (answer(timestamp="1026-02-11T20:36:47Z"), "not between 2010 and 2100"),
        (answer(model=None), "has no model"),
        (answer(used=usage(output=-1)), "output_tokens"),
        (answer(used=usage(output=2**60)), "output_tokens"),
        (answer(used=usage(output=2**80)), "output_tokens"),
        (answer(used=usage(output="many")), "output_tokens"),
        (answer(used=usage(output=1.5)), "output_tokens"),
        (answer(used={"note": 1}), "no token count"),
        (answer(used=usage(cache_creation_input_tokens=1)), "by lifetime of 1 in all"),
        (answer(used=usage(iterations=7)), "iterations"),
        (answer(message={"usage": 7}), "message.usage"),
    ],
)
def test_a_response_that_cannot_be_read_is_counted_with_its_reason(tmp_path, line, why):
    found, lost = found_in(tmp_path, line, answer(OTHER_ID))

    assert len(found) == 1
    assert [(why in reason, where) for reason, (_, where) in lost.items()] == [
        (True, "one.jsonl line 1")
    ]


def test_broken_lines_are_counted_and_an_unfinished_one_is_said(tmp_path):
    path = write(tmp_path / "a.jsonl", answer(), answer(OTHER_ID))
    whole = path.read_text(encoding="utf-8")
    nan = whole.replace("17842", "NaN", 1)
    path.write_text(nan + whole.splitlines()[0][:300], encoding="utf-8")
    loss = Loss()
    found = list(calls([path], READER, loss))

    assert [call["request_id"] for call in found] == [OTHER_ID]
    assert loss.reasons == {"no JSON": (1, "a.jsonl line 1")}
    assert loss.unfinished == 1
    with pytest.raises(SourceError, match="1 of 2 calls could not be read"):
        read_log(path)


@pytest.mark.parametrize("separators", [COMPACT, (", ", ": "), (" , ", " : ")])
@pytest.mark.parametrize("packed", [False, True])
def test_spaced_compact_and_packed_files_say_the_same(tmp_path, separators, packed):
    path = write(tmp_path / "a.jsonl", answer(), answer(OTHER_ID), separators=separators)
    if packed:
        path = tmp_path / "b.jsonl.gz"
        path.write_bytes(gzip.compress((tmp_path / "a.jsonl").read_bytes()))

    assert reader_for([path]) is READER
    assert sum(row["cache_read_tokens"] for row in rows(path)) == 2 * 17_842


@pytest.mark.parametrize(
    "torn", ['{"type":5,"torn', '{"message":"text","torn', '{"cwd":"\xff"}', "["]
)
def test_a_torn_line_is_counted_whatever_it_began_as(tmp_path, torn):
    path = tmp_path / "a.jsonl"
    path.write_bytes(f"{json.dumps(answer())}\n{torn}\n".encode("latin-1"))
    loss = Loss()

    assert len(list(calls([path], READER, loss))) == 1
    assert loss.reasons == {"no JSON": (1, "a.jsonl line 2")}


def test_lines_that_old_newlines_end_lose_nothing_and_make_nothing_up(tmp_path):
    """A lone carriage return ends them: a user's line between two, and a torn one."""
    user = {"type": "user", "sessionId": "s", "message": {"role": "user", "content": "text"}}
    path = tmp_path / "a.jsonl"
    parts = [answer(), user, answer(OTHER_ID)]
    path.write_text("\r".join(map(json.dumps, parts)) + '\r{"torn\n', encoding="utf-8")
    loss = Loss()

    assert [c["request_id"] for c in calls([path], READER, loss)] == [ID, OTHER_ID]
    assert loss.reasons == {"no JSON": (1, "a.jsonl line 1")}


def test_lines_behind_a_torn_one_are_not_lost_with_it(tmp_path):
    """What is left of the first begins as a number: no object, whatever stands behind it."""
    path = tmp_path / "a.jsonl"
    parts = ['17, "torn": 1}', json.dumps(answer()), json.dumps(answer(OTHER_ID))]
    path.write_text("\r".join(parts) + "\n", encoding="utf-8")
    loss = Loss()

    assert [c["request_id"] for c in calls([path], READER, loss)] == [ID, OTHER_ID]
    assert loss.reasons == {"no JSON": (1, "a.jsonl line 1")}


def test_a_document_of_lines_says_the_same_as_lines(tmp_path):
    path = tmp_path / "a.json"
    told = {"type": "progress", "data": {"message": answer("msg_01BBBBBBBBBBBBBBBBBBBBBB")}}
    path.write_text(json.dumps([answer(), answer(OTHER_ID), told], indent=1), encoding="utf-8")

    assert len(rows(path)) == 3


count = st.none() | st.integers(0, 10**9)


@given(
    st.fixed_dictionaries(
        {
            "input_tokens": count,
            "cache_read_input_tokens": count,
            "output_tokens": count,
            "cache_creation": st.none()
            | st.fixed_dictionaries(
                {"ephemeral_5m_input_tokens": count, "ephemeral_1h_input_tokens": count}
            ),
        }
    ).filter(lambda u: any(u[k] is not None for k in ("input_tokens", "output_tokens"))),
    st.integers(0, 5),
    st.booleans(),
)
def test_the_short_way_counts_as_the_general_one(used, beyond, flat):
    split = used["cache_creation"] or {}
    if flat:
        used["cache_creation_input_tokens"] = sum(v or 0 for v in split.values()) + beyond
    ((call,),) = [list(READER.read([(1, READER.decode(json.dumps(answer(used=used)).encode()))]))]
    ((_, tokens),) = calls_of(used)

    assert {k: v for k, v in call.items() if k.endswith("_tokens")} == tokens.counts()


def reported(name, *told):
    try:
        return name(*told)
    except NotUnderstood as reason:
        return str(reason)


spelled = st.builds(
    lambda at, form, zone: at.replace(tzinfo=None).isoformat(timespec=form) + zone,
    st.integers(-(10**9), 5 * 10**9).map(lambda s: datetime.fromtimestamp(s + s % 997 / 997, UTC)),
    st.sampled_from(["auto", "minutes", "seconds", "milliseconds", "microseconds"]),
    st.sampled_from(["Z", "", "+00:00", "-07:30", " "]),
)
EDGES = ["", "2010-01-01T00:00:00Z", "2099-12-31T23:59:59.999Z", "2100-01-01T00:00Z", "24:00"]


@given(spelled | st.sampled_from(EDGES) | st.text(max_size=30))
def test_a_time_is_read_sooner_and_just_as_strictly(told):
    assert reported(_moment, told) == reported(moment, told or None, "timestamp")


OTHERS = [
    {"timestamp": "2026-09-21T11:14:26Z", "type": "session_meta", "payload": {"id": "1"}},
    {"request_id": "r", "metadata": {"usage_object": {}}, "startTime": "2026-01-01"},
    {"type": "GENERATION", "usage": {"input": 1}, "sessionId": "s", "traceId": "t"},
    {"resourceSpans": []},
    {"schemaType": "ModelInvocationLog", "modelId": "m", "input": {}},
    {"response_id": "1", "provider": "ANTHROPIC", "prompt_cache_read_tokens": 1},
    {"generation_id": "gen-1", "tokens_prompt": "5"},
    {"id": ID, "type": "message", "model": "claude-opus-4-6", "usage": usage()},
]


@pytest.mark.parametrize("other", OTHERS)
def test_other_formats_are_not_taken_for_it(other):
    assert not READER.recognises(other)
    assert READER.recognises(answer())


@pytest.mark.real_data
def test_1824_lines_are_899_calls(real_data):
    path = real_data / "logs" / "claude_code.jsonl.gz"
    log = read_log(path)
    counted = overall_metrics(rollup(log.table, "1d"))
    every = list(calls([path], READER, Loss()))
    read = sum(c["cache_read_tokens"] for c in every)
    parts = ("uncached_input_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")

    assert (len(every), log.calls) == (1_824, 899)
    assert "1824 lines are 899 calls" in log.notes[0]
    assert counted["hit_rate"] == pytest.approx(0.9739, abs=5e-5)
    assert counted["read_tokens"] == pytest.approx(77.3e6, abs=5e4)
    assert read == pytest.approx(141.1e6, abs=5e4)
    assert read / (read + sum(c[p] for c in every for p in parts)) == pytest.approx(
        0.9614, abs=5e-5
    )


@pytest.mark.real_data
def test_the_real_transcript_is_conserved_and_its_subagents_are_told_apart(real_data):
    path = real_data / "logs" / "claude_code.jsonl.gz"
    lines = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    best = {}
    for line in (line for line in lines if line["type"] == "assistant"):
        key = line["message"]["id"], line["requestId"]
        used = line["message"]["usage"]
        if key not in best or used["output_tokens"] > best[key]["output_tokens"]:
            best[key] = used
    frame = read_log(path).table.execute()
    written = frame[["cache_write_5m_tokens", "cache_write_1h_tokens"]].to_numpy().sum()
    agents = {(x["sessionId"], x["agentId"]) for x in lines if x.get("agentId")}
    mains = {x["sessionId"] for x in lines if x["type"] == "assistant" and not x["isSidechain"]}

    assert written == sum(u["cache_creation_input_tokens"] for u in best.values())
    assert frame["output_tokens"].sum() == sum(u["output_tokens"] for u in best.values())
    assert set(frame["session_id"]) == mains | {f"{s}/{a}" for s, a in agents}
    assert set(frame["region"].dropna()) == {"global"}


@pytest.mark.real_data
def test_no_other_real_log_is_taken_for_it(real_data):
    others = [p for p in (real_data / "logs").rglob("*.json") if p.is_file()]

    assert others
    for path in others:
        assert not READER.recognises(json.loads(path.read_text(encoding="utf-8")))
