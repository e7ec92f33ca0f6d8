"""Request bodies that are made up, so that a plan can be seen without any data."""

from typing import Any

from ..probing.ask import filler

LENGTHS = (12_000, 5000, 50)  # words; the last is below every documented minimum


def sample_bodies(api: str) -> list[dict[str, Any]]:
    """One body a length, in the shape of *api*, each with an instruction that others share."""
    return [_body(api, f"Case {number}. {filler(words)}") for number, words in enumerate(LENGTHS)]


def _body(api: str, text: str) -> dict[str, Any]:
    asked = {"role": "user", "content": "Say ok."}
    if api == "messages":
        mark = {"type": "ephemeral"}
        system = [{"type": "text", "text": text, "cache_control": mark}]
        return {"max_tokens": 1024, "system": system, "messages": [asked]}
    name = "input" if api == "responses" else "messages"
    return {name: [{"role": "developer", "content": text}, asked]}
