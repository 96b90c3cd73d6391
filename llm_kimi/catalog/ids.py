"""Model ids as relays, clouds and self-hosted servers write them, in the platform's spelling.

In: an id such as ``us.moonshotai.kimi-k3.1`` or ``accounts/fireworks/models/kimi-k2p6``. Out: the
name that the platform would use (``kimi-k3.1``, ``kimi-k2.6``). Whose rules a name gets is decided
in the package's ``rules``; the id itself is sent as it was given.
"""

from __future__ import annotations

import re

__all__ = ["is_named", "platform_name"]

# What is done to an id, in this order: an example, what is looked for, what takes its place.
_STEPS: tuple[tuple[str, re.Pattern[str], str], ...] = tuple(
    (example, re.compile(pattern), replacement)
    for example, pattern, replacement in (
        # Hugging Face, OpenRouter, Fireworks, Cloudflare: everything up to the last slash.
        ("accounts/fireworks/models/kimi-k2p6", r"\A.*/", ""),
        # Bedrock: a region (us, eu, in, global, us-gov), the maker; Runware: the maker.
        ("us.moonshotai.kimi-k3.1", r"\A(?:[a-z-]{2,6}\.)?(?:moonshot(?:ai)?|kimi)[.:]", ""),
        # Runware parts the family from its version.
        ("kimi@k3.1-pro", r"\Akimi@", "kimi-"),
        # Routes, tags, dates: kimi-k3:free, kimi-k2:1t-cloud, kimi-k2.6@20260401, kimi-k3[1m].
        ("kimi-k3:free", r"[:@\[].*\Z", ""),
        ("kimi_k2.6", r"_", "-"),
        # Databricks, AIHubMix, Azure (through Fireworks), Alibaba.
        ("databricks-kimi-k3", r"\A(?:databricks|coding|cc|fw|moonshot(?:ai)?)-(?=kimi-)", ""),
        # Fireworks writes p for the dot of a version, Bedrock's and Azure's users a dash.
        ("kimi-k3p1-pro", r"(?<=-k\d)p(?=\d)", "."),
        ("kimi-k3-1-pro", r"(?<=-k\d)-(?=\d(?:-|\Z))", "."),
    )
)


def platform_name(model_id: str) -> str:
    """``model_id`` as the open platform would spell it, in lower case."""
    name = model_id.lower()
    for _, pattern, replacement in _STEPS:
        name = pattern.sub(replacement, name)
    return name


def is_named(name: str, stem: str) -> bool:
    """Whether ``name`` is ``stem``, or ``stem`` and a suffix (``kimi-k2.6-tee``)."""
    return name == stem or name.startswith(f"{stem}-")
