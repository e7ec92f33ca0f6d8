"""What a version's cache does, and what its input costs: the rules of a replay."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from ..errors import ParamError
from ..price_table import PriceTable
from ..pricing import UnitPrice, unit_price
from ..rules import LIFETIME_S, rule

WRITTEN = {300: "5m", 1800: "30m", 3600: "1h", 43200: "12h"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """One version's cache.

    ttl_s         an entry lives so long after its last use; never inferred from a log, though that
                  may say for how long it wrote
    min_tokens    shorter prefixes are neither written nor read
    block_tokens  what is read is a multiple of this; of a block trace, the length of a block
    ready_s       an entry can be read so long after the call that wrote it began (docs: once that
                  call's response begins); 0: at once. Where a log names prefixes and conversations
                  it holds for the prefixes alone: turns of one conversation are taken to wait
    token_ratio   tokens on this version per token in the log, of the same text
    read_usd_per_mtok, write_usd_per_mtok, uncached_usd_per_mtok   USD per million tokens of input;
                  None where not known: then nothing is priced. Where writes are not billed, the
                  write costs what uncached input does
    """

    ttl_s: float = 300.0
    min_tokens: int = 0
    block_tokens: int = 1
    ready_s: float = 0.0
    token_ratio: float = 1.0
    read_usd_per_mtok: float | None = None
    write_usd_per_mtok: float | None = None
    uncached_usd_per_mtok: float | None = None

    def __post_init__(self) -> None:
        if not self.ttl_s > 0 or self.ready_s < 0:
            raise ParamError(f"rules have ttl_s {self.ttl_s:g} and ready_s {self.ready_s:g};"
                             " expected a lifetime above 0 and a wait of 0 or more.")  # fmt: skip
        if self.min_tokens < 0 or self.block_tokens < 1 or not self.token_ratio > 0:
            raise ParamError(
                f"rules have min_tokens {self.min_tokens}, block_tokens {self.block_tokens},"
                f" token_ratio {self.token_ratio:g}; expected 0 or more, 1 or more, above 0."
            )

    @property
    def rates(self) -> tuple[float, float, float] | None:
        """USD per million tokens read, written and uncached; None unless all are known."""
        read, wrote = self.read_usd_per_mtok, self.write_usd_per_mtok
        if read is None or wrote is None or self.uncached_usd_per_mtok is None:
            return None
        return read, wrote, self.uncached_usd_per_mtok


RulesOf = Rules | Mapping[str, Rules]


def rules_for(rules: RulesOf, model: str) -> Rules:
    """The rules of *model*; ParamError where *rules* are by model and lack it."""
    if isinstance(rules, Rules):
        return rules
    if model not in rules:
        raise ParamError(
            f"there are no rules for {model}; expected a Rules for each version in the log and for"
            f" the one that traffic moves to, and found {', '.join(sorted(rules)) or 'none'}."
        )
    return rules[model]


def rules_of(
    provider: str,
    model: str,
    day: date,
    *,
    ttl: str = "",
    prices: PriceTable | None = None,
    **measured: Any,
) -> Rules:
    """The documented rules of *model* at its price on *day*, with what was *measured* instead.

    ttl       "5m", "30m", "1h" or "12h"; empty takes the version's default
    measured  fields of Rules, such as a minimum or a ratio that a probe found

    Raises ParamError where no lifetime is documented and none is given.
    """
    known = rule(provider, model, day)
    lifetime = LIFETIME_S.get(ttl) if ttl else known.ttl_s if known else None
    if "ttl_s" not in measured and lifetime is None:
        raise ParamError(
            f"no lifetime is known for {model} at {provider}; expected one of"
            f" {', '.join(LIFETIME_S)} as ttl, or ttl_s as measured by a probe."
        )
    fields = {"min_tokens": (known.minimum_tokens if known else None) or 0}
    if lifetime is not None:
        fields["ttl_s"] = lifetime
    found = unit_price(provider, model, day, prices=prices)
    return Rules(**(fields | _rates(found, lifetime) | measured))


def _rates(found: Any, lifetime: int | None) -> dict[str, Any]:
    """Rates of input; a write without a rate of its own costs what the default lifetime does."""
    if not isinstance(found, UnitPrice):
        return {}
    own = f"cache_write_{WRITTEN.get(lifetime or 0, 'other')}_usd_per_mtok"
    wrote = getattr(found, own)
    return {
        "read_usd_per_mtok": found.cache_read_usd_per_mtok,
        "write_usd_per_mtok": found.cache_write_other_usd_per_mtok if wrote is None else wrote,
        "uncached_usd_per_mtok": found.uncached_input_usd_per_mtok,
    }
