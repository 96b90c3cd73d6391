"""Top-level fields in the words of other stacks, under the names of OpenAI's API.

`extra_body` as the OpenAI SDK merges it, other names for the limit, the stop sequences and the form
of the answer. Every one of them is a difference that has to be told at the place where it stood.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from .difference import Difference

Json = dict[str, Any]

RENAMED = {
    "max_output_tokens": "max_completion_tokens",  # the Responses API
    "max_new_tokens": "max_completion_tokens",  # Hugging Face
    "n_predict": "max_completion_tokens",  # llama.cpp
    "num_predict": "max_completion_tokens",  # Ollama
    "stop_sequences": "stop",  # Anthropic
}
SCHEMAS = ("guided_json", "json_schema", "format", "response_schema")


class Words:
    """The request under OpenAI's names, and where each field stood."""

    def __init__(self, given: Json) -> None:
        self.given = dict(given)
        self.found: list[Difference] = []
        self._places: dict[str, str] = {}
        self._open()
        for name, new in RENAMED.items():
            if name in self.given and new not in self.given:
                self._rename(name, new, self.given[name])
        for name in SCHEMAS:
            schema = self.given.get(name)
            if not isinstance(schema, Mapping):
                continue
            if _schema_in(self.given.get("response_format")) == schema:
                del self.given[name]
                self.found.append(Difference(self._path(name), "response_format says it"))
            elif "response_format" not in self.given:
                # A schema under another name binds the answer, as beside json_object.
                self._rename(name, "response_format", {"type": "json_object", "schema": schema})

    def _open(self) -> None:
        bag = self.given.get("extra_body")
        if not isinstance(bag, Mapping):
            return
        del self.given["extra_body"]
        self.found.append(Difference("extra_body", "the SDK merges it", near=True))
        for key, value in bag.items():
            if value is None or key in ("model", "messages"):
                continue
            if key in self.given and self.given[key] != value:
                self.found.append(Difference(key, "another value wins", True))
            self.given[key] = value
            self._places[key] = f"extra_body.{key}"

    def _rename(self, name: str, new: str, value: Any) -> None:
        del self.given[name]
        place = self._places.get(name, name)
        self.found.append(Difference(place, f"its name is {new}", near=True))
        self.given[new] = value
        self._places[new] = place

    def as_written(self, differences: Iterable[Difference]) -> Iterator[Difference]:
        """The differences at the paths of the caller."""
        yield from self.found
        for one in differences:
            also = tuple(map(self._path, one.also))
            yield replace(one, path=self._path(one.path), also=also)

    def _path(self, path: str) -> str:
        head = re.split(r"[.\[ ]", path, maxsplit=1)[0]
        return self._places.get(head, head) + path[len(head) :]


def _schema_in(form: Any) -> Any:
    """The schema of a response_format, nested or flat."""
    if not isinstance(form, Mapping):
        return None
    inner = form.get("json_schema")
    return form.get("schema") or (inner.get("schema") if isinstance(inner, Mapping) else None)
