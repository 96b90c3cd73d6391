"""The working copy of one request on its way through the translation steps.

A ``Draft`` belongs to one call of ``translate``. Steps read and replace values in ``draft.body``,
which is a copy; the values that came from the caller are replaced, never changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..catalog import SOURCES, Model, UnknownModelError, resolve
from ..errors import InvalidRequestError
from .adjustments import Adjustment
from .checks import require, well_formed
from .needs import Need
from .results import Forced, RestoreBuilder
from .tools.names import Names

__all__ = ["Draft", "Json", "RepeatedNotes"]

Json = dict[str, Any]

_SOURCE_TEXTS = {key: str(source) for key, source in SOURCES.items()}


class Draft:
    """See the module's docstring. ``restore`` collects what the way back takes."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        # OpenAI takes null for "not given" at the top level.
        self.body: Json = {key: value for key, value in request.items() if value is not None}
        self.adjustments: list[Adjustment] = []
        self.needs: list[Need] = []
        # Characters of the data: URLs that go inline.
        self.inline = 0
        self.restore = RestoreBuilder()
        # Function names as they are sent; set by the step for tools.
        self.names = Names(())
        self.forced: Forced | None = None
        # Moonshot's own tools that are asked for, by name.
        self.official: list[str] = []
        self.official_required = False
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
        # Every tool declared, by its name as sent: what is sent for it.
        self.declared: dict[str, Json] = {}
        # The tools that tool_choice leaves; None: all.
        self.only_tools: set[str] | None = None
        model_id = self.body.get("model")
        if not isinstance(model_id, str) or not model_id:
            raise InvalidRequestError("must be the id of a Kimi model", param="model")
        try:
            self.model: Model = resolve(model_id)
        except UnknownModelError as error:
            raise InvalidRequestError(str(error), param="model") from error
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


class RepeatedNotes:
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
