"""What an exchange asks for and what it hands on: the steps that a transport performs.

A step is a plain object; what it needs and what its result is stands at its class.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeAlias, TypeVar
from urllib.parse import quote

from ..errors import APIConnectionError, APIError
from ..reply.chunks import Chunk
from ..translation import Translation

__all__ = [
    "AT_ONCE",
    "Answer",
    "Call",
    "Chunks",
    "Failed",
    "FileCall",
    "Files",
    "Fork",
    "FormulaCall",
    "Notice",
    "OfficialTools",
    "Read",
    "Step",
    "Steps",
    "Stepwise",
    "Target",
    "ToolRun",
    "Upload",
    "Wait",
    "Waiting",
    "Work",
]

Json = dict[str, Any]

StreamT = TypeVar("StreamT")
Result = TypeVar("Result")

AT_ONCE = 4
"""How many of several choices are asked for at the same time."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where an exchange goes, as far as its error texts need it. ``key`` is never shown."""

    base_url: str = ""
    key_source: str = ""
    key: str | None = None

    def __repr__(self) -> str:
        return f"Target(base_url={self.base_url!r}, key_source={self.key_source!r})"


@dataclass(slots=True)
class Call:
    """Post ``body`` to ``/chat/completions``. Result: an ``Answer`` or ``Failed``."""

    body: Json


@dataclass(slots=True)
class Answer(Generic[StreamT]):
    """The head of an answer. ``headers`` finds names in lower case; the body is in ``stream``,
    which belongs to the transport and is of its type, or all of it already in ``body``."""

    status: int
    headers: Mapping[str, str]
    stream: StreamT | None = None
    body: bytes = b""

    @property
    def opened(self) -> StreamT:
        """``stream``, of an answer that has one."""
        assert self.stream is not None
        return self.stream


@dataclass(slots=True)
class Failed:
    """A step that failed in the network. ``retryable``: nothing can have been generated yet."""

    error: APIConnectionError
    retryable: bool


@dataclass(slots=True)
class Read:
    """Read on. Result: bytes, ``b""`` at the end, or ``Failed``.

    ``silent``: nothing of an answer came with the bytes before, so the time to wait runs on; else
    it starts again. ``seconds``: how long to wait, in place of the caller's ``timeout``.
    """

    answer: Answer[Any]
    silent: bool = False
    seconds: float | None = None


@dataclass(slots=True)
class Wait:
    """Sleep for ``seconds``. Result: None."""

    seconds: float


@dataclass(slots=True)
class Upload:
    """What ``FileCall`` sends: ``open`` gives the bytes anew for each try, ``size`` of them, and
    closes what it gave before.

    Whoever performs it sets ``stopped``, which is asked while the bytes are read, and ``answer``
    where one came after the step had failed (its task was cancelled).
    """

    purpose: str
    filename: str
    content_type: str
    size: int
    open: Callable[[Upload], io.RawIOBase]
    stopped: Callable[[], bool] | None = None
    answer: Answer[Any] | None = None


_FILE_ROUTES = {
    "upload": ("POST", "/files"),
    "list": ("GET", "/files"),
    "retrieve": ("GET", "/files/{}"),
    "content": ("GET", "/files/{}/content"),
    "delete": ("DELETE", "/files/{}"),
}


@dataclass(slots=True)
class FileCall:
    """A call of the files API. Result: an ``Answer`` with its ``body``, or ``Failed``.

    ``cleaning``: it takes back what a failed attempt has left, so it is done even when nobody
    waits for the result any more.
    """

    action: Literal["upload", "list", "retrieve", "content", "delete"]
    file_id: str = ""
    upload: Upload | None = None
    cleaning: bool = False

    @property
    def method(self) -> str:
        """The HTTP method."""
        return _FILE_ROUTES[self.action][0]

    @property
    def path(self) -> str:
        """The path below the base URL."""
        return _FILE_ROUTES[self.action][1].format(quote(self.file_id, safe=""))


DECLARATION_SECONDS = 30.0
TOOL_SECONDS = 120.0


