"""CPU time per streamed chunk: llm with Kimi, beside llm with its own OpenAI class, in one run."""

from __future__ import annotations

from common import in_fresh_process, offline_kimi

CHUNKS = 5_000
ROUNDS = 3

# The process's CPU time for a long answer less that for a short one, client warm.
_MEASURE = """
import json, time, resource
model.key = "sk-simulator"
def once(words):
    before = time.process_time()
    text = model.prompt("{{{{repeat: %d word}}}}" % words, stream=True).text()
    assert len(text.split()) >= words, text[:200]
    return time.process_time() - before
once(10)
short = min(once(10) for _ in range(3))
rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
long = min(once({chunks}) for _ in range(3))
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - rss
print(json.dumps([(long - short) / {chunks} * 1e6, grown / 1024]))
"""
_KIMI = "from llm_kimi import Kimi\nmodel = Kimi('kimi-k2.6', base_url={url!r})\n"
_CHAT = (
    "from llm.default_plugins.openai_models import Chat\n"
    "model = Chat('kimi-k2.6', api_base={url!r})\n"
)


def main() -> dict[str, float]:
    """Print and return microseconds a chunk and megabytes grown."""
    best = {"kimi": [9e9, 9e9], "chat": [9e9, 9e9]}
    with offline_kimi() as url:
        for _ in range(ROUNDS):
            for name, head in (("kimi", _KIMI), ("chat", _CHAT)):
                result = in_fresh_process(head.format(url=url) + _MEASURE.format(chunks=CHUNKS))
                best[name] = [min(a, b) for a, b in zip(best[name], result, strict=True)]
    kimi, chat = best["kimi"], best["chat"]
    print(f"CPU per streamed chunk ({CHUNKS:,} chunks, min of {ROUNDS} processes)")
    print(f"  llm-kimi            {kimi[0]:6.1f} us   {kimi[1]:5.1f} MB grown")
    print(f"  llm's OpenAI class  {chat[0]:6.1f} us   {chat[1]:5.1f} MB grown")
    print(f"  ratio               {kimi[0] / chat[0]:6.2f}")
    return {"kimi_us": kimi[0], "chat_us": chat[0], "ratio": kimi[0] / chat[0]}


if __name__ == "__main__":
    main()
