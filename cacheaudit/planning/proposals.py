"""The plans that are compared."""

from dataclasses import replace

import pandas as pd

from ..replaying import Cutover, Prefill
from .migration import Migration

STRAIGHT = "straight cut"
PREFILLED = "straight cut, prefill"
BY_CALL = "ramp by request"
BY_TALK = "ramp by conversation"
BY_NEW_TALK = "ramp by new conversation"
BY_TALK_PREFILLED = "ramp by conversation, prefill"
CANARY = "canary by request"
KEPT_WARM = "straight cut, old kept warm"
BY_TALKS = (BY_TALK, BY_NEW_TALK, BY_TALK_PREFILLED)


def proposals(migration: Migration, at: pd.Timestamp, *, talks: bool = True) -> dict[str, Cutover]:
    """The usual plans and the migration's own, each of which has moved all traffic at *at*.

    talks   whether the log names conversations: without, no plan goes by them, and the part that
            stays on the old version is one of calls
    """
    cut = Cutover(at=at, to=migration.to_model, from_model=migration.from_model)
    ramp = replace(cut, steps=_ramp(migration, at))
    first = (at - pd.Timedelta(seconds=migration.canary_s), migration.canary_share)
    usual = {
        STRAIGHT: cut,
        PREFILLED: with_prefill(cut, migration, migration.prefixes),
        BY_CALL: replace(ramp, split_by="spread"),
        BY_TALK: ramp,
        BY_NEW_TALK: replace(ramp, split_by="new_session"),
        BY_TALK_PREFILLED: with_prefill(ramp, migration, migration.prefixes),
        CANARY: replace(cut, split_by="spread", steps=(first, (at, 1.0))),
        KEPT_WARM: replace(
            cut,
            keep_old_warm=migration.keep_old_warm,
            split_by="session" if talks else "spread",
        ),
    }
    if not talks:
        usual = {name: one for name, one in usual.items() if name not in BY_TALKS}
    return usual | {name: moved(own, at) for name, own in migration.proposals.items()}


def with_prefill(cutover: Cutover, migration: Migration, prefixes: int) -> Cutover:
    """*cutover* with the first *prefixes* sent in advance."""
    return replace(cutover, prefill=Prefill(prefixes=prefixes, lead_s=migration.lead_s))


def moved(cutover: Cutover, at: pd.Timestamp) -> Cutover:
    """*cutover* as it would be on another day."""
    by = at - cutover.at
    back = None if cutover.rollback_at is None else cutover.rollback_at + by
    steps = tuple((when + by, share) for when, share in cutover.steps)
    return replace(cutover, at=at, steps=steps, rollback_at=back)


def _ramp(migration: Migration, at: pd.Timestamp) -> tuple[tuple[pd.Timestamp, float], ...]:
    """Steps of equal length that end at *at*."""
    shares = migration.ramp_shares
    step = pd.Timedelta(seconds=migration.ramp_s / max(1, len(shares)))
    ahead = [(at - step * (len(shares) - n), share) for n, share in enumerate(shares)]
    return (*ahead, (at, 1.0))
