"""The page before a migration: verdict, numbers, gates, prefixes, probe, what is known, and how."""

from importlib.metadata import version
from typing import Literal

from ..pricing import UnitPrice
from ..probing.answers import Answer
from ..readiness import Readiness
from ..show import (
    Bullets,
    Column,
    Definitions,
    Details,
    KeyNumbers,
    Piece,
    Prose,
    Table,
    Verdict,
)
from ..words import UNKNOWN, count, ended, listing, moment, share, span, times, times_range, usd
from .answer_table import every_answer
from .gates import gate_pieces
from .plan_words import answer, lessons, log_notes
from .plans import cost_table, cutover_figure, excess_figure, prefill_table, risk_table
from .readiness_inventory import inventory
from .readiness_summary import LABELS, headline, standing, summary
from .summary import quality_lines
from .supporting import prices_used

STATUS: dict[str, Literal["incident", "quiet", "unknown"]] = {
    "ready": "quiet", "not_ready": "incident", "not_yet_known": "unknown",
}  # fmt: skip
APART = 0.05  # of the input: a replay this near to usage is of the same traffic and rules
CAPTION = "Gates, the gravest first"


def banner(readiness: Readiness) -> Verdict:
    """The verdict and its three sentences."""
    verdict = readiness.verdict
    return Verdict(STATUS[verdict], headline(readiness), summary(readiness), LABELS[verdict])


def key_numbers(readiness: Readiness) -> KeyNumbers:
    """Gates, hit rates and money, before and after."""
    steady = None if readiness.evidence.of_log else readiness.steady
    plan = None if readiness.evidence.of_log else readiness.plan
    failed, open_ = (len(standing(readiness, which)) for which in ("fail", "unknown"))
    passed = len(readiness.gates) - failed - open_
    items = [
        (
            "Gates passed", f"{count(passed)} of {count(len(readiness.gates))}",
            f"{count(failed)} failed, {count(open_)} open",
        ),
    ]  # fmt: skip
    if steady is None:
        items.append(("Hit rate now", share(readiness.baseline), "from usage"))
        items.append(("Hit rate after", share(readiness.known.candidate_rate[1]), _by(readiness)))
    else:
        old, new = steady.usd_per_day()
        alike = "no price"
        if steady.alike_usd is not None:
            alike = f"{usd(steady.alike_usd / steady.days)} with the cache of now"
        items += [
            ("Hit rate now", share(steady.incumbent.hit_rate), "the log, replayed"),
            ("Hit rate after", share(steady.candidate.hit_rate), "the same log, once warm"),
            ("Input a day now", usd(old), "the log, at list price"),
            ("Input a day after", usd(new), alike),
        ]
    cost = None if plan is None else plan.predicted["excess_usd"].value
    items.append(("Cutover costs", usd(cost), "no plan" if plan is None else plan.name))
    return KeyNumbers(items)


def _by(readiness: Readiness) -> str:
    return "neither log nor probe" if readiness.live is None else "by a probe"


def header(readiness: Readiness) -> Definitions:
    """What moves where, and what was looked at."""
    params, pull, steady = readiness.params, readiness.pull, readiness.steady
    log = "none"
    if steady is not None:
        log = f"{count(steady.incumbent.requests)} calls, {moment(steady.first)}"
        log += f" to {moment(steady.last)}"
    return Definitions(
        [
            ("From", params.incumbent),
            ("To", params.candidate),
            ("Cutover", moment(params.at) if params.at is not None else "not set"),
            ("Usage", f"{moment(pull.start)} to {moment(pull.end)}, {pull.source}"),
            ("Request log", log),
            ("Probe", _probed(readiness)),
            ("Made", f"{moment(readiness.fetched_at)} by cacheaudit {version('cacheaudit')}"),
        ]
    )


def _probed(readiness: Readiness) -> str:
    live = readiness.live
    return "none" if live is None else f"{live.day:%Y-%m-%d}, with {live.prompts} prompts"


def gates(readiness: Readiness) -> list[Piece]:
    """Every gate, and what would decide the open ones."""
    return gate_pieces(readiness.gates, CAPTION)


def prefixes(readiness: Readiness) -> list[Piece]:
    """What is cached today, beside the candidate's minimum."""
    return inventory(readiness)


def probe(readiness: Readiness) -> list[Piece]:
    """What a probe measured on both versions; or that none was given."""
    live, params = readiness.live, readiness.params
    if live is None:
        return [Prose(["No probe was given, so nothing here is measured on the live API. cacheaudit"
                       " probe --execute measures both versions; its findings.json is probe_path."
                       ])]  # fmt: skip
    answers = [Answer(**one) for one in live.about(params.candidate, params.incumbent)]
    if not answers:
        return [Prose([f"The probe of {live.day:%Y-%m-%d} asked neither {params.incumbent} nor"
                       f" {params.candidate}."])]  # fmt: skip
    return [every_answer(answers, f"Live, on {live.day:%Y-%m-%d}, with {live.prompts} prompts")]


def plans(readiness: Readiness) -> list[Piece]:
    """Every plan on past days, drawn and in tables; or what it would take to compare them."""
    found, course = readiness.plans, readiness.forecast.course
    if found is None or course is None:
        return [Prose([f"No plan was compared. It takes {ended(readiness.plans_why)}"])]
    told = lessons(found)
    return [
        Prose([answer(found)]),
        excess_figure(found),
        cost_table(found),
        cutover_figure(found, course),
        *([Bullets(told)] if told else []),
        Details("What each plan exposes, cools and asks of the limit", risk_table(found)),
        Details("What a prefill is worth", prefill_table(found)),
    ]


