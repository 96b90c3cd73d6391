"""Chunks to the whole message; usage in OpenAI's form."""

from __future__ import annotations

from typing import Any

import pytest

from llm_kimi.reply import Collector, add_usage, normal_usage
from tests.support.replies import call_chunk, chunk, read, said, stream

Json = dict[str, Any]


def test_the_whole_can_be_had_at_any_time_and_again() -> None:
    collector = Collector()
    assert collector.completion() == {"object": "chat.completion", "choices": []}
    collector.feed(chunk({"content": "a"}))
    assert collector.completion()["choices"][0]["message"]["content"] == "a"
    assert collector.completion()["choices"][0]["finish_reason"] is None
    collector.feed(chunk({"content": "b"}, finish="stop"))
    assert collector.completion() == collector.completion()
    assert collector.completion()["choices"][0]["message"]["content"] == "ab"


def test_content_is_null_beside_calls_and_text_otherwise() -> None:
    def content(*chunks: Json) -> Any:
        return read(stream(*chunks))["choices"][0]["message"]["content"]

    call = call_chunk(index=0, id="a", name="f", arguments="{}")
    assert content(call, chunk(finish="tool_calls")) is None
    assert content(chunk({"content": "so"}), call, chunk(finish="tool_calls")) == "so"
    assert content(chunk(finish="length")) == ""


def test_what_is_collected_is_not_the_chunk_itself() -> None:
    collector = Collector()
    fragment = {
        "index": 0,
        "id": "a",
        "type": "function",
        "function": {"name": "f", "arguments": ""},
    }
    first = chunk({"tool_calls": [fragment]})
    collector.feed(first)
    fragment["function"]["name"] = "changed"  # type: ignore[index]
    first["model"] = "changed"
    done = collector.completion()
    done["choices"][0]["message"]["tool_calls"][0]["function"]["name"] = "changed"
    again = collector.completion()
    assert again["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "f"
    assert again["model"] == "kimi-k2.6"


def test_logprobs_are_joined_and_rubbish_in_their_place_is_none() -> None:
    one, two = (
        {"token": token, "logprob": -0.5, "bytes": None, "top_logprobs": []} for token in "ab"
    )
    body = stream(
        chunk({"content": "a"}, logprobs={"content": [one]}),
        chunk({"content": "b"}, logprobs={"content": [two]}),
        chunk(finish="stop", logprobs=None),
    )
    assert read(body)["choices"][0]["logprobs"] == {"content": [one, two]}
    body = stream(chunk({"content": "a"}, logprobs=[1]), *said("b"))
    assert "logprobs" not in read(body)["choices"][0]


def test_a_legacy_call_of_the_server_itself_is_a_tool_call() -> None:
    body = stream(
        chunk({"function_call": {"name": "f", "arguments": "{"}}),
        chunk({"function_call": {"arguments": "}"}}),
        chunk(finish="function_call"),
    )
    choice = read(body)["choices"][0]
    (call,) = choice["message"]["tool_calls"]
    assert call["function"] == {"name": "f", "arguments": "{}"}
    assert choice["message"]["content"] is None
    assert choice["finish_reason"] == "tool_calls"


BASE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


@pytest.mark.parametrize(
    ("given", "cached"),
    [
        ({**BASE}, None),
        ({**BASE, "cached_tokens": 4}, 4),
        ({**BASE, "cached_tokens": 0}, 0),
        ({**BASE, "prompt_tokens_details": {"cached_tokens": 4}}, 4),
        ({**BASE, "prompt_tokens_details": None, "cached_tokens": 4}, 4),
        ({**BASE, "prompt_tokens_details": {"cached_tokens": 4}, "cached_tokens": 4}, 4),
        ({**BASE, "prompt_tokens_details": {"audio_tokens": 1}}, None),
        ({**BASE, "prompt_tokens_details": "x"}, None),
    ],
)
def test_cached_tokens_of_either_spelling_are_told_once(given: Json, cached: int | None) -> None:
    usage = normal_usage(given)
    assert {key: usage[key] for key in BASE} == BASE
    assert usage.get("cached_tokens") == cached
    if cached is not None:
        assert usage["prompt_tokens_details"]["cached_tokens"] == cached
    assert normal_usage(usage) == usage


@pytest.mark.parametrize(
    ("given", "cached", "written"),
    [
        # Kimi's own, also without cached_tokens: https://github.com/infinigence/octollm/pull/113
        ({"prompt_tokens_details": {"cache_write_tokens": 7}}, None, 7),
        ({"cached_tokens": 2, "prompt_tokens_details": {"cache_write_tokens": 7}}, 2, 7),
        ({"prompt_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 0}}, 2, 0),
        # Through relays: the names of Anthropic, DeepSeek, LiteLLM and the Responses API.
        ({"cache_creation_input_tokens": 7, "cache_read_input_tokens": 2}, 2, 7),
        ({"prompt_tokens_details": {"cache_creation_tokens": 7}}, None, 7),
        ({"cache_write_tokens": 7}, None, 7),
        ({"prompt_cache_hit_tokens": 2}, 2, None),
        ({"input_tokens_details": {"cached_tokens": 2}}, 2, None),
        (
            {"cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4}},
            None,
            7,
        ),
    ],
    ids=str,
)
def test_what_was_written_to_the_cache_is_where_openai_has_it(
    given: Json, cached: int | None, written: int | None
) -> None:
    usage = normal_usage({**BASE, **given})
    details = usage["prompt_tokens_details"]
    assert {key: usage[key] for key in BASE} == BASE
    assert (details.get("cached_tokens"), details.get("cache_write_tokens")) == (cached, written)
    assert normal_usage(usage) == usage
    total = add_usage([usage, usage])
    assert total is not None
    if written:
        assert total["prompt_tokens_details"]["cache_write_tokens"] == 2 * written


def test_usage_with_holes() -> None:
    assert normal_usage({}) == {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    assert normal_usage({"prompt_tokens": 3, "completion_tokens": None})["total_tokens"] == 3
    assert normal_usage({**BASE, "prompt_tokens": float("nan")})["prompt_tokens"] == 0
    assert normal_usage({**BASE, "prompt_tokens": float("inf")})["prompt_tokens"] == 0
    assert normal_usage({**BASE, "prompt_tokens": "7"})["prompt_tokens"] == 7
    for value in (-1, True, "x", [7], {"a": 7}, 10**400, "9" * 5000):
        assert normal_usage({**BASE, "prompt_tokens": value})["prompt_tokens"] == 0
    details = {"reasoning_tokens": 3}
    usage = normal_usage({**BASE, "completion_tokens_details": details})
    assert usage["completion_tokens_details"] == details
    assert usage["completion_tokens_details"] is not details


def test_the_sum_of_usages() -> None:
    one = normal_usage({**BASE, "cached_tokens": 4})
    two = normal_usage(BASE)
    assert add_usage([]) is None
    assert add_usage([None, None]) is None
    assert add_usage([one, None]) == one
    assert add_usage([one, two]) == {
        "prompt_tokens": 20,
        "completion_tokens": 10,
        "total_tokens": 30,
        "cached_tokens": 4,
        "prompt_tokens_details": {"cached_tokens": 4},
    }
    assert one["prompt_tokens"] == 10
    odd = {"completion_tokens_details": {"a": {"b": 1}}}
    assert add_usage([odd, {"completion_tokens_details": {"a": 1}}]) == odd
