"""A request as plain JSON values, whatever Python objects it is made of.

In: what a caller hands over as a request: dicts and lists, SDK objects, enums, half characters,
NaN, anything. Out: a dict of plain JSON values that can be written as UTF-8. What already is one
comes out as the same object, not copied. Nothing of the caller's is changed.

What cannot be written is an error with its path where it would count. Where nothing depends on it
(the ``default`` of a schema), it is left out with a notice. Elsewhere a ``Foreign`` stands in its
place: most of these fields are left out in any case, and ``refuse_foreign`` looks for those that
are not.
"""

from __future__ import annotations

from math import inf, isfinite
from typing import Any, TypeAlias

from ..errors import InvalidRequestError
from .adjustments import Adjustment, shorten
from .attached import Attached
from .objects import DEPTH, MAX_BITS, Foreign, is_writable, plain

__all__ = ["Foreign", "json_values", "refuse_foreign"]

Json: TypeAlias = "dict[str, Any]"

_MAX_VALUES = 1_000_000
"""Each value is a token at least, and no model reads more than about a million of them."""

_TOO_MANY = f"contains more than {_MAX_VALUES:,} values"

_UNICODE = "Unicode, RFC 3629"
_JSON = "JSON, RFC 8259"
_HALF = "half a character (a lone surrogate) cannot be sent"


# How a value is read, by its place: the context of a dict and the key in it. A place that is not
# named here is "text": half characters are replaced there. In "exact" they are an error, because
# another text would name something else; "id" leaves them to the pairing of calls, which gives its
# ids another form anyway. In a schema any other keyword is "loose": nothing depends on it. "words"
# are loose as well, but the model reads them. Fields and forms of other stacks are named as well:
# their schemas may stand one level further in (``json``, ``schema``).
def _places(**places: str) -> dict[str, str]:
    """Key -> context, written as context -> keys."""
    return {key: context for context, keys in places.items() for key in keys.split()}


_CONTEXTS: dict[str, dict[str, str]] = {
    "request": _places(
        request="extra_body options text generation_config generationConfig output_config",
        message="messages",
        tool="tools functions",
        format="response_format",
        schema="guided_json json_schema format output_format response_schema responseSchema "
        "response_json_schema responseJsonSchema",
        exact="tool_choice function_call user safety_identifier prompt_cache_key stop model "
        "stop_sequences stopSequences",
    ),
    "message": _places(
        message="content tool_calls function_call function custom",
        id="id call_id tool_call_id tool_use_id toolCallId",
        exact="name",
        tool="tools",
    ),
    "tool": _places(
        tool="function custom toolSpec functionDeclarations function_declarations",
        schema="parameters input_schema inputSchema schema parametersJsonSchema "
        "parameters_json_schema",
        exact="name",
    ),
    "format": _places(format="json_schema", schema="schema"),
    "schema": _places(
        schemas="properties patternProperties $defs definitions dependentSchemas dependencies "
        "dependentRequired",
        schema="json schema json_schema items prefixItems additionalItems unevaluatedItems "
        "contains anyOf allOf oneOf not if then else additionalProperties unevaluatedProperties "
        "propertyNames contentSchema",
        exact="enum const required type id $id $ref $anchor $schema $dynamicRef $dynamicAnchor "
        "$recursiveRef minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength "
        "maxLength minItems maxItems uniqueItems minContains maxContains minProperties "
        "maxProperties nullable",
        words="title description",
        pattern="pattern",
    ),
}
# Bounds that exclude nothing, as pydantic writes them for le=math.inf.
_ENDLESS = {
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), inf),
    **dict.fromkeys(("minimum", "exclusiveMinimum"), -inf),
}
_NO_BOUND = "JSON has no infinity, and without this bound the same values are allowed"
_INHERITED = ("exact", "id", "loose", "words")
_LOOSE = ("loose", "words")
_STRICT = ("exact", "schema", "schemas", "pattern")


def json_values(request: Any) -> tuple[Json, list[Adjustment], bool]:
    """``request`` as plain JSON, what was changed, and whether it contains a ``Foreign``.

    Raises:
        InvalidRequestError: something that counts cannot be written as JSON.
    """
    if type(request) is dict and _is_clean(request):
        return request, [], False
    values = _Values()
    body = values.read(request, "", "request", DEPTH)
    if type(body) is not dict:
        raise InvalidRequestError("the request must be a JSON object", param="request")
    return body, values.told(), values.foreign


