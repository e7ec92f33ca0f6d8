"""What a verification asks: the source of its postmortem, under the same names."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, fields
from typing import Any

import pandas as pd

from ..errors import ParamError, SourceError
from ..finished import Finished
from ..params import PostmortemParams, read_params
from ..schema import COHORT

NEVER = ("start", "end", "run_folder", "store_path")  # of its own run
ANYWHERE = ("names", "prices_path", "recovered_at_share")  # whatever the source


def asked(done: Finished, given: PostmortemParams, own: Collection[str]) -> PostmortemParams:
    """*given*, with what its user did not name (*own*) as the postmortem had it.

    Where another source is named, only what holds for any is taken over. An endpoint is never
    taken out of a folder: a key would be sent there. Raises ParamError where one is needed, and
    SourceError for parameters of another version.
    """
    known = {f.name for f in fields(PostmortemParams)} - set(NEVER) - set(own)
    if "source" in own and given.source != done.params.get("source"):
        known &= set(ANYWHERE)
    taken = {name: value for name, value in done.params.items() if name in known}
    if taken.pop("base_url", ""):
        raise ParamError(
            "the postmortem asked an endpoint of its own, and base_url is not given; expected it"
            " here, since a key is sent there: give it by -f or -p."
        )
    try:
        return read_params(PostmortemParams, {**asdict(given), **taken})
    except ParamError as error:
        raise SourceError(
            f"the parameters in findings.json cannot be used: {error} Give them by -f or -p."
        ) from error


def demand_same_names(
    done: Finished, one: Mapping[str, Any], past: pd.DataFrame, names: Mapping[str, str]
) -> None:
    """Refuse *names* by which other traffic goes under the labels of the incident *one*.

    past   the usage that its postmortem judged: an id that is new since may have any name
    Raises ParamError.
    """
    before = dict(done.params.get("names") or {})
    of_incident = {
        part[column]
        for c in one["cohorts"]
        for part in (c, *c["baseline_of"])
        for column in COHORT
        if part[column] is not None
    }
    seen = {str(value) for column in COHORT for value in past[column].dropna().unique()}
    for key in sorted({*before, *names}):
        old, new = before.get(key, key), names.get(key, key)
        if old != new and {old, new} & of_incident and (key in before or key in seen):
            raise ParamError(
                f"names calls {key!r} {new!r}; the postmortem called it {old!r}. Expected the same"
                " names, or other traffic is held against its baseline: use the postmortem's."
            )
