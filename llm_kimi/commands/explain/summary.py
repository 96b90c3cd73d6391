"""What becomes of many requests, counted: as sent, after translation, and what was adjusted.

Takes constant memory: of each kind one example is kept, and kinds beyond a limit are counted
together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...config.discovered_models import Learned
from ...errors import InvalidRequestError, StrictError
from ...simulator import check_chat, ignored
from ...simulator.rules.refusal import not_found
from ...translation import Fallback, Translation, translate, way_out
from ..served_models import Standing, standing

__all__ = ["Group", "Groups", "RepeatedNotes"]

Json = dict[str, Any]

MAX_KINDS = 60
MAX_TEXT = 240
_INDEX = re.compile(r"\[\d+\]")
_IN_SCHEMA = re.compile(r"(\.(?:parameters|schema))[.\[].*", re.DOTALL)


@dataclass(slots=True)
class Group:
    """How often something happened, where first, and how it read there."""

    count: int
    line: int
    example: str


class Groups:
    """Counts by kind. The kinds beyond ``MAX_KINDS`` are one: ``others``."""

    def __init__(self) -> None:
        self.kinds: dict[Any, Group] = {}
        self.others: Group | None = None

    def add(self, kind: Any, line: int, example: str = "") -> None:
        """Count one."""
        group = self.kinds.get(kind)
        if group is None and len(self.kinds) >= MAX_KINDS:
            group = self.others
        if group is not None:
            group.count += 1
            return
        text = example if len(example) <= MAX_TEXT else example[: MAX_TEXT - 1] + "…"
        group = Group(1, line, text)
        if len(self.kinds) < MAX_KINDS:
            self.kinds[kind] = group
        else:
            self.others = group

    def __iter__(self) -> Iterator[tuple[Any, Group]]:
        """Most frequent first."""
        return iter(sorted(self.kinds.items(), key=lambda item: -item[1].count))

    def total(self) -> int:
        """How many were counted."""
        rest = self.others.count if self.others else 0
        return rest + sum(group.count for group in self.kinds.values())


class RepeatedNotes:
    """Feed it requests. Counts are of requests; in ``adjustments`` too, one a parameter.

    ``found`` is what the host was last heard to serve: ids that it does not serve are refused.
    ``written``: the bodies are for a file, so what has to be fetched or uploaded first is an error.
    """

    def __init__(
        self, found: Learned, *, strict: bool, fallback: Fallback, written: bool = False
    ) -> None:
        self._found = found
        self._standings: dict[str, Standing] = {}
        self._strict = strict
        self._written = written
        self._fallback: Fallback = fallback
        self.requests = 0
        self.swallowed = 0
        self.run = 0
        self.unchanged = 0
        self.changed_meaning = 0
        self.with_files = 0
        self.several = 0
        self.nudged = 0
        self.restored = 0
        self.bad_lines = Groups()
        self.refused = Groups()
        self.refused_after = Groups()
        self.errors = Groups()
        self.adjustments = Groups()
        self.notes = Groups()

    def bad_line(self, line: int, reason: str) -> None:
        """A line without a request."""
        self.bad_lines.add(reason, line)

    def request(self, request: Json, line: int) -> Translation | None:
        """Count a request; what it becomes, or None when it cannot be sent."""
        self.requests += 1
        try:
            self._as_sent(request, line)
            translation = self._translated(request)
        except InvalidRequestError as error:
            self._error(error, line)
            return None
        except RecursionError:
            self.errors.add("nested too deeply", line)
            return None
        refusal = check_chat(_without_files(translation))
        if refusal is not None:
            self.refused_after.add(refusal.rule, line, refusal.message)
            return None
        note = self._standing(request).note
        if note is not None:
            self.notes.add(note, line)
        self._runs(translation, line)
        return translation

    def _standing(self, request: Json) -> Standing:
        model = request.get("model")
        if not isinstance(model, str):
            return Standing()
        known = self._standings.get(model)
        if known is None:
            known = standing(model, self._found)
            if len(self._standings) < MAX_KINDS:
                self._standings[model] = known
        return known

    def _as_sent(self, request: Json, line: int) -> None:
        unserved = self._standing(request).refusal is not None
        refusal = not_found(request["model"]) if unserved else check_chat(request)
        if refusal is not None:
            self.refused.add(refusal.rule, line, refusal.message)
        elif ignored(request):
            self.swallowed += 1

    def _translated(self, request: Json) -> Translation:
        """The translation, if it can be sent."""
        refusal = self._standing(request).refusal
        if refusal is not None:
            raise InvalidRequestError(refusal, param="model")
        translation = translate(request, strict=self._strict, tool_choice_fallback=self._fallback)
        for need in translation.needs:
            if need.required and self._written:
                raise InvalidRequestError(way_out(need), param=need.param)
        return translation

    def _error(self, error: InvalidRequestError, line: int) -> None:
        if isinstance(error, StrictError):
            names = sorted({_shape(item.param) for item in error.adjustments})
            self.errors.add(f"strict mode, because of {', '.join(names)}"[:MAX_TEXT], line)
        else:
            self.errors.add(_shape(str(error))[:MAX_TEXT], line)

    def _runs(self, translation: Translation, line: int) -> None:
        self.run += 1
        self.with_files += any(need.required for need in translation.needs)
        self.several += translation.choices > 1
        self.nudged += translation.forced is not None
        self.restored += not translation.restore.is_plain
        self.unchanged += not translation.adjustments
        self.changed_meaning += bool(translation.changes_of_meaning)
        seen = set()
        for item in translation.adjustments:
            kind = (_shape(item.param), item.changes_meaning)
            if kind not in seen:
                seen.add(kind)
                self.adjustments.add(kind, line, str(item))

    def to_dict(self) -> Json:
        """Everything for programs."""

        def listed(groups: Groups, name: str, example: str | None = None) -> list[Json]:
            rows = [*groups, *([(None, groups.others)] if groups.others else [])]
            return [
                {
                    name: kind,
                    "count": group.count,
                    "first_line": group.line,
                    **({example: group.example} if example else {}),
                }
                for kind, group in rows
            ]

        adjusted = [
            {"param": None, "changes_meaning": None, **row}
            if row["kind"] is None
            else {"param": row["kind"][0], "changes_meaning": row["kind"][1], **row}
            for row in listed(self.adjustments, "kind", "example")
        ]
        return {
            "requests": self.requests,
            "as_sent": {
                "refused": self.refused.total(),
                "refused_by_rule": listed(self.refused, "rule", "message"),
                "accepted_with_fields_that_are_ignored": self.swallowed,
            },
            "translated": {
                "run": self.run,
                "unchanged": self.unchanged,
                "adjusted_same_meaning": self.run - self.unchanged - self.changed_meaning,
                "adjusted_other_meaning": self.changed_meaning,
                "with_files_to_fetch_or_upload": self.with_files,
                "sent_several_times": self.several,
                "nudged_to_call_a_tool": self.nudged,
                "restored_in_the_reply": self.restored,
                "adjustments": [{k: v for k, v in row.items() if k != "kind"} for row in adjusted],
                "refused": self.refused_after.total(),
                "refused_by_rule": listed(self.refused_after, "rule", "message"),
            },
            "errors_before_sending": self.errors.total(),
            "errors_by_reason": listed(self.errors, "reason"),
            "notes": listed(self.notes, "note"),
            "bad_lines": self.bad_lines.total(),
            "bad_lines_by_reason": listed(self.bad_lines, "reason"),
        }


def _shape(path: str) -> str:
    """A path without the numbers in it; within a schema all places are one."""
    head, colon, text = path.partition(": ")
    return _IN_SCHEMA.sub(r"\1", _INDEX.sub("[]", head)) + colon + _INDEX.sub("[]", text)


def _without_files(translation: Translation) -> Json:
    """The body with words in place of the files that are fetched or uploaded before it is sent."""
    places = {(need.message, need.part) for need in translation.needs if need.required}
    if not places:
        return translation.body
    messages = []
    for number, message in enumerate(translation.body["messages"]):
        content = message.get("content")
        if isinstance(content, list):
            parts: Any = [
                {"type": "text", "text": "file"} if (number, place) in places else part
                for place, part in enumerate(content)
            ]
            if all(part["type"] == "text" for part in parts):
                parts = "\n".join(part["text"] for part in parts)
            message = {**message, "content": parts}
        messages.append(message)
    return {**translation.body, "messages": messages}
