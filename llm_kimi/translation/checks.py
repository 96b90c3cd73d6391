"""Small checks that the steps of a translation share."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import InvalidRequestError

__all__ = ["is_number", "listed", "require", "well_formed"]


def require(condition: bool, message: str, param: str) -> None:
    """Raise ``InvalidRequestError`` for ``param`` unless ``condition`` holds."""
    if not condition:
        raise InvalidRequestError(message, param=param)


def is_number(value: object) -> bool:
    """A JSON number; ``True`` and ``False`` are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def well_formed(text: str) -> str:
    """``text`` as it can be written in UTF-8: lone surrogates become U+FFFD.

    They come from terminals with bytes that are no UTF-8, and from JavaScript's cut strings.
    """
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def listed(names: Iterable[str]) -> str:
    """Names for a sentence: ``a, b or c``."""
    items = list(names)
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} or {items[-1]}"
