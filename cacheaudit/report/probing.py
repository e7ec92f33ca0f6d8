"""The page of a probe: verdict, answers, pictures, money; or a plan, where nothing was sent."""

from importlib.metadata import version

import matplotlib.pyplot as plt
import pandas as pd

from .. import plots
from ..measurement import Measurement
from ..probe_plots import RATES, SURVIVAL, plot_hit_rates, plot_survival
from ..probing.candidate import Candidate
from ..show import (
    Bullets,
    Column,
    Definitions,
    Details,
    Figure,
    KeyNumbers,
    Piece,
    Prose,
    Table,
    Verdict,
)
from ..words import NBSP, count, listing, moment, share, span, usd
from .answer_table import every_answer
from .panel import NARROW, panel
from .probe_answers import ASKED, answers_to, hits, open_questions, questions_of, said
from .probe_spend import candidate_table, outcome_table, plan_table
from .probe_summary import UNSETTLED, compared, headline, summary, verdict
from .supporting import prices_used

LABELS = {
    "not_cached": "Does not cache", "less": "Reads less", "unknown": "Not known",
    "unclear": "Not told apart", "alike": "Caches", "more": "Caches", "alone": "Caches",
}  # fmt: skip
ALARMING = ("not_cached", "less")
EVERY = "Answers by question and candidate"


def banner(measurement: Measurement) -> Verdict:
    """The verdict and its three sentences."""
    told = headline(measurement), summary(measurement)
    found = verdict(measurement)
    if found == "planned":
        return Verdict("unknown", *told, "Plan only")
    if found == "not_measured":
        return Verdict("unknown", *told, "Not measured")
    gravest = compared(measurement)[0].standing
    status = "incident" if gravest in ALARMING else "unknown" if gravest in UNSETTLED else "quiet"
    return Verdict(status, *told, LABELS[gravest])  # type: ignore[arg-type]


def key_numbers(measurement: Measurement) -> KeyNumbers:
    """Calls, money and time, planned or spent."""
    probe, plan = measurement.probe, measurement.probe.plan
    budget = ("Budget", usd(probe.budget_usd), "checked before every call")
    if not probe.executed:
        return KeyNumbers(
            [
                ("Sent", count(0), "nothing yet"),
                ("Would cost about", usd(plan.expected_usd), "if all is as documented"),
                ("Would cost at most", usd(plan.worst_usd), f"{count(plan.calls)} calls"),
                budget,
                ("Waits", span(plan.wait_s), "without the endpoints' own time"),
            ]
        )
    rates = [
        (one.label, share(answer.value), "incumbent" if one.incumbent else "hit rate")
        for one in sorted(probe.candidates, key=lambda c: not c.incumbent)
        for answer in answers_to(measurement, "hit_rate", one.label)
        if answer.value is not None
    ]
    answered = sum(one.counted for one in probe.receipts)
    return KeyNumbers(
        [
            *rates,
            ("Spent", usd(probe.spent_usd), f"of {usd(probe.budget_usd)} at most"),
            ("Calls answered", count(answered), f"of {count(len(probe.receipts))} sent"),
        ]
    )


def header(measurement: Measurement) -> Definitions:
    """Who was asked, when, and with what."""
    each = [
        f"{one.label}{f' ({one.model})' if one.name and one.name != one.model else ''}"
        f"{', incumbent' if one.incumbent else ''}"
        for one in measurement.probe.candidates
    ]
    begun = "Measured" if measurement.probe.executed else "Planned"
    prompts = "own request bodies" if measurement.params.prompts_path else "synthetic"
    return Definitions(
        [
            ("Candidates", "; ".join(each)),
            (begun, f"{moment(measurement.made_at)} by cacheaudit {version('cacheaudit')}"),
            ("Prompts", prompts),
            ("Pace", _pace(measurement)),
        ]
    )


