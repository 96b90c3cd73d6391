"""A proxy answers others while a heavy request is translated."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import litellm
import pytest

from llm_kimi.integrations.litellm import handler
from llm_kimi.simulator import Simulator


def tool(size: int) -> dict[str, Any]:
    """A tool with ``size`` recursive definitions."""
    definitions = {
        f"D{i}": {
            "type": "object",
            "properties": {"a": {"type": "array", "items": {"$ref": f"#/$defs/D{i}"}}},
        }
        for i in range(size)
    }
    properties = {f"p{i}": {"$ref": f"#/$defs/D{i}"} for i in range(size)}
    parameters = {"type": "object", "properties": properties, "$defs": definitions}
    return {"type": "function", "function": {"name": "f", "parameters": parameters}}


@pytest.mark.parametrize(("size", "aside"), [(100, True), (1, False)])
def test_a_heavy_request_is_translated_in_a_thread(
    kimi: Simulator, monkeypatch: pytest.MonkeyPatch, size: int, aside: bool
) -> None:
    threads = []
    translate = handler.translate_call

    def watched(asked: Any) -> Any:
        threads.append(threading.current_thread())
        return translate(asked)

    monkeypatch.setattr(handler, "translate_call", watched)
    messages = [{"role": "user", "content": "say: hello"}]

    async def main() -> Any:
        return await litellm.acompletion(
            model="kimi/kimi-k2.6", messages=messages, tools=[tool(size)]
        )

    answer = asyncio.run(main())
    assert answer.choices[0].message.content
    assert [thread is not threading.main_thread() for thread in threads] == [aside]
