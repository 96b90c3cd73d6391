"""llm's prompt to a chat request in OpenAI's form, which ``translate`` then brings to Kimi's.

In: an ``llm`` prompt with its messages, tools, schema and options. Out: the JSON body of a chat
completions request. Everything is built from ``prompt.messages``, the whole history.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import llm
from llm.parts import (
    AttachmentPart,
    Message,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

from ...catalog import SOURCES
from ...catalog.formulas import WEB_SEARCH
from ...errors import InvalidRequestError
from ...files.document_text import missing_text
from ...translation import Adjustment, Attached
from .official_tools import KimiTools, KimiWebSearch, specs
from .options import KimiOptions
from .prompt_text import is_question, mend, settle_system

__all__ = ["METADATA", "Request", "build_request"]

_NO_FILES = "Kimi accepts files only in user messages"

METADATA = "kimi"
"""The key of our provider metadata in llm's parts."""

Json = dict[str, Any]

Files: TypeAlias = list[tuple[Attached, llm.Attachment]]
"""llm's attachments, each beside what stands for it in a request."""


@dataclass
class Request:
    """``body`` is the request, ``changes`` what had to be changed for it to be one, ``files``
    those that have to be read."""

    body: Json
    changes: list[Adjustment]
    files: Files = field(default_factory=list)


def build_request(model: Any, prompt: Any, options: KimiOptions, conversation: Any) -> Request:
    """The request for one round; ``model`` is ours, ``conversation`` may be None.

    ``prompt`` is made such that llm can log it, see ``mending``.

    Raises:
        InvalidRequestError: text that is not UTF-8, an attachment that is not one.
    """
    built = Request({}, mend(prompt))
    settle_system(prompt)
    built.body = _body(model, prompt, options, conversation, built)
    return built


def _body(model: Any, prompt: Any, options: KimiOptions, conversation: Any, built: Request) -> Json:
    request: Json = {"model": model.model_id, "messages": _messages(prompt, built)}
    tools = _tools(model, prompt.tools)
    first_round = not prompt.tool_results
    if tools:
        request["tools"] = tools
    if options.tool_choice is not None and (first_round or options.tool_choice == "none"):
        # A call forced in every round would never end in an answer.
        request["tool_choice"] = _tool_choice(options.tool_choice)
    schema = _schema(prompt, conversation)
    if schema is not None:
        request["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": schema, "strict": True},
        }
    elif options.json_object:
        request["response_format"] = {"type": "json_object"}
    if options.prefill and first_round:
        prefix = {"role": "assistant", "content": options.prefill, "partial": True}
        request["messages"].append(prefix)
    for name in ("temperature", "top_p", "presence_penalty", "frequency_penalty", "seed"):
        value = getattr(options, name)
        if value is not None:
            request[name] = value
    if options.max_tokens is not None:
        request["max_tokens"] = options.max_tokens
    if options.stop is not None:
        request["stop"] = options.stop_list
    if options.reasoning_effort is not None:
        request["reasoning_effort"] = options.reasoning_effort
    if (thinking := _thinking(options)) is not None:
        request["thinking"] = thinking
    cache_key = options.prompt_cache_key or getattr(conversation, "id", None)
    if cache_key:
        request["prompt_cache_key"] = cache_key
    if options.cache_options is not None:
        request["prompt_cache_options"] = options.cache_options
    # Thinking can take minutes; a stream keeps the connection alive all the while.
    request["stream"] = True
    request["stream_options"] = {"include_usage": True}
    return request


def _thinking(options: KimiOptions) -> Any:
    if options.thinking is None and options.keep_thinking is None:
        return None
    thinking: Json = {}
    if options.thinking is not None:
        thinking["type"] = "enabled" if options.thinking else "disabled"
    if options.keep_thinking is not None:
        thinking["keep"] = "all" if options.keep_thinking else None
    return thinking


