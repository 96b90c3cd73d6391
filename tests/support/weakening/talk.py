"""The conversation: what was said, thought, called and answered, before and after."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from llm_kimi.translation import Translation

from .difference import Difference
from .forms import PARTS, as_sent, data_text, hear, is_data
from .forms import part as as_part
from .pairing import RESULT_IDS, Call, Turn, read_dialogue
from .reading import THINKING_PARTS, same_thought, thoughts, whole
from .schemas import lost_keys

Json = dict[str, Any]

_FILLERS = (" ",)
_THOUGHT_KEYS = (
    "reasoning",
    "thinking",
    "reasoning_details",
    "thinking_blocks",
    "provider_specific_fields",
)


class Talk:
    """The conversation before and after."""

    def __init__(self, given: Json, translation: Translation) -> None:
        self.translation = translation
        names = translation.restore.tool_names
        self.names = {sent: whole(name) for sent, name in names.items()}
        self.heard = hear(given)
        self.before = read_dialogue(self.heard.messages)
        body = [m for m in translation.body["messages"] if "tools" not in m]
        self.loaded = len(body) < len(translation.body["messages"])
        self.after = read_dialogue(as_sent(body))
        self.place = 0
        # Results without a call of their own that answer another one.
        self.guessed: set[str] = set()

    def differences(self) -> Iterator[Difference]:
        yield from self.heard.found
        for turn in self.before.turns:
            yield from self.made_up(turn) if turn.made_up else self.said(turn)
        if not self.place and self._only_a_blank():
            yield Difference("messages", "only empty messages")
            return
        for turn in self.after.turns[self.place :]:
            yield Difference("messages (never)", f"nobody said {turn.message}", True)
        made_up = [turn.message for turn in self.after.turns if turn.made_up]
        for message in [*made_up, *(message for _, message in self.after.strays)]:
            yield Difference("messages (never)", f"a result without its call: {message}", True)
        for path, message in self.before.strays:
            yield from self.stray(path, message)
        yield from self.unique_ids()

    def _only_a_blank(self) -> bool:
        turns = self.after.turns
        return [turn.message for turn in turns] == [{"role": "user", "content": " "}]

    def next(self, role: str) -> Turn | None:
        if self.place < len(self.after.turns):
            turn = self.after.turns[self.place]
            return turn if turn.role == role and not turn.made_up else None
        return None

    def unique_ids(self) -> Iterator[Difference]:
        """No answer of the API to repeated or empty ids is known; they cannot be told apart."""
        for turn in self.after.turns:
            ids = [call.call.get("id") for call in turn.calls]
            if len(set(ids)) < len(ids) or not all(ids):
                yield Difference("messages (never)", f"calls with the ids {ids}", True)

    # -- one turn ----------------------------------------------------------------------------------

    def said(self, turn: Turn) -> Iterator[Difference]:
        message, where, role = turn.message, turn.path, turn.role
        texts, media = contents(message, role)
        sent = self.next(role)
        if not texts and not media:
            yield from part_keys(message.get("content"), where, role)
        blank = not texts and not media and not turn.calls
        if role == "system" and message.get("tools"):
            if message.get("content") is not None or not self.loaded:
                # Of tools that are declared before as well each one is told.
                near = self.translation.model.dynamic_tools
                yield Difference(f"{where}.tools", "in a place of their own", near=near)
            if message.get("content") is None:
                return
        if message["role"] == "developer":
            yield Difference(f"{where}.role", "developer became system")
        if blank and not self._filled(message, role, sent):
            prefix = message.get("partial") and message.get("name")
            if not prefix:
                yield Difference(f"{where}.content", "an empty message is not sent", near=True)
                if message.get("audio"):
                    yield Difference(f"{where}.audio", "lost", True)
                return
        if sent is None:
            yield Difference(f"{where} (never)", "the message is lost", True)
            return
        self.place += 1
        if not blank:
            yield from self.content(turn, sent.message, texts, media)
        elif sent.message.get("content") != "":
            yield Difference(f"{where}.content", "an empty message is filled")
        yield from self.calls(turn, sent)
        yield from self.keys(turn, sent.message)

    def _filled(self, message: Json, role: str, sent: Turn | None) -> bool:
        """Whether a turn that says nothing is sent with a blank; an assistant's for its thought."""
        if sent is None or sent.message.get("content") not in _FILLERS:
            return False
        if role != "assistant":
            return True
        kept = sent.message.get("reasoning_content")
        thought = [*thoughts(message).values()]
        return isinstance(kept, str) and any(same_thought(kept, text) for text in thought)

    def content(
        self, turn: Turn, sent: Json, texts: list[str], media: list[Any]
    ) -> Iterator[Difference]:
        message, where = turn.message, turn.path
        have, shown = contents(sent, turn.role)
        if shown != media:
            yield Difference(f"{where}.content (never)", "other images", True)
        content = message.get("content")
        if have != texts:
            if have == ["\n".join(texts)] and isinstance(content, list):
                yield Difference(f"{where}.content", "parts became one text", near=True)
            else:
                yield Difference(f"{where}.content (never)", f"{texts} became {have}", True)
        elif isinstance(content, list) and isinstance(sent.get("content"), str):
            yield Difference(f"{where}.content", "parts became one text", near=True)
        if content == "" and "content" not in sent:
            yield Difference(f"{where}.content", "an empty text is left out")
        yield from part_keys(content, where, turn.role)

    def keys(self, turn: Turn, sent: Json) -> Iterator[Difference]:
        message, where = turn.message, turn.path
        compared = {"role", "content", "tool_calls", "function_call", "tools"}
        for key, value in message.items():
            if key in compared or (not value and key != "reasoning_content") or value is None:
                continue
            if sent.get(key) != value:
                lost = key in ("audio",) or (key == "refusal" and message.get("content"))
                also = (f"{where}.reasoning_content",) if key in _THOUGHT_KEYS else ()
                what = f"{value!r} is not sent"
                yield Difference(f"{where}.{key}", what, bool(lost), near=True, also=also)
        if (
            turn is self.before.turns[-1]
            and message.get("prefix") is True
            and sent.get("partial") is not True
        ):
            yield Difference(f"{where}.prefix (never)", "the answer does not go on from it", True)
        yield from self.thought(turn, sent)

    def thought(self, turn: Turn, sent: Json) -> Iterator[Difference]:
        """A real thought is kept, and nobody else's is put into a mouth."""
        message, where = turn.message, turn.path
        if turn.role != "assistant":  # a thought of somebody else is told where it stands
            return
        found = thoughts(message)
        kept = sent.get("reasoning_content")
        if kept == message.get("reasoning_content"):
            if found and not kept and self.translation.model.thinking.mode != "never":
                yield Difference(f"{where}.reasoning_content (never)", "reasoning is lost", True)
            return
        if kept is None:
            if found and self.translation.model.thinking.mode != "never":
                yield Difference(f"{where}.reasoning_content (never)", "reasoning is lost", True)
            return
        origin = next((key for key, text in found.items() if same_thought(kept, text)), None)
        if origin is None and (kept not in _FILLERS or found):
            yield Difference(f"{where}.reasoning_content (never)", f"nobody thought {kept!r}")
        place = f"{where}.{origin or 'reasoning_content'}"
        also = (f"{where}.reasoning_content",)
        yield Difference(place, "reasoning was added", near=True, also=also)

    # -- calls and results -------------------------------------------------------------------------

    def calls(self, turn: Turn, sent: Turn) -> Iterator[Difference]:
        if len(sent.calls) != len(turn.calls):
            yield Difference(f"{turn.path}.tool_calls (never)", "calls are lost", True)
            return
        for call, now in zip(turn.calls, sent.calls, strict=True):
            yield from self.call(call, now)
            yield from self.answer(call, now)

    def call(self, call: Call, now: Call) -> Iterator[Difference]:
        path, name = call.path, now.body["name"]
        if call.legacy:
            yield Difference(path, "a tool call now")
        inner = path if call.legacy else f"{path}.{'custom' if call.custom else 'function'}"
        if self.names.get(name, name) != call.body.get("name"):
            yield Difference(f"{path}.name (never)", "another function", True)
        elif name != call.body["name"]:
            named = (f"{inner}.name",)
            yield Difference("tools[].function.name", f"{name} is a new name", also=named)
        if not call.legacy and call.call.get("id") != now.call.get("id"):
            also = (f"{call.result[0]}.tool_call_id",) if call.result else ()
            yield Difference(f"{path}.id", "another id", also=also)
        if call.custom:
            yield Difference(f"{path}.type", "a function now")
            if json.loads(now.body["arguments"]) != {"input": call.body.get("input", "")}:
                yield Difference(f"{path}.input (never)", "another input", True)
        else:
            yield from arguments(call.body.get("arguments"), now.body["arguments"], inner)
        yield from lost_keys(call.call, now.call, path, {"id", "type", "function", "custom"})
        yield from lost_keys(call.body, {}, inner, {"name", "arguments", "input"})

    def answer(self, call: Call, now: Call) -> Iterator[Difference]:
        """A result is beside its call, with its text; one that nobody gave is told."""
        if now.result is None:
            yield Difference("messages (never)", f"{call.path} has no result", True)
            return
        sent = now.result[1]
        if call.result is None:
            guess = self.guess(sent)
            if guess is not None:
                self.guessed.add(guess)
                also = (f"{guess}.tool_call_id",)
                yield Difference(guess, "the result of another call", True, also=also)
                return
            what = f"a made-up result: {sent}"
            yield Difference("messages[].tool_calls", what, True, near=True, also=(call.path,))
            return
        where, message = call.result
        if message["role"] == "function":
            yield Difference(f"{where}.role", "function became tool")
        texts, media = contents(message, "tool")
        have, shown = contents(sent, "tool")
        blank = not texts and not media
        if shown != media or not (blank or have in (texts, ["\n".join(texts)])):
            # A second result for the call may stand in the same place.
            extra = self.before.strays or any(turn.made_up for turn in self.before.turns)
            if not (extra and _within(texts, have)):
                yield Difference(f"{where} (never)", f"{texts} became {have}", True)
            return
        if blank:
            yield Difference(f"{where}.content", "an empty result is filled")
        elif not isinstance(message["content"], str) and isinstance(sent["content"], str):
            yield Difference(f"{where}.content", "parts became one text")
        yield from self.result_keys(where, message)

    def result_keys(self, where: str, message: Json) -> Iterator[Difference]:
        yield from part_keys(message.get("content"), where, "tool")
        for key, value in message.items():
            if key not in ("role", "content", "name", *RESULT_IDS) and value:
                yield Difference(f"{where}.{key}", "lost")

    def guess(self, sent: Json) -> str | None:
        """Where the result that is sent stood, if it had no call of its own."""
        for turn in self.before.turns:
            open_ = turn.made_up and turn.path not in self.guessed
            if open_ and contents(turn.message, "tool") == contents(sent, "tool"):
                return turn.path
        return None

    def made_up(self, turn: Turn) -> Iterator[Difference]:
        """A result whose call is gone: a call is made up for it, or it stands in another one."""
        if turn.path in self.guessed:
            return
        sent, call = self.next("assistant"), turn.calls[0]
        if sent is None or len(sent.calls) != 1 or sent.message.get("content"):
            yield from self.stray(turn.path, turn.message)
            return
        self.place += 1
        also = (f"{turn.path}.role",) if call.legacy else ()
        yield Difference(turn.path, "a call was made up for it", not call.legacy, also=also)
        yield from self.answer(call, sent.calls[0])

    def stray(self, path: str, message: Json) -> Iterator[Difference]:
        """A second result, or one without a call: it is sent with another one."""
        texts, _ = contents(message, "tool")
        everything = json.dumps(self.translation.body["messages"], ensure_ascii=False)
        kept = all(json.dumps(text, ensure_ascii=False)[1:-1] in everything for text in texts)
        also = (f"{path}.tool_call_id",)
        yield Difference(path, "the result has no call of its own", near=True, also=also)
        if not kept:
            yield Difference(f"{path} (never)", "the result is lost", True)


