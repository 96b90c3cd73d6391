"""``OfficialTools``: what an exchange asks to offer and run Moonshot's tools.

In: the names that a translation asks for. Out: their declarations in the request, and the results
of calls. A host without them, and a tool that fails, cost one line: the model goes on without.
"""

from __future__ import annotations

import json
import random
from collections.abc import Generator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from ..catalog.formulas import FORMULAS, formula_uri
from ..errors import APIError, InvalidRequestError, KimiError
from ..exchange import (
    MAX_RETRIES,
    Answer,
    Fork,
    FormulaCall,
    Notice,
    Retry,
    Step,
    Steps,
    Target,
    ToolRun,
    Work,
)
from ..reply import api_error
from ..reply.safe_text import one_line, scrub, shown
from ..translation import Translation
from . import declarations

__all__ = ["OfficialTools"]

Json = dict[str, Any]

MAX_RESULT = 2_000_000
"""Letters of a result; a search has some ten thousand."""

MAX_SOURCES = 50
AT_ONCE = 4
_FAILED = "The tool failed: {}. Go on without it, and say so where it matters."


class OfficialTools:
    """The tools of one exchange; see ``exchange.OfficialTools``. Use it once.

    ``strict``: refuse a request whose tools the host does not have.
    """

    def __init__(
        self,
        target: Target,
        *,
        strict: bool = False,
        max_retries: int = MAX_RETRIES,
        jitter: Any = random.random,
    ) -> None:
        self._target = target
        self._strict = strict
        self._max_retries = max_retries
        self._jitter = jitter
        # The function as it stands in the request -> (URI, its own name).
        self._functions: dict[str, tuple[str, str]] = {}

    @property
    def names(self) -> frozenset[str]:
        """The functions that Moonshot runs, as they stand in the body."""
        return frozenset(self._functions)

    def prepare(self, translation: Translation) -> Generator[Step, Any, Translation]:
        """``translation`` with the declarations of its tools in the body.

        Raises:
            InvalidRequestError: in strict mode, when the host does not have one of them.
            APIError, APIConnectionError: the host refuses the key, or cannot be reached.
        """
        uris = [formula_uri(name) for name in translation.official]
        kept, trouble = yield from Work(lambda stopped: declarations.kept(self._target.base_url))
        if trouble:
            yield Notice(trouble)
        fetches = [_Declared(self, uri) for uri in uris if uri not in kept]
        if fetches:
            yield Fork(fetches, AT_ONCE)
            fetched = {each.uri: each.tools for each in fetches if each.tools}
            if fetched:
                save = partial(declarations.keep, self._target.base_url, fetched)
                yield from Work(lambda stopped: save())
                kept = {**kept, **fetched}
        missing = [each for each in fetches if not each.tools]
        for each in missing:
            text = f"{each.uri} was left out: {each.failure}"
            if self._strict:
                raise InvalidRequestError(f"strict mode: {text}", param="tools")
            yield Notice(text)
        tools = list(translation.body.get("tools") or ())
        taken = {str(tool["function"]["name"]) for tool in tools}
        for uri in uris:
            for tool in kept.get(uri, ()):
                own = tool["function"]["name"]
                name = _free(own, taken)
                taken.add(name)
                self._functions[name] = uri, own
                tools.append({**tool, "function": {**tool["function"], "name": name}})
        body = {**translation.body, "tools": tools} if tools else translation.body
        if translation.official_required and self._functions:
            body["tool_choice"] = "required"
        return replace(translation, body=body, official=())

    def run(self, calls: Sequence[Json]) -> Generator[Step, Any, list[ToolRun]]:
        """Run ``calls`` of the model, side by side; what fails is said in the result."""
        fibers = [_Fiber(self, call) for call in calls]
        yield Fork(fibers, AT_ONCE)
        return [fiber.run for fiber in fibers]

    def ask(self, step: FormulaCall) -> Generator[Step, Any, Any]:
        """The JSON that answers ``step``.

        Raises:
            APIError, APIConnectionError: there is none.
        """
        retry = Retry(self._max_retries, self._jitter)
        target = self._target
        while True:
            answer = yield step
            error: KimiError
            again: bool | None = None
            if not isinstance(answer, Answer):
                # What was under way may have been run, and billed.
                error, again = answer.error, answer.retryable and step.body is None
            elif answer.status == 200:
                try:
                    return json.loads(answer.body)
                except (ValueError, RecursionError):
                    raise APIError("the answer is not JSON", status=200) from None
            else:
                error = api_error(
                    answer.status,
                    answer.headers,
                    answer.body,
                    base_url=target.base_url,
                    key=target.key,
                    key_source=target.key_source,
                )
            yield from retry.wait(error, again)

    def function(self, name: str) -> tuple[str, str]:
        """URI and own name of a function of ``names``."""
        return self._functions[name]

    def short(self, text: str) -> str:
        """Words of a server, for a line."""
        return scrub(one_line(text), self._target.key)[:200]


