"""tool_choice: native where the model takes it, the nearest thing elsewhere.

In: every form of OpenAI's (``auto``, ``none``, ``required``, a named tool, ``allowed_tools``) and
Anthropic's ``any`` and ``tool``. Out: a form that the model accepts in its thinking mode; where
there is none, ``draft.forced`` tells the exchange to ask, nudge and ask once more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ...errors import InvalidRequestError
from ..checks import require
from ..draft import Draft
from ..results import Forced
from ..thinking import switch_off
from .dynamic import declared_later
from .forms import hosted, name_of
from .names import Names

__all__ = ["FALLBACKS", "Fallback", "apply"]

Fallback = Literal["nudge", "disable_thinking", "error"]
FALLBACKS: tuple[Fallback, ...] = ("nudge", "disable_thinking", "error")


_SPELLING = "Kimi's spelling of it"


def apply(draft: Draft, fallback: Fallback) -> None:
    """Bring ``tool_choice`` to what the model takes; may narrow ``tools``, may set ``forced``."""
    if "tool_choice" not in draft.body:
        return
    given = draft.body["tool_choice"]
    names = draft.names
    choice = _parse(draft, given, names)
    if "tools" not in draft.body and not draft.official and not any(declared_later(draft)):
        del draft.body["tool_choice"]
        reason, forced = "there are no tools", choice not in ("auto", "none")
        draft.adjust(draft.tool_choice_param, given, None, reason, "tool-choice", meaning=forced)
        return
    if isinstance(choice, tuple):
        _force_named(draft, given, choice[1], fallback)
    elif choice == "required":
        _require(draft, given, fallback)
        if "tools" not in draft.body and draft.body.get("tool_choice") == "required":
            # Kimi refuses it without tools; it goes along with those that are declared later.
            del draft.body["tool_choice"]
            draft.official_required = True
    elif given != choice:
        draft.body["tool_choice"] = choice
        draft.adjust(draft.tool_choice_param, given, choice, _SPELLING, meaning=False)


_WORDS = {"auto": "auto", "none": "none", "required": "required", "any": "required"}
_NAMING = ("function", "custom", "builtin_function", "tool", None)


def _parse(draft: Draft, given: Any, names: Names) -> Any:
    """``"auto"``, ``"none"``, ``"required"`` or ``("named", name as sent)``."""
    if isinstance(given, str):
        word = _WORDS.get(given.strip().lower())
        if word is None and names.sent(given) in _known(draft):
            return ("named", names.sent(given))
        require(
            word is not None,
            'must be "auto", "none", "required", or the name of a tool, alone or in an object',
            "tool_choice",
        )
        return word
    require(isinstance(given, Mapping), "must be text or an object", "tool_choice")
    _one_call(draft, given)
    kind = given.get("type")
    word = _WORDS.get(kind) if isinstance(kind, str) else None
    if kind is None:  # Bedrock: {"any": {}}, {"tool": {"name": ...}}
        word = next((_WORDS[key] for key in given if key in _WORDS), None)
    if word is not None:
        return word
    if kind == "allowed_tools":
        return _allowed(draft, given, names)
    official = hosted(given)
    if official is not None and official.formula in draft.official:
        if "tools" in draft.body:
            reason = f"a call is required, of {official.formula} or of another tool"
            draft.adjust("tool_choice", dict(given), "required", reason, "official-tools")
        return "required"
    require(
        official is None,
        f"{kind} runs on another maker's servers, Kimi cannot call it; choose a function",
        "tool_choice.type",
    )
    require(kind in _NAMING, 'must be "function", "custom" or "allowed_tools"', "tool_choice.type")
    name = name_of(given) or given.get("toolName")  # the AI SDK
    if name is None and isinstance(given.get("tool"), Mapping):
        name = given["tool"].get("name")
    require(
        isinstance(name, str),
        "must name a function",
        f"tool_choice.{'custom' if kind == 'custom' else 'function'}.name",
    )
    return ("named", names.sent(name))


def _one_call(draft: Draft, given: Mapping[str, Any]) -> None:
    """Anthropic's word for ``parallel_tool_calls: false``, which stands in ``tool_choice``."""
    alone = given.get("disable_parallel_tool_use")
    path = "tool_choice.disable_parallel_tool_use"
    require(alone is None or isinstance(alone, bool), "must be true or false", path)
    if alone is None:
        return
    if alone:
        draft.restore.single_tool_call = True
    reason = "of several calls the first is handed on" if alone else "Kimi has no such field"
    draft.adjust(path, alone, None, reason, meaning=False)


