"""The probe against two real engines, two versions of one model: is what it measures right?

    CACHEAUDIT_ENGINE_OLD=http://127.0.0.1:8101 CACHEAUDIT_ENGINE_NEW=http://127.0.0.1:8102 \
        python bench/engine_check.py

Each address is that of an engine (vLLM and what speaks like it) with Anthropic's Messages at it and
OpenAI's APIs below /v1; each serves one model, which is asked for by its own name. A prefix must be
cold, then warm, then cold on the other version and still warm on its own; what the engine does not
offer is reported, and is no failure. Prints each answer and what it rests on; 1 where one is wrong.
"""

import json
import os
import sys
import time
import urllib.request

import pandas as pd

from cacheaudit.price_table import PriceTable, check_prices
from cacheaudit.probing.answers import Answer
from cacheaudit.probing.candidate import Candidate
from cacheaudit.probing.measure import Probe, probe
from cacheaudit.probing.questions import Design

ADDRESSES = {"old": "CACHEAUDIT_ENGINE_OLD", "new": "CACHEAUDIT_ENGINE_NEW"}
APIS = ("messages", "responses", "chat")
BLOCK_TOKENS = 128  # what vLLM reuses at a time, unless started otherwise
DESIGN = Design(
    words=500,
    questions=("caches", "smallest", "hit_rate", "isolation", "at_once", "first_token"),
    pairs=6,
    repeats=6,
    follow_ups=3,
    paces_s=(0.1,),
    least_wait_s=dict.fromkeys(ADDRESSES, 0.1),
)


def served_by(url: str) -> str:
    """The one model that the engine at *url* serves."""
    request = urllib.request.Request(f"{url}/v1/models")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(json.load(answer)["data"][0]["id"])


def candidates(api: str, urls: dict[str, str]) -> list[Candidate]:
    """Both engines through *api*."""
    end = "" if api == "messages" else "/v1"
    return [
        Candidate(
            model=served_by(url), name=name, api=api, base_url=f"{url}{end}",
            key_variable="CACHEAUDIT_ENGINE_KEY", incumbent=name == "old", provider="own",
        )
        for name, url in urls.items()
    ]  # fmt: skip


def free(models: list[str]) -> PriceTable:
    """A price table in which a server of one's own costs nothing."""
    rates = ("uncached_input", "cache_read", "cache_write_5m", "cache_write_30m", "output")
    row = {f"{name}_usd_per_mtok": 0 for name in rates} | {"valid_from": "2026-01-01"}
    frame = pd.DataFrame([row | {"provider": "own", "model": model} for model in models])
    return check_prices(frame, "own engines")


def wrong(found: Probe) -> list[str]:
    """What is not as a prefix cache behaves."""
    by: dict[tuple[str, str], Answer] = {(a.question, a.candidate): a for a in found.answers}
    told = []
    for name in ADDRESSES:
        if by["caches", name].value != 1:
            told.append(f"{name}: a prefix that was sent before was not read each time")
        if (by["hit_rate", name].value or 0) < 0.9:
            told.append(f"{name}: a hit rate of {by['hit_rate', name].value} on a warm prefix")
        smallest = by["smallest", name].value
        if smallest is None or smallest > 3 * BLOCK_TOKENS:
            told.append(f"{name}: the smallest cached prefix is {smallest}")
    if by["isolation", "new"].verdict != "yes":
        told.append(f"new: {by['isolation', 'new'].why}")
    told += [
        f"{one.candidate}: a call of {one.question} ended as {one.outcome}"
        for one in found.receipts
        if one.outcome != "answered" and one.question != "offers"
    ]
    cold = [one for one in found.receipts if one.step == 0 and one.question == "caches"]
    if any(one.cache_read_tokens for one in cold):
        told.append("a prefix that was never sent before was read")
    return told


def main() -> int:
    """Measure through each API."""
    if missing := [name for name in ADDRESSES.values() if not os.environ.get(name)]:
        print(f"{missing[0]} is not set; expected the address of a running engine.")
        return 1
    os.environ.setdefault("CACHEAUDIT_ENGINE_KEY", "none")
    urls = {name: os.environ[variable].rstrip("/") for name, variable in ADDRESSES.items()}
    failures = 0
    for api in APIS:
        both, start = candidates(api, urls), time.monotonic()
        found = probe(
            both, budget_usd=0.0, execute=True, design=DESIGN,
            prices=free([one.model for one in both]),
        )  # fmt: skip
        print(f"\n{api}: {' and '.join(one.model for one in both)}, {len(found.receipts)} calls,"
              f" {time.monotonic() - start:.0f} s")  # fmt: skip
        print(pd.DataFrame([one.to_dict() for one in found.answers]).to_string(index=False))
        for failure in wrong(found):
            failures += 1
            print(f"WRONG  {failure}")
    print(f"\n{failures} of what was measured is wrong." if failures else "\nAll as expected.")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
