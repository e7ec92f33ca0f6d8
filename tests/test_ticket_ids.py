"""Ids in a ticket are those that its reader gave out: no other provider's, and no gateway's."""

import copy
import uuid

import pandas as pd
import pytest

from cacheaudit.logs.formats import FORMATS
from cacheaudit.schema import check_usage
from cacheaudit.ticket import ticket_of
from cacheaudit.ticket.known import ITS_CALLS, ITS_IDS, MADE_UP, its_call, its_id
from cacheaudit.ticket.names import Names
from cacheaudit.ticket.neutral import neutral_names
from tests.repairs import CUTOVER, findings, past

WORKSPACE = "wrkspc_01JwQvzr7rXLA5AGx3HKfFUJ"
KEY = "apikey_01Rj2N8SVvo6BePZj99NhmiT"
PROJECT = "proj_8aBcD1eFgH2iJkL3mNoP4qRs"
OTHER_PROJECT = "proj_9zYxW1vUtS2rQpO3nMlK4jIh"
UUID = "f47c1174-b9e4-4cc0-8bff-e10ffc315153"
FALLEN = {"scope": "support-chat", "route": "edge-gateway", "model": "claude-opus-4-6"}


def a_call(request_id, number=0):
    return {"at": (CUTOVER + pd.Timedelta(minutes=number)).isoformat(), "request_id": request_id,
            "read_tokens": 0, "written_tokens": 0, **FALLEN}  # fmt: skip


def told(names=None, usage=None, calls=(), log_format=None, keep=False):
    """The ticket of the planted migration to its provider."""
    kept = copy.deepcopy(findings())
    kept["provenance"]["params"]["names"] = names or {}
    kept["log"] |= {"request_ids": list(calls), "format": log_format}
    one = kept["incidents"][0]
    known = neutral_names(kept, past() if usage is None else usage, one, keep=keep)
    return ticket_of(kept, one, known, "provider")


def by(provider):
    """What the planted migration judged, all of it served by *provider*."""
    return check_usage(past().assign(provider=provider))


def beside(scope):
    """What the planted migration judged, with traffic of *scope* at another provider."""
    usage = past()
    some = usage[usage["scope"] == "support-chat"].head(40)
    other = some.assign(provider="openai", model="gpt-5", scope=scope)
    return check_usage(pd.concat([usage, other], ignore_index=True))


@pytest.mark.parametrize("keep", [False, True], ids=["labels", "names"])
def test_ids_of_another_provider_are_not_told(keep):
    """One name may stand for a workspace here and a project there."""
    names = {WORKSPACE: "support-chat", PROJECT: "support-chat", OTHER_PROJECT: "secret-eval"}
    text = told(names, beside("secret-eval"), keep=keep)

    assert f": `{WORKSPACE}`\n" in text
    assert PROJECT not in text
    assert OTHER_PROJECT not in text
    assert "secret-eval" not in text


@pytest.mark.parametrize("elsewhere", ["secret-eval", "traffic"])
@pytest.mark.parametrize("keep", [False, True], ids=["labels", "names"])
def test_an_id_of_the_reader_s_own_is_not_told_of_what_it_does_not_serve(keep, elsewhere):
    """Not even where its name is a word that the ticket has."""
    names = {WORKSPACE: "support-chat", WORKSPACE[:-1] + "K": elsewhere}
    text = told(names, beside(elsewhere), keep=keep)

    assert f": `{WORKSPACE}`\n" in text
    assert WORKSPACE[:-1] + "K" not in text


def test_the_legend_has_only_what_the_ticket_speaks_of():
    """A workspace that is in the data and not in the incident needs no key to its label."""
    quiet = past()[past()["scope"] == "claims-review"].assign(scope="quiet-one")
    usage = check_usage(pd.concat([past(), quiet], ignore_index=True))
    names = {WORKSPACE: "support-chat", WORKSPACE[:-1] + "K": "quiet-one", KEY: "edge-gateway"}
    text = told(names, usage)

    assert f"- workspace C: `{WORKSPACE}`\n- route A: `{KEY}`\n" in text
    assert WORKSPACE[:-1] + "K" not in text


def test_names_of_people_and_gateways_are_no_ids():
    names = {WORKSPACE: "support-chat", "litellm-team-barbarossa": "support-chat",
             "jane.doe@acme.example": "claims-review"}  # fmt: skip
    text = told(names)

    assert f"workspace B: `{WORKSPACE}`" in text
    assert "barbarossa" not in text
    assert "jane" not in text


def test_a_scope_that_is_another_provider_s_id_is_told_as_a_label():
    usage = past().replace({"scope": {"support-chat-eu": PROJECT}})
    kept = copy.deepcopy(findings())
    names = neutral_names(kept, check_usage(usage), kept["incidents"][0])

    assert names.scopes[PROJECT].startswith("workspace ")


@pytest.mark.parametrize(
    ("one", "provider"),
    [(WORKSPACE, "anthropic"), (KEY, "anthropic"), (PROJECT, "openai"),
     ("key_aB3dE5gH7jK9mN1pQ", "openai"), ("org-aB3dE5gH7jK9mN1pQ", "openai")],
)  # fmt: skip
def test_an_id_is_that_of_one_provider(one, provider):
    known = {other for other in (*ITS_IDS, *ITS_CALLS, "unknown") if its_id(other, one)}

    assert known == {provider}


