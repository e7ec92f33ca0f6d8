"""The most that the move of some cohorts to another version can have cost.

Without a log every token that was read or written while it mattered may be a prefix of its own.
With one, each prefix counts once (traffic/live.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import ibis.expr.types as ir
import pandas as pd

from ..causes.case import Case
from ..causes.facts import CohortFacts, moved_by, rows_of
from ..cost import MTOK
from ..events import VersionChange
from ..pricing import RATES, PriceBook
from ..rules import LIFETIME_S, rule, tokenizer_ratio
from ..schema import CACHE_WRITE, INPUT, LIFETIMES
from ..traffic import Live, Move, live_prefixes
from .estimate import NAN

Group = list[tuple[CohortFacts, VersionChange]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Cohorts of one scope that moved from one version to another, with their usage.

    since          start of the first bucket that holds what was live at the start
    touched        rows of those buckets up to `stop`, but those on the new version
    ramp           those of them from `start` on, which may write what the new version had taken
    new            rows on the new version, up to one lifetime after `stop`
    usual_writes   tokens that would have been written of `new` at the baseline's share
    ratio          tokens of the new version for one of the old, at most; never below 1
    implicit       whatever was sent is cached, though no write is reported
    """

    group: Group
    start: pd.Timestamp
    stop: pd.Timestamp
    since: pd.Timestamp
    touched: pd.DataFrame
    ramp: pd.DataFrame
    new: pd.DataFrame
    usual_writes: float
    ratio: float
    implicit: bool

    @property
    def change(self) -> VersionChange:
        """Of the first of the cohorts: all share its versions."""
        return self.group[0][1]

    def premium(self, book: PriceBook) -> tuple[float, float]:
        """What writing a million tokens costs over reading them: on the new version, on the old."""
        old = write_premium(self.ramp, self.new, book) if len(self.ramp) else 0.0
        return write_premium(self.new, self.touched, book), old


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """USD at most; with a log, of it what was used again in time, and prefixes; else why not."""

    usd: float
    used_again_usd: float | None
    prefixes: int | None
    reason: str


def moves(case: Case, usage: pd.DataFrame) -> Iterator[Moved]:
    """The cohorts that moved, one for each scope and pair of versions.

    Of a ramp that is still open only its first bucket counts as moving: what a standing split
    costs is no cold start.
    """
    together: dict[tuple[object, ...], Group] = {}
    for cohort in case.moved:
        if change := cohort.change:
            key = (change.provider, cohort.scope, change.from_model, change.to_model)
            together.setdefault(key, []).append((cohort, change))
    ttl = pd.Timedelta(seconds=case.longest_ttl_s)
    for group in together.values():
        change = group[0][1]
        start = min(v.start for _, v in group)
        stop = max(moved_by(v) or v.start_high for _, v in group)
        own = usage[rows_of(usage, *(h for c, _ in group for h in (c.cohort, *c.heirs_of)))]
        on_new, since = own["model"] == change.to_model, own["bucket_start"] >= start
        near = (own["bucket_end"] > start - ttl) & (own["bucket_start"] < stop)
        new = own[on_new & since & (own["bucket_start"] < stop + ttl)]
        touched = own[near & ~(on_new & since)]
        yield Moved(
            group=group,
            start=start,
            stop=stop,
            since=touched["bucket_start"].min() if len(touched) else start,
            touched=touched,
            ramp=touched[touched["bucket_start"] >= start],
            new=new,
            usual_writes=sum(
                c.before.write_share * tokens_in(new[rows_of(new, c.cohort)][INPUT])
                for c, _ in group
            ),
            ratio=(tokenizer_ratio(change.from_model or "", change.to_model) or (1.0, 1.0))[1],
            implicit=_implicit(touched, change),
        )


def ceiling(moved: Moved, case: Case, book: PriceBook, requests: ir.Table | None) -> Ceiling:
    """Tokens that the move can have rewritten, at the premium of the version that wrote them.

    What the log has not seen of the usage counts as without a log.
    """
    found: Live | str = "no request log was given"
    if requests is not None:
        found = _in_log(moved, case, requests)
    touched = _in_usage(moved)
    new_premium, old_premium = moved.premium(book)

    def usd(on_new: float, on_old: float) -> float:
        return (on_new * new_premium + on_old * old_premium) * moved.ratio / MTOK

    if isinstance(found, str):
        most = usd(touched, tokens_in(moved.ramp[_written(moved.implicit)]))
        return Ceiling(usd=most, used_again_usd=None, prefixes=None, reason=found)
    unseen = max(0.0, touched - found.touched)
    return Ceiling(
        usd=usd(found.on_new + unseen, found.on_old),
        used_again_usd=usd(found.used_again + unseen, found.on_old),
        prefixes=found.prefixes,
        reason="",
    )


def write_premium(new: pd.DataFrame, old: pd.DataFrame, book: PriceBook) -> float:
    """The most that writing a million tokens costs over reading them, at the prices of *new*.

    Of the lifetimes that were written on either side; where writes are free or not reported, what
    is not read is plain input.
    """
    rate = book.rates.loc[new.index, RATES[:-1]].drop_duplicates().astype("float64")
    used = [c for c in CACHE_WRITE if any(float(side[c].sum()) > 0 for side in (old, new))]
    paid = rate[[RATES[INPUT.index(c)] for c in used] or [RATES[0]]]
    return float(paid.max(axis=None) - rate[RATES[1]].min()) if len(rate) else NAN


def _in_usage(moved: Moved) -> float:
    """Tokens that may have been live: read or written; all that was sent, where that is cached."""
    columns = ["cache_read_tokens", *_written(moved.implicit)]
    silent = moved.implicit and moved.touched["uncached_input_tokens"].isna().any()
    return NAN if silent else tokens_in(moved.touched[columns])


def _in_log(moved: Moved, case: Case, requests: ir.Table) -> Live | str:
    cohorts = tuple(c.cohort for c, _ in moved.group)
    heirs = {h for c, _ in moved.group for h in c.heirs_of}
    if {scope for scope, _ in heirs} != {scope for scope, _ in cohorts}:
        return "the traffic came from another workspace or project"
    return live_prefixes(
        requests,
        Move(
            provider=moved.change.provider,
            cohorts=(*cohorts, *(heirs - set(cohorts))),
            from_model=moved.change.from_model,
            to_model=moved.change.to_model,
            start=moved.start,
            stop=moved.stop,
            since=moved.since,
            longest_s=case.longest_ttl_s,
            shortest_s=0.0 if moved.implicit else _shortest(moved),
            implicit=moved.implicit,
        ),
    )


def _implicit(touched: pd.DataFrame, change: VersionChange) -> bool:
    """Whether the old version cached without saying so: no write reported, or none billed."""
    if touched[CACHE_WRITE].isna().all(axis=None):
        return True
    known = rule(change.provider, change.from_model or change.to_model)
    return known is not None and known.writes_billed is False


def _shortest(moved: Moved) -> float:
    """Shortest lifetime written, in seconds; 0 where it is not stated."""
    both = (moved.touched, moved.new)
    written = [any((rows[c] > 0).any() for rows in both) for c in CACHE_WRITE]
    seen = [life for life, some in zip(LIFETIMES, written, strict=True) if some]
    return float(min((LIFETIME_S.get(life, 0) for life in seen), default=0))


def _written(implicit: bool) -> list[str]:
    return ["uncached_input_tokens", *CACHE_WRITE] if implicit else CACHE_WRITE


def tokens_in(frame: pd.DataFrame) -> float:
    """Sum of all counts in *frame*; what is not reported adds nothing."""
    return float(frame.astype("float64").sum().sum())
