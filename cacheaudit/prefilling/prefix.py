"""A prefix that is to be warmed: what is sent, how long it lives, how often it is used. Pure."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..logs.sent import sent
from ..probing.candidate import PROVIDERS, Candidate
from ..probing.money import LONG
from ..rules import LIFETIME_S
from .shared import UNMARKED, Shared, shared
from .ways import Way, ways

TOO_SHORT, TOO_LONG = "too_short", "too_long"
TOKENS_PER_BYTE = 0.25  # English prose and code; a plan says "about"
NEWER_TOKENIZER = 1.3  # times as many tokens (docs: pricing, about 30 % more, read 2026-08)
RETAINED_S = {"24h": 86_400.0}  # OpenAI before GPT-5.6, prompt_cache_retention
HEAD_WORDS = 128  # OpenAI routes by about 256 tokens; a word is two at most, nearly always


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix:
    """One prefix, as one body of the team's own gives it.

    number   in order of expected use, from 1; first: which body of the file is the first with it
    uses     calls of the request log, else bodies of the file, that begin with it
    body     what is sent, without model and length of output; ways: how, the least output first
    digest   of what is sent
    head     hash of the beginning that OpenAI routes by
    lives_s  lifetime of its entry from the start of a call that writes or reads it; None: not known
    whole    whether it is a whole body, because that shares no part with others
    bytes    of what is sent; about_tokens: by them
    long     whether it may be written for an hour or longer
    why      "" or why it is left out: unmarked, too_short, too_long
    """

    number: int
    first: int
    uses: int
    body: Mapping[str, Any]
    ways: tuple[Way, ...]
    digest: str
    head: str
    lives_s: float | None
    whole: bool
    bytes: int
    about_tokens: int
    long: bool
    why: str = ""

    @property
    def name(self) -> str:
        """What it is called in a report; no text of it is."""
        return f"prefix {self.number}"


def prefixes_of(
    bodies: Sequence[Mapping[str, Any]],
    candidate: Candidate,
    *,
    whole: bool = False,
    lives_s: float = 0.0,
    used: Mapping[str, int] | None = None,
) -> list[Prefix]:
    """The prefixes of *bodies* on *candidate*, the most used first, else in the file's order.

    whole    warm whole bodies (conversations that go on), not what requests share
    lives_s  lifetime of entries where it is known better than from the body; 0 takes the body's
    used     prefix_id of a request log -> its calls; None counts the bodies that are alike
    """
    found: dict[str, Prefix] = {}
    for place, body in enumerate(bodies, 1):
        part = shared(body, candidate.api, whole=whole, in_blocks=in_blocks(candidate))
        one = _prefix(place, body, part, candidate, lives_s)
        if one.digest in found:
            before = found[one.digest]
            found[one.digest] = replace(before, uses=before.uses + 1)
        else:
            found[one.digest] = one
    if used is not None:
        ids = {one.digest: sent(bodies[one.first - 1]).get("prefix_id") for one in found.values()}
        found = {k: replace(p, uses=used.get(str(ids[k]), 0)) for k, p in found.items()}
    order = sorted(found.values(), key=lambda one: (-one.uses, one.first))
    return [replace(one, number=number) for number, one in enumerate(order, 1)]


def in_blocks(candidate: Candidate) -> bool:
    """Whether *candidate* keeps blocks of tokens and bills no writes: OpenAI before GPT-5.6."""
    rule = candidate.rule
    return candidate.api != "messages" and rule is not None and rule.writes_billed is False


def _prefix(
    place: int, body: Mapping[str, Any], part: Shared, candidate: Candidate, lives_s: float
) -> Prefix:
    text = json.dumps(part.body if not part.why else body, ensure_ascii=False)
    size = len(text.encode())
    rule = candidate.rule
    newer = rule is not None and rule.tokenizer == "claude-2"
    minimum = (rule.minimum_tokens if rule else None) or 0
    short = TOO_SHORT if size < minimum else ""  # no tokenizer makes more tokens than bytes
    return Prefix(
        number=0,
        first=place,
        uses=1,
        body=part.body,
        ways=ways(part.body, candidate.api, in_blocks=in_blocks(candidate)),
        digest=hashlib.sha256(f"{part.life}{text}".encode()).hexdigest()[:16],
        head=_head(part.body),
        lives_s=lives_s or lifetime_s(candidate, part.life),
        whole=part.whole,
        bytes=size,
        about_tokens=round(size * TOKENS_PER_BYTE * (NEWER_TOKENIZER if newer else 1.0)),
        long=part.life in LONG,
        why=part.why or short,
    )


def lifetime_s(candidate: Candidate, life: str) -> float | None:
    """Seconds that an entry of *life* lives on *candidate*; None where nobody has said."""
    if in_blocks(candidate):
        return RETAINED_S.get(life)
    if candidate.rule is None and candidate.sold_by not in PROVIDERS.values():
        return None
    if candidate.rule is None and candidate.api != "messages":
        return None  # which of OpenAI's two ways of caching a version has, its row says
    known = LIFETIME_S.get(life)
    return None if known is None else float(known)


def _head(body: Mapping[str, Any]) -> str:
    order = ("tools", "instructions", "system", "messages", "input")
    words = re.findall(r"\w+", json.dumps([body.get(n) for n in order], ensure_ascii=False))
    key = str(body.get("prompt_cache_key") or "")
    return hashlib.sha256(" ".join([key, *words[:HEAD_WORDS]]).encode()).hexdigest()[:16]


LEFT_OUT = (UNMARKED, TOO_SHORT, TOO_LONG)