@dataclass(slots=True)
class FormulaCall:
    """A call of the Formula API. Result: an ``Answer`` with its ``body``, or ``Failed``.

    Without ``body`` the declarations of the tools of ``uri``, with it one of them run (a fiber;
    https://platform.kimi.ai/docs/guide/use-official-tools).
    """

    uri: str
    body: Json | None = None
    upload: None = None

    @property
    def seconds(self) -> float:
        """How long to wait: a tool that hangs must not hold up the answer for good."""
        return DECLARATION_SECONDS if self.body is None else TOOL_SECONDS

    @property
    def method(self) -> str:
        """The HTTP method."""
        return "GET" if self.body is None else "POST"

    @property
    def path(self) -> str:
        """The path below the base URL."""
        return (
            f"/formulas/{quote(self.uri, safe='/:')}/{'tools' if self.body is None else 'fibers'}"
        )


@dataclass(slots=True)
class Work(Generic[Result]):
    """Call ``function``, which may block (disk, DNS). Result: what it returns or raises.

    It is handed a function that says whether anybody still waits for it. In an exchange,
    ``yield from Work(function)`` is its result.
    """

    function: Callable[[Callable[[], bool]], Result]

    def __iter__(self) -> Generator[Work[Result], Any, Result]:
        result: Result = yield self
        return result


class Stepwise(Protocol):
    """What a transport can perform."""

    def steps(self) -> Steps:
        """The generator to drive."""


@dataclass(slots=True)
class Fork:
    """Perform the steps of ``branches``, a few at a time, and hand on what they have.

    ``patience``: seconds to wait for the others to clean up when one of them fails.
    """

    branches: Sequence[Stepwise]
    at_once: int = AT_ONCE
    patience: float = 0.0


@dataclass(slots=True)
class Chunks:
    """Pieces of the reply for the caller, in the shape of ``chat.completion.chunk``."""

    chunks: list[Chunk]


@dataclass(slots=True)
class Notice:
    """Something the caller should be told, in one line."""

    text: str

    @property
    def is_news(self) -> bool:
        """Whether nothing is wrong with the answer for it: a log has it at level INFO."""
        return False


@dataclass(slots=True)
class ToolRun(Notice):
    """A tool that Moonshot ran: ``call`` as the model made it, ``result`` as the model gets it.

    ``sources`` are the URLs that came in the clear; ``failure`` says why there is no result.
    """

    call: Json
    result: str
    sources: tuple[Json, ...] = ()
    failure: str | None = None

    @property
    def is_news(self) -> bool:
        """A tool that ran is no trouble."""
        return self.failure is None


@dataclass(slots=True)
class Waiting(Notice):
    """A notice of the moment: the next try comes in ``seconds``. Nothing of the reply changes."""

    seconds: float

    @property
    def is_news(self) -> bool:
        """A wait is over when it is over."""
        return True


Step: TypeAlias = Call | Read | Wait | Fork | FileCall | FormulaCall | Work[Any] | Chunks | Notice
Steps: TypeAlias = Generator[Step, Any, None]


class OfficialTools(Protocol):
    """What an exchange asks to offer and run Moonshot's tools; see ``llm_kimi.official_tools``."""

    def prepare(self, translation: Translation) -> Generator[Step, Any, Translation]:
        """``translation`` with the declarations in its body."""

    @property
    def names(self) -> frozenset[str]:
        """The functions that Moonshot runs, as they stand in the body."""

    def run(self, calls: Sequence[Json]) -> Generator[Step, Any, list[ToolRun]]:
        """Run ``calls`` of the model, side by side."""


class Files(Protocol):
    """What an exchange asks to bring files where they can be read; see ``llm_kimi.files``."""

    def prepare(self, translation: Translation) -> Generator[Step, Any, Json]:
        """The body with every need of ``translation`` met."""

    def repair(self, error: APIError, body: Json) -> Generator[Step, Any, Json | None]:
        """Another body, when ``error`` came since a file is gone that ``body`` names."""

    def release(self) -> Steps:
        """Delete what was uploaded for this exchange alone."""
