"""Whose traffic fell, and whose bill rose: the mapping of owners, carried into the report."""

from typing import Any

import pandas as pd

from ..metrics import headline_rate
from ..owners import Owner, by_owner, owned
from ..postmortem import Postmortem
from ..schema import label
from ..show import Column, Piece, Prose, Table
from ..words import count, listing, share, signed_usd, usd
from .summary import MEASURE_NAMES

CACHE = ["cache_split", "write_lifetime"]  # factors of the bridge that only the cache moves


def owners_rows(postmortem: Postmortem) -> pd.DataFrame:
    """One row an owner, as owners.by_owner: before and during the costliest incident, else all.

    `lost_cache_usd` is what the bridge gives to the cache for this owner's cells; NaN without one.
    """
    top, usage = postmortem.diagnosis.costliest, postmortem.usage
    if not postmortem.owners or usage.empty:
        return pd.DataFrame()
    first, last = usage["bucket_start"].min(), usage["bucket_end"].max()
    spans = {"all": (first, last)}
    if top is not None:
        end = top.incident.end or last
        spans = {"before": top.incident.baseline, "during": (top.incident.start, end)}
    rows = by_owner(usage, postmortem.diagnosis.costed.usd, postmortem.owners, spans)
    return rows.assign(lost_cache_usd=_lost_cache(postmortem, rows))


def by_owner_pieces(postmortem: Postmortem) -> list[Piece]:
    """Who owns what fell, and the table; nothing where no owners are given."""
    rows = owners_rows(postmortem)
    if rows.empty:
        return []
    rate = MEASURE_NAMES[headline_rate(postmortem.usage)]
    split = "usd_per_day_before" in rows
    spans = ["before", "during"] if split else ["all"]
    columns = [Column("owner")]
    columns += [Column(f"{rate}, {s}" if split else rate, "right") for s in spans]
    columns += [Column(f"cost a day, {s}" if split else "cost a day", "right") for s in spans]
    columns.append(Column(f"requests {spans[-1]}" if split else "requests", "right"))
    bridged = bool(rows["lost_cache_usd"].notna().any())
    if bridged:
        columns.append(Column("lost with the cache", "right"))
    table = [_row(row, spans, bridged) for row in rows.to_dict("records")]
    told = Table(columns, table, "The same by owner (owners_path)")
    names = affected_owners(postmortem)
    return [*([Prose([f"What fell is owned by {listing(list(names))}."])] if names else []), told]


def affected_owners(postmortem: Postmortem) -> tuple[str, ...]:
    """The owners of the traffic that fell; empty without an incident, or without owners."""
    top = postmortem.diagnosis.costliest
    if top is None:
        return ()
    return postmortem.owners.among((c.scope, c.route) for c in top.case.affected)


def _row(row: dict[Any, Any], spans: list[str], bridged: bool) -> list[str]:
    return [
        Owner(label(row["team"]), label(row["service"])).name,
        *(share(row[f"rate_{s}"]) for s in spans),
        *(usd(row[f"usd_per_day_{s}"]) for s in spans),
        count(row[f"requests_{spans[-1]}"]),
        *([signed_usd(row["lost_cache_usd"])] if bridged else []),
    ]


def _lost_cache(postmortem: Postmortem, rows: pd.DataFrame) -> pd.Series:
    """Of the bridge's change, what cache factors moved, by owner; NaN without a bridge."""
    bridge = postmortem.bridge
    if bridge is None or not len(bridge.by_cell):
        return pd.Series(float("nan"), index=rows.index)
    cells = owned(bridge.by_cell, postmortem.owners)
    sums = cells.assign(usd=cells[CACHE].sum(axis=1)).groupby(["team", "service"], dropna=False)
    known = {_key(k): float(v) for k, v in sums["usd"].sum().items()}
    keys = [_key(k) for k in rows[["team", "service"]].itertuples(index=False)]
    return pd.Series([known.get(k, 0.0) for k in keys], index=rows.index)


def _key(pair: Any) -> Owner:
    return Owner(label(pair[0]), label(pair[1]))
