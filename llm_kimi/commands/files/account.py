"""Whose files they are, and how the commands reach them: errors in one line, without the key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from ...config import settings
from ...errors import KimiError
from ...exchange import Notice, Stepwise, Target, Waiting
from ...files.request_files import RequestFiles
from ...files.upload import UploadContext
from ...reply.api_errors import scrub
from ...reply.safe_text import visible
from ...terminal.notices import tell, tell_notice
from ...terminal.progress import terminal_progress
from ...transport.openai_sdk import OpenAITransport
from ...transport.run import run
from ..connect import warn_of_cleartext

__all__ = ["Account", "complain", "file_id"]


class Account:
    """The files of the account of one key."""

    def __init__(self, explicit_key: str | None) -> None:
        self._key = ""
        with self.plain_errors():
            key = settings.find_key(explicit_key)
            base_url = settings.base_url()
        if not key:
            raise click.ClickException(settings.no_key_message())
        self._key = key
        warn_of_cleartext(base_url)
        target = Target(base_url=base_url, key=key, key_source=settings.key_source(key))
        self.request_files = RequestFiles(target, keep=True, progress=terminal_progress())
        self._transport = OpenAITransport(base_url, key)

    @property
    def context(self) -> UploadContext:
        """What steps need."""
        return self.request_files.context

    def perform(self, steps: Stepwise) -> Iterator[str]:
        """Perform ``steps``; their notices come out, but for those of waits, which go to the user.

        Raises:
            ClickException: what went wrong.
        """
        with self.plain_errors():
            for output in run(steps, self._transport):
                if isinstance(output, Waiting):
                    tell_notice(output)
                elif isinstance(output, Notice):
                    yield output.text

    def do(self, steps: Stepwise) -> None:
        """Perform ``steps``; their notices go to the user.

        Raises:
            ClickException: what went wrong.
        """
        for text in self.perform(steps):
            tell(text)

    def tell_problem(self) -> None:
        """Say why the cache did not work, if it did not."""
        problem = self.context.cache.problem
        if problem is not None:
            tell(problem)

    def plain(self, text: object) -> str:
        """An error as one line without a key."""
        return visible(" ".join(scrub(str(text), self._key).split()))

    @contextmanager
    def plain_errors(self) -> Iterator[None]:
        """Errors of ours as click shows them."""
        try:
            yield
        except KimiError as error:
            raise click.ClickException(self.plain(error)) from None


def file_id(value: str) -> str:
    """The id of a remote file, given bare or as ``ms://ID``."""
    text = value.strip().removeprefix("ms://")
    plain = text.replace("_", "").replace("-", "").replace(".", "")
    if not (plain.isascii() and plain.isalnum()) or text.startswith("."):
        raise click.BadParameter("not the id of a file: 'llm kimi files list' shows them")
    return text


def complain(text: str) -> None:
    """An error of one file, where the command goes on with the others."""
    click.echo(f"Error: {text}", err=True)
