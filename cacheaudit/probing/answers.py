"""What the repetitions say, question by question: yes, no, or not known and why. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Literal

from scipy import stats

from ..wilson import wilson
from .hit_rate import hit_rate
from .protocols import LATE_S, Isolation, Offers, Paced, Survival
from .questions import HELLO
from .receipt import Receipt
from .run import Done
from .search import Bracket

Verdict = Literal["yes", "no", "not known"]
NOT_CACHED = "nothing was cached"
FEWEST_PAIRS = 3  # warm calls that read nothing before "it does not cache" is said
FEWEST_WAITS = 2  # of one idle time, before it is said whether a prefix outlives it


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One question about one candidate.

    detail      what of it: an idle time in s, "median"; "" for the whole
    verdict     yes, no, or not known
    value, low, high   the measure in *unit*, with its 95 % interval where it is a rate
    repetitions that it rests on
    why         where it is not known: what became of the calls; else what the measure is
    """

    question: str
    candidate: str
    detail: str = ""
    verdict: Verdict
    value: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    repetitions: int = 0
    why: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def answers_of(done: Sequence[Done]) -> list[Answer]:
    """Every question that was asked, for every candidate it was asked of."""
    grouped: dict[tuple[str, str], list[Done]] = {}
    for one in done:
        grouped.setdefault((one.unit.question, one.unit.candidate), []).append(one)
    answers: list[Answer] = []
    for (question, candidate), units in grouped.items():
        found = [one.found for one in units if one.found is not None]
        told = list(_ANSWERS[question](found)) if found else []
        known = {one.unit.detail for one in units if one.found is not None}
        for detail in dict.fromkeys(one.unit.detail for one in units):
            if detail not in known or not told:
                void = [one for one in units if one.unit.detail == detail]
                why = "too few repetitions" if detail in known else _why(void)
                told.append({"detail": detail, "verdict": "not known", "why": why})
        answers += [Answer(question=question, candidate=candidate, **one) for one in told]
    bare = {one.candidate for one in answers if (one.question, one.verdict) == ("caches", "no")}
    return [_without_cache(one, done) if one.candidate in bare else one for one in answers]


def _without_cache(answer: Answer, done: Sequence[Done]) -> Answer:
    """*answer* of a candidate that cached none of the prompts: without an entry, a call that reads
    nothing says nothing of how long one lives or who may read it."""
    if answer.question not in ("survival", "at_once") or answer.verdict == "not known":
        return answer
    pairs = [
        one.found for one in done
        if (one.unit.question, one.unit.candidate) == ("caches", answer.candidate) and one.found
    ]  # fmt: skip
    tokens = max(first.input_tokens or 0 for first, _ in pairs)
    return Answer(
        question=answer.question, candidate=answer.candidate, detail=answer.detail,
        verdict="not known", why=f"{NOT_CACHED} at {tokens:,} tokens",
    )  # fmt: skip


Told = Iterable[dict[str, Any]]


def _why(units: Sequence[Done]) -> str:
    """What became of units without a finding: "budget (3), timeout (1)"."""
    counts = Counter(one.why for one in units)
    return ", ".join(f"{why} ({count})" for why, count in counts.most_common())


def _offers(found: Sequence[Offers]) -> Told:
    for name in ("prewarm", "marks", "diagnosis"):
        given = getattr(found[-1], name)
        verdict = "not known" if given is None else "yes" if given else "no"
        yield {"detail": name, "verdict": verdict, "repetitions": 1}


def _caches(found: Sequence[tuple[Receipt, Receipt]]) -> Told:
    hits = sum(bool(warm.cache_read_tokens) for _, warm in found)
    verdict = "yes" if hits else "no" if len(found) >= FEWEST_PAIRS else "not known"
    yield {**_share(hits, len(found)), "verdict": verdict, "why": "second calls that read"}


def _smallest(found: Sequence[Bracket]) -> Told:
    one = found[-1]
    if one.upto is None:
        why = f"nothing up to {one.above:,} tokens was cached"
        yield {"verdict": "no", "value": None, "unit": "tokens", "repetitions": 1, "why": why}
        return
    yield {
        "verdict": "yes", "value": one.upto, "low": one.above + 1, "high": one.upto,
        "unit": "tokens", "repetitions": 1,
        "why": f"cached at {one.upto:,} tokens, "
        + (f"not at {one.above:,}" if one.above else "the shortest prompt that was tried"),
    }  # fmt: skip