def _tool_choice(choice: str) -> Any:
    if choice in ("auto", "none", "required"):
        return choice
    if choice in (KimiWebSearch.name, KimiTools.name):
        return {"type": "formula", "name": WEB_SEARCH}
    return {"type": "function", "function": {"name": choice}}


def _tools(model: Any, tools: Iterable[Any]) -> list[Json]:
    functions, server_side = _partition(model, tools or ())
    result: list[Json] = [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.input_schema,
                "strict": False,
            },
        }
        for tool in functions
    ]
    for tool in server_side:
        result += specs(tool, model)
    return result


def _partition(model: Any, tools: Iterable[Any]) -> tuple[list[Any], list[Any]]:
    server_side = [tool for tool in tools if isinstance(tool, llm.ServerSideTool)]
    for tool in server_side:
        if not isinstance(tool, model.supported_server_side_tools):
            raise InvalidRequestError(
                f"{model.model_id} has no server-side tool {tool.name!r}", param="tools"
            )
    return [tool for tool in tools if not isinstance(tool, llm.ServerSideTool)], server_side


def _schema(prompt: Any, conversation: Any) -> Json | None:
    """The schema of this round; llm drops it after the first round of a tool chain."""
    schema: Json | None = prompt.schema
    if schema is not None or not prompt.tool_results or conversation is None:
        return schema
    for response in reversed(conversation.responses):
        if response.prompt.schema is not None:
            found: Json = response.prompt.schema
            return found
        if not response.prompt.tool_results:
            break
    return None


def _messages(prompt: Any, built: Request) -> list[Json]:
    messages: list[Json] = []
    for message, turn in zip(prompt.messages, _turns(prompt.messages), strict=True):
        if message.role in ("system", "developer"):
            messages.append({"role": "system", "content": _text(message.parts)})
            if files := _content(_files(message.parts), turn, built):
                messages.append({"role": "user", "content": files})
        elif message.role == "assistant":
            messages.extend(_assistant(message, built.changes))
        elif message.role == "tool":
            messages.extend(_tool_results(message, turn, built))
        else:
            messages.append({"role": "user", "content": _content(message.parts, turn, built)})
    if not any(message["role"] != "system" for message in messages):
        messages.append({"role": "user", "content": prompt.prompt or ""})
    return messages


def _turns(messages: list[Message]) -> list[int | None]:
    """For each message the number of the question that it belongs to; None for the newest one.

    What tools give belongs to a question that was asked before.
    """
    last = len(messages)
    while last and messages[last - 1].role == "assistant":
        last -= 1
    first = last
    while first and messages[first - 1].role != "assistant":
        first -= 1
    turns: list[int | None] = []
    turn = 0
    for place in range(len(messages)):
        own = is_question(messages, place)
        turn += own
        turns.append(None if own and place >= first else max(turn, 1))
    return turns


def _text(parts: Iterable[Any]) -> str:
    return "".join(part.text for part in parts if isinstance(part, TextPart))


def _files(parts: Iterable[Any]) -> list[Any]:
    return [part for part in parts if isinstance(part, AttachmentPart)]


def _content(parts: Iterable[Any], turn: int | None, built: Request) -> str | list[Json]:
    content: list[Json] = []
    for part in parts:
        if isinstance(part, TextPart) and part.text:
            content.append({"type": "text", "text": part.text})
        elif isinstance(part, AttachmentPart) and part.attachment is not None:
            content.append(_attachment(part.attachment, turn, built.files))
    if all(part["type"] == "text" for part in content):
        return "\n".join(part["text"] for part in content)
    return content


