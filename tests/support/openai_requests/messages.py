"""The conversation of a request: every role, calls and their results, parts."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from .media import file_part, image_part, wav
from .schemas import PROPERTY_NAMES
from .texts import SENTENCES, chance, prose, token
from .tools import tool_name

Json = dict[str, Any]
Media = Literal["none", "images", "all"]

_PEOPLE = ("alice", "bob_2", "José", "小明", "agent-7", "x" * 64)
_REFUSAL = "I'm sorry, but I can't help with that."
ECHOED_NULLS = ("refusal", "function_call", "audio")


class Conversation:
    """The `messages` of one request."""

    def __init__(
        self,
        rng: random.Random,
        *,
        tools: list[Json] | None,
        functions: list[Json] | None,
        media: Media,
        residue: bool,
    ) -> None:
        self.rng = rng
        self.tools = tools
        self.functions = functions
        self.media = media
        self.residue = residue and rng.random() < 0.25
        self.messages: list[Json] = []
        self.ids: set[str] = set()
        self.id_style = rng.randrange(6)
        self.echo = rng.random() < 0.3
        self.tool_rate = 0.45 if tools else 0.08
        self.function_rate = 0.45 if functions else 0.02

    def build(self) -> list[Json]:
        rng = self.rng
        for _ in range(rng.choice((0, 0, 1, 1, 1, 1, 2, 3))):
            self.instruction()
        if chance(rng, 0.03):
            self.assistant()
        for _ in range(rng.choice((0, 0, 0, 0, 1, 1, 2, 3, 5, rng.randint(6, 12)))):
            self.turn()
        ending = rng.random()
        if ending < 0.02 and self.messages:
            pass
        elif ending < 0.75:
            self.user()
        else:
            self.user()
            if chance(rng, 0.5) and (self.tools or self.functions):
                self.call_round()
            else:
                self.assistant()
        if chance(rng, 0.04):
            self.instruction()
        return self.messages

    def turn(self) -> None:
        rng = self.rng
        for _ in range(rng.choice((1, 1, 1, 1, 1, 1, 2, 3))):
            self.user()
        if chance(rng, 0.05):
            self.instruction()
        while chance(rng, max(self.tool_rate, self.function_rate)):
            self.call_round()
        for _ in range(rng.choice((1, 1, 1, 1, 1, 1, 1, 2))):
            self.assistant()

    def call_round(self) -> None:
        rng = self.rng
        legacy = self.functions is not None or (self.tools is None and chance(rng, 0.25))
        if legacy:
            self.function_round()
        else:
            self.tool_round()

    # One message of each role.

    def instruction(self) -> None:
        rng = self.rng
        content: Any = prose(rng) if chance(rng, 0.85) else self.text_parts()
        message: Json = {"role": rng.choice(("system", "system", "developer")), "content": content}
        self.add(message, name=0.04)

    def user(self) -> None:
        content: Any = prose(self.rng) if chance(self.rng, 0.7) else self.user_parts()
        self.add({"role": "user", "content": content}, name=0.08)

    def assistant(self) -> None:
        rng = self.rng
        message: Json = {"role": "assistant"}
        roll = rng.random()
        if roll < 0.76:
            message["content"] = prose(rng, empty=0.06)
        elif roll < 0.86:
            message["content"] = self.text_parts()
        elif roll < 0.90:
            message["content"] = [{"type": "refusal", "refusal": _REFUSAL}]
        elif roll < 0.95:
            message |= {"content": None, "refusal": _REFUSAL}
        else:
            message["audio"] = {"id": f"audio_{token(rng, 24)}"}
            if chance(rng, 0.6):
                message["content"] = None
        self.finish_assistant(message)

    def finish_assistant(self, message: Json) -> None:
        rng = self.rng
        if self.echo:
            for key in ECHOED_NULLS:
                if key not in message and chance(rng, 0.7):
                    message[key] = None
            if chance(rng, 0.7):
                message["annotations"] = []
                if isinstance(message.get("content"), str) and chance(rng, 0.1):
                    citation = {"url": "https://example.com", "title": "例"}
                    span = {"start_index": 0, "end_index": 1}
                    note = {"type": "url_citation", "url_citation": {**span, **citation}}
                    message["annotations"] = [note]
        if self.residue:
            self.assistant_residue(message)
        self.add(message, name=0.03)

    def assistant_residue(self, message: Json) -> None:
        rng = self.rng
        thought = rng.choice(SENTENCES)
        if chance(rng, 0.5):
            message["reasoning_content"] = rng.choice((thought, thought, thought, "", None))
        if chance(rng, 0.2):
            block = {"type": "thinking", "thinking": thought, "signature": token(rng, 60)}
            message["thinking_blocks"] = rng.choice(([block], [block], []))
        if chance(rng, 0.3):
            message["provider_specific_fields"] = rng.choice(
                ({"refusal": None, "reasoning_content": thought}, {}, None)
            )
        if chance(rng, 0.1):
            message["reasoning"] = thought
            message["reasoning_details"] = [{"type": "reasoning.text", "text": thought}]
        if chance(rng, 0.08):
            message["parsed"] = None
        if "tool_calls" not in message and chance(rng, 0.25):
            message["tool_calls"] = None
        for index, call in enumerate(message.get("tool_calls") or ()):
            if chance(rng, 0.2):
                call["index"] = index
            if chance(rng, 0.15):
                call["provider_specific_fields"] = {"thought_signature": token(rng, 20)}
            if call["type"] == "function" and chance(rng, 0.1):
                call["function"]["parsed_arguments"] = None

    # Calls and their results.

    def call_id(self) -> str:
        rng = self.rng
        while True:
            number = len(self.ids)
            new = (
                f"call_{token(rng, 24)}",
                f"call_{token(rng, 24)}",
                f"toolu_{token(rng, 24)}",
                f"call-{number}",
                str(number),
                f"chatcmpl-tool-{token(rng, 24)}",
            )[self.id_style]
            if new not in self.ids:
                self.ids.add(new)
                return new

    def arguments(self) -> str:
        rng = self.rng
        roll = rng.random()
        if roll < 0.1:
            return rng.choice(("{}", "{}", ""))
        if roll < 0.13:
            return rng.choice(('{"city": "Par', "city=Paris", "[1, 2]", "null"))
        names = rng.sample(PROPERTY_NAMES, rng.randint(1, 3))
        values = {
            name: rng.choice(("Paris", "東京", 3, 1.5, None, True, ["a"], {"b": 1}))
            for name in names
        }
        return json.dumps(values, ensure_ascii=chance(rng, 0.5))

    def tool_call(self) -> Json:
        rng = self.rng
        tools = self.tools or [{"type": "function", "function": {"name": "old_tool"}}]
        tool = rng.choice(tools)
        if self.tools is None and chance(rng, 0.1):
            tool = {"type": "custom", "custom": {"name": "old_custom"}}
        payload: Json = {"name": tool_name(tool)}
        if tool["type"] == "custom":
            payload["input"] = prose(rng)
        else:
            payload["arguments"] = self.arguments()
        return {"id": self.call_id(), "type": tool["type"], tool["type"]: payload}

    def tool_round(self) -> None:
        rng = self.rng
        calls = [self.tool_call() for _ in range(rng.choice((1, 1, 1, 1, 2, 3, 5)))]
        message: Json = {"role": "assistant"}
        roll = rng.random()
        if roll < 0.5:
            message["content"] = None
        elif roll < 0.65:
            message["content"] = ""
        elif roll < 0.9:
            message["content"] = prose(rng)
        elif roll < 0.95:
            message["content"] = self.text_parts()
        message["tool_calls"] = calls
        self.finish_assistant(message)
        order = list(calls)
        if chance(rng, 0.4):
            rng.shuffle(order)
        for call in order:
            content: Any = prose(rng, empty=0.08)
            if chance(rng, 0.15):
                content = self.text_parts()
            result: Json = {"role": "tool", "tool_call_id": call["id"], "content": content}
            if self.residue and chance(rng, 0.4):
                result["name"] = tool_name(call)
            self.add(result)

    def function_round(self) -> None:
        rng = self.rng
        name = rng.choice(self.functions)["name"] if self.functions else "old_function"
        call = {"name": name, "arguments": self.arguments()}
        message: Json = {"role": "assistant", "content": None, "function_call": call}
        if chance(rng, 0.2):
            message["content"] = prose(rng)
        self.finish_assistant(message)
        content = None if chance(rng, 0.04) else prose(rng)
        self.add({"role": "function", "name": name, "content": content})

    # Parts.

    def text_part(self, text: str) -> Json:
        part: Json = {"type": "text", "text": text}
        if chance(self.rng, 0.02):
            part["prompt_cache_breakpoint"] = {"mode": "explicit"}
            if chance(self.rng, 0.4):
                part["prompt_cache_breakpoint"]["ttl"] = self.rng.choice(("30m", "12h"))
        return part

    def text_parts(self) -> list[Json]:
        rng = self.rng
        parts = [self.text_part(prose(rng, empty=0)) for _ in range(rng.choice((1, 1, 2, 3)))]
        if chance(rng, 0.1):
            parts.insert(rng.randint(0, len(parts)), self.text_part(""))
        return parts

    def user_parts(self) -> list[Json]:
        rng = self.rng
        parts = self.text_parts()
        if self.media != "none" and chance(rng, 0.4):
            if chance(rng, 0.1):
                parts = []
            for _ in range(rng.choice((1, 1, 1, 2, 4))):
                parts.insert(rng.randint(0, len(parts)), image_part(rng))
        if self.media == "all" and chance(rng, 0.3):
            audio = {"data": wav(rng), "format": "wav"}
            parts.insert(rng.randint(0, len(parts)), {"type": "input_audio", "input_audio": audio})
        if self.media == "all" and chance(rng, 0.3):
            parts.insert(rng.randint(0, len(parts)), file_part(rng))
        return parts

    def add(self, message: Json, *, name: float = 0.0) -> None:
        rng = self.rng
        if chance(rng, name):
            message["name"] = rng.choice(_PEOPLE)
        if self.residue and chance(rng, 0.15):
            parts = message.get("content")
            if isinstance(parts, list):
                rng.choice(parts)["cache_control"] = {"type": "ephemeral"}
            else:
                message["cache_control"] = rng.choice(
                    ({"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"})
                )
        self.messages.append(message)


def say_json(rng: random.Random, messages: list[Json]) -> None:
    """JSON mode wants the word in some message."""
    if any("json" in text.lower() for text in message_texts(messages)):
        return
    role = rng.choice(("system", "developer"))
    messages.insert(0, {"role": role, "content": "Answer with one JSON object."})


def message_texts(messages: Iterable[Json]) -> Iterator[str]:
    for message in messages:
        content = message.get("content")
        if isinstance(content, str):
            yield content
        for part in content if isinstance(content, list) else ():
            if part["type"] == "text":
                yield part["text"]