def _pace(measurement: Measurement) -> str:
    paces = sorted(measurement.design.paces_s)
    if len(paces) == 1:
        return f"{span(paces[0])} between uses"
    return f"{span(paces[0])} to {span(paces[-1])} between uses, half within " + span(
        paces[len(paces) // 2]
    )


def answers(measurement: Measurement) -> list[Piece]:
    """Every question for every candidate, then what is not known and what would decide it."""
    if not measurement.probe.executed:
        return [Prose(["Nothing was sent, so nothing is answered. The plan below says what would"
                       " be asked."])]  # fmt: skip
    candidates = measurement.probe.candidates
    rows = [
        [ASKED[question], *(said(measurement, question, one) for one in candidates)]
        for question in questions_of(measurement)
    ]
    columns = [Column("question"), *(Column(_named(one)) for one in candidates)]
    table = Table(columns, rows, f"In brackets: 95{NBSP}% intervals, or between which values")
    return [
        table,
        *_open_pieces(measurement),
        Details("Every answer", every_answer(measurement.probe.answers, EVERY)),
    ]


def _named(one: Candidate) -> str:
    return f"{one.label} (incumbent)" if one.incumbent else one.label


def _open_pieces(measurement: Measurement) -> list[Piece]:
    found = open_questions(measurement)
    if not found:
        return [Prose(["Everything that was asked is answered."])]
    return [Bullets([one.words() for one in found])]


def hit_rate_figure(measurement: Measurement) -> list[Piece]:
    """Hit rates with their intervals; nothing where none was measured."""
    standings = {one.candidate.label: one.standing for one in compared(measurement)}
    rated = [
        (one, answer)
        for one in sorted(measurement.probe.candidates, key=lambda c: not c.incumbent)
        for answer in answers_to(measurement, "hit_rate", one.label)
        if answer.value is not None
    ]
    if not rated:
        return []
    rows = [
        [
            one.label, "incumbent" if one.incumbent else f"{answer.repetitions} repetitions",
            answer.value, answer.low, answer.high, one.incumbent,
            standings.get(one.label) in ALARMING,
        ]
        for one, answer in rated
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=RATES)
    title = headline(measurement)
    figure = panel(title, 0.75 + 0.62 * len(frame), lambda ax: plot_hit_rates(frame, ax=ax))
    each = [f"{one.label} {said(measurement, 'hit_rate', one)}" for one, _ in rated]
    caption = (
        f"Tokens read, of the input of calls that follow a first one, with 95{NBSP}% intervals."
    )
    if frame["incumbent"].any():
        caption += " Grey: the incumbent's interval."
    return [Figure(figure, f"{title}: {listing(each)}. {caption}", caption)]


def survival(measurement: Measurement) -> list[Piece]:
    """Share still warm against idle time, a small picture a candidate; else why there is none."""
    shown = [
        (one, rows)
        for one in measurement.probe.candidates
        if len(rows := _survival_rows(measurement, one))
    ]
    if not shown:
        return [_no_survival(measurement)]
    with plots.theme():
        figure, grid = plt.subplots(
            len(shown), 1, figsize=(NARROW, 1.75 * len(shown) + 0.3), squeeze=False
        )
        for ax, (one, rows) in zip(grid[:, 0], shown, strict=True):
            note = "incumbent" if one.incumbent else ""
            plot_survival(rows, one.label, note, _lives_before(one, rows), ax=ax)
        figure.tight_layout(h_pad=1.6)
    each = [f"{one.label}: {said(measurement, 'survival', one)}" for one, _ in shown]
    caption = (
        f"Share of prefixes that were still warm after an idle time, with 95{NBSP}% intervals"
        " (Wilson). Idle times are in order, not to scale."
    )
    if any(_lives_before(one, rows) is not None for one, rows in shown):
        caption += " Dashed: the documented lifetime."
    return [
        Figure(figure, f"How long an idle prefix stays warm. {'; '.join(each)}. {caption}", caption)
    ]


def _no_survival(measurement: Measurement) -> Prose:
    if "survival" not in measurement.design.questions:
        return Prose(["How long an idle prefix stays warm was not asked."])
    waits = listing([span(wait) for wait in measurement.design.idle_s], 10)
    if measurement.probe.executed:
        return Prose([f"How long an idle prefix stays warm is not known: none of {waits} was"
                      " answered."])  # fmt: skip
    return Prose([f"A prefix would be written and looked for after {waits} without a use."])


def _survival_rows(measurement: Measurement, one: Candidate) -> pd.DataFrame:
    timed = [a for a in answers_to(measurement, "survival", one.label) if a.value is not None]
    rows = [
        [_broken(float(a.detail)), a.value, a.low, a.high, hits(a), a.repetitions]
        for a in sorted(timed, key=lambda a: float(a.detail))
    ]
    frame = pd.DataFrame(rows, columns=SURVIVAL)
    return frame.assign(wait_s=sorted(float(a.detail) for a in timed))


def _broken(seconds: float) -> str:
    """A duration on two lines, for an axis."""
    return span(seconds).replace(" ", "\n", 1)


def _lives_before(one: Candidate, rows: pd.DataFrame) -> int | None:
    """The first idle time beyond the documented lifetime; None where none is, or none is known."""
    lives_s = None if one.rule is None else one.rule.ttl_s
    if lives_s is None or not (rows["wait_s"] > lives_s).any():
        return None
    return int((rows["wait_s"] > lives_s).to_numpy().argmax())


def spend(measurement: Measurement) -> list[Piece]:
    """What was sent and what it cost; the plan where nothing was, or behind a line."""
    plan = plan_table(measurement)
    if not measurement.probe.executed:
        return [plan]
    return [
        outcome_table(measurement),
        candidate_table(measurement),
        Details("The plan: what it could have cost at most", plan),
    ]


def supporting(measurement: Measurement) -> list[Piece]:
    """Where prompts and paces come from; prices and parameters behind a line each."""
    params = {**measurement.params.to_dict(), "seed": measurement.design.seed}
    return [
        Bullets(measurement.notes) if measurement.notes else Prose(["No remarks on the input."]),
        Details("Prices used", prices_used(measurement.prices)),
        Details(
            "Parameters: run it again with these",
            Definitions([(name, str(value)) for name, value in params.items()]),
        ),
    ]