def _within(texts: list[str], have: list[str]) -> bool:
    """All the texts stand in what is sent, with more beside them."""
    sent = "\n".join(have)
    return bool(texts) and all(text in sent for text in texts)


def arguments(given: Any, sent: str, path: str) -> Iterator[Difference]:
    """Arguments in history are the text of a JSON object; nothing that was there is lost."""
    where = f"{path}.arguments"
    if given == sent:
        return
    if given is None or (isinstance(given, str) and not given.strip()):
        if sent != "{}":
            yield Difference(f"{where} (never)", "made-up arguments", True)
        yield Difference(where, "made an object")
        return
    if isinstance(given, str):
        try:
            meant = json.loads(given, strict=False)
        except (ValueError, RecursionError):
            meant = given
    else:
        meant = given
    try:
        now = json.loads(sent)
    except ValueError:
        yield Difference(f"{where} (never)", f"{given!r} became {sent!r}", True)
        return
    if isinstance(meant, dict):
        if now != meant and not _holds(now, given):
            yield Difference(f"{where} (never)", f"{given!r} became {sent!r}", True)
    elif now != _unwrapped(meant) and not _holds(now, given) and not _holds(now, meant):
        yield Difference(f"{where} (never)", f"{given!r} became {sent!r}", True)
    yield Difference(where, "repaired or wrapped")


