"""LiteLLM's Router over Kimi: retries, fallbacks of all kinds, cooldowns."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import litellm
import pytest

from llm_kimi.simulator import Simulator
from tests.support.litellm_asking import ask

CONTEXT = "Invalid request: Your request exceeded model token limit: 262144"


@pytest.fixture
def backup() -> Iterator[Simulator]:
    """A second offline Kimi, for fallbacks."""
    with Simulator(seed=1) as running:
        yield running


def router(kimi: Simulator, backup: Simulator, **given: Any) -> litellm.Router:
    """``main`` on one offline Kimi, ``backup`` on the other."""
    given = {"num_retries": 0, "disable_cooldowns": True, "retry_after": 0, **given}
    return litellm.Router(
        model_list=[
            {
                "model_name": name,
                "litellm_params": {
                    "model": "kimi/kimi-k2.6",
                    "api_base": server.base_url,
                    "api_key": "sk-a",
                },
            }
            for name, server in (("main", kimi), ("backup", backup))
        ],
        **given,
    )


def test_a_plain_call(simulator: Simulator, backup: Simulator, way: str) -> None:
    host = router(simulator, backup)
    result = ask(
        way,
        "{{say: hi}}",
        router=host,
        model="main",
        thinking={"type": "disabled"},
        temperature=0.1,
    )
    assert result.text == "hi"
    assert [item["param"] for item in result.adjustments] == ["temperature"]
    assert simulator.requests[0]["body"]["thinking"] == {"type": "disabled"}


def test_retries(simulator: Simulator, backup: Simulator, way: str) -> None:
    simulator.fault(status=500, times=2, retry_after=0)
    host = router(simulator, backup, num_retries=2)
    assert ask(way, "{{say: hi}}", router=host, model="main").text == "hi"
    assert len(simulator.requests) == 3


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("fallbacks", {"status": 429}),
        ("fallbacks", {"status": 500}),
        ("fallbacks", {"status": 401}),
        ("fallbacks", {"status": 429, "type": "exceeded_current_quota_error"}),
        ("fallbacks", {"drop": True}),
        ("context_window_fallbacks", {"status": 400, "message": CONTEXT}),
        ("content_policy_fallbacks", {"status": 400, "type": "content_filter"}),
    ],
)
def test_fallbacks(
    simulator: Simulator, backup: Simulator, way: str, kind: str, fault: dict[str, Any]
) -> None:
    simulator.fault(**fault, times=9, **({} if "drop" in fault else {"retry_after": 0}))
    host = router(simulator, backup, **{kind: [{"main": ["backup"]}]})
    assert ask(way, "{{say: there}}", router=host, model="main").text == "there"
    assert len(backup.requests) == 1
    assert simulator.requests


def test_a_dead_deployment_cools_down(simulator: Simulator, backup: Simulator, way: str) -> None:
    simulator.fault(status=401, times=99)
    host = router(
        simulator,
        backup,
        disable_cooldowns=False,
        cooldown_time=60,
        fallbacks=[{"main": ["backup"]}],
    )
    for _ in range(3):
        assert ask(way, "{{say: there}}", router=host, model="main").text == "there"
    assert len(backup.requests) == 3
    assert len(simulator.requests) == 1


def test_without_a_fallback_the_error_stays_itself(
    simulator: Simulator, backup: Simulator, way: str
) -> None:
    simulator.fault(status=401, times=9)
    with pytest.raises(Exception) as caught:  # noqa: PT011
        ask(way, router=router(simulator, backup), model="main")
    assert isinstance(caught.value, litellm.AuthenticationError), repr(caught.value)
    assert "MOONSHOT" in str(caught.value) or "api_key=" in str(caught.value)
    assert caught.value.status_code == 401


def test_retry_after_is_what_the_router_waits(simulator: Simulator, backup: Simulator) -> None:
    simulator.fault(status=429, retry_after=1)
    host = router(simulator, backup, num_retries=1)
    import time

    start = time.monotonic()
    assert ask("acall", "{{say: hi}}", router=host, model="main").text == "hi"
    assert time.monotonic() - start >= 0.9


def test_many_at_once(simulator: Simulator, backup: Simulator) -> None:
    host = router(simulator, backup)

    async def main() -> list[Any]:
        return await asyncio.gather(
            *(
                host.acompletion(
                    model="main", messages=[{"role": "user", "content": f"{{{{say: n{number}}}}}"}]
                )
                for number in range(30)
            )
        )

    answers = asyncio.run(main())
    assert [answer.choices[0].message.content for answer in answers] == [
        f"n{number}" for number in range(30)
    ]
