"""A prompt of llm's as it can be sent and logged: text that is not UTF-8, and its system prompt.

llm logs a prompt after it was answered, and fails at half a character (a lone surrogate). So what
can be read or repaired is put back into the prompt itself; what cannot is an error before
anything is sent.
"""

from __future__ import annotations

import locale
import sys
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import llm
from llm.parts import Message, TextPart, ToolResultPart

from ...errors import InvalidRequestError
from ...files.load import MAX_BYTES
from ...reply import json_values
from ...sniff.text import is_well_formed, read_back, reread
from ...terminal.notices import is_command
from ...translation import Adjustment
from ...translation.checks import well_formed

__all__ = ["is_question", "loggable_path", "mend", "read_option", "settle_system"]

NOT_UTF8 = "contains bytes that are not UTF-8 text: convert them first (iconv -f latin1 -t utf-8)"
_OR_ATTACH = ", or attach the file itself (-a FILE)"
_HALF = "half a character (a lone surrogate) cannot be sent"
_SOURCE = "Unicode, RFC 3629"


def _encodings() -> list[str]:
    """Those in which Python may have read arguments and stdin."""
    found = (
        getattr(sys.stdin, "encoding", None),
        locale.getpreferredencoding(False),
        sys.getfilesystemencoding(),
    )
    return list(dict.fromkeys(name for name in found if name))


def mend(prompt: Any) -> list[Adjustment]:
    """Make ``prompt`` well-formed; the changes that are more than another reading of its bytes.

    Raises:
        InvalidRequestError: the user's own text contains bytes that are not UTF-8.
    """
    mender = _Mender()
    before = (prompt.prompt, prompt.system)
    mender.own_text(prompt)
    # llm has put both among the messages already.
    mender.read = dict(zip(before, (prompt.prompt, prompt.system), strict=True))
    prompt.schema = mender.tree(prompt.schema, "schema")
    prompt.tools = [mender.tool(tool) for tool in prompt.tools or ()]
    prompt.tool_results = [mender.result(result) for result in prompt.tool_results or ()]
    messages = prompt.messages
    mended = [mender.message(message, place) for place, message in enumerate(messages)]
    if any(new is not old for new, old in zip(mended, messages, strict=True)):
        _keep_messages(prompt, mended)
    return list(mender.changes.values())


def _read_own(text: str) -> str | None:
    """What was typed or piped, as UTF-8 where it is that; None where it is no text.

    Without UTF-8 in the locale its bytes may have become letters, each of them good.
    """
    read = read_back(text, _encodings())
    if read is None or not is_command():
        return read
    for encoding in _encodings():
        if not encoding.lower().startswith("utf"):
            read = reread(read, encoding)
    return read


def read_option(text: str) -> str:
    """The text of an option, read back.

    Raises:
        ValueError: it is not UTF-8; pydantic makes it an error of the option.
    """
    read = _read_own(text)
    if read is None:
        raise ValueError(NOT_UTF8)
    return read