@pytest.mark.parametrize(
    "name", ["wrkspc_layoffs", "proj_layoffs_2027", "org_secretbuyer", "key_acme_bank", "wrkspc_01",
             "proj_mergerwithinitechcorporation", "wrkspc_01mergerwithinitechcorp"]
)  # fmt: skip
def test_a_name_that_only_begins_like_an_id_is_ours(name):
    assert not any(its_id(provider, name) for provider in ITS_IDS)


@pytest.mark.parametrize(
    ("id_", "known"),
    [
        ("req_011CSHoEeqs5C35K2UUqR7Fy", {"anthropic", "azure"}),
        ("msg_01XFDUDYJgAACzvnptVvoYEL", {"anthropic", "azure"}),
        ("msg_bdrk_01WpFc3918C93ZG9ZMKVqzCd", {"bedrock"}),
        ("msg_vrtx_01WpFc3918C93ZG9ZMKVqzCd", {"vertex"}),
        ("req_0123456789abcdef0123456789abcdef", {"openai", "azure"}),
        ("resp_0123456789abcdef0123456789abcdef0123456789abcdef", {"openai", "azure"}),
        ("chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT", {"openai", "azure"}),
        ("gen-1756148190-1Xk9VjKbYqg3x0m5tB8H", {"openrouter"}),
        (UUID, {"bedrock"}),
        (f"chatcmpl-{UUID}", set()),
        ("b7ad6b7169203331", set()),
        ("req-barbarossa-1345", set()),
        ("req_000889", set()),
        ("gen-acme-1", set()),
        ("chatcmpl-merger-with-initech", set()),
    ],
)
def test_a_request_id_is_told_where_the_provider_made_it(id_, known):
    assert {one for one in (*ITS_CALLS, "google", "unknown") if its_call(one, id_)} == known


@pytest.mark.parametrize("title", MADE_UP)
def test_an_id_that_a_gateway_made_up_is_not_the_provider_s(title):
    """Bedrock's are UUIDs, and so are those that these give a call themselves."""
    assert title in {reader.title for reader in FORMATS.values()}
    assert not its_call("bedrock", UUID, log_format=title)
    assert its_call("bedrock", "msg_bdrk_01WpFc3918C93ZG9ZMKVqzCd", log_format=title)
    assert its_call("bedrock", UUID, log_format="Bedrock invocation logs")


@pytest.mark.parametrize(
    ("provider", "title"),
    [("anthropic", "Helicone requests"), ("openai", None), ("unknown", None),
     ("bedrock", "Langfuse observations")],
)  # fmt: skip
def test_a_provider_is_not_asked_to_look_up_a_gateway_s_ids(provider, title):
    own = [a_call(str(uuid.UUID(int=n << 64, version=4)), n) for n in range(20)]
    text = told(usage=by(provider), calls=own, log_format=title)

    assert "`00000000" not in text
    assert "look up the calls" not in text
    assert (
        "None are at hand with an id that is known to be yours. 20 have ids that are not known to"
        " be yours and are left out."
    ) in text


def test_ids_that_it_gave_out_are_asked_about_and_the_others_counted():
    own = [a_call("msg_01XFDUDYJgAACzvnptVvoYEL"), a_call(UUID, 1), a_call("call-7", 2)]
    text = told(calls=own)

    assert "`msg_01XFDUDYJgAACzvnptVvoYEL`" in text
    assert "Please look up the calls above" in text
    assert UUID not in text
    assert "2 more have ids that are not known to be yours and are left out." in text
    assert f"`{UUID}`" in told(usage=by("bedrock"), calls=own)


def test_the_team_s_own_platform_reads_every_id():
    kept = copy.deepcopy(findings())
    kept["log"] |= {"request_ids": [a_call(UUID)], "format": "Helicone requests"}

    assert f"`{UUID}`" in ticket_of(kept, kept["incidents"][0], Names(), "platform")


IDLE = {"before": 0.0, "after": 0.0, "cached_tokens_per_request_before": 0.0}


@pytest.mark.parametrize("rate", [0.0, None])
def test_what_never_cached_is_no_contrast(rate):
    """It reads nothing before and since: its 0 % says nothing of the cache in these hours."""
    kept = copy.deepcopy(findings())
    one = kept["incidents"][0]
    spared = [c for c in one["cohorts"] if not c["affected"]]
    spared[0] |= {**IDLE, "before": rate, "after": rate}
    some = ticket_of(kept, one, Names(), "platform")
    spared[1] |= IDLE
    none = ticket_of(kept, one, Names(), "platform")

    assert (
        "1 of 2 kept their rate in the same hours. 1 of the spared had no hit rate before that"
        " could fall, and is no contrast."
    ) in some
    assert f"| {spared[0]['scope']} via edge-gateway | spared |" in some
    assert "kept their rate" not in none
    assert "Nothing that had a rate to keep was spared, so there is no other traffic" in none
    assert "2 of the spared had no hit rate before that could fall, and are no contrast." in none
