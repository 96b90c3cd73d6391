"""TCP connections used by a chain of five tool calls (six requests), beside llm's own class."""

from __future__ import annotations

from common import in_fresh_process

_CODE = """
import json
from llm_kimi.simulator import Simulator

def add(a: int, b: int) -> int:
    "Add"
    return a + b

script = "\\nthen\\n".join(['call: add {"a": 1, "b": %d}' % i for i in range(5)] + ["say: done"])
with Simulator() as kimi:
    HEAD
    model.key = kimi.key
    text = model.chain(script, tools=[add]).text()
    assert "done" in text, text
    print(json.dumps([len(kimi.requests), kimi.connections]))
"""
# The built-in class does not send reasoning back, so it is tried with thinking that is off.
_KIMI = "from llm_kimi import Kimi; model = Kimi('kimi-k2.6', base_url=kimi.base_url)"
_CHAT = """
    from llm.default_plugins.openai_models import Chat
    class Plain(Chat):
        def build_kwargs(self, prompt, stream):
            return {**super().build_kwargs(prompt, stream),
                    "extra_body": {"thinking": {"type": "disabled"}}}
    model = Plain('kimi-k2.6', api_base=kimi.base_url, supports_tools=True)
"""


def main() -> dict[str, int]:
    """Print and return the number of connections."""
    requests, ours = in_fresh_process(_CODE.replace("HEAD", _KIMI))
    others, theirs = in_fresh_process(_CODE.replace("HEAD", _CHAT.strip()))
    print("TCP connections of a tool chain")
    print(f"  llm-kimi            {ours} for {requests} requests")
    print(f"  llm's OpenAI class  {theirs} for {others} requests")
    return {"kimi": ours, "chat": theirs}


if __name__ == "__main__":
    main()
