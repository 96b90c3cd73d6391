"""Schemas that take long to rewrite leave the event loop."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import llm
import pytest

from llm_kimi.errors import InvalidRequestError
from llm_kimi.integrations.llm import execute
from llm_kimi.simulator import Simulator
from llm_kimi.translation.mfjs import to_mfjs
from llm_kimi.transport.in_thread import aside
from tests.pure.translation.mfjs.test_limits import SHAPES
from tests.support.schema_checks import PATH


@pytest.mark.parametrize("heavy", [True, False])
def test_heavy_work_is_done_in_a_thread(heavy: bool) -> None:
    def work(value: int, *, more: int) -> tuple[int, threading.Thread]:
        return value + more, threading.current_thread()

    value, thread = asyncio.run(aside(heavy, work, 1, more=2))
    assert value == 3
    assert (thread is threading.main_thread()) is not heavy


def test_errors_come_through() -> None:
    def work() -> None:
        raise InvalidRequestError("no", param="x")

    for heavy in (True, False):
        with pytest.raises(InvalidRequestError):
            asyncio.run(aside(heavy, work))


def test_a_loop_goes_on_while_a_schema_is_rewritten() -> None:
    async def main() -> int:
        turns = 0
        task = asyncio.ensure_future(aside(True, to_mfjs, SHAPES["recursive"](300), PATH))
        while not task.done():
            await asyncio.sleep(0)
            turns += 1
        await task
        return turns

    assert asyncio.run(main()) > 5


@pytest.mark.parametrize("heavy", [True, False])
def test_the_async_models_translate_heavy_schemas_in_a_thread(
    kimi: Simulator, monkeypatch: pytest.MonkeyPatch, heavy: bool
) -> None:
    threads = []
    translate = execute.translate

    def watched(*args: Any, **given: Any) -> Any:
        threads.append(threading.current_thread())
        return translate(*args, **given)

    monkeypatch.setattr(execute, "translate", watched)
    schema = SHAPES["recursive" if heavy else "properties"](100)

    async def main() -> str:
        response = llm.get_async_model("kimi-k2.6").prompt("say: {}", schema=schema)
        return await response.text()

    assert asyncio.run(main())
    assert [thread is threading.main_thread() for thread in threads] == [not heavy]
