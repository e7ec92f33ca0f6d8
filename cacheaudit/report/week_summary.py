"""The headline and the three sentences of a week. Every number comes from a value."""

from collections.abc import Callable

from ..diagnosis import IncidentDiagnosis
from ..excess import Estimate
from ..rollout.usual import LEAST_BASELINE_H, LEAST_BUCKETS
from ..schema import COHORT, Cohort, cohorts_of
from ..weekly import Weekly
from ..weekly.parts import Change, Part
from ..words import UNKNOWN, count, listing, moment, share, span, usd
from .rollout_summary import LABELS as CUTOVER
from .rollout_summary import headline as cutover_headline
from .rollout_summary import summary as cutover_summary
from .summary import NINETY_FIVE, cohort_label, headline_of, verdict_words

LABELS = CUTOVER | {"quiet": "Quiet", "moved": "Moved"}
RATES = {"hit_rate": "hit rate", "read_share_of_cached": "read share of cached tokens"}
FEW_CAUSES = 3  # that a sentence names
SOON_DAYS = 14  # an end that belongs into the headline
PER_MTOK = " per million prompt tokens"
WAYS = {"down": "fell", "up": "rose"}
FREEZE = (
    "Freeze one with baseline_path: the run folder of a good week, with baseline_start and"
    " baseline_end."
)


def is_about_cutover(weekly: Weekly) -> bool:
    """Whether the page opens with a cutover, because the verdict is of one."""
    named = bool(weekly.rollout.groups) or weekly.rollout.cutover is not None
    return named and weekly.verdict == weekly.rollout.verdict


def headline(weekly: Weekly) -> str:
    """One line: what a reader acts on first."""
    if is_about_cutover(weekly):
        return cutover_headline(weekly)
    if weekly.unfit:
        return "This data cannot carry a verdict"
    if weekly.verdict == "moved":
        return _worse(weekly)
    if weekly.doubts:
        return f"Whether anything moved is not known: {weekly.doubts[0].says}"
    if weekly.verdict == "not_yet_known":
        return _unjudged(weekly)[0]
    better = [part for part in weekly.week.every if part.moved and not part.is_gone]
    other = [_gone(part) for part in weekly.week.gone]
    other += [movement(part, weekly)[0] for part in better[:1]] if not other else []
    text = f"Nothing got worse; {listing(other, 2)}" if other else "Nothing moved"
    return f"{text}; {_soon(weekly)}".removesuffix("; ")


def _gone(part: Part) -> str:
    return f"{part.label} sent nothing (usually {mtok(part.volume.usual)})"


def _unjudged(weekly: Weekly) -> tuple[str, str]:
    """Why there is no usual rate: (for a headline, for a sentence)."""
    why, hours = weekly.week.unjudged, weekly.week.base_hours
    name = RATES[weekly.week.measure]
    if why == "reads_nothing":
        before = "Nothing was read from the cache before this week, so no rate can have fallen"
        return before, f"nothing was read in the {span(hours * 3600)} of its baseline"
    if why == "not_reported":
        return f"The {name} is not known: it is not reported throughout", "it is not all reported"
    if why == "no_traffic":
        return "Nothing was sent this week", "there was no input"
    few = "there is no usage before it"
    if why == "short_baseline":
        enough = hours >= LEAST_BASELINE_H  # then it is in too few pieces
        needed = f"{LEAST_BUCKETS} buckets" if enough else f"{LEAST_BASELINE_H} hours"
        there = f" in {count(weekly.week.base_buckets)} buckets" if enough else ""
        few = f"its baseline has {span(hours * 3600)}{there} with a rate, and {needed} are needed"
    said = few.replace("before it", "before this week").replace("its baseline", "the baseline")
    return f"What is usual is not known yet: {said}", few


def _soon(weekly: Weekly) -> str:
    """The next end, where it is near; "" where none is."""
    for one in weekly.ahead:
        if one.days is not None and one.days <= SOON_DAYS:
            days = "1 day" if one.days == 1 else f"{count(one.days)} days"
            ends = f"ends in {days}" if one.days > 0 else f"ends on {one.on}"
            return f"{one.name} {f'was to end on {one.on}' if one.due else ends}"
    return ""


def _worse(weekly: Weekly) -> str:
    """What got worse, the dearest incident first: apart from what moved, on a page about that."""
    known, about_cutover = weekly.incidents, is_about_cutover(weekly)
    if open_ := weekly.open_elsewhere if about_cutover else known.open:
        top, *more = sorted((one.found for one in open_), key=_rank)
        others = f", and {count(len(more))} more open" if more else ""
        since = f"open since {moment(top.incident.start)}"
        return f"{headline_of(top)} ({who(top)}), {since}{others}"
    if known.out_of_sight:
        at = moment(known.out_of_sight[0].start)
        return f"Whether the incident of {at} is over cannot be told from this data"
    worst, *more_parts = weekly.parts_elsewhere if about_cutover else weekly.week.worse
    others = f", and {count(len(more_parts))} more moved" if more_parts else ""
    first = movement(worst, weekly)[0]
    return f"{first[0].upper()}{first[1:]}{others}"


