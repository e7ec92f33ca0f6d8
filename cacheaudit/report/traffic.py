"""What the request log says of re-use: the best possible rate, hits by gap, prefixes at stake."""

import math

import pandas as pd

from ..cached_lengths import cached_lengths
from ..postmortem import Postmortem
from ..schema import label
from ..show import Column, Details, Figure, Piece, Prose, Table
from ..traffic.reach import Reach, with_interval
from ..traffic_plots import plot_gaps
from ..words import count, listing, share, span
from .panel import panel

MOST_SERIES, MOST_PREFIXES, MOST_LENGTHS = 3, 10, 12
SHORT_S = 300  # the shortest lifetime that is sold
UNITS = {3600: "h", 60: "min", 1: "s"}
MIXED = 0.25  # spread above which one length does not speak for all


def traffic_pieces(postmortem: Postmortem) -> list[Piece]:
    """Best possible rate, hits by gap and prefixes out of a log; lengths out of billing."""
    pieces: list[Piece] = []
    if postmortem.reach is not None:
        pieces += [Prose([best_words(postmortem.reach)]), _lifetimes(postmortem.reach)]
        pieces += _gaps(postmortem.reach.gaps) + _prefixes(postmortem.reach.prefixes)
    return pieces + _lengths(postmortem.usage)


def best_words(reach: Reach) -> str:
    """How far the cache is from the best that this traffic allows, in one sentence."""
    last = reach.lifetimes["period"].iloc[-1]
    rows = reach.lifetimes[reach.lifetimes["period"] == last]
    known = rows[rows["best_possible_hit_rate"].notna()]
    if known.empty:
        return (
            "What a cache could reach is not known: the log has no conversation and no prefix to"
            " tell which call re-used which (session_id, prefix_id)."
        )
    one = known.iloc[0]
    longest = known.iloc[-1]
    when = {"all": "", "during": " during the incident", "before": " before it"}[str(last)]
    more = ""
    if longest["best_possible_hit_rate"] - one["best_possible_hit_rate"] >= 0.005:
        more = (
            f", {share(longest['best_possible_hit_rate'])} with entries that live"
            f" {span(longest['ttl_s'])}"
        )
    return (
        f"An ideal cache with entries that live {span(one['ttl_s'])} would have read"
        f" {share(one['best_possible_hit_rate'])} of the input of this log{when}{more};"
        f" {share(one['hit_rate'])} was read."
    )


def _lifetimes(reach: Reach) -> Table:
    rows = [
        [
            {"all": "all", "before": "baseline", "during": "incident"}[row["period"]],
            span(row["ttl_s"]),
            share(_float(row["hit_rate"])),
            share(_float(row["best_possible_hit_rate"])),
            share(_float(row["eligible_hit_rate"])),
            count(_float(row["calls"])),
        ]
        for row in reach.lifetimes.to_dict("records")
    ]
    columns = [
        Column("period"), Column("entries live"), Column("read", "right"),
        Column("best possible", "right"), Column("read of eligible", "right"),
        Column("calls", "right"),
    ]  # fmt: skip
    return Table(columns, rows, "What an ideal cache would have read of all input")


def _gaps(found: pd.DataFrame) -> list[Piece]:
    """The picture of P(hit | gap), all models together where there are many."""
    if found.empty:
        return []
    models = found.groupby("model")["calls"].sum().sort_values(ascending=False)
    apart = len(models) <= MOST_SERIES
    keys = ["gap_from_s", "gap_to_s"]
    if not apart:
        sums = found.groupby(keys, dropna=False)[["calls", "hits"]].sum().reset_index()
        found = with_interval(sums).assign(model="all models")
    rows = found.sort_values(keys).assign(
        band=lambda t: [_band(a, b) for a, b in t[keys].itertuples(index=False)],
        series=lambda t: t["model"],
    )
    title = _gap_words(found)
    figure = panel(title, 1.2 + 0.34 * rows["band"].nunique(), lambda ax: plot_gaps(rows, ax=ax))
    caption = (
        "Time since the entry was last used, and whether the call read anything; Wilson intervals,"
        " which take calls for independent."
    )
    return [Figure(figure, f"{title}. {caption}", caption)]


def _gap_words(found: pd.DataFrame) -> str:
    soon = found[found["gap_to_s"].fillna(math.inf) <= SHORT_S]
    late = found[found["gap_from_s"] >= SHORT_S]
    parts = []
    for rows, when in ((soon, f"within {span(SHORT_S)}"), (late, "later")):
        if calls := int(rows["calls"].sum()):
            parts.append(f"{when} {share(int(rows['hits'].sum()) / calls)} of {calls:,}")
    return f"Re-uses that hit: {listing(parts)}"


def _band(low: float, high: float) -> str:
    """A band of gaps, short: 30 to 60 s, 1 to 2 min."""
    if pd.isna(high):
        return f"over {_short(low)}"
    if not low:
        return f"up to {_short(high)}"
    unit = next(s for s in UNITS if high > s or s == 1)
    return f"{low / unit:g} to {high / unit:g} {UNITS[unit]}"


def _short(seconds: float) -> str:
    unit = next(s for s in UNITS if seconds >= s or s == 1)
    return f"{seconds / unit:g} {UNITS[unit]}"


def _prefixes(found: pd.DataFrame) -> list[Piece]:
    """The prefixes that cost most if they went cold; numbered, for no hash leaves the log."""
    named = found[found["prefix_id"].notna()].head(MOST_PREFIXES)
    if named.empty:
        return []
    rows = [
        [
            f"{number}",
            label(row["scope"]) or "default",
            str(row["model"]),
            count(_float(row["prefix_tokens"])),
            count(_float(row["requests"])),
            share(_float(row["reuse_share"])),
            count(_float(row["stake_tokens"])),
        ]
        for number, row in enumerate(named.to_dict("records"), 1)
    ]
    columns = [
        Column("prefix"), Column("scope"), Column("model"), Column("tokens", "right"),
        Column("calls", "right"), Column("re-used in time", "right"),
        Column("tokens at stake", "right"),
    ]  # fmt: skip
    caption = f"At stake: read or written, of all calls; in time: within {span(SHORT_S)}"
    return [Details("Prefixes with the most tokens at stake", Table(columns, rows, caption))]


def _lengths(usage: pd.DataFrame) -> list[Piece]:
    """Lengths of what is cached, from billing alone."""
    found = cached_lengths(usage).head(MOST_LENGTHS)
    found = found[found["cached_tokens"] > 0]
    if found.empty:
        return []
    rows = [
        [
            label(row["scope"]) or label(row["route"]) or "all traffic",
            label(row["model"]) or "not named",
            count(row["mean_tokens"]),
            _spread(row["spread"], row["spread_low"], row["spread_high"]),
            "mixed" if row["spread_low"] > MIXED else "",
        ]
        for row in found.to_dict("records")
    ]
    columns = [
        Column("cohort"), Column("model"), Column("cached tokens a request", "right"),
        Column("spread (95 %)", "right"), Column(""),
    ]  # fmt: skip
    caption = (
        "Reads and writes per request, in exact tokens. Spread is sd over mean of one request,"
        " from how buckets vary; where it is mixed, the mean speaks for no single prefix"
    )
    return [Details("Lengths of cached prefixes, from billing", Table(columns, rows, caption))]


def _spread(value: float, low: float, high: float) -> str:
    return "not known" if pd.isna(value) else f"{value:.2f} ({low:.2f} to {high:.2f})"


def _float(value: object) -> float | None:
    return None if pd.isna(value) else float(value)  # type: ignore[call-overload, arg-type]
