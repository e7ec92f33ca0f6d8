"""Parameters in, postmortem out: pull, diagnose, keep both. The clock and the network end here."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pandas as pd

from .diagnosis import Diagnosis, diagnose
from .engine import read_requests
from .params import PostmortemParams
from .schema import empty_events, empty_signals
from .sources import Pull, fetch
from .sources.tables import read_events, read_signals


@dataclass(frozen=True, slots=True, kw_only=True)
class Postmortem:
    """Everything the report is made of; report.py and plots.py only read it."""

    params: PostmortemParams
    pull: Pull
    signals: pd.DataFrame
    diagnosis: Diagnosis
    fetched_at: pd.Timestamp

    @property
    def usage(self) -> pd.DataFrame:
        """The usage frame that was judged."""
        return self.pull.usage


def investigate(params: PostmortemParams, *, now: pd.Timestamp | None = None) -> Postmortem:
    """Pull what *params* asks for and diagnose it. *now* is the clock, for tests."""
    at = pd.Timestamp(datetime.now(UTC)) if now is None else now
    events = read_events(params.events_path) if params.events_path else empty_events()
    requests = read_requests(params.requests_path) if params.requests_path else None
    signals = read_signals(params.signals_path) if params.signals_path else empty_signals()
    pull = fetch(params, now=now)
    diagnosis = diagnose(
        pull.usage,
        events,
        requests=requests,
        cost=pull.cost,
        window=(pull.start, pull.end),
        refreshed_at=pull.refreshed_at,
        bars=params.bars,
    )
    return Postmortem(
        params=params, pull=pull, signals=signals, diagnosis=diagnosis, fetched_at=at.floor("s")
    )