def _attachment(attachment: llm.Attachment, turn: int | None, files: Files) -> Json:
    """A file of llm's as a part. What it is, is found from its bytes when it is read."""
    url, kind = attachment.url, attachment.type or ""
    path, content = attachment.path, attachment.content
    if turn is None and url and url.startswith("ms://") and kind.startswith(("image/", "video/")):
        part = f"{kind[:5]}_url"
        return {"type": part, part: {"url": url}}
    if content is not None and not isinstance(content, bytes):
        raise InvalidRequestError("content must be bytes", param="attachment")
    attached = Attached(
        name=os.path.basename(path) if path else "",
        # As llm has it: the content goes first, then the path.
        path=path if not content else None,
        content=content if content or not (path or url) else None,
        url=url if not (content or path) else None,
        # llm names an attachment by the hash of its content, except for URLs.
        sha256=getattr(attachment, "_id", None) if not url else None,
        mime=kind or None,
        turn=turn,
    )
    files.append((attached, attachment))
    return {"type": "file", "file": attached}


def _assistant(message: Message, changes: list[Adjustment]) -> Iterable[Json]:
    """One assistant turn, or several: what follows the result of a server-side tool was a reply
    of its own."""
    turns: list[Json] = []
    parts: list[Any] = []
    results: list[Json] = []
    for part in message.parts:
        if isinstance(part, ToolResultPart):
            results.append(_tool_message(part, part.output))
            continue
        if results:
            turns += [_reply(parts), *results]
            parts, results = [], []
        if isinstance(part, AttachmentPart):
            part = TextPart(missing_text("", gone=False))
            source = str(SOURCES["vision"])
            changes.append(
                Adjustment("a file in an answer", "a file", part.text, _NO_FILES, source)
            )
        parts.append(part)
    return [*turns, _reply(parts), *results]


def _reply(parts: Iterable[Any]) -> Json:
    """One reply of the model, as it is sent back."""
    texts: list[str] = []
    reasoning: list[str] | None = None
    calls: list[Json] = []
    for part in parts:
        if isinstance(part, TextPart):
            texts.append(part.text)
        elif isinstance(part, ReasoningPart):
            # Another provider's thoughts are not this model's: they stay out.
            if part.redacted or (part.provider_metadata and METADATA not in part.provider_metadata):
                continue
            reasoning = [*(reasoning or ()), part.text]
        elif isinstance(part, ToolCallPart):
            calls.append(_call(part))
    turn: Json = {"role": "assistant", "content": "".join(texts) or None}
    if reasoning is not None:
        turn["reasoning_content"] = "".join(reasoning)
    if calls:
        turn["tool_calls"] = calls
    return turn


def _call_id(part: ToolCallPart | ToolResultPart) -> str:
    """The id of a call; history of other models may have none, then the name stands in."""
    return part.tool_call_id or f"call_{part.name}"


def _call(part: ToolCallPart) -> Json:
    # The arguments as the model wrote them, where JSON would not give the same text: they are
    # part of the prefix that the cache knows.
    raw = ((part.provider_metadata or {}).get(METADATA) or {}).get("arguments")
    arguments: Any = part.arguments or {}
    if not isinstance(raw, str) and isinstance(arguments, dict):
        raw = arguments.get("_raw")
    if not isinstance(raw, str):
        raw = json.dumps(arguments, ensure_ascii=False)
    return {
        "id": _call_id(part),
        # "$web_search" of logs that an older version wrote.
        "type": "builtin_function" if part.name.startswith("$") else "function",
        "function": {"name": part.name, "arguments": raw},
    }


def _tool_results(message: Message, turn: int | None, built: Request) -> Iterable[Json]:
    for part in message.parts:
        if not isinstance(part, ToolResultPart):
            continue
        content: Any = part.output
        if part.attachments:
            media = [_attachment(attachment, turn, built.files) for attachment in part.attachments]
            text = [{"type": "text", "text": part.output}] if part.output else []
            content = [*text, *media]
        yield _tool_message(part, content)


def _tool_message(part: ToolResultPart, content: Any) -> Json:
    return {
        "role": "tool",
        "tool_call_id": _call_id(part),
        "name": part.name,
        "content": content,
    }
