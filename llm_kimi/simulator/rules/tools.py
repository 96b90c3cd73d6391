"""Rules for ``tools``, ``tool_choice`` and ``response_format``.

Sources: https://platform.kimi.ai/docs/openapi.json,
https://platform.kimi.ai/docs/guide/use-tool-choice,
https://platform.kimi.ai/docs/guide/response_format and the issues named at each rule.
"""

from __future__ import annotations

import re
from typing import Any

from ...catalog import Model
from .mfjs import check_schema
from .refusal import refuse

__all__ = [
    "FUNCTION_NAME",
    "check_response_format",
    "check_tool_choice",
    "check_tools",
    "swallowed_in_tools",
    "tool_name",
]

# The pages give 64, 128 and 256 characters; the shortest is the safe one.
FUNCTION_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}\Z")
_BUILTIN_NAME = re.compile(r"\$[A-Za-z][A-Za-z0-9_-]{0,63}\Z")


def tool_name(tool: Any) -> str:
    """The name of a tool that passed the checks."""
    return str(tool["function"]["name"])


def check_tools(request: dict[str, Any], model: Model) -> list[dict[str, Any]]:
    """Check every tool, loaded dynamically or not; gives them all.

    Their number has no limit: 212 were refused for the size of a schema
    (https://github.com/MoonshotAI/kimi-cli/issues/2475), no answer names a count.
    """
    given = request.get("tools")
    if given is not None and not isinstance(given, list):
        refuse("tools-type", "Invalid request: tools must be an array")  # made up
    tools: list[dict[str, Any]] = list(given or ())
    if model.dynamic_tools:
        for message in request["messages"]:
            if message.get("role") == "system" and isinstance(message.get("tools"), list):
                tools += message["tools"]
    seen: set[str] = set()
    for tool in tools:
        name = _check_tool(tool)
        if name in seen:
            # https://platform.kimi.ai/docs/guide/use-official-tools
            refuse("tool-duplicate", f"function name {name} is duplicated")
        seen.add(name)
    return tools


def _check_tool(tool: object) -> str:
    if not isinstance(tool, dict) or tool.get("type") not in ("function", "builtin_function"):
        # Made up.
        refuse("tool-type", "Invalid request: tools.type must be function or builtin_function")
    function = tool.get("function")
    if not isinstance(function, dict):
        refuse("tool-function", "Invalid request: tools.function is required")  # made up
    name = function.get("name")
    builtin = tool["type"] == "builtin_function"
    pattern = _BUILTIN_NAME if builtin else FUNCTION_NAME
    if not isinstance(name, str) or not pattern.match(name):
        # https://github.com/MoonshotAI/kimi-cli/issues/2531
        refuse(
            "function-name",
            "Invalid request: function name is invalid, must start with a letter and can contain "
            "letters, numbers, underscores, and dashes",
        )
    if not builtin:
        _check_parameters(function)
    return name


def _check_parameters(function: dict[str, Any]) -> None:
    for name, kind, word in (("description", str, "a string"), ("strict", bool, "a boolean")):
        if function.get(name) is not None and not isinstance(function[name], kind):
            refuse(f"function-{name}", f"Invalid request: tools.function.{name} must be {word}")
    parameters = function.get("parameters")
    if not isinstance(parameters, dict):
        # Made up.
        refuse("parameters", "Invalid request: tools.function.parameters must be an object")
    # Where the root has no type of its own, the validator's word comes first:
    # https://github.com/abhigyanpatwari/GitNexus/issues/2703
    complaint = check_schema(parameters) if "type" in parameters else None
    if complaint is None and parameters.get("type") != "object":
        # https://github.com/14790897/MiqroForge-Desktop/issues/1165
        refuse("parameters-root", 'tools.function.parameters.type is required and must be "object"')
    if complaint is not None:
        refuse(
            "parameters-mfjs",
            "tools.function.parameters is not a valid moonshot flavored json schema, "
            f"details: <{complaint}>",
        )


