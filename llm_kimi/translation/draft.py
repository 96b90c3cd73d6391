"""The working copy of one request on its way through the translation steps.

A ``Draft`` belongs to one call of ``translate``. Steps read and replace values in ``draft.body``,
which is a copy; the values that came from the caller are replaced, never changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from ..catalog import SOURCES, Model, UnknownModelError, resolve
from ..errors import InvalidRequestError
from .adjustments import Adjustment
from .attached import Attached

__all__ = [
    "CUSTOM_INPUT",
    "WAYS_IN",
    "WAYS_OUT",
    "Attached",
    "Draft",
    "Forced",
    "Json",
    "Need",
    "Restore",
    "Tally",
    "is_number",
    "require",
    "well_formed",
]

Json = dict[str, Any]

_SOURCE_TEXTS = {key: str(source) for key, source in SOURCES.items()}

CUSTOM_INPUT = "input"
"""The one parameter of the function that stands in for a custom tool."""


NeedKind: TypeAlias = Literal["image_url", "video_url", "image_data", "video_data", "file"]


@dataclass(frozen=True, slots=True)
class Need:
    """Something that has to be fetched or uploaded before the body can be sent.

    ``kind``: ``image_url`` and ``video_url`` are http(s) URLs, ``file`` is OpenAI's file part or
    an ``Attached``, ``image_data`` and ``video_data`` are large ``data:`` URLs that are better
    uploaded. ``param`` is its path, ``message`` and ``part`` its place in ``body["messages"]``,
    ``value`` what the caller wrote there.
    """

    kind: NeedKind
    param: str
    message: int
    part: int
    value: Any

    @property
    def required(self) -> bool:
        """Whether the body cannot be sent as it is."""
        return not self.kind.endswith("_data")


WAYS_OUT: Mapping[str, str] = {
    "image_url": "Kimi fetches no URLs: send the image itself as a data: URL",
    "video_url": "Kimi fetches no URLs: send the video itself as a data: URL",
    "file": "Kimi takes no files in messages: put the text of the document into the message",
}
"""What the caller of ``translate`` can do about each kind of need, where nothing meets it."""

WAYS_IN: Mapping[str, str] = {
    "image_url": "fetched when it is sent, and put inline",
    "video_url": "fetched when it is sent, and uploaded",
    "image_data": "large: uploaded once, and named from then on",
    "video_data": "uploaded once, and named from then on",
    "file": "read when it is sent: of a document the text goes in",
}
"""How the doors meet each kind of need."""


@dataclass(frozen=True, slots=True)
class Forced:
    """A tool call that the caller demands and that Kimi cannot be made to do for this model.

    ``name`` is the function as it is sent, None when any tool will do.
    """

    name: str | None


@dataclass(frozen=True, slots=True)
class Restore:
    """What it takes to give the reply the form that the caller expects.

    ``tool_names`` maps names as sent to names as given, ``custom_tools`` are names as sent of
    tools that were declared as OpenAI's custom tools, ``custom_input`` their one parameter,
    ``legacy_functions`` asks for ``function_call`` in place of ``tool_calls``,
    ``single_tool_call`` for at most one call,
    ``prefix`` is text to put before the answer (Partial Mode), ``stops`` are stop sequences that
    Kimi does not take and that the reply has to be cut at, ``include_usage`` tells whether the
    caller asked for usage in the stream.
    """

    tool_names: Mapping[str, str] = field(default_factory=dict)
    custom_tools: frozenset[str] = frozenset()
    custom_input: str = CUSTOM_INPUT
    legacy_functions: bool = False
    single_tool_call: bool = False
    prefix: str = ""
    stops: tuple[str, ...] = ()
    include_usage: bool = False

    @property
    def is_plain(self) -> bool:
        """True when chunks may be handed on as they are."""
        return not (
            self.tool_names
            or self.custom_tools
            or self.legacy_functions
            or self.single_tool_call
            or self.prefix
            or self.stops
        )


def require(condition: bool, message: str, param: str) -> None:
    """Raise ``InvalidRequestError`` for ``param`` unless ``condition`` holds."""
    if not condition:
        raise InvalidRequestError(message, param=param)


def is_number(value: object) -> bool:
    """A JSON number; ``True`` and ``False`` are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def well_formed(text: str) -> str:
    """``text`` as it can be written in UTF-8: lone surrogates become U+FFFD.

    They come from terminals with bytes that are no UTF-8, and from JavaScript's cut strings.
    """
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


