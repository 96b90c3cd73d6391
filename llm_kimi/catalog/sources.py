"""Where the facts of the catalog were read: each page or probe, when it was seen, how sure it is.

Adjustments, errors and the docs name these sources. Dates are ISO dates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

__all__ = ["SOURCES", "Mark", "Source"]

Mark: TypeAlias = Literal["official", "probed", "reported"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a fact was read, when, and how sure it is.

    ``official`` is the vendor's own page, ``probed`` a posted request and response,
    ``reported`` somebody's account of it.
    """

    url: str
    seen: str
    mark: Mark

    def __str__(self) -> str:
        return f"{self.url} ({self.mark}, {self.seen})"


SOURCES: Mapping[str, Source] = MappingProxyType(
    {
        "openapi": Source("https://platform.kimi.ai/docs/openapi.json", "2026-08-21", "official"),
        "models": Source("https://platform.kimi.ai/docs/models", "2026-08-13", "official"),
        "overview": Source("https://platform.kimi.ai/docs/api/overview", "2026-09", "official"),
        "parameters": Source(
            "https://platform.kimi.ai/docs/guide/models-overview", "2026-08-13", "official"
        ),
        "migration": Source(
            "https://platform.kimi.ai/docs/guide/migrating-from-openai-to-kimi",
            "2026-08-18",
            "official",
        ),
        "k3-quickstart": Source(
            "https://platform.kimi.ai/docs/guide/kimi-k3-quickstart", "2026-08-13", "official"
        ),
        "k2.6-quickstart": Source(
            "https://platform.kimi.ai/docs/guide/kimi-k2-6-quickstart", "2026-08-13", "official"
        ),
        "thinking": Source(
            "https://platform.kimi.ai/docs/guide/use-thinking-models", "2026-08-13", "official"
        ),
        "effort": Source(
            "https://platform.kimi.ai/docs/guide/use-reasoning-effort", "2026-08-13", "official"
        ),
        "tool-choice": Source(
            "https://platform.kimi.ai/docs/guide/use-tool-choice", "2026-08", "official"
        ),
        "dynamic-tools": Source(
            "https://platform.kimi.ai/docs/guide/use-dynamic-tool-loading",
            "2026-08-13",
            "official",
        ),
        "vision": Source(
            "https://platform.kimi.ai/docs/guide/use-kimi-vision-model", "2026-08-13", "official"
        ),
        "partial": Source(
            "https://platform.kimi.ai/docs/guide/use-partial-mode", "2026-08-13", "official"
        ),
        "streaming": Source(
            "https://platform.kimi.ai/docs/guide/utilize-the-streaming-output",
            "2026-08-13",
            "official",
        ),
        "json-mode": Source(
            "https://platform.kimi.ai/docs/guide/use-json-mode", "2026-08-13", "official"
        ),
        "response-format": Source(
            "https://platform.kimi.ai/docs/guide/response_format", "2026-08-13", "official"
        ),
        "web-search": Source(
            "https://platform.kimi.ai/docs/guide/use-web-search", "2026-08-13", "official"
        ),
        "files": Source(
            "https://platform.kimi.ai/docs/guide/use-kimi-api-for-file-based-qa",
            "2026-08-13",
            "official",
        ),
        "errors": Source("https://platform.kimi.ai/docs/api/errors", "2026-08-13", "official"),
        "troubleshooting": Source(
            "https://platform.kimi.ai/docs/guide/troubleshooting", "2026-08-13", "official"
        ),
        "mfjs": Source(
            "https://github.com/MoonshotAI/walle/blob/main/docs/mfjs-spec.md",
            "2026-06-29",
            "official",
        ),
        "kimi-code": Source("https://github.com/MoonshotAI/kimi-code", "2026-08-22", "official"),
        "pricing": Source(
            "https://platform.kimi.ai/docs/pricing/chat-k3", "2026-08-18", "official"
        ),
        "k3.1-migration": Source(
            "https://dev.to/aihubmix/kimi-k31-pro-migration-guide-five-400s-one-404-and-the-claude-code-codex-config-13k",
            "2026-10-24",
            "reported",
        ),
        "k3.1-quickstart": Source(
            "https://apidog.com/blog/kimi-k3-1-pro-api/", "2026-10-26", "reported"
        ),
        "k3.1-vercel": Source(
            "https://vercel.com/ai-gateway/models/kimi-k3.1-pro", "2026-10-24", "reported"
        ),
        "k3.1-novita": Source(
            "https://novita.ai/models/model-detail/moonshotai-kimi-k3.1-pro",
            "2026-10-24",
            "reported",
        ),
        "k3.1-prices": Source(
            "https://docs.apiyi.com/en/api-capabilities/kimi-k3-1/overview.md",
            "2026-10",
            "reported",
        ),
        "cache-prices": Source(
            "https://github.com/pydantic/genai-prices", "2026-10-15", "reported"
        ),
        "cache-ttl": Source(
            "https://forum.moonshot.ai/t/context-caching-upgrade-5-min-1-hour-ttl-options/613",
            "2026-09",
            "official",
        ),
        "tool-duplicate": Source(
            "https://platform.kimi.ai/docs/guide/use-official-tools", "2026-08-13", "official"
        ),
        "k3.1-synaps": Source(
            "https://docs.rs/synaps-engine/0.11.0/src/agent_engine/runtime/openai/catalog/kimi.rs.html",
            "2026-10",
            "probed",
        ),
        "k3-required": Source(
            "https://docs.rs/crate/harn-vm/0.10.120/source/src/llm/capability_sources/20-providers/35-moonshot.toml",
            "2026-08-26",
            "probed",
        ),
        "forcing": Source(
            "https://github.com/UKGovernmentBEIS/inspect_ai/pull/5152", "2026-08-31", "probed"
        ),
        "off-pins": Source(
            "https://github.com/UKGovernmentBEIS/inspect_ai/pull/5156", "2026-08-31", "probed"
        ),
        "off-forcing": Source("https://github.com/can1357/oh-my-pi/pull/1078", "2026", "probed"),
        "effort-k2": Source(
            "https://github.com/theopenco/llmgateway/issues/3061", "2026", "probed"
        ),
        "reasoning-missing": Source(
            "https://github.com/continuedev/continue/issues/11600", "2026", "probed"
        ),
        "reasoning-filler": Source(
            "https://github.com/farion1231/cc-switch/issues/2365", "2026", "probed"
        ),
        "developer-role": Source(
            "https://github.com/openclaw/openclaw/issues/8579", "2026", "probed"
        ),
        "empty-assistant": Source(
            "https://github.com/AstrBotDevs/AstrBot/issues/7200", "2026", "probed"
        ),
        "empty-text": Source("https://github.com/BerriAI/litellm/issues/42186", "2026", "probed"),
        "tool-names": Source(
            "https://github.com/MoonshotAI/kimi-cli/issues/2531", "2026", "probed"
        ),
        "near-zero": Source(
            "https://github.com/BerriAI/litellm/issues/12547", "2025-07", "reported"
        ),
    }
)
