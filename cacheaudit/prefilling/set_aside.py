"""What a touch costs, at most and as is expected; and whether the budget holds a prefix to the end.

A touch sets aside the prefix's bytes as tokens at the dearest rate, with what it may generate, as a
probe's calls do (probing/money.py); once it was answered, its tokens. It is expected to be written
once and read from then on.

An answer may cost more than that, and the next call is only held back once it is known. So calls
are in flight together only while the budget holds a dear answer to each: DEAR_TIMES the candidate's
rates with each byte a token, and ALLOWANCE_TOKENS of output. Where it does not, there is one call
in flight, and one alone can pass the budget; several can only where one is dearer still.
"""

from collections.abc import Sequence
from math import ceil

from ..probing.ask import ALLOWANCE_TOKENS
from ..probing.money import ROLE_TOKENS, Rates, dearer_usd
from ..probing.receipt import Receipt
from .prefix import Prefix, in_blocks
from .setup import Setup
from .touched import Touched
from .ways import Way

DEAR_TIMES = 10  # a version's rates: what answers in place of a small model may be a large one
KNOWN_TOKENS = 32  # that an equal prompt may be longer by, in what a provider adds


def dear_usd(prefix: Prefix, way: Way, rates: Rates) -> float:
    """What a touch costs whose answer is dear: by another model, with more output than it may."""
    whole_usd = rates.worst_usd(
        prefix.bytes + ROLE_TOKENS, way.output_tokens, lives_long=prefix.long
    )
    return DEAR_TIMES * whole_usd + rates.worst_usd(0, ALLOWANCE_TOKENS)


class SetAside:
    """The budget of *setup*, with what is set aside for calls in flight."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self.reserved_usd = 0.0

    def allows(self, usd: float) -> bool:
        """Whether *usd* more fits."""
        return self._setup.budget.allows(self.reserved_usd + usd)

    def holds_dear(self, touches: Sequence[tuple[Prefix, Way]]) -> bool:
        """Whether the budget holds a dear answer to each of *touches*."""
        return self._setup.budget.allows(
            sum(dear_usd(prefix, way, self._setup.rates) for prefix, way in touches)
        )

    def worst_usd(self, prefix: Prefix, touched: Touched, way: Way) -> float:
        """The most that a touch can cost at an endpoint that keeps its limit of output."""
        bound = prefix.bytes + ROLE_TOKENS
        if touched.input_tokens is not None and self._setup.learn_lengths:
            bound = min(bound, touched.input_tokens + KNOWN_TOKENS)
        return self._setup.rates.worst_usd(bound, way.output_tokens, lives_long=prefix.long)

    def allowance_usd(self, worst_usd: float) -> float:
        """What is set aside beside *worst_usd* until the endpoint has kept a limit: who ignores it
        is found out by the first answer."""
        left_usd = self._setup.budget.left_usd - self.reserved_usd - worst_usd
        return max(0.0, min(self._setup.rates.worst_usd(0, ALLOWANCE_TOKENS), left_usd))

    def cost_usd(self, heard: Receipt) -> float | None:
        """What *heard* cost; where another model answered, at the dearer price of the two, and at
        least what was set aside."""
        setup = self._setup
        if heard.outcome != "other_model":
            return setup.rates.charged_usd(heard)
        dearer = dearer_usd(heard, setup.rates, setup.rates_of(heard.served))
        return None if dearer is None else max(dearer, heard.worst_usd or 0.0)

    def holds(
        self, new: tuple[Prefix, Touched, Way], live: Sequence[tuple[Prefix, Touched, Way]]
    ) -> bool:
        """Whether the budget is expected to hold *new*, and all that are *live*, to the end; with
        what the dearest of them sets aside for its last call."""
        now_s = self._setup.clock.now()
        coming = self._usd(*new, warm=False) + self._refreshes_usd(*new, now_s)
        for one in live:
            proven_s = one[1].proven_s
            coming += self._refreshes_usd(*one, now_s if proven_s is None else proven_s)
        last_usd = max(self._usd(*one, warm=False) for one in [*live, new])
        return self.allows(coming + last_usd)

    def _refreshes_usd(self, prefix: Prefix, touched: Touched, way: Way, from_s: float) -> float:
        """Of the touches that follow one at *from_s* before the cutover."""
        touches = ceil((self._setup.until_s - from_s) / self._setup.interval_s(prefix)) - 1
        return max(0, touches) * self._usd(prefix, touched, way, warm=True)

    def _usd(self, prefix: Prefix, touched: Touched, way: Way, *, warm: bool) -> float:
        rates = self._setup.rates
        written = rates.written_long_usd if prefix.long else rates.written_usd
        cold = rates.uncached_usd if in_blocks(self._setup.candidate) else written
        rate = rates.read_usd if warm else cold
        tokens = touched.input_tokens or prefix.about_tokens
        output = 0 if way.kind == "prewarm" else way.output_tokens
        usd = rates.uncached_usd if rate is None else rate
        return (tokens * usd + output * rates.output_usd) / 1e6
