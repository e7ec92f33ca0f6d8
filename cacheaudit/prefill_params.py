"""Parameters of notebooks/prefill.ipynb: what to warm, until when, how fast, for how much."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd

from .errors import ParamError
from .files import UNUSABLE
from .params import Params, given_moment
from .probing.candidate import FIELDS, Candidate, candidates_of

POSITIVE = ("lead_s", "requests_per_minute", "budget_usd", "timeout_s")
NOT_NEGATIVE = ("lifetime_s", "input_tokens_per_minute")
MOST_TOGETHER = 32
KINDS: dict[str, type] = {"incumbent": bool, "headers": dict, "served_as": list}  # else: text


def _candidate() -> dict[str, Any]:
    """The sample: priced and documented, so that a plan needs neither a key nor a network."""
    return {"model": "claude-opus-5-5"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefillParams(Params):
    """Inputs of notebooks/prefill.ipynb; the keys of params/prefill*.yaml.

    name            short name of the report; part of the run folder's name
    candidate       version to warm, with model and, where they differ from the usual, api
                    (messages, responses, chat), base_url, key_variable, headers, provider,
                    served_as (probing/candidate.py)
    prompts_path    JSONL of the team's own request bodies, in the candidate's API; "" plans with
                    made-up ones
    requests_path   request log whose calls say how often each prefix is used; "" counts bodies
                    that are alike
    whole           warm whole bodies (conversations that go on) instead of what requests share
    top             warm so many prefixes, the most used first; 0 warms all
    cutover         when traffic moves, UTC, ISO 8601; "" is lead_s from now
    lead_s          how long before the cutover the first prefix is touched
    refresh_share   of the lifetime, after which a prefix is touched again
    lifetime_s      of entries, where it is known better than from the body; 0 takes the body's
    requests_per_minute       never passed, evenly spread
    input_tokens_per_minute   never passed, as the provider counts; 0 sets no limit
    together        calls in flight at most; one while the budget holds no dear answer to each
    budget_usd      what no call is begun beyond: the most it can cost, at the candidate's rates and
                    the output it may generate, is set aside before it. An answer that costs more
                    is paid, may pass the budget, and is the last (prefilling/set_aside.py)
    warm_share      bar: share of the prefixes that are to be warm at the cutover
    execute         whether anything is sent; else the page is a plan
    stop_path       file whose appearance stops the sending; "" for none
    prices_path     CSV of own prices (price_table.py), before the price list's; "" for none
    receipts_path   receipts of a run that was stopped, to go on from; "" starts anew
    timeout_s       after which a call counts as not answered
    run_folder      where to write findings.json and receipts.jsonl; "" writes nothing
    """

    name: str = "sample"
    candidate: dict[str, Any] = field(default_factory=_candidate)
    prompts_path: str = ""
    requests_path: str = ""
    whole: bool = False
    top: int = 0
    cutover: str = ""
    lead_s: float = 1800.0
    refresh_share: float = 0.8
    lifetime_s: float = 0.0
    requests_per_minute: float = 50.0
    input_tokens_per_minute: float = 0.0
    together: int = 4
    budget_usd: float = 1.0
    warm_share: float = 0.95
    execute: bool = False
    stop_path: str = ""
    prices_path: str = ""
    receipts_path: str = ""
    timeout_s: float = 120.0
    run_folder: str = ""

    def __post_init__(self) -> None:
        if UNUSABLE & set(self.name) or not self.name.strip(". "):
            raise ParamError(
                f"name is {self.name!r}; expected a name that can be part of a folder's."
            )
        self._check_candidate()
        for name in POSITIVE:
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ParamError(f"{name} is {getattr(self, name)}; expected a number above 0.")
        for name in NOT_NEGATIVE:
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ParamError(f"{name} is {getattr(self, name)}; expected 0 or more.")
        for name in ("refresh_share", "warm_share"):
            if not 0 < getattr(self, name) <= 1:
                raise ParamError(f"{name} is {getattr(self, name)}; expected a share in (0, 1].")
        if self.refresh_share == 1:
            raise ParamError("refresh_share is 1; expected less, for an entry is gone by then.")
        if self.top < 0:
            raise ParamError(f"top is {self.top}; expected 0 or more.")
        if not 1 <= self.together <= MOST_TOGETHER:
            raise ParamError(
                f"together is {self.together}; expected 1 to {MOST_TOGETHER} calls in flight."
            )
        given_moment("cutover", self.cutover)

    def _check_candidate(self) -> None:
        for name in sorted(set(self.candidate) & set(FIELDS)):
            if not isinstance(self.candidate[name], KINDS.get(name, str)):
                raise ParamError(
                    f"{name} of candidate is {type(self.candidate[name]).__name__}; expected"
                    f" {KINDS.get(name, str).__name__}."
                )
        for name, value in self.candidate.get("headers", {}).items():
            if not isinstance(value, str):
                raise ParamError(f"the header {name} of candidate is no text; quote it.")
        _ = self.asked

    @property
    def asked(self) -> Candidate:
        """The candidate. Raises ParamError for one that cannot be."""
        return candidates_of([self.candidate])[0]

    def until(self, now: pd.Timestamp) -> pd.Timestamp:
        """The cutover. Raises ParamError where it has passed."""
        given = given_moment("cutover", self.cutover)
        if given is None:
            return now + pd.Timedelta(seconds=self.lead_s)
        if given <= now:
            raise ParamError(
                f"cutover is {given:%Y-%m-%d %H:%M:%S} UTC, and now it is {now:%H:%M:%S} on"
                f" {now:%Y-%m-%d}; expected a time to come. Nothing is sent after a cutover."
            )
        return given

    def to_dict(self) -> dict[str, Any]:
        """For provenance: every parameter but places to keep things, which are no input."""
        places = ("run_folder", "receipts_path", "stop_path")
        return {k: v for k, v in asdict(self).items() if k not in places}
