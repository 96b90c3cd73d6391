"""What a translation leaves to others: calls to force, the way back of a reply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["CUSTOM_INPUT", "Forced", "Restore", "RestoreBuilder"]

CUSTOM_INPUT = "input"
"""The one parameter of the function that stands in for a custom tool."""


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
