"""Which calls of OpenAI's API Kimi has, and what to use in place of the others."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any

from ...catalog import FLAGSHIP, UnknownModelError, resolve
from ...errors import InvalidRequestError
from ...reply.safe_text import one_line, scrub
from . import WireError, as_json

__all__ = [
    "CHAT",
    "RESPONSES",
    "check_responses",
    "ending",
    "is_about_files",
    "missing",
    "openai_files",
    "redirected",
]

CHAT = "/chat/completions"
RESPONSES = "/responses"
_FILE_OBJECTS = re.compile(r"/files(/[^/]+)?/?$")

# The first part of the path below the base URL -> what Moonshot has in its place
# (https://platform.kimi.ai/docs/api/overview).
_NOT_THERE = {
    "embeddings": "has no embeddings: take a local model, for example sentence-transformers",
    "images": "cannot create images; it reads them as parts of messages",
    "audio": "has no speech or transcription: transcribe first and send the text",
    "moderations": "has no moderation endpoint",
    "fine_tuning": "offers no fine-tuning",
    "assistants": "has no Assistants: keep the conversation yourself and send it with each chat",
    "threads": "has no Assistants: keep the conversation yourself and send it with each chat",
    "vector_stores": "has no vector stores: documents go into chats as file parts",
    "conversations": "keeps no conversations: send the earlier messages with each chat",
    "realtime": "has no realtime API: use chat completions with stream=True",
    "uploads": "accepts whole files only: use files",
    "evals": "has no evals",
    "videos": "cannot create videos; it reads them as parts of messages",
    "containers": "has no containers",
    "completions": "has no legacy completions: use chat.completions",
}


def ending(path: str, route: str) -> bool:
    """Whether the path of a URL leads to ``route``, whatever the base URL."""
    return path.rstrip("/").endswith(route)


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
        raise InvalidRequestError(str(error), param="model") from error
    if not row.responses:
        raise InvalidRequestError(
            f"{model} has no Responses API at Moonshot: use chat.completions, or {FLAGSHIP}",
            param="model",
        )
    if body.get("previous_response_id") is not None or body.get("store") is True:
        param = "store" if body.get("store") is True else "previous_response_id"
        raise InvalidRequestError(
            "Moonshot's Responses API stores nothing: send the earlier items again, with "
            "store=False",
            param=param,
        )


def is_about_files(method: str, path: str) -> bool:
    """Whether the answer to a request is a file's object, or a list of them."""
    return method in ("GET", "POST", "HEAD") and _FILE_OBJECTS.search(path) is not None


def openai_files(content: bytes) -> bytes:
    """A file's object, or the list of files, as OpenAI's SDKs wait for it.

    A list is whole: Kimi lists all files at once and knows no pages (its OpenAPI has no
    ``has_more`` there). Without that word the SDKs ask for the page after the last file, and get
    all of them again, for ever. And a file that Kimi calls ready is ``processed``, which is what
    ``wait_for_processing`` waits for.
    """
    with suppress(ValueError, RecursionError):
        found = json.loads(content)
        if isinstance(found, dict):
            rows = found.get("data")
            if not isinstance(rows, list):
                return as_json(_openai_file(found))
            return as_json({"has_more": False, **found, "data": list(map(_openai_file, rows))})
    return content


def _openai_file(row: Any) -> Any:
    if isinstance(row, dict) and row.get("status") in ("ready", "ok"):
        return {**row, "status": "processed"}
    return row


def redirected(host: str, key: str) -> WireError:
    """What to answer in place of a redirect to ``host``: the key would go along."""
    where = one_line(scrub(host, key))[:253] or "another place on the same host"
    text = (
        f"the server redirects to {where}. Redirects are not followed, since the key would go "
        "along: if this host is the right one, set base_url to its API"
    )
    body = {"message": text, "type": "redirect", "param": None, "code": None}
    return WireError(502, {"error": body}, {"x-should-retry": "false"})
