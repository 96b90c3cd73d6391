"""What the chat endpoint refuses, and what it swallows without a word.

``check_chat(body)`` gives the first broken rule of ``POST /v1/chat/completions`` as a
``Refusal``, or None. ``ignored(body)`` lists what the API would take and not use. Both are pure.
What a model allows is read from the catalog; how it is checked is written here, apart from the
translation, so that each can be tested against the other. Texts are the API's own where a page
or a posted answer quotes them; where none was found the text is made up and marked so.
"""

from __future__ import annotations

import json
import math
from typing import Any

from ...catalog import Model, Pinned, Range, UnknownModelError, resolve
from ..replies.tokens import count_prompt
from .messages import check_messages, check_partial, swallowed_in_messages
from .refusal import BadRequest, Refusal, not_found, refuse
from .tools import check_response_format, check_tool_choice, check_tools, swallowed_in_tools

__all__ = [
    "NOT_JSON",
    "Refusal",
    "caches_writes",
    "check_chat",
    "check_messages_only",
    "ignored",
    "thinks",
]

# Made up: which words the API has for it was not seen.
NOT_JSON = "Invalid request: the request body is not valid JSON"

# Below this a temperature counts as close to 0; official text gives no number, an older wording
# said 0.3 (https://github.com/BerriAI/litellm/issues/12547).
NEAR_ZERO = 0.3

_FIELDS = frozenset(
    {
        "model",
        "messages",
        "stream",
        "stream_options",
        "temperature",
        "top_p",
        "n",
        "presence_penalty",
        "frequency_penalty",
        "logprobs",
        "top_logprobs",
        "stop",
        "max_tokens",
        "max_completion_tokens",
        "tools",
        "tool_choice",
        "response_format",
        "prediction",
        "prompt_cache_key",
        "safety_identifier",
    }
)
"""Top-level fields of every request: https://platform.kimi.ai/docs/openapi.json"""
_TTLS = ("5m", "1h")


def check_chat(body: object) -> Refusal | None:
    """The first rule that a chat request breaks, or None when the API would take it.

    Retired ids and ids as relays write them are held to the rules of the model they name.
    """
    try:
        request, model = _envelope(body)
        on = thinks(model, request)
        check_messages(request["messages"], model, on)
        _check_sampling(request, model, on)
        _check_thinking(request, model)
        _check_stream(request)
        _check_stop(request.get("stop"))
        tools = check_tools(request, model)
        check_tool_choice(request, model, on, tools)
        check_response_format(request.get("response_format"))
        check_partial(request)
        _check_length(request, model)
    except BadRequest as bad:
        return bad.refusal
    return None


def check_messages_only(body: object) -> Refusal | None:
    """The same for the token estimate, which takes a model and messages."""
    try:
        request, model = _envelope(body)
        check_messages(request["messages"], model, False)
    except BadRequest as bad:
        return bad.refusal
    return None


def ignored(body: object) -> list[str]:
    """Paths of what the API swallows silently, sorted (``seed``, ``tools[0].function.x``).

    Unknown fields (https://platform.kimi.ai/docs/openapi.json lists the known ones), effort
    levels a model does not have, and ``thinking`` on models that are steered otherwise.
    """
    if not isinstance(body, dict):
        return []
    try:
        thinking = resolve(str(body.get("model"))).thinking
    except UnknownModelError:
        return []
    known = set(_FIELDS)
    if thinking.field == "thinking":
        known.add("thinking")
    elif thinking.field and body.get("reasoning_effort") in thinking.efforts:
        known.add("reasoning_effort")
    found = [key for key, value in body.items() if key not in known and value is not None]
    if caches_writes(body):
        found.remove("prompt_cache_options")
        found += [
            f"prompt_cache_options.{key}"
            for key, value in body["prompt_cache_options"].items()
            if key != "ttl" or value not in _TTLS
        ]
    if body.get("max_tokens") is not None and body.get("max_completion_tokens") is not None:
        found.append("max_tokens")  # the newer name wins
    options = body.get("stream_options")
    if isinstance(options, dict):
        found += [f"stream_options.{key}" for key in options if key != "include_usage"]
    return sorted(found + swallowed_in_messages(body) + swallowed_in_tools(body))


