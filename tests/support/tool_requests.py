"""Requests with tools, and what is asked of their translation."""

from __future__ import annotations

import re
from typing import Any

from llm_kimi import Translation, translate
from llm_kimi.catalog import MODELS, Model
from llm_kimi.simulator.rules.chat import check_chat, ignored
from tests.support.weakening import silent

Json = dict[str, Any]
K3 = [model for model in MODELS if model.dynamic_tools]
OTHERS = [model for model in MODELS if not model.dynamic_tools]
LEGAL = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}\Z")
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
BASE = {"model": "kimi-k3.1-pro", "messages": [{"role": "user", "content": "Hi"}]}
SEARCH = {"type": "builtin_function", "function": {"name": "$web_search"}}


def function(name: str, **more: Any) -> Json:
    body = {"name": name, "parameters": SCHEMA, "strict": False, **more}
    return {"type": "function", "function": {k: v for k, v in body.items() if v is not ...}}


def run(model: Model | str = "kimi-k2.6", **more: Any) -> Translation:
    name = model if isinstance(model, str) else model.id
    request = {"model": name, "messages": [{"role": "user", "content": "Hi"}], **more}
    translation = translate(request)
    assert check_chat(translation.body) is None
    assert ignored(translation.body) == []
    again = translate(translation.body)
    assert (again.body, again.adjustments) == (translation.body, ())
    if not any(tool.get("type") == "builtin_function" for tool in more.get("tools") or ()):
        assert silent(request, translation) == []
    return translation


def params(translation: Translation) -> set[str]:
    return {item.param for item in translation.adjustments}


def talk_with(*tools: Json, **more: Any) -> list[Json]:
    return [
        {"role": "user", "content": "Hi"},
        {"role": "system", "tools": list(tools), **more},
        {"role": "user", "content": "Go"},
    ]
