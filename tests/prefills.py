"""Prefills against the sandbox: its clock is the run's, its books say what was billed."""

import json
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from cacheaudit.prefill_params import PrefillParams
from cacheaudit.prefilling.prefill import prefill
from cacheaudit.prefilling.send import Toucher
from cacheaudit.probing.candidate import Candidate
from cacheaudit.probing.money import rates_of
from cacheaudit.sandbox.catalogue import Served
from tests.models import CLAUDE, EPHEMERAL, GPT, block, words

KEY = "team/route-7d2e94-not-for-any-file"
OPUS = Served(id="claude-opus-5-5", provider="anthropic", minimum_tokens=512, lives=CLAUDE)
SOL = Served(id="gpt-6.1-sol", provider="openai", minimum_tokens=1024, lives=GPT)
OLD_GPT = Served(
    id="gpt-4.1", provider="openai", minimum_tokens=1024, writes_billed=False,
    lives={"in_memory": 300.0, "24h": 86_400.0},
)  # fmt: skip
MODELS = {"messages": OPUS.id, "responses": SOL.id, "chat": SOL.id}
LIVES_S = {"messages": 300.0, "responses": 1800.0, "chat": 1800.0}


@dataclass(slots=True)
class Moved:
    """The sandbox's clock, moved on by whoever waits."""

    box: Any

    def now(self) -> float:
        return float(self.box.state.ledger.clock.now.timestamp())

    def sleep(self, seconds: float) -> None:
        ledger = self.box.state.ledger
        ledger.move(ledger.clock.now + pd.Timedelta(seconds=seconds))


def body(api: str, name: str, many: int = 2000, *, asks: str = "one", **more: Any) -> Any:
    """A request of production: an instruction of *many* tokens called *name*, and a question."""
    asked = {"role": "user", "content": f"What of {asks}?"}
    if api == "messages":
        system = [block(many, name, EPHEMERAL)]
        return {"max_tokens": 900, "system": system, "messages": [asked], **more}
    said = {"role": "developer", "content": words(many, name)}
    return {"input" if api == "responses" else "messages": [said, asked], **more}


def candidate_of(box: Any, api: str, model: str = "") -> dict[str, Any]:
    """A candidate as a parameter file has it."""
    home = box.url if api == "messages" else f"{box.url}/v1"
    return {"model": model or MODELS[api], "api": api, "base_url": home}


def params_of(box: Any, folder: Any, bodies: list[Any], api: str = "messages", **given: Any) -> Any:
    """Parameters of a prefill of *bodies* on the sandbox."""
    path = folder / "bodies.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in bodies), encoding="utf-8")
    known = {
        "candidate": candidate_of(box, api), "prompts_path": str(path), "execute": True,
        "together": 1, "budget_usd": 20.0, "receipts_path": str(folder / "receipts.jsonl"),
        "timeout_s": 5.0,
    }  # fmt: skip
    return PrefillParams(**{**known, **given})


def run(box: Any, params: PrefillParams, toucher: Toucher | None = None) -> Any:
    """The prefill of *params* at the sandbox's own time."""
    return prefill(params, clock=Moved(box), toucher=toucher)


def calls(box: Any) -> int:
    """How many the sandbox has served."""
    return sum(counts["requests"] for counts in box.state.ledger._served.values())


def billed_usd(box: Any, candidate: Candidate) -> float:
    """What the sandbox's books say was served, at the candidate's prices."""
    rates = rates_of(candidate, box.state.ledger.clock.now.date())
    price = {
        "uncached_input_tokens": rates.uncached_usd, "cache_read_tokens": rates.read_usd,
        "cache_write_5m_tokens": rates.written_usd, "cache_write_30m_tokens": rates.written_usd,
        "cache_write_1h_tokens": rates.written_long_usd, "output_tokens": rates.output_usd,
    }  # fmt: skip
    sums = box.state.ledger._served.values()
    return sum((price.get(k) or 0.0) * n for one in sums for k, n in one.items()) / 1e6


def later(params: PrefillParams, **given: Any) -> PrefillParams:
    """*params* with other values."""
    return replace(params, **given)
