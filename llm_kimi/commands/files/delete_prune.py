"""``llm kimi files delete`` and ``prune``: what is no longer needed goes."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import click

from ...files.delete import Removal, Removals
from ...files.prune import Own, Pruning
from ...reply.safe_text import visible
from ...terminal.output import age, plural, say, size_text, tell_json
from ...terminal.table import table
from ..connect import key_option
from .account import Account, complain
from .account import file_id as to_id

__all__ = ["COMMANDS"]


@click.command("delete")
@click.argument("file_ids", metavar="ID...", type=to_id, nargs=-1, required=True)
@key_option
def delete(file_ids: tuple[str, ...], key: str | None) -> None:
    """Delete files at Kimi, whoever uploaded them, without confirmation.

    If one of several cannot be deleted, the others still are.

    \b
    Example:
      llm kimi files delete file_1234 file_5678
    """
    account = Account(key)
    removals = [Removal(account.context, file_id) for file_id in dict.fromkeys(file_ids)]
    for line in account.perform(Removals(removals)):
        say(visible(line))
    for removal in removals:
        if removal.missing:
            complain(account.plain(f"the account has no file {removal.file_id}"))
    failed = _complain(account, removals)
    account.tell_problem()
    if failed or any(removal.missing for removal in removals):
        raise SystemExit(1)


@click.command("prune")
@click.option("-y", "--yes", is_flag=True, help="Delete without asking.")
@click.option("--texts", is_flag=True, help="Also forget the remembered texts of documents.")
@click.option("--dry-run", is_flag=True, help="Show what would be deleted, and delete nothing.")
@key_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def prune(yes: bool, texts: bool, dry_run: bool, key: str | None, as_json: bool) -> None:
    """Delete the files that were uploaded from here.

    That includes what failed uploads left behind. Files of other programs stay. So do the
    remembered texts of documents, unless --texts is given: thanks to them, a document that is
    attached again is not uploaded again.

    \b
    Examples:
      llm kimi files prune --dry-run
      llm kimi files prune --yes
    """
    account = Account(key)
    pruning = Pruning(account.context)
    account.do(pruning)
    problem = account.context.cache.problem
    if problem is not None and not pruning.own:
        raise click.ClickException(f"uploads from here are not known. {problem}")
    forgotten = len(pruning.texts) if texts else 0
    if not as_json:
        _show(pruning, forgotten)
    removals: list[Removal] = []
    if not dry_run:
        if not yes and (pruning.own or forgotten):
            _ask(len(pruning.own), forgotten)
        removals = pruning.removals()
        forgotten = _prune(account, pruning, removals, texts=texts, quiet=as_json)
    if as_json:
        tell_json(_pruned(account, pruning, removals, forgotten, dry_run))
    failed = _complain(account, removals)
    account.tell_problem()
    if failed:
        raise SystemExit(1)


def _show(pruning: Pruning, texts: int) -> None:
    if pruning.own:
        rows = [
            (
                each.id,
                each.purpose,
                size_text(each.size),
                age(each.created),
                f"{each.name} (left over)" if each.left_over else each.name,
            )
            for each in pruning.own
        ]
        table(("ID", "PURPOSE", "SIZE", "CREATED", "NAME"), rows)
    elif not texts:
        say("Nothing to delete.")
    if texts:
        say(plural(texts, "remembered document text"))
    if pruning.others:
        others = plural(pruning.others, "other file")
        say(
            f"{others} at Kimi {'was' if pruning.others == 1 else 'were'} not uploaded from here "
            "and will stay.",
            err=True,
        )
    if pruning.under_way:
        say(
            f"{plural(pruning.under_way, 'upload')} may still be under way; run this again after "
            "15 minutes.",
            err=True,
        )


def _ask(files: int, texts: int) -> None:
    """Go on only with a yes."""
    if not sys.stdin.isatty():
        raise click.ClickException(
            "there is no terminal to ask for confirmation: use --yes to delete without asking"
        )
    parts = []
    if files:
        parts.append(f"delete {plural(files, 'file')} at Kimi")
    if texts:
        parts.append(f"forget {plural(texts, 'text')} here")
    question = " and ".join(parts)
    click.confirm(question[0].upper() + question[1:] + "?", abort=True, err=True)


def _prune(
    account: Account, pruning: Pruning, removals: list[Removal], *, texts: bool, quiet: bool
) -> int:
    """Delete and forget; how many texts were forgotten."""
    pruning.settle()
    for line in account.perform(Removals(removals)):
        if not quiet:
            say(visible(line))
    forgotten = 0
    if texts:
        forgotten = pruning.forget_texts([each.file_id for each in removals if not each.gone])
    if not quiet and (removals or forgotten):
        deleted = sum(each.gone and not each.missing for each in removals)
        missing = sum(each.missing for each in removals)
        parts = [f"{plural(deleted, 'file')} deleted"]
        if missing:
            parts.append(f"{missing} gone already")
        if forgotten:
            parts.append(f"{plural(forgotten, 'text')} forgotten")
        say(", ".join(parts) + ".")
    return forgotten


def _complain(account: Account, removals: list[Removal]) -> bool:
    """Say what is still there, and why."""
    failed = [removal for removal in removals if removal.error is not None]
    for removal in failed:
        assert removal.error is not None
        complain(account.plain(f"{removal.file_id}: {removal.error}"))
    return bool(failed)


@dataclass(frozen=True, slots=True)
class PrunedFile:
    """A file that was uploaded from here, and whether it is gone now."""

    id: str
    purpose: str
    name: str
    bytes: int
    left_over: bool
    gone: bool
    error: str | None


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was deleted, or would be. ``other_files`` stay; of ``under_way`` nothing is known."""

    dry_run: bool
    files: list[PrunedFile]
    texts_forgotten: int
    other_files: int
    under_way: int


def _pruned(
    account: Account, pruning: Pruning, removals: list[Removal], texts: int, dry_run: bool
) -> Pruned:
    outcomes = {removal.file_id: removal for removal in removals}

    def file(each: Own) -> PrunedFile:
        outcome = outcomes.get(each.id)
        error = None if outcome is None or outcome.error is None else account.plain(outcome.error)
        gone = outcome is not None and outcome.gone
        return PrunedFile(each.id, each.purpose, each.name, each.size, each.left_over, gone, error)

    return Pruned(
        dry_run, [file(each) for each in pruning.own], texts, pruning.others, pruning.under_way
    )


COMMANDS: dict[str, click.Command] = {"delete": delete, "prune": prune}
