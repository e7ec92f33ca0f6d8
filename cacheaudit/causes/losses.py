"""Where a request log puts the loss: parts of what calls lost more than they did before.

A call that followed another could hope to read what that one held (traffic.calls). What it did
not read of that is lost. With E the tokens hoped for and L those lost, the loss is L / E, and a
mark X (another version, other tools, an overlap) carries

    part(X) = (L_after(X) / E_after - L_before(X) / E_before) / (loss after - loss before)

of its rise. Where a band (a gap, a turn) may have gained weight or become worse, the rise is split
into the two by Kitagawa 1955, "Components of a difference between two rates", JASA 50(272).
"""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from ..traffic import LogFacts

ENOUGH = 50  # calls that followed another, in either period
THREADED = 0.7  # of the calls that followed another before: fewer after, and threads were lost
RISE = 0.02  # of the loss; less is chance
LOGGED = 0.8  # of what was hoped for: a mark known for less than this is not logged
Mark = Literal["version", "scope", "place", "tools", "head", "settings", "process", "overlap"]
COLUMN: dict[Mark, tuple[str, str | bool]] = {
    "version": ("where", "version"),
    "scope": ("where", "scope"),
    "place": ("place_same", False),
    "tools": ("tools_same", False),
    "head": ("head_same", False),
    "settings": ("settings_same", False),
    "process": ("process_same", False),
    "overlap": ("overlaps", True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """The calls that followed another, before and after; losses as shares of what was held."""

    pairs: pd.DataFrame
    before: float
    after: float

    @property
    def rise(self) -> float:
        """By how much more was lost."""
        return self.after - self.before

    def part(self, here: pd.Series) -> float:
        """Part of the rise that the pairs in the mask *here* carry."""
        return (self._lost(here, "after") - self._lost(here, "before")) / self.rise

    def of(self, mark: Mark) -> float:
        """Part of the rise with *mark*; NaN where it is not logged."""
        return self.part(self.marked(mark)) if self.logged(mark) else float("nan")

    def marked(self, mark: Mark) -> pd.Series:
        """Mask of the pairs with *mark*."""
        column, value = COLUMN[mark]
        return pd.Series(self.pairs[column].eq(value).fillna(False).astype(bool))

    def logged(self, mark: Mark) -> bool:
        """Whether *mark* is known for nearly all calls after."""
        later = self.pairs[self.pairs["period"] == "after"]
        known = later.loc[later[COLUMN[mark][0]].notna(), "expected"].sum()
        return bool(known >= LOGGED * later["expected"].sum())

    def unmarked(self, soon: tuple[str, ...]) -> pd.Series:
        """Mask: on the entry used last, after a gap in *soon*, with nothing that differed."""
        plain = self.pairs["where"].eq("here") & self.pairs["gap"].isin(soon)
        for mark in COLUMN:
            plain &= ~self.marked(mark)
        return plain

    def of_gaps(self, bands: tuple[str, ...]) -> float:
        """Part of the rise that is worse loss after equal gaps, in *bands*."""
        return worse_within(self._by("gap"), bands) / self.rise

    def of_longer_gaps(self) -> float:
        """Part of the rise that is a heavier weight of long gaps, each as lossy as before."""
        return heavier(self._by("gap")) / self.rise

    def rate(self, here: pd.Series, period: str) -> float:
        """Loss within the mask *here* in *period*."""
        own = self.pairs[here & (self.pairs["period"] == period)]
        held = float(own["expected"].sum())
        return float((own["expected"] - own["kept"]).sum()) / held if held > 0 else float("nan")

    def share(self, here: pd.Series, period: str) -> float:
        """Share of what was hoped for that lies within the mask *here*."""
        of = self.pairs["period"] == period
        return float(self.pairs.loc[here & of, "expected"].sum()) / self._held(period)

    def partial(self, here: pd.Series) -> float:
        """Share of the missed calls in *here* that read a shorter part; NaN without misses."""
        own = self.pairs[here & (self.pairs["period"] == "after")]
        missed = float(own["missed"].sum())
        return float(own["partial"].sum()) / missed if missed > 0 else float("nan")

    def missed(self, here: pd.Series) -> float:
        """Share of the calls in *here* that missed, after."""
        own = self.pairs[here & (self.pairs["period"] == "after")]
        return float(own["missed"].sum()) / float(own["calls"].sum()) if len(own) else float("nan")

    def _held(self, period: str) -> float:
        return float(self.pairs.loc[self.pairs["period"] == period, "expected"].sum())

    def _lost(self, here: pd.Series, period: str) -> float:
        own = self.pairs[here & (self.pairs["period"] == period)]
        return float((own["expected"] - own["kept"]).sum()) / self._held(period)

    def _by(self, column: str) -> pd.DataFrame:
        sums = self.pairs.groupby(["period", column])[["expected", "kept"]].sum()
        return rates_of(sums["expected"], sums["expected"] - sums["kept"])


def losses_of(log: LogFacts | None) -> Losses | None:
    """The losses of *log*; None without one, or where too few calls followed another.

    Where a prefix changes with every call, none follows another any more: nothing to compare.
    """
    if log is None or log.pairs.empty:
        return None
    counts = log.counts.set_index("period").astype("float64")
    followed = counts["followed"] / counts["calls"]
    if not followed.get("after", 0.0) >= THREADED * followed.get("before", 0.0):
        return None
    pairs = log.pairs.astype(dict.fromkeys(["expected", "kept", "calls", "missed"], "float64"))
    sums = pairs.groupby("period")[["calls", "expected", "kept"]].sum()
    if not {"before", "after"} <= set(sums.index) or (sums["calls"] < ENOUGH).any():
        return None
    loss = 1 - sums["kept"] / sums["expected"]
    return Losses(pairs=pairs, before=float(loss["before"]), after=float(loss["after"]))


def rates_of(weight: pd.Series, bad: pd.Series) -> pd.DataFrame:
    """Weights and rates by band (index) of both periods; a band of one period has its rate in
    both, so that it counts as weight alone. *weight*, *bad* are indexed by (period, band)."""
    weights = weight.unstack("period", fill_value=0).reindex(columns=["before", "after"])
    rates = (bad / weight).unstack("period").reindex(columns=["before", "after"])
    rates = rates.bfill(axis=1).ffill(axis=1).fillna(0.0)
    shares = weights / weights.sum()
    return pd.concat({"share": shares, "rate": rates}, axis=1)


def rise_of(bands: pd.DataFrame) -> float:
    """The rise of the rate over all bands."""
    share, rate = bands["share"], bands["rate"]
    return float((share["after"] * rate["after"] - share["before"] * rate["before"]).sum())


def heavier(bands: pd.DataFrame) -> float:
    """The rise of a rate that is due to bands that gained weight (Kitagawa 1955)."""
    share, rate = bands["share"], bands["rate"]
    mean = (rate["after"] + rate["before"]) / 2
    return float(((share["after"] - share["before"]) * mean).sum())


def worse_within(bands: pd.DataFrame, names: tuple[str, ...]) -> float:
    """The rise of a rate that is due to *names* becoming worse at equal weight."""
    own = bands[bands.index.isin(names)]
    worse = own["rate"]["after"] - own["rate"]["before"]
    mean = (own["share"]["after"] + own["share"]["before"]) / 2
    return float((worse * mean).sum())
