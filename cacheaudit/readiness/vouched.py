"""Whether a request log may speak for the usage, and usage for a baseline. Pure.

A log of one team, or of an hour, is cheap and decides nothing for all; and a replay that does not
read what the log itself read has its lifetime or its conversations wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd

from ..diagnosis import diagnose
from ..metrics import overall_metrics
from ..request_table import answered, written_tokens
from ..words import share

COVERED = (0.9, 1.1)  # tokens of the log over those of usage, in the hours that both have
AGREES = 0.05  # of the input: hit rate of the replay beside what the log reports
LEAST_SCOPES = 0.95  # share of usage's tokens in scopes that the log knows


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """What a log tells of itself: input and reads where both are reported, by hour and scope.

    hours      bucket_start, scope, input_tokens, read_tokens
    reporting  share of its calls that report reads; None of an empty log
    """

    hours: pd.DataFrame
    reporting: float | None

    @property
    def hit_rate(self) -> float | None:
        """As the log reports it; None where it reports no reads."""
        whole = float(self.hours["input_tokens"].sum())
        return float(self.hours["read_tokens"].sum()) / whole if whole else None


def logged(log: ir.Table) -> Logged:
    """*log*, summed where it lies."""
    table = answered(log)
    classes = table.cache_read_tokens + written_tokens(table) + table.uncached_input_tokens
    whole = ibis.coalesce(classes, table.prompt_tokens)
    counts = table.aggregate(told=table.cache_read_tokens.count(), calls=table.count()).to_pandas()
    told, calls = (int(one) for one in counts.iloc[0])
    both = table.mutate(whole=whole).filter(lambda t: t.whole.notnull())
    both = both.filter(lambda t: t.cache_read_tokens.notnull())
    hour = (both.ts.epoch_seconds() / 3600).floor().cast("int64") * 3600
    sums: pd.DataFrame = (
        both.group_by([hour.name("hour"), both.scope])
        .aggregate(input_tokens=both.whole.sum(), read_tokens=both.cache_read_tokens.sum())
        .to_pandas()
    )
    at = pd.to_datetime(sums["hour"].astype("int64"), unit="s", utc=True)
    return Logged(
        hours=sums.drop(columns="hour").assign(bucket_start=at),
        reporting=told / calls if calls else None,
    )


def lacks_of_log(found: Logged, usage: pd.DataFrame, replayed: float | None) -> str:
    """What keeps the log from speaking for *usage* (of the incumbent); "" where nothing does.

    replayed   hit rate of its replay on the version that served it
    """
    rate = found.hit_rate
    if rate is not None and replayed is not None and abs(rate - replayed) > AGREES:
        return (
            f"a log that its replay explains: it reads {share(replayed)} where the log says"
            f" {share(rate)} (ttl, session_id or prefix_tokens may be wrong)"
        )
    return _lacks_of_volume(found.hours, usage)


def _lacks_of_volume(hours: pd.DataFrame, usage: pd.DataFrame) -> str:
    inputs = usage[["cache_read_tokens", "uncached_input_tokens"]].notna().all(axis=1)
    told = usage[inputs].assign(tokens=_input(usage[inputs]))
    both = set(hours["bucket_start"]) & set(told["bucket_start"].dt.floor("h"))
    if not both or told["tokens"].sum() == 0:
        return ""  # another week, or no counts: nothing to hold it against
    mine = hours[hours["bucket_start"].isin(both)]
    theirs = told[told["bucket_start"].dt.floor("h").isin(both)]
    if (ratio := float(mine["input_tokens"].sum() / theirs["tokens"].sum())) < COVERED[0]:
        return f"a log of all of its traffic: in the same hours it holds {share(ratio)} of usage"
    if ratio > COVERED[1]:
        return f"a log that usage agrees with: in the same hours it holds {share(ratio)} of usage"
    known = set(mine["scope"].dropna())
    named = theirs[theirs["scope"].notna()]
    if known and len(named):
        part = float(named.loc[named["scope"].isin(known), "tokens"].sum() / named["tokens"].sum())
        if part < LEAST_SCOPES:
            return f"a log of all workspaces: its own have {share(part)} of usage"
    return ""


def _input(usage: pd.DataFrame) -> pd.Series:
    """All input tokens of each row; unreported writes are none beside reported reads."""
    names = [c for c in usage.columns if c.startswith("cache_write_")]
    wrote = usage[names].astype("Float64").sum(axis=1)
    read, rest = (
        usage[c].astype("Float64") for c in ("cache_read_tokens", "uncached_input_tokens")
    )
    return (read + rest + wrote).astype("float64")


def lacks_of_baseline(usage: pd.DataFrame) -> str:
    """What keeps *usage* (of the incumbent) from being a baseline; "" where nothing does."""
    found = diagnose(usage)
    if found.verdict == "unfit_data":
        return "usage that is fit to judge: see the notes on its quality"
    starts: Sequence[pd.Timestamp] = [one.incident.start for one in found.incidents]
    if starts:
        return (
            f"a baseline without an incident: one began at {min(starts):%Y-%m-%d %H:%M} UTC"
            " (cacheaudit postmortem tells why); give start and end of a quiet week"
        )
    return ""


def hit_rate_of(usage: pd.DataFrame) -> float | None:
    """The hit rate of *usage*; None where nobody can say."""
    rate = overall_metrics(usage)["hit_rate"] if len(usage) else None
    return None if rate is None or pd.isna(rate) else float(rate)
