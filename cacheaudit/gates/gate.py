"""One question with its standing, and what several of them amount to. Pure."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Standing = Literal["pass", "fail", "unknown"]
Verdict = Literal["ready", "not_ready", "not_yet_known"]
EXIT_CODES: dict[Verdict, int] = {"ready": 0, "not_ready": 3, "not_yet_known": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A measured value against its bar.

    name, question   what is asked
    about            whose it is (a workspace, a model); "" for all
    value, low, high measured, with its interval; None where not known
    bar              what it is held against; None where that is not known, or is no number
    unit             share, usd, s, h, or "" for none
    reason           one sentence with the numbers
    needs            what would decide; "" unless unknown
    """

    name: str
    question: str
    standing: Standing
    reason: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    bar: float | None = None
    unit: str = ""
    needs: str = ""
    about: str = ""

    def to_dict(self) -> dict[str, Any]:
        """For findings.json."""
        return asdict(self)


def at_least(low: float | None, high: float | None, bar: float | None) -> Standing:
    """The whole interval must reach *bar*; one that straddles it decides nothing.

    >>> at_least(0.81, 0.85, 0.8), at_least(0.7, 0.79, 0.8), at_least(0.75, 0.85, 0.8)
    ('pass', 'fail', 'unknown')
    """
    low, high, bar = known(low), known(high), known(bar)
    if low is None or high is None or bar is None or low > high:
        return "unknown"
    if low >= bar:
        return "pass"
    return "fail" if high < bar else "unknown"


def at_most(low: float | None, high: float | None, bar: float | None) -> Standing:
    """The whole interval must stay within *bar*."""
    low, high, bar = known(low), known(high), known(bar)
    if low is None or high is None or bar is None or low > high:
        return "unknown"
    if high <= bar:
        return "pass"
    return "fail" if low > bar else "unknown"


def known(value: float | None) -> float | None:
    """*value*, or None for NaN: both say that it is not known."""
    return None if value is None or math.isnan(value) else float(value)


def verdict_of(gates: Sequence[Gate]) -> Verdict:
    """Any failure is not ready; else anything unknown, or no gate at all, is not yet known."""
    standings = {gate.standing for gate in gates}
    if "fail" in standings:
        return "not_ready"
    return "ready" if standings == {"pass"} else "not_yet_known"


def exit_code_of(gates: Sequence[Gate]) -> int:
    """What a command leaves with: 0, 3 for a failure, 4 for what could not be judged."""
    return EXIT_CODES[verdict_of(gates)]
