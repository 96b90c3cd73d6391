"""Which key a LiteLLM call is sent with, and that it goes where it belongs."""

from __future__ import annotations

from typing import Any

import litellm

from ...config import settings
from ...errors import InvalidRequestError
from .headers import own_authorization

__all__ = ["find_key"]

GIVEN = "api_key= (of the call or its deployment)"


class _NoKey(Exception):
    """There is no key to send; the text says why and what to do."""


def find_key(given: Any, base: str, headers: Any, *, model: str, provider: str) -> tuple[str, str]:
    """The key and where it came from: the call's own, Kimi's, then ``litellm.api_key``.

    ``base`` is where it will be sent: a key that the call did not bring itself goes only to hosts
    that it belongs to.

    Raises:
        litellm.AuthenticationError: there is none, or it must not go there.
        InvalidRequestError: a header of ``headers`` cannot be sent.
    """
    own = own_authorization(headers)
    if own is not None:
        return own, "the Authorization header of the call"
    try:
        if given:
            return _sendable(str(given), GIVEN), GIVEN
        return _found_key(base)
    except _NoKey as problem:
        raise litellm.AuthenticationError(
            message=str(problem), llm_provider=provider, model=model
        ) from None


def _found_key(base: str) -> tuple[str, str]:
    try:
        key, source = settings.locate_key()
    except InvalidRequestError as error:
        raise _NoKey(f"{error}: {_WAYS}") from None
    if not key:
        key, source = litellm.api_key, "litellm.api_key"
    if not key:
        raise _NoKey(f"No key for Kimi: {_WAYS}")
    if not settings.found_key_may_go_to(base):
        raise _NoKey(
            f"api_base names {settings.host_name(base)} and no api_key came with it; {source} is "
            "sent only to the base URL that is set in the environment and to Moonshot's own "
            "hosts. Pass api_key together with api_base (a deployment in config.yaml can take "
            f"os.environ/{settings.KEY_VARIABLES[0]} for it), or set "
            f"{settings.BASE_URL_VARIABLES[0]} instead of api_base"
        )
    return _sendable(str(key), source), source


_WAYS = (
    f"pass api_key=, or set {', '.join(settings.KEY_VARIABLES[:-1])} or "
    f"{settings.KEY_VARIABLES[-1]}"
)


def _sendable(key: str, source: str) -> str:
    """``key`` without blanks around it; what no header takes would turn up in error texts."""
    try:
        return settings.check_key(key.strip())
    except InvalidRequestError:
        raise _NoKey(f"{source} contains spaces or invalid characters: {_WAYS}") from None
