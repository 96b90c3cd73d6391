"""The files of docs/proxy.md, run as they stand."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from proxies import MASTER, running_proxies
from test_litellm_redis import SERVER
from test_litellm_redis import redis as redis

from llm_kimi.simulator import Simulator

EXAMPLES = Path(__file__).parent.parent.parent / "docs" / "examples" / "proxy"


def _copied(folder: Path, name: str) -> Path:
    for path in EXAMPLES.iterdir():
        if path.is_file():
            shutil.copy(path, folder)
    return folder / name


def test_the_config_of_the_docs(tmp_path: Path) -> None:
    with Simulator() as kimi:
        environment = {
            "KIMI_BASE_URL": kimi.base_url,
            "MOONSHOT_API_KEY": kimi.key,
            "LITELLM_MASTER_KEY": MASTER,
        }
        with running_proxies(_copied(tmp_path, "config.yaml"), **environment) as (proxy,):
            named = proxy.chat("hi", thinking={"type": "enabled"})
            assert named.json()["choices"][0]["message"]["content"].endswith("You said: hi")
            assert proxy.chat("hi", "kimi/kimi-k3").status_code == 200
        assert [record["body"]["model"] for record in kimi.requests] == ["kimi-k2.6", "kimi-k3"]


@pytest.mark.skipif(SERVER is None, reason="no redis-server on this machine")
def test_the_shared_config_of_the_docs(tmp_path: Path, redis: int) -> None:
    with Simulator() as kimi:
        environment = {
            "KIMI_BASE_URL": kimi.base_url,
            "MOONSHOT_API_KEY": kimi.key,
            "LITELLM_MASTER_KEY": MASTER,
            "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": str(redis),
        }
        with running_proxies(_copied(tmp_path, "shared.yaml"), 2, **environment) as proxies:
            assert [proxy.chat("hi").status_code for proxy in proxies] == [200, 200]
