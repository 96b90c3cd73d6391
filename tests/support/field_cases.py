"""How requests that real clients sent are written and run, for the tests of field cases."""

from __future__ import annotations

from typing import Any

import pytest

from llm_kimi import InvalidRequestError, Translation, translate
from llm_kimi.simulator.rules.chat import check_chat, ignored
from tests.support.judging import complaints, not_json, ultra
from tests.support.weakening import silent

Json = dict[str, Any]
K31, K3, K27, K26 = "kimi-k3.1-pro", "kimi-k3", "kimi-k2.7-code", "kimi-k2.6"
THINKERS = (K31, K3, K27, K26)
USER = {"role": "user", "content": "go"}
NEXT = {"role": "user", "content": "next"}


def function(parameters: Any, name: str = "f") -> Json:
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


TOOLS = [function({"type": "object", "properties": {"a": {"type": "string"}}})]


def call(id: Any = "c1", arguments: Any = "{}", name: str = "f") -> Json:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def turn(*calls: Json, **more: Any) -> Json:
    return {"role": "assistant", "content": "", "tool_calls": list(calls or (call(),)), **more}


def result(id: Any = "c1", content: Any = "ok", **more: Any) -> Json:
    return {"role": "tool", "tool_call_id": id, "content": content, **more}


def talk(*messages: Any, model: str = K31, **more: Any) -> Json:
    return {"model": model, "messages": [*messages], "tools": TOOLS, **more}


def schema_of(parameters: Any, model: str = K31) -> Json:
    return {"model": model, "messages": [USER], "tools": [function(parameters)]}


def prop(**schema: Any) -> Json:
    return {"type": "object", "properties": {"x": schema}}


def run(request: Json) -> Translation:
    """The translation, which the API would take and which tells all that it changed."""
    translation = translate(request)
    body = translation.body
    found = not_json(body)
    if not found and (refusal := check_chat(body)):
        found = [f"refused by the API: {refusal.message}"]
    if not found:
        found = [*ignored(body), *ultra(body), *silent(request, translation)]
    assert found == [], "; ".join(found)
    return translation


def sent_schema(request: Json) -> tuple[Json, Translation]:
    translation = run(request)
    return translation.body["tools"][0]["function"]["parameters"], translation


def is_told(translation: Translation, *paths: str) -> bool:
    return any(item.param.startswith(paths) for item in translation.adjustments)


def refused(request: Json) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as caught:
        translate(request)
    found = complaints(caught.value)
    assert found == [], "; ".join(found)
    return caught.value


def complaint_or_change(request: Json) -> None:
    """It runs and a change of meaning is admitted, or it is an error with a way out."""
    try:
        translation = run(request)
    except InvalidRequestError as error:
        found = complaints(error)
    else:
        found = [] if translation.changes_of_meaning else ["nothing is admitted"]
    assert found == [], "; ".join(found)
