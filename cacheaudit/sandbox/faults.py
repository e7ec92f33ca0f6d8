"""Faults on demand: what a provider does to a client on a bad day.

kind         the next answer under `path`, after `after` good ones and `times` times
401 403 404 429 500 503 529   an error of that HTTP status, in the provider's own shape; with
             `retry-after` where `seconds` are given
cut          half a body, or half a stream
slow         the right body, `seconds` late
other_model  the model in `names` serves, and says so
repeat_page  a page whose next page is itself (only where a page was asked for by token)
missing      the right body without the fields in `names`, at any depth
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

STATUSES = {str(status): status for status in (401, 403, 404, 429, 500, 503, 529)}
KINDS = [*STATUSES, "cut", "slow", "repeat_page", "missing", "other_model"]


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault that was asked for; `after` and `times` count down."""

    kind: str
    path: str = "/"
    after: int = 0
    times: int = 1
    seconds: float = 0.0
    names: tuple[str, ...] = ()


class Faults:
    """The faults that are still to come, in the order they were asked for."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, given: Mapping[str, Any]) -> Fault:
        """Add the fault that *given* describes; ValueError says what is wrong with it."""
        known = {field.name for field in fields(Fault)}
        if unknown := sorted(set(given) - known):
            raise ValueError(f"a fault has no {unknown}; it has {sorted(known)}.")
        if given.get("kind") not in KINDS:
            raise ValueError(f"kind is {given.get('kind')!r}; expected one of {KINDS}.")
        fault = Fault(**{**given, "names": tuple(given.get("names", ()))})
        if fault.kind in ("missing", "other_model") and not fault.names:
            raise ValueError(f"{fault.kind!r} needs names: of the fields to leave out, or a model.")
        self._waiting.append(fault)
        return fault

    def due(self, path: str, has_token: bool) -> Fault | None:
        """The fault for this answer to *path*, if one is due; counts this answer."""
        due = None
        for fault in self._waiting:
            if not path.startswith(fault.path) or (fault.kind == "repeat_page" and not has_token):
                continue
            if fault.after > 0:
                fault.after -= 1
            elif due is None:
                fault.times -= 1
                due = fault
        self._waiting = [fault for fault in self._waiting if fault.times > 0]
        return due

    def clear(self) -> None:
        """Forget them all."""
        self._waiting.clear()

    def to_list(self) -> list[dict[str, Any]]:
        """Those still to come."""
        return [asdict(fault) for fault in self._waiting]


def missing(fault: Fault | None) -> tuple[str, ...]:
    """The fields that *fault* leaves out."""
    return fault.names if fault is not None and fault.kind == "missing" else ()


def without(body: Any, names: tuple[str, ...]) -> Any:
    """A copy of *body* that lacks the fields *names*, at any depth.

    >>> without({"usage": {"requests": 3, "output_tokens": 5}}, ("requests",))
    {'usage': {'output_tokens': 5}}
    """
    if isinstance(body, dict):
        return {k: without(v, names) for k, v in body.items() if k not in names}
    if isinstance(body, list):
        return [without(item, names) for item in body]
    return body
