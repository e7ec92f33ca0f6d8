"""What each model's prompt cache does, as dated rows with a source: model_rules.csv.

    provider, model  whose cache; the id without a date. `gpt-5.6-*` is every member of a family
    minimum_tokens   shortest prefix that is cached; empty where nobody has said
    ttl_s            default lifetime in seconds, refreshed on use
    writes_billed    yes where a write costs more than plain input, no where it is plain input
    tokenizer        generation of the tokenizer
    valid_from       first day of the row; empty for "as far back as is known"
    source_url, checked_on, evidence   where the minimum was read, when, and from whom: `docs`
                     is the vendor's own page, `third-party` somebody who quotes it

Rows are appended, never edited. Documented minimums have been wrong by a factor of two in
practice, and moved within months: measure before you rely on one (the probe does).
"""

import csv
import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

from .model_ids import base_id, is_bedrock

LIFETIME_S = {"5m": 300, "30m": 1800, "1h": 3600, "12h": 43200}

# Tokens of the same text on the newer tokenizer per token on the older; "about 30 % more, 1.0 to
# 1.35". Docs: https://platform.claude.com/docs/en/about-claude/pricing, read 2026-08.
TOKENIZER_RATIOS = {("claude-1", "claude-2"): (1.0, 1.35)}

_BY_MAKER = {"google", "vertex", "azure", "foundry"}  # resell Claude under Anthropic's own rules


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRule:
    """Facts about caching on one model; None where unknown."""

    provider: str
    model: str
    minimum_tokens: int | None
    ttl_s: int | None
    writes_billed: bool | None
    tokenizer: str | None
    valid_from: date | None
    source_url: str
    checked_on: date
    evidence: str


def rule(provider: str, model: str, day: date | None = None) -> ModelRule | None:
    """The row for *model*, the newest in force on *day*; None where the model is unknown.

    A row for the model itself wins over one for its family, a longer family over a shorter.
    """
    name = base_id(provider, model)
    seller = _seller(provider, name)
    fitting = [
        r
        for r in _rules()
        if r.provider == seller
        and _covers(r.model, name)
        and (day is None or r.valid_from is None or r.valid_from <= day)
    ]
    return max(fitting, key=_precedence, default=None)


def all_rules() -> tuple[ModelRule, ...]:
    """Every row, in the order of the table."""
    return _rules()


def tokenizer_ratio(old: str, new: str) -> tuple[float, float] | None:
    """Range of tokens on *new* per token on *old* for the same text; None where unknown.

    >>> tokenizer_ratio("claude-opus-4-6", "claude-opus-5-5")
    (1.0, 1.35)
    """
    if base_id("bedrock", old) == base_id("bedrock", new):
        return 1.0, 1.0
    before, after = _tokenizer(old), _tokenizer(new)
    if before is None or after is None:
        return None
    if before == after:
        return 1.0, 1.0
    if back := TOKENIZER_RATIOS.get((after, before)):
        return 1 / back[1], 1 / back[0]
    return TOKENIZER_RATIOS.get((before, after))


def _tokenizer(model: str) -> str | None:
    name = base_id("bedrock", model)  # plain ids pass unchanged
    known = [r for r in _rules() if r.tokenizer and _covers(r.model, name)]
    return max(known, key=_precedence).tokenizer if known else None


def _seller(provider: str, name: str) -> str:
    """Whose rows to read: a reseller of Claude follows Anthropic, Bedrock its own."""
    if is_bedrock(provider):
        return "bedrock"
    if provider.lower() in _BY_MAKER and name.startswith("claude-"):
        return "anthropic"
    return provider.lower()


def _covers(pattern: str, name: str) -> bool:
    """A family continues with a letter: `gpt-5-*` is gpt-5-mini, never gpt-5-6-sol."""
    if not pattern.endswith("*"):
        return name == pattern
    return re.match(re.escape(pattern[:-1]) + "[a-z]", name) is not None


def _precedence(row: ModelRule) -> tuple[bool, int, date]:
    return not row.model.endswith("*"), len(row.model), row.valid_from or date.min


@cache
def _rules() -> tuple[ModelRule, ...]:
    text = files("cacheaudit").joinpath("model_rules.csv").read_text(encoding="utf-8")
    return tuple(_rule(row) for row in csv.DictReader(text.splitlines()))


def _rule(row: dict[str, str]) -> ModelRule:
    return ModelRule(
        provider=row["provider"],
        model=row["model"],
        minimum_tokens=int(row["minimum_tokens"]) if row["minimum_tokens"] else None,
        ttl_s=int(row["ttl_s"]) if row["ttl_s"] else None,
        writes_billed={"yes": True, "no": False, "": None}[row["writes_billed"]],
        tokenizer=row["tokenizer"] or None,
        valid_from=date.fromisoformat(row["valid_from"]) if row["valid_from"] else None,
        source_url=row["source_url"],
        checked_on=date.fromisoformat(row["checked_on"]),
        evidence=row["evidence"],
    )
