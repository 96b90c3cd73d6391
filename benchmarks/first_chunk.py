"""The first chunk of an answer: in a new Python, imports and connection included, and later on."""

from __future__ import annotations

import time
from collections.abc import Callable

from bare_kimi import MODEL, bare_kimi
from common import KEY, in_python, main
from report import Report, best, in_turn

ROUNDS, ROUNDS_LITELLM = 4, 3
WARM = 100
HOW = (
    "Until the first text is there, from a server that answers at once. In a new Python: "
    "from the start of the process, with imports and connection; later on: the median of "
    f"{WARM} more in the same process."
)

# Each defines `first(text)`, which asks and returns when the first text has come. They are texts:
# a new Python is to import nothing else.
_BY_HAND = """
import http.client, json
from urllib.parse import urlsplit
address = urlsplit({url!r})
connection = http.client.HTTPConnection(address.hostname, address.port)
def first(text):
    body = {{"model": {model!r}, "stream": True, "messages": [{{"role": "user", "content": text}}]}}
    headers = {{"Content-Type": "application/json", "Authorization": "Bearer " + {key!r}}}
    connection.request("POST", address.path + "/chat/completions", json.dumps(body), headers)
    answer = connection.getresponse()
    for line in answer:
        if line.startswith(b"data: {{") and json.loads(line[6:])["choices"][0]["delta"]["content"]:
            break
    yield
    answer.read()
"""
_BY_LLM = """
{head}
model.key = {key!r}
def first(text):
    chunks = iter(model.prompt(text, stream=True))
    assert next(chunks)
    yield
    list(chunks)
"""
_BY_SDK = """
from {module} import {name} as Client
client = Client(api_key={key!r}, base_url={url!r})
def first(text):
    chunks = client.chat.completions.create(
        model={model!r}, messages=[{{"role": "user", "content": text}}], stream=True
    )
    while not next(chunks).choices[0].delta.content:
        pass
    yield
    list(chunks)
"""
_BY_LITELLM = """
import litellm
{head}
def first(text):
    chunks = litellm.completion(
        model="{provider}/" + {model!r}, messages=[{{"role": "user", "content": text}}],
        stream=True, api_base={url!r}, api_key={key!r},
    )
    while not next(chunks).choices[0].delta.content:
        pass
    yield
    list(chunks)
"""
_MEASURE = """
import json, statistics, time
def since(start):
    asking = first("1 single")
    next(asking)
    taken = time.monotonic() - start
    list(asking)
    return taken * 1e3
cold = since({started})
warm = statistics.median(since(time.monotonic()) for _ in range({warm}))
print(json.dumps([cold, warm]))
"""
_LLM = "from llm.default_plugins.openai_models import Chat as Model"
_OTHER = "from llm_moonshot import MoonshotChat as Model"
_MODEL = "\nmodel = Model({model!r}, model_name={model!r}, api_base={url!r})"
_KIMI = "from llm_kimi import Kimi\nmodel = Kimi({model!r}, base_url={url!r})"

# (door, name of the floor, ours and the peers) -> code
_DOORS: dict[str, dict[str, tuple[str, dict[str, str]]]] = {
    "in llm": {
        "http.client": (_BY_HAND, {}),
        "llm-kimi": (_BY_LLM, {"head": _KIMI}),
        "llm's own class": (_BY_LLM, {"head": _LLM + _MODEL}),
        "llm-moonshot": (_BY_LLM, {"head": _OTHER + _MODEL}),
    },
    "with the OpenAI SDK": {
        "http.client": (_BY_HAND, {}),
        "llm-kimi": (_BY_SDK, {"module": "llm_kimi.openai", "name": "Kimi"}),
        "OpenAI SDK": (_BY_SDK, {"module": "openai", "name": "OpenAI"}),
    },
    "with LiteLLM": {
        "http.client": (_BY_HAND, {}),
        "llm-kimi": (_BY_LITELLM, {"head": "import llm_kimi.litellm", "provider": "kimi"}),
        "moonshot/": (_BY_LITELLM, {"head": "", "provider": "moonshot"}),
    },
}


def _asks(code: str, words: dict[str, str], url: str) -> Callable[[], list[float]]:
    given = {"url": url, "model": MODEL, "key": KEY}
    if "head" in words:
        words = {**words, "head": words["head"].format(**given)}
    written = code.format(**given, **words)

    def once() -> list[float]:
        start = time.monotonic()  # the same clock in all processes
        script = written + _MEASURE.format(started=repr(start), warm=WARM)
        found: list[float] = in_python("-c", script)
        return found

    return once


def measure() -> Report:
    """Milliseconds."""
    rows = []
    with bare_kimi() as url:
        for door, ways in _DOORS.items():
            asks = {name: _asks(code, words, url) for name, (code, words) in ways.items()}
            rounds = ROUNDS_LITELLM if door == "with LiteLLM" else ROUNDS
            found = in_turn(asks, rounds)
            for number, when in enumerate(("in a new Python", "later on")):
                samples = {name: [pair[number] for pair in found[name]] for name in asks}
                rows.append(best(f"{door}, {when}", "ms", samples, "llm-kimi"))
    title = "The first chunk"
    return Report("first_chunk", title, HOW, "llm-kimi", rows, floor="http.client")


if __name__ == "__main__":
    main(measure)
