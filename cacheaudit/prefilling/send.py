"""A touch, through the real SDK of its API, to a receipt. Retries are off; no text is kept."""

import time
from dataclasses import replace

from ..probing.candidate import Candidate
from ..probing.failures import failure_of
from ..probing.receipt import Receipt
from ..probing.send import TALKS, Sender, answer_of
from .prefix import Prefix
from .ways import Way


class Toucher(Sender):
    """Clients by candidate, as of a probe; what is sent is the team's own, letter for letter."""

    def touch(self, candidate: Candidate, prefix: Prefix, way: Way, planned: Receipt) -> Receipt:
        """Send *prefix* to *candidate* in *way*; *planned* with what came of it."""
        client = self._client(candidate)
        talk, _ = TALKS[candidate.api]
        start = time.perf_counter()
        try:
            body = way.body(prefix.body, candidate.model)
            response, headers, _first = talk(client, body, False, start)
            heard = answer_of(response, headers)
        except Exception as error:  # noqa: BLE001  whatever an endpoint sends is a receipt
            ended_ms = (time.perf_counter() - start) * 1000
            return replace(planned, **failure_of(error), latency_ms=ended_ms)
        if heard["outcome"] == "answered" and not candidate.answers(heard["served"]):
            heard["outcome"] = "other_model"
        ended_ms = (time.perf_counter() - start) * 1000
        return replace(planned, **heard, status=200, latency_ms=ended_ms)
