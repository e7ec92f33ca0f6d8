"""A model's name taken apart: who made it, whose dates hold, and what lies between.

    claude-opus-4-5, gpt-4o-2024-08-06            the maker's own id
    us.anthropic.claude-opus-5, arn:aws:bedrock:… Bedrock: a model, or a profile that leads to it
    claude-sonnet-4-5@20250929, publishers/…      Google Cloud
    azure/chat-prod                               a deployment at Azure; its name is the team's
    anthropic/…, vertex_ai/…, openai:…            a library's prefix (LiteLLM, LangChain, ...)
    openrouter/…, ~anthropic/claude-opus-latest   OpenRouter, which picks the version
    ft:gpt-4o-mini-2024-07-18:team::id            fine-tuned; lives as long as what it was made of

Ids are written in small letters; "GPT-4o" is what people call the model, and no API's name for it.
Forms were read at platform.claude.com (model-ids-and-versions), developers.openai.com (models),
docs.aws.amazon.com/bedrock, docs.litellm.ai/docs/providers, openrouter.ai; 2026-11.
"""

import re
from dataclasses import dataclass, replace

from ..model_ids import base_id
from .lifecycle import all_facts

LINES = "opus|sonnet|haiku|fable|mythos"
_DAY = r"20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
DATED = re.compile(rf"[-@]{_DAY}$|-20\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$")
SHORT_DATED = re.compile(r"-(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:-preview)?$")
NEWER = re.compile(rf"claude-(?:{LINES})-(\d{{1,2}})(?:-(\d{{1,2}}))?$")
_CLAUDE = re.compile(
    rf"claude-(?:(?:{LINES})-(?:\d{{1,2}}(?:-\d{{1,2}})?|latest)|mythos-preview"
    rf"|3(?:-[57])?-(?:{LINES}))(?:-{_DAY}|@{_DAY}|@latest|@default|-latest)?"
)
SLUG = re.compile(rf"claude-(?:(?:{LINES})-\d\.\d|\d\.\d-(?:{LINES}))(?:-{_DAY})?(?:-fast)?")
_WORDS = (
    "turbo|mini|nano|pro|codex|max|chat|latest|preview|vision|audio|search|realtime|transcribe"
    "|diarize|tts|instruct|16k|32k|sol|terra|luna|astra|cyber|law|rosalind|api|deep-research"
)
_DAYS = r"20\d\d-\d\d-\d\d|(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_GPT = re.compile(
    rf"gpt-(?:3\.5-turbo|[4-9](?:\.\d)?o?|[a-z]+(?:-[a-z]+)?-latest)(?:-(?:{_WORDS}|{_DAYS}))*"
    rf"|gpt-(?:audio|realtime)(?:-\d(?:\.\d)?)?(?:-(?:{_WORDS}|{_DAYS}))*"
    rf"|o[134](?:-(?:{_WORDS}|{_DAYS}))*"
)
_GEMINI = re.compile(r"gemini-(?:\d(?:\.\d)?-)?(?:pro|flash|ultra)(?:-[a-z0-9]+)*")
_OTHERS = re.compile(
    r"(?:mistral|ministral|magistral|codestral|devstral|pixtral|grok)(?:-[a-z0-9.]+)*-latest"
)
_ARN = re.compile(r"arn:aws[a-z-]*:bedrock:[a-z0-9-]*:\d*:([a-z-]+)/(.+)")
_PUBLISHED = re.compile(r"(?:.*/)?publishers/([a-z0-9-]+)/models/([a-z0-9.@-]+)")
_PROFILE = re.compile(r"(global|us-gov|us|eu|apac|au|jp|in|ca|sa)\.([a-z0-9]+\..+)")
_VENDOR = re.compile(r"[a-z0-9]+\.(.+?)(?:-v\d(?::\d+(?::[a-z0-9]+)?)?)?")
_PREFIX = re.compile(r"(~?[a-z0-9_-]+)([:/])(.+)")
_BETWEEN = re.compile(r"(?:converse|converse_like|invoke|responses|[a-z]{2}(?:-[a-z]+)+-\d)/")

