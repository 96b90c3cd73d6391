"""What becomes of 5,000 random requests that OpenAI accepts: as sent, in LiteLLM, translated.

The rules are those of the offline Kimi, which knows nothing of the translation; what is weakened
is found by the tests' checker, which compares the request with the body that is sent
(``tests/support/weakening``). LiteLLM's bodies are taken where it hands them to HTTP.
"""

from __future__ import annotations

import copy
import json
import logging
import os
import re
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from common import KEY, fresh, main
from report import Report, Row

from llm_kimi import InvalidRequestError, Translation, translate
from llm_kimi.catalog import live_models
from llm_kimi.simulator import check_chat, ignored
from llm_kimi.simulator.rules.chat import thinks
from llm_kimi.translation.results import Restore
from tests.support.openai_requests import requests
from tests.support.weakening import differences
from tests.support.weakening.difference import untold

Json = dict[str, Any]

COUNT = 5_000
SLICES = 2
HOW = (
    f"{COUNT:,} random requests that OpenAI's API accepts, over the live models, in percent. "
    "Refused: by Kimi, or by the library before anything is sent. Weakened: they run, but "
    "something that was asked for is gone or another, and nothing says so. Told: they run, "
    "and each change of meaning is in `adjustments`."
)
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB"
    "0C8AAAAASUVORK5CYII="
)
# They make no other answer.
BESIDES = frozenset(
    {
        *("user", "store", "metadata", "safety_identifier", "service_tier", "moderation"),
        *("stream", "stream_options", "prompt_cache_key", "prompt_cache_retention"),
        *("prompt_cache_options", "prompt_cache_breakpoint", "cache_control"),
    }
)
OUTCOMES = ("refused", "weakened in silence", "run, changes told", "run as asked")


class Refused(Exception):
    """Nothing is sent."""


def _inlined(value: Any) -> Any:
    """The request with its images in it, as the exchange would fetch them."""
    if isinstance(value, list):
        return [_inlined(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("type") == "image_url" and value["image_url"]["url"].startswith("http"):
        return {**value, "image_url": {**value["image_url"], "url": PIXEL}}
    return {key: _inlined(item) for key, item in value.items()}


def _as_sent(request: Json) -> Translation:
    return _untold(request, request)


def _untold(request: Json, body: Json) -> Translation:
    """``body``, of which nothing has been told, with the newer names that the checker knows."""
    body = {key: value for key, value in body.items() if value is not None}
    if "max_tokens" in body:
        body.setdefault("max_completion_tokens", body.pop("max_tokens"))
    found = next(model for model in live_models() if model.id == request["model"])
    return Translation(body, (), Restore(), needs=(), model=found, thinking=thinks(found, body))


def _ours(request: Json) -> Translation:
    try:
        return translate(request)
    except InvalidRequestError as error:
        raise Refused from error


def _litellm() -> Callable[[Json], Translation]:
    """LiteLLM's ``moonshot/``, with a client that keeps the body and answers by itself."""
    import httpx2
    import litellm
    from openai import OpenAI

    logging.disable(logging.CRITICAL)
    litellm.suppress_debug_info = True
    sent: list[Json] = []
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    end = {**chunk, "choices": [{"index": 0, "delta": {"content": "."}, "finish_reason": "stop"}]}
    message = {"role": "assistant", "content": "."}
    whole = {
        **chunk,
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(json.loads(request.content))
        if sent[-1].get("stream"):
            text = f"data: {json.dumps(end)}\n\ndata: [DONE]\n\n"
            return httpx2.Response(200, text=text, headers={"content-type": "text/event-stream"})
        return httpx2.Response(200, json=whole)

    transport = httpx2.MockTransport(answer)
    client = OpenAI(api_key=KEY, http_client=httpx2.Client(transport=transport))

    def asked(request: Json) -> Translation:
        given = copy.deepcopy(request)
        sent.clear()
        try:
            model = f"moonshot/{given.pop('model')}"
            litellm.completion(model=model, client=client, api_key=KEY, **given)
        except Exception as error:
            if not sent:
                raise Refused from error
        return _untold(request, sent[-1])

    return asked


def _is_beside(path: str) -> bool:
    names = re.split(r"[.\[: ]", path.partition(" ")[0])
    return not BESIDES.isdisjoint((names[0], names[-1]))


def _weakened(request: Json, found: Translation) -> list[str]:
    """What is gone or another and would make another answer, and is not told."""
    swallowed = [path for path in map(str, ignored(found.body)) if not _is_beside(path)]
    lost = [one for one in differences(request, found) if one.meaning and not _is_beside(one.path)]
    return [*swallowed, *untold(lost, found.adjustments)]


def _outcome(request: Json, way: Callable[[Json], Translation]) -> str:
    try:
        found = way(request)
    except Refused:
        return "refused"
    if check_chat(_inlined(found.body)):
        return "refused"
    if _weakened(request, found):
        return "weakened in silence"
    return "run, changes told" if found.changes_of_meaning else "run as asked"


WAYS: dict[str, Callable[[], Callable[[Json], Translation]]] = {
    "as sent": lambda: _as_sent,
    "moonshot/": _litellm,
    "llm-kimi": lambda: _ours,
}


def _part(name: str, slice_: str) -> dict[str, int]:
    """How many requests of one slice end how."""
    models = [model.id for model in live_models()]
    way = WAYS[name]()
    asked = requests(COUNT // SLICES, seed=int(slice_), models=models, media="images")
    return Counter(_outcome(_inlined(request), way) for request in asked)


def measure() -> Report:
    """Percent of the requests. They are counted, not timed: as many processes as there are CPUs."""
    parts = [(name, str(number)) for name in reversed(WAYS) for number in range(1, SLICES + 1)]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        found = threads.map(lambda part: fresh(__file__, "outcomes", *part), parts)
        counts = {name: Counter[str]() for name in WAYS}
        for (name, _), one in zip(parts, found, strict=True):
            counts[name].update(one)
    rows = []
    for outcome in OUTCOMES:
        shares = {name: counts[name][outcome] / COUNT * 100 for name in WAYS}
        rows.append(Row(outcome, "%", shares))
    return Report("refusals", "What becomes of a request", HOW, "llm-kimi", rows)


if __name__ == "__main__":
    main(measure, {"outcomes": _part})
