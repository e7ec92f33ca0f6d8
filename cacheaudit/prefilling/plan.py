"""What prefilling would do, and what it could cost, before anything is sent.

The run itself is made with answers that are made up: each prefix is written by its first touch and
read by all others, and has as many tokens as its bytes promise. So when each is touched, what is
warm at the cutover and what it is expected to cost come from the code that will send. The worst
case sets aside a prefix's bytes at the dearest rate each time, also where a run knows better.
Repeats of failed calls come on top; the budget holds for all of it. Time is without the endpoint's.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..probing.candidate import Candidate
from ..probing.money import Budget, Rates
from ..probing.receipt import Receipt, Receipts
from .keep import keep_warm
from .pace import MINUTE_S, Limits
from .prefix import Prefix, in_blocks
from .set_aside import dear_usd
from .setup import BUDGET, Setup, Touch, unit_of
from .warmth import Warmth, warmths
from .ways import Way

UNLIMITED_USD = 1e12
SPARE_S = 60.0  # of a shorter lead, for repeats
WORTH_IT = 0.8  # of the lead: a shorter one above this is not worth a sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What is planned for one prefix; times are s since 1970.

    way      how it is asked for: prewarm, short, thinks
    touches  calls; first_s, last_s: when the first and the last begin
    worst_usd, expected_usd   of all its calls
    covered  whether the budget is expected to hold it until the cutover
    warm_for_s  how long it stays warm after the cutover unless it is used; 0: not warm
    """

    number: int
    first: int
    uses: int
    bytes: int
    about_tokens: int
    whole: bool
    way: str
    lives_s: float
    touches: int
    first_s: float | None
    last_s: float | None
    worst_usd: float
    expected_usd: float
    covered: bool
    warm_for_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefillPlan:
    """What would be sent.

    begin_s, until_s   first moment and cutover, s since 1970
    worst_usd, expected_usd   of all calls, whatever the budget
    warm, warm_tokens  prefixes and tokens that would be warm at the cutover, within the budget
    peak_requests_per_minute, peak_tokens_per_minute   the busiest minute; tokens as they count
    least_lead_s       a shorter lead that would do, None where this one is short; least_usd: its
                       expected cost
    dear_usd           for each call in flight beside another, the budget holds so much at most
    """

    begin_s: float
    until_s: float
    courses: tuple[Course, ...]
    left_out: tuple[Prefix, ...]
    worst_usd: float
    expected_usd: float
    budget_usd: float
    warm: int
    warm_tokens: int
    peak_requests_per_minute: int
    peak_tokens_per_minute: int
    least_lead_s: float | None = None
    least_usd: float | None = None
    dear_usd: float = 0.0

    @property
    def calls(self) -> int:
        """While none fails."""
        return sum(course.touches for course in self.courses)

    @property
    def tokens(self) -> int:
        """Of all prefixes, about."""
        return sum(course.about_tokens for course in self.courses)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, without what would be sent."""
        plain = {k: v for k, v in asdict(replace(self, left_out=())).items() if k != "left_out"}
        return plain | {
            "calls": self.calls,
            "tokens": self.tokens,
            "left_out": [
                {"first": one.first, "uses": one.uses, "bytes": one.bytes,
                 "why": one.why}
                for one in self.left_out
            ],
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a plan is made of, beside the prefixes."""

    candidate: Candidate
    rates: Rates
    limits: Limits
    begin_s: float
    until_s: float
    refresh_share: float
    budget_usd: float


def plan_of(prefixes: Sequence[Prefix], left_out: Sequence[Prefix], terms: Terms) -> PrefillPlan:
    """The course that a run takes while no call fails."""
    free, _ = _course(prefixes, terms, UNLIMITED_USD)
    held, why = _course(prefixes, terms, terms.budget_usd)
    ends = warmths(prefixes, terms.candidate, held, terms.until_s, why)
    mine: dict[int, list[Receipt]] = {}
    for one in free:
        mine.setdefault(one.unit, []).append(one)
    courses = [_planned(end, mine.get(unit_of(end.prefix), [])) for end in ends]
    lead_s, usd = _shorter(prefixes, terms, free)
    return PrefillPlan(
        begin_s=terms.begin_s,
        until_s=terms.until_s,
        courses=tuple(courses),
        left_out=tuple(left_out),
        worst_usd=sum(one.worst_usd or 0.0 for one in free),
        expected_usd=sum(one.cost_usd or 0.0 for one in free),
        budget_usd=terms.budget_usd,
        warm=sum(end.verdict == "warm" for end in ends),
        warm_tokens=sum(end.tokens for end in ends if end.verdict == "warm"),
        peak_requests_per_minute=_peak(free, lambda one: 1),
        peak_tokens_per_minute=_peak(free, lambda one: _counts(one, terms.limits)),
        least_lead_s=lead_s,
        least_usd=usd,
        dear_usd=max(dear_usd(one, way, terms.rates) for one in prefixes for way in one.ways),
    )


