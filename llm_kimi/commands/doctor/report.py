"""What ``llm kimi doctor`` has found, for programs and for people. No key is in it."""

from __future__ import annotations

from dataclasses import dataclass, field

import click

from ...terminal.output import echo_wrapped, secho, style, width, wrapped

__all__ = ["BaseUrl", "Diagnosis", "File", "Folder", "Funds", "KeyPlaces", "Online"]


@dataclass(frozen=True, slots=True)
class KeyPlaces:
    """Where keys are. ``source``: that of the one in use; ``agree``: whether all are the same."""

    source: str | None
    places: list[str]
    agree: bool | None

    def text(self) -> str:
        """For people."""
        if self.source is None:
            return "none"
        if len(self.places) == 1:
            return f"from {self.source}"
        same = "also" if self.agree else "a different one"
        return f"from {self.source}; {same} in {', '.join(self.places[1:])}"


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """Where requests go. ``url`` None: it cannot be used; ``source`` None: the default;
    ``host``: whose it is, in a few words."""

    url: str | None
    source: str | None
    host: str | None

    def text(self) -> str:
        """For people."""
        where = f"set by {self.source}" if self.source else "the default"
        return f"{self.url or 'not usable'} ({self.host or '?'}; {where})"


@dataclass(frozen=True, slots=True)
class Folder:
    """llm's user folder."""

    path: str
    writable: bool

    def text(self) -> str:
        """For people."""
        return f"{self.path} ({'' if self.writable else 'not '}writable)"


@dataclass(frozen=True, slots=True)
class File:
    """A file in the folder."""

    name: str
    bytes: int
    note: str | None

    def text(self) -> str:
        """For people."""
        note = f" ({self.note})" if self.note else ""
        return f"{self.name}, {_size(self.bytes)}{note}"


@dataclass(frozen=True, slots=True)
class Funds:
    """What is left on the account."""

    currency: str | None
    available: float

    def text(self) -> str:
        """For people."""
        unit = f" {self.currency}" if self.currency else ""
        return f"{self.available:,.2f}{unit} available"


@dataclass(slots=True)
class Online:
    """What the host says. ``models``: how many it lists."""

    key_works: bool | None = None
    milliseconds: int | None = None
    models: int | None = None
    balance: Funds | None = None

    def text(self) -> str:
        """For people."""
        works = {True: "the key works", False: "the key is refused", None: "no usable answer"}
        parts = [works[self.key_works]]
        if self.key_works:
            parts += [f"{self.models} models", f"{self.milliseconds} ms"]
        if self.balance is not None:
            parts.append(self.balance.text())
        return ", ".join(parts)


@dataclass(slots=True)
class Diagnosis:
    """What is configured. ``problems`` are what is wrong with it and ``notes`` what is so on
    purpose perhaps, one line each. ``online`` None: the host was not asked."""

    versions: dict[str, str | None]
    key: KeyPlaces
    base_url: BaseUrl
    strict: bool | None
    proxies: list[str]
    folder: Folder
    files: list[File]
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    online: Online | None = None

    def show(self) -> None:
        """Print it for people."""
        versions = dict(self.versions)
        system = versions.pop("system")
        _row("versions", ", ".join([*(f"{k} {v}" for k, v in versions.items() if v), str(system)]))
        _row("key", self.key.text())
        _row("base URL", self.base_url.text())
        _row("strict", {True: "yes", False: "no", None: "not readable"}[self.strict])
        _row("proxies", ", ".join(f"{name} is set" for name in self.proxies) or "none")
        _row("folder", self.folder.text())
        for file in self.files:
            _row("", file.text())
        if self.online is not None:
            _row("online", self.online.text())
        click.echo()
        self._conclude()

    def _conclude(self) -> None:
        for problem in self.problems:
            echo_wrapped(problem, "! ", fg="yellow")
        for note in self.notes:
            echo_wrapped(note, "- ")
        if not self.problems:
            verdict = "Otherwise nothing is wrong." if self.notes else "Nothing is wrong."
            secho(verdict, fg="green", bold=True)


def _row(name: str, text: str) -> None:
    """Text with its name before it; what does not fit goes on below."""
    first, *others = wrapped(text, width() - 10)
    click.echo(f"{style(name, bold=True) if name else ''}{'':{10 - len(name)}}{first}")
    for line in others:
        click.echo(f"{'':<10}{line}")


def _size(count: int) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1000 or unit == "MB":
            return f"{count:,} {unit}"
        count = round(count / 1000)
    return ""
