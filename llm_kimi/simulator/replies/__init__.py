"""What the offline Kimi answers: texts, calls, values, tokens, prices."""
