"""A prompt of llm up to its request, which is built and not sent."""

from __future__ import annotations

import llm
import pytest

from llm_kimi.integrations.llm.execute import KimiModelError
from llm_kimi.integrations.llm.unsent import unsent_request
from llm_kimi.simulator import Simulator


def test_the_request_is_built_and_not_sent(kimi: Simulator) -> None:
    model = llm.get_model("kimi-k2.6")
    found = unsent_request(lambda: model.prompt("hi", system="be brief", temperature=0.2).text())
    assert found is not None
    assert kimi.requests == []
    body = found.translation.body
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert [item.param for item in found.translation.adjustments] == ["temperature"]
    assert found.target.base_url == kimi.base_url
    assert kimi.key not in repr(found)


def test_what_comes_after_it_is_sent(kimi: Simulator) -> None:
    model = llm.get_model("kimi-k2.6")
    unsent_request(lambda: model.prompt("hi").text())
    assert model.prompt("say: there").text()
    assert len(kimi.requests) == 1


def test_nothing_to_send_is_none(kimi: Simulator) -> None:
    assert unsent_request(lambda: llm.get_model("kimi-k2.6")) is None


def test_what_cannot_be_sent_is_an_error(kimi: Simulator) -> None:
    model = llm.get_model("kimi-k2.6")
    with pytest.raises(KimiModelError, match="strict mode"):
        unsent_request(lambda: model.prompt("hi", temperature=0.2, strict=True).text())
    assert model.prompt("say: there").text()
