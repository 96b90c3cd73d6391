"""Finds what a translation changed and did not tell.

A checker of its own: it reads the caller's request and the body that would be sent, and knows
nothing of how the one became the other. `differences` lists every difference in meaning that it
can see, `silent` those that no adjustment tells.

    assert silent(request, translate(request)) == []

Where many messages are changed alike, one adjustment tells the first place and how many more
there are; so paths are compared without their numbers, and counted.
"""

from __future__ import annotations

import base64
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema  # type: ignore[import-untyped]

from llm_kimi.catalog import Pinned
from llm_kimi.translation import Translation

Json = dict[str, Any]
_NUMBER = re.compile(r"\[\d+\]")
_MORE = re.compile(r"the same in (\d+) more place")
_FILLERS = (" ",)


@dataclass(frozen=True)
class Difference:
    """`path` as in the caller's request; `meaning`: the reply will not be quite the same."""

    path: str
    what: str
    meaning: bool = False


def silent(request: Mapping[str, Any], translation: Translation) -> list[str]:
    """The differences that no adjustment tells, or that none admits to change the meaning."""
    found = list(dict.fromkeys(differences(request, translation)))
    told: Counter[str] = Counter()
    admitted: set[str] = set()
    for item in translation.adjustments:
        more = _MORE.search(item.reason)
        told[_shape(item.param)] += 1 + (int(more[1]) if more else 0)
        if item.changes_meaning:
            admitted.add(_shape(item.param))
    wanted: dict[str, list[Difference]] = defaultdict(list)
    for difference in found:
        wanted[_shape(difference.path)].append(difference)
    result = []
    for shape, items in wanted.items():
        above = [shape, *_ancestors(shape)]
        count = sum(told[one] for one in above)
        places = {item.path for item in items}
        if count < len(places):
            result += [f"{item.path}: {item.what} ({count} told)" for item in items]
        elif any(item.meaning for item in items) and not any(
            one in admitted or _under(admitted, one) for one in above
        ):
            result += [f"{item.path}: {item.what} (told as harmless)" for item in items]
    return result


def _shape(path: str) -> str:
    return _NUMBER.sub("[]", path)


def _ancestors(shape: str) -> Iterator[str]:
    while "." in shape or shape.endswith("[]"):
        shape = shape[:-2] if shape.endswith("[]") else shape.rpartition(".")[0]
        if shape not in ("messages", "tools"):
            yield shape


def _under(admitted: set[str], shape: str) -> bool:
    """A lost rule of a schema is told at its place inside the schema."""
    if not shape.endswith((".parameters", ".schema")):
        return False
    return any(one.startswith((f"{shape}.", f"{shape}[")) for one in admitted)


def differences(request: Mapping[str, Any], translation: Translation) -> Iterator[Difference]:
    """Every difference in meaning between the request and what is sent for it."""
    given = {key: value for key, value in request.items() if value is not None}
    yield from _parameters(given, translation)
    yield from _delivery(given, translation)
    yield from _thinking(given, translation)
    yield from _tools(given, translation)
    yield from _tool_choice(given, translation)
    yield from _response_format(given, translation.body)
    yield from _Talk(given, translation).differences()


# -- top level -------------------------------------------------------------------------------------

_ELSEWHERE = {
    *("messages", "tools", "functions", "tool_choice", "function_call", "response_format"),
    *("max_tokens", "max_completion_tokens", "user", "safety_identifier", "stop", "n"),
    *("stream_options", "thinking", "reasoning_effort", "reasoning", "parallel_tool_calls"),
}
_ASKS_NOTHING: dict[str, tuple[Any, ...]] = {
    "logit_bias": ({},),
    "store": (False,),
    "metadata": ({},),
    "service_tier": ("auto", "default"),
    "modalities": (["text"],),
    "verbosity": ("medium",),
    "prompt_cache_retention": ("in-memory", "in_memory", "24h"),
    "top_logprobs": (0, *range(1, 21)),
}


