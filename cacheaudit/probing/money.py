"""What a call can cost at most, what it did cost, and a budget that is never passed.

The most that a call can cost is what its bytes would, were each a token, at the dearest rate that
the version has for input, with all the output that it may generate. No tokenizer makes more tokens
than bytes; ROLE_TOKENS is for what a provider adds around them. Once a prompt's length is known
from an earlier call, that is taken instead.
"""

from dataclasses import dataclass
from datetime import date

from ..errors import ParamError
from ..price_table import PriceTable
from ..pricing import Unpriced, unit_price
from .candidate import Candidate

ROLE_TOKENS = 600  # Anthropic's own prompt around tools is at most 530 (docs, 2026-08)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """USD per million tokens on one version."""

    uncached_usd: float
    read_usd: float | None
    written_usd: float | None
    output_usd: float

    @property
    def dearest_usd(self) -> float:
        """Of all that input can be charged as."""
        return max(self.uncached_usd, self.written_usd or 0.0, self.read_usd or 0.0)

    def cost_usd(self, uncached: int, read: int, written: int, output: int) -> float | None:
        """Of one call; None where a class of its tokens has no rate."""
        parts = (
            (uncached, self.uncached_usd),
            (read, self.read_usd),
            (written, self.written_usd),
            (output, self.output_usd),
        )
        if any(tokens and rate is None for tokens, rate in parts):
            return None
        return sum(tokens * (rate or 0.0) for tokens, rate in parts) / 1e6

    def worst_usd(self, input_tokens: int, output_tokens: int) -> float:
        """Of a call of at most so many tokens."""
        return (input_tokens * self.dearest_usd + output_tokens * self.output_usd) / 1e6


def rates_of(candidate: Candidate, day: date, prices: PriceTable | None = None) -> Rates:
    """What *candidate* costs on *day*.

    Raises ParamError where it has no price: without one no budget holds. A server of one's own is
    priced by a row of 0 in `prices_path`.
    """
    found = unit_price(candidate.sold_by, candidate.model, day, prices=prices)
    if isinstance(found, Unpriced):
        raise ParamError(
            f"{candidate.label} has no price ({found.reason}); expected one, because no budget"
            " holds without. Put it into prices_path; a server of your own costs 0."
        )
    uncached, output = found.uncached_input_usd_per_mtok, found.output_usd_per_mtok
    if uncached is None or output is None:
        raise ParamError(f"{candidate.label} has no price for input or output; put one into"
                         " prices_path.")  # fmt: skip
    default = "cache_write_5m" if candidate.sold_by == "anthropic" else "cache_write_30m"
    written = getattr(found, f"{default}_usd_per_mtok")
    return Rates(
        uncached_usd=uncached,
        read_usd=found.cache_read_usd_per_mtok,
        written_usd=found.cache_write_other_usd_per_mtok if written is None else written,
        output_usd=output,
    )


@dataclass(slots=True)
class Budget:
    """Money set aside and spent; `left` never falls below 0 by what `allows` let through."""

    most_usd: float
    spent_usd: float = 0.0

    def allows(self, worst_usd: float) -> bool:
        """Whether calls that cost at most *worst_usd* together fit."""
        return self.spent_usd + worst_usd <= self.most_usd

    def charge(self, usd: float) -> None:
        """Enter what was spent."""
        self.spent_usd += usd
