"""What a translation leaves to others: files to bring, calls to force, the way back of a reply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from .attached import Attached

__all__ = [
    "CUSTOM_INPUT",
    "WAYS_IN",
    "WAYS_OUT",
    "Attached",
    "Forced",
    "Need",
    "NeedKind",
    "Restore",
    "RestoreBuilder",
]

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


@dataclass(slots=True)
class RestoreBuilder:
    """``Restore`` while the steps of a translation fill it."""

    tool_names: Mapping[str, str] = field(default_factory=dict)
    custom_tools: set[str] = field(default_factory=set)
    legacy_functions: bool = False
    single_tool_call: bool = False
    prefix: str = ""
    stops: tuple[str, ...] = ()
    include_usage: bool = False

    def build(self) -> Restore:
        """What the way back takes, fixed."""
        return Restore(
            tool_names=self.tool_names,
            custom_tools=frozenset(self.custom_tools),
            legacy_functions=self.legacy_functions,
            single_tool_call=self.single_tool_call,
            prefix=self.prefix,
            stops=self.stops,
            include_usage=self.include_usage,
        )
