"""The ``llm`` door: llm's prompts in, llm's stream events out."""
