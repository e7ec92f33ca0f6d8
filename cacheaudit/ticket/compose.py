"""A draft ticket: one incident of a finished postmortem, for who can do something about it."""

from . import argued, told
from .argued import Addressee
from .names import Names
from .told import Found, One

DRAFT = {
    "provider": "Draft for the provider's support, made from a postmortem of usage. Read it before"
    " you send it.",
    "platform": "Draft for the platform team, made from a postmortem of usage. Read it before you"
    " send it.",
}


def ticket_of(
    found: Found, one: One, names: Names, to: Addressee, *, amounts: bool = True
) -> str:  # fmt: skip
    """The ticket as Markdown, its title in the first line.

    found    findings.json of a postmortem (findings.py, schema 1); one: one of its incidents
    names    how names of the team's own are told (names.py, neutral.py)
    amounts  whether money is told
    """
    calls = told.calls(found, one, names)
    parts = [
        f"# {told.title(one, names)}",
        f"> {DRAFT[to]}",
        f"## What was seen\n\n{told.seen(one, names)}",
        f"## Timeline\n\n{told.timeline(found, one, names)}",
        f"## Who was affected, and who was not\n\n{told.cohorts(one, names)}",
        f"## Requests to look up\n\n{calls}",
        *([f"## What it cost\n\n{told.money(one, names)}"] if amounts else []),
        f"## Cause\n\n{argued.causes(one, names, amounts=amounts)}",
        f"## What we ask\n\n{argued.asked(one, names, to, has_calls='| UTC |' in calls)}",
        f"## How it was measured\n\n{argued.measured(found, names, amounts=amounts)}",
    ]
    return "\n\n".join(parts) + "\n"
