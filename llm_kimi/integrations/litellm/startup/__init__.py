"""The folder that ``llm kimi with-litellm`` puts first on a program's path."""
