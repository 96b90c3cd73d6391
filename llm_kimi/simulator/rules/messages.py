"""Rules for ``messages``: roles, contents, media, tool exchanges, Partial Mode.

Sources: https://platform.kimi.ai/docs/openapi.json,
https://platform.kimi.ai/docs/guide/use-kimi-vision-model,
https://platform.kimi.ai/docs/guide/use-partial-mode and the issues named at each rule.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any, NoReturn

from ...catalog import Model
from .refusal import refuse
from .tools import FUNCTION_NAME

__all__ = ["check_messages", "check_partial", "swallowed_in_messages"]

_ROLES = ("system", "user", "assistant", "tool")
IMAGES = frozenset({"jpeg", "jpg", "png", "gif", "webp", "bmp", "heic", "heif"})
VIDEOS = frozenset(
    {
        "mp4",
        "mpeg",
        "mov",
        "quicktime",
        "avi",
        "x-msvideo",
        "x-flv",
        "mpg",
        "webm",
        "wmv",
        "x-ms-wmv",
        "3gpp",
    }
)
_DATA_URL = re.compile(r"data:(image|video)/([\w.+-]+)(?:;[\w=.+-]+)*;base64,", re.IGNORECASE)
_ID_NOT_FOUND = "Invalid request: tool_call_id  is not found"  # printed with an empty id


def check_messages(messages: list[Any], model: Model, on: bool) -> None:
    """Check every message by itself, then how tool calls and results follow each other."""
    for index, message in enumerate(messages):
        if not isinstance(message, dict):
            # Made up.
            refuse("message-type", f"Invalid request: the message at position {index} is illegal")
        role = message.get("role")
        if role == "developer":
            # https://github.com/earendil-works/pi/issues/8109
            refuse("role-developer", "Invalid request: role 'developer' is not allowed")
        if role not in _ROLES:
            # https://github.com/openclaw/openclaw/issues/8579
            refuse("role-unknown", "invalid request: unsupported role ROLE_UNSPECIFIED")
        if message.get("name") is not None and not isinstance(message["name"], str):
            refuse("message-name", "Invalid request: name must be a string")  # made up
        if role == "system" and message.get("tools") is not None:
            _check_dynamic_tools(message, model)
            continue
        if role == "assistant":
            _check_assistant(index, message, on)
        elif not message.get("content"):
            # Made up after the text for assistant turns; the schema says "must not be empty".
            refuse(
                "content-empty",
                f"Invalid request: the message at position {index} with role '{role}' "
                "must not be empty",
            )
        _check_content(message.get("content"), model)
    _check_exchanges(messages)


def _check_dynamic_tools(message: dict[str, Any], model: Model) -> None:
    """https://platform.kimi.ai/docs/guide/use-dynamic-tool-loading"""
    if not model.dynamic_tools:
        refuse("dynamic-tools-model", "tokenization failed")
    if message.get("content") is not None:
        # The page quotes the middle of the text.
        refuse("dynamic-tools-content", "Invalid request: tools cannot be used with content")
    if not isinstance(message["tools"], list):
        refuse("dynamic-tools", "Invalid request: tools must be an array")  # made up


def _check_assistant(index: int, message: dict[str, Any], on: bool) -> None:
    calls = message.get("tool_calls")
    if calls is not None and not isinstance(calls, list):
        refuse("tool-calls", "Invalid request: tool_calls must be an array")  # made up
    if not calls:
        named_prefix = message.get("partial") is True and message.get("name")
        if not message.get("content") and not named_prefix:
            # https://github.com/AstrBotDevs/AstrBot/issues/7200
            refuse(
                "assistant-empty",
                f"Invalid request: the message at position {index} with role 'assistant' "
                "must not be empty",
            )
        return
    for call in calls:
        _check_call(call)
    reasoning = message.get("reasoning_content")
    if on and (reasoning is None or reasoning == ""):
        # https://github.com/continuedev/continue/issues/11600. The empty text counts as missing,
        # a blank does not: https://github.com/theopenco/llmgateway/issues/2093
        refuse(
            "reasoning-missing",
            "thinking is enabled but reasoning_content is missing in assistant tool call message "
            f"at index {index}",
        )
    if reasoning is not None and not isinstance(reasoning, str):
        # Made up.
        refuse("reasoning-type", "Invalid request: reasoning_content must be a string")


def _check_call(call: object) -> None:
    """The shape of one tool call in an assistant turn. The texts are made up but for the name."""
    if not isinstance(call, dict) or call.get("type") not in ("function", "builtin_function"):
        refuse("tool-call-type", "Invalid request: tool_calls.type must be function")
    if not isinstance(call.get("id"), str) or not call["id"]:
        refuse("tool-call-id", "Invalid request: tool_calls.id must not be empty")
    function = call.get("function")
    if not isinstance(function, dict):
        refuse("tool-call-function", "Invalid request: tool_calls.function is required")
    name = function.get("name")
    if not isinstance(name, str) or not FUNCTION_NAME.match(name.removeprefix("$")):
        refuse(
            "tool-call-name",
            "Invalid request: function name is invalid, must start with a letter and can contain "
            "letters, numbers, underscores, and dashes",
        )
    if not isinstance(function.get("arguments"), str):
        refuse(
            "tool-call-arguments", "Invalid request: tool_calls.function.arguments must be a string"
        )
    if not _is_object_text(function["arguments"]):
        # That such a history breaks the session is reported, its words are not, so these are made
        # up: https://github.com/MoonshotAI/kimi-cli/issues/1378
        refuse(
            "tool-call-arguments-json",
            "Invalid request: tool_calls.function.arguments must be the text of a JSON object",
        )


