"""Half characters in what the model says: joined or replaced, however the pieces are cut."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_kimi import translate
from llm_kimi.exchange import Chunks, Exchange
from llm_kimi.integrations.llm.stream_events import Turn
from llm_kimi.integrations.llm.surrogates import ArgumentsMender, mend_arguments
from llm_kimi.sniff.text import is_well_formed
from llm_kimi.translation.checks import well_formed
from tests.support.replies import Script, chunk, stream, usage_chunk

USER = {"role": "user", "content": "hi"}


def fed(mender: Any, *pieces: str) -> str:
    return "".join([*map(mender.feed, pieces), mender.flush()])


@pytest.mark.parametrize(
    ("arguments", "mended"),
    [
        (r'{"x": "a\ud83d"}', r'{"x": "a\ufffd"}'),
        (r'{"x": "\ud83d\ude00"}', r'{"x": "\ud83d\ude00"}'),
        (r'{"x": "\ude00\ud83d"}', r'{"x": "\ufffd\ufffd"}'),
        (r'{"x": "\\ud83d"}', r'{"x": "\\ud83d"}'),  # a backslash, and letters
        (r'{"x": "\\\ud83d"}', r'{"x": "\\\ufffd"}'),
        (r'{"x": "\u12', r'{"x": "\u12'),  # cut off
        (r'{"x": "\uZZZZ \ud83d"}', r'{"x": "\uZZZZ \ufffd"}'),
    ],
)
def test_arguments_cut_anywhere(arguments: str, mended: str) -> None:
    assert mend_arguments(arguments) == mended
    assert fed(ArgumentsMender(), *arguments) == mended
    for cut in range(len(arguments)):
        assert fed(ArgumentsMender(), arguments[:cut], arguments[cut:]) == mended


_TEXT = st.text(st.characters(codec=None), max_size=8) | st.sampled_from(["\ud83d", "\ude00", "\\"])


@given(st.lists(_TEXT, max_size=6), st.data())
def test_any_json_stays_json_of_the_same_meaning(texts: list[str], data: Any) -> None:
    raw = json.dumps(texts)
    cut = data.draw(st.integers(0, len(raw)))
    mended = fed(ArgumentsMender(), raw[:cut], raw[cut:])
    assert is_well_formed(mended)
    assert json.loads(mended) == [well_formed(text) for text in texts]


def test_a_turn_hands_no_halves_to_llm() -> None:
    got: list[Any] = []
    response = SimpleNamespace(
        add_tool_call=got.append,
        set_usage=lambda **given: None,
        set_resolved_model=lambda name: None,
        response_json=None,
    )
    prompt = SimpleNamespace(hide_reasoning=True, tool_results=[])
    turn = Turn(response, "kimi-k2.6", prompt, shown=False)
    exchange = Exchange(translate({"model": "kimi-k2.6", "messages": [USER], "stream": True}))
    pieces = ('{"x": "a\\ud83d', 'b"}')
    begin = {"index": 0, "id": "c:0", "type": "function"}
    chunks = [
        chunk({"reasoning_content": "hm"}),
        chunk({"tool_calls": [{**begin, "function": {"name": "f", "arguments": pieces[0]}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": pieces[1]}}]}),
        chunk(finish="tool_calls"),
        usage_chunk(prompt_tokens=1, completion_tokens=1, total_tokens=2),
    ]
    events = []
    steps = Script(exchange, stream(*chunks))
    steps.run()
    events += turn.consume(Chunks(steps.chunks))
    events += turn.finish(exchange)

    arguments = "".join(event.chunk for event in events if event.type == "tool_call_args")
    assert json.loads(arguments) == {"x": "a\ufffdb"}
    assert got[0].arguments == {"x": "a\ufffdb"}
    json.dumps(response.response_json, ensure_ascii=False).encode()
