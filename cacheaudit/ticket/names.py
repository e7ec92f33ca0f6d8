"""How names are told: as they are, or as labels where the reader must not see them.

A finding is prose already. A name in it is replaced where it can be nothing else; the sentence is
left out where the name might be a word, or where it holds a word that the kit does not use.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..schema import Cohort
from ..words import count, listing
from .known import its_call
from .markdown import plain
from .vocabulary import foreign

MOST_IDS = 12  # of one label
OURS = "a name of ours"


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """How names are told. Without `to`, every name is told as it is.

    to              the provider that reads; None: one of the team's own
    shown           name -> what stands for it in a sentence
    silent          names that no sentence may hold: they could be words, or are another provider's
    words           what a sentence may hold besides, in lower case
    ids             name -> ids that the provider knows it by
    scopes, routes, models   name -> what stands for it
    theirs          cohorts with traffic at `to`; other_models: models of other providers alone
    events          whether events are told in the team's words
    mixed           whether other providers serve a part of what fell
    log_format      title of the log that the request ids are from; None: not known
    """

    to: str | None = None
    shown: Mapping[str, str] = field(default_factory=dict)
    silent: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    ids: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scopes: Mapping[str, str] = field(default_factory=dict)
    routes: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    theirs: frozenset[Cohort] = frozenset()
    other_models: frozenset[str] = frozenset()
    mixed: bool = False
    events: bool = False
    log_format: str | None = None

    @property
    def open(self) -> bool:
        """Whether the reader is one of the team's own."""
        return self.to is None

    def sentence(self, text: str) -> str | None:
        """*text* with its names as they are told, as Markdown; None where it must be left out."""
        if self.open:
            return plain(text)
        if self.silent and _any_of(self.silent).search(text):
            return None
        rest, said = text, text
        if self.shown:
            names = _any_of(self.shown)
            rest = names.sub("\n", text)
            said = names.sub(lambda found: self.shown[found[0]], text)
        return None if foreign(rest, self.words) else plain(said)

    def sentences(self, texts: Iterable[str]) -> list[str]:
        """Those of *texts* that can be told, then how many are left out."""
        told = [self.sentence(text) for text in texts]
        kept = [text for text in told if text is not None]
        return [*kept, *left_out(len(told) - len(kept))]

    def cohort(self, scope: str | None, route: str | None) -> str:
        """A cohort in a sentence, as Markdown."""
        parts = [self._of(self.scopes, scope), self._of(self.routes, route)]
        return plain(" via ".join(part for part in parts if part) or "all traffic")

    def scope(self, scope: str | None) -> str:
        """A workspace or project, as Markdown; nothing for none."""
        return plain(self._of(self.scopes, scope) or "")

    def model(self, model: str | None) -> str:
        """A model id, as Markdown."""
        return plain("not named" if model is None else self._of(self.models, model) or "")

    def call(self, request_id: str) -> str | None:
        """A request id, as Markdown; None where the provider would not know it."""
        known = self.to is None or its_call(self.to, request_id, log_format=self.log_format)
        return _code(request_id) if known else None

    def served(self, scope: str | None, route: str | None) -> bool:
        """Whether the reader may know of the cohort at all."""
        return self.open or (scope, route) in self.theirs

    def places(self, scope: str) -> bool:
        """Whether the reader may know of any cohort of *scope*."""
        return self.open or any(scope == own for own, _ in self.theirs) or scope not in self.silent

    @property
    def tells_events(self) -> bool:
        """Whether the reader sees what a team says of its own changes."""
        return self.open or self.events

    def serves(self, model: str | None) -> bool:
        """Whether the reader may know of the model at all."""
        return model is None or model not in self.other_models

    def legend(self, text: str) -> list[str]:
        """Which ids of the provider the labels in *text* stand for, as Markdown.

        Only of what has traffic there: what is all at another provider is not its business.
        """
        served = {name for cohort in self.theirs for name in cohort}
        return [
            f"{plain(label)}: {listing([_code(one) for one in self.ids[name]], MOST_IDS)}"
            for name, label in {**self.scopes, **self.routes}.items()
            if name in self.ids and name in served and _any_of([plain(label)]).search(text)
        ]

    def _of(self, labels: Mapping[str, str], name: str | None) -> str | None:
        return name if self.open or name is None else labels.get(name, OURS)


def left_out(number: int) -> list[str]:
    """That *number* sentences are not told, in at most one sentence."""
    if number < 2:
        return ["One sentence is left out: it names something of ours."][:number]
    return [f"{count(number)} sentences are left out: they name something of ours."]


def _any_of(names: Iterable[str]) -> re.Pattern[str]:
    """Any of *names* as a whole: not within a number, nor within a longer name."""
    longest = sorted(names, key=lambda name: (-len(name), name))
    any_of = "|".join(re.escape(name) for name in longest)
    return re.compile(rf"(?<!\w)(?<!\w[-./:@+,])(?:{any_of})(?!\w)(?![-./:@+,]\w)")


def _code(one: str) -> str:
    """An id, to be copied; as plain text where it is none."""
    return f"`{one}`" if re.fullmatch(r"[\w.-]+", one) else plain(one)
