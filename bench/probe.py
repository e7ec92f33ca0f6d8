"""Does the probe's interval hold? Candidates with a known truth, measured through the real SDKs.

Each candidate is a version in the sandbox with its own lifetime, machines and share of requests
that go astray; each is probed at a pace of its own, half with Anthropic's SDK and half with
OpenAI's. Its true hit rate is the expectation over repeated protocols, calculated apart from the
sandbox, repetition by repetition, because calls are not independent: a miss warms the cache. The
oracle knows the spread of one repetition, and takes 1.96 standard errors of it to both sides.

    python bench/probe.py [--candidates 2000] [--seed 62000] [--repeats 20] [--follow-ups 5]
"""

import argparse
import platform
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).parent.parent))

from cacheaudit.probing.ask import Ask
from cacheaudit.probing.candidate import Candidate
from cacheaudit.probing.hit_rate import Rate, hit_rate
from cacheaudit.probing.money import Budget, Rates
from cacheaudit.probing.protocols import Offers, paced
from cacheaudit.probing.receipt import Receipts
from cacheaudit.probing.run import Bench, Unit, run
from cacheaudit.probing.send import Sender
from cacheaudit.sandbox.catalogue import Served
from tests.models import Sandbox, sandbox

WORDS, TAIL = 1200, 3
REPETITIONS = 20_000  # of the truth
ROUNDING = 1e-9  # a rate of exactly what a hit reads
FREE = Rates(uncached_usd=0.0, read_usd=0.0, written_usd=0.0, output_usd=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A candidate's truth: lifetime, machines, share astray, and the waits that it is asked at."""

    api: str
    life_s: float
    machines: int
    astray: float
    waits_s: tuple[float, ...]

    def served(self, name: str) -> Served:
        """It, for the sandbox."""
        return Served(
            id=name,
            provider="anthropic" if self.api == "messages" else "openai",
            minimum_tokens=1000,
            lives={"5m" if self.api == "messages" else "30m": self.life_s},
            replicas=self.machines,
            stray=self.astray,
            warm_s=0.0,
            cold_s_per_token=0.0,
        )


def world(seed: int) -> World:
    """One of the seed's own."""
    rng = np.random.default_rng(seed)
    return World(
        api=("messages", "responses", "messages", "chat")[seed % 4],
        life_s=300.0 if seed % 2 == 0 else 1800.0,
        machines=int(rng.integers(2, 6)),
        astray=float(rng.choice([0.0, rng.uniform(0, 0.1), rng.uniform(0, 0.6)])),
        waits_s=tuple(float(s) for s in rng.uniform(1, 600, int(rng.integers(1, 6)))),
    )


def truth(one: World, follow_ups: int, seed: int) -> tuple[float, float]:
    """Hit rate of a repetition in tokens, and its standard deviation between repetitions."""
    rng = np.random.default_rng([seed, 1])
    many, rows = REPETITIONS, np.arange(REPETITIONS)
    last = np.full((many, one.machines), -np.inf)
    now: npt.NDArray[np.float64] = np.zeros(many)
    hits = np.zeros(many)
    for call in range(follow_ups + 1):
        if call:
            now = now + rng.choice(one.waits_s, many)
        astray = rng.random(many) < one.astray
        machine = np.where(astray, rng.integers(1, one.machines, many), 0)
        if call:
            hits += now - last[rows, machine] < one.life_s
        last[rows, machine] = now
    shares = hits / follow_ups * WORDS / (WORDS + TAIL)
    return float(shares.mean()), float(shares.std())


class Clock:
    """The sandbox's own clock, moved without a request."""

    def __init__(self, box: Sandbox) -> None:
        self._ledger = box.state.ledger

    def now(self) -> float:
        """Its time."""
        return float(self._ledger.now.timestamp())

    def sleep(self, seconds: float) -> None:
        """Move it."""
        self._ledger.clock.set(self._ledger.now + np.timedelta64(round(seconds * 1e6), "us"))


def measured(box: Sandbox, one: World, seed: int, args: argparse.Namespace, send: Sender) -> Rate:
    """What a probe says of *one*."""
    name = f"v{seed}"
    box.state.serving.catalogue.add(one.served(name))
    box.state.serving._chance.seed(seed)
    base_url = box.url if one.api == "messages" else f"{box.url}/v1"
    whom = Candidate(model=name, api=one.api, base_url=base_url)
    rng = np.random.default_rng([seed, 2])
    prompt = Ask(candidate=name, nonce="", words=WORDS)
    units = []
    for number in range(args.repeats):
        waits = tuple(float(wait) for wait in rng.choice(one.waits_s, args.follow_ups))
        begin = partial(_paced, name, prompt, waits)
        units.append(Unit(question="hit_rate", candidate=name, number=number, begin=begin))
    bench = Bench(
        candidates={name: whom},
        rates={name: FREE},
        offers={name: Offers(prewarm=False, diagnosis=False, marks=True)},
        pace_s={},
        send=send,
        clock=Clock(box),
        receipts=Receipts(),
        budget=Budget(1.0),
        seed=str(seed),
    )
    found = hit_rate([done.found for done in run(units, bench)])
    assert found is not None
    return found


def _paced(name: str, prompt: Ask, waits: tuple[float, ...], nonce: str) -> object:
    return paced(name, nonce, prompt, waits)


def main() -> int:
    """Print coverage and widths; 1 where coverage is below 93.5 % or the median ratio above 1.3."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--candidates", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=62_000)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--follow-ups", type=int, default=5)
    args = parser.parse_args()
    start = time.monotonic()
    rows = []
    with sandbox() as box, Sender() as send:
        for seed in range(args.seed, args.seed + args.candidates):
            one = world(seed)
            value, deviation = truth(one, args.follow_ups, seed)
            found = measured(box, one, seed, args, send)
            box.state.serving.cache.clear()
            oracle = 2 * 1.96 * deviation / args.repeats**0.5
            rows.append((value, found.low, found.high, oracle, one.api == "messages"))
    value, low, high, oracle, claude = (np.array(column) for column in zip(*rows, strict=True))
    held = (low <= value + ROUNDING) & (value <= high + ROUNDING)
    width = high - low
    each = np.divide(width, oracle, out=np.full(len(width), np.inf), where=oracle > 0)
    ratio = float(np.median(each))
    calls = args.repeats * (args.follow_ups + 1)
    print(f"{args.candidates} candidates from seed {args.seed}, {calls} calls each, Python"
          f" {platform.python_version()}, {time.monotonic() - start:.0f} s")  # fmt: skip
    print(f"coverage {held.mean():.2%} (Anthropic's SDK {held[claude].mean():.2%}, OpenAI's"
          f" {held[~claude].mean():.2%})")  # fmt: skip
    sure = np.mean(oracle == 0)
    print(f"width: median of ratios to the oracle's {ratio:.2f}; medians {np.median(width):.3f} and"
          f" {np.median(oracle):.3f}; the oracle is sure of {sure:.0%} beforehand")  # fmt: skip
    for least, most in ((0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 1.01)):
        part = (value >= least) & (value < most)
        if part.any():
            print(f"  true rate {least:.2f} to {min(most, 1):.2f}: {part.sum():4}"
                  f" candidates, coverage {held[part].mean():.2%}")  # fmt: skip
    return 0 if held.mean() >= 0.935 and ratio <= 1.3 else 1


if __name__ == "__main__":
    import os

    os.environ.setdefault("ANTHROPIC_API_KEY", "team/key")
    os.environ.setdefault("OPENAI_API_KEY", "team/key")
    sys.exit(main())
