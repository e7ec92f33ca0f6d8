"""How many tokens a model makes of a text that another made one of: measured on a request log."""

from dataclasses import dataclass

import ibis.expr.types as ir

from ..events import VersionChange


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerRatio:
    """Tokens of *to_model* per token of *from_model*, over *prefixes* that both were sent."""

    from_model: str
    to_model: str
    ratio: float
    prefixes: int


def measured(requests: ir.Table, change: VersionChange) -> TokenizerRatio | None:
    """The ratio of the lengths of prefixes that both versions were sent; None without any.

    requests   request table with `prefix_id` (a hash of the text) and `prefix_tokens`

    The same text on both sides, so nothing but the tokenizer can make the difference. Lengths of
    one prefix on one model are averaged first, so that a prefix in use all day weighs once.
    """
    if change.from_model is None or not {"prefix_id", "prefix_tokens"} <= set(requests.columns):
        return None
    known = requests.filter(
        requests.prefix_id.notnull(),
        requests.prefix_tokens.notnull(),
        requests.model.isin([change.from_model, change.to_model]),
    )
    lengths = known.group_by(["prefix_id", "model"]).agg(tokens=known.prefix_tokens.mean())
    both = lengths.group_by("prefix_id").agg(
        old=lengths.tokens.sum(where=lengths.model == change.from_model),
        new=lengths.tokens.sum(where=lengths.model == change.to_model),
    )
    both = both.filter(both.old > 0, both.new > 0)
    found = both.agg(old=both.old.sum(), new=both.new.sum(), prefixes=both.count()).execute()
    if not int(found["prefixes"].iloc[0]):
        return None
    return TokenizerRatio(
        from_model=change.from_model,
        to_model=change.to_model,
        ratio=float(found["new"].iloc[0] / found["old"].iloc[0]),
        prefixes=int(found["prefixes"].iloc[0]),
    )
