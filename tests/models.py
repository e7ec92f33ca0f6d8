"""A sandbox with models of a known truth, and the SDKs' clients for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import anthropic
import httpx2
import openai
import pandas as pd

from cacheaudit.sandbox import create_app, serve
from cacheaudit.sandbox.catalogue import Catalogue, Served

NOON = pd.Timestamp("2026-11-20 12:00", tz="UTC")
CLAUDE = {"5m": 300.0, "1h": 3600.0}
GPT = {"30m": 1800.0, "12h": 43_200.0}
OLD = Served(id="old", provider="anthropic", minimum_tokens=1000, lives=CLAUDE)
NEW = Served(id="new", provider="anthropic", minimum_tokens=2000, lives=CLAUDE)
GPT_NEW = Served(id="gpt-new", provider="openai", minimum_tokens=1024, lives=GPT)
GPT_OLD = Served(
    id="gpt-old", provider="openai", minimum_tokens=1024, writes_billed=False,
    lives={"in_memory": 300.0, "24h": 86_400.0},
)  # fmt: skip
EPHEMERAL = {"type": "ephemeral"}
HOUR = {"type": "ephemeral", "ttl": "1h"}


def words(count: int, name: str = "w") -> str:
    """A text of so many words, which are tokens here."""
    return " ".join(f"{name}{i}" for i in range(count))


def block(count: int, name: str = "w", control: Any = None) -> dict[str, Any]:
    """A text block of so many tokens."""
    given = {"type": "text", "text": words(count, name)}
    return given if control is None else {**given, "cache_control": control}


def split(usage: Any) -> tuple[int, int, int]:
    """(read, written, uncached) of any usage object of the two SDKs."""
    if isinstance(usage, anthropic.types.Usage):
        wrote = usage.cache_creation_input_tokens or 0
        return usage.cache_read_input_tokens or 0, wrote, usage.input_tokens
    chat = hasattr(usage, "prompt_tokens")
    total = usage.prompt_tokens if chat else usage.input_tokens
    details = usage.prompt_tokens_details if chat else usage.input_tokens_details
    wrote = details.cache_write_tokens or 0
    return details.cached_tokens, wrote, total - details.cached_tokens - wrote


@dataclass(slots=True)
class Sandbox:
    """A running sandbox. Keys are `scope/route`; retries are off."""

    url: str
    state: Any
    _clients: dict[str, Any] = field(default_factory=dict)

    def wait(self, seconds: float) -> None:
        """Move the clock on."""
        httpx2.post(f"{self.url}/sandbox/clock", json={"advance_s": seconds}).raise_for_status()

    def fault(self, **given: Any) -> None:
        """Ask for a fault."""
        httpx2.post(f"{self.url}/sandbox/faults", json=given).raise_for_status()

    def claude(self, key: str = "team/key", **given: Any) -> anthropic.Anthropic:
        """A client of Anthropic's SDK."""
        return anthropic.Anthropic(api_key=key, base_url=self.url, max_retries=0, **given)

    def gpt(self, key: str = "team/key", **given: Any) -> openai.OpenAI:
        """A client of OpenAI's SDK."""
        return openai.OpenAI(api_key=key, base_url=f"{self.url}/v1", max_retries=0, **given)


@contextmanager
def sandbox(*served: Served, **given: Any) -> Iterator[Sandbox]:
    """A sandbox that serves *served*, else the four above."""
    catalogue = Catalogue(served or (OLD, NEW, GPT_NEW, GPT_OLD))
    app = create_app(now=given.pop("now", NOON), catalogue=catalogue, **given)
    with serve(app) as url:
        yield Sandbox(url, app.state)
