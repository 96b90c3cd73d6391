"""A web search asked for in LiteLLM, in the words of OpenAI and of Anthropic: Moonshot's own runs
(https://platform.kimi.ai/docs/guide/use-official-tools)."""

from __future__ import annotations

import asyncio
from typing import Any

import litellm
import pytest

import llm_kimi.litellm  # noqa: F401
from llm_kimi.simulator import Simulator

SOURCES = ["https://example.com/web-search-pelicans", "https://example.org/web-search-pelicans"]
ASKED = {
    "model": "kimi/kimi-k3.1-pro",
    "messages": [{"role": "user", "content": "web search: pelicans"}],
}
WORDS = (
    {"web_search_options": {"search_context_size": "medium"}},
    {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
)


def look(said: list[Any]) -> None:
    """``said``: messages or deltas."""
    assert "One page about" in "".join(each.content or "" for each in said)
    assert not any(getattr(each, "tool_calls", None) for each in said)
    noted = [item for each in said for item in getattr(each, "annotations", None) or ()]
    assert [item["url_citation"]["url"] for item in noted] == SOURCES


@pytest.mark.parametrize("words", WORDS, ids=str)
@pytest.mark.parametrize("stream", [False, True])
def test_the_search_runs_and_its_sources_come_along(
    kimi: Simulator, words: dict[str, Any], stream: bool
) -> None:
    answer = litellm.completion(**ASKED, **words, stream=stream)
    if stream:
        look([chunk.choices[0].delta for chunk in answer if chunk.choices])
    else:
        look([answer.choices[0].message])
        spent = [r["usage"]["total_tokens"] for r in kimi.requests if r["usage"]]
        assert answer.usage.total_tokens == sum(spent)

    async def main() -> None:
        answer = await litellm.acompletion(**ASKED, **words, stream=stream)
        if stream:
            look([chunk.choices[0].delta async for chunk in answer if chunk.choices])
        else:
            look([answer.choices[0].message])

    asyncio.run(main())


def test_strict_mode_refuses_another_search(kimi: Simulator) -> None:
    with pytest.raises(litellm.BadRequestError, match="Moonshot's own web search"):
        litellm.completion(**ASKED, **WORDS[1], strict=True)
    assert kimi.requests == []
