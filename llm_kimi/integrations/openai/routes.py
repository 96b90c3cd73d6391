"""Which calls of OpenAI's API Kimi has, and what to use in place of the others."""

from __future__ import annotations

from typing import Any

from ...catalog import FLAGSHIP, UnknownModelError, resolve
from ...errors import InvalidRequestError

__all__ = ["CHAT", "RESPONSES", "check_responses", "ending", "is_file_list", "missing"]

CHAT = "/chat/completions"
RESPONSES = "/responses"
FILES = "/files"

# The first part of the path below the base URL -> what Moonshot has in its place
# (https://platform.kimi.ai/docs/api/overview).
_NOT_THERE = {
    "embeddings": "has no embeddings: take a local model, for example sentence-transformers",
    "images": "makes no pictures; it reads them, as parts of messages",
    "audio": "has neither speech nor transcription: transcribe first and send the text",
    "moderations": "has no moderation endpoint",
    "fine_tuning": "offers no fine-tuning",
    "assistants": "has no Assistants: keep the conversation yourself and send it with each chat",
    "threads": "has no Assistants: keep the conversation yourself and send it with each chat",
    "vector_stores": "has no vector stores: documents go into chats as file parts",
    "conversations": "keeps no conversations: send the earlier messages with each chat",
    "realtime": "has no realtime API: use chat completions with stream=True",
    "uploads": "takes files whole, through files",
    "evals": "has no evals",
    "videos": "makes no videos; it reads them, as parts of messages",
    "containers": "has no containers",
    "completions": "has no legacy completions: use chat.completions",
}


def ending(path: str, route: str) -> bool:
    """Whether the path of a URL leads to ``route``, whatever the base URL."""
    return path.rstrip("/").endswith(route)


def is_file_list(request: Any, response: Any) -> bool:
    """Whether ``response`` is the list of the account's files."""
    return (
        request.method == "GET" and response.status_code == 200 and ending(request.url.path, FILES)
    )


def missing(path: str, base_path: str) -> str | None:
    """What to say of a call that Kimi does not have; None for one that goes on to it.

    ``base_path`` is the path of the base URL, if it is known.
    """
    rest = path.removeprefix(base_path.rstrip("/")) if base_path else path
    parts = [part for part in rest.split("/") if part]
    if parts and parts[0] in ("v1", "v2"):
        parts = parts[1:]
    if not parts:
        return None
    what = _NOT_THERE.get(parts[0])
    return None if what is None else f"Moonshot {what}"


def check_responses(body: Any) -> None:
    """Whether Kimi's own ``/responses`` takes ``body``: it has it for some models only.

    Raises:
        InvalidRequestError: it does not; chats are the way.
    """
    model = body.get("model") if isinstance(body, dict) else None
    if not isinstance(model, str):
        raise InvalidRequestError("must be the id of a Kimi model", param="model")
    try:
        row = resolve(model)
    except UnknownModelError as error:
        raise InvalidRequestError(str(error), param="model") from None
    if not row.responses:
        raise InvalidRequestError(
            f"{model} has no Responses API at Moonshot: use chat.completions, or {FLAGSHIP}",
            param="model",
        )
    if body.get("previous_response_id") is not None or body.get("store") is True:
        param = "store" if body.get("store") is True else "previous_response_id"
        raise InvalidRequestError(
            "Moonshot's Responses API keeps nothing: send the earlier items again, and store=False",
            param=param,
        )
