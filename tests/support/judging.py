"""What is asked of every translation and of every refusal, for tests of whole requests."""

from __future__ import annotations

import json
import re
from typing import Any

from llm_kimi import InvalidRequestError, Translation, translate
from llm_kimi.simulator.rules.chat import check_chat, ignored
from llm_kimi.simulator.rules.mfjs import check_schema
from tests.support.weakening import silent

Json = dict[str, Any]

# Words by which an error says what to do. A message with none of them only complains.
_WAY_OUT = re.compile(
    r"\b(use|send|write|give|pass|set|make|name|rename|remove|leave|drop|replace|take|put|turn|"
    r"convert|upload|shorten|split|try|ask|instead|must|needs?|should|known|takes?|accepts?|add|"
    r"correct|change|declare|flatten|describe|types are|there are|is an? \w+ or an?)\b",
    re.IGNORECASE,
)


def complaints(error: InvalidRequestError) -> list[str]:
    """What an error lacks: the path, the way out, a text that can be printed."""
    found = []
    if not error.param:
        found.append(f"no param: {error}")
    if not _WAY_OUT.search(error.message):
        found.append(f"no way out: {error}")
    text = str(error)
    if text != text.encode("utf-8", "replace").decode():
        found.append(f"an error that cannot be printed: {text!r}")
    return found


def not_json(body: Json) -> list[str]:
    """Why a body cannot be sent, if it cannot: it has to be plain JSON in UTF-8."""
    try:
        text = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except Exception as error:
        return [f"the body is not JSON: {error!r}"]
    return [] if json.loads(text) == body else ["the body is not as plain as JSON"]


def judged(request: Json, *, checked: bool = True) -> Translation:
    """The translation of a request, which Kimi takes and uses, which tells all that it changes and
    finds nothing more to do. ``checked``: whether the weakening checker looks at it."""
    translation = translate(request)
    body = translation.body
    if not translation.needs:
        assert check_chat(body) is None
        assert not_json(body) == []
    assert ignored(body) == []
    if checked:
        assert silent(request, translation) == []
    again = translate(body)
    assert (again.body, again.adjustments) == (body, ())
    return translation


def ultra(body: Json) -> list[str]:
    """Complaints of Moonshot's validator at its default level about the schemas of a body."""
    schemas = [
        tool["function"]["parameters"]
        for holder in (body, *body["messages"])
        for tool in holder.get("tools") or ()
        if tool["type"] == "function"
    ]
    form = body.get("response_format") or {}
    if form.get("type") == "json_schema":
        schemas.append(form["json_schema"]["schema"])
    found = [check_schema(schema, "ultra") for schema in schemas]
    return [f"at the validator's default level: {line}" for line in found if line]
