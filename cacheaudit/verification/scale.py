"""What a repair is judged by: the measure that moved, by the hour and as one rate."""

from dataclasses import dataclass

import pandas as pd

from ..cost import cost_of
from ..incidents import RATES
from ..metrics import cache_metrics, overall_metrics
from ..price_table import PriceTable
from ..schema import TOKENS

RATED = {"hit_rate": "input_tokens", "read_share_of_cached": "cached_tokens"}
COSTS = {"usd_per_request": "requests", "usd_per_mtok": "input_tokens"}
JUDGED = (*RATED, *COSTS)  # the others are watched by the day or the bill

Three = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """One measure of usage frames.

    prices      rows that go before the price list's, for a measure in money
    as_served   a cost is at the prices of what served; else, because a dearer list price of a
                version that was chosen is no loss, at those of the baseline's largest model
    """

    measure: str
    prices: PriceTable | None = None
    as_served: bool = False

    @property
    def judged(self) -> bool:
        """Whether it can be."""
        return self.measure in JUDGED

    @property
    def falls(self) -> bool:
        """Whether less of it is the harm."""
        return self.measure in RATES

    @property
    def costs(self) -> bool:
        """Whether it is in money."""
        return self.measure in COSTS

    def alike(self, *sides: pd.DataFrame) -> Three:
        """Baseline and two more, as if the baseline's largest model had served all of them."""
        baseline, one, other = sides
        if not self.costs or self.as_served:
            return baseline, one, other
        by = [baseline["provider"], baseline["model"]]
        tokens = baseline[TOKENS].sum(axis=1).groupby(by).sum()
        if tokens.empty:
            return baseline, one, other
        served = tokens.reset_index(name="tokens").sort_values("tokens").iloc[-1]
        named = {"provider": served["provider"], "model": served["model"]}
        return baseline.assign(**named), one.assign(**named), other.assign(**named)

    def hours(self, rows: pd.DataFrame) -> pd.DataFrame:
        """`at`, `end`, `read`, `tokens` by bucket, so that read / tokens is the measure."""
        by = ["bucket_start", "bucket_end"]
        sums = cache_metrics(rows, by)
        if self.costs:
            usd = cost_of(rows, self.prices).usd
            read = usd.groupby([rows[c] for c in by]).sum(skipna=False).reindex(sums.index)
            tokens = sums[COSTS[self.measure]].where(read.notna())
        else:
            tokens = sums[RATED[self.measure]].where(sums[self.measure].notna())
            read = sums[self.measure] * tokens
        return pd.DataFrame({
            "at": sums.index.get_level_values(0), "end": sums.index.get_level_values(1),
            "read": read.to_numpy(float), "tokens": tokens.to_numpy(float),
        })  # fmt: skip

    def rate(self, rows: pd.DataFrame, baseline: pd.DataFrame) -> float | None:
        """Of all *rows*, served as *baseline* was; None where it is not known."""
        if not self.costs:
            value = float(overall_metrics(rows)[self.measure])
            return None if pd.isna(value) else value
        _, alike, _ = self.alike(baseline, rows, rows)
        hours = self.hours(alike)
        known = hours[hours["tokens"] > 0]
        return float(known["read"].sum() / known["tokens"].sum()) if len(known) else None
