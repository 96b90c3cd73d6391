from llm_kimi.litellm import handler  # noqa: F401