def _unwrapped(meant: Any) -> Any:
    """The object inside a text that was encoded twice."""
    try:
        return json.loads(meant) if isinstance(meant, str) else None
    except (ValueError, RecursionError):
        return None


def _holds(now: Any, given: Any) -> bool:
    """Whether the wrapped text or value can be read in what is sent, as it is or as JSON."""
    if not isinstance(now, dict):
        return False
    return given in now.values() or given in map(_unwrapped, now.values())


def contents(message: Json, role: str) -> tuple[list[str], list[Any]]:
    """The texts that say something, and the media; thoughts are neither."""
    content = message.get("content")
    refusal = message.get("refusal") if role == "assistant" else None
    if content is None or content == "" or content == []:
        return ([refusal] if refusal else []), []
    if isinstance(content, Mapping) and "type" in content:
        content = [content]
    if role == "tool" and is_data(content):
        return [data_text(content)], []
    if not isinstance(content, list):
        return [str(content)], []
    texts, media = [], []
    for part in map(as_part, content):
        if part.get("type") in PARTS:
            continue
        if part.get("type") in THINKING_PARTS:
            continue
        text = part.get("text") or part.get("refusal")
        if text:
            texts.append(text)
        elif part.get("type") not in ("text", "refusal"):
            value = part.get(part.get("type"), part)
            media.append(_picture(value.get("url", value) if isinstance(value, Mapping) else value))
    if not texts and not media and refusal:
        texts = [refusal]
    return texts, media


