"""`--live` through both SDKs against the sandbox: what is read, and every fault as one line."""

import json
from datetime import date

import httpx2
import pandas as pd
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from cacheaudit.aliases import standing
from cacheaudit.aliases.live import live_facts
from cacheaudit.errors import AccessDenied, IncompletePull, SourceError
from cacheaudit.sandbox.app import create_app
from cacheaudit.sandbox.catalogue import Catalogue, Served
from cacheaudit.sandbox.serve import serve

DAY = date(2026, 11, 23)
NOW = pd.Timestamp("2026-11-23", tz="UTC")
LIVES = {"5m": 300.0}


def claude(name, **told):
    return Served(id=name, provider="anthropic", minimum_tokens=512, lives=LIVES, **told)


def gpt(name, **told):
    return Served(id=name, provider="openai", minimum_tokens=1024, lives=LIVES, **told)


SERVED = [
    claude("claude-sonnet-4-5-20250929", lifecycle="deprecated", retires=date(2027, 1, 31)),
    claude("claude-opus-5"),
    claude("claude-2.1", lifecycle="retired", retires=date(2025, 7, 21)),
    *(claude(f"claude-made-up-{n}") for n in range(1200)),  # more than a page
    gpt("gpt-5.5"),
    gpt("gpt-4o", retires=date(2027, 1, 14)),
    gpt("gpt-7-sol", retires=date(2027, 6, 1)),
]


@pytest.fixture
def sandbox(monkeypatch):
    """The sandbox as both SDKs find it: endpoints and keys from the environment."""
    with serve(create_app(now=NOW, catalogue=Catalogue(SERVED))) as url:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", url)
        monkeypatch.setenv("OPENAI_BASE_URL", f"{url}/v1")
        monkeypatch.setenv("ANTHROPIC_API_KEY", "any")
        monkeypatch.setenv("OPENAI_API_KEY", "any")
        yield url


def fault(url, **given):
    httpx2.post(f"{url}/sandbox/faults", json={"path": "/v1/models", **given}).raise_for_status()


def test_both_lists_are_read_to_their_last_page(sandbox):
    facts = live_facts(DAY)

    assert {name for _, name in facts} == {one.id for one in SERVED}
    assert facts["anthropic", "claude-2.1"].stage == "retired"
    assert facts["anthropic", "claude-opus-5"].retires_on is None
    assert facts["openai", "gpt-4o"].retires_on == date(2027, 1, 14)


def test_a_live_date_wins_and_the_table_s_is_said(sandbox):
    found = standing("", "claude-sonnet-4-5", DAY, live=live_facts(DAY))

    assert found.retires_on == date(2027, 1, 31)
    assert "the table of 2026-11-23 says 2026-11-30" in found.disagrees


def test_retired_models_are_asked_for(monkeypatch):
    """Anthropic leaves them out of a list that does not name them."""

    def models(request):
        every = {one: {"id": f"claude-{one}", "lifecycle": one, "retires_at": None}
                 for one in ("active", "deprecated", "retired")}  # fmt: skip
        asked = request.query_params.getlist("lifecycle[]") or ["active", "deprecated"]
        return JSONResponse({"data": [every[one] for one in asked], "has_more": False})

    with serve(Starlette(routes=[Route("/v1/models", models)])) as url:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "any")

        assert ("anthropic", "claude-retired") in live_facts(DAY)


def test_a_provider_without_a_key_is_not_asked(sandbox, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")

    assert {provider for provider, _ in live_facts(DAY)} == {"anthropic"}


def test_without_any_key_the_message_names_both():
    with pytest.raises(AccessDenied, match="ANTHROPIC_API_KEY or OPENAI_API_KEY"):
        live_facts(DAY)


def test_fields_that_a_gateway_leaves_out_are_not_told(sandbox):
    fault(sandbox, kind="missing", times=3, names=["lifecycle", "retires_at", "shutdown_date"])
    facts = live_facts(DAY)

    assert not any(one.dates_told for one in facts.values())
    assert standing("", "claude-sonnet-4-5", DAY, live=facts).retires_on == date(2026, 11, 30)


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        ({"kind": "401"}, AccessDenied, "does not know the key in ANTHROPIC_API_KEY"),
        ({"kind": "403"}, AccessDenied, "may not read page 1"),
        ({"kind": "cut"}, IncompletePull, "page 1 of the list of models at Anthropic is cut"),
        ({"kind": "cut", "after": 1}, IncompletePull, "page 2 of the list .* after 1 pages"),
        ({"kind": "cut", "after": 2}, IncompletePull, "page 1 of the list of models at OpenAI"),
        ({"kind": "503", "times": 9}, SourceError, "failed .HTTP 503."),
        ({"kind": "503", "times": 9, "after": 1}, IncompletePull, "after 1 pages"),
        ({"kind": "missing", "names": ["data"]}, IncompletePull, "a list named 'data'"),
        ({"kind": "missing", "names": ["id"]}, IncompletePull, "a row without an id"),
    ],
)
def test_a_fault_is_an_error_and_nothing_is_kept(sandbox, given, kind, said):
    fault(sandbox, **given)

    with pytest.raises(kind, match=said):
        live_facts(DAY)


def test_the_command_asks_only_with_live(sandbox, tmp_path, command):
    """A fault that still waits was met by no request."""
    (tmp_path / "a.py").write_text('M = "gpt-7-sol"\n')
    fault(sandbox, kind="401")

    assert command("aliases", "a.py", cwd=tmp_path).returncode == 0
    assert len(httpx2.get(f"{sandbox}/sandbox/faults").json()) == 1
    refused = command("aliases", "a.py", "--live", cwd=tmp_path)
    assert refused.returncode == 1
    assert refused.stderr.startswith("cacheaudit: Anthropic does not know the key")


def test_the_command_takes_what_the_list_says(sandbox, tmp_path, command):
    (tmp_path / "a.py").write_text('M = "gpt-7-sol"\n')
    done = command("aliases", "a.py", "--live", "--json", cwd=tmp_path)

    (name,) = json.loads(done.stdout)["names"]
    assert done.returncode == 3
    assert (name["kind"], name["retires_on"]) == ("retiring", "2027-06-01")
    assert "OpenAI's list of models as 127.0.0.1 tells it" in done.stderr
