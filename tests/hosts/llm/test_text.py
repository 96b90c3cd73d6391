"""Prompts in a locale without UTF-8, text that is none, and halves of characters from tools."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path
from typing import Any

import llm
import pytest
import sqlite_utils
from llm.migrations import migrate

from llm_kimi.simulator import Simulator
from tests.support.llm_runs import ask, bodies, logged, messages, process, run, told
from tests.support.llm_runs import closed_clients as closed_clients
from tests.support.warm import warm

C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
LOCALE = frozenset(
    ("LC_ALL", "LC_CTYPE", "LANG", "PYTHONUTF8", "PYTHONCOERCECLOCALE", "PYTHONIOENCODING")
)
WAY_OUT = "contains bytes that are not UTF-8 text: convert them first (iconv -f latin1 -t utf-8)"
posix = pytest.mark.skipif(os.name == "nt", reason="arguments are no bytes there")


def raw(*args: str | bytes, input: bytes = b"", **env: str) -> tuple[int, str, str]:
    """``llm ARGS`` with arguments and stdin as bytes; status, stdout, stderr."""
    run("logs", "path")
    done = subprocess.run(
        [*warm(**{name: text for name, text in env.items() if name in LOCALE}), "llm", *args],
        input=input,
        capture_output=True,
        timeout=120,
        check=False,
        env={**os.environ, **env},
    )
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode()


@posix
@pytest.mark.parametrize(
    "args",
    [
        ("日本", "-s", "größe"),
        ("hi", "-o", "prefill", "日本", "-o", "stop", '["größe"]'),
        ("--schema", "日本, größe int", "hi"),
    ],
)
def test_arguments_in_a_locale_without_utf_8(kimi: Simulator, args: tuple[str, ...]) -> None:
    status, out, err = raw("-m", "kimi-k2.6", "-R", *args, **C_LOCALE)
    assert (status, err) == (0, "")
    assert out
    assert "日本" in str(bodies(kimi)[0])
    assert "größe" in str(bodies(kimi)[0])
    assert "\\udc" not in ascii(bodies(kimi)[0])
    assert len(logged()) == 1


@posix
def test_the_answer_is_shown_in_a_locale_without_utf_8(kimi: Simulator) -> None:
    assert raw("-m", "kimi-k2.6", "-R", "say: 日本", **C_LOCALE) == (0, "日本\n", "")
    assert logged()[0]["prompt"] == "say: 日本"


@posix
def test_an_answer_that_the_terminal_cannot_show_is_not_lost(kimi: Simulator) -> None:
    encoding = {"PYTHONIOENCODING": "cp1252:strict"}
    args = ("-m", "kimi-k2.6", "-R", "say: a \u65e5 b")
    assert raw(*args, **encoding)[:2] == (0, "a ? b\n")
    assert logged()[0]["response"] == "a 日 b"


@posix
@pytest.mark.parametrize(
    ("args", "env", "sent"),
    [
        ((), C_LOCALE, "日本 “größe”"),
        (("größe",), C_LOCALE, "日本 “größe” größe"),
        (("größe",), {"PYTHONIOENCODING": "cp1252:surrogateescape"}, "日本 “größe” größe"),
        (("größe",), {"PYTHONIOENCODING": "latin-1"}, "日本 “größe” größe"),
    ],
)
def test_stdin_is_utf_8_whatever_the_locale_says(
    kimi: Simulator, args: tuple[str, ...], env: dict[str, str], sent: str
) -> None:
    assert raw("-m", "kimi-k2.6", *args, input="日本 “größe”".encode(), **env)[0] == 0
    assert messages(kimi)[0]["content"] == sent


@posix
def test_a_fragment_from_stdin_is_utf_8_too(kimi: Simulator) -> None:
    text = "日本 “größe”"
    args = ("-m", "kimi-k2.6", "größe", "-f", "-")
    assert raw(*args, input=text.encode(), **C_LOCALE)[0] == 0
    assert text in messages(kimi)[0]["content"]


@posix
def test_a_chat_in_a_locale_without_utf_8(kimi: Simulator) -> None:
    status, out, _ = raw(
        "chat", "-m", "kimi-k2.6", "-R", input="日本\nmore\nexit\n".encode(), **C_LOCALE
    )
    assert status == 0
    assert "You said: 日本" in out
    assert messages(kimi)[0]["content"] == "日本"


@posix
@pytest.mark.parametrize(
    ("args", "text", "env"),
    [
        ((b"caf\xe9",), f"prompt: {WAY_OUT}, or attach the file itself (-a FILE)", {}),
        ((b"caf\xe9",), f"prompt: {WAY_OUT}, or attach the file itself (-a FILE)", C_LOCALE),
        (("hi", "-s", b"caf\xe9"), f"system prompt (-s): {WAY_OUT}", C_LOCALE),
        (("--schema", b"caf\xe9, age int", "hi"), f"schema.properties: {WAY_OUT}", {}),
        (("hi", "-o", "prefill", b"caf\xe9"), f"prefill\n  Value error, {WAY_OUT}", C_LOCALE),
    ],
)
def test_what_is_not_utf_8_is_an_error_with_the_way_out(
    kimi: Simulator, args: tuple[str | bytes, ...], text: str, env: dict[str, str]
) -> None:
    assert raw("-m", "kimi-k2.6", *args, **env) == (1, "", f"Error: {text}\n")
    assert kimi.requests == []


@posix
def test_a_file_in_latin_1_is_attached(kimi: Simulator, tmp_path: Path) -> None:
    """As the error says."""
    (tmp_path / "a.txt").write_bytes(b"caf\xe9")
    ask("what", "--at", str(tmp_path / "a.txt"), "text/plain")
    assert "café" in messages(kimi)[0]["content"]


def test_halves_of_characters_in_a_prompt_are_replaced_and_told(
    kimi: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """As JavaScript cuts strings. Two that make a character are one."""
    model = llm.get_model("kimi-k2.6")
    model.prompt("a\ud83d", system="b\ude00", fragments=["c\ud83d\ude00"]).text()
    assert [m["content"] for m in messages(kimi)] == ["b\ufffd", "c😀\na\ufffd"]
    places = [record.getMessage().partition(" '")[0] for record in caplog.records]
    assert places == ["prompt", "system prompt (-s)"]
    with pytest.raises(llm.ModelError, match="strict mode: prompt"):
        model.prompt("a\ud83d", strict=True).text()


TOOL = """
def look() -> str:
    "Look."
    return "a\\ud83d b\\udce4 c\\ud83d\\ude00"
