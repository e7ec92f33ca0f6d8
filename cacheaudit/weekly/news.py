"""What is new since the last report: names in usage that came or went, prices that changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..price_table import PriceTable
from ..pricing import RATES, UnitPrice, unit_price
from ..schema import PRICE_DIMENSIONS, TOKENS

INSTANT = pd.Timedelta("1us")
KINDS = ("model", "scope", "route", "client_version")


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A name that came or went.

    at      start of its first bucket, or end of its last; None where only an earlier report knew it
    share   of the tokens since the last report; None for one that went
    """

    kind: str
    name: str
    at: pd.Timestamp | None
    share: float | None

    def to_dict(self) -> dict[str, Any]:
        """For findings.json."""
        return {"kind": self.kind, "name": self.name, "at": self.at, "share": self.share}


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceChange:
    """A class of tokens of a model in use whose list price is another than at the last report.

    way     the price dimensions that it is for, in words; "" for the standard way of serving
    rate    one of pricing.RATES
    """

    provider: str
    model: str
    way: str
    rate: str
    before_usd_per_mtok: float
    now_usd_per_mtok: float
    source: str

    def to_dict(self) -> dict[str, Any]:
        """For findings.json."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What is new.

    since    end of the last report's data; the start of the week where there is no such report
    report   the last report's folder; "" for none
    told     whether anything is known of before `since`; else nothing can be called new
    in_use   kind -> names with traffic in the week, for the next report
    """

    since: pd.Timestamp
    report: str
    told: bool
    came: tuple[Name, ...]
    went: tuple[Name, ...]
    prices: tuple[PriceChange, ...]
    in_use: Mapping[str, tuple[str, ...]]

    def __bool__(self) -> bool:
        return bool(self.came or self.went or self.prices)


def news_of(
    usage: pd.DataFrame,
    since: pd.Timestamp,
    week_start: pd.Timestamp,
    *,
    report: str = "",
    then: Mapping[str, tuple[str, ...]] | None = None,
    prices: PriceTable | None = None,
) -> News:
    """What *usage* has from *since* on and had not before.

    then   what the last report saw in use; counts as before
    """
    then = then or {}
    late = usage["bucket_start"] >= since
    tokens = usage[TOKENS].to_numpy("float64", na_value=0.0).sum(axis=1)
    rows = usage[[*KINDS, "bucket_start", "bucket_end"]].assign(tokens=tokens)
    came: list[Name] = []
    went: list[Name] = []
    for kind in KINDS:
        old = set(rows.loc[~late, kind].dropna())
        new = set(rows.loc[late, kind].dropna())
        if not old and not then.get(kind):  # the name was not reported before, which is no news
            continue
        known = old | set(then.get(kind, ()))
        recent = _recent(rows[~late], kind, since) | set(then.get(kind, ()))
        here = set(rows.loc[rows["bucket_end"] > min(since, week_start), kind].dropna())
        came += [_came(rows[late], kind, name) for name in sorted(new - known)]
        went += [_went(rows, kind, name) for name in sorted(recent - here)] if new else []
    told = bool((~late).any() or then)
    week = usage[usage["bucket_end"] > week_start]
    return News(
        since=since,
        report=report,
        told=told,
        came=tuple(came),
        went=tuple(went),
        prices=tuple(_prices(week, since, usage["bucket_end"].max(), prices)),
        in_use={kind: tuple(sorted(week[kind].dropna().unique())) for kind in KINDS},
    )


def _recent(rows: pd.DataFrame, kind: str, since: pd.Timestamp) -> set[str]:
    """Names of the week before *since*: what is gone for longer is no news."""
    return set(rows.loc[rows["bucket_end"] > since - pd.Timedelta("7D"), kind].dropna())


def _came(rows: pd.DataFrame, kind: str, name: str) -> Name:
    own, total = rows[rows[kind] == name], float(rows["tokens"].sum())
    share = float(own["tokens"].sum()) / total if total > 0 else None
    return Name(kind=kind, name=name, at=own["bucket_start"].min(), share=share)


def _went(rows: pd.DataFrame, kind: str, name: str) -> Name:
    last = rows.loc[rows[kind] == name, "bucket_end"].max()
    return Name(kind=kind, name=name, at=None if pd.isna(last) else last, share=None)


def _prices(
    week: pd.DataFrame, since: pd.Timestamp, until: pd.Timestamp, prices: PriceTable | None
) -> list[PriceChange]:
    """Of every way in which a model was served in the week; what has no price is no change."""
    ways = week[["provider", "model", *PRICE_DIMENSIONS]].drop_duplicates().astype(object)
    found: dict[tuple[str, str, str, str], PriceChange] = {}
    for row in ways.where(ways.notna(), None).to_dict("records"):
        if row["provider"] is None or row["model"] is None:
            continue
        given = {name: row[name] for name in PRICE_DIMENSIONS}
        before, now = (
            unit_price(row["provider"], row["model"], (at - INSTANT).date(), **given, prices=prices)
            for at in (since, until)  # both are open ends: at midnight the day before counts
        )
        if isinstance(before, UnitPrice) and isinstance(now, UnitPrice):
            way = ", ".join(str(v) for v in given.values() if v and v not in ("standard", "0-200k"))
            for one in _changed(before, now, way):
                found[one.provider, one.model, one.way, one.rate] = one
    return list(found.values())


def _changed(before: UnitPrice, now: UnitPrice, way: str) -> list[PriceChange]:
    return [
        PriceChange(
            provider=now.provider, model=now.model, way=way, rate=rate,
            before_usd_per_mtok=getattr(before, rate), now_usd_per_mtok=getattr(now, rate),
            source=now.source,
        )
        for rate in RATES
        if None not in (getattr(before, rate), getattr(now, rate))
        and getattr(before, rate) != getattr(now, rate)
    ]  # fmt: skip
