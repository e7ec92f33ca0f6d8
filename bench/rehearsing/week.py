"""The days before: production on the incumbent, its log, the provider's report, a replay."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench.rehearsing.book import Book
from bench.rehearsing.stage import Stage
from bench.rehearsing.story import INCUMBENT, Story
from cacheaudit.replaying import replay, rules_of
from cacheaudit.schema import TOKENS


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the acts share: the story, where files go, what is told."""

    story: Story
    folder: Path
    book: Book


def lived(scene: Scene, on: Stage) -> None:
    """Send the days before through the SDK; the log goes to requests.parquet."""
    story, book = scene.story, scene.book
    book.act(f"{story.days} days of production on {INCUMBENT}, through the SDK")
    on.until(story.eve)
    log = on.log()
    log.to_parquet(scene.folder / "requests.parquet")
    book.note("calls", len(log))
    reported = pd.concat(
        [
            on.usage(day, min(day + pd.Timedelta("1D"), on.at))
            for day in pd.date_range(story.first, story.eve, freq="D")
        ]
    )
    tokens, reads = _tokens(log), int(log["cache_read_tokens"].sum())
    book.check("tokens in the request log and in the provider's report", tokens, "is",
               _tokens(reported))  # fmt: skip
    rules = rules_of("anthropic", INCUMBENT, story.first.date(), ttl=story.life)
    outcome = replay(log, rules)
    book.note("hit rate that was served", reads / outcome.prompt_tokens, "share")
    book.check("tokens that a replay reads and that were read", outcome.hit_tokens, "is", reads)


def _tokens(frame: pd.DataFrame) -> int:
    return int(sum(frame[name].sum() for name in TOKENS if name in frame))