def _rank(one: IncidentDiagnosis) -> tuple[bool, float]:
    """The dearest first; what is not known last."""
    value = one.excess_usd.value
    return value != value, -value  # NaN is not itself


def who(one: IncidentDiagnosis) -> str:
    """Whose incident it is."""
    return listing([cohort_label(c) for c in one.case.affected], 3) if one.case.affected else (
        "all traffic"
    )  # fmt: skip


def movement(part: Part, weekly: Weekly) -> list[str]:
    """What moved in *part*: what is worse first."""
    rate = f"the {RATES[weekly.week.measure]}"
    told = [
        (part.rate.way == "down", _moved(rate, part, part.rate, share)),
        (part.dearer, _moved("the cost", part, part.cost, per_mtok)),
        (False, _moved("the volume", part, part.volume, mtok)),
    ]
    return [text for _, text in sorted(told, key=lambda one: not one[0]) if text]


def _moved(name: str, part: Part, change: Change, say: Callable[[float | None], str]) -> str:
    if change.way not in WAYS:
        return ""
    return (
        f"{name} of {part.label} {WAYS[change.way]} to {say(change.now)} (usually"
        f" {say(change.usual).removesuffix(PER_MTOK)})"
    )


def per_mtok(value: float | None) -> str:
    """Money of a million prompt tokens."""
    return UNKNOWN if value is None else f"{usd(value)}{PER_MTOK}"


def mtok(value: float | None) -> str:
    """Prompt tokens, in millions where they are that many."""
    if value is None:
        return UNKNOWN
    return f"{value / 1e6:,.1f} M tokens" if value >= 1e6 else f"{count(value)} tokens"


def summary(weekly: Weekly) -> tuple[str, str, str]:
    """How the week stands to its baseline; what it cost; incidents and what comes next."""
    if is_about_cutover(weekly):
        first, second, third = cutover_summary(weekly)
        return first, second, f"{third}{_besides(weekly)}"
    if weekly.unfit:
        return "This data cannot say whether anything moved.", weekly.unfit, _money(weekly)
    if weekly.verdict == "not_yet_known" and weekly.doubts:
        return _doubted(weekly), _money(weekly), _open(weekly)
    return _rate(weekly), _money(weekly), _open(weekly)


def _besides(weekly: Weekly) -> str:
    """What a page about a cutover must not keep back."""
    text = f" Besides: {_worse(weekly)}." if weekly.worse_elsewhere else ""
    if weekly.doubts:
        text += f" More is not known, for {weekly.doubts[0].says}."
    return text


def _doubted(weekly: Weekly) -> str:
    """The first doubt in full, the others by name; what would tell is part of each."""
    first, *more = weekly.doubts
    others = f" Besides, {listing([one.says for one in more])}." if more else ""
    return f"{first.needs}{others}"


def _rate(weekly: Weekly) -> str:
    week = weekly.week
    change, name = week.total.rate, RATES[week.measure]
    text = f"In the {_days(weekly)} to {moment(week.week[1])} the {name} was"
    if change.usual is None or change.low is None or change.high is None:
        return f"{text} {share(change.now)}; {_unjudged(weekly)[1]}, so nothing is usual yet."
    text += (
        f" {share(change.now)} ({NINETY_FIVE}: {share(change.low)} to {share(change.high)}),"
        f" against {share(change.usual)} of the same hours of the baseline"
    )
    moved = [_gone(part) for part in week.gone]
    moved += [told for p in week.parts if p not in week.gone for told in movement(p, weekly)]
    if moved:
        return f"{text}; {listing(moved, 3)}."
    beyond = f"is surely beyond {share(change.bar_share)} of its own"
    if week.parts:
        return f"{text}; none of {count(len(week.parts))} cohorts {beyond}."
    return f"{text}; it {beyond}." if change.way in WAYS else f"{text}, which is no move."


def _days(weekly: Weekly) -> str:
    """The length of the week, or how much of it has data."""
    days = span(weekly.params.week_days * 86400)
    if weekly.week.coverage.whole:
        return days
    return f"{span(weekly.week.coverage.hours[0] * 3600)} that have data, of the {days}"


