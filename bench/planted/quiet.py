"""Quiet quarters: 90 days by the hour in which nothing happens that deserves an alarm."""

from .story import Planted, Story
from .traffic import agents, chat, on, shots
from .world import OPUS_46, Version

DAYS = 90
LEVELS = {"thin": 0.5, "modest": 1.5, "busy": 2.5}  # factors on the sessions
SAME_CARD = Version(id="claude-opus-4-7", floor_tokens=2048)  # priced and counted as OPUS_46


def level(seed: int) -> str:
    """How much traffic the quarter of *seed* has: in turn thin, modest, busy."""
    return list(LEVELS)[seed // 6 % 3]


def quarter(seed: int) -> Planted:
    """Three cohorts; every third quarter has a migration without effect, every other a release."""
    more = LEVELS[level(seed)]
    cohorts = (
        on(chat(sessions_per_hour=10.0 * more), OPUS_46),
        on(agents(sessions_per_hour=3.0 * more), OPUS_46),
        on(shots(prefixes_tokens=(5000, 6500), sessions_per_hour=40.0 * more), OPUS_46),
    )
    if seed % 3 == 0:
        cohorts = tuple(c.then(40.4, version=SAME_CARD) for c in cohorts)  # type: ignore[assignment]
    events = ((60.4, "client", "client 2.5.0", None),) if seed % 2 == 0 else ()
    story = Story(
        name=f"quiet.{'migrated' if seed % 3 == 0 else 'still'}", truth=None, cls=frozenset(),
        cohorts=cohorts, days=DAYS, events=events,
    )  # fmt: skip
    return story.make(seed)
