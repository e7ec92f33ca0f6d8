"""The gates after a cutover, rollout window and recovery: plain values in, a Gate out. Pure."""

from ..words import share, span
from .bars import GateBars
from .gate import Gate, Standing, at_least, known


def rollout_window(
    low: float | None, value: float | None, high: float | None, *,
    baseline: float | None, bars: GateBars, ended: bool = True, missing: str = "", about: str = "",
) -> Gate:  # fmt: skip
    """The hit rate at the end of the rollout window, against its share of the baseline.

    baseline  hit rate of the same hours in the week before
    ended     whether the data reaches the window's end; before it only a pass is final
    missing   what would decide, where the values are None
    """
    bar, within = bars.rollout_window_share, span(bars.rollout_window_hours * 3600)
    question = f"Was the hit rate at {share(bar)} of its baseline within {within} of the cutover?"
    return _live(
        "rollout_window", question, (low, value, high), baseline, bar, ended, missing, about,
        where=f"at the end of the {within} after the cutover",
    )  # fmt: skip


def recovery(
    low: float | None, value: float | None, high: float | None, *,
    baseline: float | None, bars: GateBars, ended: bool = True, missing: str = "", about: str = "",
) -> Gate:  # fmt: skip
    """The hit rate at the end of the time to recover, against the baseline; as rollout_window."""
    bar, within = bars.recovered_at_share, span(bars.recovery_hours * 3600)
    question = (
        f"Was the hit rate back at its baseline ({share(bar)} of it) within {within} of the full"
        " cutover?"
    )
    return _live(
        "recovery", question, (low, value, high), baseline, bar, ended, missing, about,
        where=f"by {within} after the full cutover",
    )  # fmt: skip


def _live(
    name: str, question: str, seen: tuple[float | None, float | None, float | None],
    baseline: float | None, at_share: float, ended: bool, missing: str, about: str, where: str,
) -> Gate:  # fmt: skip
    low, value, high = (known(one) for one in seen)
    usual = known(baseline)
    bar = None if not usual else usual * at_share
    standing: Standing = at_least(low, high, bar)
    needs = ""
    if low is None or high is None or value is None:
        reason = f"The hit rate {where} is not known."
        needs = missing or "usage of the hours after the cutover, with cache fields"
    elif bar is None:
        reason = f"The hit rate was {share(value)} {where}; its baseline is not known."
        needs = missing or "usage of the week before the cutover"
    else:
        rate = share(value) if low == high else f"{share(value)} ({share(low)} to {share(high)})"
        so_far = where if ended else "so far"
        reason = (
            f"The hit rate was {rate} {so_far}; the bar is {share(bar)}, {share(at_share)} of the"
            f" {share(usual)} of the same hours before."
        )
        if standing == "fail" and not ended:
            standing = "unknown"
            needs = missing or "the time is not up: look again when it is"
        elif standing == "unknown":
            needs = missing or "more traffic: the interval straddles the bar"
    return Gate(
        name=name, question=question, value=value, low=low, high=high, bar=bar, unit="share",
        standing=standing, reason=reason, needs=needs if standing == "unknown" else "", about=about,
    )  # fmt: skip
