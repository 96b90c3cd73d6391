"""``llm -f kimi:report.pdf``: the text of a document for llm's store of fragments."""

from __future__ import annotations

import os

import llm

from ...config import settings
from ...errors import InvalidRequestError
from ...exchange import Notice, Target
from ...files.extract import Extraction
from ...files.request_files import RequestFiles
from ...terminal.notices import tell_notice
from ...terminal.progress import terminal_progress
from ...translation import Attached
from ...transport.openai_sdk import OpenAITransport
from ...transport.run import run
from .prompt_text import loggable_path

__all__ = ["load_fragment"]


def load_fragment(argument: str) -> llm.Fragment:
    """The text of the file or URL ``argument``; what is no text already is read by Kimi.

    Raises:
        KimiError: in one line, which llm shows.
    """
    if not argument:
        raise InvalidRequestError("name a file or a URL: -f kimi:report.pdf")
    is_url = argument[:8].lower().startswith(("http://", "https://"))
    path = None if is_url else os.path.abspath(os.path.expanduser(argument))
    attached = Attached(url=argument) if is_url else Attached(path=path)
    key = settings.find_key() or ""
    base_url = settings.base_url()
    target = Target(base_url=base_url, key=key, key_source=settings.key_source(key))
    progress = terminal_progress()
    extraction = Extraction(RequestFiles(target, progress=progress), attached)
    for output in run(extraction, OpenAITransport(base_url, key)):
        if isinstance(output, Notice):
            tell_notice(output)
    return llm.Fragment(extraction.text, loggable_path(path or argument))  # type: ignore[no-untyped-call]
