"""Tool declarations as the stacks write them, in one form.

In: one entry of ``tools`` or ``functions``: OpenAI's nested form, the flat one of the Responses
API, Anthropic's, MCP's, Bedrock's, a bare function, Gemini's lists of functions. Out: ``Declared``
with the function's body under OpenAI's names, and where each part stands in the request. Tools
that another maker's servers run are recognised, so that they can be told or refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ...catalog.formulas import WEB_FETCH, WEB_SEARCH, formula_name
from ...errors import InvalidRequestError
from ..checks import require

__all__ = ["Declared", "Hosted", "entries", "hosted", "listed", "name_of", "read"]

Kind = Literal["function", "custom", "builtin_function"]

# Where the schema of the arguments stands, in the order in which they are looked for.
_SCHEMAS = (
    "parameters",  # OpenAI
    "input_schema",  # Anthropic
    "inputSchema",  # MCP, Bedrock, the AI SDK
    "parametersJsonSchema",  # Gemini
    "parameters_json_schema",
)
# A list of functions in one entry: Gemini.
_GROUPS = ("functionDeclarations", "function_declarations")
# What an entry may wrap the body in: OpenAI's own, Bedrock's.
_WRAPPINGS = ("function", "custom", "toolSpec")

_HOSTED = "it runs on another maker's servers, and Kimi has nothing like it"
_SEARCH = "Moonshot's own web search runs in its place"
_FETCH = "Moonshot's own tool for web pages runs in its place"
# What OpenAI, Anthropic, Google, xAI and OpenRouter run by themselves: the start of ``type`` (dates
# and versions follow: web_search_20250305), and what is said about it. The model may call such a
# tool or not, so the answer without it is an answer.
HOSTED: Mapping[str, str] = {
    "web_search": _SEARCH,
    "web_fetch": _FETCH,
    "google_search": _SEARCH,
    "x_search": _HOSTED,
    "live_search": _SEARCH,
    "openrouter:web_search": _SEARCH,
    "url_context": _FETCH,
    "file_search": _HOSTED,
    "code_interpreter": _HOSTED,
    "code_execution": _HOSTED,
    "image_generation": _HOSTED,
    "mcp": _HOSTED,
    "mcp_toolset": _HOSTED,
    "tool_search_tool": _HOSTED,
    "tool_search": _HOSTED,
    "retrieval": _HOSTED,
}
# Those of Gemini have no ``type``: the key is the tool.
_HOSTED_KEYS = {
    "googleSearch": "google_search",
    "google_search": "google_search",
    "googleSearchRetrieval": "google_search",
    "codeExecution": "code_execution",
    "code_execution": "code_execution",
    "urlContext": "url_context",
    "url_context": "url_context",
}
# What Moonshot runs in place of these.
_IN_PLACE = {_SEARCH: WEB_SEARCH, _FETCH: WEB_FETCH}
# Kimi's own way to name an official tool: {"type": "formula", "name": "fetch"}.
FORMULA = "formula"
_VERSION = re.compile(r"(?:_bm25|_regex)?(?:_preview)?(?:_\d{8}|_\d{4}_\d{2}_\d{2})?\Z")


@dataclass(frozen=True, slots=True)
class Hosted:
    """A tool that a maker's servers run. ``formula``: the official tool of Moonshot that stands in
    for it, or that it is; None where there is none. ``settings`` are keys that nothing is done
    about."""

    kind: str
    reason: str
    formula: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Declared:
    """One tool. ``body`` stands at ``body_path`` and its schema at ``schema_path``.

    ``extra`` are keys that Kimi has not, with their paths; ``foreign`` says whether it is written
    in another form than OpenAI's.
    """

    kind: Kind
    body: Mapping[str, Any]
    body_path: str
    schema: Any
    schema_path: str
    strict: Any
    extra: tuple[tuple[str, str, Any], ...]
    foreign: bool

    @property
    def name(self) -> Any:
        """As the caller wrote it, whatever that is."""
        return self.body.get("name")


def listed(tools: Any) -> Any:
    """A single tool in place of a list of them, as a list; anything else as it is."""
    if isinstance(tools, tuple):
        return list(tools)
    grouped = any(_has_list(tools, key) for key in _GROUPS)
    return [tools] if grouped or hosted(tools) or name_of(tools) is not None else tools


def entries(tools: list[Any], paths: list[str]) -> Iterator[tuple[Any, str]]:
    """The tools and their paths; Gemini's lists of functions are taken apart."""
    for tool, path in zip(tools, paths, strict=True):
        group = next((key for key in _GROUPS if _has_list(tool, key)), None)
        if group is None:
            yield tool, path
            continue
        for index, function in enumerate(tool[group]):
            yield function, f"{path}.{group}[{index}]"
        rest = {key: value for key, value in tool.items() if key != group}
        if rest:
            yield rest, path