def _parameters(given: Json, translation: Translation) -> Iterator[Difference]:
    body = translation.body
    rules = translation.model.sampling(translation.thinking)
    for key, value in given.items():
        if key in _ELSEWHERE or (key in body and _same(body[key], value)):
            continue
        rule = rules.get(key)
        if key not in body and isinstance(rule, Pinned) and rule.value == value:
            continue
        harmless = value in _ASKS_NOTHING.get(key, ())
        yield Difference(key, f"{value!r} became {body.get(key)!r}", not harmless)
    origins = {
        "max_completion_tokens": ("max_tokens",),
        "safety_identifier": ("user",),
        "tools": ("functions", "messages[].tools"),
        "tool_choice": ("function_call",),
        "thinking": ("reasoning_effort", "reasoning"),
        "reasoning_effort": ("thinking", "reasoning"),
    }
    for key in body:
        if key in given:
            continue
        known = [name for name in origins.get(key, ()) if name.split("[")[0] in given]
        path = known[0] if known else key
        wish = given.get("thinking")
        if path == "thinking" and isinstance(wish, Mapping) and "budget_tokens" in wish:
            path = "thinking.budget_tokens"
        yield Difference(path, f"{key} was added: {body[key]!r}")


def _same(left: Any, right: Any) -> bool:
    """Equal, and true is not 1."""
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def _delivery(given: Json, translation: Translation) -> Iterator[Difference]:
    body, restore = translation.body, translation.restore
    wanted = given.get("n", 1)
    if body.get("n", 1) * translation.choices != wanted:
        yield Difference("n (never)", f"{wanted} choices became {body.get('n', 1)}")
    elif translation.choices != 1:
        yield Difference("n", "several requests")
    names = [name for name in ("max_completion_tokens", "max_tokens") if name in given]
    if names and body.get("max_completion_tokens") != given[names[0]]:
        yield Difference(names[0], "another limit", True)
    if "max_tokens" in given:
        yield Difference("max_tokens", "its newer name")
    if "safety_identifier" in given:
        if body.get("safety_identifier") != given["safety_identifier"]:
            yield Difference("safety_identifier", "lost", True)
        if "user" in given:
            yield Difference("user", "lost")
    elif "user" in given and body.get("safety_identifier") != given["user"]:
        yield Difference("user (never)", "lost", True)
    stops = given.get("stop", [])
    stops = [stops] if isinstance(stops, str) else stops
    sent = body.get("stop", [])
    sent = [sent] if isinstance(sent, str) else sent
    if {*sent, *restore.stops} != {stop for stop in stops if stop}:
        yield Difference("stop (never)", "a stop sequence was lost")
    elif sent != stops:
        yield Difference("stop", "not all of it is sent")
    options = given.get("stream_options", {})
    if given.get("stream"):
        if restore.include_usage != bool(options.get("include_usage")):
            yield Difference("stream_options (never)", "another wish about usage")
        if body.get("stream_options") != options:
            yield Difference("stream_options", "changed")
    elif options:
        yield Difference("stream_options", "lost")
    if given.get("parallel_tool_calls") is False and not restore.single_tool_call:
        yield Difference("parallel_tool_calls (never)", "several calls may come")
    if "parallel_tool_calls" in given:
        yield Difference("parallel_tool_calls", "lost")
    if restore.legacy_functions != ("functions" in given):
        yield Difference("functions (never)", "the reply comes in another form")


def _thinking(given: Json, translation: Translation) -> Iterator[Difference]:
    body = translation.body
    effort, switch = given.get("reasoning_effort"), given.get("thinking")
    if isinstance(effort, Mapping):
        effort = effort.get("effort")
        yield Difference("reasoning_effort", "taken out of its object")
    if effort is not None and effort != body.get("reasoning_effort"):
        off = effort == "none" and not translation.thinking
        yield Difference("reasoning_effort", f"{effort!r} was not sent", not off)
    if switch is None:
        return
    wish = switch if isinstance(switch, Mapping) else {"type": "enabled" if switch else "disabled"}
    sent = body.get("thinking") or {}
    on = {"enabled": True, "adaptive": True, "disabled": False}.get(str(wish.get("type")))
    if on is not None and on != translation.thinking:
        yield Difference("thinking", f"{on} became {translation.thinking}", True)
    elif wish is not switch or on is None or wish["type"] == "adaptive":
        yield Difference("thinking.type", f"{switch!r} became {sent!r}")
    elif not sent and not wish.keys() - {"type", "keep"}:
        yield Difference("thinking", "left out")
    for key, value in wish.items():
        if key != "type" and value is not None and sent.get(key) != value:
            budget = key == "budget_tokens" and on is not False
            yield Difference(f"thinking.{key}", f"{value!r} became {sent.get(key)!r}", budget)


