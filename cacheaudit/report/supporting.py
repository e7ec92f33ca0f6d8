"""Supporting information: the data's limits, the prices used, and how to run the report again."""

from importlib.metadata import version

import pandas as pd

from ..metrics import cache_metrics, headline_rate, token_totals
from ..postmortem import Postmortem
from ..pricing import RATES, UnitPrice
from ..schema import LIFETIMES
from ..show import Bullets, Column, Definitions, Details, Prose, Table
from ..words import UNKNOWN, count, local, moment, share, usd
from .summary import MEASURE_NAMES, data_notes, quality_lines

DAILY = ["requests", "tokens", "rate", "usd"]
RATE_NAMES = dict(
    zip(
        RATES, ["uncached", "read", *(f"write {life}" for life in LIFETIMES), "output"], strict=True
    )
)


def header(postmortem: Postmortem) -> Definitions:
    """What was looked at."""
    pull = postmortem.pull
    return Definitions(
        [
            ("Window", f"{moment(pull.start)} to {moment(pull.end)}"),
            *_zone(postmortem),
            ("Source", pull.source),
            ("Made", f"{moment(postmortem.fetched_at)} by cacheaudit {version('cacheaudit')}"),
            ("Complete to", moment(pull.refreshed_at) if pull.refreshed_at else "not stated"),
        ]
    )


def _zone(postmortem: Postmortem) -> list[tuple[str, str]]:
    """The reader's zone, and when it was there."""
    zone, top = postmortem.params.zone, postmortem.diagnosis.costliest
    if not zone:
        return []
    began = "" if top is None else f"; there it began at {local(top.incident.start, zone)}"
    return [("Times", f"UTC; the timeline has {zone} as well{began}")]


def supporting(postmortem: Postmortem) -> list[Prose | Bullets | Details]:
    """Quality notes in the open; tokens, prices and parameters behind a line each."""
    found = postmortem.diagnosis
    notes = quality_lines(found.quality) + data_notes(postmortem)
    totals = Table(
        [Column("class"), Column("sum", "right")],
        [
            [name, UNKNOWN if value is None else count(value)]
            for name, value in token_totals(postmortem.usage).items()
        ],
        "Sums over the window; 'not known' is not reported, which is not 0",
    )
    params = Definitions([(k, str(v)) for k, v in postmortem.params.to_dict().items()])
    return [
        Bullets(notes) if notes else Prose(["No remarks on the data."]),
        *_buckets(postmortem),
        Details("Tokens by class", totals),
        Details("Prices used", prices_used(found.costed.book.used)),
        Details("Parameters: run it again with these", params),
    ]


def _buckets(postmortem: Postmortem) -> list[Details]:
    """Usage by day, with days that are empty or cut named as such."""
    if postmortem.usage.empty:
        return []
    rate = headline_rate(postmortem.usage)
    rows = []
    days = usage_by_day(postmortem)[["day", "partial", "has_rows", *DAILY]]
    for day, cut, has_rows, *sums in days.itertuples(index=False, name=None):
        name = f"{day:%Y-%m-%d}" + (" (partial)" if cut else "")
        told = [count(sums[0]), count(sums[1]), share(sums[2]), usd(sums[3])]
        rows.append([name, *(told if has_rows else ["no rows"] * len(told))])
    columns = [
        Column("day"),
        Column("requests", "right"),
        Column("input tokens" if rate == "hit_rate" else "cached tokens", "right"),
        Column(MEASURE_NAMES[rate].split(" (")[0], "right"),
        Column("list price", "right"),
    ]
    caption = "By day, UTC; a day without rows is not a day at 0"
    return [Details("Usage by day", Table(columns, rows, caption))]


def usage_by_day(postmortem: Postmortem) -> pd.DataFrame:
    """By UTC day, those without rows as well: `day`, `partial` (cut by the window), `has_rows`,
    `requests`, `tokens` (input; cached tokens where uncached input is not reported), `rate`, `usd`;
    NaN where not known."""
    usage = postmortem.usage
    day = usage["bucket_start"].dt.floor("D").rename("day")
    sums = cache_metrics(usage.assign(bucket_start=day), ["bucket_start"])
    spent = postmortem.diagnosis.costed.usd.groupby(day).agg(lambda s: s.sum(skipna=False))
    rate = headline_rate(usage)
    first, last = usage["bucket_start"].min(), usage["bucket_end"].max()
    tokens = "input_tokens" if rate == "hit_rate" else "cached_tokens"
    days = pd.date_range(day.min(), day.max(), freq="D")
    known = sums.assign(usd=spent)[["requests", tokens, rate, "usd"]].reindex(days)
    known.columns = pd.Index(DAILY)
    cut = (days < first) | (days + pd.Timedelta("1D") > last)
    return known.assign(day=days, partial=cut, has_rows=days.isin(sums.index))


def prices_used(prices: tuple[UnitPrice, ...]) -> Table:
    """Every price that is in a sum, with its day and where it comes from."""
    shown = [c for c in RATES if any(getattr(p, c) is not None for p in prices)]
    columns = [Column("model"), Column("priced as"), Column("in force since"), Column("from")]
    columns += [Column(RATE_NAMES[c], "right") for c in shown]
    rows = [
        [
            p.model,
            p.priced_as,
            p.valid_from.isoformat() if p.valid_from else "not dated",
            p.source,
            *(usd(getattr(p, c)) for c in shown),
        ]
        for p in prices
    ]
    return Table(columns, rows, "Per million tokens, base tier")
