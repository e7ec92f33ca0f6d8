"""A draft ticket: one incident of a finished postmortem, for who can do something about it."""

from . import argued, told
from .argued import Addressee
from .calls import calls as calls_of
from .names import Names
from .told import Found, One

DRAFT = {
    "provider": "Draft for the provider's support, made from a postmortem of usage. Read it before"
    " you send it.",
    "platform": "Draft for the platform team, made from a postmortem of usage. Read it before you"
    " send it.",
}
WHO = "Who was affected, and who was not"


def ticket_of(
    found: Found, one: One, names: Names, to: Addressee, *, amounts: bool = True
) -> str:  # fmt: skip
    """The ticket as Markdown, its title in the first line.

    found    findings.json of a postmortem (findings.py, schema 1); one: one of its incidents
    names    how names of the team's own are told (names.py, neutral.py)
    amounts  whether money is told
    """
    calls = calls_of(found, one, names)
    parts = {
        "What was seen": told.seen(one, names),
        "Timeline": told.timeline(found, one, names),
        WHO: told.cohorts(one, names),
        "Requests to look up": calls,
        **({"What it cost": told.money(one, names)} if amounts else {}),
        "Cause": argued.causes(one, names, amounts=amounts),
        "What we ask": argued.asked(one, names, to, has_calls="| UTC |" in calls),
        "How it was measured": argued.measured(found, names, amounts=amounts),
    }
    parts[WHO] += told.legend(names, "\n".join(parts.values()))
    whole = [f"## {heading}\n\n{text}" for heading, text in parts.items()]
    return "\n\n".join([f"# {told.title(one, names)}", f"> {DRAFT[to]}", *whole]) + "\n"