# -- tools -----------------------------------------------------------------------------------------


def _declared(given: Json) -> Iterator[tuple[str, str, Json]]:
    """Path, kind and body of every tool that the caller declares."""
    places = [("tools", given.get("tools", []))]
    for number, message in enumerate(given["messages"]):
        if message.get("role") in ("system", "developer") and message.get("tools"):
            places.append((f"messages[{number}].tools", message["tools"]))
    for path, tools in places:
        for index, tool in enumerate(tools):
            kind = tool.get("type", "function")
            key = "custom" if kind == "custom" else "function"
            yield f"{path}[{index}].{key}", kind, tool[key]
    for index, function in enumerate(given.get("functions", [])):
        yield f"functions[{index}]", "function", function


def _sent_tools(translation: Translation) -> dict[str, Json]:
    """The tools of the body under the caller's names."""
    tools = list(translation.body.get("tools", []))
    for message in translation.body["messages"]:
        tools += message.get("tools", [])
    names = translation.restore.tool_names
    bodies = [tool["function"] for tool in tools]
    return {names.get(body["name"], body["name"]): body for body in bodies}


def _tools(given: Json, translation: Translation) -> Iterator[Difference]:
    sent = _sent_tools(translation)
    declared = list(_declared(given))
    kind, named, _ = _wish(given)
    for path, form, tool in declared:
        body = sent.get(tool["name"])
        if body is None:
            if kind in ("named", "allowed") and tool["name"] not in named:
                yield Difference(_choice_path(given), f"{tool['name']} is not sent")
            else:
                yield Difference(path, "the tool is lost", True)
            continue
        if body["name"] != tool["name"]:
            yield Difference("tools[].function.name", f"{tool['name']} renamed")
        if tool.get("description") is not None and body.get("description") != tool["description"]:
            yield Difference(f"{path}.description", "changed", True)
        if form == "custom":
            if body["name"] not in translation.restore.custom_tools:
                yield Difference(f"{path} (never)", "the reply will call a function")
            yield Difference(path.removesuffix(".custom") + ".type", "a function now")
            if (tool.get("format") or {}).get("type") == "grammar":
                yield Difference(f"{path}.format", "no grammar", True)
        elif form == "function":
            if body.get("strict", True) != bool(tool.get("strict")):
                yield Difference(f"{path}.strict (never)", "another strictness", True)
            elif tool.get("strict") is None:
                yield Difference(f"{path}.strict", "made explicit")
            yield from _schema(tool.get("parameters"), body["parameters"], f"{path}.parameters")
    extra = sent.keys() - {tool["name"] for _, _, tool in declared}
    if extra:
        yield Difference("tools (never)", f"tools that nobody declared: {sorted(extra)}")


def _schema(given: Any, sent: Any, path: str) -> Iterator[Difference]:
    if given == sent:
        return
    yield Difference(path, "another schema")
    before, after = _validator(given), _validator(sent)
    if before is None or after is None:
        return
    for instance in _instances(given):
        was, now = before(instance), after(instance)
        if was is not None and now is not None and was != now:
            change = "now accepted" if now else "now refused"
            yield Difference(path, f"{json.dumps(instance)[:60]} is {change}", True)
            return


_WRONG: tuple[Any, ...] = (None, True, -1, 7, 0.5, "", "x" * 300, [], [1, "a"], {}, {"zz": 1})


def _instances(schema: Mapping[str, Any]) -> Iterator[Any]:
    """A plausible value, and the same with one property after the other gone or gone wrong."""
    base = _example(schema, schema, 0)
    if not isinstance(base, dict):
        return
    yield base
    yield {**base, "zz_unknown": 1}
    for name in list(base)[:4]:
        yield {key: value for key, value in base.items() if key != name}
        for wrong in _WRONG:
            yield {**base, name: wrong}