def refuse_foreign(body: Any) -> None:
    """Raise ``InvalidRequestError`` where a ``Foreign`` is left in what would be sent."""
    waiting = [body]
    while waiting:
        value = waiting.pop()
        if type(value) is Foreign:
            raise value.error()
        if type(value) is dict:
            waiting += value.values()
        elif type(value) is list:
            waiting += value


def _is_clean(request: Json) -> bool:
    """Whether a dict is plain JSON through and through. Most are, so this has to be quick.

    Level by level: a cycle is found by the depth, and what is shared so often that it grows
    without end by the number of values.
    """
    left = _MAX_VALUES
    level: list[Any] = [request]
    for _ in range(DEPTH):
        deeper: list[Any] = []
        for value in level:
            left -= len(value)
            if left < 0:
                raise InvalidRequestError(_TOO_MANY, param="request")
            if type(value) is dict:
                for key in value:
                    if type(key) is not str or not (key.isascii() or is_writable(key)):
                        return False
                value = value.values()
            for item in value:
                kind = type(item)
                if kind is str:
                    if not (item.isascii() or is_writable(item)):
                        return False
                elif kind is dict or kind is list:
                    deeper.append(item)
                elif kind is float:
                    if not isfinite(item):
                        return False
                elif kind is int:
                    if item.bit_length() > MAX_BITS:
                        return False
                elif item is not None and kind is not bool:
                    return False
        if not deeper:
            return True
        level = deeper
    return False


class _UnusableError(Exception):
    """Inside a value on which nothing depends there is something that cannot be written."""

    def __init__(self, foreign: Foreign) -> None:
        super().__init__()
        self.foreign = foreign