def _is_object_text(text: str) -> bool:
    """Whether a text is a JSON object as the standard has it: no raw line breaks, no NaN."""
    try:
        return isinstance(json.loads(text, parse_constant=_no_constant), dict)
    except (ValueError, RecursionError):
        return False


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _check_content(content: object, model: Model) -> None:
    if content is None or isinstance(content, str):
        return
    if not isinstance(content, list):
        # Made up.
        refuse("content-type", "Invalid request: content must be a string or an array")
    if not content:
        refuse("text-empty", "Invalid request: text content is empty")
    for part in content:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text":
            text = part.get("text")
            if text is not None and not isinstance(text, str):
                refuse("text-type", "Invalid request: text must be a string")  # made up
            if not text:
                # https://github.com/BerriAI/litellm/issues/42186
                refuse("text-empty", "Invalid request: text content is empty")
        elif kind in ("image_url", "video_url"):
            _check_medium(kind, part.get(kind), model)
        else:
            # Made up; the schema knows three types.
            refuse("part-type", f"Invalid request: unsupported content type {kind}")


def _check_medium(kind: str, value: object, model: Model) -> None:
    """https://platform.kimi.ai/docs/guide/use-kimi-vision-model; the texts are made up."""
    what = kind.removesuffix("_url")
    if what not in model.modalities:
        refuse(f"{what}-modality", f"Invalid request: {what} input is not supported by this model")
    url = value.get("url") if isinstance(value, dict) else value
    if not isinstance(url, str) or not url:
        refuse(f"{what}-url", f"Invalid request: {kind}.url must not be empty")
    if url.startswith("ms://"):
        if not url.removeprefix("ms://"):
            refuse(f"{what}-url", f"Invalid request: {kind}.url names no file")
        return
    if not url.lower().startswith("data:"):
        # https://github.com/OpenHands/software-agent-sdk/issues/3155
        refuse(f"{what}-url-scheme", f"Invalid request: unsupported {what} url: {url}")
    match = _DATA_URL.match(url)
    if match is None:
        refuse(f"{what}-data", f"Invalid request: {kind}.url is not a base64 data URL")
    subtype = match[2].lower()
    if match[1].lower() != what or subtype not in (IMAGES if what == "image" else VIDEOS):
        refuse(
            f"{what}-format",
            f"Invalid request: unsupported {what} format: {match[1].lower()}/{subtype}",
        )
    try:
        data = base64.b64decode(url[match.end() :], validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data:
        refuse(f"{what}-base64", f"Invalid request: {kind}.url holds no valid base64 data")


def _check_exchanges(messages: list[dict[str, Any]]) -> None:
    """Each call is answered once, right after its turn; each result answers a call."""
    open_ids: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            call_id = message.get("tool_call_id")
            if not isinstance(call_id, str) or not call_id:
                refuse("tool-call-id-missing", _ID_NOT_FOUND)
            if call_id not in open_ids:
                refuse("tool-orphan", _ID_NOT_FOUND)
            open_ids.remove(call_id)
            continue
        _check_answered(open_ids)
        calls = message.get("tool_calls") if message["role"] == "assistant" else None
        open_ids = [call["id"] for call in calls or ()]
    _check_answered(open_ids)


def _check_answered(open_ids: list[str]) -> None:
    if open_ids:
        # Worded as OpenAI words it; the sources only say that Kimi answers 400.
        refuse(
            "tool-result-missing",
            "Invalid request: an assistant message with 'tool_calls' must be followed by tool "
            "messages responding to each 'tool_call_id'. The following tool_call_ids did not have "
            f"response messages: {', '.join(open_ids)}",
        )


def check_partial(request: dict[str, Any]) -> None:
    """Partial Mode: only the last message, an assistant's, may be a prefix."""
    messages = request["messages"]
    for index, message in enumerate(messages):
        partial = message.get("partial")
        if partial is None or partial is False:
            continue
        if partial is not True:
            refuse("partial-type", "Invalid request: partial must be a boolean")  # made up
        if message["role"] != "assistant" or index != len(messages) - 1:
            # Made up.
            refuse(
                "partial-last",
                "Invalid request: partial is only allowed on the last assistant message",
            )
        form = request.get("response_format")
        if isinstance(form, dict) and form.get("type") == "json_object":
            # The API promises no error, only "unexpected" results; nobody wants those.
            refuse("partial-json", "Invalid request: partial cannot be used with json_object")


def swallowed_in_messages(body: dict[str, Any]) -> list[str]:
    """Paths of unknown keys in messages and their parts."""
    messages = body.get("messages")
    found = []
    for index, message in enumerate(messages if isinstance(messages, list) else ()):
        if not isinstance(message, dict):
            continue
        at = f"messages[{index}]"
        known = {"role", "content", "name"}
        if message.get("role") == "assistant":
            known |= {"partial", "reasoning_content", "tool_calls"}
        elif message.get("role") == "tool":
            known |= {"tool_call_id"}
        elif message.get("role") == "system":
            known |= {"tools"}
        found += [f"{at}.{k}" for k, value in message.items() if k not in known and value]
        content = message.get("content")
        for place, part in enumerate(content if isinstance(content, list) else ()):
            if not isinstance(part, dict):
                continue
            kind, here = part.get("type"), f"{at}.content[{place}]"
            found += [f"{here}.{k}" for k in part if k not in ("type", kind)]
            medium = part.get(kind) if isinstance(kind, str) else None
            if isinstance(medium, dict):
                found += [f"{here}.{kind}.{k}" for k in medium if k != "url"]
    return found