def _example(schema: Any, root: Mapping[str, Any], depth: int) -> Any:
    """Something near to what `schema` accepts; it need not be right."""
    if not isinstance(schema, Mapping) or depth > 8:
        return "x"
    ref = schema.get("$ref")
    if isinstance(ref, str) and ref.startswith("#"):
        target: Any = root
        for step in ref.split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            target = target.get(step) if isinstance(target, Mapping) else None
        return _example(target, root, depth + 1)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if schema.get(key):
            return _example(schema[key][0], root, depth + 1)
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if kind == "object" or "properties" in schema:
        properties = schema.get("properties") or {}
        return {name: _example(child, root, depth + 1) for name, child in properties.items()}
    if kind == "array":
        return [_example(schema.get("items"), root, depth + 1)] * max(1, schema.get("minItems", 1))
    simple = {"integer": 3, "number": 3, "boolean": True, "null": None}
    if kind in simple:
        return schema.get("minimum", simple[kind])
    return "x" * max(1, schema.get("minLength", 1))


def _validator(schema: Any) -> Callable[[Any], bool | None] | None:
    """Whether an instance fits; None where the schema is not plain draft 2020-12."""
    if not isinstance(schema, Mapping):
        return None
    if any(word in json.dumps(schema) for word in ('"nullable"', '"items": [', '"dependencies"')):
        return None
    validator = jsonschema.Draft202012Validator(schema)

    def accepts(instance: Any) -> bool | None:
        try:
            return bool(validator.is_valid(instance))
        except Exception:  # a reference or a pattern that the library cannot read
            return None

    return accepts


# -- tool_choice -----------------------------------------------------------------------------------


def _wish(given: Json) -> tuple[str, set[str], str]:
    """What the caller wants: a kind, the names it speaks of, the mode of `allowed`."""
    choice = given.get("tool_choice")
    if choice is None and "function_call" in given:
        call = given["function_call"]
        choice = call if isinstance(call, str) else {"type": "function", "function": call}
    if choice is None:
        return "auto", set(), ""
    if isinstance(choice, str):
        return {"any": "required"}.get(choice, choice), set(), ""
    kind = choice.get("type")
    if kind == "allowed_tools":
        allowed = choice.get("allowed_tools", choice)
        names = {(tool.get(tool["type"]) or tool)["name"] for tool in allowed["tools"]}
        return "allowed", names, allowed.get("mode", "auto")
    if kind in ("auto", "none", "any", "required"):
        return {"any": "required"}.get(kind, kind), set(), ""
    body = choice.get("custom" if kind == "custom" else "function") or choice
    return "named", {body["name"]}, ""


def _choice_path(given: Json) -> str:
    if "tool_choice" not in given:
        return "function_call" if "function_call" in given else "tool_choice"
    choice = given["tool_choice"]
    allowed = isinstance(choice, Mapping) and choice.get("type") == "allowed_tools"
    return "tool_choice.allowed_tools.tools" if allowed else "tool_choice"


def _tool_choice(given: Json, translation: Translation) -> Iterator[Difference]:
    body, names = translation.body, translation.restore.tool_names
    kind, wanted, mode = _wish(given)
    sent = _sent_tools(translation)
    choice = body.get("tool_choice", "auto")
    path = "tool_choice" if "tool_choice" in given else "function_call"
    if "function_call" in given:
        yield Difference("function_call", "its newer name")
    if not list(_declared(given)):
        if path in given and kind not in ("auto", "none"):
            yield Difference(path, "there is nothing to choose", True)
        return
    if kind == "none":
        if choice != "none":
            yield Difference(f"{path} (never)", "tools may be called", True)
        return
    if choice == "none":
        yield Difference(f"{path} (never)", "tools may not be called", True)
    if kind == "allowed" and not sent.keys() <= wanted:
        yield Difference(f"{path} (never)", "more tools than allowed", True)
    forces = {"named": True, "required": True, "allowed": mode == "required"}.get(kind, False)
    if not forces:
        if choice != "auto" or translation.forced is not None:
            yield Difference(f"{path} (never)", "a call is forced", True)
        return
    if isinstance(choice, Mapping):
        name = choice["function"]["name"]
        if {names.get(name, name)} != wanted:
            yield Difference(f"{path} (never)", "another tool is named", True)
    elif choice == "required":
        if kind == "named" and sent.keys() != wanted:
            yield Difference(f"{path} (never)", "other tools may be called", True)
        if kind == "named":
            yield Difference(path, "required instead of named")
    else:
        yield Difference(path, "no call is forced", True)
        forced = translation.forced
        if forced is None:
            yield Difference(f"{path} (never)", "a call is not even asked for", True)
        elif kind == "named" and {names.get(str(forced.name), forced.name)} != wanted:
            yield Difference(f"{path} (never)", "another tool is asked for", True)


