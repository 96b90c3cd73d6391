"""Top-level parameters: what is sent, renamed, moved, lost; thinking and caching."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from llm_kimi.catalog import Pinned
from llm_kimi.translation import Translation

from .difference import Difference
from .forms import SYSTEM_FIELDS
from .reading import Wish, wishes

Json = dict[str, Any]

_BUDGETS = ("thinking_budget", "thinking_token_budget", "reasoning_budget")
_THINKING = (
    *("thinking", "reasoning_effort", "reasoning", "enable_thinking", "chat_template_kwargs"),
    *("think", "include_reasoning", *_BUDGETS),
)
_CACHING = ("prompt_cache_options", "prompt_cache_retention")
_PARTIAL = ("continue_final_message", "add_generation_prompt", "partial")
_ELSEWHERE = {
    *("messages", "tools", "functions", "tool_choice", "function_call", "response_format"),
    *("max_tokens", "max_completion_tokens", "user", "safety_identifier", "stop", "n"),
    *("stream_options", "parallel_tool_calls", *_THINKING, *_CACHING, *_PARTIAL),
    *SYSTEM_FIELDS,
}
_ASKS_NOTHING: dict[str, tuple[Any, ...]] = {
    "logit_bias": ({},),
    "store": (False,),
    "metadata": ({},),
    "service_tier": ("auto", "default"),
    "modalities": (["text"],),
    "verbosity": ("medium",),
    "cache_prompt": (True, False),  # Kimi caches by itself
    "keep_alive": ("5m", -1),  # and its models are always loaded
    "timeout": (30, 600),
    "top_logprobs": (0, *range(1, 21)),
}
_ORIGINS = {
    "max_completion_tokens": ("max_tokens",),
    "safety_identifier": ("user",),
    "tools": ("functions", "messages[].tools"),
    "tool_choice": ("function_call",),
    "thinking": _THINKING,
    "reasoning_effort": _THINKING,
    "prompt_cache_options": ("prompt_cache_retention",),
    "response_format": ("response_format",),
}


def parameters(given: Json, translation: Translation) -> Iterator[Difference]:
    """Fields of the request that are not in the body, and those of the body that nobody asked."""
    body = translation.body
    rules = translation.model.sampling(translation.thinking)
    for key, value in given.items():
        if key in _ELSEWHERE or (key in body and _same(body[key], value)):
            continue
        rule = rules.get(key)
        if key not in body and isinstance(rule, Pinned) and rule.value == value:
            continue
        harmless = value in _ASKS_NOTHING.get(key, ())
        yield Difference(key, f"{value!r} became {body.get(key)!r}", not harmless)
    for key in body:
        if key in given:
            continue
        known = [name for name in _ORIGINS.get(key, ()) if name.split("[")[0] in given]
        path, *also = [*known, key]
        yield Difference(path, f"{key} was added: {body[key]!r}", near=True, also=tuple(also))


def _same(left: Any, right: Any) -> bool:
    """Equal, and true is not 1."""
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def delivery(given: Json, translation: Translation) -> Iterator[Difference]:
    """How much is asked for, where it ends, how it comes."""
    body, restore = translation.body, translation.restore
    wanted = given.get("n", 1)
    if body.get("n", 1) * translation.choices != wanted:
        yield Difference("n (never)", f"{wanted} choices became {body.get('n', 1)}")
    elif translation.choices != 1:
        yield Difference("n", "several requests")
    yield from _lengths(given, body)
    yield from _stops(given, translation)
    options = given.get("stream_options", {})
    if given.get("stream"):
        if restore.include_usage != bool(options.get("include_usage")):
            yield Difference("stream_options (never)", "another wish about usage")
        if body.get("stream_options") != options:
            yield Difference("stream_options", "changed")
    elif options:
        yield Difference("stream_options", "lost")
    if given.get("parallel_tool_calls") is False and not restore.single_tool_call:
        yield Difference("parallel_tool_calls (never)", "several calls may come")
    if "parallel_tool_calls" in given:
        yield Difference("parallel_tool_calls", "lost")
    if restore.legacy_functions != ("functions" in given):
        yield Difference("functions (never)", "the reply comes in another form")


def _lengths(given: Json, body: Json) -> Iterator[Difference]:
    names = [name for name in ("max_completion_tokens", "max_tokens") if name in given]
    if names and body.get("max_completion_tokens") != given[names[0]]:
        yield Difference(names[0], "another limit", True)
    if "max_tokens" in given:
        yield Difference("max_tokens", "its newer name")
    if "safety_identifier" in given:
        if body.get("safety_identifier") != given["safety_identifier"]:
            yield Difference("safety_identifier", "lost", True)
        if "user" in given:
            yield Difference("user", "lost")
    elif "user" in given and body.get("safety_identifier") != given["user"]:
        yield Difference("user (never)", "lost", True)


def _stops(given: Json, translation: Translation) -> Iterator[Difference]:
    stops = given.get("stop", [])
    stops = [stops] if isinstance(stops, str) else stops
    sent = translation.body.get("stop", [])
    sent = [sent] if isinstance(sent, str) else sent
    if {*sent, *translation.restore.stops} != {stop for stop in stops if stop}:
        yield Difference("stop (never)", "a stop sequence was lost")
    elif sent != stops:
        yield Difference("stop", "not all of it is sent")


# -- thinking --------------------------------------------------------------------------------------


def thinking(given: Json, translation: Translation) -> Iterator[Difference]:
    """Whether it thinks as was asked, and whether words of other stacks are told."""
    every = list(wishes(given))
    for wish in every:
        # Of several words that say the same one may tell for all of them.
        alike = (one.path for one in every if one is not wish and one.said == wish.said)
        yield from _wish(wish, translation, tuple(alike))
    if given.get("include_reasoning") is False and translation.thinking:
        yield Difference("include_reasoning", "reasoning is shown", True)
    model = translation.model.thinking
    off = {wish.on for wish in every} == {False} and model.mode == "switchable"
    if off and translation.thinking:
        yield Difference("thinking (never)", "it can be switched off, and is not", True)
    efforts = {wish.effort for wish in every}
    had = len(efforts) == 1 and efforts <= {*model.efforts}
    if had and efforts != {translation.body.get("reasoning_effort")}:
        yield Difference("reasoning_effort (never)", f"{efforts} can be had", True)
    body = translation.body
    for key in _THINKING:
        value = given.get(key)
        if value is None or _native(value, body.get(key)):
            continue
        yield Difference(key, f"{value!r} was not sent", near=True)
    switch = given.get("thinking")
    if isinstance(switch, Mapping):
        sent = body.get("thinking") or {}
        for key in switch.keys() - {"type", "effort", "budget_tokens"}:
            if switch[key] is not None and sent.get(key) != switch[key]:
                yield Difference(f"thinking.{key}", f"{switch[key]!r} became {sent.get(key)!r}")


def _native(value: Any, sent: Any) -> bool:
    """Sent as it is, but for what is null."""
    if isinstance(value, Mapping):
        value = {key: item for key, item in value.items() if item is not None}
        if not isinstance(sent, Mapping):
            return not value and sent is None
        sent = {key: item for key, item in sent.items() if item is not None}
    return bool(value == sent)


def _wish(wish: Wish, translation: Translation, also: tuple[str, ...]) -> Iterator[Difference]:
    key = wish.path.partition(".")[0]
    if wish.on is not None and wish.on != translation.thinking:
        what = f"thinking {wish.on} became {translation.thinking}"
        yield Difference(key, what, True, near=True, also=also)
    if wish.effort is not None and wish.effort != translation.body.get("reasoning_effort"):
        what = f"effort {wish.effort!r} was not sent"
        yield Difference(wish.path, what, True, near=True, also=also)
    if wish.budget:
        yield Difference(wish.path, "no budget is kept", True, near=True, also=also)


# -- caching ---------------------------------------------------------------------------------------


def caching(given: Json, translation: Translation) -> Iterator[Difference]:
    """https://forum.moonshot.ai/t/context-caching-upgrade-5-min-1-hour-ttl-options/613"""
    sent = translation.body.get("prompt_cache_options")
    options = given.get("prompt_cache_options")
    price = translation.model.price
    ttl = options.get("ttl") if isinstance(options, Mapping) else None
    meant = ttl in ("5m", "1h") and price is not None and price.cache_write is not None
    if meant and (not isinstance(sent, Mapping) or sent.get("ttl") != ttl):
        yield Difference("prompt_cache_options (never)", f"{ttl} became {sent!r}")
    if options is not None and sent != options:
        yield Difference("prompt_cache_options", f"{options!r} became {sent!r}", near=True)
    if given.get("prompt_cache_retention") is not None:
        yield Difference("prompt_cache_retention", "not a field of Kimi", near=True)
    elif sent is not None and options is None:
        yield Difference("prompt_cache_options (never)", "nobody asked to pay for it")


def partial(given: Json, translation: Translation) -> Iterator[Difference]:
    """Words of vLLM for Partial Mode."""
    last = translation.body["messages"][-1]
    wanted = True in (given.get("continue_final_message"), given.get("partial"))
    for key in _PARTIAL:
        if given.get(key) is not None:
            lost = wanted and last.get("partial") is not True
            yield Difference(key, f"{given[key]!r} is not sent", lost)
