"""Parameters of notebooks/probe.ipynb: whom to ask, what, how often, and for how much."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from .errors import ParamError
from .files import UNUSABLE
from .params import Params
from .probing.candidate import FIELDS, Candidate, candidates_of
from .probing.questions import QUESTIONS, Design, check_questions

DEFAULT = Design()
LEAST_WORDS = 64
REACH = {  # (least, most): more would plan a run of days by a slip of the keyboard
    "pairs": (1, 200), "repeats": (2, 1000), "follow_ups": (1, 100), "idle_repeats": (1, 100),
    "together": (2, 32),
}  # fmt: skip
KINDS: dict[str, type] = {"incumbent": bool, "headers": dict, "served_as": list}  # else: text


def _candidates() -> list[dict[str, Any]]:
    """The sample: priced and documented, so that a plan needs neither a key nor a network."""
    return [{"model": "claude-opus-4-6", "incumbent": True}, {"model": "claude-opus-5-5"}]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeParams(Params):
    """Inputs of notebooks/probe.ipynb; the keys of params/probe*.yaml.

    name            short name of the report; part of the run folder's name
    candidates      versions to measure, each with model and, where they differ from the usual,
                    name, api (messages, responses, chat), incumbent, base_url, key_variable,
                    headers, provider, served_as (probing/candidate.py)
    prompts_path    JSONL of the team's own request bodies, in the candidates' API; "" measures with
                    synthetic prompts
    requests_path   request log: its gaps between uses of a prefix become paces_s, its cached
                    lengths words; "" for none
    usage_path      usage frame (.parquet, .csv) whose cached lengths become words; "" for none
    words           length of synthetic prompts; 0 takes that of usage_path or requests_path, else
                    5,000
    questions       some of caches, smallest, hit_rate, survival, isolation, at_once, first_token
    pairs           cold and warm pairs for caches and for first_token
    repeats         repetitions of a prompt at the team's pace
    follow_ups      calls that follow the first of a repetition
    paces_s         waits between uses of a prefix, to draw from; empty takes those of
                    requests_path, else 5 s
    longest_pace_s  gaps of the log above this are left out, and said to be
    idle_s          idle times after which a prefix is looked for
    idle_repeats    how often each
    together        requests of a new prefix at the same time
    budget_usd      never passed; checked before every call
    execute         whether anything is sent; else the page is a plan
    pace_s          least time between two calls to a candidate
    prices_path     CSV of own prices (price_table.py), before the price list's; "" for none
    receipts_path   receipts of a run that was stopped, to go on from; "" starts anew
    timeout_s       after which a call counts as not answered
    seed            of nonces and of what is drawn; "" draws one. Two runs of one seed read each
                    other's prefixes
    run_folder      where to write findings.json and receipts.jsonl; "" writes nothing
    """

    name: str = "sample"
    candidates: list[dict[str, Any]] = field(default_factory=_candidates)
    prompts_path: str = ""
    requests_path: str = ""
    usage_path: str = ""
    words: int = 0
    questions: list[str] = field(default_factory=lambda: list(QUESTIONS))
    pairs: int = DEFAULT.pairs
    repeats: int = DEFAULT.repeats
    follow_ups: int = DEFAULT.follow_ups
    paces_s: list[float] = field(default_factory=list)
    longest_pace_s: float = 600.0
    idle_s: list[float] = field(default_factory=lambda: list(DEFAULT.idle_s))
    idle_repeats: int = DEFAULT.idle_repeats
    together: int = DEFAULT.together
    budget_usd: float = 1.0
    execute: bool = False
    pace_s: float = 0.0
    prices_path: str = ""
    receipts_path: str = ""
    timeout_s: float = 120.0
    seed: str = ""
    run_folder: str = ""

    def __post_init__(self) -> None:
        if UNUSABLE & set(self.name) or not self.name.strip(". "):
            raise ParamError(
                f"name is {self.name!r}; expected a name that can be part of a folder's."
            )
        self._check_candidates()
        check_questions(self.questions)
        if not self.questions or len(set(self.questions)) < len(self.questions):
            raise ParamError("questions is empty or names one twice; expected each at most once.")
        self._check_numbers()

    def _check_candidates(self) -> None:
        for number, one in enumerate(self.candidates, 1):
            for name in sorted(set(one) & set(FIELDS)):
                if not isinstance(one[name], KINDS.get(name, str)):
                    raise ParamError(
                        f"{name} of candidate {number} is {type(one[name]).__name__}; expected"
                        f" {KINDS.get(name, str).__name__}."
                    )
            for name, value in one.get("headers", {}).items():
                if not isinstance(value, str):
                    raise ParamError(
                        f"the header {name} of candidate {number} is no text; quote it."
                    )
        apis = {one.api for one in self.asked}
        if not apis:
            raise ParamError("candidates is empty; expected at least one version to measure.")
        if self.prompts_path and len(apis) > 1:
            raise ParamError(
                f"candidates speak {' and '.join(sorted(apis))}, and a request body is of one API;"
                " probe them in two runs, each with its own prompts_path."
            )

    def _check_numbers(self) -> None:
        if self.words and self.words < LEAST_WORDS:
            raise ParamError(f"words is {self.words}; expected 0 or at least {LEAST_WORDS}.")
        for name, (least, most) in REACH.items():
            if (value := getattr(self, name)) < least:
                raise ParamError(f"{name} is {value}; expected at least {least}.")
            if value > most:
                raise ParamError(f"{name} is {value}; expected at most {most}.")
        for name in ("budget_usd", "timeout_s", "longest_pace_s"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ParamError(f"{name} is {getattr(self, name)}; expected a number above 0.")
        for name, values in {
            "pace_s": [self.pace_s], "paces_s": self.paces_s, "idle_s": self.idle_s
        }.items():  # fmt: skip
            if bad := [value for value in values if not (math.isfinite(value) and value >= 0)]:
                raise ParamError(f"{name} holds {bad[0]}; expected seconds from 0 on.")
        if "survival" in self.questions and not self.idle_s:
            raise ParamError("idle_s is empty; expected seconds, or questions without survival.")

    @property
    def asked(self) -> tuple[Candidate, ...]:
        """The candidates. Raises ParamError for two of one name, or two incumbents."""
        return candidates_of(self.candidates)

    def to_dict(self) -> dict[str, Any]:
        """For provenance: every parameter but places to keep things, which are no input."""
        places = ("run_folder", "receipts_path")
        return {k: v for k, v in asdict(self).items() if k not in places}