def _picture(url: Any) -> Any:
    """What is seen: the bytes of a data: URL, whatever type it claims to be of."""
    head, _, payload = url.partition(";base64,") if isinstance(url, str) else ("", "", "")
    return base64.b64decode(payload + "==") if head.lower().startswith("data:") else url


def part_keys(content: Any, where: str, role: str) -> Iterator[Difference]:
    """What stands in parts beside their text or picture."""
    for index, given in enumerate(content if isinstance(content, list) else ()):
        if is_data(content) or (isinstance(given, Mapping) and given.get("type") in PARTS):
            continue
        path, part = f"{where}.content[{index}]", as_part(given)
        kind = part.get("type")
        if part is not given:
            yield Difference(path, "another API's part", near=True)
        if kind in THINKING_PARTS:
            also = (f"{where}.reasoning_content",) if role == "assistant" else ()
            what = "a thought is no part"
            yield Difference(path, what, role != "assistant", near=True, also=also)
            continue
        if kind == "refusal":
            yield Difference(f"{path}.type", "a text now")
        elif kind == "text" and not part["text"]:
            yield Difference(path, "an empty part is left out")
            continue
        for key, value in part.items():
            if key not in ("type", kind) and value is not None:
                yield Difference(f"{path}.{key}", "lost")
        value = part.get(kind)
        for key in value if isinstance(value, Mapping) else ():
            if key != "url" and value[key] is not None:
                coarser = key == "detail" and value[key] != "auto"
                yield Difference(f"{path}.{kind}.{key}", "lost", coarser)
