"""What happened and why: who was affected, what changed, which causes stand."""

import pandas as pd

from ..causes.hypothesis import Cause
from ..diagnosis import IncidentDiagnosis
from ..postmortem import Postmortem
from ..schema import label
from ..show import Bullets, Card, Cards, Column, Details, Piece, Prose, Table
from ..words import count, ended, listing, moment, share, usd
from .owned import by_owner_pieces
from .summary import FEW, MEASURE_NAMES, cohort_label, headline_of, inside_words

NOTHING = "none found"


def impact(postmortem: Postmortem) -> list[Piece]:
    """Who was affected, and who was not, in the same hours."""
    top = postmortem.diagnosis.costliest
    if top is None:
        return [nothing(postmortem)]
    rows = [
        [
            cohort_label(c),
            "affected" if c in top.case.affected else "kept its rate",
            "moved" if c.change else "did not move",
            share(c.rate_before),
            share(c.rate_after),
            count(c.before.cached_tokens_per_request),
            count(c.after.requests),
        ]
        for c in (*top.case.affected, *top.case.spared)
    ]
    rate = MEASURE_NAMES.get(top.case.affected[0].rate if top.case.affected else "hit_rate", "")
    table = Table(
        [
            Column("cohort"),
            Column("in the incident"),
            Column("version"),
            Column("before", "right"),
            Column("during", "right"),
            Column("cached tokens a request, before", "right"),
            Column("requests during", "right"),
        ],
        rows,
        f"{rate[0].upper()}{rate[1:]} by cohort, in the baseline and in the incident",
    )
    every = postmortem.diagnosis.incidents
    each = [_each(every)] if len(every) > 1 else []
    return [table, *by_owner_pieces(postmortem), *each]


def _each(found: tuple[IncidentDiagnosis, ...]) -> Table:
    """Every incident in a line, in order of time."""
    rows = [
        [
            f"{headline_of(one)}{inside_words(one).rstrip(',')}",
            moment(one.incident.start),
            "lasts" if one.incident.end is None else moment(one.incident.end),
            one.verdict.replace("_", " "),
            listing(list(one.leading), FEW),
            usd(one.excess_usd.value),
        ]
        for one in found
    ]
    columns = [Column("incident"), Column("start"), Column("end"), Column("verdict"),
               Column("leading"), Column("excess", "right")]  # fmt: skip
    return Table(columns, rows, f"All {len(rows)} incidents; this report is about the costliest")


def trigger(postmortem: Postmortem) -> list[Piece]:
    """Changes of version and given events, with how they stand to the start."""
    found = postmortem.diagnosis
    if postmortem.usage.empty:
        return [Prose(["There is no usage, so version changes cannot be seen."])]
    if not found.versions and found.events.empty:
        named = postmortem.usage["model"].notna().any() if len(postmortem.usage) else False
        seen = (
            "No change of model version is in the data, and no other events were given."
            if named
            else "The data names no models, so version changes cannot be seen; none were given."
        )
        return [Prose([seen])]
    top = found.costliest
    coincide = set() if top is None else {id(c) for c in top.case.changes}
    rows = [
        [
            moment(c.start),
            f"{c.from_model or 'nothing'} → {c.to_model}" + (" (came back)" if c.returned else ""),
            c.scope or c.route or "all traffic",
            "until " + moment(c.end) if c.is_ramp else "at once",
            "coincides" if id(c) in coincide else "no",
        ]
        for c in found.versions
    ]
    rows += [
        [
            moment(e["at"]),
            f"{e['kind']}: {e['what']}",
            label(e["scope"]) or "",
            "",
            _near(top, e["at"]),
        ]
        for _, e in found.events.iterrows()
    ]
    columns = [Column("at"), Column("change"), Column("cohort"), Column("how"),
               Column("with the incident's start")]  # fmt: skip
    return [
        Prose(["A change beside a drop is a suspect, not a verdict."]),
        Table(columns, sorted(rows), "Version changes seen in usage, and events given"),
    ]


def root_causes(postmortem: Postmortem) -> list[Piece]:
    """Causes that stand, as cards while they are few; those ruled out behind one line."""
    top = postmortem.diagnosis.costliest
    if top is None:
        return [nothing(postmortem)]
    by_standing = {
        standing: [c for c in top.causes if c.standing == standing]
        for standing in ("leading", "possible", "ruled_out", "not_tested")
    }
    standing = (*by_standing["leading"], *by_standing["possible"])
    ruled_out = [
        f"{c.id}: {c.ruled_out_by or c.evidence_against[0]}" for c in by_standing["ruled_out"]
    ]
    untested = [f"{c.id}: {_lacking(c)}" for c in by_standing["not_tested"]]
    return [
        _cards(standing) if len(by_standing["leading"]) <= FEW else _table(standing),
        *_folded(untested, "not tested, and what for"),
        *_folded(ruled_out, "ruled out, and by what"),
    ]


def _folded(lines: list[str], how: str) -> list[Details]:
    if not lines:
        return []
    causes = "1 cause" if len(lines) == 1 else f"{len(lines)} causes"
    return [Details(f"{causes} {how}", Bullets(lines))]


def _lacking(cause: Cause) -> str:
    said = " ".join((*cause.evidence_for, *cause.evidence_against))
    return f"{said} What would decide: {ended(cause.needs)}" if cause.needs else said


def _cards(causes: tuple[Cause, ...]) -> Cards:
    """Mechanism, evidence on both sides, and what would decide."""
    return Cards(
        [
            Card(
                title=c.id,
                badge=c.standing,
                lead=c.says,
                lines_for=c.evidence_for,
                lines_against=c.evidence_against,
                footer=ended(f"What would decide: {c.needs}") if c.needs else "",
            )
            for c in causes
        ]
    )


def _table(causes: tuple[Cause, ...]) -> Table:
    """The same in a line each, where too many are left for cards."""
    rows = [
        [
            f"{c.id} ({c.standing})",
            c.says,
            " ".join(c.evidence_for) or NOTHING,
            " ".join(c.evidence_against) or NOTHING,
            c.needs,
        ]
        for c in causes
    ]
    columns = [Column("cause"), Column("how"), Column("for"), Column("against"),
               Column("what would decide")]  # fmt: skip
    return Table(columns, rows, f"{len(rows)} causes that this data cannot tell apart")


def _near(top: IncidentDiagnosis | None, at: pd.Timestamp) -> str:
    if top is None:
        return "no"
    return "coincides" if (top.case.coinciding["at"] == at).any() else "no"


def nothing(postmortem: Postmortem) -> Prose:
    """Under a heading that only an incident fills."""
    if postmortem.diagnosis.verdict == "unfit_data":
        return Prose(["Not judged: this data cannot carry a verdict."])
    return Prose(["No incident was found."])
