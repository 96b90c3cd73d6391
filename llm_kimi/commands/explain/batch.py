"""``llm kimi explain`` for files with one request a line: a summary, and the translated lines."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any, TextIO

import click

from ...catalog import FLAGSHIP
from ...config import discovered_models
from ...terminal.output import echo_wrapped, plural, printable, secho, tell_json
from ...translation import Fallback, Translation
from .batch_reader import Entry, LineReader, NoRequestError, unwrap
from .summary import Group, Groups, RepeatedNotes

__all__ = ["explain_lines", "opened", "write_line"]

PROGRESS_FROM = 5_000_000
"""Bytes; smaller files are done before a bar is read."""

SHOWN = 15
"""Kinds of one table that are shown; --json has more."""


def explain_lines(
    reader: LineReader,
    name: str,
    *,
    model: str | None,
    strict: bool,
    fallback: Fallback,
    out: TextIO | None,
    as_json: bool,
) -> None:
    """Read every line, write the translated requests to ``out``, then show the summary.

    The summary goes to stderr when ``out`` is stdout.

    Raises:
        click.ClickException: no line contains a request, or ``out`` cannot be written.
        SystemExit: in strict mode, when a request is refused.
    """
    tally = RepeatedNotes(
        discovered_models.load(), strict=strict, fallback=fallback, written=out is not None
    )
    for number, line in _with_progress(reader):
        try:
            entry = unwrap(line)
        except NoRequestError as error:
            tally.bad_line(number, str(error))
            continue
        request = entry.request if model is None else {**entry.request, "model": model}
        translation = tally.request(request, number)
        if translation is not None and out is not None:
            write_line(out, entry, translation)
    if not tally.requests:
        reasons = ", ".join(f"line {g.line}: {reason}" for reason, g in tally.bad_lines)
        raise click.ClickException(f"no line of {name} contains a chat request ({reasons[:200]})")
    err = out is sys.stdout
    if as_json:
        tell_json(tally.to_dict(), err=err)
    else:
        _Summary(tally, name, written=out is not None, err=err).show(renamed=model is not None)
    if strict and tally.errors.total():
        sys.exit(1)


@contextmanager
def opened(out: str | None, stream: IO[bytes] | None) -> Iterator[TextIO | None]:
    """``out`` to write to: None for None, stdout for a dash. ``stream`` is what is read, if
    it is a file.

    Raises:
        click.ClickException: it cannot be written, or is what is read.
    """
    if out is None or out == "-":
        yield None if out is None else sys.stdout
        return
    with suppress(OSError, ValueError, AttributeError):
        if stream and os.path.samestat(os.stat(out), os.fstat(stream.fileno())):
            raise click.ClickException(f"{out} is the input file")
    try:
        file = open(out, "w", encoding="utf-8")  # noqa: SIM115
    except OSError as error:
        raise click.ClickException(f"cannot write {out}: {error.strerror or error}") from None
    try:
        yield file
    finally:
        with _no_room():
            file.close()


@contextmanager
def _no_room() -> Iterator[None]:
    """A full disk, in one line; a reader that went away is for click to handle."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise click.ClickException(f"cannot write: {error.strerror or error}") from None


def write_line(out: TextIO, entry: Entry, translation: Translation) -> None:
    """One line, or as many as the caller wants answers.

    Raises:
        click.ClickException: it cannot be written.
    """
    plain = (out.encoding or "").lower().replace("-", "") != "utf8"
    with _no_room():
        for number in range(translation.choices):
            line = entry.wrapped(translation.body, number)
            text = json.dumps(line, ensure_ascii=plain)
            out.write((text if printable(text) == text else json.dumps(line)) + "\n")


def _with_progress(reader: LineReader) -> Iterator[tuple[int, bytes | None]]:
    """The lines; at a terminal a large file shows on stderr how far it is read."""
    size = _size(reader.stream)
    if size < PROGRESS_FROM or not sys.stderr.isatty():
        yield from reader
        return
    with click.progressbar(length=size, label="Reading", file=sys.stderr) as bar:
        told = 0
        for number, line in reader:
            if reader.done - told > size // 200:
                bar.update(reader.done - told)
                told = reader.done
            yield number, line
        bar.update(size - told)


