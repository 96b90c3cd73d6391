"""A call that failed in the network, in words: the same for every HTTP client."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from ..config import settings
from ..errors import APIConnectionError, KimiError
from ..exchange import Failed
from ..reply.safe_text import one_line, scrub
from .limits import BadAnswer

__all__ = ["network_failure"]


def network_failure(
    error: BaseException,
    base_url: str,
    *,
    begun: bool,
    keys: tuple[str | None, ...] = (),
    longer: str = "timeout",
) -> Failed:
    """``error`` of httpx, httpx2 or the SDK, without the request, which holds the key.

    ``begun``: the answer had begun. ``longer``: what the caller sets for a longer time, if there
    is anything. A read that times out is not tried again: the model may be at work, and billing.
    """
    cause = error.__cause__ or error
    timeout = "Timeout" in type(error).__name__
    connecting = any(word in type(cause).__name__ for word in ("Connect", "Pool"))
    reason = one_line(str(cause)).strip()
    for key in keys:
        reason = scrub(reason, key)
    reason = reason or type(cause).__name__
    if isinstance(cause, BadAnswer):
        text = f"the answer of {base_url} cannot be used: {reason}"
        return Failed(APIConnectionError(text), retryable=False)
    if timeout and not connecting:
        text = f"timed out: no answer from {base_url}"
        text += f"; raise {longer} to wait longer" if longer else ""
    elif begun:
        text = f"the connection to {base_url} broke off in the middle of the answer ({reason})"
    else:
        text = f"no connection to {base_url} ({reason}){_way_out(base_url)}"
    return Failed(APIConnectionError(text, timeout=timeout), retryable=connecting or not timeout)


def _way_out(base_url: str) -> str:
    """What to do where nobody answers at all: which variable leads there, if one does.

    On one's own machine it is mostly the offline Kimi, which has ended while its variables are
    still set.
    """
    host = urlsplit(base_url).hostname or ""
    here = host == "localhost" or host == "::1" or host.startswith("127.")
    source = _variable_of(base_url)
    if source is None:
        return ". Is a server running there?" if here else ""
    unset = f"unset {' '.join(_set_variables())} to use {settings.DEFAULT_BASE_URL}"
    if not here:
        return f". {source} sets this address: check it, or {unset}"
    return (
        f". {source} sets this address, and nothing answers there: start the server again "
        f"('llm kimi simulate' gets a new port each time, unless --port says which), or {unset}"
    )


def _variable_of(base_url: str) -> str | None:
    """The environment variable that sets ``base_url``."""
    try:
        return settings.base_url_source() if settings.base_url() == base_url else None
    except KimiError:
        return None


def _set_variables() -> list[str]:
    """Every variable for a base URL that is set: without the first, the next one would hold."""
    return [name for name in settings.BASE_URL_VARIABLES if os.environ.get(name, "").strip()]