def _free(name: str, taken: set[str]) -> str:
    """``name``, or another one: Kimi refuses two functions of one name."""
    free, number = name, 1
    while free in taken:
        free = f"moonshot_{name}"[:60] + (f"_{number}" if number > 1 else "")
        number += 1
    return free


class _Declared:
    """One branch: the declarations of a URI."""

    def __init__(self, tools: OfficialTools, uri: str) -> None:
        self._tools = tools
        self.uri = uri
        self.tools: list[Json] = []
        self.failure = ""

    def steps(self) -> Steps:
        try:
            answer = yield from self._tools.ask(FormulaCall(self.uri))
        except APIError as error:
            if error.status in (401, 403):
                raise
            known = self.uri.removeprefix("moonshot/").removesuffix(":latest") in FORMULAS
            self.failure = self._tools.short(str(error))
            if error.status == 404:
                self.failure = (
                    "this host has no official tools"
                    if known
                    else "Moonshot has no such tool; 'llm kimi tools' lists the models it has"
                )
            return
        except KimiError as error:
            self.failure = self._tools.short(str(error))
            return
        listed = answer.get("tools") if isinstance(answer, dict) else None
        self.tools = declarations.clean(listed)
        if not self.tools:
            self.failure = "the host's declaration of it cannot be used"


class _Fiber:
    """One branch: a call of the model, run."""

    run: ToolRun

    def __init__(self, tools: OfficialTools, call: Json) -> None:
        self._tools = tools
        self._call = call

    def steps(self) -> Steps:
        function = self._call["function"]
        uri, own = self._tools.function(function["name"])
        arguments = function.get("arguments") or "{}"
        what = self._tools.short(f"{own} {arguments}")
        try:
            body = {"name": own, "arguments": arguments}
            answer = yield from self._tools.ask(FormulaCall(uri, body))
            result, sources = _read(answer)
        except (KimiError, ValueError) as error:
            reason = self._tools.short(str(error))
            text = f"{what}: failed ({reason})"
            self.run = ToolRun(text, self._call, _FAILED.format(reason), failure=reason)
            return
        count = f" ({len(sources)} source{'s' * (len(sources) != 1)})" if sources else ""
        self.run = ToolRun(f"{what}{count}", self._call, result, tuple(sources))


def _read(answer: Any) -> tuple[str, list[Json]]:
    """The result of a fiber, and its sources.

    Raises:
        ValueError: there is none; the text says why.
    """
    fiber = answer if isinstance(answer, dict) else {}
    found = fiber.get("context")
    context: Json = found if isinstance(found, dict) else {}
    status = fiber.get("status")
    if status != "succeeded":
        error = context.get("error") or fiber.get("error")
        error = error.get("message") if isinstance(error, dict) else error
        raise ValueError(shown(error) or f"its status is {shown(status) or 'missing'}")
    for name in ("output", "encrypted_output"):
        output = context.get(name)
        if output is None:
            continue
        text = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
        text = text.encode("utf-8", "replace").decode()
        if len(text) > MAX_RESULT:
            raise ValueError("its result is too large")
        if text:
            return text, _sources(context.get("references"))
    raise ValueError("it gave no result")


def _sources(references: Any) -> list[Json]:
    """The web addresses among ``references``: texts, or objects with a ``url`` and a ``title``."""
    found: list[Json] = []
    for each in references[:MAX_SOURCES] if isinstance(references, list) else ():
        url = each.get("url") if isinstance(each, dict) else each
        title = each.get("title") if isinstance(each, dict) else None
        if not isinstance(url, str) or not url.startswith(("https://", "http://")):
            continue
        url = one_line(url)
        if len(url) <= 2_000 and " " not in url:
            source = {"url": url, "title": shown(title) or url}
            if source not in found:
                found.append(source)
    return found
