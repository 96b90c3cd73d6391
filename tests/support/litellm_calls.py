"""What the tests of LiteLLM's calls share: a tool, and the body that was sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from llm_kimi.simulator import Simulator

Ask = Callable[..., Any]

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
CALL = '{{call: get_weather {"city": "Paris"}}}'


@pytest.fixture
def ask(kimi: Simulator) -> Ask:
    """``asking.ask``; every record of the simulator must be without a broken rule."""
    from tests.support.litellm_asking import ask as call

    return call


def sent(kimi: Simulator) -> dict[str, Any]:
    """The body of the last request."""
    record = kimi.requests[-1]
    assert record["rule"] is None, record["rule"]
    assert record["ignored"] == []
    body = record["body"]
    assert isinstance(body, dict)
    return body