def caches_writes(body: dict[str, Any]) -> bool:
    """Whether ``prompt_cache_options`` means something: the model has a price for cache writes.

    https://forum.moonshot.ai/t/context-caching-upgrade-5-min-1-hour-ttl-options/613 announces
    ``{"ttl": "5m"}`` and ``"1h"``. No answer to other values was seen, so they are not refused.
    """
    price = resolve(str(body.get("model"))).price
    options = body.get("prompt_cache_options")
    return isinstance(options, dict) and price is not None and price.cache_write is not None


def thinks(model: Model, request: dict[str, Any]) -> bool:
    """Whether the model thinks on this request."""
    if model.thinking.mode != "switchable":
        return model.thinking.mode == "always"
    given = request.get("thinking")
    return not (isinstance(given, dict) and given.get("type") == "disabled")


def _envelope(body: object) -> tuple[dict[str, Any], Model]:
    """The request as a dict with messages, and the row of its model."""
    if not isinstance(body, dict):
        # Made up.
        refuse("body", "Invalid request: the request body must be a JSON object")
    _check_json(body)
    name = body.get("model")
    if not isinstance(name, str) or not name:
        refuse("model", "Invalid request: model must not be empty")  # made up
    try:
        model = resolve(name)
    except UnknownModelError:
        raise BadRequest(not_found(name)) from None
    messages = body.get("messages")
    if messages is None or messages == []:
        refuse("messages-empty", "Invalid request: messages must not be empty")
    if not isinstance(messages, list):
        refuse("messages", "Invalid request: messages must be an array")  # made up
    return body, model


def _check_json(body: dict[str, Any]) -> None:
    """What cannot be written as UTF-8 JSON: half a surrogate pair, NaN, a value of another kind."""
    try:
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError):
        refuse("json", NOT_JSON)


def _check_sampling(request: dict[str, Any], model: Model, on: bool) -> None:
    """https://platform.kimi.ai/docs/guide/models-overview, table of fixed parameters."""
    for name, rule in model.sampling(on).items():
        value = request.get(name)
        if value is None:
            continue
        # The rule ids of presence_penalty and its like are "presence-penalty-pinned".
        label = name.replace("_", "-")
        if name == "logprobs":
            if not isinstance(value, bool):
                refuse("logprobs-type", "Invalid request: logprobs must be a boolean")  # made up
        elif not _is_number(value) or (name == "n" and not isinstance(value, int)):
            kind = "an integer" if name == "n" else "a number"
            refuse(f"{label}-type", f"Invalid request: {name} must be {kind}")  # made up
        if isinstance(rule, Pinned) and value != rule.value:
            refuse(
                f"{label}-pinned",
                f"invalid {name}: only {_show(rule.value)} is allowed for this model",
            )
        if isinstance(rule, Range) and not rule.low <= value <= rule.high:
            # Made up; the range is the documented one.
            refuse(
                f"{label}-range",
                f"invalid {name}: must be between {_show(rule.low)} and {_show(rule.high)}",
            )
    _check_near_zero(request, model, on)
    top = request.get("top_logprobs")
    if top is not None:
        if not isinstance(top, int) or isinstance(top, bool) or not 0 <= top <= 20:
            # Made up; the range is that of the OpenAPI document.
            refuse("top-logprobs-range", "invalid top_logprobs: must be between 0 and 20")
        if request.get("logprobs") is not True:
            refuse(
                "top-logprobs",
                "Invalid request: logprobs must be set to true if top_logprobs is used",
            )


