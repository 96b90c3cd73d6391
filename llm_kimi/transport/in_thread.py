"""Work that would hold up an event loop, in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

__all__ = ["aside"]

_P = ParamSpec("_P")
_T = TypeVar("_T")


async def aside(heavy: bool, call: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """What ``call`` returns or raises: from a thread if it is ``heavy``, else from here."""
    if heavy:
        return await asyncio.to_thread(call, *args, **kwargs)
    return call(*args, **kwargs)
