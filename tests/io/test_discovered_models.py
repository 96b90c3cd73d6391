"""What a refresh left behind: read without fail, handed to the catalog, per base URL."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import llm
import pytest

from llm_kimi import InvalidRequestError, Kimi, catalog, translate
from llm_kimi.catalog import BY_ID, FLAGSHIP, live_models
from llm_kimi.config import discovered_models, settings
from llm_kimi.sniff.mime_types import DOCUMENT_TYPES

HOST = settings.DEFAULT_BASE_URL
WHEN = "2026-11-21T10:00:00Z"
ROW = {"id": "kimi-k9", "context_length": 200_000, "supports_image_in": False}
HI = [{"role": "user", "content": "hi"}]
PICTURE = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]


def write(*rows: Any, base_url: str = HOST) -> None:
    discovered_models.save(base_url, rows, WHEN)


def model(row: dict[str, Any]) -> catalog.Model:
    write(row)
    (found,) = discovered_models.load(HOST).models
    return found


def test_the_file_is_in_llms_folder_of_the_environment_or_of_llm(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert discovered_models.path() == llm.user_dir() / "kimi-models.json"
    monkeypatch.delenv("LLM_USER_PATH")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    assert not discovered_models.path().parent.exists()
    assert discovered_models.path() == llm.user_dir() / "kimi-models.json"


def test_no_file_is_no_trouble() -> None:
    found = discovered_models.load()
    assert (found.base_url, found.when, found.rows, found.models) == (HOST, None, (), ())
    assert found.trouble is discovered_models.take_trouble() is None


def test_facts_of_the_host_narrow_the_rules_of_the_newest_family() -> None:
    found = model({**ROW, "supports_video_in": True, "supports_reasoning": True})
    newest = BY_ID[FLAGSHIP]
    assert (found.id, found.context, found.output_limit) == ("kimi-k9", 200_000, 200_000)
    assert found.modalities == ("text", "video")
    assert found.thinking == newest.thinking
    assert found.price is None
    assert catalog.resolve("kimi-k9") is found
    assert catalog.rules("kimi-k9").context == newest.context


def test_nothing_stated_leaves_the_rules_as_they_are() -> None:
    found = model({"id": "kimi-k9"})
    assert found.modalities == BY_ID[FLAGSHIP].modalities
    assert found.context == BY_ID[FLAGSHIP].context


def test_translate_and_attachments_go_by_them() -> None:
    write({**ROW, "supports_video_in": False, "supports_reasoning": False})
    discovered_models.load(HOST)
    assert Kimi("kimi-k9").attachment_types == DOCUMENT_TYPES
    with pytest.raises(InvalidRequestError, match="takes text, no image"):
        translate({"model": "kimi-k9", "messages": [{"role": "user", "content": PICTURE}]})
    translation = translate({"model": "kimi-k9", "messages": HI, "reasoning_effort": "high"})
    assert not translation.thinking
    assert "reasoning_effort" not in translation.body


def test_an_id_as_a_relay_writes_it_keeps_the_rules_of_its_model() -> None:
    row = {"id": "moonshotai/Kimi-K2.6", "context_length": 100_000, "supports_reasoning": False}
    found = model(row)
    assert found.thinking == BY_ID["kimi-k2.6"].thinking
    assert (found.context, found.modalities) == (100_000, BY_ID["kimi-k2.6"].modalities)
    assert translate({"model": found.id, "messages": HI}).body["model"] == found.id


def test_a_retired_model_that_a_relay_serves_is_usable() -> None:
    found = model({"id": "kimi-k2.5", "supports_video_in": True})
    assert (found.status, found.retired_on, found.modalities) == ("live", None, ("text", "image"))
    assert catalog.resolve("kimi-k2.5").status == "retired"


def test_what_the_catalog_lists_and_what_others_make_is_not_learned() -> None:
    write(*({"id": row.id} for row in live_models()), {"id": "gpt-4o"})
    found = discovered_models.load(HOST)
    assert found.models == ()
    assert len(found.rows) == len(live_models())


@pytest.mark.parametrize(
    "row",
    [
        None,
        7,
        [],
        {},
        {"id": 7},
        {"id": ""},
        {"id": "kimi-\x1b[31m"},
        {"id": "kimi-k9 k10"},
        {"id": "kimi-" + "x" * 300},
    ],
)
def test_rows_that_are_none_are_left_out(row: Any) -> None:
    assert discovered_models.clean_rows([row]) == []


@pytest.mark.parametrize("context", [0, -5, True, "many", 1.5, None])
def test_facts_that_are_none_are_left_out(context: Any) -> None:
    row = {"id": "kimi-k9", "context_length": context, "supports_image_in": "yes"}
    assert discovered_models.clean_rows([row]) == [{"id": "kimi-k9"}]


def test_hosts_are_kept_apart_and_the_oldest_make_room() -> None:
    for number in range(discovered_models.MAX_HOSTS + 3):
        write({"id": f"kimi-x{number}"}, base_url=f"http://relay-{number}.example/v1")
    assert discovered_models.read("http://relay-0.example/v1").when is None
    assert [m.id for m in discovered_models.read("http://relay-9.example/v1").models] == ["kimi-x9"]
    assert discovered_models.read(HOST).models == ()


def test_a_model_made_for_another_host_gets_its_facts() -> None:
    write(ROW, base_url="http://relay.example/v1")
    assert Kimi("kimi-k9", base_url="http://relay.example/v1/").row.context == 200_000


def test_what_is_gone_is_forgotten() -> None:
    model(ROW)
    write({"id": "kimi-k10"})
    discovered_models.load(HOST)
    assert catalog.resolve("kimi-k9").id == "kimi-*"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"version": 1}',
        b'{"version": 2, "hosts": {}}',
        b'{"version": 1, "hosts": []}',
        b'{"version": 1, "hosts": {"x": 7}}',
        b'{"version": 1, "hosts": {"x": {"models": 7}}}',
        b"[" * 100_000,
        b" " * (discovered_models.MAX_BYTES + 1),
    ],
)
def test_a_broken_file_is_no_file(text: bytes) -> None:
    discovered_models.path().write_bytes(text)
    found = discovered_models.load(HOST)
    assert (found.models, found.rows) == ((), ())
    assert "kimi-models.json cannot be read (" in (found.trouble or "")
    assert "run 'llm kimi refresh' to recreate it" in (found.trouble or "")
    assert "\n" not in (found.trouble or "")
    assert discovered_models.take_trouble() == found.trouble
    assert discovered_models.take_trouble() is None
    write(ROW)
    assert discovered_models.load(HOST).trouble is None


def test_a_folder_in_its_place_is_no_crash() -> None:
    discovered_models.path().mkdir()
    assert "Is a directory" in (discovered_models.load(HOST).trouble or "")


def test_a_bad_base_url_is_said_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIMI_BASE_URL", "no url")
    assert discovered_models.load().models == ()


def test_a_write_that_fails_leaves_the_old_file_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(ROW)
    before = discovered_models.path().read_bytes()

    def fail(*args: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write({"id": "kimi-k10"})
    assert discovered_models.path().read_bytes() == before
    assert os.listdir(discovered_models.path().parent) == ["kimi-models.json"]


def test_the_file_holds_what_is_documented() -> None:
    write({**ROW, "owned_by": "moonshot", "key": "sk-secret"})
    assert json.loads(discovered_models.path().read_text()) == {
        "version": 1,
        "hosts": {HOST: {"refreshed": WHEN, "models": [ROW]}},
    }


def test_threads_may_learn_and_resolve_at_once() -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for _ in range(200):
                row = catalog.rules(f"kimi-t{number}")
                catalog.learn([row], host=f"http://{number}.example/v1")
                catalog.resolve("kimi-t0")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(4):
        catalog.learn([], host=f"http://{number}.example/v1")
    assert failures == []
