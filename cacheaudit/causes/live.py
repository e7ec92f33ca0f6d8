"""Contrasts from a probe: what the versions do on the live API, side by side.

A probe is of today and the incident is of then, and a provider may have mended in between; so it
only rules out what would last: a version that caches the team's own prompts as well as the old one
did is not what took the reads away. Synthetic prompts convict and acquit nobody.
"""

from collections.abc import Mapping
from typing import Any

from ..words import share
from .case import Case
from .hypothesis import Evidence

ALIKE = 0.25  # of the incident's drop: a difference below it does not explain the incident
FELL = 0.5
REPRODUCED = 0.5  # of the rate before, that the old version must reach again


def measured_alike(case: Case) -> Evidence | None:
    """The hit rates that a probe measured on the old version and the new."""
    cohort = next(iter(case.moved), None)
    if case.live is None or cohort is None or cohort.change is None:
        return None
    rates = {}
    for model in (cohort.change.from_model or "", cohort.change.to_model):
        found = [one for one in case.live.about(model) if one["question"] == "hit_rate"]
        if not found or found[0]["value"] is None:
            return None
        rates[model] = found[0]
    if len(rates) < 2:
        return None
    old, new = rates.values()
    said = (
        f"Probe of {case.live.day:%Y-%m-%d}, {case.live.prompts} prompts: {_rate(new)} on"
        f" {cohort.change.to_model}, {_rate(old)} on {cohort.change.from_model}."
    )
    if not case.live.own_prompts:
        return Evidence(text=f"{said} The team's own prompts were not sent.")
    if old["low"] < REPRODUCED * cohort.rate_before:
        return Evidence(text=f"{said} That is not the rate from before: nothing was reproduced.")
    if old["high"] - new["low"] < ALIKE * cohort.drop:
        return Evidence(text=said, against=True, decisive=True)
    if old["low"] > new["high"] and old["value"] - new["value"] > FELL * cohort.drop:
        return Evidence(text=said, weight=2)
    return Evidence(text=f"{said} The intervals are too wide to tell.")


def _rate(one: Mapping[str, Any]) -> str:
    return f"{share(one['value'])} ({share(one['low'])} to {share(one['high'])})"


def reproduced(case: Case) -> Evidence | None:
    """The miss of a cold start, made on purpose: it fits, as it always would."""
    cohort = next(iter(case.moved), None)
    if case.live is None or cohort is None or cohort.change is None:
        return None
    for one in case.live.about(cohort.change.to_model):
        if one["question"] == "isolation" and one["verdict"] == "yes":
            text = (
                f"Reproduced on {case.live.day:%Y-%m-%d}: of the same prefix"
                f" {one['why'].replace('the new version', cohort.change.to_model)}."
            )
            return Evidence(text=text)
    return None
