"""Excess of longer answers, longer prompts and more traffic: units at what a unit took."""

import pandas as pd

from ..causes.case import Case
from ..cost import MTOK, Costed
from ..pricing import RATES
from ..schema import INPUT
from .estimate import NAN, Gap, variance
from .splits import ENOUGH_DAYS, usd_of


def unit_gap(case: Case, base: pd.DataFrame, inside: pd.DataFrame, priced: Costed) -> Gap:
    """What *inside* took minus its units at what a unit took in *base*, in USD.

    A unit is a day for a rise in volume, else a request (a million input tokens, where requests
    are not counted); what it takes is output, input or all cost, as the pattern says.
    """
    counted = bool(inside["requests"].notna().any() and base["requests"].notna().any())
    before, _ = _by_day(case.pattern, base, priced, counted=counted)
    during, price = _by_day(case.pattern, inside, priced, counted=counted)
    units, per_unit = float(during["unit"].sum()), before["taken"] / before["unit"]
    typical = float(before["taken"].sum() / before["unit"].sum())
    if case.pattern == "more_requests":
        units = (inside["bucket_end"].max() - inside["bucket_start"].min()) / pd.Timedelta("1D")
        per_unit = before["taken"].iloc[1:-1] if len(before) > ENOUGH_DAYS else before["taken"]
        typical = float(per_unit.mean())  # the first and the last day may be cut
    spread = float(per_unit.std(ddof=1)) * price if len(per_unit) > 1 else NAN
    return Gap(
        value=price * (float(during["taken"].sum(skipna=False)) - units * typical),
        variance=variance(spread, units, len(per_unit), inside),
        days=len(per_unit),
    )


def _by_day(
    pattern: str, rows: pd.DataFrame, priced: Costed, *, counted: bool
) -> tuple[pd.DataFrame, float]:
    """(what was taken and its units by UTC day, USD for one of what was taken)."""
    taken, price = _spent(pattern, rows, priced)
    unit = rows["requests"] if counted else rows[INPUT].sum(axis=1) / MTOK
    day = rows["bucket_start"].dt.floor("D")
    frame = pd.DataFrame({"taken": taken, "unit": unit.astype("float64")})
    return frame.groupby(day).sum(skipna=False), price


def _spent(pattern: str, rows: pd.DataFrame, priced: Costed) -> tuple[pd.Series, float]:
    """What each row took, and its price: tokens of output or input at a mean rate, or USD at 1."""
    if pattern not in ("more_output", "longer_prompts"):
        return priced.usd.loc[rows.index], 1.0
    columns = ["output_tokens"] if pattern == "more_output" else INPUT
    rate = priced.book.rates.loc[rows.index]
    wanted = [RATES[-1]] if pattern == "more_output" else RATES[:-1]
    tokens = rows[columns].astype("float64").fillna(0.0)
    usd = usd_of(tokens.to_numpy(), rate[wanted].astype("float64").to_numpy()).sum()
    total = float(tokens.to_numpy().sum())
    return tokens.sum(axis=1), float(usd) / total if total > 0 else NAN
