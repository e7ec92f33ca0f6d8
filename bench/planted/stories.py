"""Every story, by family; names are unique."""

from . import stories_client, stories_confounded, stories_model, stories_other
from .story import Story

STORIES: tuple[Story, ...] = (
    *stories_model.stories(),
    *stories_client.stories(),
    *stories_other.stories(),
    *stories_confounded.stories(),
)
BY_NAME: dict[str, Story] = {s.name: s for s in STORIES}
if len(BY_NAME) != len(STORIES):
    raise ValueError("two stories share a name")