def _has_list(tool: Any, key: str) -> bool:
    return isinstance(tool, Mapping) and isinstance(tool.get(key), list)


def hosted(tool: Any) -> Hosted | None:
    """What is said about a tool that a maker runs; None for all others.

    Raises:
        InvalidRequestError: an official tool of Moonshot without a name.
    """
    if not isinstance(tool, Mapping):
        return None
    kind = tool.get("type")
    if kind is None:
        kind = next((_HOSTED_KEYS[key] for key in tool if key in _HOSTED_KEYS), None)
    if not isinstance(kind, str):
        return None
    if kind == FORMULA:
        name = tool.get("name")
        found = formula_name(name) if isinstance(name, str) else None
        require(found is not None, "must name an official tool of Moonshot", "tools[].name")
        settings = {key: tool[key] for key in tool if key not in ("type", "name")}
        return Hosted(kind, "", found, settings)
    reason = HOSTED.get(_VERSION.sub("", kind))
    if reason is None:
        return None
    settings = {key: tool[key] for key in tool if key not in ("type", "name") and tool[key]}
    return Hosted(kind, reason, _IN_PLACE.get(reason), settings)


def read(tool: Any, where: str) -> Declared:
    """The tool at ``where``.

    Raises:
        InvalidRequestError: it is none, or one that Kimi cannot be given.
    """
    require(isinstance(tool, Mapping), "must be an object", where)
    kind = _kind(tool, where)
    wrapping = _wrapping(tool, kind, where)
    body = tool if wrapping is None else tool.get(wrapping)
    body_path = where if wrapping is None else f"{where}.{wrapping}"
    require(
        isinstance(body, Mapping),
        "must be an object with the name and the parameters of the function",
        body_path,
    )
    assert isinstance(body, Mapping)
    schema_key = _schema_key(body) or _SCHEMAS[0]
    schema, schema_path = body.get(schema_key), f"{body_path}.{schema_key}"
    if isinstance(schema, Mapping) and schema.keys() == {"json"}:  # Bedrock
        schema, schema_path = schema["json"], f"{schema_path}.json"
    strict = body.get("strict")
    outside = strict is None and kind == "function" and wrapping is not None
    known = {
        "function": {"name", "description", "strict", schema_key},
        "custom": {"name", "description", "format"},
        "builtin_function": {"name"},
    }[kind]
    around = {"type", str(wrapping), *(["strict"] if outside else [])}
    extra = [*_extra(body, body_path, known if wrapping else known | {"type"})]
    if wrapping is not None:
        extra += _extra(tool, where, around)
    return Declared(
        kind,
        body,
        body_path,
        schema,
        schema_path,
        tool.get("strict") if outside else strict,
        tuple(extra),
        foreign=not _is_old(where)
        and (wrapping != _kind_key(kind) or schema_key != "parameters" or not tool.get("type")),
    )


def _kind(tool: Mapping[str, Any], where: str) -> Kind:
    kind = tool.get("type")
    if kind == "custom" and "custom" not in tool and _schema_key(tool):
        return "function"  # Anthropic's word for the caller's own tools
    if kind in (None, ""):
        return "custom" if "custom" in tool and "function" not in tool else "function"
    if kind == "function" or _is_old(where):
        return "function"
    if kind == "custom":
        return "custom"
    if kind == "builtin_function":
        return "builtin_function"
    raise InvalidRequestError(
        f"Kimi has no tools of type {kind!r}; declare it as a function", param=f"{where}.type"
    )


def _wrapping(tool: Mapping[str, Any], kind: Kind, where: str) -> str | None:
    """The key that holds the body; None where the entry itself is the body."""
    if kind == "function" and isinstance(tool.get("toolSpec"), Mapping):
        return "toolSpec"
    wrapped = isinstance(tool.get(_kind_key(kind)), Mapping)
    flat = kind != "builtin_function" and ("name" in tool or _is_old(where))
    return None if flat and not wrapped else _kind_key(kind)


def _kind_key(kind: Kind) -> str:
    return "custom" if kind == "custom" else "function"


def _is_old(where: str) -> bool:
    """Whether ``where`` is one of the old functions, which nothing wraps."""
    return where.startswith("functions[")


def _schema_key(body: Mapping[str, Any]) -> str | None:
    return next((key for key in _SCHEMAS if body.get(key) is not None), None)


def _extra(given: Mapping[str, Any], where: str, known: set[str]) -> Iterator[tuple[str, str, Any]]:
    for key, value in given.items():
        if key not in known and value is not None:
            yield str(key), f"{where}.{key}", value


def name_of(tool: Any) -> str | None:
    """The name of a tool in any of the forms, where it has one."""
    if not isinstance(tool, Mapping):
        return None
    for body in (*(tool.get(key) for key in _WRAPPINGS), tool):
        name = body.get("name") if isinstance(body, Mapping) else None
        if isinstance(name, str):
            return name
    return None