def check_tool_choice(
    request: dict[str, Any], model: Model, on: bool, tools: list[dict[str, Any]]
) -> None:
    """Which forms of ``tool_choice`` a model takes with thinking on or off."""
    choice = request.get("tool_choice")
    if choice in (None, "auto", "none"):
        return
    name = None
    if isinstance(choice, dict):
        function = choice.get("function")
        if choice.get("type") == "function" and isinstance(function, dict):
            name = function.get("name")
        if not isinstance(name, str) or not name:
            # Made up.
            refuse("tool-choice", "Invalid request: tool_choice.function.name is required")
    elif choice != "required":
        # Made up.
        refuse("tool-choice", "Invalid request: tool_choice must be auto, none or required")
    form, word = ("required", "required") if name is None else ("named", "specified")
    if form not in model.tool_choice(on):
        if on:
            # https://github.com/UKGovernmentBEIS/inspect_ai/pull/5152
            refuse(
                "tool-choice-thinking",
                f"tool_choice '{word}' is incompatible with thinking enabled",
            )
        # Made up; the migration guide says "not supported".
        refuse("tool-choice-model", f"tool_choice '{word}' is not supported by this model")
    names = [tool_name(tool) for tool in tools]
    if not names:
        # Made up; the guide asks for at least one callable tool.
        refuse("tool-choice-no-tools", f"tool_choice '{word}' requires tools")
    if name is not None and name not in names:
        # Made up.
        refuse("tool-choice-unknown", f"Invalid request: tool_choice {name} is not in tools")


def check_response_format(given: object) -> None:
    """``text``, ``json_object``, or ``json_schema`` with a name and a Moonshot-flavoured schema."""
    if given is None:
        return
    if not isinstance(given, dict) or given.get("type") not in (
        "text",
        "json_object",
        "json_schema",
    ):
        # Made up.
        refuse(
            "response-format",
            "Invalid request: response_format.type must be text, json_object or json_schema",
        )
    if given["type"] != "json_schema":
        return
    spec = given.get("json_schema")
    if not isinstance(spec, dict):
        # Made up.
        refuse("json-schema", "Invalid request: response_format.json_schema is required")
    name = spec.get("name")
    if not isinstance(name, str) or not name:
        # Made up.
        refuse("json-schema-name", "Invalid request: response_format.json_schema.name is required")
    schema = spec.get("schema")
    if not isinstance(schema, dict):
        refuse(
            "json-schema-schema",
            "Invalid request: the `response_format.json_schema.schema` field in the request "
            "(expected type dict[string,interface]) is illegal...",
        )
    strict = spec.get("strict")
    if strict is not None and not isinstance(strict, bool):
        # Made up.
        refuse(
            "json-schema-strict",
            "Invalid request: response_format.json_schema.strict must be a boolean",
        )
    # The page says that such schemas often pass; the simulator holds them to the specification.
    complaint = None if strict is False else check_schema(schema)
    if complaint is not None:
        # Made up after the text for tools.
        refuse(
            "json-schema-mfjs",
            "response_format.json_schema.schema is not a valid moonshot flavored json schema, "
            f"details: <{complaint}>",
        )


def swallowed_in_tools(body: dict[str, Any]) -> list[str]:
    """Paths of unknown keys in tools, ``tool_choice`` and ``response_format``."""
    found = []
    tools = body.get("tools")
    for index, tool in enumerate(tools if isinstance(tools, list) else ()):
        if not isinstance(tool, dict):
            continue
        found += [f"tools[{index}].{key}" for key in tool if key not in ("type", "function")]
        function = tool.get("function")
        if isinstance(function, dict):
            known = ("name", "description", "parameters", "strict")
            found += [f"tools[{index}].function.{key}" for key in function if key not in known]
    form = body.get("response_format")
    if isinstance(form, dict):
        found += [f"response_format.{k}" for k in form if k not in ("type", "json_schema")]
        spec = form.get("json_schema")
        if isinstance(spec, dict):
            known = ("name", "schema", "strict", "description")
            found += [f"response_format.json_schema.{k}" for k in spec if k not in known]
    return found
