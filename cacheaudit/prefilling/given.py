"""What prefilling is given: the team's own bodies, and how often each prefix is used."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..logs.opening import open_log
from ..logs.sent import sent
from ..prefill_params import PrefillParams
from ..probing.candidate import ADDRESSES, PROVIDERS, Candidate
from ..prompts import read_prompts
from ..request_table import answered
from ..words import count
from .prefix import Prefix, prefixes_of
from .sample import sample_bodies


def given_prefixes(params: PrefillParams) -> tuple[list[Prefix], list[str]]:
    """(prefixes of *params*, the most used first; what the reader must know of them).

    Raises SourceError for a file that cannot be used.
    """
    candidate = params.asked
    if params.prompts_path:
        prompts, said = read_prompts(params.prompts_path, candidate.api)
        bodies, notes = [dict(one.body or {}) for one in prompts], list(said)
    else:
        bodies = sample_bodies(candidate.api)
        notes = ["The request bodies are made up; prompts_path takes your own."]
    notes += _addresses(candidate)
    used = None
    if params.requests_path:
        used, told = _used(params.requests_path, bodies)
        notes += told
    found = prefixes_of(bodies, candidate, whole=params.whole, lives_s=params.lifetime_s, used=used)
    if used is None and len(found) < len(bodies):
        notes.append(
            f"{count(len(bodies))} bodies begin with {count(len(found))} prefixes; the more bodies,"
            " the sooner a prefix is warmed."
        )
    return found, notes


def _addresses(candidate: Candidate) -> list[str]:
    """An SDK would go where the environment says; what is warmed must stand in the parameters."""
    variable = ADDRESSES[PROVIDERS[candidate.api]]
    if candidate.base_url or not os.environ.get(variable):
        return []
    return [
        f"{variable} is set and not used: without a base_url, {candidate.label} is asked at the"
        " provider's own address. Set base_url to go elsewhere."
    ]


def _used(path: str, bodies: Sequence[Mapping[str, Any]]) -> tuple[dict[str, int], list[str]]:
    """Calls of the log by prefix_id, of those that *bodies* begin with; and notes."""
    ids = {str(told["prefix_id"]) for one in bodies if (told := sent(one)).get("prefix_id")}
    log = open_log(path)
    calls = answered(log.table)
    mine = calls.filter(calls.prefix_id.isin(sorted(ids)))
    rows = mine.group_by("prefix_id").aggregate(calls=mine.count()).to_pandas()
    used = {
        str(name): int(calls) for name, calls in zip(rows["prefix_id"], rows["calls"], strict=True)
    }
    note = (
        f"Expected use is that of {count(sum(used.values()))} calls in {Path(path).name}, which"
        f" begin with {count(len(used))} of {count(len(ids))} prefixes."
    )
    return used, [*log.notes, note]
