"""Figures and checks of a rehearsal, told as they are found.

A check compares two figures, and both are printed. What is not known fails: missing is never zero.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from cacheaudit.words import count, share, usd

Value = float | str | None
Unit = Literal["share", "usd", "count", "text"]
FORMS: dict[str, Callable[[Any], str]] = {"share": share, "usd": usd, "count": count, "text": str}
CLOSE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """*found* against what it is held against.

    relation  is, at least, at most, above, within (of [low, high])
    against   the other figure; for within both ends
    """

    name: str
    found: Value
    relation: Literal["is", "at least", "at most", "above", "within"]
    against: tuple[Value, ...]
    unit: Unit = "count"

    @property
    def passed(self) -> bool:
        """Whether it holds."""
        if self.found is None or None in self.against:
            return False
        if isinstance(self.found, str):
            return self.relation == "is" and self.found == self.against[0]
        ends = [float(one) for one in self.against if one is not None]
        found, low, high = float(self.found), ends[0], ends[-1]
        return {
            "is": abs(found - low) <= CLOSE * max(1.0, abs(low)),
            "at least": found >= low,
            "at most": found <= high,
            "above": found > low,
            "within": low <= found <= high,
        }[self.relation]

    @property
    def text(self) -> str:
        """Both figures in a line."""
        form = FORMS[self.unit]
        other = " to ".join("not known" if one is None else form(one) for one in self.against)
        found = "not known" if self.found is None else form(self.found)
        return f"{self.name}: {found}; {self.relation} {other}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "name": self.name, "found": self.found, "relation": self.relation,
            "against": list(self.against), "unit": self.unit, "passed": self.passed,
        }  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Book:
    """What was found, in order. *tell* gets each line."""

    tell: Callable[[str], None] = print
    acts: list[dict[str, Any]] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)

    def act(self, title: str) -> None:
        """Begin one."""
        self.acts.append({"title": title, "figures": {}, "checks": [], "said": []})
        self.tell(f"\n{len(self.acts)}. {title}")

    def note(self, name: str, value: Any, unit: Unit = "count") -> None:
        """A figure that nothing is held against."""
        self.acts[-1]["figures"][name] = value
        self.tell(f"   {name}: {'not known' if value is None else FORMS[unit](value)}")

    def say(self, text: str) -> None:
        """A sentence of what is rehearsed, in its own words."""
        self.acts[-1]["said"].append(text)
        self.tell(f"        {text}")

    def check(self, name: str, found: Value, relation: str, *against: Value,
              unit: Unit = "count") -> None:  # fmt: skip
        """Hold *found* against a figure."""
        one = Check(name=name, found=found, relation=relation, against=against, unit=unit)  # type: ignore[arg-type]
        self.checks.append(one)
        self.acts[-1]["checks"].append(one.to_dict())
        self.tell(f"   {'ok  ' if one.passed else 'FAIL'} {one.text}")

    @property
    def failed(self) -> list[str]:
        """Names of the checks that do not hold."""
        return [one.name for one in self.checks if not one.passed]

    def to_dict(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {"passed": not self.failed, "checks": len(self.checks), "failed": self.failed,
                "acts": self.acts}  # fmt: skip
