"""Every benchmark in one run: ``make bench``."""

from __future__ import annotations

from importlib.util import find_spec

import chunks
import connections
import files
import openai_sdk
import refusals
import reply
import startup
import translation

if __name__ == "__main__":
    benchmarks = [refusals, translation, reply, chunks, openai_sdk, connections, files, startup]
    if find_spec("litellm") is not None:
        import litellm_calls

        benchmarks.append(litellm_calls)
    for benchmark in benchmarks:
        benchmark.main()
        print()
