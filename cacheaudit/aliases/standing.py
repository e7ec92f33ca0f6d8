"""What a model's name is on a given day: pinned, moving, on its way out, or decided elsewhere.

    retired      the provider no longer answers to it
    retiring     the day of its end is announced
    deprecated   its end is announced, without a day
    moving       an alias: the version behind it changes without the caller
    undated      the only name of its model: no snapshot is listed to pin, and nothing promises that
                 it stays. Not moving, for nobody has seen it move; not pinned, for nobody says so
    gateway      a deployment, a group or a profile: what it resolves to is decided elsewhere
    unknown      no source says
    pinned       one version, as long as it lives: it can be deprecated or retiring as well

Rules, where no row and no live list says it (vendors' pages, read 2026-08 and 2026-11):
a name that ends in -latest, @latest or @default moves; a dated one is pinned; Anthropic's names
without a date are pinned from the generation 4.6 on and aliases before.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from .ends import Held, Live, end_of, held_by
from .forms import DATED, NEWER, SHORT_DATED, Form, form_of
from .lifecycle import Fact, fact

Kind = Literal[
    "retired", "retiring", "deprecated", "moving", "undated", "gateway", "unknown", "pinned"
]
KINDS: tuple[Kind, ...] = (
    "retired", "retiring", "deprecated", "moving", "undated", "gateway", "unknown", "pinned",
)  # fmt: skip

PINNED_FROM = (
    4,
    6,
)  # https://platform.claude.com/docs/en/about-claude/models/model-ids-and-versions
RULES = {
    "anthropic": "https://platform.claude.com/docs/en/about-claude/models/model-ids-and-versions",
    "openai": "https://developers.openai.com/api/docs/models",
    "google": "https://ai.google.dev/gemini-api/docs/models",
    "openrouter": "https://openrouter.ai/docs",
}
OWN_DATES = {
    "bedrock": "Bedrock keeps dates of its own: GetFoundationModel, modelLifecycle",
    "vertex": "Google Cloud keeps dates of its own: its model pages",
}
NOT_SAID = "nobody says to what, but `model` of an answer does"
UNLISTED = "; it is not in the table, so its end is not known"
FORMS: dict[str, Kind] = {"snapshot": "pinned", "alias": "moving", "undated": "undated"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a name is on a day.

    provider      whose dates hold; "" where nobody's are known
    kind          the gravest thing that holds; kinds: all that hold, gravest first
    resolves_to   the version that an alias answered with when it was last read; None: not known
    retires_on    first day without it; None: none is known
    source        where that was read: a URL with the day, or the live list
    why           in a sentence or two, with where to look
    disagrees     where the table and the live list differ; "" where they do not
    """

    name: str
    provider: str
    kind: Kind
    kinds: tuple[Kind, ...]
    resolves_to: str | None
    retires_on: date | None
    source: str
    why: str
    disagrees: str = ""


def standing(provider: str, model: str, day: date, *, live: Live | None = None) -> Standing:
    """What *model* is on *day*; kind `unknown` for what no source names. Never raises.

    provider   as in the usage frame; "" reads it from the name
    live       what the providers list now (live.py); it wins over the table, and says where

    >>> found = standing("anthropic", "claude-sonnet-4-5", date(2026, 11, 23))
    >>> found.kind, found.kinds, str(found.retires_on)
    ('retiring', ('retiring', 'moving'), '2026-11-30')
    """
    return standing_of(model, form_of(model, provider), day, live)


def standing_of(model: str, form: Form | None, day: date, live: Live | None = None) -> Standing:
    """The same, for a name that is taken apart already."""
    if form is None:
        return _bare(model, "", "unknown", "no provider's form of a name", source="")
    if form.look:
        why = f"{form.by}: what it resolves to is decided there; look at {form.look}"
        return _bare(model, form.provider, "gateway", why, source="")
    held = None if form.provider in OWN_DATES else held_by(form.maker, form.id, live, day)
    names, why, source = _named(form, held)
    end, until, words = end_of(held, day)
    told = held.fact if held else None
    kinds = tuple(k for k in KINDS if k in {end, names})
    return Standing(
        name=model,
        provider=form.provider,
        kind=kinds[0],
        kinds=kinds[:1] if end == "retired" else kinds,
        resolves_to=_target(form, told),
        retires_on=until,
        source=_cited(told) if told is not None and end else source,
        why="; ".join(part for part in (why, words, _aside(form)) if part),
        disagrees=held.disagrees if held else "",
    )


def _named(form: Form, held: Held | None) -> tuple[Kind, str, str]:
    """Whether the name itself moves, why, and where that was read."""
    rule = RULES.get(form.maker or form.provider, "")
    by = f"{form.by}: " if form.by else ""
    if form.id.endswith(("-latest", "@latest", "@default")):
        return "moving", f"{by}the name says that it follows the latest version", rule
    row = fact(form.maker, form.id)
    if row is not None and row.names is not None:
        return FORMS[row.names], by + _row_words(row), _cited(row)
    if DATED.search(form.id) or (form.maker == "openai" and SHORT_DATED.search(form.id)):
        return "pinned", f"{by}a dated snapshot{'' if held else UNLISTED}", rule
    if form.maker == "anthropic":
        return _claude(form, by)
    if form.maker == "google" and form.id[-4:-3] == "-" and form.id[-3:].isdigit():
        return "pinned", f"{by}a numbered stable version", rule
    listed = "is in the live list, and" if held else "is not in the table;"
    return "unknown", f"{by}it {listed} nothing says whether it moves", rule


def _claude(form: Form, by: str) -> tuple[Kind, str, str]:
    if _is_fixed(form.id):
        why = f"{by}a name without a date is one fixed version from Claude 4.6 on"
        return "pinned", why + UNLISTED, RULES["anthropic"]
    return "moving", f"{by}a short name from before Claude 4.6 is an alias", RULES["anthropic"]


def _is_fixed(name: str) -> bool:
    """Whether *name* is one of Claude's that are pinned without a date."""
    found = NEWER.fullmatch(name)
    return found is not None and (int(found[1]), int(found[2] or 0)) >= PINNED_FROM


def _row_words(row: Fact) -> str:
    if row.names == "alias":
        to = f"it last resolved to {row.resolves_to}" if row.resolves_to else NOT_SAID
        return f"an alias, which follows the newest snapshot; {to}"
    if row.names == "undated":
        return "the only name of its model: no snapshot is listed to pin, and nobody says it stays"
    if _is_fixed(row.model):
        return "one fixed version, without a date as all from Claude 4.6 on"
    return "a snapshot"


def _target(form: Form, told: Fact | None) -> str | None:
    row = told or fact(form.maker, form.id)
    return row.resolves_to if row else None


def _aside(form: Form) -> str:
    """For sellers with dates of their own: where they are, and what the maker's are."""
    own = OWN_DATES.get(form.provider, "")
    row = fact(form.maker, form.id) if own else None
    if row is not None and row.retires_on is not None:
        maker = {"anthropic": "Anthropic", "openai": "OpenAI"}[form.maker]
        return f"{own} ({maker}'s is {row.retires_on})"
    return own


def _cited(one: Fact) -> str:
    return f"{one.source} ({one.evidence}, {one.checked_on})"


def _bare(model: str, provider: str, kind: Kind, why: str, source: str) -> Standing:
    return Standing(
        name=model, provider=provider, kind=kind, kinds=(kind,), resolves_to=None,
        retires_on=None, source=source, why=why,
    )  # fmt: skip
