"""Names of models in a text, each with its line, its column and what it is there for. Pure.

A name counts where a program asks for it. It is found and *does not count* where it stands

    comment   in a comment
    prose     in a docstring, a Markdown cell, a page
    lookup    as a key of a table, or compared with: prices, limits, switches by model
    test      in a test or its data (of the file's path, see tree.py)
    allowed   in a line with `cacheaudit: allow`, or below a comment that says nothing else

Only whole words are names: `gpt-4o-results.json`, `claude-code`, `./gpt-4o` and `@acme/gpt-4o` are
not. In an address they are names behind /models/, /model/ and /deployments/ of an API, so a link to
a page of documentation is none. `o1`, `o3` and names of deployments are words of any language: they
are read where a setting says so, `model: o3`, `azure_deployment="chat"`.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from .forms import LOOKS, Form, form_of
from .regions import Regions, regions

Where = Literal["code", "comment", "prose", "lookup", "test", "allowed"]
NEAR = 200  # characters of a line beside a name that say what it is there for
LONGEST = 300  # characters of a word that may be a name; an ARN has 150

# Every name holds one of these: a file without any is not looked at twice. Plain searches, for
# one expression of them all takes ten times as long.
_LITERALS = (
    b"claude-", b"gpt-", b"gemini-", b"-latest", b"computer-use-", b"openrouter/",
    b"litellm_proxy/", b"litellm_params", b"azure/", b"/deployments/", b"inference-profile",
    b"provisioned-model", b"prompt-router", b"custom-model", b"imported-model",
)  # fmt: skip
_SHORT_ONES = re.compile(rb"(?:^|[^0-9A-Za-z])o[134](?:[^0-9A-Za-z]|$)")
_DEPLOYS = re.compile(rb"(?i)azure_?(?:openai_?)?(?:api_?)?deployment|deployment_?(?:name|id)")
_WORD = re.compile(r"[A-Za-z0-9_.:@/~-]+")
_HINT = re.compile(
    r"claude-|gpt-|gemini-|-latest|computer-use-|openrouter/|litellm_proxy/|azure/|^arn:"
    r"|/deployments/|^(?:model:)?o[134](?:-|$)|openai[:/]o[134]"
)
_API = re.compile(
    r"https?://[^/]*(?:\bapi[.-]|[.-]api\.|googleapis\.com|amazonaws\.com|\bazure\.com"
    r"|\.azure-api\.net|127\.0\.0\.1|localhost)"
)
_IN_PATH = re.compile(r"/(models?|deployments)/([A-Za-z0-9_.@-]+)")
_PUBLISHED = re.compile(r"publishers/[a-z0-9-]+/models/[a-z0-9.@-]+")
_SETTING = re.compile(
    r"""(?i)(?:(?:\b|_)(?:model|llm|engine)(?:_?(?:name|id))?["']?\s*[:=]\s*|--model[ =])["'`]?$"""
)
_SHORT = re.compile(r"o[134]")
_DEPLOYMENT = re.compile(
    r"""(?i)(?<![\w-])["']?(?:\w*azure\w*_?deployment(?:_?(?:name|id))?|deployment_?(?:name|id)"""
    r"""|azure\w*deployment)["']?\s*(?:=|:)\s*(?:(?P<quote>["'])(?P<quoted>[\w.-]{1,64})(?P=quote)"""
    r"""|(?P<bare>[\w.-]{1,64})(?=\s*(?:\#.*)?$))""",
    re.MULTILINE,
)
_GROUP = re.compile(
    r"""^[ \t]*(?:-[ \t]*)?["']?model_name["']?[ \t]*:[ \t]*["']?"""
    r"""(?P<name>[^\s"',#][^"',#\n]{0,99}?)["']?[ \t]*(?:,?[ \t]*(?:\#.*)?)$""",
    re.MULTILINE,
)
_ALLOW = re.compile(r"cacheaudit:\s*allow\b")
_ALONE = re.compile(r"^\W*cacheaudit:\s*allow\b\W*$")
_COMPARED = re.compile(
    r"""(?:[=!]==?\s*|\b(?:case|when)\s+|(?:starts_?with|ends_?with|includes|contains|has)\(\s*"""
    r"""|HasPrefix\([^"]*|[\w\])]\[)[({]?\s*["'`]$"""
    r"""|\b(?:if|elif|and|or|not|return|assert)\b.*\bin\s*[\[({][^\])}]*["'`]$""",
    re.IGNORECASE,
)
_KEY = re.compile(r"""["'`]?\s*(?::(?![:=])|=>)|["'`]\s*\]?\s*=(?!=)""")
_BARE = {"hash", "terraform", ""}  # families whose values need no quotes


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A name where it stands.

    name          as written, with a library's prefix
    line, column  from 1; of the cell in a notebook; columns are characters
    cell          of a notebook, from 1; None elsewhere
    where         what it is there for; only `code` counts
    form          the name taken apart
    """

    name: str
    line: int
    column: int
    cell: int | None = None
    where: Where
    form: Form


def may_name(content: bytes) -> bool:
    """Whether the bytes of a file can hold a name; in UTF-8, or anything that keeps ASCII."""
    if any(literal in content for literal in _LITERALS):
        return True
    short = any(one in content for one in (b"o1", b"o3", b"o4")) and _SHORT_ONES.search(content)
    return bool(short) or (b"eployment" in content.lower() and bool(_DEPLOYS.search(content)))


def names_in(text: str, family: str = "", cell: int | None = None) -> list[Place]:
    """Names in *text*, in its order. *family* as of regions.language; never raises.

    >>> [(p.name, p.line, p.column, p.where) for p in names_in('ask(model="claude-opus-4-5")')]
    [('claude-opus-4-5', 1, 12, 'code')]
    """
    found = {start: (name, form) for start, name, form in _words(text, family)}
    if not found:
        return []
    lines = [0, *(at.end() for at in re.finditer("\n", text))]
    allowed, parts = _allowed(text, lines), regions(text, family)
    return [
        Place(
            name=name,
            line=(line := bisect_right(lines, start)),
            column=start - lines[line - 1] + 1,
            cell=cell,
            where="allowed" if line in allowed else _where(text, start, start + len(name), parts),
            form=form,
        )
        for start, (name, form) in sorted(found.items())
    ]


def _words(text: str, family: str) -> Iterator[tuple[int, str, Form]]:
    """Start, name and form of each; a setting's reading comes last and holds over a plain one."""
    for match in _WORD.finditer(text):
        word = match[0]
        if len(word) > LONGEST or not _HINT.search(word):
            continue
        for offset, name in _inside(word):
            start = match.start() + offset
            if (form := _read(text, start, name)) is not None:
                yield start, name, form
    yield from _given(text, family)


def _inside(word: str) -> Iterator[tuple[int, str]]:
    """Where in *word* a name may stand, and the name."""
    if published := _PUBLISHED.search(word):
        yield published.start(), published[0]
        return
    if "://" in word:
        if _API.match(word) and (found := _IN_PATH.search(word)):
            yield from _bare(found.start(2), found[2])
        return
    default = word.rfind(":-") + 2 if ":-" in word else 0  # ${MODEL:-gpt-4o}
    for tag in ("model:", "llm:"):
        if word.startswith(tag, default):
            default += len(tag)
    yield from _bare(default, word[default:])


def _bare(offset: int, word: str) -> Iterator[tuple[int, str]]:
    """*word* without the marks that end a sentence."""
    name = word.rstrip(".:-/~@_")
    if name:
        yield offset, name


def _read(text: str, start: int, name: str) -> Form | None:
    """The form of a word, if it is a name in its place."""
    if text.endswith("/deployments/", 0, start):
        return form_of(name, "azure")
    form = form_of(name)
    if form is None or name.startswith("arn:"):
        return form
    common = _SHORT.fullmatch(name) or (form.look and _tail(name) is None)
    if common and not _SETTING.search(_before(text, start)):
        return None
    return form


def _tail(name: str) -> Form | None:
    """What a routed name ends in: `azure/login` ends in no model's name."""
    return form_of(re.split(r"[/:]", name, maxsplit=1)[-1].split("/")[-1].split(":")[0])


def _given(text: str, family: str) -> Iterator[tuple[int, str, Form]]:
    """Names that only a setting tells from other words: Azure's deployments, a gateway's groups."""
    if "eployment" in text or "EPLOYMENT" in text:
        for match in _DEPLOYMENT.finditer(text):
            part = "quoted" if match["quoted"] else "bare"
            if (part == "quoted" or family in _BARE) and _is_a_name(match[part], match[0]):
                form = Form(provider="azure", by="a deployment at Azure", look=LOOKS["deployment"])
                yield match.start(part), match[part], form
    if "litellm_params" in text:
        for match in _GROUP.finditer(text):
            yield (
                match.start("name"),
                match["name"],
                Form(provider="", by="a group of LiteLLM", look=LOOKS["group"]),
            )


def _is_a_name(value: str, setting: str) -> bool:
    """Not a key or a placeholder; and a plain `deployment_name` also belongs to other tools."""
    keyish = len(value) >= 32 and value.isalnum()
    ours = "azure" in setting.lower() or "gpt" in value.lower() or "claude" in value.lower()
    return ours and not keyish and value.lower() not in ("none", "null", "true", "false", "str")


def _allowed(text: str, lines: list[int]) -> set[int]:
    """Lines with the pragma, and those below a line that holds nothing else."""
    found: set[int] = set()
    for match in _ALLOW.finditer(text):
        line = bisect_right(lines, match.start())
        end = lines[line] if line < len(lines) else len(text)
        alone = _ALONE.match(text[lines[line - 1] : end].strip())
        found |= {line, line + 1} if alone else {line}
    return found


def _where(text: str, start: int, end: int, parts: Regions) -> Where:
    if (part := parts.at(start)) in ("comment", "prose"):
        return "comment" if part == "comment" else "prose"
    before, after = _before(text, start), text[end : end + NEAR]
    chosen = "?" in before  # the first arm of `a ? b : c`
    if (_KEY.match(after.partition("\n")[0]) and not chosen) or _COMPARED.search(before):
        return "lookup"
    return "code"


def _before(text: str, start: int) -> str:
    """What stands before *start* in its line; a line can be a file, and a setting is short."""
    low = max(start - NEAR, 0)
    return text[max(text.rfind("\n", low, start) + 1, low) : start]
