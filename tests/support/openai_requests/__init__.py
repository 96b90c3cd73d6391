"""Seeded random chat-completions requests, as clients of OpenAI's own API send them.

The world of this generator is OpenAI's API: every request has a shape that API accepts, whatever
another vendor makes of it. Rules that tie parameters together are kept (`stream_options` needs
`stream`, `tool_choice` needs `tools`, `metadata` needs `store`, a strict schema closes its objects,
JSON mode needs the word "json" in a message, and so on). What only depends on the model named, such
as a reasoning model's dislike of `temperature`, is not: the models named here are not OpenAI's.

    for request in requests(2_000, seed=7):
        ...

`features` names what a request contains, and `ALL_FEATURES` every name it can return. What other
clients send is the business of `foreign_requests`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from llm_kimi.catalog import MODELS

from .features import (
    ALL_FEATURES,
    IMAGE_FEATURES,
    MEDIA_FEATURES,
    RESIDUE_FEATURES,
    features,
    schemas,
    subschemas,
)
from .messages import Conversation, Media, say_json
from .parameters import limits, logprobs, metadata, simple_parameters, special, streaming
from .texts import chance
from .tools import tooling

__all__ = [
    "ALL_FEATURES",
    "DEFAULT_MODELS",
    "IMAGE_FEATURES",
    "MEDIA_FEATURES",
    "RESIDUE_FEATURES",
    "features",
    "random_request",
    "requests",
    "schemas",
    "subschemas",
]

Json = dict[str, Any]

RELAY_MODELS = (
    "moonshotai/Kimi-K2.6",
    "moonshotai/kimi-k3",
    "openrouter/moonshotai/kimi-k2.5",
    "accounts/fireworks/models/kimi-k2p6",
    "Kimi-K3",
)
UNKNOWN_MODEL = "kimi-k9-preview"
DEFAULT_MODELS: tuple[str, ...] = (*(model.id for model in MODELS), *RELAY_MODELS, UNKNOWN_MODEL)


def random_request(
    rng: random.Random,
    model: str | None = None,
    *,
    residue: bool = True,
    media: Media = "images",
) -> dict[str, Any]:
    """One request that OpenAI's chat completions API accepts, for `model` or a default one.

    `residue` lets some conversations carry what other stacks leave in messages (`cache_control`,
    `thinking_blocks`, `reasoning_content`...). `media` says which parts user messages may hold
    besides text: none, images, or images, audio and files.
    """
    density = rng.choice((0.02, 0.06, 0.12, 0.2, 0.4))
    tools = tooling(rng, density)
    conversation = Conversation(
        rng,
        tools=tools.get("tools"),
        functions=tools.get("functions"),
        media=media,
        residue=residue,
    )
    request: Json = {
        "model": rng.choice(DEFAULT_MODELS) if model is None else model,
        "messages": conversation.build(),
        **tools,
        **simple_parameters(rng, density),
        **limits(rng, density),
        **logprobs(rng, density),
        **streaming(rng),
    }
    special(rng, request, density)
    if chance(rng, density * 0.6):
        request["metadata"] = None if chance(rng, 0.15) else metadata(rng)
        if request["metadata"] is not None:
            request["store"] = True
    if request.get("response_format") == {"type": "json_object"}:
        say_json(rng, request["messages"])
    return request


def requests(
    count: int,
    seed: int = 0,
    models: Sequence[str] | None = None,
    *,
    residue: bool = True,
    media: Media = "images",
) -> Iterator[dict[str, Any]]:
    """`count` requests. The one at each index depends on `seed` and that index alone."""
    for index in range(count):
        rng = random.Random(f"{seed}:{index}")
        model = rng.choice(DEFAULT_MODELS if models is None else models)
        yield random_request(rng, model, residue=residue, media=media)
