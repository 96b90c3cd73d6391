"""``llm kimi serve``: OpenAI's API on this machine, for programs that take only a base URL."""
