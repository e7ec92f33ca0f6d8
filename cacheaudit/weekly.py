"""Parameters in, the week out: pull, check, watch. The clock and the network end here."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pandas as pd

from .quality import QualityNote, check_quality, settled
from .rollout import Rollout, watch
from .rollout_params import WeeklyParams
from .sources import Pull, fetch

LAST = pd.Timedelta("28D")  # asked of a provider where neither a start nor a cutover is given
ASKED = ("anthropic", "anthropic_legacy", "openai", "several")


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekly:
    """Everything the weekly page is made of; report/rollout.py only reads it.

    quality     notes on the usage; one that is unfit leaves every gate of a cutover unknown
    rollout     what became of the traffic that moved
    fetched_at  when this was made
    """

    params: WeeklyParams
    pull: Pull
    quality: tuple[QualityNote, ...]
    rollout: Rollout
    fetched_at: pd.Timestamp

    @property
    def usage(self) -> pd.DataFrame:
        """The usage frame that was judged, its provisional tail included."""
        return self.pull.usage


def observe(params: WeeklyParams, *, now: pd.Timestamp | None = None) -> Weekly:
    """Pull what *params* asks for and judge the cutover in it. *now* is the clock, for tests."""
    at = pd.Timestamp(datetime.now(UTC)) if now is None else now
    asked = params.pull
    if not asked.start and not asked.path and asked.source in ASKED:
        asked = replace(asked, start=(at - LAST).floor("D").isoformat())
    pull = fetch(asked, now=now)
    notes = check_quality(pull.usage, (pull.start, pull.end), pull.refreshed_at)
    cutover, whole = params.cutover
    unfit = [note.text for note in notes if note.severity == "unfit"]
    return Weekly(
        params=params,
        pull=pull,
        quality=notes,
        rollout=watch(
            settled(pull.usage, pull.refreshed_at), cutover=cutover, full_cutover=whole,
            bars=params.bars, unfit=unfit[0] if unfit else "",
        ),
        fetched_at=at.floor("s"),
    )  # fmt: skip
