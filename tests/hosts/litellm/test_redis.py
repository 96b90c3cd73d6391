"""Two proxies that share limits and routing state through a real Redis on loopback."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llm_kimi.simulator import Simulator
from tests.support.litellm_proxies import running_proxies, write_config
from tests.support.ports import kept_port

SERVER = shutil.which("redis-server")
pytestmark = pytest.mark.skipif(
    SERVER is None, reason="no redis-server on this machine (apt-get install redis-server)"
)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[int]:
    """The port of a redis-server of our own, which keeps nothing on disk."""
    pytest.importorskip("redis")
    from redis import Redis
    from redis.exceptions import ConnectionError as NotYet

    with kept_port() as port:
        command = [str(SERVER), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
        process = subprocess.Popen([*command, "--dir", tmp_path], stdout=subprocess.DEVNULL)
        try:
            client = Redis(port=port)
            for _ in range(600):
                try:
                    client.ping()
                    break
                except NotYet:
                    time.sleep(0.05)
            client.close()
            yield port
        finally:
            process.terminate()
            process.wait(10)


def deployment(server: Simulator, **limits: Any) -> dict[str, Any]:
    return {
        "model_name": "kimi",
        "litellm_params": {
            "model": "kimi/kimi-k2.6",
            "api_base": server.base_url,
            "api_key": "sk-a",
            **limits,
        },
    }


def test_limits_and_cooldowns_are_shared(tmp_path: Path, redis: int) -> None:
    """What one proxy learns, the other knows: calls a minute, and a deployment that is down."""
    with Simulator(keys=["sk-other"]) as dead, Simulator() as alive:
        models = [
            {**deployment(dead), "model_name": "pool"},
            {**deployment(alive), "model_name": "pool"},
            {**deployment(alive, rpm=4), "model_name": "limited"},
        ]
        config = write_config(
            tmp_path,
            models,
            "kimi_handler.handler",
            router_settings={
                "redis_host": "127.0.0.1",
                "redis_port": redis,
                "routing_strategy": "usage-based-routing-v2",
                "num_retries": 2,
                "allowed_fails": 0,
                "cooldown_time": 60,
                "enable_pre_call_checks": True,
            },
        )
        with running_proxies(config, 2) as (one, two):
            # Routing state: the first proxy finds the dead deployment, the second never asks it.
            for _ in range(8):
                assert one.chat("{{say: hi}}", "pool").status_code == 200
            assert dead.requests
            asked = len(dead.requests)
            time.sleep(1.5)  # LiteLLM's local copy of what Redis holds lives this long at most
            for _ in range(8):
                assert two.chat("{{say: hi}}", "pool").status_code == 200
            assert len(dead.requests) == asked

            # Limits: four calls a minute, over both proxies together.
            if time.time() % 60 > 45:
                time.sleep(61 - time.time() % 60)  # the count starts anew each minute
            codes = []
            for number in range(8):
                proxy = (one, two)[number % 2]
                codes.append(proxy.chat("{{say: hi}}", "limited", num_retries=0).status_code)
                time.sleep(0.1)
            assert codes.count(200) == 4, codes
            assert codes.count(429) == 4, codes
