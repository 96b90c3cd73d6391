"""The host that the commands ask: base URL, key, currency, and errors in one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click

from ..config import settings
from ..errors import KimiError
from ..transport.json_api import Endpoints

__all__ = ["connect", "currency", "in_one_line", "key_option", "warn_of_cleartext"]

F = TypeVar("F", bound=Callable[..., Any])

_CURRENCIES = {"api.moonshot.ai": "USD", "api.moonshot.cn": "CNY"}


def key_option(command: F) -> F:
    """The option ``--key``, as ``llm prompt`` has it."""
    return click.option("--key", help="API key, or the name of a stored one.")(command)


@contextmanager
def in_one_line() -> Iterator[None]:
    """Our errors as click shows them; no error text holds a key."""
    try:
        yield
    except KimiError as error:
        raise click.ClickException(" ".join(str(error).split())) from None


def connect(key: str | None = None) -> Endpoints:
    """The configured host with the key to use: ``key``, the stored ones, the environment.

    Raises:
        KimiError: the settings cannot be used.
        click.ClickException: there is no key.
    """
    base_url = settings.base_url()
    found = settings.find_key(key)
    if not found:
        raise click.ClickException(settings.no_key_message())
    warn_of_cleartext(base_url)
    return Endpoints(base_url, found, key_source=settings.key_source(found))


def warn_of_cleartext(base_url: str) -> None:
    """Say once that key and content can be read on the way to ``base_url``, where they can."""
    if warning := settings.cleartext_warning(base_url):
        click.echo(f"kimi: {warning}", err=True)


def currency(base_url: str) -> str | None:
    """What accounts of this host are kept in; None if unknown.

    https://platform.kimi.ai/docs/api/overview: .ai in US dollars, .cn in yuan.
    """
    return _CURRENCIES.get(urlsplit(base_url).hostname or "")
