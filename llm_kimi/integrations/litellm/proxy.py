"""What the package adds to a LiteLLM proxy: it judges clients and tells them what was changed.

LiteLLM's documented hooks for a proxy (https://docs.litellm.ai/docs/proxy/call_hooks) see a
request before a deployment is chosen, so nothing of a refused one gets into the router. Outside of
a proxy none of this is installed.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping
from typing import Any, NoReturn
from weakref import WeakKeyDictionary

import litellm
from litellm.integrations.custom_logger import CustomLogger

from ...translation.adjustments import adjustments_header
from .deployments import PROXY, leads_here
from .proxy_clients import client_body, environment_reference, forbidden_field, models_of

__all__ = ["ADJUSTMENTS_HEADER", "install", "refuse_forbidden", "remember_adjustments"]

ADJUSTMENTS_HEADER = "x-kimi-adjustments"

Json = dict[str, Any]

# By LiteLLM's logging object, the one thing that the handler and the hooks both get of a call.
_adjustments: WeakKeyDictionary[Any, list[Json]] = WeakKeyDictionary()


def refuse_forbidden(body: Mapping[str, Any] | None, *, model: str, provider: str) -> None:
    """Refuse a client's body that names what is the operator's to name; None is no client's.

    Raises:
        litellm.BadRequestError: it does; ``param`` is the path.
    """
    path = None if body is None else forbidden_field(body)
    if path is not None:
        what = "choose the host, the key, TLS or the provider of a Kimi call"
        _refuse(path, what, model, provider)


def _refuse(path: str, what: str, model: str, provider: str) -> NoReturn:
    error = litellm.BadRequestError(
        message=(
            f"{path}: a client of this proxy cannot {what}; leave it out, or have it set in the "
            "proxy's config.yaml"
        ),
        model=model,
        llm_provider=provider,
    )
    error.param = path
    raise error


def remember_adjustments(logging_obj: Any, adjustments: list[Json]) -> None:
    """Keep what was changed in a call until its answer's headers are written."""
    if logging_obj is not None and adjustments:
        _adjustments[logging_obj] = adjustments


class _Hooks(CustomLogger):
    """The hooks for the providers of this package, which ``register`` has named."""

    def __init__(self) -> None:
        super().__init__()
        self.providers: set[str] = set()

    async def async_pre_call_hook(
        self, user_api_key_dict: Any, cache: Any, data: Json, call_type: str
    ) -> None:
        """Refuse what a client must not decide, where the request may come to this package."""
        body = client_body(data.get("proxy_server_request"), data)
        if body is None:
            return
        model, provider = str(data.get("model")), next(iter(self.providers), "")
        if (path := environment_reference(body)) is not None:
            # Whatever the model: it may be the key of ours that another provider is sent.
            _refuse(path, "name the server's environment variables", model, provider)
        if forbidden_field(body) is not None and self._may_be_ours(body, data):
            refuse_forbidden(body, model=model, provider=provider)

    async def async_post_call_response_headers_hook(
        self,
        data: Json,
        user_api_key_dict: Any,
        response: Any,
        request_headers: dict[str, str] | None = None,
        litellm_call_info: Json | None = None,
    ) -> dict[str, str] | None:
        """What was changed in the request, for clients that see headers only."""
        logging_obj = data.get("litellm_logging_obj")
        adjustments = None if logging_obj is None else _adjustments.get(logging_obj)
        return {ADJUSTMENTS_HEADER: adjustments_header(adjustments)} if adjustments else None

    def _may_be_ours(self, body: Mapping[str, Any], data: Json) -> bool:
        """Whether a model of ``body``, or of the path of the request, leads here."""
        named = data.get("model")
        names = models_of(body) | ({named} if isinstance(named, str) else set())
        return leads_here(names, self.providers)


_hooks = _Hooks()


def install(provider: str) -> None:
    """Have the hooks called for ``provider`` in every request to a proxy of this process.

    A proxy sets its callbacks after it has read where this package is named, and may set them
    anew: so they are looked after where each call begins, by a name that LiteLLM looks up there
    in every version from 1.83.
    """
    _hooks.providers.add(provider)
    _add_hooks()
    original = litellm.utils.custom_llm_setup
    if getattr(original, "_llm_kimi", False):
        return

    @functools.wraps(original)
    def custom_llm_setup() -> None:
        original()
        _add_hooks()

    custom_llm_setup._llm_kimi = True  # type: ignore[attr-defined]
    litellm.utils.custom_llm_setup = custom_llm_setup


def _add_hooks() -> None:
    if PROXY in sys.modules and _hooks not in litellm.callbacks:
        litellm.callbacks.append(_hooks)