def _allowed(draft: Draft, given: Any, names: Names) -> str:
    """OpenAI's ``allowed_tools``: only these tools are sent, with the mode as tool_choice."""
    allowed = given.get("allowed_tools", given)
    require(isinstance(allowed, Mapping), "must be an object", "tool_choice.allowed_tools")
    mode = allowed.get("mode", "auto")
    require(
        mode in ("auto", "required"), "must be auto or required", "tool_choice.allowed_tools.mode"
    )
    listed = allowed.get("tools")
    require(
        isinstance(listed, list) and bool(listed),
        "must list at least one tool",
        "tool_choice.allowed_tools.tools",
    )
    wanted = set()
    for index, tool in enumerate(listed):
        where = f"tool_choice.allowed_tools.tools[{index}]"
        foreign = hosted(tool)
        if foreign is not None:
            draft.adjust(where, foreign.kind, None, foreign.reason)
            continue
        name = tool if isinstance(tool, str) else name_of(tool)
        require(name is not None, "must name a tool", where)
        wanted.add(names.sent(str(name)))
    _keep_only(draft, wanted, "tool_choice.allowed_tools.tools")
    draft.adjust(
        "tool_choice.allowed_tools.tools",
        [*listed],
        None,
        "Kimi has no allowed_tools: of the tools only those in it are sent",
        "tool-choice",
        meaning=False,
    )
    return str(mode)


def _keep_only(draft: Draft, wanted: set[str], param: str) -> None:
    _require_known(draft, wanted, param)
    draft.only_tools = wanted
    kept = [tool for tool in draft.body.get("tools", ()) if tool["function"]["name"] in wanted]
    draft.body["tools"] = kept
    if not kept:
        del draft.body["tools"]


def _force_named(draft: Draft, given: Any, name: str, fallback: Fallback) -> None:
    forms = draft.model.tool_choice(draft.thinking)
    if "named" not in forms and "required" not in forms and fallback == "disable_thinking":
        _disable_thinking(draft, f"a named tool_choice ({name})")
        forms = draft.model.tool_choice(draft.thinking)
    if "named" in forms:
        _require_known(draft, {name}, draft.tool_choice_param)
        sent = {"type": "function", "function": {"name": name}}
        draft.body["tool_choice"] = sent
        if given != sent:
            draft.adjust(draft.tool_choice_param, given, sent, _SPELLING, meaning=False)
        return
    _keep_only(draft, {name}, draft.tool_choice_param)
    source = draft.model.source("tool_choice")
    if "required" in forms:
        draft.body["tool_choice"] = "required"
        draft.adjust(
            draft.tool_choice_param,
            given,
            "required",
            f"{draft.name} takes no named tool: only {name} is sent, and a call is required",
            source,
            meaning=False,
        )
        return
    _plan_nudge(draft, given, fallback, Forced(name))


def _require_known(draft: Draft, wanted: set[str], param: str) -> None:
    known = _known(draft)
    missing = wanted - known
    require(
        not missing,
        f"there is no tool {', '.join(sorted(missing))!r} in tools; there "
        f"{'are' if len(known) > 1 else 'is'} {', '.join(sorted(known)) or 'none'}",
        param,
    )


def _known(draft: Draft) -> set[str]:
    """Names as sent of all tools, those declared inside the conversation included."""
    names = draft.names
    return {*draft.declared, *(names.sent(name) for name in declared_later(draft))}


def _require(draft: Draft, given: Any, fallback: Fallback) -> None:
    forms = draft.model.tool_choice(draft.thinking)
    if "required" not in forms and fallback == "disable_thinking":
        _disable_thinking(draft, "tool_choice 'required'")
        forms = draft.model.tool_choice(draft.thinking)
    if "required" in forms:
        if given != "required":
            draft.body["tool_choice"] = "required"
            draft.adjust(draft.tool_choice_param, given, "required", _SPELLING, meaning=False)
        return
    _plan_nudge(draft, given, fallback, Forced(None))


def _disable_thinking(draft: Draft, what: str) -> None:
    """Switch thinking off where the model can; elsewhere the nudge is all that is left."""
    if draft.model.thinking.mode == "switchable":
        switch_off(draft, "tool_choice", None, f"{what} needs thinking off, as allowed")


def _plan_nudge(draft: Draft, given: Any, fallback: Fallback, forced: Forced) -> None:
    while_thinking = " while thinking" if draft.model.thinking.mode == "switchable" else ""
    what = "a tool call" if forced.name is None else f"a call of {forced.name}"
    if fallback == "error":
        way_out = "tool_choice_fallback 'nudge' asks again instead"
        if draft.model.thinking.mode == "switchable":
            way_out += ", 'disable_thinking' switches thinking off"
        raise InvalidRequestError(
            f"{draft.name} cannot be made to give {what}{while_thinking}; {way_out}, "
            "and the K3 family can be made to",
            param=draft.tool_choice_param,
        )
    del draft.body["tool_choice"]
    draft.forced = forced
    draft.adjust(
        draft.tool_choice_param,
        given,
        "auto",
        f"{draft.name} cannot be made to give {what}{while_thinking}: it is asked, "
        "and nudged once if it calls none",
        draft.model.source("tool_choice"),
    )
