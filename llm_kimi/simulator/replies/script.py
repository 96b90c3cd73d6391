"""Decides what the offline Kimi answers; the same messages and seed get the same answer.

An answer that was ordered in advance is given as it is. Without a script it echoes the last user
message, plainly marked as its own. Tools are called when they are forced, or when the message
mentions one by name; numbers in the message become its numeric arguments. A tool's result is quoted
in the answer. A JSON format gets a made-up object.

The last user message can hold a script: directives on lines of their own, or as ``{{...}}``
anywhere in a line. Text that is no directive is ignored once there is one.

    reason: TEXT            what it thinks (several are joined; empty: "reasoned but empty")
    say: TEXT               what it answers (several are joined by newlines)
    json: {...}             answers with exactly this text
    repeat: 200 word        answers with the word 200 times
    call: NAME {ARGUMENTS}  calls a tool; several make parallel calls
    no-call                 calls no tool that is only mentioned or nudged for
    finish: length          the finish reason (also content_filter, stop, tool_calls)
    call-deltas: no-index   streamed calls lack the index; also no-id, blank-id
    think-tag               the reasoning stands in the content as <think>...</think>
    usage: choice           usage only at choices[].usage ("none": nowhere)
    cache-write: 120        usage tells that 120 tokens were written to the cache (it also does
                            when the request has ``prompt_cache_options``)
    then                    what follows is for the next turn (after the tool results)
    fault: ...              see ``faults``
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from dataclasses import dataclass, field, replace
from typing import Any

from ...catalog import Model
from ..formulas import readable
from ..rules.tools import tool_name
from .fake_json import make_value
from .ordered import Ordered
from .tokens import pieces

__all__ = ["Call", "Reply", "fault_texts", "plan"]

MARK = "[offline Kimi]"
# https://platform.kimi.ai/docs/guide/migrating-from-openai-to-kimi
_NUDGE = "Please select a tool"
_WORDS = "reason|say|json|repeat|call|call-deltas|finish|usage|cache-write|fault"
_DIRECTIVE = re.compile(
    rf"\s*(?:(?P<name>{_WORDS})[ \t]*:[ \t]?(?P<text>.*)|(?P<flag>think-tag|no-call|then):?)\s*\Z",
    re.DOTALL,
)
_INLINE = re.compile(r"\{\{(.*?)\}\}(?!\})", re.DOTALL)
_THOUGHTS = (
    "The user wants an answer. A short one will do.",
    "Nothing here needs the network. I will answer from what was said.",
    "Let me read that again. It is clear enough to answer.",
    "I am the simulator, so I think briefly.",
)
_ECHO = 1_000
_DOCUMENT = re.compile(r'The file "([^"\n]{1,300})" is attached\.')


@dataclass(frozen=True)
class Call:
    """A tool call; ``arguments`` is JSON text."""

    id: str
    name: str
    arguments: str
    type: str = "function"


@dataclass(frozen=True)
class Reply:
    """One choice. ``reasoning`` None: the model did not think. ``usage``: where it is told.

    ``written``: tokens that the script says were written to the cache. ``deltas``: what is missing
    in streamed calls (https://github.com/vercel/ai, commits d53589a and e3605f6).
    """

    reasoning: str | None = None
    content: str = ""
    calls: tuple[Call, ...] = ()
    finish: str = "stop"
    usage: str = "both"
    written: int | None = None
    deltas: str = ""

    @property
    def tokens(self) -> int:
        """How many tokens it counts as."""
        texts = (self.reasoning or "", self.content, *(call.arguments for call in self.calls))
        return sum(len(pieces(text)) for text in texts)


@dataclass
class _Script:
    reasons: list[str] = field(default_factory=list)
    says: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    finish: str | None = None
    usage: str = "both"
    written: int | None = None
    deltas: str = ""
    think_tag: bool = False
    no_call: bool = False
    ordered: bool = False
    """Nothing is added to what it says."""


def fault_texts(messages: object) -> list[str]:
    """The fault directives of the last user message."""
    if not isinstance(messages, list):
        return []
    turn = [message for message in messages if isinstance(message, dict)]
    found = _directives(_text(_last(turn, "user")))
    return [text.strip() for name, text in found if name == "fault"]


def plan(
    body: dict[str, Any], model: Model, on: bool, seed: int, ordered: Ordered | None = None
) -> list[Reply]:
    """The choices of the answer to a request that broke no rule."""
    # Cache keys, ids of users and the way of delivery leave an answer as it is.
    said = json.dumps([body["model"], body["messages"]], sort_keys=True)
    chance = random.Random(_digest(f"{seed}:{said}"))
    reply = _reply(body, model, on, chance, ordered)
    count = body.get("n") or 1
    replies = [reply]
    replies.extend(
        replace(reply, content=f"{reply.content} (choice {number})")
        for number in range(2, count + 1)
    )
    return [_within(body, choice) for choice in replies]


def _reply(
    body: dict[str, Any],
    model: Model,
    on: bool,
    chance: random.Random,
    ordered: Ordered | None,
) -> Reply:
    messages = body["messages"]
    user = _last(messages, "user")
    text = _text(user)
    script = _script(messages, text) if ordered is None else _as_script(ordered)
    said = _plain(text)
    calls = _calls(body, model, script, said)
    if script.says:
        content = "\n".join(script.says)
    elif calls:
        content = ""
    else:
        content = _content(body, user, said)
    prefix = _prefix(messages)
    if prefix and content.startswith(prefix):
        content = content[len(prefix) :]
    reasoning = None
    if on:
        reasoning = " ".join(script.reasons) if script.reasons else chance.choice(_THOUGHTS)
    if script.think_tag and reasoning is not None:
        content, reasoning = f"<think>{reasoning}</think>{content}", None
    finish = script.finish or ("tool_calls" if calls else "stop")
    return Reply(
        reasoning, content, tuple(calls), finish, script.usage, script.written, script.deltas
    )


def _content(body: dict[str, Any], user: dict[str, Any] | None, said: str) -> str:
    """The answer when no script says otherwise."""
    form = body.get("response_format") or {}
    if form.get("type") == "json_schema":
        return json.dumps(make_value(form["json_schema"]["schema"], said), ensure_ascii=False)
    if form.get("type") == "json_object":
        return json.dumps({"reply": f"{MARK} You said: {said}"}, ensure_ascii=False)
    messages = body["messages"]
    results: list[str] = []
    for message in reversed(messages):
        if message["role"] != "tool":
            break
        results.insert(0, readable(_text(message)))
    if results:
        return f"{MARK} The tool returned: {'; '.join(results)}"
    if _prefix(messages) is not None:
        return " ... and so the offline Kimi goes on."
    seen = _documents(messages)
    seen += [part["type"].removesuffix("_url") for part in _parts(user) if part["type"] != "text"]
    told = f" (and I got {len(seen)} attached: {', '.join(seen)})" if seen else ""
    return f"{MARK} You said: {said}{told}"


def _calls(body: dict[str, Any], model: Model, script: _Script, said: str) -> list[Call]:
    messages = body["messages"]
    choice = body.get("tool_choice")
    tools = list(body.get("tools") or ())
    if model.dynamic_tools:
        for message in messages:
            tools += message.get("tools") or ()
    if choice == "none":
        return []
    wanted: list[tuple[str, str]] = []
    if script.calls:
        wanted = [_scripted(line) for line in script.calls]
    elif not script.ordered:
        picked = _pick(choice, tools, messages, script, said)
        if picked is not None:
            schema = picked["function"].get("parameters") or {"type": "object"}
            value = make_value(schema, said)
            wanted = [(tool_name(picked), json.dumps(value, ensure_ascii=False))]
    kinds = {tool_name(tool): str(tool["type"]) for tool in tools}
    serial = sum(len(message.get("tool_calls") or ()) for message in messages)
    return [
        Call(f"{name}:{serial + place}", name, arguments, kinds.get(name, "function"))
        for place, (name, arguments) in enumerate(wanted)
    ]


def _documents(messages: list[dict[str, Any]]) -> list[str]:
    """The names of the documents that came with this turn, as this package introduces them."""
    names: list[str] = []
    for message in reversed(messages):
        if message["role"] == "assistant":
            break
        match = _DOCUMENT.match(_text(message)) if message["role"] == "system" else None
        if match:
            names.insert(0, match[1])
    return names


def _as_script(ordered: Ordered) -> _Script:
    return _Script(
        reasons=[] if ordered.reasoning is None else [ordered.reasoning],
        says=[ordered.text] if ordered.text or not ordered.calls else [],
        calls=[f"{name} {arguments}" for name, arguments in ordered.calls],
        finish=ordered.finish,
        ordered=True,
    )


def _scripted(line: str) -> tuple[str, str]:
    name, _, arguments = line.strip().partition(" ")
    return name, arguments.strip() or "{}"


def _pick(
    choice: object,
    tools: list[dict[str, Any]],
    messages: list[dict[str, Any]],
    script: _Script,
    said: str,
) -> dict[str, Any] | None:
    """The tool to call: the forced one, the one nudged for, or the one mentioned first."""
    if not tools:
        return None
    if choice == "required":
        return _mentioned(tools, said) or tools[0]
    if isinstance(choice, dict):
        name = choice["function"]["name"]
        return next(tool for tool in tools if tool_name(tool) == name)
    if script.no_call or messages[-1]["role"] != "user":
        return None
    if _NUDGE in said:
        return tools[0]
    return _mentioned(tools, said)


def _mentioned(tools: list[dict[str, Any]], said: str) -> dict[str, Any] | None:
    places = []
    for order, tool in enumerate(tools):
        words = re.split(r"[_-]+", tool_name(tool).removeprefix("$"))
        pattern = r"(?<!\w)" + r"[ _-]?".join(map(re.escape, words)) + r"(?!\w)"
        found = re.search(pattern, said, re.IGNORECASE)
        if found:
            places.append((found.start(), order, tool))
    return min(places, key=lambda place: place[:2])[2] if places else None


def _within(body: dict[str, Any], reply: Reply) -> Reply:
    """The reply cut at a stop string and at the token budget; reasoning eats the budget first."""
    stop = body.get("stop")
    words = [stop] if isinstance(stop, str) else stop or []
    ends = [reply.content.find(word) for word in words if word and word in reply.content]
    if ends:
        reply = replace(reply, content=reply.content[: min(ends)])
    budget = body.get("max_completion_tokens") or body.get("max_tokens")
    if budget is None or reply.tokens <= budget:
        return reply
    left = int(budget)
    kept: list[str] = []
    texts = (reply.reasoning or "", reply.content, *(call.arguments for call in reply.calls))
    for text in texts:
        part = pieces(text)[:left]
        left -= len(part)
        kept.append("".join(part))
    calls = tuple(
        replace(call, arguments=arguments)
        for call, arguments in zip(reply.calls, kept[2:], strict=True)
        if arguments
    )
    reasoning = None if reply.reasoning is None else kept[0]
    return replace(reply, reasoning=reasoning, content=kept[1], calls=calls, finish="length")


def _script(messages: list[dict[str, Any]], text: str) -> _Script:
    """The part of the last user message's script that is for this turn."""
    turn, script = 0, _Script()
    for message in reversed(messages):
        if message["role"] == "user":
            break
        turn += message["role"] == "assistant" and not message.get("partial")
    part = 0
    for name, value in _directives(text):
        if name == "then":
            part += 1
        elif name == "no-call":
            script.no_call = True
        elif name == "think-tag":
            script.think_tag = True
        elif name == "usage":
            script.usage = value.strip()
        elif name == "call-deltas":
            script.deltas = value.strip()
        elif name == "cache-write":
            script.written = int(value) if value.strip().isdigit() else None
        elif part != turn:
            continue
        elif name == "finish":
            script.finish = value.strip()
        elif name == "reason":
            script.reasons.append(value)
        elif name == "call":
            script.calls.append(value)
        elif name == "say":
            script.says.append(value)
        elif name == "json":
            script.says.append(value.strip())
        elif name == "repeat":
            count, _, word = value.strip().partition(" ")
            script.says.append(" ".join([word or "word"] * int(count)) if count.isdigit() else "")
    if _NUDGE in text:
        # Who said "no-call" before the nudge still means it.
        before = [message for message in messages[:-1] if message["role"] == "user"]
        script.no_call |= any(
            name == "no-call" for name, _ in _directives(_text(before[-1] if before else None))
        )
    return script


def _directives(text: str) -> list[tuple[str, str]]:
    """Every directive of a text, in order, as (name, text)."""
    found = []
    for line in text.splitlines():
        inline = [] if _DIRECTIVE.match(line) else _INLINE.findall(line)
        for candidate in inline or [line]:
            match = _DIRECTIVE.match(candidate)
            if match:
                found.append((match["name"] or match["flag"], (match["text"] or "").rstrip()))
    return found


def _plain(text: str) -> str:
    """What the user said besides directives, or all of it when there is nothing else."""
    lines = [line for line in text.splitlines() if not _DIRECTIVE.match(line)]
    said = _INLINE.sub("", "\n".join(lines)).strip()
    said = said or text.strip()
    return said if len(said) <= _ECHO else said[:_ECHO] + "..."


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")


def _last(messages: list[dict[str, Any]], role: str) -> dict[str, Any] | None:
    return next((message for message in reversed(messages) if message.get("role") == role), None)


def _prefix(messages: list[dict[str, Any]]) -> str | None:
    """The prefix of Partial Mode, or None when the mode is off."""
    last = messages[-1]
    return _text(last) if last.get("partial") is True else None


def _parts(message: dict[str, Any] | None) -> list[dict[str, Any]]:
    content = (message or {}).get("content")
    if isinstance(content, list):
        return [part for part in content if isinstance(part, dict)]
    return [{"type": "text", "text": content}] if isinstance(content, str) else []


def _text(message: dict[str, Any] | None) -> str:
    texts = [str(part.get("text", "")) for part in _parts(message) if part.get("type") == "text"]
    return "\n".join(texts)