PREFIXES = {
    **dict.fromkeys(["anthropic", "openai", "openrouter"]),
    **dict.fromkeys(["gemini", "google", "google_genai", "google-gla", "models"], "google"),
    **dict.fromkeys(["vertex", "vertex_ai", "google-vertex", "google_vertexai"], "vertex"),
    **dict.fromkeys(["bedrock", "bedrock_converse", "amazon-bedrock"], "bedrock"),
    **dict.fromkeys(["azure", "azure_openai", "azure_text"], "azure"),
    **dict.fromkeys(["azure_ai", "foundry"], "foundry"),
    **dict.fromkeys(["litellm_proxy", "github_copilot"], "gateway"),
    **dict.fromkeys(["model", "llm", "openai-chat", "openai-responses", "mistral", "xai"], ""),
}
LOOKS = {
    "deployment": "the deployment's page at Azure: its version, and whether it upgrades itself",
    "group": "the gateway's own configuration; `model` in its answers names the version",
    "router": "`model` in the answer, or model_permaslug in OpenRouter's activity",
    "application-inference-profile": "GetInferenceProfile at AWS: models[].modelArn",
    "provisioned-model": "GetProvisionedModelThroughput at AWS: modelArn",
    "prompt-router": "GetPromptRouter at AWS: models[].modelArn; it picks one per request",
    "default-prompt-router": "GetPromptRouter at AWS: models[].modelArn; it picks one per request",
    "custom-model": "GetCustomModel at AWS: baseModelArn",
    "custom-model-deployment": "GetCustomModelDeployment at AWS: modelArn",
    "imported-model": "GetImportedModel at AWS",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A name taken apart.

    provider   whose dates hold; "" where nobody's are known
    maker      who made the model; "" where the name hides it
    id         the maker's own id with its date; "" where the name hides it
    by         what stands between caller and model, in words; "" for nothing
    look       where to read what the name resolves to; "" where the name itself says it
    """

    provider: str
    maker: str = ""
    id: str = ""
    by: str = ""
    look: str = ""


def form_of(name: str, provider: str = "") -> Form | None:
    """*name* taken apart; None where it has no form that is known.

    provider   as the usage frame has it, where it is known: at Azure every name is a deployment's

    >>> form_of("us.anthropic.claude-sonnet-4-5-20250929-v1:0").id
    'claude-sonnet-4-5-20250929'
    >>> form_of("azure/chat-prod").look == LOOKS["deployment"], form_of("gpt-oss-20b")
    (True, None)
    """
    seller = PREFIXES.get(provider.lower(), provider.lower())
    return _sold(name, seller or provider.lower()) if name else None


def version_id(provider: str, model: str) -> str:
    """One spelling of a version, so that its names at several sellers are the same.

    >>> version_id("vertex", "claude-sonnet-4-5@20250929")
    'claude-sonnet-4-5-20250929'
    """
    found = form_of(model, provider)
    return (found.id if found else "") or model.strip().lower()


def _sold(name: str, seller: str) -> Form | None:
    if arn := _ARN.fullmatch(name):
        return _of_arn(*arn.groups())
    if published := _PUBLISHED.fullmatch(name):
        found = _plain(published[2])
        return replace(found, provider="vertex", by="Google Cloud") if found else None
    if seller == "azure":
        return _azure(name)
    if seller == "gateway":
        return Form(provider="", by="a group of a gateway", look=LOOKS["group"])
    if name.startswith("ft:"):
        found = _plain(name.split(":")[1])
        return replace(found, by="a fine-tuned copy") if found else None
    if (found := _prefixed(name)) is not None:
        return found
    if seller == "openrouter":
        return _routed(name)
    if "bedrock" in seller or seller in ("aws", "amazon") or _is_bedrocks(name):
        return _bedrock(name)
    found = _plain(name)
    if found is None:
        return None
    if "@" in name or (seller in ("vertex", "google") and found.maker == "anthropic"):
        return replace(found, provider="vertex", by="Google Cloud")
    return found


def _prefixed(name: str) -> Form | None:
    """A library's prefix and what follows it; None where there is none."""
    split = _PREFIX.fullmatch(name)
    if split is None or split[1].lstrip("~") not in PREFIXES:
        return None
    head, _, rest = split.groups()
    if head.startswith("~"):
        return _routed(name) if rest.endswith("-latest") else None
    if head == "openrouter":
        return _routed(rest)
    seller = head if PREFIXES[head] is None else PREFIXES[head]
    if head == "models" and not rest.startswith("gemini"):
        return None
    rest = _BETWEEN.sub("", rest)
    if head in ("anthropic", "openai") and SLUG.fullmatch(rest.split(":")[0]):
        return _routed(rest)
    found = _sold(rest, seller or "")
    if found is None or head in ("model", "llm") or found.by:
        return found
    return replace(found, by=f"with the prefix {head}")


def _of_arn(kind: str, rest: str) -> Form | None:
    if kind in ("foundation-model", "inference-profile"):
        return _bedrock(rest)
    look = LOOKS.get(kind)
    words = kind.replace("-", " ")
    return None if look is None else Form(provider="bedrock", by=f"Bedrock: {words}", look=look)


def _is_bedrocks(name: str) -> bool:
    return base_id("bedrock", name) != base_id("", name) and name[0].isalpha()


def _bedrock(name: str) -> Form | None:
    """A model of Bedrock, or a profile that the system made for it."""
    profile = _PROFILE.fullmatch(name)
    inner = _VENDOR.fullmatch(profile[2] if profile else name)
    bare = inner[1] if inner and "." in name.split("-")[0] else name
    found = _plain(bare)
    if found is None:
        return None
    by = f"Bedrock, profile {profile[1]}" if profile else "Bedrock"
    return replace(found, provider="bedrock", by=by)


def _azure(name: str) -> Form | None:
    """Claude under its own ids in Foundry; anything else is a deployment."""
    found = _plain(name)
    if found is not None and found.maker == "anthropic":
        return replace(found, by="Microsoft Foundry")
    return Form(provider="azure", by="a deployment at Azure", look=LOOKS["deployment"])


def _routed(name: str) -> Form:
    """A slug of OpenRouter: which snapshot serves it, and where, is its choice."""
    bare = name.lstrip("~").split("/")[-1].split(":")[0]
    dated = DATED.search(bare) is not None
    return Form(
        provider="openrouter",
        id=bare if dated or bare.endswith("-latest") else "",
        by="OpenRouter",
        look="" if dated or bare.endswith("-latest") else LOOKS["router"],
    )


def _plain(name: str) -> Form | None:
    """The maker's own id."""
    plain = name.replace("@2", "-2") if DATED.search(name) else name
    if plain in _LISTED:
        maker = _LISTED[plain]
        return Form(provider=maker, maker=maker, id=plain)
    if _CLAUDE.fullmatch(name):
        return Form(provider="anthropic", maker="anthropic", id=plain)
    if SLUG.fullmatch(name):
        return _routed(name)
    if _GPT.fullmatch(name):
        return Form(provider="openai", maker="openai", id=plain)
    if _GEMINI.fullmatch(name):
        return Form(provider="google", maker="google", id=plain)
    return Form(provider="", id=plain) if _OTHERS.fullmatch(name) else None


_LISTED = {one.model: one.provider for one in all_facts()}
