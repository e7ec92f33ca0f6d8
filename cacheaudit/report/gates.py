"""Gates as a table and as words; a standing is a word and a sign, never a colour alone."""

from collections.abc import Callable, Sequence

from ..gates import Gate
from ..show import Bullets, Column, Piece, Table
from ..words import UNKNOWN, count, share, span, usd

SIGNS = {"pass": "✓ pass", "fail": "✗ fail", "unknown": "? unknown"}
NAMES = {
    "hit_rate": "hit rate", "above_minimum": "above the minimum",
    "steady": "in the long run", "pinned": "pinned id",
    "active": "not retiring", "plan_cost": "cost of the plan", "rollback_warm": "warm rollback",
    "telemetry": "cache fields", "rollout_window": "rollout window", "recovery": "recovery",
}  # fmt: skip
GRAVEST = ("fail", "unknown", "pass")
UNITS: dict[str, Callable[[float], str]] = {
    "share": share, "usd": usd, "s": span, "h": lambda hours: span(hours * 3600),
}  # fmt: skip


def gate_pieces(gates: Sequence[Gate], caption: str) -> list[Piece]:
    """The table, the gravest first, and what would decide what is not known."""
    pieces: list[Piece] = [gate_table(gates, caption)]
    if open_ := open_questions(gates):
        pieces.append(Bullets(open_))
    return pieces


def gate_table(gates: Sequence[Gate], caption: str) -> Table:
    """Standing, value with interval, bar and the sentence of each gate."""
    ordered = sorted(gates, key=lambda gate: GRAVEST.index(gate.standing))
    rows = [
        [
            NAMES[gate.name] + (f", {gate.about}" if gate.about else ""),
            SIGNS[gate.standing],
            measured(gate),
            amount(gate.bar, gate.unit) if gate.unit else "",
            gate.reason,
        ]
        for gate in ordered
    ]
    columns = [
        Column("gate"), Column("standing"), Column("measured", "right"), Column("bar", "right"),
        Column("because"),
    ]  # fmt: skip
    return Table(columns, rows, caption)


def gate_words(gates: Sequence[Gate]) -> str:
    """The same for the terminal."""
    caption = "Gates, the gravest first"
    return "\n\n".join(piece.to_text() for piece in gate_pieces(gates, caption))


def open_questions(gates: Sequence[Gate]) -> list[str]:
    """What would decide each gate that is unknown; the same need is said once."""
    needs: dict[str, list[str]] = {}
    for gate in gates:
        if gate.standing == "unknown":
            who = NAMES[gate.name] + (f" of {gate.about}" if gate.about else "")
            needs.setdefault(gate.needs, []).append(who)
    return [f"To decide {' and '.join(names)}: {need}." for need, names in needs.items()]


def measured(gate: Gate) -> str:
    """The value with its interval; only the interval, where that is all that is known."""
    if gate.low is None or gate.high is None:
        return UNKNOWN if gate.unit else ""
    if gate.low == gate.high:
        return amount(gate.high, gate.unit)
    span_ = f"{amount(gate.low, gate.unit)} to {amount(gate.high, gate.unit)}"
    return span_ if gate.value is None else f"{amount(gate.value, gate.unit)} ({span_})"


def amount(value: float | None, unit: str) -> str:
    """A number in the unit of its gate."""
    if value is None:
        return UNKNOWN
    return UNITS[unit](value) if unit in UNITS else count(value)