# -- response_format -------------------------------------------------------------------------------


def _response_format(given: Json, body: Json) -> Iterator[Difference]:
    form, sent = given.get("response_format"), body.get("response_format")
    if form is None or sent is None or form["type"] != sent["type"]:
        if form is not None:
            yield Difference("response_format (never)", "another format", True)
        return
    yield from _lost_keys(form, sent, "response_format", {"type", "json_schema"})
    if form["type"] != "json_schema":
        return
    spec, here = form["json_schema"], sent["json_schema"]
    where = "response_format.json_schema"
    yield from _lost_keys(spec, here, where, {"schema", "strict"})
    if here.get("strict", True) != bool(spec.get("strict")):
        yield Difference(f"{where}.strict (never)", "another strictness", True)
    elif spec.get("strict") is None:
        yield Difference(f"{where}.strict", "made explicit")
    if spec.get("description") and spec["description"] not in here["schema"]["description"]:
        yield Difference(f"{where}.description (never)", "lost", True)
    schema = dict(here["schema"])
    if spec.get("description"):
        own = schema.pop("description")[len(spec["description"]) :].lstrip()
        if own:
            schema["description"] = own
    yield from _schema(spec.get("schema"), schema, f"{where}.schema")


def _lost_keys(
    given: Mapping[str, Any], sent: Mapping[str, Any], where: str, but: set[str]
) -> Iterator[Difference]:
    for key, value in given.items():
        if key not in but and value is not None and value != "" and sent.get(key) != value:
            yield Difference(f"{where}.{key}", f"{value!r} became {sent.get(key)!r}")


# -- messages --------------------------------------------------------------------------------------


