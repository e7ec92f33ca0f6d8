"""What a call can cost at most, what it did cost, and a budget that is never passed.

The most that a call can cost is what its bytes would, were each a token, at the dearest rate that
the version has for input, with all the output that it may generate. No tokenizer makes more tokens
than bytes; ROLE_TOKENS is for what a provider adds around them. Once a prompt's length is known
from an earlier call, that is taken instead.

Two things are not known of an endpoint that was never asked: whether it keeps to the output asked
of it, and whether the model that was asked is the one that answers. Its first calls are short, ask
for a long text, and set aside ALLOWANCE_TOKENS of output each, one call at a time. An endpoint that
passes its limit there, or answers with another model, is not asked again. After that it is trusted
to go on keeping the limit that it kept, and to go on serving the model that it served: what passes
a bound later is paid, ends the candidate, and may pass the budget by the calls of one step. A
budget that is below the allowance is not refused: all that it has left is set aside then, and never
less than what was asked for. It still holds at every endpoint that keeps its limit.
"""

from dataclasses import dataclass
from datetime import date

from ..errors import ParamError
from ..price_table import PriceTable
from ..pricing import UnitPrice, Unpriced, unit_price
from .ask import NONCE_WORDS, Ask
from .candidate import PROVIDERS, Candidate
from .receipt import Receipt

LONG = ("1h", "12h")
UNKNOWN_LONG = 3.0  # times the input, for long writes without a price
ROLE_TOKENS = 600  # Anthropic's own prompt around tools is at most 530 (docs, 2026-08)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """USD per million tokens on one version; written is at the default lifetime, or a long one."""

    uncached_usd: float
    read_usd: float | None
    written_usd: float | None
    output_usd: float
    written_long_usd: float | None = None

    def charged_usd(self, receipt: Receipt) -> float | None:
        """What *receipt* cost; None where it has no counts, no rate, or another model's rates."""
        return None if receipt.outcome == "other_model" else self.at_these_usd(receipt)

    def at_these_usd(self, receipt: Receipt) -> float | None:
        """What the counts of *receipt* cost at these rates, whoever answered; None where it has no
        counts or no rate."""
        if receipt.output_tokens is None:
            return None
        long = receipt.cache_write_long_tokens or 0
        parts = (
            (receipt.uncached_input_tokens, self.uncached_usd),
            (receipt.cache_read_tokens, self.read_usd),
            ((receipt.cache_write_tokens or 0) - long, self.written_usd),
            (long, self.written_long_usd),
            (receipt.output_tokens, self.output_usd),
        )
        if any(tokens is None or (tokens and rate is None) for tokens, rate in parts):
            return None
        return sum((tokens or 0) * (rate or 0.0) for tokens, rate in parts) / 1e6

    def worst_usd(
        self, input_tokens: int, output_tokens: int, *, lives_long: bool = False
    ) -> float:
        """Of a call of at most so many tokens; *lives_long*: it may write for an hour or longer."""
        rates = [self.uncached_usd, self.read_usd or 0.0, self.written_usd or 0.0]
        if lives_long:  # twice the input is what Anthropic charges; OpenAI's price is not known
            rates.append(self.written_long_usd or UNKNOWN_LONG * self.uncached_usd)
        return (input_tokens * max(rates) + output_tokens * self.output_usd) / 1e6


def dearer_usd(receipt: Receipt, asked: Rates, served: Rates | None) -> float | None:
    """What *receipt* cost at the dearer of two models' rates, for nobody knows which is billed.
    None where the other has no price, or either no rate for what was counted."""
    costs = [None if rates is None else rates.at_these_usd(receipt) for rates in (asked, served)]
    known = [cost for cost in costs if cost is not None]
    return max(known) if len(known) == len(costs) else None


def lives_long(ask: Ask) -> bool:
    """Whether the team's body asks for entries that live an hour or longer."""
    return any(f'"{life}"' in ask.text for life in LONG)


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
    rates = _rates(candidate, found)
    if rates is None:
        raise ParamError(f"{candidate.label} has no price for input or output; put one into"
                         " prices_path.")  # fmt: skip
    return rates


def rates_of_served(
    candidate: Candidate, served: str, day: date, prices: PriceTable | None = None
) -> Rates | None:
    """What *served*, which answered in place of *candidate*'s model, costs; None if unpriced."""
    found = unit_price(candidate.sold_by, served, day, prices=prices)
    return None if isinstance(found, Unpriced) else _rates(candidate, found)


def _rates(candidate: Candidate, found: UnitPrice) -> Rates | None:
    uncached, output = found.uncached_input_usd_per_mtok, found.output_usd_per_mtok
    if uncached is None or output is None:
        return None
    is_anthropic = PROVIDERS[candidate.api] == "anthropic"
    short, long = ("5m", "1h") if is_anthropic else ("30m", "12h")

    def written(life: str) -> float | None:
        rate: float | None = getattr(found, f"cache_write_{life}_usd_per_mtok")
        return rate

    usual = written(short)
    return Rates(
        uncached_usd=uncached,
        read_usd=found.cache_read_usd_per_mtok,
        written_usd=written("other") if usual is None else usual,
        written_long_usd=written(long),
        output_usd=output,
    )


@dataclass(slots=True)
class Budget:
    """Money set aside and spent; `left` never falls below 0 by what `allows` let through."""

    most_usd: float
    spent_usd: float = 0.0

    @property
    def left_usd(self) -> float:
        """What can still be set aside."""
        return max(0.0, self.most_usd - self.spent_usd)

    def allows(self, worst_usd: float) -> bool:
        """Whether calls that cost at most *worst_usd* together fit."""
        return self.spent_usd + worst_usd <= self.most_usd

    def charge(self, usd: float) -> None:
        """Enter what was spent."""
        self.spent_usd += usd


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """What is set aside for a call that may generate output_tokens: usd, of which held_usd is there
    for an endpoint that ignores that limit."""

    output_tokens: int
    usd: float
    held_usd: float


def set_aside(
    ask: Ask,
    rates: Rates,
    budget: Budget,
    *,
    least_output_tokens: int = 1,
    known_tokens: int | None = None,
) -> SetAside:
    """The most that *ask* can cost; an allowance that *budget* does not hold is what is left of it.

    least_output_tokens   fewest that its endpoint accepts as a limit
    known_tokens          of an earlier prompt of its shape
    """
    bound = ask.bytes() + ROLE_TOKENS
    if known_tokens is not None:  # a nonce has as many words each time, of one or two tokens
        bound = min(bound, known_tokens + 2 * NONCE_WORDS)
    output = max(ask.most_output_tokens, least_output_tokens)
    usd = rates.worst_usd(bound, output, lives_long=lives_long(ask))
    held_usd = rates.worst_usd(0, max(0, ask.allowance_tokens - output))
    if usd + held_usd > budget.most_usd:
        held_usd = min(held_usd, max(0.0, budget.left_usd - usd))
    return SetAside(output_tokens=output, usd=usd + held_usd, held_usd=held_usd)
