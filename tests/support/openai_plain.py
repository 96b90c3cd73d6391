"""OpenAI's own client, with nothing of ours, in front of ``llm kimi serve``."""

from __future__ import annotations

import openai

from tests.support.servers import Served


def plain_client(server: Served) -> openai.OpenAI:
    """A client with the server's base URL and key."""
    return openai.OpenAI(base_url=server.base_url, api_key=server.key, max_retries=0)
