"""``llm kimi files list``, ``show`` and ``content``: what is there."""

from __future__ import annotations

import mimetypes
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from ...errors import InvalidRequestError
from ...exchange import Steps, Work
from ...files.account_files import Listing, RemoteFile, remote_file
from ...files.document_text import extracted_text
from ...files.store.cache import Entry
from ...files.upload import UploadContext
from ...reply.safe_text import visible
from ...terminal.output import age, moment, plural, say, size_text, style, tell_report
from ...terminal.table import table
from ..connect import key_option
from .account import Account
from .account import file_id as to_id
from .upload import how_to_use

__all__ = ["COMMANDS"]

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Not among them: tab and line feed."""


@click.command("list")
@key_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_files(key: str | None, as_json: bool) -> None:
    """List the files of the account, newest first.

    A "*" marks those that were uploaded from here.

    \b
    Examples:
      llm kimi files list
      llm kimi files list --json | jq -r '.files[].id'
    """
    account = Account(key)
    listing = Listing(account.context)
    account.do(listing)
    tell_report(FileList(listing.files, len(listing.texts)), as_json)
    account.tell_problem()


@dataclass(frozen=True, slots=True)
class FileList:
    """The files at Kimi, and how many texts of documents are remembered here."""

    files: list[RemoteFile]
    texts_remembered: int

    def show(self) -> None:
        """For people."""
        if self.files:
            rows = [
                (
                    file.id,
                    file.purpose or "-",
                    size_text(file.size),
                    age(file.created),
                    "*" if file.ours else "",
                    f"{file.name} (left over)" if file.left_over else file.name or "-",
                )
                for file in self.files
            ]
            table(("ID", "PURPOSE", "SIZE", "CREATED", "", "NAME"), rows)
        _sum_up(self.files, self.texts_remembered)


def _sum_up(files: list[RemoteFile], texts: int) -> None:
    """What the table does not say; on stderr, so that a pipe gets the table alone."""
    lines = []
    if files:
        ours = sum(file.ours for file in files)
        total = size_text(sum(file.size or 0 for file in files))
        lines.append(f"{plural(len(files), 'file')}, {total}; {ours or 'none'} uploaded from here")
    else:
        lines.append("There are no files at Kimi")
    left_over = sum(file.left_over for file in files)
    if left_over:
        lines.append(
            f"{left_over} left over from failed uploads: 'llm kimi files prune' deletes them"
        )
    if texts:
        lines.append(f"{plural(texts, 'document text')} remembered here")
    say(style("; ".join(lines) + ".", dim=True), err=True)


class _Look:
    """One file as API and cache know it; with ``content``, its text as well."""

    def __init__(self, context: UploadContext, file_id: str, *, content: bool = False) -> None:
        self.row: dict[str, Any] = {}
        self.entry: Entry | None = None
        self.text = ""
        self._stage = context
        self._file_id = file_id
        self._content = content

    def steps(self) -> Steps:
        """Ask for it."""
        context = self._stage
        self.row = yield from context.remote.retrieve(self._file_id)
        entries = yield from Work(lambda stopped: context.cache.entries(context.account))
        self.entry = next((each for each in entries if each.remote_id == self.row["id"]), None)
        if not self._content:
            return
        purpose = self.row.get("purpose")
        if purpose != "file-extract":
            raise InvalidRequestError(
                f"{self._file_id} was uploaded with purpose {purpose}, so it has no text; only "
                "files uploaded for file-extract have"
            )
        self.text = extracted_text((yield from context.remote.content(self._file_id)))


@click.command("show")
@click.argument("file_id", metavar="ID", type=to_id)
@key_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show_file(file_id: str, key: str | None, as_json: bool) -> None:
    """Show what is known about a file.

    \b
    Example:
      llm kimi files show file_1234
    """
    account = Account(key)
    look = _Look(account.context, file_id)
    account.do(look)
    file, entry = remote_file(look.row, look.entry), look.entry
    sha256 = None if entry is None else entry.sha256
    details = str(look.row.get("status_details") or "") or None
    tell_report(FileDetails(file, details, sha256), as_json)
    account.tell_problem()


@dataclass(frozen=True, slots=True)
class FileDetails:
    """One file, and what the API says of its status."""

    file: RemoteFile
    status_details: str | None
    sha256: str | None

    def to_dict(self) -> dict[str, Any]:
        """For programs."""
        own = {"status_details": self.status_details, "sha256": self.sha256}
        return {**self.file.to_dict(), **own}

    def show(self) -> None:
        """For people."""
        file, details = self.file, self.status_details
        created = "-" if file.created is None else f"{moment(file.created)} ({age(file.created)})"
        lines = {
            "id": file.id,
            "name": file.name,
            "at Kimi": file.filename if file.filename != file.name else "",
            "purpose": file.purpose,
            "size": "-" if file.size is None else f"{file.size:,} bytes",
            "created": created,
            "status": f"{file.status} ({details})" if details else file.status,
            "origin": "uploaded from here" if file.ours else "not uploaded from here",
            "sha256": self.sha256 or "",
            "use": how_to_use(file.purpose, file.id, mimetypes.guess_type(file.filename)[0]),
        }
        for name, value in lines.items():
            if value:
                say(f"{style(f'{name:8}', bold=True)} {visible(value)}")


@click.command("content")
@click.argument("file_id", metavar="ID", type=to_id)
@key_option
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the text to this file instead of showing it.",
)
def show_content(file_id: str, key: str | None, output: Path | None) -> None:
    """Show the text that Kimi extracted from a document.

    \b
    Examples:
      llm kimi files content file_1234 | llm -m kimi 'Sum it up'
      llm kimi files content file_1234 -o report.txt
    """
    account = Account(key)
    look = _Look(account.context, file_id, content=True)
    account.do(look)
    text = look.text
    if output is not None and str(output) != "-":
        try:
            output.write_bytes(text.encode())
        except OSError as error:
            raise click.ClickException(f"cannot write {output}: {error.strerror}") from None
    elif sys.stdout.isatty():
        # It is somebody else's: what moves a terminal's cursor stays out.
        text = _CONTROL.sub("", text)
        click.echo(text, nl=not text.endswith("\n"))
    else:
        click.echo(text.encode(), nl=False)


COMMANDS: dict[str, click.Command] = {
    "list": list_files,
    "show": show_file,
    "content": show_content,
}
