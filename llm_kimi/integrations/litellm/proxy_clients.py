"""What a client of a LiteLLM proxy must not decide: host, key, TLS and provider of a call.

A proxy hands the fields of a client's body on as arguments of its own call, on top of those of
``config.yaml``. LiteLLM refuses some of them, more from version to version; here it is refused
whatever would change where a prompt goes, with which key, how well that is checked, or by whom it
is answered. Pure: the body of a client in, the first such field out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .headers import is_sensitive

__all__ = ["client_body", "environment_reference", "forbidden_field", "models_of"]

Json = Mapping[str, Any]

_NAMES = frozenset(
    {
        # the provider
        "azure",
        "configurable_clientside_auth_params",
        "custom_llm_provider",
        "deployment_id",
        "model_list",
        "provider_specific_header",
        "use_litellm_proxy",
        "user_config",
        # TLS and the HTTP client
        "cert",
        "client",
        "http_client",
        "shared_session",
        "verify",
    }
)
# Hosts and keys under the names of all makers: another provider's may be what a fallback uses.
_KINDS = re.compile(
    r"(?:.*_)?(?:api_?base|base_?url|host|hostname|endpoint|endpoint_url|proxy|proxies"
    r"|api_?key|(?:access|private|public|secret)_key|access_key_id|secret|secret_access_key"
    r"|(?:ad|access|auth|bearer|session)_token|ad_token_provider|password|credentials?"
    r"|credential_name)"
    r"|(?:ssl|tls)(?:_.*)?",
    re.IGNORECASE,
)
_HEADERS = frozenset({"headers", "extra_headers"})
# What holds arguments of further calls, or whole deployments, at any depth.
_FALLBACKS = frozenset({"fallbacks", "context_window_fallbacks", "content_policy_fallbacks"})
_NESTED = _FALLBACKS | {
    "default_litellm_params",
    "extra_body",
    "litellm_params",
    "model_list",
    "optional_params",
    "router_settings_override",
    "user_config",
}
_DEEPEST = 12


def client_body(request: Any, data: Json | None = None) -> Json | None:
    """The body that a client sent, of LiteLLM's ``proxy_server_request``; None: no client's.

    From 1.100 LiteLLM takes what may be secret out of that copy, and from 1.108 leaves the names.
    ``data``, the arguments that it makes of the body, has them still, beside its own additions.
    """
    if not isinstance(request, Mapping):
        return None
    body = request.get("body")
    body = dict(body) if isinstance(body, Mapping) else {}
    named = request.get("credential_fields")
    for name in named if isinstance(named, (list, tuple)) else ():
        if name not in _HEADERS:
            body.setdefault(str(name), "(secret)")
    if data is not None:
        forwarded = request.get("headers")
        if data.get("api_key") is not None:
            body.setdefault("api_key", "(secret)")
        if data.get("headers") is not None:
            body["headers"] = _not_forwarded(data["headers"], forwarded)
        if named is None and _names_headers(data.get("provider_specific_header"), forwarded):
            body.setdefault("provider_specific_header", "(secret)")
    return body


def _names_headers(given: Any, of_request: Any) -> bool:
    """Whether a ``provider_specific_header`` has headers that are not of the client's request, of
    which the proxy makes one itself (Anthropic's)."""
    items = given if isinstance(given, list) else [given]
    return any(
        _not_forwarded(item.get("extra_headers") or {}, of_request)
        for item in items
        if isinstance(item, Mapping)
    )


def _not_forwarded(headers: Any, of_request: Any) -> Any:
    """Headers without those of the client's HTTP request, which a proxy's settings hand on."""
    if not isinstance(headers, Mapping) or not isinstance(of_request, Mapping):
        return headers
    forwarded = {(str(name).lower(), value) for name, value in of_request.items()}
    return {
        name: value
        for name, value in headers.items()
        if (str(name).lower(), value) not in forwarded
    }


def forbidden_field(body: Json) -> str | None:
    """The path of the first field of a client's body that is not a client's to set."""
    for path, found in _arguments(body, "", _DEEPEST):
        if found is None:
            return path  # nobody nests fallbacks so deeply for any good
        if isinstance(found, Mapping):
            for name, value in found.items():
                where = f"{path}.{name}" if path else str(name)
                if value is None:
                    continue
                if name in _NAMES or _KINDS.fullmatch(str(name)):
                    return where
                if name in _HEADERS and (wrong := _forbidden_header(value)) is not None:
                    return f"{where}{wrong}"
    return None


# LiteLLM reads such a text as the value of a variable, in user_config, in credentials, for loggers.
_REFERENCE = re.compile(r"os\.environ/|^\s*oidc/")
_WORDS = frozenset(
    {
        *("messages", "input", "prompt", "contents", "system", "instructions", "tools"),
        *("functions", "response_format", "prediction", "query", "documents", "text"),
    }
)
"""What is for the model to read and means nothing to LiteLLM."""


def environment_reference(body: Json) -> str | None:
    """The path of the first field of a client's body that names a variable of the server."""
    waiting: list[tuple[str, Any]] = [
        (str(name), value) for name, value in body.items() if name not in _WORDS
    ]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str):
            if _REFERENCE.search(value):
                return path
        elif isinstance(value, Mapping):
            waiting += [(f"{path}.{name}", item) for name, item in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{path}[{number}]", item) for number, item in enumerate(value)]
    return None


def models_of(body: Json) -> set[str]:
    """Every model that a client's body names, also those of fallbacks and configurations."""
    names: set[str] = set()
    for _, found in _arguments(body, "", _DEEPEST):
        name = found.get("model") if isinstance(found, Mapping) else found
        if isinstance(name, str):
            names.update(part.strip() for part in name.split(","))
    return names


def _arguments(value: Any, path: str, depth: int) -> Iterator[tuple[str, Json | str | None]]:
    """Every object of arguments in ``value`` with its path, and every model that a list of
    fallbacks names; None in place of what is nested too deeply."""
    if depth == 0:
        yield path, None
    elif isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _arguments(item, f"{path}[{number}]", depth - 1)
    elif isinstance(value, Mapping):
        yield path, value
        for name, inner in value.items():
            # An entry of fallbacks may be {"one model": ["another", {"model": ...}]}.
            if name in _NESTED or (isinstance(inner, list) and _ENTRY.search(path)):
                where = f"{path}.{name}" if path else str(name)
                yield from _arguments(inner, where, depth - 1)


_ENTRY = re.compile(r"fallbacks\[\d+\]$")


def _forbidden_header(headers: Any) -> str | None:
    """What follows the path of ``headers`` where one of them is not a client's to set."""
    if not isinstance(headers, Mapping):
        return ""
    for name, value in headers.items():
        if value is not None and is_sensitive(str(name)):
            return f".{name}"
    return None