class Draft:
    """See the module's docstring. ``restoring`` collects the fields of ``Restore``."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        # OpenAI takes null for "not given" at the top level.
        self.body: Json = {key: value for key, value in request.items() if value is not None}
        self.adjustments: list[Adjustment] = []
        self.needs: list[Need] = []
        # Characters of the data: URLs that go inline.
        self.inline = 0
        self.restoring: dict[str, Any] = {}
        self.forced: Forced | None = None
        self.choices = 1
        # The paths of ``body["messages"]`` where these are not the caller's, one for one.
        self.message_paths: list[str] | None = None
        # Where each of ``body["tools"]`` stands in the caller's request, and its forced choice.
        self.tool_paths: list[str] = []
        self.tool_choice_param = "tool_choice"
        # Fields that the caller wrote elsewhere: their name in ``body`` -> their place.
        self.places: dict[str, str] = {}
        # System prompts of other fields, to be sent before the messages.
        self.leading: list[Json] = []
        # Names as sent: of every tool declared (and what is sent for it), and of those that stand
        # in for custom tools.
        self.declared: dict[str, Json] = {}
        self.custom_tools: set[str] = set()
        # The tools that tool_choice leaves; None: all.
        self.only_tools: set[str] | None = None
        model_id = self.body.get("model")
        if not isinstance(model_id, str) or not model_id:
            raise InvalidRequestError("must be the id of a Kimi model", param="model")
        try:
            self.model: Model = resolve(model_id)
        except UnknownModelError as error:
            raise InvalidRequestError(str(error), param="model") from None
        self.thinking = self.model.thinking.default_on

    @property
    def name(self) -> str:
        """The model as the caller wrote it, for the reasons of adjustments."""
        return str(self.body["model"])

    def path(self, param: str) -> str:
        """``param``, a path in ``body``, as a path in the caller's request."""
        if not self.places:
            return param
        head = re.split(r"[.\[]", param, maxsplit=1)[0]
        return self.places.get(head, head) + param[len(head) :]

    def message_path(self, number: int) -> str:
        """Where message ``number`` of the body stands in the caller's request."""
        return f"messages[{number}]" if self.message_paths is None else self.message_paths[number]

    def adjust(
        self,
        param: str,
        given: Any,
        sent: Any,
        reason: str,
        source: str = "openapi",
        *,
        meaning: bool = True,
    ) -> None:
        """Record one adjustment; ``source`` is a key of ``SOURCES`` or a source as text."""
        text = _SOURCE_TEXTS.get(source, source)
        self.adjustments.append(Adjustment(self.path(param), given, sent, reason, text, meaning))

    def take(self, changes: Iterable[Adjustment]) -> None:
        """Record adjustments that were made elsewhere, under the caller's paths."""
        if not self.places:
            self.adjustments += changes
            return
        for change in changes:
            self.adjustments.append(replace(change, param=self.path(change.param)))

    def drop(
        self, param: str, reason: str, source: str = "openapi", *, meaning: bool = True
    ) -> None:
        """Leave the top-level field ``param`` out and record it."""
        self.adjust(param, self.body.pop(param), None, reason, source, meaning=meaning)

    def check_type(self, param: str, types: type | tuple[type, ...], expected: str) -> Any:
        """The top-level field ``param`` (None when absent) after a type check."""
        value = self.body.get(param)
        if value is not None:
            wrong_bool = isinstance(value, bool) and types is not bool
            require(isinstance(value, types) and not wrong_bool, f"must be {expected}", param)
            require(
                not isinstance(value, str) or well_formed(value) == value,
                "must be text, it holds half a character (a lone surrogate)",
                param,
            )
        return value


class Tally:
    """The same small change in many messages, told once: first place, and how many more."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._seen: dict[str, list[Any]] = {}

    def note(
        self,
        key: str,
        param: str,
        given: Any,
        sent: Any,
        reason: str,
        source: str = "openapi",
        *,
        meaning: bool = False,
    ) -> None:
        """Count one occurrence of the change ``key``; the first one is kept in full."""
        entry = self._seen.get(key)
        if entry is None:
            self._seen[key] = [1, param, given, sent, reason, source, meaning]
        else:
            entry[0] += 1

    def flush(self) -> None:
        """Turn the counts into adjustments of the draft, in the order of first occurrence."""
        for count, param, given, sent, reason, source, meaning in self._seen.values():
            if count > 1:
                reason = f"{reason}; the same in {count - 1} more place{'s' * (count > 2)}"
            self._draft.adjust(param, given, sent, reason, source, meaning=meaning)


def listed(names: Iterable[str]) -> str:
    """Names for a sentence: ``a, b or c``."""
    items = list(names)
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} or {items[-1]}"
