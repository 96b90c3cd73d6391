"""``pattern``: regular expressions as ECMA-262 reads them, whoever reads them.

JSON schema takes its regular expressions from ECMA-262, where ``\\d`` and ``\\w`` are ASCII and
``\\s`` includes U+FEFF. Most other engines see that differently, and which one Kimi has is not
known: these escapes are spelled out, so that the pattern means the same in all of them.
"""

from __future__ import annotations

import re

__all__ = ["portable"]

_OUTSIDE = {
    "d": "[0-9]",
    "D": "[^0-9]",
    "w": "[A-Za-z0-9_]",
    "W": "[^A-Za-z0-9_]",
    "s": "[\\s\ufeff]",
    "S": "[^\\s\ufeff]",
}
_INSIDE = {"d": "0-9", "w": "A-Za-z0-9_"}
_TOKEN = re.compile(r"\\.|\[|\]|[^\\\[\]]+", re.DOTALL)


def portable(pattern: str) -> str:
    """``pattern`` with its character classes spelled out."""
    if "\\" not in pattern:
        return pattern
    inside = False
    found = []
    for token in _TOKEN.findall(pattern):
        if token in "[]":
            inside = token == "["
        elif token[0] == "\\":
            token = (_INSIDE if inside else _OUTSIDE).get(token[1], token)
        found.append(token)
    new = "".join(found)
    # A lone backslash at the end is no token; such a pattern is left as it is.
    return new if len(_TOKEN.sub("", pattern)) == 0 else pattern