class _Mender:
    """``changes``: what was repaired, by place. ``read``: the user's own text as it was read."""

    def __init__(self) -> None:
        self.changes: dict[str, Adjustment] = {}
        self.read: dict[str, str] = {}

    def own_text(self, prompt: Any) -> None:
        """What the user typed or piped. llm keeps it beside the messages that it goes into."""
        prompt._prompt = self._own(prompt._prompt, "prompt", _OR_ATTACH)
        prompt._system = self._own(prompt._system, "system prompt (-s)")
        prompt.fragments = self._fragments(prompt.fragments, "fragment (-f)", _OR_ATTACH)
        prompt.system_fragments = self._fragments(prompt.system_fragments, "fragment (--sf)")

    def _fragments(self, given: Iterable[str] | None, param: str, way_out: str = "") -> list[str]:
        fragments = [self._own(fragment, param, way_out) for fragment in given or ()]
        for fragment in fragments:
            if isinstance(fragment, llm.Fragment) and fragment.source:
                fragment.source = loggable_path(fragment.source)
        return fragments

    def _own(self, text: Any, param: str, way_out: str = "") -> Any:
        if not isinstance(text, str) or text.isascii():
            return text
        read = _read_own(text)
        if read is None and any("\udc80" <= letter <= "\udcff" for letter in text):
            raise InvalidRequestError(NOT_UTF8 + way_out, param=param)
        read = self.text(text, param) if read is None else read
        if read == text:
            return text
        return llm.Fragment(read, text.source) if isinstance(text, llm.Fragment) else read  # type: ignore[no-untyped-call]

    def text(self, text: Any, param: str) -> Any:
        """``text`` read back or, where its bytes are not UTF-8, repaired."""
        if not isinstance(text, str) or is_well_formed(text):
            return text
        read = read_back(text, _encodings())
        if read is None:
            read = well_formed(text)
            self.changes.setdefault(param, Adjustment(param, text, read, _HALF, _SOURCE, True))
        return read

    def tree(self, value: Any, param: str) -> Any:
        """The same for every text in a JSON value of the user's."""
        if isinstance(value, dict):
            return {
                self._own(key, param): self.tree(item, f"{param}.{well_formed(str(key))}")
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self.tree(item, f"{param}[{n}]") for n, item in enumerate(value)]
        return self._own(value, param)

    def tool(self, tool: Any) -> Any:
        """A tool whose description llm can log."""
        if not isinstance(tool, llm.Tool):
            return tool
        description = self.text(tool.description, f"description of the tool {tool.name}")
        return tool if description == tool.description else replace(tool, description=description)

    def result(self, result: Any) -> Any:
        """The result of a tool, which may contain whatever it has found: file names for one."""
        output = self.text(result.output, f"result of the tool {well_formed(str(result.name))}")
        return result if output == result.output else replace(result, output=output)

    def message(self, message: Message, place: int) -> Message:
        """A message of the conversation; itself when nothing is wrong with it."""
        parts = [self._part(part, f"messages[{place}]") for part in message.parts]
        if all(new is old for new, old in zip(parts, message.parts, strict=True)):
            return message
        return replace(message, parts=parts)

    def _part(self, part: Any, param: str) -> Any:
        if isinstance(part, ToolResultPart):
            param = f"result of the tool {well_formed(part.name)}"
        for attachment in (getattr(part, "attachment", None), *getattr(part, "attachments", ())):
            if attachment is not None:
                _keep_content(attachment)
        new: dict[str, Any] = {}
        for name in ("text", "output", "exception"):
            value = getattr(part, name, None)
            if isinstance(value, str) and not value.isascii():
                text = self.read.get(value) or self.text(value, param)
                if text != value:
                    new[name] = text
        for name in ("arguments", "provider_metadata"):
            value = getattr(part, name, None)
            if value and (mended := json_values.mended(value)) != value:
                new[name] = mended
        return replace(part, **new) if new else part


def loggable_path(path: str) -> str:
    """A path whose bytes are not those of the locale, as llm can log it."""
    return read_back(path) or well_formed(path)


def _keep_content(attachment: llm.Attachment) -> None:
    """Have llm log a file itself that it could not find again by its name: one whose bytes are
    not those of the locale."""
    path = attachment.path
    if not isinstance(path, str) or is_well_formed(path):
        return
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError):
        return  # which is said when it is read
    if content and len(content) <= MAX_BYTES:
        attachment.content = content
    attachment.path = loggable_path(path)


def settle_system(prompt: Any) -> None:
    """Put a system prompt that is new in this turn among the messages of ``prompt``.

    llm keeps it beside them, where its log and the next turn do not find it: the turn after it
    would go by the old one again. It stands before the newest question, so that the beginning of
    the conversation, which is cached, stays as it was.
    """
    messages = list(prompt.messages)
    if not prompt.system or prompt.system in _newest_systems(messages):
        return
    place = next((n for n in range(len(messages) - 1, -1, -1) if is_question(messages, n)), 0)
    messages.insert(place, Message(role="system", parts=[TextPart(text=prompt.system)]))
    _keep_messages(prompt, messages)


def _newest_systems(messages: list[Message]) -> list[str]:
    """The texts of the newest system messages: those that stand together."""
    found: list[str] = []
    for message in reversed(messages):
        if message.role == "system":
            found.append("".join(p.text for p in message.parts if isinstance(p, TextPart)))
        elif found:
            break
    return found


def is_question(messages: list[Message], place: int) -> bool:
    """Whether a question of the user's own is at ``place``; what tools attach is not theirs."""
    message = messages[place]
    after_tool = place > 0 and messages[place - 1].role == "tool"
    return message.role == "user" and not (
        after_tool and not any(isinstance(part, TextPart) for part in message.parts)
    )


def _keep_messages(prompt: Any, messages: list[Message]) -> None:
    """What the model gets is what ``prompt.messages`` gives to llm's log and to the next turn."""
    prompt._explicit_messages = messages