def _check_near_zero(request: dict[str, Any], model: Model, on: bool) -> None:
    """https://platform.kimi.ai/docs/guide/migrating-from-openai-to-kimi: near 0 only one choice."""
    rule = model.sampling(on)["temperature"]
    if not isinstance(rule, Range) or (request.get("n") or 1) <= 1:
        return
    temperature = request.get("temperature")
    if (rule.default if temperature is None else temperature) < NEAR_ZERO:
        # Made up; the guide promises an invalid_request_error.
        refuse("near-zero-n", "invalid n: only 1 is allowed when temperature is close to 0")


def _check_thinking(request: dict[str, Any], model: Model) -> None:
    """https://platform.kimi.ai/docs/guide/use-thinking-models and the OpenAPI document."""
    effort = request.get("reasoning_effort")
    if effort is not None and (not isinstance(effort, str) or effort == "none"):
        # Made up; that both are answered with 400 is reported by pydantic-ai and LiteLLM.
        refuse("reasoning-effort", "Invalid request: invalid reasoning_effort")
    given = request.get("thinking")
    if model.thinking.field != "thinking" or given is None:
        return
    if not isinstance(given, dict):
        refuse("thinking-type", "Invalid request: thinking must be an object")  # made up
    allowed = {"type", "keep"} if model.thinking.keep else {"type"}
    unknown = sorted(given.keys() - allowed)
    if unknown:
        # Made up; the schema says additionalProperties: false.
        refuse("thinking-keys", f"invalid thinking: unknown field {unknown[0]}")
    kind = given.get("type")
    if kind == "disabled" and model.thinking.mode == "always":
        refuse(
            "thinking-disabled",
            "invalid thinking: only type=enabled is allowed for this model",
        )
    if kind not in ("enabled", "disabled"):
        # Made up.
        refuse("thinking-type", "invalid thinking: type must be enabled or disabled")
    if given.get("keep") not in (None, "all"):
        refuse("thinking-keep", "invalid thinking: only keep=all is allowed")  # made up


def _check_stream(request: dict[str, Any]) -> None:
    """Types of the fields about delivery. The texts are made up."""
    for name, kind, word in (
        ("stream", bool, "a boolean"),
        ("stream_options", dict, "an object"),
        ("prompt_cache_key", str, "a string"),
        ("safety_identifier", str, "a string"),
        ("prediction", dict, "an object"),
    ):
        value = request.get(name)
        if value is not None and not isinstance(value, kind):
            label = name.replace("_", "-")
            refuse(f"{label}-type", f"Invalid request: {name} must be {word}")


def _check_stop(stop: object) -> None:
    """At most 5 strings of at most 32 bytes (OpenAPI document). The texts are made up."""
    if stop is None or isinstance(stop, str):
        words: list[object] = [] if stop is None else [stop]
    elif isinstance(stop, list):
        words = stop
    else:
        refuse("stop-type", "Invalid request: stop must be a string or an array of strings")
    if len(words) > 5:
        refuse("stop-count", "Invalid request: stop must not have more than 5 strings")
    for word in words:
        if not isinstance(word, str):
            refuse("stop-type", "Invalid request: stop must be a string or an array of strings")
        if len(word.encode("utf-8", "surrogatepass")) > 32:
            refuse("stop-length", "Invalid request: each stop string must not exceed 32 bytes")


def _check_length(request: dict[str, Any], model: Model) -> None:
    """The window must hold the prompt and what may be written."""
    wanted = 0
    for name in ("max_tokens", "max_completion_tokens"):  # the second wins
        value = request.get(name)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            # Made up.
            refuse("max-tokens", f"Invalid request: {name} must be an integer greater than 0")
        wanted = value
    requested = count_prompt(request["messages"], request.get("tools")) + wanted
    if requested > model.context:
        refuse(
            "token-limit",
            "Invalid request: Your request exceeded model token limit: "
            f"{model.context} (requested: {requested})",
        )


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return math.isfinite(value)


def _show(value: float | bool) -> str:
    """A value as the API prints it: 1, 0.95, false."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}"
