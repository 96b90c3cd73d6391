"""``llm kimi files upload``: files that stay at Kimi."""

from __future__ import annotations

from dataclasses import dataclass

import click

from ...files.permanent_uploads import Keeping, Keepings
from ...files.store.cache import Purpose
from ...reply.safe_text import visible
from ...terminal.output import say, size_text, style, tell_json
from ..connect import key_option
from .account import Account, complain

__all__ = ["COMMANDS"]

PURPOSES = ("file-extract", "image", "video")


@click.command("upload")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option(
    "--purpose",
    type=click.Choice(PURPOSES),
    help="What it is for; by default found from the content of the file.",
)
@key_option
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def upload(paths: tuple[str, ...], purpose: Purpose | None, key: str | None, as_json: bool) -> None:
    """Upload files that stay at Kimi.

    Uploads are remembered: -a with the same file then uploads nothing. Prompts can name images
    and videos by their id; of documents the text is kept, and "llm kimi files content" shows it.
    A file that is already there is not uploaded again. If one of several cannot be uploaded, the
    others still are.

    \b
    Examples:
      llm kimi files upload photo.jpg report.pdf
      llm kimi files upload --json *.mp4
    """
    account = Account(key)
    keepings = Keepings(account.request_files, paths, purpose)
    try:
        account.do(keepings)
    finally:  # what is there is told, whatever became of the others
        _report(account, keepings.files, as_json)
    if any(file.error is not None for file in keepings.files):
        raise SystemExit(1)


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What became of one file; without an ``id`` it is not at Kimi."""

    path: str
    id: str | None
    purpose: str | None
    bytes: int | None
    already_there: bool | None
    error: str | None


def _report(account: Account, files: list[Keeping], as_json: bool) -> None:
    if as_json:
        tell_json([_uploaded(account, file) for file in files])
    else:
        _show(files)
    for file in files:
        if file.error is not None:
            complain(account.plain(file.error))


def _show(files: list[Keeping]) -> None:
    examples: dict[str | None, str] = {}
    for file in files:
        if file.remote_id is not None:
            there = ", already there" if file.already else ""
            about = f"({file.purpose}, {size_text(file.size)}{there})"
            say(f"{visible(file.path)}  {style(file.remote_id, bold=True)}  {about}")
            examples.setdefault(file.purpose, how_to_use(file.purpose, file.remote_id, file.mime))
    for example in examples.values():
        say(style(f"  {example}", dim=True), err=True)


def _uploaded(account: Account, file: Keeping) -> Uploaded:
    found = file.remote_id is not None
    return Uploaded(
        path=file.path.encode("utf-8", "replace").decode(),
        id=file.remote_id,
        purpose=file.purpose if found else None,
        bytes=file.size if found else None,
        already_there=file.already if found else None,
        error=None if file.error is None else account.plain(file.error),
    )


COMMANDS: dict[str, click.Command] = {"upload": upload}


_MEDIA = {"image": "image/png", "video": "video/mp4"}


def how_to_use(purpose: str | None, file_id: str, mime: str | None = None) -> str:
    """The command that uses it; nothing for a purpose that is none of ours."""
    if purpose == "file-extract":
        return f"llm kimi files content {file_id}"
    if purpose not in _MEDIA:
        return ""
    kind = mime if mime and mime.startswith(f"{purpose}/") else _MEDIA[purpose]
    return f"llm -m kimi 'What is this?' --at ms://{file_id} {kind}"
