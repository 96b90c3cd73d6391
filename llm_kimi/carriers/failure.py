"""A call that failed in the network, in words: the same for every HTTP client."""

from __future__ import annotations

from ..errors import APIConnectionError
from ..exchange import Failed
from ..reply.failures import scrub

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

    ``begun``: the answer had begun. ``longer``: what the caller sets for a longer time. A read
    that times out is not tried again: the model may be at work, and billing.
    """
    cause = error.__cause__ or error
    timeout = "Timeout" in type(error).__name__
    connecting = any(word in type(cause).__name__ for word in ("Connect", "Pool"))
    reason = str(cause).strip()
    for key in keys:
        reason = scrub(reason, key)
    reason = reason or type(cause).__name__
    if timeout and not connecting:
        text = f"no answer from {base_url} in time; for a longer time set {longer}"
    elif begun:
        text = f"the connection to {base_url} broke off in the middle of the answer ({reason})"
    else:
        text = f"no connection to {base_url} ({reason})"
    return Failed(APIConnectionError(text, timeout=timeout), retryable=connecting or not timeout)
