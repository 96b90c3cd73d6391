"""The OpenAI SDK for Kimi: change the import of an app, and leave the rest.

    from llm_kimi.openai import Kimi as OpenAI, AsyncKimi as AsyncOpenAI

    client = OpenAI()  # the key: MOONSHOT_API_KEY, or llm keys set kimi
    client.chat.completions.create(model="kimi-k3.1-pro", messages=[...])

The clients are the SDK's own, with its types and exceptions; chats are translated to Kimi's rules
on their way. What was changed stands in ``completion.adjustments``. For programs that take an HTTP
client only: ``OpenAI(http_client=KimiHTTPClient(), base_url=..., api_key=...)``.
"""

from __future__ import annotations

from .integrations.openai.client import AsyncKimi, AsyncKimiHTTPClient, Kimi, KimiHTTPClient

__all__ = ["AsyncKimi", "AsyncKimiHTTPClient", "Kimi", "KimiHTTPClient"]
