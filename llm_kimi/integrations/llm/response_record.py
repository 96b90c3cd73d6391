"""What was changed, kept beside the answer: ``response.response_json["llm_kimi"]``.

llm writes ``response_json`` to its log, so ``llm logs --json`` has it for good. What is kept is
therefore JSON, small, and without keys, files or half characters: see ``kept_value``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from ...reply.api_errors import scrub
from ...translation import Adjustment
from ...translation.adjustments import shorten

__all__ = ["RECORD", "kept_text", "kept_value", "record"]

Json = dict[str, Any]

RECORD = "llm_kimi"
"""The key in ``response_json``; the API has no field of that name."""

MOST = 50
"""Adjustments, and notices, that are kept of one answer."""

VALUE, TEXT = 200, 400
"""Characters of a value (as JSON), and of a reason."""

_DEPTH = 6
_BREADTH = 100
"""Items of a list or object; as many take more than ``VALUE`` characters, so a cut shows."""

_NOT_OPTIONS = frozenset({"messages", "tools", "stream", "stream_options"})

_DATA_URL = re.compile(r"(data:[\w.+/-]{0,80}(?:;[\w=.-]{1,40}){0,4};base64,)[^\s\"']*")
# In lines of 76 characters, too. A SHA-256 in hex has 64.
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/_-]{70,}={0,2}\s*)+")


def record(
    adjustments: Sequence[Adjustment],
    body: Mapping[str, Any],
    notices: Sequence[str] = (),
    *,
    key: str | None = None,
) -> Json:
    """``adjustments`` (in the form of ``Adjustment.to_dict``), ``sent`` and ``notices``.

    ``sent`` has the model and the options as they went out in ``body``, which llm's own log does
    not: it has the options as they were given. ``key`` is kept out, wherever it stands.
    """
    kept: Json = {
        "adjustments": [_adjustment(each, key) for each in adjustments[:MOST]],
        "sent": {
            name: kept_value(value, key) for name, value in body.items() if name not in _NOT_OPTIONS
        },
    }
    if len(adjustments) > MOST:
        kept["adjustments_left_out"] = len(adjustments) - MOST
    if notices:
        kept["notices"] = [kept_text(text, key) for text in dict.fromkeys(notices)][:MOST]
    return kept


def _adjustment(adjustment: Adjustment, key: str | None) -> Json:
    return {
        "param": kept_text(adjustment.param, key),
        "given": kept_value(adjustment.given, key),
        "sent": kept_value(adjustment.sent, key),
        "reason": kept_text(adjustment.reason, key),
        "source": kept_text(adjustment.source, key),
        "changes_meaning": adjustment.changes_meaning,
    }


def kept_text(text: str, key: str | None = None, limit: int = TEXT) -> str:
    """``text`` as it may be kept, cut to ``limit`` characters."""
    # Keys go first, so that none is cut in two; the other patterns need not read megabytes.
    text = scrub(text, key)[: 10 * limit].encode("utf-8", "replace").decode()
    text = _BASE64.sub("…", _DATA_URL.sub(r"\1…", text))
    return text if len(text) <= limit else text[: limit - 1] + "…"


def kept_value(value: Any, key: str | None = None) -> Any:
    """``value`` as it may be kept: as it is where it is small, else shortened to text."""
    plain = _plain(value, key, _DEPTH)
    if not isinstance(plain, (dict, list)):
        return plain
    text = shorten(plain, VALUE)
    return text if len(text) >= VALUE else plain


def _plain(value: Any, key: str | None, depth: int) -> Any:
    """``value`` as JSON without keys and files, and never more of it than is looked at."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return kept_text(value, key, VALUE)
    if isinstance(value, int):
        return value if abs(value) < 2**63 else "a very large number"
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if depth and isinstance(value, Mapping):
        return _object(value, key, depth)
    if depth and isinstance(value, (list, tuple)):
        return [_plain(item, key, depth - 1) for item in islice(value, _BREADTH)]
    return "…" if isinstance(value, (Mapping, list, tuple)) else f"<{type(value).__name__}>"


def _object(value: Mapping[Any, Any], key: str | None, depth: int) -> Json:
    return {
        kept_text(str(name), key, VALUE): _plain(item, key, depth - 1)
        for name, item in islice(value.items(), _BREADTH)
    }
