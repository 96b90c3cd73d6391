"""How many of 5,000 random requests that OpenAI accepts would Kimi refuse?

As sent, and after ``translate``; and how many are changed in meaning, which the caller is told.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from llm_kimi import InvalidRequestError, translate
from llm_kimi.catalog import live_models
from llm_kimi.simulator import check_chat, ignored
from tests.support.openai_requests import requests

COUNT = 5_000
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0"
    "C8AAAAASUVORK5CYII="
)


def _with_images(body: dict[str, Any], needs: Any) -> dict[str, Any]:
    """``body`` with every http image inlined, as the exchange will do it."""
    messages = list(body["messages"])
    for need in needs:
        content = list(messages[need.message]["content"])
        content[need.part] = {"type": "image_url", "image_url": {"url": PIXEL}}
        messages[need.message] = {**messages[need.message], "content": content}
    return {**body, "messages": messages}


def main(count: int = COUNT) -> dict[str, float]:
    """Print and return shares; over the live models, every one as often as the others."""
    tally: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    told: Counter[str] = Counter()
    for request in requests(count, seed=1, models=[model.id for model in live_models()]):
        if check_chat(request):
            tally["refused as sent"] += 1
        elif ignored(request):
            tally["accepted as sent, with fields that Kimi swallows"] += 1
        try:
            translation = translate(request)
        except InvalidRequestError as error:
            tally["error before sending"] += 1
            rules[f"error: {error}"[:100]] += 1
            continue
        body = _with_images(translation.body, translation.needs)
        refusal = check_chat(body)
        if refusal:
            tally["refused after translation"] += 1
            rules[f"refused: {refusal.rule}"] += 1
        if ignored(body):
            tally["swallowed after translation"] += 1
        if translation.changes_of_meaning:
            tally["changed in meaning, and told"] += 1
            told.update({item.param.split("[")[0] for item in translation.changes_of_meaning})
    print(f"{count:,} random requests that OpenAI accepts, over the live models")
    for name in (
        "refused as sent",
        "accepted as sent, with fields that Kimi swallows",
        "refused after translation",
        "swallowed after translation",
        "error before sending",
        "changed in meaning, and told",
    ):
        print(f"  {name:50} {tally[name]:5}  {tally[name] / count:7.2%}")
    for rule, number in rules.most_common(10):
        print(f"    {rule}: {number}")
    print("  told most often: " + ", ".join(f"{k} {v}" for k, v in told.most_common(8)))
    return {name: value / count for name, value in tally.items()}


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT)
