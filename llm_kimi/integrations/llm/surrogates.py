"""Half characters (lone surrogates) that are written as escapes in the arguments of a call.

In: the JSON text of the arguments, in pieces or whole; the reader of the stream has seen to the
characters themselves. Out: the same text, in which a half without its other half is U+FFFD. Read
as JSON, such an escape would be a character that llm can neither show nor log.
"""

from __future__ import annotations

import re

__all__ = ["ArgumentsMender", "mend_arguments"]

_HEX = "[0-9a-fA-F]"
_PAIR = rf"\\u[dD][89abAB]{_HEX}{{2}}\\u[dD][c-fC-F]{_HEX}{{2}}"
# One step through JSON text: a pair of escapes, an escape, or text without any.
# An escape that is none, since no four digits follow, is text like any other.
_STEP = re.compile(
    rf"{_PAIR}|\\u{_HEX}{{4}}|\\u(?={_HEX}{{0,3}}[^0-9a-fA-F])|\\[^u]|[^\\]+", re.DOTALL
)
_HALF = re.compile(rf"\\u[dD][89a-fA-F]{_HEX}{{2}}")
_FIRST_HALF = re.compile(rf"\\u[dD][89abAB]{_HEX}{{2}}")


class ArgumentsMender:
    """The arguments of one call in pieces: ``feed`` each, ``flush`` at the end."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> str:
        """``piece`` mended; an escape that is cut at its end waits for the rest."""
        if not self._held and "\\" not in piece:
            return piece
        text = self._held + piece
        end = _whole(text)
        self._held = text[end:]
        return mend_arguments(text[:end])

    def flush(self) -> str:
        """What still waits."""
        text, self._held = self._held, ""
        return mend_arguments(text)


def _whole(text: str) -> int:
    """How much of ``text`` is not the beginning of an escape or of a pair of them."""
    end, last = 0, None
    while (step := _STEP.match(text, end)) is not None:
        end, last = step.end(), step
    if last is not None and _FIRST_HALF.fullmatch(last[0]):
        end = last.start()
    return end


def mend_arguments(text: str) -> str:
    """The whole arguments of a call, mended."""
    if "\\u" not in text:
        return text
    return _STEP.sub(lambda step: "\\ufffd" if _HALF.fullmatch(step[0]) else step[0], text)
