"""The bill beside the price list: by model and UTC day, and by day.

The priced usage is given, so this module knows no price. Compared are charges for tokens; web
searches, containers and fees have no tokens beside them.
"""

import pandas as pd

from ..metrics import usual_width
from .daily import UNNAMED, model_names
from .totals import DAY


def cost_table(usage: pd.DataFrame, priced: pd.Series, cost: pd.DataFrame) -> pd.DataFrame:
    """`day`, `model`, `priced_usd`, `charged_usd`, `list_usd`; NaN where a side has nothing.

    priced   USD of each row of *usage* (cost.cost_of); one row without a price makes its sum NaN
    cost     a cost table; rows for tokens are those of cost_type `tokens` or with a token type,
             or all of them where it tells neither

    Models go by their ids without date and decorations. Where the bill names no model at all,
    neither does the result.
    """
    billed = cost[for_tokens(cost)]
    named = bool(billed["model"].notna().any())
    day = usage["bucket_start"].dt.floor("D").rename("day")
    model = _model(usage, named)
    ours = priced.groupby([day, model]).sum(skipna=False).rename("priced_usd")
    by = [billed["day"].dt.floor("D").rename("day"), _model(billed, named)]
    money = billed[["amount_usd", "list_usd"]].astype("float64")
    theirs = money.groupby(by).sum(min_count=1).rename(columns={"amount_usd": "charged_usd"})
    return pd.concat([ours.astype("float64"), theirs], axis=1).sort_index().reset_index()


def charged_by_day(usage: pd.DataFrame, priced: pd.Series, cost: pd.DataFrame) -> pd.DataFrame:
    """`charged_usd`, `priced_usd` by whole UTC day, of the models and days that both sides have."""
    if usage.empty or not for_tokens(cost).any():
        return pd.DataFrame(columns=["charged_usd", "priced_usd"], dtype="float64")
    table = cost_table(usage, priced, cost).dropna(subset=["charged_usd", "priced_usd"])
    table = table[table["day"].isin(whole_days(usage))]
    return table.groupby("day")[["charged_usd", "priced_usd"]].sum()


def for_tokens(cost: pd.DataFrame) -> pd.Series:
    """Mask of the rows that charge for tokens; all, where the bill tells neither way."""
    told = cost["cost_type"].notna() | cost["token_type"].notna()
    if not told.any():
        return cost["amount_usd"].notna()
    return (cost["cost_type"] == "tokens").fillna(False) | cost["token_type"].notna()


def _model(frame: pd.DataFrame, named: bool) -> pd.Series:
    if named:
        return model_names(frame).rename("model")
    return pd.Series(UNNAMED, index=frame.index, dtype="str", name="model")


def whole_days(usage: pd.DataFrame) -> pd.DatetimeIndex:
    """Days between the first and the last bucket, without those at the edge that are cut."""
    first, last = usage["bucket_start"].min(), usage["bucket_end"].max()
    slack = usual_width(usage)
    low = first.floor("D") if first - first.floor("D") < slack else first.ceil("D")
    high = last.ceil("D") if last.ceil("D") - last < slack else last.floor("D")
    return pd.date_range(low, high, freq=DAY, inclusive="left")