def _money(weekly: Weekly) -> str:
    total = weekly.week.total
    unpriced = sum(u.tokens for u in weekly.diagnosis.costed.book.unpriced)
    if total.usd is None:
        why = f"{count(unpriced)} tokens have no price" if unpriced else "input is not all reported"
        cost = f"What the week cost is not known ({why})"
    else:
        against = "" if total.cost.usual is None else f", against {usd(total.cost.usual)}"
        week = "The week" if weekly.week.coverage.whole else "What there is of the week"
        cost = f"{week} cost {usd(total.usd)} at list prices: {per_mtok(total.cost.now)}{against}"
    usual = "" if total.volume.usual is None else f", against {mtok(total.volume.usual)}"
    return f"{cost}; its volume was {mtok(total.volume.now)}{usual}."


def _open(weekly: Weekly) -> str:
    known = weekly.incidents
    parts = []
    if known.open:
        top = min((one.found for one in known.open), key=_rank)
        parts.append(f"{_many(len(known.open))} open; {_first_lower(verdict_words(top))}")
        if top.verdict == "identified":
            parts[-1] += f" ({top.leading[0]})"
        elif top.leading:
            parts.append(_left(top.leading))
    elif known.out_of_sight:
        parts.append("No incident is seen in this data, and one of the last report began before it")
    elif weekly.doubts:
        parts.append("No open incident is seen in what there is")
    else:
        parts.append("No incident is open")
    if known.closed:
        lately = "this week" if weekly.last is None else "since the last report"
        parts.append(f"{count(len(known.closed))} closed {lately}")
    if weekly.wins:
        parts.append(f"up to {usd(won(weekly).value)} a week could be won")
    ends = [one for one in weekly.ahead if one.days is not None]
    if ends:
        parts.append(f"{ends[0].name} {'was to end' if ends[0].due else 'ends'} on {ends[0].on}")
    if weekly.verdict == "moved" and weekly.rollout.verdict == "not_yet_known":
        parts.append(_first_lower(cutover_headline(weekly)))
    if weekly.doubts and weekly.verdict == "moved":
        parts.append(f"more is not known, for {weekly.doubts[0].says}")
    return f"{'; '.join(parts)}."


def _left(leading: tuple[str, ...]) -> str:
    if len(leading) > FEW_CAUSES:
        return f"{count(len(leading))} causes are left"
    return f"{listing(list(leading))} {'is' if len(leading) == 1 else 'are'} left"


def _many(number: int) -> str:
    return "1 incident is" if number == 1 else f"{count(number)} incidents are"


def _first_lower(text: str) -> str:
    return text[0].lower() + text[1:]


def won(weekly: Weekly) -> Estimate:
    """All that could be won, added up; without an interval, which the parts have."""
    total = sum(win.usd_per_week.value for win in weekly.wins)
    return Estimate(value=total, low=float("nan"), high=float("nan"))


def baseline_words(weekly: Weekly) -> str:
    """What usual means here, and how to freeze it where it rolls."""
    base = weekly.week.baseline
    if base.window is None:
        return f"There is no baseline: no usage before the week. {FREEZE}"
    window = f"{moment(base.window[0])} to {moment(base.window[1])}"
    if base.frozen:
        return f"Usual is the frozen baseline {base.name}, {window}."
    days = "1 day" if base.days == 1 else f"{count(base.days)} days"
    text = f"Usual is what {days} before the week had in the same hours ({window}"
    if base.skipped:
        gone = "1 day" if base.skipped == 1 else f"{count(base.skipped)} days"
        text += f"; {gone} with an open incident left out"
    text += ")"
    if base.disturbed:
        text += ", an incident among them, for there are too few days without"
    return f"{text}. This baseline is not frozen: a slow loss moves it along. {FREEZE}"


def power_words(weekly: Weekly) -> str:
    """How sure this kit is on the team's own usage, or what would tell."""
    known = weekly.calibration
    if known is None:
        return (
            "How often it would be wrong on this traffic is not measured; cacheaudit calibrate"
            " does that, and calibration_path brings it here."
        )
    measured = f"calibration {known.name}, on usage up to {known.until:%Y-%m-%d}"
    if not set(known.cohorts) & _cohorts(weekly):
        return (
            f"How often it would be wrong on this traffic is not measured: {measured} is of other"
            " traffic, for none of its cohorts is in this week. Make one of this traffic with"
            " cacheaudit calibrate."
        )
    return f"{known.sentence} ({measured[0].upper()}{measured[1:]}.)"


def _cohorts(weekly: Weekly) -> set[Cohort]:
    """Those of the week."""
    rows = weekly.usage[weekly.usage["bucket_end"] > weekly.week.week[0]]
    return set(cohorts_of(rows[COHORT].drop_duplicates()))
