"""Who served a call: the provider's name out of a label or an address.

Names are those of the usage frame: who serves and bills. A label that is not known stays as it is,
in lower case; an address that is not known is None.

| label, or host | provider |
|---|---|
| `aws.bedrock`, `amazon-bedrock`; `bedrock*.amazonaws.com`, `bedrock-mantle.*.api.aws` | bedrock |
| `gcp.vertex_ai`, `vertex_ai`, `google-vertex`; `*aiplatform.googleapis.com` | vertex |
| `gcp.gemini`, `gcp.gen_ai`, `gemini`, `google-gla`; `generativelanguage.googleapis.com` | google |
| `azure.ai.openai`, `az.ai.openai`, `azure.ai.inference`; `*.azure.com` | azure |
| `mistral_ai`, `x_ai`, `ibm.watsonx.ai` | mistral, xai, watsonx |
| `anthropic.messages`, `openai.chat`, `openai.responses` (Vercel AI SDK) | what is before the dot |

Sources: gen_ai.provider.name and the older gen_ai.system of the OpenTelemetry conventions
(semantic-conventions-genai, 2026); addresses of recorded payloads of pydantic-ai and openllmetry.
"""

from typing import Any
from urllib.parse import urlsplit

_SAME = {
    "anthropic": ("claude",),
    "bedrock": ("aws.bedrock", "aws_bedrock", "amazon-bedrock", "amazon_bedrock", "aws"),
    "vertex": (
        "gcp.vertex_ai", "vertex_ai", "vertexai", "google_vertex", "google-vertex",
        "google.vertex", "gcp.vertex.agent",
    ),
    "google": (
        "gcp.gemini", "gcp.gen_ai", "gemini", "google_genai", "google-gla", "google-genai",
        "google.generative-ai", "google_ai_studio", "google-ai-studio",
    ),
    "azure": (
        "azure.ai.openai", "az.ai.openai", "azure.ai.inference", "az.ai.inference",
        "azure_openai", "azure-openai", "azure_ai", "azureopenai",
    ),
    "mistral": ("mistral_ai", "mistralai"),
    "xai": ("x_ai", "x-ai", "x.ai"),
    "watsonx": ("ibm.watsonx.ai",),
}  # fmt: skip
_NAMED = {label: name for name, labels in _SAME.items() for label in labels}
_HOSTS = (
    ("api.anthropic.com", "anthropic"),
    ("api.openai.com", "openai"),
    ("aiplatform.googleapis.com", "vertex"),
    ("generativelanguage.googleapis.com", "google"),
    ("azure.com", "azure"),
    ("openrouter.ai", "openrouter"),
    ("deepseek.com", "deepseek"),
    ("mistral.ai", "mistral"),
    ("cohere.com", "cohere"),
    ("cohere.ai", "cohere"),
    ("groq.com", "groq"),
    ("cerebras.ai", "cerebras"),
    ("api.x.ai", "xai"),
    ("api.z.ai", "zai"),
    ("huggingface.co", "huggingface"),
    ("together.xyz", "together"),
    ("fireworks.ai", "fireworks"),
    ("perplexity.ai", "perplexity"),
)
# Labels that the Vercel AI SDK extends by the kind of API: `openai.chat`.
_PLAIN = {*_SAME, *(name for _, name in _HOSTS)}


def provider_named(label: Any) -> str | None:
    """The provider that *label* means; None where it is no text.

    >>> provider_named("aws.bedrock"), provider_named("openai.chat"), provider_named("GitHub")
    ('bedrock', 'openai', 'github')
    """
    if not isinstance(label, str) or not label.strip():
        return None
    whole = label.strip().lower()
    parts = whole.split(".")
    for length in range(len(parts), 0, -1):
        start = ".".join(parts[:length])
        if start in _NAMED:
            return _NAMED[start]
        if start in _PLAIN:
            return start
    return whole


def provider_at(address: Any) -> str | None:
    """The provider whose host is in *address*, a URL or a bare host; None where it is not known.

    >>> provider_at("https://bedrock-runtime.eu-central-1.amazonaws.com/model/x/converse")
    'bedrock'
    >>> provider_at("my-gateway.internal") is None
    True
    """
    if not isinstance(address, str) or not address:
        return None
    try:
        host = urlsplit(address if "//" in address else f"//{address}").hostname or ""
    except ValueError:
        return None
    if host.startswith("bedrock") and host.endswith((".amazonaws.com", ".api.aws")):
        return "bedrock"
    for known, name in _HOSTS:
        # Vertex puts the region before its host with a hyphen.
        if host == known or host.endswith(f".{known}") or host.endswith(f"-{known}"):
            return name
    return None
