"""The same requests to LiteLLM's own provider for Moonshot and to that of llm-kimi."""

import json
from importlib.metadata import version

import litellm

import llm_kimi.litellm  # noqa: F401

litellm.suppress_debug_info = True

LOOK = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
NAMED = {"type": "function", "function": {"name": "look"}}
HI = {"role": "user", "content": "Hi"}
ROUND = [
    HI,
    {"role": "assistant", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "a dog"},
]

REQUESTS = {
    "`temperature=0.2`": {"messages": [HI], "temperature": 0.2},
    "`top_p=0.5`": {"messages": [HI], "top_p": 0.5},
    "`thinking`, switched off": {"messages": [HI], "thinking": {"type": "disabled"}},
    '`reasoning_effort="high"`': {"messages": [HI], "reasoning_effort": "high"},
    "a tool call by the tool's name": {"messages": [HI], "tools": [LOOK], "tool_choice": NAMED},
    "a tool's result, its reasoning lost": {"messages": ROUND, "tools": [LOOK]},
    "`functions`": {"messages": [HI], "functions": [LOOK["function"]]},
}


def outcome(model, request):
    try:
        litellm.completion(model=model, max_retries=0, **request)
    except Exception as error:
        text = str(error).removeprefix(f"litellm.{type(error).__name__}: ").partition(". ")[0]
        return f"{type(error).__name__}: {text}"
    return "answers"


if __name__ == "__main__":
    providers = ("moonshot/kimi-k3", "kimi/kimi-k3")
    rows = {
        name: {model: outcome(model, request) for model in providers}
        for name, request in REQUESTS.items()
    }
    print(json.dumps({"version": version("litellm"), "rows": rows}))