def ids(readiness: Readiness) -> Table:
    """Whether either id can move, and when it ends."""
    rows = [
        [
            one.name,
            listing(list(one.kinds)),
            "none announced"
            if ends == "none announced"
            else UNKNOWN
            if ends is None
            else f"{ends}",
            one.why,
            one.source or "none",
        ]
        for one, ends in zip(
            readiness.known.standings[::-1], readiness.known.retirements[::-1], strict=True
        )
    ]
    columns = [
        Column("id"), Column("is"), Column("retires"), Column("because"), Column("read at"),
    ]  # fmt: skip
    return Table(columns, rows, "Both ids on the day of the cutover")


def known_table(readiness: Readiness) -> Table:
    """Every figure that the verdict is made of: given, measured or documented."""
    params, known, rules = readiness.params, readiness.known, readiness.known.rules
    lives = "not known" if rules is None else listing(
        [f"{span(rules[name].ttl_s)} on {name}" for name in (params.incumbent, params.candidate)]
    )  # fmt: skip
    wait_s = None if rules is None else rules[params.candidate].ready_s
    lives_from = UNKNOWN if rules is None else "given" if params.ttl else "documented"
    low, high = known.ratio or (None, None)
    rows = [
        ["candidate's minimum", count(known.minimum_tokens), known.minimum_from or UNKNOWN],
        ["tokens on the candidate per token now", times_range(low, high),
         known.ratio_from or UNKNOWN],
        ["an entry lives", lives, lives_from],
        ["until it can be read", UNKNOWN if wait_s is None else span(wait_s),
         _wait_from(readiness, wait_s)],
        ["candidate's hit rate", _rate(known.candidate_rate), _live_from(readiness)],
        ["incumbent's hit rate in the same probe", _rate(known.incumbent_rate),
         _live_from(readiness)],
        ["incumbent's hit rate in usage", share(readiness.baseline), "measured"],
        ["budget", usd(params.budget_usd or None), "given" if params.budget_usd else "not given"],
        ["rate limit, tokens a minute", count(params.limit_tokens_per_min or None),
         "given" if params.limit_tokens_per_min else "not given"],
    ]  # fmt: skip
    columns = [Column("figure"), Column("value", "right"), Column("from")]
    return Table(columns, rows, "Where each figure is from")


def _rate(found: tuple[float | None, float | None, float | None]) -> str:
    low, value, high = found
    return UNKNOWN if value is None else f"{share(value)} ({share(low)} to {share(high)})"


def _live_from(readiness: Readiness) -> str:
    live = readiness.live
    return "no probe was given" if live is None else f"measured on {live.day:%Y-%m-%d}"


def _wait_from(readiness: Readiness, wait_s: float | None) -> str:
    if wait_s is None:
        return UNKNOWN
    if readiness.params.ready_s:
        return "given"
    return "measured: the log's median time to the first token" if wait_s else "taken for none"


def assumed(readiness: Readiness) -> list[str]:
    """What the replay took for granted, and what the data does not say."""
    known, steady, log = readiness.known, readiness.steady, readiness.forecast.log
    told = [*quality_lines(readiness.quality), *readiness.pull.notes, *_no_evidence(readiness)]
    if steady is None or log is None:
        return told
    told += [*_apart(readiness.baseline, steady.incumbent.hit_rate), *log_notes(log)]
    if known.minimum_tokens is None:
        told.append("The candidate's minimum is not known: the replay took it for none.")
    low, high = known.ratio or (None, None)
    if low is None or high is None:
        told.append("The tokenizers' ratio is not known: the replay took it for 1.")
    elif low != high:
        told.append(f"The replay took {times((low + high) / 2)} for the tokenizers' ratio.")
    missing = int(steady.incumbent.by_bucket["unmeasured_requests"].sum())
    if missing:
        told.append(f"{count(missing)} calls of the log do not say how much input they had.")
    return told


def _no_evidence(readiness: Readiness) -> list[str]:
    """What was given and decides nothing, and what would."""
    evidence = readiness.evidence
    lacking = {
        "The request log": evidence.of_log, "The probe": readiness.known.probed.lacks,
        "The baseline": evidence.of_baseline,
    }  # fmt: skip
    return [
        f"{what} decides nothing: it takes {ended(why)}" for what, why in lacking.items() if why
    ]


def _apart(seen: float | None, replayed: float | None) -> list[str]:
    """A replay of the incumbent that is not what usage says it read."""
    if seen is None or replayed is None or abs(seen - replayed) <= APART:
        return []
    return [
        f"Usage says that the incumbent reads {share(seen)}, and the log, replayed, reads"
        f" {share(replayed)}: it is other traffic, or its cache has other rules. What is replayed"
        " is no better than that."
    ]


def supporting(readiness: Readiness) -> list[Piece]:
    """The data's limits, where each figure is from, prices, and how to run it again."""
    notes = assumed(readiness)
    priced = tuple(one for one in readiness.prices if isinstance(one, UnitPrice))
    params = Definitions([(k, str(v)) for k, v in readiness.params.to_dict().items()])
    return [
        Bullets(notes) if notes else Prose(["No remarks on the data."]),
        known_table(readiness),
        ids(readiness),
        Details("Prices used", [prices_used(priced), *_unpriced(readiness)]),
        Details("Parameters: run it again with these", params),
    ]


def _unpriced(readiness: Readiness) -> list[Piece]:
    lacking = [f"{one.model}: {one.reason}" for one in readiness.prices
               if not isinstance(one, UnitPrice)]  # fmt: skip
    return [Bullets(lacking)] if lacking else []
