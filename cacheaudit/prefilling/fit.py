"""What cannot work is refused before anything is planned. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from ..errors import ParamError
from ..probing.candidate import Candidate
from .pace import MINUTE_S, Limits
from .prefix import TOO_LONG, Prefix

EXACT = 1e-9  # of a sum of shares


def fitting(
    prefixes: Sequence[Prefix], candidate: Candidate, limits: Limits, *, top: int
) -> tuple[list[Prefix], list[Prefix]]:
    """(the first *top* that can be warmed, those that are left out and why); 0 takes all.

    Raises ParamError where none is left, or a lifetime is not known.
    """
    limit = limits.input_tokens_per_minute
    checked = [
        replace(one, why=TOO_LONG) if not one.why and limit and one.about_tokens > limit else one
        for one in prefixes
    ]
    chosen = [one for one in checked if not one.why][: top or None]
    kept = [replace(one, number=number) for number, one in enumerate(chosen, 1)]
    left_out = [one for one in checked if one.why]
    if not kept:
        whys = sorted({one.why for one in left_out})
        raise ParamError(
            f"none of {len(left_out)} prefixes can be warmed on {candidate.label}"
            f" ({', '.join(whys)}); expected request bodies that ask for caching (cache_control),"
            f" as long as its minimum{_minimum(candidate)}, and shorter than"
            " input_tokens_per_minute."
        )
    if unknown := sum(one.lives_s is None for one in kept):
        raise ParamError(
            f"how long {candidate.label} keeps {unknown} of {len(kept)} prefixes is not known, so"
            " nothing says when to touch them again; expected a documented model, or lifetime_s as"
            " the probe's survival measured it."
        )
    return kept, left_out


def _minimum(candidate: Candidate) -> str:
    rule = candidate.rule
    known = rule is not None and rule.minimum_tokens is not None
    return f" of {rule.minimum_tokens:,} tokens" if known and rule is not None else ""


def check_rate(prefixes: Sequence[Prefix], limits: Limits, refresh_share: float) -> None:
    """Raise ParamError where the rate cannot keep all *prefixes* alive, with how many it can."""
    if (many := sustained(prefixes, limits, refresh_share)) < len(prefixes):
        raise ParamError(
            f"{len(prefixes)} prefixes, each touched again after {refresh_share:g} of its lifetime,"
            f" are more than the rate can keep alive: it holds the first {many}. Set top to {many},"
            " or raise requests_per_minute or input_tokens_per_minute where the provider allows it"
            f"{_one_head(prefixes, limits, refresh_share)}."
        )


def sustained(prefixes: Sequence[Prefix], limits: Limits, refresh_share: float) -> int:
    """How many of *prefixes*, from the first on, the rate can keep alive for any length of time."""
    calls = tokens = 0.0
    heads: dict[str, float] = {}
    for place, one in enumerate(prefixes):
        per_minute = MINUTE_S / (refresh_share * (one.lives_s or 0.0))
        calls += per_minute
        tokens += per_minute * one.about_tokens if limits.reads_count else 0.0
        heads[one.head] = heads.get(one.head, 0.0) + per_minute
        apart = limits.apart_s and heads[one.head] > MINUTE_S / limits.apart_s + EXACT
        over = limits.input_tokens_per_minute and tokens > limits.input_tokens_per_minute
        if calls > limits.requests_per_minute + EXACT or over or apart:
            return place
    return len(prefixes)


def _one_head(prefixes: Sequence[Prefix], limits: Limits, refresh_share: float) -> str:
    """A hint where it is the routing of one beginning that sets the limit."""
    free = replace(limits, apart_s=0.0)
    if sustained(prefixes, free, refresh_share) < len(prefixes):
        return ""
    return (
        ". The prefixes begin alike, and OpenAI routes more than 15 requests a minute of one"
        " beginning to other machines; a prompt_cache_key of each tells them apart"
    )
