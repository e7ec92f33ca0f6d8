"""What a provider gave out itself, and so knows: its models, and ids of the shapes it makes."""

import re
from functools import cache

from ..aliases.lifecycle import all_facts
from ..model_ids import base_id, without_path
from ..price_list import NoPrice, find
from ..rules import all_rules

MAKERS = ("anthropic", "openai", "bedrock", "google")
# Logs that give a call a UUID of their own, by title (logs/formats.py).
MADE_UP = ("Helicone requests", "Langfuse observations", "LiteLLM spend logs")
# The random part of an id: letters of both cases, and no run of small ones as long as a word.
_MIXED = r"(?=[a-z\d]*[A-Z])(?=[A-Z\d]*[a-z])(?!\w*[a-z]{8})[A-Za-z0-9]"
_DIGIT = r"(?=[a-zA-Z]*\d)" + _MIXED
ITS_IDS = {
    "anthropic": rf"(?:wrkspc|apikey)_01{_MIXED}{{20,24}}",
    "openai": rf"proj_{_DIGIT}{{20,28}}|(?:key_|org-){_DIGIT}{{16,28}}",
}
_MESSAGE = rf"(?:req|msg)_01{_MIXED}{{20,24}}"
_COMPLETION = rf"chatcmpl-{_DIGIT}{{26,32}}|(?:req|resp)_[0-9a-f]{{32,64}}"
_UUID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ITS_CALLS = {
    "anthropic": _MESSAGE,
    "openai": _COMPLETION,
    "azure": f"{_COMPLETION}|{_MESSAGE}",  # it sells the models of both
    "bedrock": rf"(?:req|msg)_bdrk_01{_MIXED}{{20,24}}|{_UUID.pattern}",
    "vertex": rf"(?:req|msg)_vrtx_01{_MIXED}{{20,24}}",
    "openrouter": rf"gen-(?:\d{{10}}-)?{_MIXED}{{20}}",
}


def its_id(provider: str, one: str) -> bool:
    """Whether *one* is an id of a workspace, project or key as *provider* makes them."""
    shape = ITS_IDS.get(provider)
    return shape is not None and re.fullmatch(shape, one) is not None


def its_call(provider: str, request_id: str, *, log_format: str | None = None) -> bool:
    """Whether *request_id* is one that *provider* gave out, in a log titled *log_format*.

    Of a provider whose shapes are not known here, and of one that is not known itself, none is. A
    bare UUID is Bedrock's, unless the log makes up such ids itself.
    """
    if log_format in MADE_UP and _UUID.fullmatch(request_id):
        return False
    shape = ITS_CALLS.get(provider)
    return shape is not None and re.fullmatch(shape, request_id) is not None


def public_model(provider: str, model: str) -> str | None:
    """The id by which *provider* sells *model*; None where it is not known to.

    Without a resource path, which holds an account or a project. A family's rule is no model, and
    a version after the name is not forgiven: what follows it may be a name of a team's own. Of a
    provider that is no maker (a gateway) every maker's models are known.
    """
    name = without_path(model)
    shown = model.strip()[-len(name) :] if name else ""
    makers = (provider,) if provider in MAKERS else (provider, *MAKERS)
    known = any(base_id(one, name) in _names(one) or _priced(one, name) for one in makers)
    return shown if known else None


@cache
def _names(maker: str) -> frozenset[str]:
    """Ids in the kit's own tables; a reseller's are those of all makers."""
    own = {maker} if maker in ("anthropic", "openai") else set(MAKERS)
    rules = {r.model for r in all_rules() if not r.model.endswith("*") and r.provider in own}
    return frozenset(rules | {f.model.lower() for f in all_facts() if f.provider in own})


def _priced(seller: str, name: str) -> bool:
    try:
        find(seller, name)
    except NoPrice:
        return False
    return True
