"""Contrasts from a request log about which calls lost what the call before them had cached.

Each is a Test (hypothesis.py): a Case in, one sentence or None out. Most of the loss with a mark
speaks for the cause that leaves it and rules out the others; see losses.py for the parts.
"""

from ..traffic.calls import GAPS
from ..words import share
from .case import Case
from .hypothesis import Evidence, Test
from .losses import RISE, Losses, Mark

MOST = 0.7  # part of the rise that names a mechanism
FEW = 0.3  # part below which a mechanism did not do it
DIRECT = 4  # seen call by call: outweighs what only fits in time
WITHIN_5_MIN = (GAPS[0], GAPS[1])
SAID: dict[Mark, str] = {
    "version": "calls whose conversation or prefix was last served by another version",
    "scope": "calls whose conversation or prefix was last used in another workspace or project",
    "place": "calls that went to another key, region or endpoint than the last one",
    "tools": "calls with other tools than the last one",
    "head": "calls with another system prompt or prefix than the last one",
    "settings": "calls with another speed or service tier than the last one",
    "process": "the first calls of a process",
    "overlap": "calls that began before the last one had begun to answer",
}


def lost_with(mark: Mark) -> Test:
    """For a cause that leaves *mark* on the calls that lose, and against it if they lack it."""

    def marked_calls(case: Case) -> Evidence | None:
        losses = _telling(case)
        if losses is None or not losses.logged(mark):
            return None
        part, here = losses.of(mark), losses.marked(mark)
        if part >= MOST:
            return Evidence(
                text=f"Request log: {part_of(part)} of the tokens lost beyond the baseline were in"
                f" {SAID[mark]} ({share(losses.share(here, 'before'))} of re-use before,"
                f" {share(losses.share(here, 'after'))} after).",
                weight=DIRECT,
            )
        if part <= FEW:
            return Evidence(
                text=f"Request log: only {part_of(part)} of the tokens lost beyond the baseline"
                f" were in {SAID[mark]}.",
                against=True,
                decisive=True,
            )
        return None

    return marked_calls


def head_changed_with_version(case: Case) -> Evidence | None:
    """Where the same calls met a new version and a new prefix, neither clears the other."""
    losses = _telling(case)
    if losses is None or not min(losses.of("head"), losses.of("version")) >= MOST:
        return None
    return Evidence(
        text="Request log: the calls that met the new version also carried a new system prompt or"
        " prefix, so the two cannot be told apart.",
        weight=2,
    )


def lost_after_same_gap(case: Case) -> Evidence | None:
    """A shorter lifetime loses what is used again after 5 to 60 minutes, and nothing sooner."""
    losses = _telling(case)
    if losses is None:
        return None
    longer, sooner = losses.of_gaps((GAPS[2],)), losses.of_gaps(WITHIN_5_MIN)
    text = f"Request log: {part_of(longer)} of the extra loss is worse re-use after 5 to 60 minutes"
    if longer >= MOST:
        return Evidence(
            text=f"{text}, {part_of(sooner)} within 5 minutes: entries live shorter.",
            weight=DIRECT,
        )
    if sooner >= FEW or longer <= FEW:
        return Evidence(
            text=f"{text}; {part_of(sooner)} is worse re-use within 5 minutes, where no lifetime"
            " ends.",
            against=True,
            decisive=True,
        )
    return None


def gaps_grew(case: Case) -> Evidence | None:
    """Sparser traffic: each gap as lossy as before, and more of the long ones."""
    losses = _telling(case)
    if losses is None:
        return None
    part = losses.of_longer_gaps()
    if part >= MOST:
        return Evidence(
            text=f"Request log: {part_of(part)} of the extra loss comes of longer gaps between"
            " uses; after a gap of equal length as much was read as before.",
            weight=DIRECT,
        )
    if part <= FEW:
        return Evidence(
            text="Request log: after gaps of equal length less was read than before"
            f" (longer gaps account for {part_of(part)} of the extra loss).",
            against=True,
            decisive=True,
        )
    return None


def versions_alternate(case: Case) -> Evidence | None:
    """A split sends the calls of one conversation or prefix to two versions in turn."""
    losses = _telling(case)
    if losses is None:
        return None
    part = losses.of("version") + losses.part(
        losses.pairs["where"].eq("here") & (losses.pairs["gap"] != losses.pairs["entry_gap"])
    )
    if part <= FEW:
        return Evidence(
            text=f"Request log: only {part_of(part)} of the extra loss was in calls that alternate"
            " between versions.",
            against=True,
            decisive=True,
        )
    if part >= MOST:
        return Evidence(
            text=f"Request log: {part_of(part)} of the extra loss was in calls whose conversation"
            " or prefix alternates between versions.",
            weight=DIRECT,
        )
    return None


def lost_without_a_mark(case: Case) -> Evidence | None:
    """For causes that leave no mark: the same prompt, at once, on the same entry, and no hit."""
    losses = _telling(case)
    if losses is None:
        return None
    part = losses.part(losses.unmarked(WITHIN_5_MIN))
    if part >= MOST:
        return Evidence(
            text=f"Request log: {part_of(part)} of the extra loss was within 5 minutes of the last"
            " use, with nothing that is logged having changed.",
            weight=2,
        )
    if part <= FEW:
        return Evidence(
            text=f"Request log: only {part_of(part)} of the extra loss was within 5 minutes of the"
            " last use with nothing logged having changed.",
            against=True,
            decisive=True,
        )
    return None


def head_survives(case: Case) -> Evidence | None:
    """Rewritten messages lose the conversation, and leave tools and system prompt in the cache."""
    losses = _telling(case)
    if losses is None:
        return None
    plain = losses.unmarked(WITHIN_5_MIN)
    partial = losses.partial(plain)
    if losses.part(plain) < MOST:
        return None
    if partial >= MOST:
        return Evidence(
            text=f"Request log: {share(partial)} of the calls that missed still read a shorter"
            " part, as when messages change behind an unchanged head.",
            weight=1,
        )
    if partial <= FEW:
        return Evidence(
            text=f"Request log: {share(1 - partial)} of the calls that missed read nothing, not"
            " even the head of the prompt.",
            against=True,
            weight=2,
        )
    return None


def missed_every_time(case: Case) -> Evidence | None:
    """A variable text inside the prefix spoils every call; a fault now and then is another."""
    losses = _telling(case)
    if losses is None:
        return None
    missed = losses.missed(losses.pairs["gap"].isin(WITHIN_5_MIN))
    if missed >= 0.9:
        return Evidence(
            text=f"Request log: {share(missed)} of the calls within 5 minutes of the last use"
            " missed: nothing is found again.",
            weight=2,
        )
    return None


def reuse_kept(case: Case) -> Evidence | None:
    """The rate fell although each call found what the one before it had cached."""
    losses = case.losses
    if losses is None or not case.in_a_rate or _telling(case) is not None:
        return None
    return Evidence(
        text="Request log: calls that followed another read as much of what it had cached as"
        f" before ({share(1 - losses.before)} → {share(1 - losses.after)}).",
        against=True,
        decisive=True,
    )


def _telling(case: Case) -> Losses | None:
    """The losses, if enough of the fall lies in re-use for its place to tell the cause."""
    fall = case.incident.before - case.incident.after if case.in_a_rate else 0.0
    losses = case.losses
    tells = losses is not None and losses.rise >= max(RISE, FEW * fall)
    return losses if tells else None


def part_of(part: float) -> str:
    """A part of a rise; noise can push it past 0 or 1."""
    return share(min(1.0, max(0.0, part)))
