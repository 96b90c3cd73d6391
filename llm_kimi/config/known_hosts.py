"""Whose host is it, and whose key? Known by names and by how keys begin; nothing is asked.

Makers' API hosts are those of their own documentation; so are the beginnings of keys.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "KIMI_CODE",
    "MOONSHOT",
    "WEBSITES",
    "Maker",
    "is_loopback",
    "maker_of_host",
    "maker_of_key",
]

MOONSHOT = {
    "api.moonshot.ai": "international, keys of platform.kimi.ai",
    "api.moonshot.cn": "mainland China, keys of platform.kimi.com",
}
"""Moonshot AI's open platform."""

KIMI_CODE = ("api.kimi.com", "api.kimi.ai")
"""The subscription's hosts; @moonshot-ai/kimi-code 2.1.0 on npm has both."""

WEBSITES = (
    *("platform.kimi.ai", "platform.kimi.com", "platform.moonshot.ai", "platform.moonshot.cn"),
    *("kimi.com", "www.kimi.com", "kimi.ai", "www.kimi.ai", "kimi.moonshot.cn"),
    *("moonshot.ai", "www.moonshot.ai", "moonshot.cn", "www.moonshot.cn"),
)
"""Pages for people; no API answers there."""


def is_loopback(name: str) -> bool:
    """Whether the host ``name`` is this machine."""
    return name in ("localhost", "::1", "0.0.0.0") or name.startswith("127.")


@dataclass(frozen=True, slots=True)
class Maker:
    """Another company or program with an API. ``hosts`` are names, those below them included;
    ``keys`` are beginnings of its keys; ``relay``: it serves models of other makers, Kimi's
    perhaps. ``port``: where it listens on one's own machine."""

    name: str
    hosts: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    relay: bool = False
    port: int | None = None


MAKERS = (
    Maker("OpenAI", ("openai.com",), ("sk-proj-", "sk-svcacct-", "sk-admin-")),
    Maker("Anthropic", ("anthropic.com",), ("sk-ant-",)),
    Maker("Google", ("generativelanguage.googleapis.com",), ("AIza",)),
    Maker("DeepSeek", ("deepseek.com",)),
    Maker("Mistral", ("mistral.ai",)),
    Maker("xAI", ("x.ai",), ("xai-",)),
    Maker("Cohere", ("cohere.com", "cohere.ai")),
    Maker("Perplexity", ("perplexity.ai",), ("pplx-",)),
    Maker("Z.ai", ("z.ai", "bigmodel.cn")),
    Maker("MiniMax", ("minimax.io", "minimaxi.com")),
    Maker("OpenRouter", ("openrouter.ai",), ("sk-or-",), relay=True),
    Maker("Groq", ("groq.com",), ("gsk_",), relay=True),
    Maker("Together", ("together.xyz", "together.ai"), relay=True),
    Maker("Fireworks", ("fireworks.ai",), ("fw_",), relay=True),
    Maker("Hugging Face", ("huggingface.co",), ("hf_",), relay=True),
    Maker("NVIDIA", ("nvidia.com",), ("nvapi-",), relay=True),
    Maker("Cerebras", ("cerebras.ai",), ("csk-",), relay=True),
    Maker("DeepInfra", ("deepinfra.com",), relay=True),
    Maker("Novita", ("novita.ai",), relay=True),
    Maker("SiliconFlow", ("siliconflow.cn", "siliconflow.com"), relay=True),
    Maker("Baseten", ("baseten.co",), relay=True),
    Maker("Vercel's AI Gateway", ("ai-gateway.vercel.sh",), relay=True),
    Maker("GitHub", ("models.github.ai", "githubcopilot.com"), ("ghp_", "github_pat_"), relay=True),
    Maker("Amazon", ("amazonaws.com",), relay=True),
    Maker("Microsoft Azure", ("azure.com", "azure.net"), relay=True),
    Maker("Google Cloud", ("aiplatform.googleapis.com",), relay=True),
    Maker("Alibaba Cloud", ("aliyuncs.com",), relay=True),
    Maker("Volcengine", ("volces.com",), relay=True),
    Maker("Ollama", ("ollama.com",), relay=True, port=11434),
    Maker("LM Studio", relay=True, port=1234),
)


def maker_of_host(name: str, port: int | None) -> Maker | None:
    """The maker whose host ``name`` is, or whose program listens at ``port`` of this machine."""
    if is_loopback(name):
        return next((maker for maker in MAKERS if maker.port == port is not None), None)
    for maker in MAKERS:
        if any(name == host or name.endswith(f".{host}") for host in maker.hosts):
            return maker
    return None


def maker_of_key(key: str) -> tuple[str, str] | None:
    """Whose key it is by its beginning, and that beginning; None where nothing tells."""
    if key.startswith("sk-kimi-"):
        return "Kimi Code", "sk-kimi-"
    for maker in MAKERS:
        for start in maker.keys:
            if key.startswith(start):
                return maker.name, start
    return None
