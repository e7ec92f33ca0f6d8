"""Run folder and parameters in, verification out: pull, judge, write. Clock, network and disk."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from .. import clock
from ..errors import ParamError, SourceError
from ..files import write_whole
from ..findings import PACKAGES, plain_values
from ..finished import read_finished
from ..params import PostmortemParams
from ..quality import check_quality, settled
from ..sources import Pull, fetch
from ..sources.tables import read_prices
from .asked import demand_same_names
from .judge import judge
from .needs import needs_of
from .result import Verification
from .words import closing_comment, sentences, verdict_sentence

SCHEMA = 1
BEFORE = pd.Timedelta("1D")  # pulled before the repair: was it back already?
NAME = "verification.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A verification, and verification.json of it."""

    found: Verification
    document: Mapping[str, Any]

    @property
    def sentences(self) -> list[str]:
        """What is said of it."""
        return sentences(self.found)


def verify(
    folder: Path,
    params: PostmortemParams,
    *,
    fixed_at: pd.Timestamp,
    incident: pd.Timestamp | None = None,
    now: pd.Timestamp | None = None,
) -> Verified:
    """Pull what came after *fixed_at* and hold it against the postmortem in *folder*.

    params    where usage comes from (asked.py); without a start, the day before the repair
    incident  which one, by its start; None: the costliest
    now       the clock, for tests

    Raises ParamError for a time that cannot be, or names that are others than the postmortem's;
    SourceError for a folder or a source.
    """
    at = clock.now() if now is None else now
    done = read_finished(folder)
    one = done.costliest if incident is None else done.incident(incident)
    start = pd.Timestamp(one["incident"]["start"])
    if not start < fixed_at <= at:
        raise ParamError(
            f"--since is {fixed_at:%Y-%m-%d %H:%M} UTC; expected a time after the incident began"
            f" ({start:%Y-%m-%d %H:%M}) and not after now ({at:%Y-%m-%d %H:%M})."
        )
    asked = params
    if not params.start:
        asked = replace(params, start=(fixed_at - BEFORE).floor("D").isoformat())
    past = done.usage()
    demand_same_names(done, one, past, params.names)
    pull = fetch(asked, now=now)
    found = judge(
        one, past, settled(pull.usage, pull.refreshed_at),
        fixed_at=fixed_at, at_share=params.recovered_at_share,
        prices=read_prices(params.prices_path) if params.prices_path else None,
        unfit=_unfit(past, pull), now=min(at, pull.end),
    )  # fmt: skip
    document = _document(found, str(done.findings["name"]), folder, asked, pull, at)
    return Verified(found=found, document=document)


def write_verification(verified: Verified, out: Path, *, comment: bool = False) -> list[Path]:
    """Write verification.json into *out*, and verification.md where a *comment* is wanted.

    A verification of another incident that is there already is kept: this one is then named by the
    start of its incident. Raises SourceError where nothing can be written.
    """
    start = verified.found.start
    target = out / NAME
    if target.is_file() and _judges(target) != start:
        target = out / f"verification-{start:%Y%m%dT%H%M%SZ}.json"
    text = json.dumps(verified.document, indent=1, ensure_ascii=False) + "\n"
    contents = {target: text}
    if comment:
        contents[target.with_suffix(".md")] = closing_comment(verified.found)
    try:
        return [write_whole(path, whole.encode("utf-8")) for path, whole in contents.items()]
    except OSError as error:
        raise SourceError(
            f"{out} could not be written into ({error.strerror}); expected a folder. Give another"
            " --out."
        ) from error


def _judges(path: Path) -> pd.Timestamp | None:
    """The start of the incident that the verification at *path* judges; None if it is not one."""
    try:
        return pd.Timestamp(json.loads(path.read_text(encoding="utf-8"))["incident"]["start"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _unfit(past: pd.DataFrame, pull: Pull) -> str:
    """Why the pull cannot be judged: by itself, or beside what was there before."""
    usage = settled(pull.usage, pull.refreshed_at)
    if usage.empty:
        return "Nothing of it is complete yet: all of it is provisional."
    first = usage["bucket_start"].min()
    both = pd.concat([past[past["bucket_end"] <= first], usage], ignore_index=True)
    notes = check_quality(pull.usage, (pull.start, pull.end), pull.refreshed_at)
    unfit = [n.text for n in (*notes, *check_quality(both)) if n.severity == "unfit"]
    return unfit[0] if unfit else ""


def _control(one: dict[str, Any]) -> dict[str, Any]:
    """A control in words of its own: it was never away, so it cannot be back."""
    said = {"back": "kept", "not_back": "fell"}
    return {**one, "standing": said.get(one["standing"], one["standing"])}


def _document(
    found: Verification, name: str, folder: Path, asked: PostmortemParams, pull: Pull,
    at: pd.Timestamp,
) -> dict[str, Any]:  # fmt: skip
    """verification.json: NaN is null, times are ISO 8601 in UTC."""
    document = {
        "schema": SCHEMA,
        "kind": "verification",
        "name": name,
        "incident": {
            "start": found.start,
            "about": found.about,
            "cohorts": [{"scope": scope, "route": route} for scope, route in found.cohorts],
            "measure": found.measure,
        },
        "fixed_at": found.fixed_at,
        "window": [found.since, found.until],
        "verdict": found.verdict,
        "sentence": verdict_sentence(found),
        "groups": [group.to_dict() for group in found.groups],
        "controls": [_control(one.to_dict()) for one in found.controls],
        "arrivals": [one.to_dict() for one in found.arrivals],
        "needs": needs_of(found),
        "healed_before": found.healed_before,
        "healed_at": found.healed_at,
        "provenance": {
            "postmortem": folder.name,
            "source": pull.source,
            "fetched_at": at.floor("s"),
            "refreshed_at": pull.refreshed_at,
            "notes": list(pull.notes),
            "versions": {package: version(package) for package in PACKAGES},
            "params": asked.to_dict(),
        },
    }
    plain: dict[str, Any] = json.loads(json.dumps(plain_values(document), allow_nan=False))
    return plain
