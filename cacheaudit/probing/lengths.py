"""How many tokens the same prompts are on two versions. Pure."""

from collections.abc import Sequence

from .answers import Answer
from .candidate import Candidate
from .receipt import Receipt

FIRST = 0


def token_ratios(
    receipts: Sequence[Receipt], candidates: Sequence[Candidate], question: str = "hit_rate"
) -> list[Answer]:
    """Tokens on each candidate per token on the incumbent, of the prompts that both were sent.

    The value is of sums; low and high are the prompts' own extremes, not an interval. The nonce
    differs between the two, by a few tokens at most.
    """
    old = next((one.label for one in candidates if one.incumbent), None)
    if old is None:
        return []
    before = _first_calls(receipts, old, question)
    found = []
    for one in candidates:
        after = {} if one.label == old else _first_calls(receipts, one.label, question)
        both = [(before[unit], after[unit]) for unit in sorted(before.keys() & after.keys())]
        if not both:
            continue
        ratios = [new / old_tokens for old_tokens, new in both]
        found.append(
            Answer(
                question="tokens",
                candidate=one.label,
                verdict="yes",
                value=sum(new for _, new in both) / sum(old_tokens for old_tokens, _ in both),
                low=min(ratios),
                high=max(ratios),
                unit="ratio",
                repetitions=len(both),
                why=f"tokens per token on {old}; the range is over the prompts",
            )
        )
    return found


def _first_calls(receipts: Sequence[Receipt], candidate: str, question: str) -> dict[int, int]:
    """Input tokens of the first call of each repetition, by its number."""
    return {
        one.unit: one.input_tokens
        for one in receipts
        if one.candidate == candidate and one.question == question and one.step == FIRST
        and one.counted and one.input_tokens
    }  # fmt: skip