class _Values:
    """Reads one request that is not clean; knows the path of everything."""

    def __init__(self) -> None:
        self.foreign = False
        self._left = _MAX_VALUES
        # The containers around the value that is read, for cycles.
        self._around: set[int] = set()
        self._notes: dict[str, list[Any]] = {}

    def told(self) -> list[Adjustment]:
        """Each kind of change once: the first place, and in how many more."""
        result = []
        for count, param, given, sent, reason, source, meaning in self._notes.values():
            if count > 1:
                reason = f"{reason}; the same in {count - 1} more place{'s' * (count > 2)}"
            result.append(Adjustment(param, given, sent, reason, source, meaning))
        return result

    def _note(
        self, param: str, given: Any, sent: Any, reason: str, source: str, *, meaning: bool
    ) -> None:
        entry = self._notes.setdefault(
            f"{reason} {meaning}", [0, param, given, sent, reason, source, meaning]
        )
        entry[0] += 1

    def read(self, value: Any, path: str, context: str, depth: int) -> Any:
        """``value`` at ``path`` as plain JSON: the same object where nothing has to change."""
        kind = type(value)
        if kind is str:
            return value if value.isascii() else self._text(value, path, context)
        if value is None or kind is bool:
            return value
        if kind is dict or kind is list:
            return self._container(value, value, path, context, depth)
        if kind is Attached:
            if path.endswith(".file"):
                return value
            return self._cannot(
                Foreign("file", why="is a file", way_out="put it in a part"), path, context
            )
        found, how = plain(value)
        if type(found) is Foreign:
            return self._cannot(found, path, context)
        if how is not None:
            self._note(path, Foreign(type(value).__name__), found, how, _JSON, meaning=False)
        if type(found) is str:
            return self._text(found, path, context)
        if type(found) in (dict, list):
            return self._container(value, found, path, context, depth)
        return found

    def _container(self, given: Any, value: Any, path: str, context: str, depth: int) -> Any:
        """``value`` is a dict or list, ``given`` the object that it was made of."""
        self._left -= len(value)
        if self._left < 0:
            raise InvalidRequestError(_TOO_MANY, param="request")
        if not depth:
            return self._cannot(
                Foreign("value", why="is nested too deeply", way_out="flatten it"), path, context
            )
        if id(given) in self._around:
            return self._cannot(
                Foreign("value", why="contains itself, which JSON cannot"),
                path,
                context,
            )
        self._around.add(id(given))
        try:
            if type(value) is dict:
                return self._dict(value, path, context, depth - 1)
            return self._list(value, path, context, depth - 1)
        finally:
            self._around.discard(id(given))

    def _list(self, value: list[Any], path: str, context: str, depth: int) -> list[Any]:
        read = [
            self.read(item, f"{path}[{index}]", context, depth) for index, item in enumerate(value)
        ]
        same = all(map(_is, read, value))
        return value if same else read

    def _dict(self, value: dict[Any, Any], path: str, context: str, depth: int) -> Any:
        inner = _CONTEXTS.get(context, {})
        result: Json = {}
        same = True
        for key, item in value.items():
            name = self._key(key, path, context)
            if type(name) is Foreign:
                return name
            if name in result:
                why = f"contains the key {shorten(name)} twice"
                clash = Foreign("object", why=why, way_out="rename one")
                return self._cannot(clash, path, context)
            if context in _INHERITED:
                place = context
            else:
                usual = {"schemas": "schema", "schema": "loose"}.get(context, "text")
                place = inner.get(name, usual)
            where = f"{path}.{name}" if path else name
            if context == "schema" and type(item) is float and item == _ENDLESS.get(name):
                self._note(where, plain(item)[0], None, _NO_BOUND, _JSON, meaning=False)
                same = False
                continue
            if place == "pattern":
                read = self._pattern(item, where, depth)
            elif place in _LOOSE and context not in _LOOSE:
                read = self._loose(item, where, place, depth)
            else:
                read = self.read(item, where, place, depth)
            if read is _LEFT_OUT:
                same = False
                continue
            same = same and read is item and name is key
            result[name] = read
        return value if same else result

    def _loose(self, item: Any, where: str, place: str, depth: int) -> Any:
        """A value on which nothing depends; ``_LEFT_OUT`` where it cannot be written."""
        try:
            return self.read(item, where, place, depth)
        except _UnusableError as error:
            foreign = error.foreign
            reason = f"{foreign.why}, and nothing depends on it"
            self._note(where, foreign, None, reason, _JSON, meaning=False)
            return _LEFT_OUT

    def _pattern(self, item: Any, where: str, depth: int) -> Any:
        """A regular expression: with another character in it, it would be another one."""
        if type(item) is not str or is_writable(item):
            return self.read(item, where, "exact", depth)
        self._note(where, item, None, _HALF, _UNICODE, meaning=True)
        return _LEFT_OUT

    def _key(self, key: Any, path: str, context: str) -> Any:
        """A key as text; a ``Foreign`` that stands for the whole dict when it is none."""
        name = key if type(key) is str else plain(key)[0]
        if type(name) is not str:
            kind = type(key).__name__
            why = f"contains a key that is not text ({kind})"
            odd = Foreign("object", why=why, way_out="write it as text")
            return self._cannot(odd, path, context)
        if name.isascii() or is_writable(name):
            return name
        if context == "schema":  # an unknown keyword, which binds nothing
            context = "text"
        return self._text(name, f"{path}.{_repaired(name)}" if path else _repaired(name), context)

    def _text(self, text: str, path: str, context: str) -> str:
        if context == "id" or is_writable(text):
            return text
        sent = _repaired(text)
        lossless = sent.encode("utf-16") == text.encode("utf-16", "surrogatepass")
        if not lossless and context in _STRICT:
            why = f"{_HALF}; take it out here: another text would name something else"
            raise InvalidRequestError(why, param=path)
        reason = "two halves of one character, joined" if lossless else _HALF
        meaning = not lossless and context != "loose"
        self._note(path, text, sent, reason, _UNICODE, meaning=meaning)
        return sent

    def _cannot(self, foreign: Foreign, path: str, context: str) -> Any:
        foreign.path = path or "request"
        if context in _LOOSE:
            raise _UnusableError(foreign)
        if context in _STRICT or not path:
            raise foreign.error()
        self.foreign = True
        return foreign


class _LeftOut:
    """Stands for a key that is not sent."""


_LEFT_OUT = _LeftOut()


def _is(left: Any, right: Any) -> bool:
    return left is right


def _repaired(text: str) -> str:
    """Halves that stand side by side become one character, the others U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
