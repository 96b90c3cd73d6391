"""Every benchmark in one run: ``make bench``."""

from __future__ import annotations

import chunks
import connections
import refusals
import startup
import translation

if __name__ == "__main__":
    for benchmark in (refusals, translation, chunks, connections, startup):
        benchmark.main()
        print()