class _Talk:
    """The conversation before and after."""

    def __init__(self, given: Json, translation: Translation) -> None:
        self.given: list[Json] = given["messages"]
        self.translation = translation
        self.names = translation.restore.tool_names
        body = translation.body["messages"]
        self.talk = [m for m in body if m["role"] != "tool" and "tools" not in m]
        self.results = [m for m in body if m["role"] == "tool"]
        self.place = 0
        # Calls in the old form that wait for their result: the caller's name -> how many.
        self.waiting: Counter[str] = Counter()
        self.since: list[str] = []

    def differences(self) -> Iterator[Difference]:
        for number, message in enumerate(self.given):
            where = f"messages[{number}]"
            if message["role"] in ("tool", "function"):
                yield from self.result(message, where)
            else:
                yield from self.said(message, where)
        if not self.place and self.talk == [{"role": "user", "content": " "}]:
            yield Difference("messages", "only empty messages")
            return
        for message in self.talk[self.place :]:
            yield Difference("messages (never)", f"nobody said {message}", True)
        for message in self.results:
            yield Difference("messages[].tool_calls", f"a made-up result: {message}", True)

    def next(self, role: str) -> Json | None:
        if self.place < len(self.talk) and self.talk[self.place]["role"] == role:
            found: Json = self.talk[self.place]
            return found
        return None

    def said(self, message: Json, where: str) -> Iterator[Difference]:
        role = "system" if message["role"] == "developer" else message["role"]
        texts, media = _contents(message, role)
        calls = _calls(message)
        sent = self.next(role)
        blank = not texts and not media and not calls
        if role == "system" and message.get("tools"):
            yield Difference(f"{where}.tools", "in a place of their own")
            if message.get("content") is None:
                return
        if message["role"] == "developer":
            yield Difference(f"{where}.role", "developer became system")
        thoughts = {*_thoughts(message).values(), message.get("reasoning_content")} - {None, ""}
        filled = sent is not None and sent.get("content") in _FILLERS
        if role == "assistant" and filled and sent is not None:
            filled = sent.get("reasoning_content") in thoughts
        if blank and not filled:
            prefix = message.get("partial") and message.get("name")
            if not prefix:
                yield Difference(f"{where}.content", "an empty message is not sent")
                if message.get("audio"):
                    yield Difference(f"{where}.audio", "lost", True)
                return
        if sent is None:
            yield Difference(f"{where} (never)", "the message is lost", True)
            return
        self.place += 1
        if blank:
            if sent.get("content") != "":
                yield Difference(f"{where}.content", "an empty message is filled")
        else:
            yield from self.content(message, sent, texts, media, where, role)
        yield from self.calls(message, sent, calls, where)
        yield from self.keys(message, sent, where)

    def content(
        self, message: Json, sent: Json, texts: list[str], media: list[Any], where: str, role: str
    ) -> Iterator[Difference]:
        have, shown = _contents(sent, role)
        if shown != media:
            yield Difference(f"{where}.content (never)", "other images", True)
        content = message.get("content")
        if have != texts:
            if have == ["\n".join(texts)] and isinstance(content, list):
                yield Difference(f"{where}.content", "parts became one text")
            else:
                yield Difference(f"{where}.content (never)", f"{texts} became {have}", True)
        elif isinstance(content, list) and isinstance(sent.get("content"), str):
            yield Difference(f"{where}.content", "parts became one text")
        if content == "" and "content" not in sent:
            yield Difference(f"{where}.content", "an empty text is left out")
        yield from _part_keys(content, where)

    def calls(
        self, message: Json, sent: Json, calls: list[Json], where: str
    ) -> Iterator[Difference]:
        have = sent.get("tool_calls", [])
        if len(have) != len(calls):
            yield Difference(f"{where}.tool_calls (never)", "calls are lost", True)
            return
        legacy = not message.get("tool_calls") and bool(calls)
        if legacy:
            self.waiting[calls[0]["function"]["name"]] += 1
            yield Difference(f"{where}.function_call", "a tool call now")
        self.since = [call["id"] for call in calls if "id" in call]
        for index, (call, now) in enumerate(zip(calls, have, strict=True)):
            path = f"{where}.tool_calls[{index}]" if not legacy else f"{where}.function_call"
            custom = call.get("type") == "custom"
            body = call["custom" if custom else "function"]
            inner = path if legacy else f"{path}.{'custom' if custom else 'function'}"
            name = now["function"]["name"]
            if self.names.get(name, name) != body["name"]:
                yield Difference(f"{path}.name (never)", "another function", True)
            elif name != body["name"]:
                yield Difference("tools[].function.name", f"{body['name']} renamed")
            if not legacy and call.get("id") != now["id"]:
                yield Difference(f"{path}.id", "another id")
            arguments = now["function"]["arguments"]
            if custom:
                yield Difference(f"{path}.type", "a function now")
                if json.loads(arguments) != {"input": body.get("input", "")}:
                    yield Difference(f"{path}.input (never)", "another input", True)
            elif arguments != body.get("arguments"):
                harmless = not body.get("arguments") and arguments == "{}"
                suffix = "" if harmless else " (never)"
                yield Difference(f"{inner}.arguments{suffix}", "other arguments")
            yield from _lost_keys(call, now, path, {"id", "type", "function", "custom"})
            yield from _lost_keys(body, {}, inner, {"name", "arguments", "input"})

    def keys(self, message: Json, sent: Json, where: str) -> Iterator[Difference]:
        compared = {"role", "content", "tool_calls", "function_call", "tools"}
        thoughts = _thoughts(message)
        for key, value in message.items():
            if key in compared or (not value and key != "reasoning_content") or value is None:
                continue
            if sent.get(key) != value:
                lost = key in ("audio",) or (key == "refusal" and message.get("content"))
                yield Difference(f"{where}.{key}", f"{value!r} is not sent", bool(lost))
        reasoning = sent.get("reasoning_content")
        if reasoning is not None and message.get("reasoning_content") is None:
            origin = next((key for key, text in thoughts.items() if text == reasoning), None)
            if origin is None and reasoning not in _FILLERS:
                yield Difference(f"{where}.reasoning_content (never)", "nobody thought that")
            yield Difference(f"{where}.{origin or 'reasoning_content'}", "reasoning was added")
        elif thoughts and reasoning is None and self.translation.model.thinking.mode != "never":
            yield Difference(f"{where}.reasoning_content (never)", "reasoning is lost", True)

    def result(self, message: Json, where: str) -> Iterator[Difference]:
        """A result may stand elsewhere, but must be there, with its text and its id."""
        texts, media = _contents(message, "tool")
        legacy = message["role"] == "function"
        if legacy:
            yield Difference(f"{where}.role", "function became tool")
            if self.waiting[message["name"]]:
                self.waiting[message["name"]] -= 1
            else:
                yield Difference(where, "a call was made up for it")
                if self.next("assistant") is not None:
                    self.place += 1
        for index, now in enumerate(self.results):
            name = now.get("name", "")
            if legacy and self.names.get(name, name) != message["name"]:
                continue
            if not legacy and now["tool_call_id"] != message["tool_call_id"]:
                continue
            have, shown = _contents(now, "tool")
            filled = not texts and not media
            if shown == media and (have in (texts, ["\n".join(texts)]) or filled):
                del self.results[index]
                break
        else:
            yield Difference(where, "the result is lost", True)
            return
        if filled:
            yield Difference(f"{where}.content", "an empty result is filled")
        elif isinstance(message["content"], list) and isinstance(now["content"], str):
            yield Difference(f"{where}.content", "parts became one text")
        yield from _part_keys(message.get("content"), where)
        for key, value in message.items():
            if key not in ("role", "content", "tool_call_id", "name") and value:
                yield Difference(f"{where}.{key}", "lost")


