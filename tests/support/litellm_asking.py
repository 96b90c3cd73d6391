"""One call of LiteLLM in each of the four ways that there are."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

WAYS = ("call", "acall", "stream", "astream")


@dataclass
class Result:
    """One answer, whole or put together from ``chunks``."""

    response: Any
    chunks: list[Any] = field(default_factory=list)

    @property
    def message(self) -> Any:
        return self.response.choices[0].message

    @property
    def text(self) -> str:
        return str(self.message.content)

    @property
    def adjustments(self) -> list[dict[str, Any]]:
        """Wherever this way of calling puts them."""
        if not self.chunks:
            return list(self.response._hidden_params["kimi_adjustments"])
        found = [
            chunk.provider_specific_fields["kimi_adjustments"]
            for chunk in self.chunks
            if getattr(chunk, "provider_specific_fields", None)
        ]
        assert len(found) <= 1
        return list(found[0]) if found else []


def ask(way: str, content: Any = "hi", *, router: Any = None, **given: Any) -> Result:
    """One call in one of the four ``WAYS``; errors come out as they are."""
    given.setdefault("model", "kimi/kimi-k2.6")
    given.setdefault("messages", [{"role": "user", "content": content}])
    import litellm

    host = router or litellm
    if way == "call":
        return Result(host.completion(**given))
    if way == "acall":
        return Result(asyncio.run(host.acompletion(**given)))
    if way == "stream":
        chunks = list(host.completion(stream=True, **given))
    else:

        async def collect() -> list[Any]:
            stream = await host.acompletion(stream=True, **given)
            return [chunk async for chunk in stream]

        chunks = asyncio.run(collect())
    return Result(litellm.stream_chunk_builder(chunks, messages=given["messages"]), chunks)