def _course(
    prefixes: Sequence[Prefix], terms: Terms, budget_usd: float
) -> tuple[list[Receipt], dict[str, str]]:
    """The receipts of a run whose answers are made up, and why prefixes ended in it."""
    setup = Setup(
        candidate=terms.candidate,
        rates=terms.rates,
        limits=terms.limits,
        touch=_made_up(terms.candidate),
        clock=_Still(terms.begin_s),
        receipts=Receipts(),
        budget=Budget(budget_usd),
        begin_s=terms.begin_s,
        until_s=terms.until_s,
        refresh_share=terms.refresh_share,
        slice_s=float("inf"),
        trusted=True,
        learn_lengths=budget_usd < UNLIMITED_USD,
    )
    kept = keep_warm(prefixes, setup)
    return setup.receipts.all, kept.why


class _Still:
    """A clock that is at the end of a wait at once."""

    def __init__(self, at_s: float) -> None:
        self.at_s = at_s

    def now(self) -> float:
        return self.at_s

    def sleep(self, seconds: float) -> None:
        self.at_s += seconds


def _made_up(candidate: Candidate) -> Touch:
    """Answers of an endpoint that writes what is new to it and reads what is not."""
    lives: dict[str, float] = {}
    billed = not in_blocks(candidate)

    def touch(_: Candidate, prefix: Prefix, way: Way, planned: Receipt) -> Receipt:
        warm = planned.sent_s < lives.get(prefix.digest, 0.0)
        lives[prefix.digest] = planned.sent_s + (prefix.lives_s or 0.0)
        tokens = prefix.about_tokens
        written = tokens if billed and not warm else 0
        return replace(
            planned,
            outcome="answered",
            cache_read_tokens=tokens if warm else 0,
            cache_write_tokens=written,
            cache_write_long_tokens=written if prefix.long else 0,
            uncached_input_tokens=0 if warm or billed else tokens,
            output_tokens=0 if way.kind == "prewarm" else way.output_tokens,
        )

    return touch


def _planned(end: Warmth, mine: Sequence[Receipt]) -> Course:
    prefix = end.prefix
    starts = [one.sent_s for one in mine]
    return Course(
        number=prefix.number,
        first=prefix.first,
        uses=prefix.uses,
        bytes=prefix.bytes,
        about_tokens=prefix.about_tokens,
        whole=prefix.whole,
        way=prefix.ways[0].kind,
        lives_s=prefix.lives_s or 0.0,
        touches=len(mine),
        first_s=min(starts, default=None),
        last_s=max(starts, default=None),
        worst_usd=sum(one.worst_usd or 0.0 for one in mine),
        expected_usd=sum(one.cost_usd or 0.0 for one in mine),
        covered=end.why != BUDGET,
        warm_for_s=end.warm_for_s,
    )


def _shorter(
    prefixes: Sequence[Prefix], terms: Terms, free: Sequence[Receipt]
) -> tuple[float | None, float | None]:
    """A lead that is just long enough for every first touch, and what it would cost."""
    firsts: dict[int, float] = {}
    for one in free:
        firsts.setdefault(one.unit, one.sent_s)
    if len(firsts) < len(prefixes):
        return None, None
    lead_s = max(firsts.values()) - terms.begin_s + SPARE_S
    if lead_s > WORTH_IT * (terms.until_s - terms.begin_s):
        return None, None
    shorter = replace(terms, begin_s=terms.until_s - lead_s)
    receipts, _ = _course(prefixes, shorter, UNLIMITED_USD)
    return lead_s, sum(one.cost_usd or 0.0 for one in receipts)


def _peak(receipts: Sequence[Receipt], worth: Callable[[Receipt], int]) -> int:
    """The most that began within any minute."""
    most = held = begin = 0
    for end, one in enumerate(receipts):
        held += worth(one)
        while receipts[begin].sent_s <= receipts[end].sent_s - MINUTE_S:
            held -= worth(receipts[begin])
            begin += 1
        most = max(most, held)
    return most


def _counts(one: Receipt, limits: Limits) -> int:
    read = (one.cache_read_tokens or 0) if limits.reads_count else 0
    return (one.uncached_input_tokens or 0) + (one.cache_write_tokens or 0) + read
