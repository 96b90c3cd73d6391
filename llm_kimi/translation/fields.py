"""Top-level fields under the names of other stacks, and objects that hold fields.

In: the request as its client wrote it. Out: the same fields under the names that the other steps
know; ``draft.places`` says where the caller wrote them. A system prompt outside of ``messages``
is put before them by ``lead``, once they are translated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..errors import InvalidRequestError
from . import caching, thinking_words
from .checks import require, well_formed
from .draft import Draft, Json
from .leftovers import KNOWN_FIELDS, OPENAI_ONLY
from .response_format import WORDS as FORMAT_WORDS

__all__ = ["TAKEN", "apply", "lead"]

BAGS: Mapping[str, str] = {
    "extra_body": "the OpenAI SDK merges it into the request",
    "options": "where Ollama has its parameters",
    "generation_config": "where Gemini has its parameters",
    "generationConfig": "where Gemini has its parameters",
    "inferenceConfig": "where Bedrock has its parameters",
    "output_config": "where Anthropic has effort and format",
    "sampling_params": "where SGLang has its parameters",
    "parameters": "where Hugging Face has its parameters",
    "text": "where the Responses API has format and verbosity",
}
"""Objects whose keys are fields of the request."""

# Never taken out of a bag: they decide which rules hold, or are bags themselves. What the OpenAI
# SDK merges may hold any of the others, which are taken apart after it.
_NOT_MERGED = ("model", "messages", "extra_body")
_NOT_IN_BAGS = (*_NOT_MERGED, *BAGS)

RENAMED: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "max_output_tokens",  # the Responses API
            "max_new_tokens",  # Hugging Face, SGLang
            "max_tokens_to_sample",  # Anthropic's older API
            "num_predict",  # Ollama
            "n_predict",  # llama.cpp
        ),
        "max_completion_tokens",
    ),
    "stop_sequences": "stop",  # Anthropic, Hugging Face, Gemini
    "candidate_count": "n",  # Gemini
    "random_seed": "seed",  # Mistral
}
"""Names of other stacks for fields of OpenAI's."""

# A value that asks for what happens anyway: no limit.
_UNLIMITED = {"num_predict": (-1, -2), "n_predict": (-1, -2)}

SYSTEM = (
    "system",  # Anthropic
    "instructions",  # the Responses API
    "system_prompt",
    "system_instruction",  # Gemini
)
"""System prompts that do not stand in ``messages``, in the order in which they are sent."""

PROMPTS: Mapping[str, str] = {
    "input": "the Responses API",
    "prompt": "the old completions API",
    "contents": "Gemini",
    "inputs": "Hugging Face",
}
"""Where other APIs have the conversation."""

_STATE = "previous_response_id"

# The spelling of JavaScript and Java: maxTokens, topP, toolChoice.
_SPELLABLE = (
    *KNOWN_FIELDS,
    *OPENAI_ONLY,
    *RENAMED,
    *SYSTEM,
    *thinking_words.WORDS,
    *caching.FIELDS,
    *("max_tokens", "parallel_tool_calls", "function_call", *FORMAT_WORDS),
)


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)


CAMEL: Mapping[str, str] = {
    _camel(name): RENAMED.get(name, name)
    for name in _SPELLABLE
    if "_" in name and _camel(name) not in _SPELLABLE
}

_READ = frozenset({*BAGS, *CAMEL, *RENAMED, *SYSTEM})

TAKEN = frozenset(
    {*_SPELLABLE, *CAMEL, *BAGS, "functions", "user", "extra_headers", "extra_query", _STATE}
)
"""Every top-level field that some step reads or has words for."""


def apply(draft: Draft) -> None:
    """Give each field the name by which the other steps know it."""
    if _READ.isdisjoint(draft.body):
        _check_conversation(draft)
        return
    for bag, reason in BAGS.items():
        if bag in draft.body:
            _unpack(draft, bag, reason)
    for name in [name for name in draft.body if name in CAMEL]:
        _rename(draft, name, CAMEL[name])
    for name in [name for name in draft.body if name in RENAMED]:
        if draft.body[name] in _UNLIMITED.get(name, ()):
            draft.drop(name, "it asks for no limit", meaning=False)
        else:
            _rename(draft, name, RENAMED[name])
    _check_conversation(draft)
    for name in SYSTEM:
        if name in draft.body:
            _take_system(draft, name)


