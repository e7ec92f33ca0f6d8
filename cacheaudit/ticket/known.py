"""What a provider gave out itself, and so knows: its models, and ids of the shapes it makes."""

import re
from functools import cache

from ..aliases.lifecycle import all_facts
from ..model_ids import base_id, without_path
from ..price_list import NoPrice, find
from ..rules import all_rules

MAKERS = ("anthropic", "openai", "bedrock", "google")
# The random part of an id: letters of both cases, and no run of small ones as long as a word.
_MIXED = r"(?=[a-z\d]*[A-Z])(?=[A-Z\d]*[a-z])(?!\w*[a-z]{8})[A-Za-z0-9]"
_DIGIT = r"(?=[a-zA-Z]*\d)" + _MIXED
ITS_ID = re.compile(
    rf"(?:wrkspc|apikey)_01{_MIXED}{{20,24}}|proj_{_DIGIT}{{20,28}}|(?:key_|org-){_DIGIT}{{16,28}}"
)
ITS_CALL = re.compile(
    rf"(?:req|msg)_(?:|bdrk_|vrtx_)01{_MIXED}{{20,24}}|(?:req_|resp_|msg_)[0-9a-f]{{32,64}}"
    rf"|chatcmpl-{_DIGIT}{{26,32}}|[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}"
)


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