def _contents(message: Json, role: str) -> tuple[list[str], list[Any]]:
    """The texts that say something, and the media."""
    content = message.get("content")
    refusal = message.get("refusal") if role == "assistant" else None
    if content is None or content == "" or content == []:
        return ([refusal] if refusal else []), []
    if isinstance(content, str):
        return [content], []
    texts, media = [], []
    for part in content:
        text = part.get("text") or part.get("refusal")
        if text:
            texts.append(text)
        elif part["type"] not in ("text", "refusal"):
            value = part[part["type"]]
            media.append(_picture(value.get("url", value) if isinstance(value, Mapping) else value))
    if not texts and not media and refusal:
        texts = [refusal]
    return texts, media


def _picture(url: Any) -> Any:
    """What is seen: the bytes of a data: URL, whatever type it claims to be of."""
    head, _, payload = url.partition(";base64,") if isinstance(url, str) else ("", "", "")
    return base64.b64decode(payload + "==") if head.lower().startswith("data:") else url


def _part_keys(content: Any, where: str) -> Iterator[Difference]:
    for index, part in enumerate(content if isinstance(content, list) else ()):
        path, kind = f"{where}.content[{index}]", part["type"]
        if kind == "refusal":
            yield Difference(f"{path}.type", "a text now")
        elif kind == "text" and not part["text"]:
            yield Difference(path, "an empty part is left out")
            continue
        for key, value in part.items():
            if key not in ("type", kind) and value is not None:
                yield Difference(f"{path}.{key}", "lost")
        value = part.get(kind)
        for key in value if isinstance(value, Mapping) else ():
            if key != "url" and value[key] is not None:
                coarser = key == "detail" and value[key] != "auto"
                yield Difference(f"{path}.{kind}.{key}", "lost", coarser)


def _calls(message: Json) -> list[Json]:
    calls = message.get("tool_calls")
    if calls:
        return list(calls)
    legacy = message.get("function_call")
    return [{"type": "function", "function": legacy}] if legacy else []


def _thoughts(message: Json) -> dict[str, str]:
    """Reasoning under the names that other stacks give to it."""
    found = {}
    if isinstance(message.get("reasoning"), str):
        found["reasoning"] = message["reasoning"]
    blocks = [block.get("thinking") for block in message.get("thinking_blocks") or ()]
    if any(blocks):
        found["thinking_blocks"] = "\n".join(text for text in blocks if text)
    fields = message.get("provider_specific_fields") or {}
    if fields.get("reasoning_content"):
        found["provider_specific_fields"] = fields["reasoning_content"]
    return found
