"""A sandbox with its clock: whoever waits there lets the planted traffic pass.

Production's calls, a probe's and a prefill's share one time and one cache, through the real SDK.
What production sends becomes its request log.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import anthropic
import pandas as pd

from bench.rehearsing.traffic import Asked, Team, body
from cacheaudit.cost import cost_of
from cacheaudit.demo import environment, list_price
from cacheaudit.engine import rollup
from cacheaudit.logs.sent import sent
from cacheaudit.params import PostmortemParams
from cacheaudit.sandbox import create_app, serve
from cacheaudit.sandbox.cache import PromptCache
from cacheaudit.sandbox.catalogue import Catalogue, Served
from cacheaudit.sources import fetch

SCOPE = "support"
KEYS = {  # variable -> key of one workspace, because caches end there; a key for each purpose
    "CACHEAUDIT_REHEARSAL_PRODUCTION": f"{SCOPE}/production",
    "CACHEAUDIT_REHEARSAL_PROBE": f"{SCOPE}/probe",
    "CACHEAUDIT_REHEARSAL_PREFILL": f"{SCOPE}/prefill",
    "CACHEAUDIT_REHEARSAL_ADMIN": f"{SCOPE}/admin",
}
PRODUCTION, PROBE, PREFILL, ADMIN = KEYS

ModelOf = Callable[[Asked], str]


class Stage:
    """One sandbox. Also a clock, as probe and prefill ask for one: sleeping lets traffic pass.

    calls      production's, in order of time; those before the clock's start are not sent
    model_of   the version that a call is sent to
    """

    def __init__(
        self, url: str, state: Any, team: Team, calls: Sequence[Asked], model_of: ModelOf
    ) -> None:
        self.url, self.model_of = url, model_of
        self._ledger, self._team = state.ledger, team
        self._catalogue: Catalogue = state.serving.catalogue
        self._cache: PromptCache = state.serving.cache
        start_ms = self.at.timestamp() * 1000
        self._calls = [one for one in calls if one.at_ms >= start_ms]
        self._next, self._rows = 0, list[dict[str, Any]]()
        self._client = anthropic.Anthropic(
            api_key=KEYS[PRODUCTION], base_url=url, max_retries=0, timeout=30.0
        )

    @property
    def at(self) -> pd.Timestamp:
        """The sandbox's time."""
        now: pd.Timestamp = self._ledger.now
        return now

    def now(self) -> float:
        """The same in seconds since 1970."""
        return float(self.at.timestamp())

    def sleep(self, seconds: float) -> None:
        """Let production go on for so long, to a whole millisecond."""
        self.until((self.at + pd.Timedelta(seconds=seconds)).ceil("ms"))

    def until(self, end: pd.Timestamp) -> None:
        """Let production go on until *end*.

        The clock is moved in this process: /sandbox/clock does the same, for a request a call.
        """
        end_ms = end.timestamp() * 1000
        while self._next < len(self._calls) and self._calls[self._next].at_ms < end_ms:
            asked = self._calls[self._next]
            self._ledger.move(pd.Timestamp(asked.at_ms, unit="ms", tz="UTC"))
            self._send(asked)
            self._next += 1
        self._ledger.move(end)

    def serve(self, served: Served) -> None:
        """Let *served* answer from now on, in place of what had its name; all caches are lost."""
        self._catalogue.add(served)
        self._cache.clear()

    def _send(self, asked: Asked) -> None:
        model, sends = self.model_of(asked), body(self._team, asked)
        answer = self._client.messages.create(model=model, **sends)
        usage, version = answer.usage, self._catalogue.get(model)
        assert version is not None
        assert usage.cache_creation is not None
        self._rows.append(
            {
                "ts": pd.Timestamp(asked.at_ms, unit="ms", tz="UTC"),
                "provider": "anthropic",
                "model": answer.model,
                "model_requested": model,
                "scope": SCOPE,
                "route": "production",
                "request_id": answer.id,
                "session_id": None if asked.talk is None else f"talk-{asked.talk}",
                "turn_index": asked.turn,
                "prefix_id": sent(sends)["prefix_id"],
                "prefix_tokens": version.tokens(self._team.length(asked.prefix)),
                "uncached_input_tokens": usage.input_tokens,
                "cache_read_tokens": usage.cache_read_input_tokens,
                "cache_write_5m_tokens": usage.cache_creation.ephemeral_5m_input_tokens,
                "cache_write_1h_tokens": usage.cache_creation.ephemeral_1h_input_tokens,
                "output_tokens": usage.output_tokens,
                "status": 200,
            }
        )

    def log(self) -> pd.DataFrame:
        """What production sent so far, as a request table."""
        frame = pd.DataFrame(self._rows)
        return frame.assign(ts=frame["ts"].dt.as_unit("us"))

    def bodies(self, start: pd.Timestamp) -> list[dict[str, Any]]:
        """Production's requests since *start*, as they were sent."""
        start_ms = start.timestamp() * 1000
        past = self._calls[: self._next]
        return [body(self._team, one) for one in past if one.at_ms >= start_ms]

    def usage(self, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
        """The provider's report of [start, end) by the minute, pulled by our source."""
        params = PostmortemParams(
            source="anthropic", base_url=self.url, key_variable=ADMIN, bucket="1m", minutes=False,
            start=start.isoformat(), end=end.isoformat(),
        )  # fmt: skip
        return fetch(params, now=self.at).usage

    def spent_usd(self, route: str, start: pd.Timestamp, end: pd.Timestamp) -> float:
        """What the provider's books say a key cost, at list prices."""
        usage = self.usage(start, end)
        return float(cost_of(usage[usage["route"] == route]).usd.sum(skipna=False))

    def close(self) -> None:
        """Let the client go."""
        self._client.close()


@contextmanager
def stage(
    team: Team, calls: Sequence[Asked], model_of: ModelOf, served: Sequence[Served], *,
    now: pd.Timestamp, log: pd.DataFrame | None = None,
) -> Iterator[Stage]:  # fmt: skip
    """A sandbox at *now* with a cache that is empty, and with *log* as the history of its books."""
    app = create_app(
        None if log is None else rollup(log, bucket="1m"), now=now, price_usd_per_mtok=list_price,
        catalogue=Catalogue(served),
    )  # fmt: skip
    with serve(app) as url:
        found = Stage(url, app.state, team, calls, model_of)
        try:
            yield found
        finally:
            found.close()


def keys() -> AbstractContextManager[None]:
    """The sandbox's keys in the environment; then what was there."""
    return environment(KEYS)