"""


@pytest.mark.parametrize("extra", [(), ("--async",), ("--no-stream",)])
def test_the_result_of_a_tool(kimi: Simulator, extra: tuple[str, ...]) -> None:
    result = ask("call: look", "--functions", TOOL, *extra)
    assert [line.partition(" '")[0] for line in told(result)] == ["kimi: result of the tool look"]
    assert messages(kimi)[2]["content"] == "a\ufffd b\ufffd c😀"
    rows = logged()
    assert len(rows) == 2
    assert rows[1]["tool_results"][0]["output"] == "a\ufffd b\ufffd c😀"
    ask("-c", "more")
    assert len(logged()) == 3


def test_file_names_of_a_tool_are_read_as_utf_8(kimi: Simulator) -> None:
    """``os.listdir`` in a locale without UTF-8."""
    name = os.fsencode("größe.txt").decode("ascii", "surrogateescape")
    model = llm.get_model("kimi-k2.6")
    chain = model.chain("call: names", tools=[llm.Tool(name="names", implementation=lambda: name)])
    assert "größe.txt" in chain.text()


@pytest.mark.parametrize("flavour", ["sync", "async"])
def test_a_chain_in_python_is_logged(kimi: Simulator, flavour: str) -> None:
    def look(where: str = "") -> str:
        return f"{where!a} \ud83d"

    look.__doc__ = "Look \ud83d."  # Python 3.13 compiles no such docstring

    database = sqlite_utils.Database(memory=True)
    migrate(database)
    script = r'call: look {"where": "a\ud83d \ud83d\ude00"}'
    chain: Any
    if flavour == "sync":
        chain = llm.get_model("kimi-k2.6").chain(script, tools=[look])
        chain.text()
    else:
        chain = llm.get_async_model("kimi-k2.6").chain(script, tools=[look])
        asyncio.run(chain.text())
    chain.log_to_db(database)
    assert database["turns"].count == 2
    assert messages(kimi)[2]["content"] == "'a\\ufffd \\U0001f600' \ufffd"
    database.conn.close()


def test_a_history_of_halves(kimi: Simulator) -> None:
    history = [llm.user("a\ud83d"), llm.assistant("b\ud83d"), llm.user("c")]
    response = llm.get_model("kimi-k2.6").prompt(messages=history)
    response.text()
    database = sqlite_utils.Database(memory=True)
    migrate(database)
    response.log_to_db(database)
    assert [m["content"] for m in messages(kimi)] == ["a\ufffd", "b\ufffd", "c"]
    assert history[0].parts[0].text == "a\ud83d", "the caller's own is not changed"
    database.conn.close()


def test_text_in_utf_8_is_left_alone(kimi: Simulator) -> None:
    """What looks like UTF-8 read in another encoding may be meant, where the locale is UTF-8."""
    done = process("-m", "kimi-k2.6", "why Ã©?", PYTHONUTF8="1")
    assert done.returncode == 0
    assert messages(kimi)[0]["content"] == "why Ã©?"
    llm.get_model("kimi-k2.6").prompt("why Ã©?").text()
    assert messages(kimi)[0]["content"] == "why Ã©?"
