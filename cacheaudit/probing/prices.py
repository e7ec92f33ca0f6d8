"""What a thousand requests cost at a measured hit rate. Pure."""

from collections.abc import Mapping, Sequence

from .answers import Answer
from .money import Rates
from .protocols import Paced
from .run import Done


def per_thousand(
    done: Sequence[Done], answers: Sequence[Answer], rates: Mapping[str, Rates]
) -> list[Answer]:
    """USD for the input of 1,000 requests like those measured, first calls and output left out.

    What was not read is charged as in the first calls, which are cold: written or uncached in the
    same proportion. The interval is the hit rate's own, at these prices.
    """
    return [
        _priced(one, one.value, (one.low or 0.0, one.high or 0.0), done, rates[one.candidate])
        for one in answers
        if one.question == "hit_rate" and one.value is not None
    ]


def _priced(
    rate: Answer, value: float, reach: tuple[float, float], done: Sequence[Done], rates: Rates
) -> Answer:
    found = [
        one.found
        for one in done
        if one.unit.question == "hit_rate"
        and one.unit.candidate == rate.candidate
        and isinstance(one.found, Paced)
    ]
    calls = sum(one.calls for one in found)
    tokens = sum(one.input_tokens for one in found) / calls
    first = sum(one.first_input_tokens for one in found)
    written = sum(one.first_written_tokens for one in found) / first if first else 0.0
    cold_usd = written * (rates.written_usd or rates.uncached_usd)
    cold_usd += (1 - written) * rates.uncached_usd
    warm_usd = rates.uncached_usd if rates.read_usd is None else rates.read_usd

    def usd(share: float) -> float:
        return 1000 * tokens * (share * warm_usd + (1 - share) * cold_usd) / 1e6

    return Answer(
        question="price",
        candidate=rate.candidate,
        verdict="yes",
        value=usd(value),
        low=min(map(usd, reach)),
        high=max(map(usd, reach)),
        unit="USD",
        repetitions=rate.repetitions,
        why=f"input of 1,000 requests of {tokens:,.0f} tokens each",
    )
