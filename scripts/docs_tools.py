"""What the generated parts of README and docs are made of; cog calls these.

Tables come from the catalog and from what ``translate`` really does; for blocks and consoles see
``docs_blocks``, for the tables of the layers ``layer_tables``.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import Any

from llm_kimi import InvalidRequestError, translate
from llm_kimi.catalog import BY_ID, MODELS, SOURCES, Model, Pinned, Range, live_models
from llm_kimi.files.store.cache import FileCache, account
from llm_kimi.translation import mfjs
from llm_kimi.translation.adjustments import shorten

ROOT = Path(__file__).parent.parent
if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))

from scripts.docs_blocks import *  # noqa: E402, F403
from scripts.docs_blocks import run, table, warm  # noqa: E402
from scripts.layer_tables import layers_table as layers_table  # noqa: E402
from scripts.layer_tables import modules_tables as modules_tables  # noqa: E402

FILES = ROOT / "docs" / "examples" / "files"
FAMILY_NAMES = ("K3.1 Pro, K3", "K2.7 Code", "K2.6 thinking", "K2.6 not thinking", "moonshot-v1")
FAMILIES = ("kimi-k3.1-pro", "kimi-k2.7-code", "kimi-k2.6", "kimi-k2.6 (off)", "moonshot-v1-128k")

# -- models ------------------------------------------------------------------------------------


def _price(model: Model) -> str:
    price = model.price
    if price is None:
        return "-"
    cached = f" / {price.cached:.2f}" if price.cached is not None else ""
    return f"{price.input:.2f}{cached} / {price.output:.2f}"


def _cache_write(model: Model) -> str:
    prices = {} if model.price is None else model.price.cache_writes
    return " / ".join(f"{price:.2f}" for price in prices.values()) or "-"


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
            _cache_write(model),
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
        "$/M cache write 5m / 1h",
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
    ("`prompt_cache_options`, ttl `30m`", {"prompt_cache_options": {"ttl": "30m"}}),
    ("`prompt_cache_retention: 24h`", {"prompt_cache_retention": "24h"}),
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
    head = ("OpenAI's parameter", *FAMILY_NAMES)
    rows = [(label, *(_cell(column, probe) for column in FAMILIES)) for label, probe in PROBES]
    return table(head, rows)


def _rule(rule: object) -> str:
    """A sampling rule of the catalog, in words."""
    if isinstance(rule, Pinned):
        return f"fixed at {json.dumps(rule.value)}"
    return f"{rule.low:g} to {rule.high:g}" if isinstance(rule, Range) else "free"


def sampling_table() -> str:
    """What each family takes as sampling parameters, from the catalog."""
    columns = []
    for name in FAMILIES:
        model, off = _column(name)
        row = BY_ID[model]
        columns.append(row.sampling(not off and row.thinking.default_on))
    rows = [(f"`{name}`", *(_rule(column[name]) for column in columns)) for name in columns[0]]
    return table(("Parameter", *FAMILY_NAMES), rows)


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
    from llm_kimi.integrations.llm.options import options_for

    fields = options_for(BY_ID[model_id]).model_fields
    return table(
        ("Option", "Meaning"),
        [(f"`{name}`", field.description or "") for name, field in fields.items()],
    )


# -- schemas -----------------------------------------------------------------------------------

SCHEMAS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("a list of types", {"type": ["string", "null"]}),
    ("`oneOf`", {"oneOf": [{"type": "string"}, {"type": "number"}]}),
    ("`allOf`", {"allOf": [{"type": "string"}, {"maxLength": 9}]}),
    ("`const`", {"const": "cat"}),
    ("an enum of several types", {"enum": ["x", 1]}),
    ("an enum of booleans", {"enum": [True]}),
    ("`const` of an object", {"const": {"a": 1}}),
    ("keywords that are null", {"type": "string", "enum": None, "minLength": None}),
    ("types of other languages", {"type": "STRING"}),
    ("no type", {}),
    ("`$ref`", {"$ref": "#/$defs/Name"}),
    ("bounds", {"type": "integer", "minimum": 1, "maximum": 5}),
    ("`pattern`", {"type": "string", "pattern": "^[A-Z]+$"}),
    ("`format`", {"type": "string", "format": "date-time"}),
    ("`exclusiveMinimum`", {"type": "number", "exclusiveMinimum": 0}),
    ("`multipleOf`", {"type": "integer", "multipleOf": 5}),
    ("`uniqueItems`", {"type": "array", "items": {"type": "string"}, "uniqueItems": True}),
    ("`prefixItems`", {"prefixItems": [{"type": "string"}, {"type": "number"}]}),
    ("`oneOf` that overlaps", {"oneOf": [{"const": 1}, {"type": "integer"}]}),
    ("`not` of a type", {"not": {"type": ["object", "array", "null", "boolean"]}}),
    ("`not` of a value", {"type": "string", "not": {"const": "x"}}),
    ("a `$ref` to nothing", {"$ref": "#/$defs/Nobody"}),
)


def _asking_for(wanted: dict[str, Any]) -> dict[str, Any]:
    """A request for an answer that satisfies a schema."""
    form = {"name": "answer", "strict": True, "schema": wanted}
    return {
        "model": "kimi-k2.6",
        "messages": [{"role": "user", "content": "Hi"}],
        "response_format": {"type": "json_schema", "json_schema": form},
    }


def schema_table() -> str:
    """What becomes of schemas of one property, and whether that is a change of meaning."""
    rows = []
    for label, written in SCHEMAS:
        whole = {"type": "object", "properties": {"a": written}}
        if "$ref" in written:
            whole["$defs"] = {"Name": {"type": "string"}}
        try:
            done = translate(_asking_for(whole))
        except InvalidRequestError as error:
            sent, said = "", f"error: {error.message}"
        else:
            form = done.body["response_format"]["json_schema"]["schema"]
            sent = f"`{json.dumps(form['properties']['a'])}`"
            lost = [change.reason for change in done.changes_of_meaning]
            said = f"**yes**: {lost[0]}" if lost else "no"
        rows.append((label, f"`{json.dumps(written)}`", sent, said))
    return table(("You write", "As JSON schema", "Kimi gets", "Change of meaning"), rows)


def schema_limits_table() -> str:
    """What Kimi accepts at most in one schema."""
    rows = [
        ("properties", mfjs.MAX_PROPERTIES),
        ("levels", mfjs.MAX_DEPTH),
        ("alternatives in one `anyOf`", mfjs.MAX_ANY_OF),
        ("values in one `enum`", mfjs.MAX_ENUM),
        ("bytes", mfjs.MAX_BYTES),
    ]
    return table(("Of one schema", "At most"), [(what, f"{most:,}") for what, most in rows])


# -- what is stored ----------------------------------------------------------------------------


def stored_table() -> str:
    """The columns of the file that remembers uploads."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kimi-files.db"
        FileCache(path).clear(account("sk-docs", "https://api.moonshot.ai/v1"))
        with contextlib.closing(sqlite3.connect(path)) as connection:
            named = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            rows = []
            for (name,) in sorted(named):
                columns = connection.execute(f"PRAGMA table_info({name})").fetchall()
                rows.append((f"`{name}`", ", ".join(f"`{column[1]}`" for column in columns)))
    return table(("Table", "Columns"), rows)


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
    (404, "resource_not_found_error", "Not found the model kimi-k2.6 or Permission denied"),
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
    from llm_kimi.exchange.retry import is_retryable
    from llm_kimi.reply.api_errors import api_error

    rows = []
    for status, kind, message in ERRORS:
        body = json.dumps({"error": {"message": message, "type": kind}}).encode()
        model = "kimi-k2.5" if "kimi-k2.5" in message else "kimi-k2.6"
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


# -- LiteLLM's own provider -----------------------------------------------------------------------


def two_providers_table() -> str:
    """What LiteLLM's own provider and ours make of the same requests."""
    script = ROOT / "docs" / "examples" / "two_providers.py"
    command = shlex.join(warm.python(script.read_text("utf-8")))
    said = run(f"PYTHONWARNINGS=ignore {command} 2>/dev/null")
    found = json.loads(said.splitlines()[-1])
    rows = [(name, *outcomes.values()) for name, outcomes in found["rows"].items()]
    head = ("Request", f"`moonshot/kimi-k3` of LiteLLM {found['version']}", "`kimi/kimi-k3`")
    return table(head, rows)
