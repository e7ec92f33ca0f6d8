"""What a replay finds: tokens by class, by bucket and in total, and what they cost.

The frame `by_bucket` has one row per bucket and version:

    bucket_start     datetime64 UTC
    model            the version that serves
    requests         calls
    prompt_tokens    all input, in tokens of that version
    hit_tokens       of it, read from the cache; written_tokens, uncached_tokens: the rest
    steady_hit_tokens   what would be read, had the version always served this traffic: the other
                     versions' calls had refreshed its entries
    steady_written_tokens, steady_uncached_tokens   the rest of it, then
    cold_requests    calls that read less than that
    unmeasured_requests   calls whose input is not logged: what they left is not known
    blocks, hit_blocks   of block traces, else NA
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from .cutover import Cutover
from .rules import RulesOf, rules_for

CLASSES = ["hit_tokens", "written_tokens", "uncached_tokens"]
STEADY = [f"steady_{name}" for name in CLASSES]
COUNTS = ["requests", "prompt_tokens", *CLASSES, *STEADY, "cold_requests"]
COUNTS += ["unmeasured_requests", "blocks", "hit_blocks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What a prefill sends: calls (of a block trace: rounds), tokens that it reads and writes, and
    those that the version does not cache, which are billed as any input."""

    calls: int = 0
    read_tokens: int = 0
    written_tokens: int = 0
    uncached_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """USD for input. `steady` is the same traffic on versions that had always served it."""

    read_usd: float
    written_usd: float
    uncached_usd: float
    prefill_usd: float
    steady_usd: float

    @property
    def total_usd(self) -> float:
        """All input, with the prefill."""
        return self.read_usd + self.written_usd + self.uncached_usd + self.prefill_usd

    @property
    def excess_usd(self) -> float:
        """What the cutover costs: above versions that had always served this traffic."""
        return self.total_usd - self.steady_usd


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """A replay. Rates are of sums.

    by_bucket   described above, in order of time and version
    cost        None where a version that served has no price
    """

    by_bucket: pd.DataFrame
    bucket_s: int
    sent: Sent
    cost: Cost | None
    cutover: Cutover | None

    def _sum(self, name: str) -> int:
        return int(self.by_bucket[name].sum())

    @property
    def requests(self) -> int:
        """Calls."""
        return self._sum("requests")

    @property
    def prompt_tokens(self) -> int:
        """All input."""
        return self._sum("prompt_tokens")

    @property
    def hit_tokens(self) -> int:
        """Read from the cache."""
        return self._sum("hit_tokens")

    @property
    def written_tokens(self) -> int:
        """Written to it."""
        return self._sum("written_tokens")

    @property
    def blocks(self) -> int | None:
        """Of a block trace."""
        return None if self.by_bucket["blocks"].isna().any() else self._sum("blocks")

    @property
    def hit_blocks(self) -> int | None:
        """Of them, read."""
        return None if self.by_bucket["hit_blocks"].isna().any() else self._sum("hit_blocks")

    @property
    def hit_rate(self) -> float | None:
        """Tokens read of all input; None without input."""
        return self.hit_tokens / self.prompt_tokens if self.prompt_tokens else None

    @property
    def steady_hit_rate(self) -> float | None:
        """The same, had each version always served this traffic."""
        whole = self.prompt_tokens
        return self._sum("steady_hit_tokens") / whole if whole else None

    def to_dict(self) -> dict[str, Any]:
        """Totals, as plain values."""
        return {
            "requests": self.requests,
            "prompt_tokens": self.prompt_tokens,
            "hit_tokens": self.hit_tokens,
            "written_tokens": self.written_tokens,
            "blocks": self.blocks,
            "hit_blocks": self.hit_blocks,
            "hit_rate": self.hit_rate,
            "steady_hit_rate": self.steady_hit_rate,
            "cold_requests": self._sum("cold_requests"),
            "unmeasured_requests": self._sum("unmeasured_requests"),
            "total_usd": None if self.cost is None else self.cost.total_usd,
            "excess_usd": None if self.cost is None else self.cost.excess_usd,
            "prefill_usd": None if self.cost is None else self.cost.prefill_usd,
            "prefill_calls": self.sent.calls,
        }


def outcome_of(
    sums: pd.DataFrame, bucket_s: int, rules: RulesOf, cutover: Cutover | None, sent: Sent
) -> Outcome:
    """An outcome out of *sums*, whose bucket_start is in seconds since 1970."""
    at = pd.to_datetime(sums["bucket_start"].astype("int64"), unit="s", utc=True)
    typed = sums.astype(dict.fromkeys(COUNTS, "Int64")).assign(
        bucket_start=at.astype("datetime64[us, UTC]"), model=sums["model"].astype("str")
    )
    frame = typed[["bucket_start", "model", *COUNTS]].sort_values(
        ["bucket_start", "model"], ignore_index=True
    )
    return Outcome(
        by_bucket=frame,
        bucket_s=bucket_s,
        sent=sent,
        cost=cost_of(frame, rules, sent, cutover),
        cutover=cutover,
    )


def cost_of(
    frame: pd.DataFrame, rules: RulesOf, sent: Sent, cutover: Cutover | None
) -> Cost | None:
    """What *frame* (by_bucket, or any rows of it) and a prefill cost; None without a price."""
    read = written = uncached = steady = 0.0
    numbers = frame[[*CLASSES, *STEADY]].to_numpy("float64")
    names = frame["model"].to_numpy(object)
    for model in dict.fromkeys(names):
        rates = rules_for(rules, str(model)).rates
        if rates is None:
            return None
        tokens = numbers[names == model].sum(axis=0).tolist()
        parts = [count * rate / 1e6 for count, rate in zip(tokens[:3], rates, strict=True)]
        read, written, uncached = read + parts[0], written + parts[1], uncached + parts[2]
        steady += _priced(tokens[3:], rates)
    prefill = 0.0
    if sent.calls and cutover is not None:
        rates = rules_for(rules, cutover.to).rates
        if rates is None:
            return None
        prefill = _priced([sent.read_tokens, sent.written_tokens, sent.uncached_tokens], rates)
    return Cost(
        read_usd=read,
        written_usd=written,
        uncached_usd=uncached,
        prefill_usd=prefill,
        steady_usd=steady,
    )


def _priced(tokens: Sequence[float], rates: Sequence[float]) -> float:
    return sum(count * rate for count, rate in zip(tokens, rates, strict=True)) / 1e6
