"""What the generated parts of README and docs are made of; cog calls these.

Tables come from the catalog and from what ``translate`` really does; consoles are real runs
against the offline Kimi.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from llm_kimi import InvalidRequestError, translate
from llm_kimi.catalog import BY_ID, MODELS, SOURCES, Model, live_models
from llm_kimi.translation.adjustments import shorten

ROOT = Path(__file__).parent.parent
FILES = ROOT / "docs" / "examples" / "files"
FAMILIES = ("kimi-k3.1-pro", "kimi-k2.7-code", "kimi-k2.6", "kimi-k2.6 (off)", "moonshot-v1-128k")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def out(text: str) -> None:
    """Write one generated block, where cog is running this."""
    import cog

    cog.outl(text)


# -- models ------------------------------------------------------------------------------------


def _price(model: Model) -> str:
    price = model.price
    if price is None:
        return "-"
    cached = f" / {price.cached:.2f}" if price.cached is not None else ""
    return f"{price.input:.2f}{cached} / {price.output:.2f}"


def _tokens(count: int | None) -> str:
    return f"{count:,}" if count is not None else "not published"


def _thinks(model: Model) -> str:
    thinking = model.thinking
    if thinking.mode == "always":
        return "always" + (f" ({', '.join(thinking.efforts)})" if thinking.efforts else "")
    return {"switchable": "on, can be switched off", "never": "never"}[thinking.mode]


def _status(model: Model) -> str:
    if model.status == "retired":
        return f"retired {model.retired_on}; use `{model.replacement}`"
    return "live, see below" if model.notice else "live"


def models_table(*, live: bool) -> str:
    """The live models, or the retired ones."""
    rows = [
        (
            f"`{model.id}`",
            _tokens(model.context),
            _tokens(model.output_default),
            ", ".join(model.modalities),
            _thinks(model),
            _price(model),
            _status(model),
        )
        for model in MODELS
        if (model.status == "live") is live
    ]
    head = (
        "Model",
        "Context",
        "Output default",
        "Takes",
        "Thinks",
        "$/M in / cached / out",
        "Status",
    )
    return table(head, rows)


def notices() -> str:
    """What is announced about live models, one line each."""
    named: dict[str, list[str]] = {}
    for model in live_models():
        if model.notice:
            named.setdefault(model.notice, []).append(f"`{model.id}`")
    return "\n".join(f"{', '.join(ids)}: {notice}." for notice, ids in named.items())


def sources_table() -> str:
    """Where each fact of the catalog was read."""
    facts: dict[str, list[str]] = {}
    for model in MODELS:
        for fact, keys in model.sources.items():
            for key in keys:
                facts.setdefault(key, [])
                if fact not in facts[key]:
                    facts[key].append(fact)
    rows = [
        (f"<{SOURCES[key].url}>", SOURCES[key].mark, SOURCES[key].seen, ", ".join(names))
        for key, names in facts.items()
    ]
    return table(("Source", "Mark", "Seen", "Facts"), rows)


# -- parameters --------------------------------------------------------------------------------

_TOOL = {
    "type": "function",
    "function": {"name": "look", "parameters": {"type": "object", "properties": {}}},
}

PROBES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("`temperature: 0.2`", {"temperature": 0.2}),
    ("`temperature: 1.7`", {"temperature": 1.7}),
    ("`top_p: 0.5`", {"top_p": 0.5}),
    ("`presence_penalty: 1`", {"presence_penalty": 1}),
    ("`frequency_penalty: 1`", {"frequency_penalty": 1}),
    ("`n: 3`", {"n": 3}),
    ("`logprobs: true`", {"logprobs": True}),
    ("`max_tokens: 500`", {"max_tokens": 500}),
    ("`max_completion_tokens: 500`", {"max_completion_tokens": 500}),
    ("`max_completion_tokens: 2000000`", {"max_completion_tokens": 2_000_000}),
    ("`stop` of 7 strings", {"stop": list("abcdefg")}),
    ("`stop` of 40 bytes", {"stop": "x" * 40}),
    ("`stream: true`", {"stream": True}),
    ("`reasoning_effort: none`", {"reasoning_effort": "none"}),
    ("`reasoning_effort: minimal`", {"reasoning_effort": "minimal"}),
    ("`reasoning_effort: medium`", {"reasoning_effort": "medium"}),
    ("`reasoning_effort: xhigh`", {"reasoning_effort": "xhigh"}),
    ("`thinking: false`", {"thinking": False}),
    ("`thinking` with a budget", {"thinking": {"type": "enabled", "budget_tokens": 8000}}),
    ("`thinking.keep: all`", {"thinking": {"type": "enabled", "keep": "all"}}),
    ("`tool_choice: required`", {"tools": [_TOOL], "tool_choice": "required"}),
    (
        "`tool_choice` that names a tool",
        {
            "tools": [_TOOL],
            "tool_choice": {"type": "function", "function": {"name": "look"}},
        },
    ),
    ("`functions`", {"functions": [_TOOL["function"]]}),
    ("`parallel_tool_calls: false`", {"tools": [_TOOL], "parallel_tool_calls": False}),
    ("`response_format: json_object`", {"response_format": {"type": "json_object"}}),
    ("`user`", {"user": "u-1"}),
    ("`safety_identifier`", {"safety_identifier": "u-1"}),
    ("`prompt_cache_key`", {"prompt_cache_key": "k"}),
    ("`prediction`", {"prediction": {"type": "content", "content": "a"}}),
    ("`seed`", {"seed": 7}),
    ("`logit_bias`", {"logit_bias": {"50256": -100}}),
    ("`store: true`", {"store": True}),
    ("`metadata`", {"metadata": {"a": "b"}}),
    ("`service_tier: flex`", {"service_tier": "flex"}),
    ("`modalities: [text, audio]`", {"modalities": ["text", "audio"]}),
    ("`web_search_options`", {"web_search_options": {}}),
    ("`verbosity: low`", {"verbosity": "low"}),
    ("any other field", {"top_k": 5}),
)


def _column(name: str) -> tuple[str, dict[str, Any]]:
    model, _, off = name.partition(" (")
    return model, ({"thinking": {"type": "disabled"}} if off else {})


def _cell(column: str, probe: dict[str, Any]) -> str:
    model, extra = _column(column)
    base = {"model": model, "messages": [{"role": "user", "content": "Hi"}], **extra}
    if extra and ("thinking" in probe or "reasoning_effort" in probe):
        return ""
    before = translate({**base, **({"tools": probe["tools"]} if "tools" in probe else {})})
    try:
        after = translate({**base, **probe})
    except InvalidRequestError as error:
        return f"error: {error.message}"
    known = {(item.param, str(item.sent)) for item in before.adjustments}
    made = [item for item in after.adjustments if (item.param, str(item.sent)) not in known]
    lossy = any(item.changes_meaning for item in made)
    changed = {
        key: value
        for key, value in after.body.items()
        if before.body.get(key) != value and key not in ("stream_options", "tools")
    }
    if after.choices > 1:
        text = f"{after.choices} requests, merged"
    elif after.forced is not None:
        text = "asked, nudged once"
    elif not made:
        return "as it is" if changed else "left out (it is so anyway)"
    elif changed:
        text = ", ".join(f"`{key}: {shorten(value, 40)}`" for key, value in changed.items())
    elif "functions" in probe:
        text = "as `tools`; answered in the old form"
    elif "stop" in probe:
        text = "cut here"
    elif "parallel_tool_calls" in probe:
        text = "kept here: first call only"
    else:
        text = "left out"
    return f"**{text}**" if lossy else text


def parameter_table() -> str:
    """What ``translate`` really does with each parameter, per family."""
    head = (
        "OpenAI's parameter",
        "K3.1 Pro, K3",
        "K2.7 Code",
        "K2.6 thinking",
        "K2.6 not thinking",
        "moonshot-v1",
    )
    rows = [(label, *(_cell(column, probe) for column in FAMILIES)) for label, probe in PROBES]
    return table(head, rows)


def tool_choice_table() -> str:
    """Which forms the API takes by itself."""
    forms = ("auto", "none", "required", "named")
    rows = []
    for label, model, on in (
        ("K3.1 Pro, K3", "kimi-k3.1-pro", True),
        ("K2.7 Code", "kimi-k2.7-code", True),
        ("K2.6, thinking", "kimi-k2.6", True),
        ("K2.6, thinking off", "kimi-k2.6", False),
        ("moonshot-v1", "moonshot-v1-128k", False),
    ):
        allowed = BY_ID[model].tool_choice(on)
        rows.append((label, *("yes" if form in allowed else "no" for form in forms)))
    return table(("Model", *(f"`{form}`" for form in forms[:3]), "a named tool"), rows)


def thinking_table() -> str:
    """Thinking per live family."""
    rows = []
    seen: set[str] = set()
    for model in live_models():
        if model.family in seen:
            continue
        seen.add(model.family)
        thinking = model.thinking
        rows.append(
            (
                f"`{model.id}`",
                _thinks(model),
                f"`{thinking.field}`" if thinking.field else "-",
                f"`{thinking.default_effort}`" if thinking.default_effort else "-",
                "always" if thinking.replays else ("on request" if thinking.keep else "no"),
            )
        )
    return table(("Model", "Thinks", "Field", "Default level", "Reads earlier reasoning"), rows)


def options_table(model_id: str) -> str:
    """The ``-o`` options of one model, with its own help."""
    from llm_kimi.llm_door.options import options_for

    fields = options_for(BY_ID[model_id]).model_fields
    return table(
        ("Option", "Meaning"),
        [(f"`{name}`", field.description or "") for name, field in fields.items()],
    )


# -- errors ------------------------------------------------------------------------------------

ERRORS: tuple[tuple[int, str, str], ...] = (
    (
        400,
        "invalid_request_error",
        "Invalid request: Your request exceeded model token limit: 262144 (requested: 425573)",
    ),
    (400, "invalid_request_error", "invalid temperature: only 1 is allowed for this model"),
    (400, "invalid_request_error", "tool_choice 'required' is incompatible with thinking enabled"),
    (400, "invalid_request_error", "Too many uploaded files"),
    (400, "content_filter", "The request was rejected because it was considered high risk"),
    (401, "invalid_authentication_error", "Invalid Authentication"),
    (
        403,
        "access_terminated_error",
        "Kimi For Coding is currently only available for Coding Agents",
    ),
    (404, "resource_not_found_error", "Not found the model kimi-k2.5 or Permission denied"),
    (404, "resource_not_found_error", "Not found the file file_1 or Permission denied"),
    (429, "engine_overloaded_error", "The engine is currently overloaded, please try again later"),
    (
        429,
        "rate_limit_reached_error",
        "Your account reached max organization concurrency: 1, please try again after 1 seconds",
    ),
    (429, "exceeded_current_quota_error", "Your account is suspended due to insufficient balance"),
    (500, "server_error", "internal error"),
    (504, "", "504 Gateway Time-out"),
)


def errors_table() -> str:
    """What the API says, whether it is tried again, and our hint."""
    import json

    from llm_kimi.reply.failures import api_error, is_retryable

    rows = []
    for status, kind, message in ERRORS:
        body = json.dumps({"error": {"message": message, "type": kind}}).encode()
        model = "kimi-k2.5" if status == 404 else "kimi-k2.6"
        error = api_error(status, {}, body, model=model, base_url="https://api.moonshot.ai/v1")
        rows.append(
            (
                f"{status} {f'`{kind}`' if kind else ''}".strip(),
                message,
                "yes" if is_retryable(error) else "no",
                error.hint or "-",
            )
        )
    return table(("Status and type", "Kimi says", "Tried again", "Hint"), rows)


# -- consoles ----------------------------------------------------------------------------------

LLM_FOLDER = "~/.config/io.datasette.llm"

# What differs from one run or machine to the next: (pattern, what the docs show).
MASKS = (
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "2026-11-21T10:00:00Z"),
    (r"\b\d+ ms\b", "85 ms"),
    (
        r"^versions  .*?(?=\nkey )",
        "versions  python 3.12.3, llm-kimi 0.1.0, llm 0.36, openai 3.54.0, Linux x86_64",
    ),
    (r"\nfolder    .*?(?=\nonline|\n\n)", f"\nfolder    {LLM_FOLDER} (writable)"),
)

_folder: tempfile.TemporaryDirectory[str] | None = None


def _environment() -> dict[str, str]:
    global _folder
    if _folder is None:
        _folder = tempfile.TemporaryDirectory(prefix="llm-kimi-docs-")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    clean = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("KIMI_", "MOONSHOT_", "LLM_"))
    }
    return {
        **clean,
        "PATH": path,
        "LLM_USER_PATH": _folder.name,
        "COLUMNS": "90",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }


def run(command: str, folder: Path = ROOT) -> str:
    """What ``command`` writes on both channels, run against the offline Kimi."""
    inner = ["sh", "-c", command]
    if "kimi simulate" not in command and "kimi explain" not in command:
        inner = ["llm", "kimi", "simulate", "--", *inner]
    environment = _environment()
    done = subprocess.run(
        inner,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    text = done.stdout.replace(environment["LLM_USER_PATH"], LLM_FOLDER)
    for pattern, said in MASKS:
        text = re.sub(pattern, said, text, flags=re.DOTALL)
    return text.rstrip("\n")


def console(*commands: str, folder: Path = ROOT) -> None:
    """A console block: each command and what it wrote."""
    lines = ["```console"]
    for command in commands:
        lines += [f"$ {command}", run(command, folder)]
    lines.append("```")
    out("\n".join(lines))


def session(*commands: str, folder: Path = ROOT) -> None:
    """A console block of commands that share one offline Kimi."""
    script = [f"printf '%s\\n' {shlex.quote('$ ' + each)}\n{each}" for each in commands]
    text = run("\n".join(script), folder)
    out(f"```console\n{text}\n```")


def python(code: str) -> None:
    """A Python block, and what it prints when it is run against the offline Kimi."""
    code = code.strip("\n")
    command = f"{shlex.quote(sys.executable)} -W ignore -c {shlex.quote(code)}"
    out(f"```python\n{code}\n```\n\n```text\n{run(command)}\n```")


def file(name: str, language: str) -> None:
    """A file of this repository as a code block."""
    out(f"`{Path(name).name}`:\n\n```{language}\n{(ROOT / name).read_text().rstrip()}\n```\n")
