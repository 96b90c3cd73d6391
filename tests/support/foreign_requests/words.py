"""What other stacks call things: thinking, JSON with a schema, caching, model ids.

mastra-ai/mastra#12592 (enable_thinking), SillyTavern#5599 and OpenRouter's docs (reasoning), vLLM
and SGLang (chat_template_kwargs), kimi-code (thinking.effort), Together and Fireworks
(json_object with a schema), forum.moonshot.ai/t/613 and openai 3.57 (prompt_cache_options).
"""

from __future__ import annotations

from typing import Any

from .kinds import Json, each


def _put(request: Json, fields: Json) -> None:
    request.update(fields)


ON: dict[str, Json] = {
    "enable_thinking on": {"enable_thinking": True},
    "template on": {"chat_template_kwargs": {"thinking": True}},
    "template of Qwen on": {"chat_template_kwargs": {"enable_thinking": True}},
    "reasoning on": {"reasoning": {"enabled": True}},
    "reasoning with a budget": {"reasoning": {"max_tokens": 2000}},
    "reasoning with an effort": {"reasoning": {"effort": "high"}},
    "reasoning on and hidden": {"reasoning": {"enabled": True, "exclude": True}},
    "effort of Kimi Code": {"thinking": {"type": "enabled", "effort": "low"}},
    "effort of Kimi Code alone": {"thinking": {"effort": "max"}},
    "budget of Claude": {"thinking": {"type": "enabled", "budget_tokens": 4096}},
    "adaptive of Claude": {"thinking": {"type": "adaptive"}},
    "true": {"thinking": True},
}
"""Words that ask for thinking."""
OFF: dict[str, Json] = {
    "enable_thinking off": {"enable_thinking": False},
    "template off": {"chat_template_kwargs": {"thinking": False}},
    "template of Qwen off": {"chat_template_kwargs": {"enable_thinking": False}},
    "reasoning off": {"reasoning": {"enabled": False}},
    "reasoning effort none": {"reasoning": {"effort": "none"}},
    "reasoning without tokens": {"reasoning": {"max_tokens": 0}},
    "effort none": {"reasoning_effort": "none"},
    "disabled": {"thinking": {"type": "disabled"}},
    "effort none of Kimi Code": {"thinking": {"effort": "none"}},
    "false": {"thinking": False},
}
"""Words that ask for none."""
each("thinking", "runs", ON, _put)
each("thinking", "runs", OFF, _put)
each(
    "thinking",
    "runs",
    {
        "template with nothing about it": {"chat_template_kwargs": {"add_vision_id": True}},
        "reasoning that says nothing": {"reasoning": {}},
        "reasoning hidden": {"reasoning": {"exclude": True}},
        "a summary of the Responses API": {"reasoning": {"effort": "low", "summary": "auto"}},
        "empty thinking": {"thinking": {}},
        "two words that agree": {"enable_thinking": False, "reasoning": {"enabled": False}},
    },
    _put,
)
each(
    "thinking",
    "open",
    {
        "an effort that is none": {"reasoning_effort": "very"},
        "text": {"enable_thinking": "false"},
        "a template that is none": {"chat_template_kwargs": "thinking"},
        "reasoning as text": {"reasoning": "high"},
        "two words that disagree": {"enable_thinking": True, "reasoning": {"enabled": False}},
    },
    _put,
)

_SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
each(
    "format",
    "runs",
    {
        "json_object with a schema": {"type": "json_object", "schema": _SCHEMA},
        "json_object with a json_schema": {
            "type": "json_object",
            "json_schema": {"name": "place", "schema": _SCHEMA},
        },
    },
    lambda request, value: request.update(response_format=value),
)
each(
    "format",
    "open",
    {
        "flat json_schema": {"type": "json_schema", "name": "place", "schema": _SCHEMA},
        "json_schema without a name": {"type": "json_schema", "json_schema": {"schema": _SCHEMA}},
        "a bare schema": _SCHEMA,
        "a word": "json_object",
    },
    lambda request, value: request.update(response_format=value),
)

each(
    "cache",
    "runs",
    {
        "5m": {"prompt_cache_options": {"ttl": "5m"}},
        "1h": {"prompt_cache_options": {"ttl": "1h"}},
        "30m": {"prompt_cache_options": {"ttl": "30m"}},
        "OpenAI's": {"prompt_cache_options": {"mode": "explicit", "ttl": "30m"}},
        "OpenAI's without a time": {"prompt_cache_options": {"mode": "implicit"}},
        "empty": {"prompt_cache_options": {}},
        "null": {"prompt_cache_options": {"ttl": None}},
        "retention": {"prompt_cache_retention": "24h"},
        "retention in memory": {"prompt_cache_retention": "in_memory"},
        "both": {"prompt_cache_options": {"ttl": "5m"}, "prompt_cache_retention": "24h"},
    },
    _put,
)
each(
    "cache",
    "open",
    {
        "a number": {"prompt_cache_options": {"ttl": 3600}},
        "a text": {"prompt_cache_options": "1h"},
        "a time that nobody has": {"prompt_cache_options": {"ttl": "99y"}},
    },
    _put,
)

RELAY_IDS: dict[str, str] = {
    "moonshotai.kimi-k3": "kimi-k3",
    "us.moonshotai.kimi-k3": "kimi-k3",
    "global.moonshotai.kimi-k3": "kimi-k3",
    "in.moonshotai.kimi-k3.1": "kimi-k3.1-pro",
    "databricks-kimi-k3-1-pro": "kimi-k3.1-pro",
    "kimi-k3-1-pro": "kimi-k3.1-pro",
    "kimi-k2-6": "kimi-k2.6",
    "kimi-k3p1-pro": "kimi-k3.1-pro",
    "moonshotai:kimi@k3.1-pro": "kimi-k3.1-pro",
    "aihubmix/coding-kimi-k3": "kimi-k3",
    "kimi-k2.8-preview": "kimi-k2.7-code",
    "moonshotai/kimi-k2-7-code": "kimi-k2.7-code",
    "accounts/fireworks/models/kimi-k2p5": "kimi-k2.5",
    "openrouter/moonshotai/kimi-k2.6:nitro": "kimi-k2.6",
    "MOONSHOTAI/KIMI-K3": "kimi-k3",
}
"""Ids as relays write them -> the model whose rules hold (those of K2 for an unknown K2)."""
each("model", "runs", {id_: id_ for id_ in RELAY_IDS}, lambda request, id_: _named(request, id_))


def _named(request: Json, model: Any) -> None:
    request["model"] = model


each(
    "unknown field",
    "runs",
    {
        "vLLM": {"guided_json": _SCHEMA, "top_k": 20, "repetition_penalty": 1.05},
        "OpenRouter": {"provider": {"order": ["moonshotai"]}, "transforms": ["middle-out"]},
        "llama.cpp": {"cache_prompt": True, "n_predict": 100, "min_p": 0.1},
        "LiteLLM": {"drop_params": True, "metadata": {"a": "b"}, "include_reasoning": True},
        "Qwen": {"thinking_budget": 1024},
        "Ollama": {"think": False, "keep_alive": "5m", "num_predict": 100},
        "Anthropic": {"max_output_tokens": 100, "stop_sequences": ["END"]},
        "extra_body": {"extra_body": {"enable_thinking": False, "top_k": 20}},
        "extra_body with a schema": {"extra_body": {"guided_json": _SCHEMA}},
        "Hugging Face": {"max_new_tokens": 100},
        "reasoning hidden": {"include_reasoning": False},
    },
    _put,
)