def _hit_rate(found: Sequence[Paced]) -> Told:
    rate = hit_rate(found)
    if rate is None:
        return
    yield {
        "verdict": "yes" if rate.value else "no", "value": rate.value, "low": rate.low,
        "high": rate.high, "unit": "share", "repetitions": rate.repetitions,
        "why": "tokens read of the input of calls that follow a first one",
    }  # fmt: skip


def _survival(found: Sequence[Survival]) -> Told:
    for wait_s in sorted({one.wait_s for one in found}):
        cached = [one for one in found if one.wait_s == wait_s and one.cached]
        warm = [one.warm for one in cached if _in_time(one)]
        if why := _too_few(len(cached), len(warm)):
            told: dict[str, Any] = {"verdict": "not known", "repetitions": len(warm), "why": why}
        else:
            verdict = "yes" if all(warm) else "no" if not any(warm) else "not known"
            told = {**_share(sum(warm), len(warm)), "verdict": verdict, "why": "still warm"}
        yield {**told, "detail": f"{wait_s:g}"}


def _too_few(cached: int, in_time: int) -> str:
    """Why so many repetitions say nothing of an idle time; "" where they do."""
    if not in_time:
        return "every call after the wait came too late" if cached else NOT_CACHED
    return "" if in_time >= FEWEST_WAITS else "one repetition alone"


def _in_time(one: Survival) -> bool:
    """Cold when late says nothing of the wait; warm when late does."""
    return one.warm or one.late_s <= LATE_S


def _isolation(found: Sequence[Isolation]) -> Told:
    """Yes: what is warm on the old version is of no use to the new."""
    of_use = sum(bool(one.on_new) for one in found)
    proper = sum(bool(one.on_old) for one in found)  # warm on the old all the while
    verdict = "no" if of_use else "yes" if proper else "not known"
    said = Counter(one.diagnosis for one in found if one.diagnosis).most_common(1)
    told = f"; the provider says {said[0][0]}" if said else ""
    why = f"the new version read in {of_use} of {len(found)}, the old in {proper}{told}"
    yield {"verdict": verdict, "repetitions": len(found), "why": why}


def _at_once(found: Sequence[tuple[int, int]]) -> Told:
    missed, asked = (sum(column) for column in zip(*found, strict=True))
    more_than_one = any(one > 1 for one, _ in found)
    yield {
        "verdict": "no" if more_than_one else "yes", "value": missed / asked, "unit": "share",
        "repetitions": len(found), "why": f"{missed} of {asked} read nothing",
    }  # fmt: skip


def _first_token(found: Sequence[tuple[Receipt, Receipt]]) -> Told:
    timed = [
        (cold.first_token_ms, warm.first_token_ms)
        for cold, warm in found
        if cold.first_token_ms and warm.first_token_ms and warm.cache_read_tokens
    ]
    if not timed:
        return
    for detail, place in (("cold", 0), ("warm", 1)):
        each = sorted(pair[place] or 0.0 for pair in timed)
        low, high = _of_median(each)
        yield {
            "detail": detail, "verdict": "yes", "value": median(each), "low": low, "high": high,
            "unit": "ms", "repetitions": len(each), "why": "median time to the first token",
        }  # fmt: skip


_ANSWERS: dict[str, Callable[[Any], Told]] = {
    HELLO: _offers,
    "caches": _caches,
    "smallest": _smallest,
    "hit_rate": _hit_rate,
    "survival": _survival,
    "isolation": _isolation,
    "at_once": _at_once,
    "first_token": _first_token,
}


def _share(hits: int, many: int) -> dict[str, Any]:
    """A share of independent calls, with Wilson's interval."""
    low, high = wilson(hits / many, float(many))
    return {
        "value": hits / many, "low": float(low), "high": float(high), "unit": "share",
        "repetitions": many,
    }  # fmt: skip


def _of_median(ordered: Sequence[float]) -> tuple[float | None, float | None]:
    """An interval for the median from order statistics, of at least 95 %; None below six values."""
    many = len(ordered)
    rank = int(stats.binom.ppf(0.025, many, 0.5))
    if rank < 1:
        return None, None
    return ordered[rank - 1], ordered[many - rank]
