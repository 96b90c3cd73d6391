"""What the tests of the schema rewrite share: the rewrite with its invariants, and short forms."""

from __future__ import annotations

import copy
import json
from typing import Any

from llm_kimi.simulator.rules.mfjs import check_schema
from llm_kimi.translation.mfjs import to_mfjs
from tests.support.mfjs_rules import problems

PATH = "tools[0].function.parameters"
ANYTHING = [{"type": t} for t in ("string", "number", "boolean", "object", "array", "null")]


def obj(properties: dict[str, Any], *required: str, **more: Any) -> dict[str, Any]:
    """An object schema."""
    return {
        "type": "object",
        "properties": properties,
        **({"required": list(required)} if required else {}),
        **more,
    }


def rewrite(schema: Any) -> tuple[dict[str, Any], list[Any]]:
    """``to_mfjs``, checked by both checkers and for what holds for every schema."""
    before = copy.deepcopy(schema)
    sent, adjustments = to_mfjs(schema, PATH)
    assert schema == before, "the input was changed"
    assert check_schema(sent) is None
    assert problems(sent) == []
    json.dumps([a.to_dict() for a in adjustments])
    again, more = to_mfjs(copy.deepcopy(sent), PATH)
    assert again == sent, "rewriting twice gives something else"
    assert more == [], [str(a) for a in more]
    if sent != schema:
        assert adjustments, "a change without an adjustment"
    assert sum(not a.changes_meaning for a in adjustments) <= 1
    for adjustment in adjustments:
        assert adjustment.param.startswith(PATH)
        assert "walle" in adjustment.source
        assert adjustment.given != adjustment.sent
    return sent, adjustments


def lost(adjustments: list[Any]) -> list[str]:
    """The places of the changes of meaning."""
    return [a.param.removeprefix(PATH).lstrip(".") for a in adjustments if a.changes_meaning]


def prop(schema: Any, *, root: dict[str, Any] | None = None) -> tuple[dict[str, Any], list[str]]:
    """One property's schema rewritten, and the places of what got lost."""
    sent, adjustments = rewrite({"type": "object", "properties": {"x": schema}, **(root or {})})
    return sent["properties"]["x"], lost(adjustments)
