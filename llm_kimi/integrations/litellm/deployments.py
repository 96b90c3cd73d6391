"""What the configuration of a LiteLLM proxy says: which models lead here, and whose a key is.

In: names of models and arguments of calls. Out: whether they concern a deployment of this package.
Outside of a proxy there are no deployments, and nothing concerns one.
"""

from __future__ import annotations

import sys
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

from ...config import settings
from ...errors import InvalidRequestError

__all__ = ["PROXY", "is_astray", "leads_here"]

PROXY = "litellm.proxy.proxy_server"

_FALLBACKS = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")


def _router() -> Any:
    return getattr(sys.modules.get(PROXY), "llm_router", None)


def leads_here(names: Iterable[str], providers: Container[str]) -> bool:
    """Whether one of ``names``, or what the configuration falls back to, is a deployment of
    ``providers``; what cannot be found out may be one."""
    router = _router()
    seen = set(names) or {""}
    waiting = list(seen)
    while waiting:
        name = waiting.pop()
        if _is_ours({"model": name}, providers):
            return True
        if router is None:
            continue
        try:
            if any(_is_ours(params, providers) for params in _params_of(name, router)):
                return True
            further = set(_fallbacks_of(name, router)) - seen
        except Exception:  # of a version that does it otherwise
            return True
        seen |= further
        waiting += further
    return False


def _params_of(name: str, router: Any) -> Iterator[Mapping[str, Any]]:
    """The arguments of the deployments that LiteLLM may choose for ``name``; a deployment can be
    asked for by its id as well, which wins over a pattern such as ``*``."""
    every = _deployments(router)
    for one in every:
        if (one.get("model_info") or {}).get("id") == name:
            yield one.get("litellm_params") or {}
    for one in _deployments(router, name) or every:
        yield one.get("litellm_params") or {}


def _deployments(router: Any, name: str | None = None) -> list[Any]:
    """The deployments that may be chosen for ``name`` (None: all that there are).

    LiteLLM 1.109 has a registry for them, and warns of the older names.
    """
    if callable(getattr(router, "registry", None)):
        registry = router.registry()
        return list((registry.all() if name is None else registry.deployments(name)) or ())
    if name is None:
        return list(router.model_list or ())
    return list(router.get_model_list(model_name=name) or ())


def _fallbacks_of(name: str, router: Any) -> Iterator[str]:
    """What the configuration asks when ``name`` has failed; ``*`` stands for every model."""
    for kind in _FALLBACKS:
        for entry in getattr(router, kind, None) or ():
            for group, targets in entry.items() if isinstance(entry, Mapping) else ():
                if group in (name, "*") or name.endswith(f"/{group}"):
                    for target in targets if isinstance(targets, list) else [targets]:
                        found = target.get("model") if isinstance(target, Mapping) else target
                        if isinstance(found, str):
                            yield found


def _is_ours(params: Mapping[str, Any], providers: Container[str]) -> bool:
    prefix = str(params.get("model")).partition("/")[0]
    return prefix in providers or params.get("custom_llm_provider") in providers


def is_astray(given: Mapping[str, Any], provider: object, providers: Container[str]) -> bool:
    """Whether a call of a proxy takes a key of ours to a place that nobody has configured it for.

    LiteLLM takes the key of a deployment for whatever provider a client names, in the id of a
    response, in a query, or by the place that it asks; most of those ways do not pass by a hook.
    """
    key = given.get("api_key")
    router = _router()
    if router is None or not isinstance(key, str) or not key:
        return False
    base = given.get("api_base") or given.get("base_url")
    if isinstance(base, str) and settings.found_key_may_go_to(base):
        return False
    if provider == "moonshot" and not base:
        return False  # LiteLLM's own provider for the same hosts
    ours = False
    for one in _deployments(router):
        params = one.get("litellm_params") or {}
        if params.get("api_key") == key:
            if _is_ours(params, providers):
                ours = True
            elif params.get("api_base") == base:
                return False  # the operator has said so
    return ours or key == _found_key()


def _found_key() -> str | None:
    try:
        return settings.locate_key()[0]
    except InvalidRequestError:
        return None
