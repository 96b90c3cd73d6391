"""What was changed stays with the answer: ``response_json["llm_kimi"]``, and so llm's log."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any

import llm
import pytest

from llm_kimi.integrations.llm.response_record import (
    MOST,
    TEXT,
    VALUE,
    kept_text,
    kept_value,
    record,
)
from llm_kimi.simulator import Simulator
from llm_kimi.translation import Adjustment
from tests.support.llm_runs import ask, bodies, logged, run
from tests.support.llm_runs import closed_clients as closed_clients

KEY = "sk-record-0123456789abcdef"
OPTIONS = ("-o", "temperature", "0.2", "-o", "max_tokens", "100")


def kept(row: dict[str, Any]) -> dict[str, Any]:
    """The record of a row of ``llm logs --json``."""
    payload = row["response_json"]
    if isinstance(payload, str):
        payload = json.loads(payload)
    found: dict[str, Any] = payload["llm_kimi"]
    return found


@pytest.mark.parametrize("extra", [(), ("--async",), ("--no-stream",), ("--async", "--no-stream")])
def test_the_log_has_what_was_changed_and_what_was_sent(
    kimi: Simulator, extra: tuple[str, ...]
) -> None:
    ask("hi", *OPTIONS, *extra)
    (row,) = logged()
    assert dict(row["options_json"])["temperature"] == 0.2  # llm's own log: as given
    found = kept(row)
    temperature, limit = found["adjustments"]
    assert temperature == {
        "param": "temperature",
        "given": 0.2,
        "sent": 1.0,
        "reason": "kimi-k2.6 fixes it while thinking",
        "source": temperature["source"],
        "changes_meaning": True,
    }
    assert (limit["param"], limit["changes_meaning"]) == ("max_tokens", False)
    sent = bodies(kimi)[-1]
    assert found["sent"] == {
        "model": "kimi-k2.6",
        "max_completion_tokens": 100,
        "prompt_cache_key": sent["prompt_cache_key"],
    }


def test_nothing_changed_is_said_as_well(kimi: Simulator) -> None:
    ask("hi")
    found = kept(logged()[0])
    assert found["adjustments"] == []
    assert found["sent"]["model"] == "kimi-k2.6"


def test_in_python_sync_and_async(kimi: Simulator) -> None:
    response = llm.get_model("kimi-k2.6").prompt("hi", temperature=0.2)
    response.text()
    assert response.response_json is not None
    params = [item["param"] for item in response.response_json["llm_kimi"]["adjustments"]]
    assert params == ["temperature"]
    assert response.response_json["choices"]  # the answer itself is there as before

    async def main() -> dict[str, Any]:
        response = llm.get_async_model("kimi-k2.6").prompt("hi", temperature=0.2)
        await response.text()
        assert response.response_json is not None
        return response.response_json

    assert asyncio.run(main())["llm_kimi"] == {
        **response.response_json["llm_kimi"],
        "sent": asyncio.run(main())["llm_kimi"]["sent"],
    }


def test_every_round_of_a_chain_has_its_own(kimi: Simulator) -> None:
    def look_up() -> str:
        "Look something up"
        return "found"

    chain = llm.get_model("kimi-k2.6").chain(
        "call: look_up", tools=[look_up], options={"tool_choice": "required", "temperature": 0.2}
    )
    chain.text()
    first, second = [each.response_json["llm_kimi"] for each in chain._responses]
    assert "tool_choice" in [item["param"] for item in first["adjustments"]]
    assert [item["param"] for item in second["adjustments"]] == ["temperature"]


def test_turns_of_a_conversation_do_not_mix(kimi: Simulator) -> None:
    ask("one", "-o", "temperature", "0.2")
    ask("two", "-c")
    one, two = map(kept, logged())
    assert (len(one["adjustments"]), two["adjustments"]) == (1, [])


def test_a_reply_that_was_not_forced_is_among_the_notices(kimi: Simulator) -> None:
    def look_up() -> str:
        "Look something up"
        return "found"

    model = llm.get_model("kimi-k2.6")
    response = model.prompt("hi\nno-call", tools=[look_up], tool_choice="required")
    response.text()
    assert response.response_json is not None
    (notice,) = response.response_json["llm_kimi"]["notices"]
    assert "was asked twice to call a tool" in notice


def test_a_wait_is_not_a_change(kimi: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llm_kimi.exchange.retry.retry_delay", lambda *args: 0.0)
    monkeypatch.setattr("llm_kimi.exchange.retry.waiting_text", lambda *args: "waiting")
    result = ask("say: a\nfault: 429 engine_overloaded_error times=1")
    assert "kimi: waiting" in result.stderr
    assert "notices" not in kept(logged()[0])


def test_logs_can_be_shown_whatever_was_given(kimi: Simulator) -> None:
    """llm keeps its own markers in the log, which are objects with a key "$"."""
    schema = json.dumps({"type": "object", "properties": {"a": {"default": {"$": "1"}}}})
    ask("hi", "--schema", schema, "-o", "seed", "7")
    assert "seed" in [item["param"] for item in kept(logged()[0])["adjustments"]]
    assert run("logs").exit_code == 0


# -- what may be kept --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0.2,
        7,
        "text",
        "日本 🙂",
        ["a", 1],
        {"type": "function", "function": {"name": "f"}},
        {"$": {"a": None}},
    ],
)
def test_small_values_are_kept_as_they_are(value: Any) -> None:
    assert kept_value(value) == value


@pytest.mark.parametrize(
    "value",
    [
        "x" * 10_000,
        "word " * 10_000,
        ["x"] * 10_000,
        [1] * 10_000,
        {str(number): number for number in range(10_000)},
        [["a" * 90] * 90] * 90,
        {"a" * 10_000: 1},
    ],
)
def test_large_ones_are_shortened_and_show_it(value: Any) -> None:
    found = kept_value(value)
    assert len(found if isinstance(found, str) else json.dumps(found)) <= VALUE + 20
    assert "…" in json.dumps(found, ensure_ascii=False)


def test_every_value_becomes_json() -> None:
    loop: list[Any] = []
    loop.append(loop)
    deep: Any = "x"
    for _ in range(5_000):
        deep = [deep]
    odd = [math.nan, -math.inf, 10**5_000, b"bytes", object(), {1, 2}, {1: 2, None: 3}, (1, 2)]
    for value in (*odd, odd, loop, deep, {"a": loop}):
        text = json.dumps(kept_value(value), allow_nan=False)
        assert len(text) < VALUE * 2


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "x" * (TEXT - 1) + "\ud83d\ude00" * 9])
def test_half_characters_stay_out(text: str) -> None:
    for kept_ in (kept_text(text), kept_value(text), kept_value({text: [text]})):
        json.dumps(kept_, ensure_ascii=False).encode()


PAYLOAD = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo" * 40


@pytest.mark.parametrize(
    "text",
    [
        PAYLOAD,
        f"data:image/png;base64,{PAYLOAD}",
        "data:image/png;base64,QUJDREVGR0hJSkxNTg==",
        f"see data:application/pdf;name=a.pdf;base64,{PAYLOAD} there",
        "\n".join(PAYLOAD[start : start + 76] for start in range(0, len(PAYLOAD), 76)),
        PAYLOAD.replace("R", "_").replace("J", "-"),
    ],
)
def test_files_stay_out(text: str) -> None:
    for found in (kept_text(text), kept_value(text), kept_value([{"url": text}])):
        assert "QUJDREV" not in json.dumps(found)
        assert "…" in json.dumps(found, ensure_ascii=False)


@pytest.mark.parametrize("key", [KEY, "an-odd-key-without-a-prefix"])
def test_keys_stay_out_wherever_they_stand(key: str) -> None:
    adjustment = Adjustment(
        param=f"metadata.{key}",
        given={key: [f"Bearer {key}"], "long": "x" * (TEXT - 8) + key},
        sent="x" * (VALUE - 8) + key,
        reason="y" * (TEXT - 8) + key,
        source=key,
    )
    found = record([adjustment], {"prompt_cache_key": key, "model": "m"}, [f"sent {key}"], key=key)
    text = json.dumps(found)
    assert key not in text
    assert key[:10] not in text


def test_there_are_never_too_many() -> None:
    many = [Adjustment(f"tools[{number}]", 1, 2, "r", "s") for number in range(300)]
    found = record(many, {"model": "m"}, [str(number) for number in range(300)])
    assert (len(found["adjustments"]), found["adjustments_left_out"]) == (MOST, 300 - MOST)
    assert len(found["notices"]) == MOST


def test_messages_and_tools_are_not_repeated() -> None:
    body = {"model": "m", "messages": [1], "tools": [2], "stream": True, "thinking": {"type": "x"}}
    assert record([], body)["sent"] == {"model": "m", "thinking": {"type": "x"}}
