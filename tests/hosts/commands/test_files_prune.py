"""``llm kimi files prune``."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llm_kimi.files.store.cache import Account, default_cache
from llm_kimi.simulator import Simulator
from tests.support.files_commands import MINUTE, data, files, foreign, ids, refuse
from tests.support.llm_runs import ask, run
from tests.support.real_files import MP4, pdf, png


def test_prune_deletes_our_own_and_nothing_else(
    kimi: Simulator, put: Callable[..., str], owner: Account
) -> None:
    kept = {foreign(kimi), foreign(kimi, "a.png.txt"), foreign(kimi, "a.pdf.txt")}
    ask("hi", "-a", put("video.mp4", MP4))
    found = data("upload", put("a.png", png()), put("a.pdf", pdf()))
    result = files("prune", "--yes")
    assert ids(kimi) == kept
    for each in found:
        assert f"Deleted {each['id']}  {each['path']}" in result.stdout
    assert result.stdout.splitlines()[-1] == "3 files deleted."
    assert "3 other files at Kimi were not uploaded from here and will stay." in result.stderr
    (entry,) = default_cache().entries(owner)
    assert (entry.filename, entry.remote_id) == ("a.pdf", None)
    assert files("prune").stdout == "Nothing to delete.\n"


def test_prune_asks_nobody_without_a_terminal(kimi: Simulator, put: Callable[..., str]) -> None:
    (found,) = data("upload", put("a.png", png()))
    result = run("kimi", "files", "prune", input="y\n")
    assert result.exit_code == 1
    assert found["id"] in result.stdout
    assert result.stderr == (
        "Error: there is no terminal to ask for confirmation: use --yes to delete without asking\n"
    )
    assert ids(kimi) == {found["id"]}


def test_prune_can_be_tried(kimi: Simulator, put: Callable[..., str], owner: Account) -> None:
    (found,) = data("upload", put("a.pdf", pdf()))
    default_cache().begin(owner, "image", "x-0123456789ab.png", 1)
    _grow_old(owner)
    result = files("prune", "--dry-run", "--texts")
    assert found["id"] in result.stdout
    assert "1 remembered document text" in result.stdout
    assert "Deleted" not in result.stdout
    told = data("prune", "--dry-run")
    assert (told["dry_run"], told["files"][0]["gone"]) == (True, False)
    assert ids(kimi) == {found["id"]}
    assert len(default_cache().pending(owner)) == 1


def test_prune_tells_programs(kimi: Simulator, put: Callable[..., str]) -> None:
    foreign(kimi)
    (found,) = data("upload", put("a.pdf", pdf()))
    assert data("prune", "--yes", "--texts") == {
        "dry_run": False,
        "files": [
            {
                "id": found["id"],
                "purpose": "file-extract",
                "name": "a.pdf",
                "bytes": found["bytes"],
                "left_over": False,
                "gone": True,
                "error": None,
            }
        ],
        "texts_forgotten": 1,
        "other_files": 1,
        "under_way": 0,
    }


def test_prune_of_texts(kimi: Simulator, put: Callable[..., str], owner: Account) -> None:
    ask("sum it up", "-a", put("a.pdf", pdf()))
    assert files("prune", "--yes").stdout == "Nothing to delete.\n"
    assert len(default_cache().entries(owner)) == 1
    assert "there is no terminal" in refuse("prune", "--texts")
    assert "0 files deleted, 1 text forgotten." in files("prune", "--texts", "--yes").stdout
    assert default_cache().entries(owner) == []


def test_prune_of_files_that_are_gone(kimi: Simulator, put: Callable[..., str]) -> None:
    data("upload", put("a.png", png()))
    kimi.store.close()
    kimi.store.open()
    assert "0 files deleted, 1 gone already." in files("prune", "--yes").stdout
    assert files("prune", "--yes").stdout == "Nothing to delete.\n"


def test_prune_when_one_cannot_be_deleted(
    kimi: Simulator, put: Callable[..., str], owner: Account
) -> None:
    image, document = data("upload", put("a.png", png()), put("a.pdf", pdf()))
    kimi.fault(status=400, method="DELETE", path=f"/v1/files/{document['id']}")
    result = run("kimi", "files", "prune", "--yes", "--texts")
    assert result.exit_code == 1
    assert f"Deleted {image['id']}" in result.stdout
    assert f"Error: {document['id']}: 400 " in result.stderr
    (entry,) = default_cache().entries(owner)
    assert (entry.remote_id, entry.text is not None) == (document["id"], True)
    assert "1 file deleted, 1 text forgotten." in files("prune", "--yes", "--texts").stdout


def _grow_old(owner: Account, seconds: float = 16 * MINUTE) -> None:
    """Let the pending uploads of the cache be so old."""
    cache = default_cache()
    cache._change("UPDATE uploads SET started = started - ?", seconds)
    assert cache.problem is None


def test_prune_deletes_what_is_owed(kimi: Simulator, owner: Account) -> None:
    cache = default_cache()
    by_id, theirs = foreign(kimi, "report.txt"), foreign(kimi, "report-ba9876543210.txt")
    foreign(kimi, "report-0123456789ab.txt")
    cache.uploaded(cache.begin(owner, "file-extract", "anything", 6), by_id)
    cache.begin(owner, "file-extract", "report-0123456789ab.txt", 6)
    result = files("prune", "--yes")
    assert "report-0123456789ab.txt (left over)" in result.stdout
    assert "2 files deleted." in result.stdout
    assert ids(kimi) == {theirs}
    assert cache.pending(owner) == []


def test_prune_waits_for_uploads_that_may_be_under_way(kimi: Simulator, owner: Account) -> None:
    cache = default_cache()
    cache.begin(owner, "image", "a-0123456789ab.png", 6)
    _grow_old(owner, 14 * MINUTE)
    result = files("prune", "--yes")
    assert "1 upload may still be under way" in result.stderr
    assert len(cache.pending(owner)) == 1
    _grow_old(owner, 2 * MINUTE)
    assert "under way" not in files("prune", "--yes").stderr
    assert cache.pending(owner) == []


def test_an_upload_that_ends_while_prune_looks_is_left_alone(
    kimi: Simulator, owner: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = foreign(kimi, "a-0123456789ab.txt")
    cache = default_cache()
    ticket = cache.begin(owner, "file-extract", "a-0123456789ab.txt", 6)
    listing = kimi.store.listing

    def ends_meanwhile(whose: str) -> dict[str, Any]:
        cache.done(ticket)
        return listing(whose)

    monkeypatch.setattr(kimi.store, "listing", ends_meanwhile)
    assert files("prune", "--yes").stdout == "Nothing to delete.\n"
    assert ids(kimi) == {theirs}


def test_prune_leaves_the_files_of_another_key(
    kimi: Simulator, put: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (found,) = data("upload", put("a.png", png()))
    monkeypatch.setenv("MOONSHOT_API_KEY", "sk-another")
    assert files("prune", "--yes").stdout == "Nothing to delete.\n"
    assert ids(kimi) == {found["id"]}


def test_prune_with_a_broken_cache(kimi: Simulator, put: Callable[..., str]) -> None:
    (found,) = data("upload", put("a.png", png()))
    path = Path(os.environ["LLM_USER_PATH"], "kimi-files.db")
    for each in path.parent.glob("kimi-files.db*"):
        each.unlink()
    path.write_bytes(b"no database" * 100)
    text = refuse("prune", "--yes")
    assert text.startswith("uploads from here are not known. Uploads are not remembered: ")
    assert "is damaged" in text
    assert ids(kimi) == {found["id"]}
    result = files("list")
    assert found["id"] in result.stdout
    assert "none uploaded from here" in result.stderr
    assert "kimi: Uploads are not remembered" in result.stderr


def test_a_list_that_fails_deletes_nothing(kimi: Simulator, put: Callable[..., str]) -> None:
    (found,) = data("upload", put("a.png", png()))
    kimi.fault(status=400, path="/v1/files", method="GET")
    assert refuse("prune", "--yes").startswith("400 ")
    assert ids(kimi) == {found["id"]}