def _unpack(draft: Draft, bag: str, reason: str) -> None:
    """The keys of a bag as fields. What the SDK merges wins, as there; elsewhere the field."""
    given = draft.body[bag]
    merged = bag == "extra_body"
    require(isinstance(given, Mapping) or not merged, "must be an object", bag)
    if not isinstance(given, Mapping):
        return  # a field that happens to have that name
    del draft.body[bag]
    place = draft.path(bag)
    closed = _NOT_MERGED if merged else _NOT_IN_BAGS
    known: Json = {}
    for key, value in given.items():
        if value is not None and isinstance(key, str) and key not in closed:
            known[key] = value
        elif value is not None:
            draft.adjust(f"{bag}.{key}", value, None, "it cannot be set there")
    for key, value in known.items():
        if key in draft.body and not merged:
            differs = draft.body[key] != value
            taken = f"{draft.path(key)} is already set and takes precedence"
            draft.adjust(f"{bag}.{key}", value, None, taken, meaning=differs)
            continue
        if key in draft.body and draft.body[key] != value:
            taken = f"{place} takes precedence, as in the OpenAI SDK"
            draft.adjust(key, draft.body[key], value, taken)
        draft.body[key] = value
        draft.places[key] = f"{place}.{key}"
    if known:
        names = ", ".join(known)
        draft.adjust(bag, dict(given), names, reason, "openapi", meaning=False)


def _rename(draft: Draft, name: str, new: str) -> None:
    value = draft.body.pop(name)
    place = draft.path(name)
    older = "max_tokens" if new == "max_completion_tokens" and "max_tokens" in draft.body else new
    if older in draft.body:
        differs = draft.body[older] != value
        taken = f"{draft.path(older)} is already set and takes precedence"
        draft.adjust(name, value, None, taken, meaning=differs)
        return
    draft.body[new] = value
    draft.places.pop(name, None)
    draft.places[new] = place
    if new in KNOWN_FIELDS:  # a later step tells what becomes of the others
        draft.adjust(new, value, {new: value}, "Kimi's name for it", meaning=False)


def _check_conversation(draft: Draft) -> None:
    """A conversation that stands elsewhere, or at OpenAI, is not one that can be sent."""
    if draft.body.get(_STATE) is not None:
        raise InvalidRequestError(
            "Kimi stores no conversations: send all earlier messages in messages", param=_STATE
        )
    if "messages" in draft.body:
        return
    for name, stack in PROMPTS.items():
        if name in draft.body:
            raise InvalidRequestError(
                f"is missing; {draft.path(name)} is how {stack} is asked. Write the conversation "
                'as messages: [{"role": "user", "content": "..."}]',
                param="messages",
            )


# -- system prompts --------------------------------------------------------------------------------


def _take_system(draft: Draft, name: str) -> None:
    given = draft.body.pop(name)
    texts = [well_formed(text) for text in _texts(given, name, nested=True)]
    text = "\n\n".join(text for text in texts if text.strip())
    if not text:
        draft.adjust(name, given, None, "an empty system prompt", meaning=False)
        return
    said = {"role": "system", "content": text}
    messages = draft.body.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    if isinstance(first, Mapping) and first.get("content") == text:
        draft.adjust(name, given, None, "messages begins with it", meaning=False)
        return
    draft.leading.append(said)
    draft.adjust(
        name, given, {"messages": [said]}, "Kimi takes system prompts as messages", meaning=False
    )


def _texts(value: Any, path: str, *, nested: bool) -> Iterator[str]:
    """The texts of a system prompt: text, blocks of text, or Gemini's parts."""
    if isinstance(value, str):
        yield value
        return
    inner: Any = value if isinstance(value, list) else None
    if isinstance(value, Mapping):
        if isinstance(value.get("text"), str):
            yield value["text"]
            return
        inner = value.get("parts", value.get("content"))
        inner = [inner] if isinstance(inner, str) else inner
    require(
        nested and isinstance(inner, list),
        "must be text or blocks of text; put anything else into messages, as role system",
        path,
    )
    for index, item in enumerate(inner):
        yield from _texts(item, f"{path}[{index}]", nested=False)


def lead(draft: Draft) -> None:
    """Put the system prompts of other fields before the translated messages."""
    if not draft.leading:
        return
    count = len(draft.leading)
    draft.body["messages"] = [*draft.leading, *draft.body["messages"]]
    draft.needs = [replace(need, message=need.message + count) for need in draft.needs]
