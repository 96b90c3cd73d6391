"""The LiteLLM door: LiteLLM's calls in, LiteLLM's responses, streams and exceptions out.

Use it through ``llm_kimi.litellm``. HTTP goes through LiteLLM's own handlers, so that its proxies,
TLS settings, timeouts and ``client=`` hold; every rule about Kimi stands in the rooms below.
"""
