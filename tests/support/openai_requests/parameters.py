"""The top-level parameters beside messages and tools."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from .schemas import random_schema
from .texts import SENTENCES, chance, prose

Json = dict[str, Any]

_STOPS = (
    "\n",
    "\n\n",
    "END",
    "###",
    "User:",
    "</answer>",
    " ",
    "。",
    "🛑",
    "これで終わりです",
    "=" * 40,
    "<|end_of_the_assistant_turn_marker|>",
    "结束标记" * 5,
)


def _stop(rng: random.Random) -> Any:
    if chance(rng, 0.35):
        return rng.choice(_STOPS)
    return rng.sample(_STOPS, rng.randint(1, 4))


def _penalty(rng: random.Random) -> float:
    return rng.choice((0, 0.0, 0.1, 0.5, 1, 1.5, 2, 2.0, -0.5, -2, round(rng.uniform(-2, 2), 3)))


def _temperature(rng: random.Random) -> float:
    values = (0, 0.0, 0.2, 0.6, 0.7, 1, 1.0, 1.3, 2, 2.0, 1e-8, round(rng.uniform(0, 2), 4))
    return rng.choice(values)


def _top_p(rng: random.Random) -> float:
    return rng.choice((1, 1.0, 0.95, 0.9, 0.5, 0.1, 0, 0.0, 1e-5, round(rng.random(), 4)))


def _n(rng: random.Random) -> int:
    return rng.choice((1, 1, 1, 2, 2, 3, 4, rng.randint(5, 8)))


def _max(rng: random.Random) -> int:
    return rng.choice((1, 2, 16, 100, 256, 1000, 1024, 4096, 8192, 16384, 32768, 65536, 128000))


def _seed(rng: random.Random) -> int:
    return rng.choice((0, 1, 42, 1234, -1, 2**31, 2**63 - 1, -(2**63), rng.randrange(2**32)))


def _logit_bias(rng: random.Random) -> Json:
    size = rng.choice((0, 1, 2, 10))
    return {str(rng.randrange(200_000)): rng.randint(-100, 100) for _ in range(size)}


def metadata(rng: random.Random) -> Json:
    pairs: Json = {}
    for index in range(rng.choice((0, 1, 2, 16))):
        key = rng.choice(("run", "team-", "k" * 60, "环境")) + str(index)
        pairs[key] = rng.choice(("", "production", "値", "v" * 512))
    return pairs


def _audio(rng: random.Random) -> Json:
    voice: Any = rng.choice(("alloy", "ash", "coral", "marin", {"id": "voice_1234"}))
    return {"format": rng.choice(("wav", "mp3", "flac", "opus", "pcm16")), "voice": voice}


def _prediction(rng: random.Random) -> Json:
    text = prose(rng, empty=0)
    content: Any = text if chance(rng, 0.6) else [{"type": "text", "text": text}]
    return {"type": "content", "content": content}


def _web_search(rng: random.Random) -> Json:
    options: Json = {}
    if chance(rng, 0.6):
        options["search_context_size"] = rng.choice(("low", "medium", "high"))
    if chance(rng, 0.5):
        place = {"city": "São Paulo", "country": "BR", "timezone": "America/Sao_Paulo"}
        options["user_location"] = {"type": "approximate", "approximate": place}
    return options


def _moderation(rng: random.Random) -> Json:
    moderation: Json = {"model": "omni-moderation-latest"}
    if chance(rng, 0.5):
        sides = {"input": {"mode": "score"}, "output": rng.choice((None, {"mode": "block"}))}
        moderation["policy"] = sides
    return moderation


def _cache_options(rng: random.Random) -> Json:
    options: Json = {"mode": rng.choice(("implicit", "explicit"))}
    if chance(rng, 0.5):
        options["ttl"] = "30m"
    return options


def _response_format(rng: random.Random) -> Json:
    kind = rng.choice(("text", "json_object", "json_schema", "json_schema", "json_schema"))
    if kind != "json_schema":
        return {"type": kind}
    body: Json = {"name": rng.choice(("answer", "Response-1", "_out", "2d_point", "N" * 64))}
    strict = rng.choice((True, True, False, None, "omitted"))
    if strict != "omitted":
        body["strict"] = strict
    if chance(rng, 0.25):
        body["description"] = rng.choice(SENTENCES)
    body["schema"] = random_schema(rng, strict=strict is True or chance(rng, 0.2))
    return {"type": kind, "json_schema": body}


# Parameters that stand alone: how to make a value, and whether OpenAI also takes null.
SIMPLE: dict[str, tuple[Callable[[random.Random], Any], bool]] = {
    "temperature": (_temperature, True),
    "top_p": (_top_p, True),
    "n": (_n, True),
    "stop": (_stop, True),
    "frequency_penalty": (_penalty, True),
    "presence_penalty": (_penalty, True),
    "seed": (_seed, True),
    "logit_bias": (_logit_bias, True),
    "user": (lambda rng: rng.choice(("user-1", "", "a@example.com", "用户", "u" * 64)), False),
    "safety_identifier": (lambda rng: rng.choice(("hash-9f86d0", "s" * 64)), True),
    "prompt_cache_key": (lambda rng: rng.choice(("tenant-7", "k" * 64, "缓存")), True),
    "prompt_cache_retention": (lambda rng: rng.choice(("in_memory", "24h")), True),
    "prompt_cache_options": (_cache_options, False),
    "store": (lambda rng: chance(rng, 0.5), True),
    "service_tier": (
        lambda rng: rng.choice(("auto", "default", "flex", "scale", "priority", "fast")),
        True,
    ),
    "verbosity": (lambda rng: rng.choice(("low", "medium", "high")), True),
    "reasoning_effort": (
        lambda rng: rng.choice(("none", "minimal", "low", "medium", "high", "xhigh", "max")),
        True,
    ),
    "response_format": (_response_format, False),
    "moderation": (_moderation, True),
}
# Parameters sent less often than the rest, and more often.
_RARE = frozenset({"moderation", "prompt_cache_options", "prompt_cache_retention", "logit_bias"})
_COMMON = frozenset({"temperature", "response_format"})


def simple_parameters(rng: random.Random, density: float) -> Json:
    request: Json = {}
    for name, (make, nullable) in SIMPLE.items():
        weight = 0.5 if name in _RARE else 2 if name in _COMMON else 1
        if not chance(rng, density * weight):
            continue
        request[name] = None if nullable and chance(rng, 0.07) else make(rng)
    return request


def limits(rng: random.Random, density: float) -> Json:
    """`max_tokens` or `max_completion_tokens`: both may be named, only one may have a value."""
    if not chance(rng, min(1, density * 2.5)):
        return {}
    names = ["max_tokens", "max_completion_tokens"]
    rng.shuffle(names)
    limits: Json = {names[0]: None if chance(rng, 0.1) else _max(rng)}
    if chance(rng, 0.12):
        limits[names[1]] = None
    return limits


def logprobs(rng: random.Random, density: float) -> Json:
    if not chance(rng, density):
        return {}
    value = rng.choice((True, True, True, False, None))
    request: Json = {"logprobs": value}
    if value and chance(rng, 0.7):
        request["top_logprobs"] = rng.choice((0, 1, 3, 5, 20, None))
    elif chance(rng, 0.3):
        request["top_logprobs"] = None
    return request


def streaming(rng: random.Random) -> Json:
    roll = rng.random()
    if roll < 0.6:
        return {}
    if roll < 0.7:
        request: Json = {"stream": rng.choice((False, False, None))}
        if chance(rng, 0.1):
            request["stream_options"] = None
        return request
    request = {"stream": True}
    if chance(rng, 0.6):
        options: Json = {}
        if chance(rng, 0.8):
            options["include_usage"] = chance(rng, 0.8)
        if chance(rng, 0.25):
            options["include_obfuscation"] = chance(rng, 0.4)
        request["stream_options"] = None if chance(rng, 0.08) else options
    return request


def _drop(request: Json, *names: str) -> None:
    for name in names:
        request.pop(name, None)


def special(rng: random.Random, request: Json, density: float) -> None:
    """Audio out, predicted output and web search, each with what it excludes taken away."""
    roll = rng.random()
    scale = density / 0.2
    if roll < 0.02 * scale:
        request["modalities"] = rng.choice((["text", "audio"], ["audio", "text"]))
        request["audio"] = _audio(rng)
        if request.get("stream"):
            request["audio"]["format"] = "pcm16"
        _drop(request, "response_format", "logprobs", "top_logprobs", "web_search_options")
    elif roll < 0.05 * scale:
        request["prediction"] = _prediction(rng)
        _drop(request, "n", "logprobs", "top_logprobs", "presence_penalty", "frequency_penalty")
        _drop(request, "max_completion_tokens", "tools", "tool_choice", "parallel_tool_calls")
        _drop(request, "functions", "function_call")
    elif roll < 0.08 * scale:
        request["web_search_options"] = _web_search(rng)
        _drop(request, "n", "temperature", "top_p", "presence_penalty", "frequency_penalty")
        _drop(request, "logprobs", "top_logprobs", "logit_bias", "seed", "reasoning_effort")
    elif roll < 0.12 * scale:
        request["modalities"] = rng.choice((["text"], None))
    if "audio" not in request and chance(rng, 0.05 * scale):
        request["audio"] = None
    if "prediction" not in request and chance(rng, 0.05 * scale):
        request["prediction"] = None