def _size(stream: IO[bytes]) -> int:
    try:
        return os.fstat(stream.fileno()).st_size
    except (OSError, ValueError, AttributeError):
        return 0


class _Summary:
    """The counts for people."""

    def __init__(self, tally: RepeatedNotes, name: str, *, written: bool, err: bool) -> None:
        self.tally = tally
        self.name = name
        self.written = written
        self.err = err

    def show(self, *, renamed: bool) -> None:
        """``renamed``: they were all explained for one model."""
        tally = self.tally
        self._head(f"{plural(tally.requests, 'request')} in {self.name}")
        refused = tally.refused.total()
        self._head(f"As sent, Kimi would refuse {refused:,}{self._share(refused)}")
        for rule, group in self._shown(tally.refused):
            self._row(group, f"{rule}: {group.example}" if rule else "other rules")
        if tally.swallowed:
            self._text(f"and silently ignore fields of {tally.swallowed:,} more")
        self._head(f"Translated, {tally.run:,} run{self._share(tally.run)}")
        if tally.run:
            self._adjusted()
        for rule, group in self._shown(tally.refused_after):
            self._row(group, f"still refused, {rule}: {group.example}", fg="red")
        errors = tally.errors.total()
        if errors:
            self._head(f"Refused before sending: {errors:,}{self._share(errors)}")
        for reason, group in self._shown(tally.errors):
            self._row(group, reason if reason else "other reasons")
        if not renamed and any(str(reason).startswith("model: ") for reason, _ in tally.errors):
            self._text(f"-m {FLAGSHIP} explains all of them for that model")
        bad = tally.bad_lines.total()
        if bad:
            self._head(f"{plural(bad, 'line')} without a chat request")
        for reason, group in self._shown(tally.bad_lines):
            self._row(group, reason or "other reasons")

    def _adjusted(self) -> None:
        tally = self.tally
        same = tally.run - tally.unchanged - tally.changed_meaning
        self._text(
            f"{tally.unchanged:,} unchanged, {same:,} adjusted with the same meaning, "
            f"{tally.changed_meaning:,} with a changed meaning (!)"
        )
        for kind, group in self._shown(tally.adjustments, first=lambda kind: kind[1]):
            if kind is None:
                self._row(group, "other adjustments")
                continue
            mark = "!" if kind[1] else "-"
            self._row(group, group.example, mark=mark)
        for note, group in self._shown(tally.notes):
            self._row(group, note or "other notes", mark="?")
        if tally.with_files:
            self._text(f"{tally.with_files:,} contain files that are fetched or uploaded first")
        if tally.several:
            self._text(f"{tally.several:,} are sent several times, once per answer")
        if tally.nudged:
            way = (
                "the written lines only ask for it"
                if self.written
                else "asked for, then nudged once"
            )
            self._text(
                f"{tally.nudged:,} force a tool call, which Kimi does not accept there: {way}"
            )
        if tally.restored and self.written:
            self._text(
                f"{tally.restored:,} have renamed tools or another form of answer: replies to the "
                "written lines come in the form that was sent, not in the original one"
            )

    def _shown(
        self, groups: Groups, first: Callable[[Any], bool] | None = None
    ) -> Iterator[tuple[Any, Group]]:
        """The most frequent ones, before them those for which ``first``; the others together."""
        rows = list(groups)
        if first is not None:
            rows.sort(key=lambda row: not first(row[0]))
        yield from rows[:SHOWN]
        rest = [group for _, group in rows[SHOWN:]]
        rest += [groups.others] if groups.others else []
        if rest:
            line = min(group.line for group in rest)
            yield None, Group(sum(group.count for group in rest), line, "")

    def _share(self, count: int) -> str:
        return f" ({count / self.tally.requests:.1%})"

    def _head(self, text: str) -> None:
        secho(text, bold=True, err=self.err)

    def _text(self, text: str) -> None:
        echo_wrapped(text, "  ", err=self.err)

    def _row(self, group: Group, text: str, *, mark: str = "-", **how: Any) -> None:
        text = printable(f"{text} (first in line {group.line:,})")
        how = how or ({"fg": "yellow"} if mark == "!" else {})
        echo_wrapped(text, f"  {mark} {group.count:>7,}  ", err=self.err, **how)
