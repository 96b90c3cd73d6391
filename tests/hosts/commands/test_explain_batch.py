"""``llm kimi explain`` on files with one request a line: counted, translated, in little memory."""

from __future__ import annotations

import json
import os
import subprocess
import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from llm_kimi import translate
from llm_kimi.catalog import live_models
from llm_kimi.commands.explain import batch, batch_reader
from llm_kimi.commands.explain import summary as summaries
from llm_kimi.simulator import Simulator, check_chat
from tests.support.llm_runs import ask, process, run
from tests.support.openai_requests import requests
from tests.support.warm import warm

HI = [{"role": "user", "content": "hi"}]
PLAIN: dict[str, Any] = {"model": "kimi-k2.6", "messages": HI}
COLD = {**PLAIN, "temperature": 0.2}
OLD = {**PLAIN, "max_tokens": 5}
AUDIO = {
    **PLAIN,
    "messages": [
        {
            "role": "user",
            "content": [{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}],
        }
    ],
}
OTHER = {**PLAIN, "model": "gpt-4o"}
BATCH = {"custom_id": "r-1", "method": "POST", "url": "/v1/chat/completions", "body": COLD}


def lines(*values: Any) -> str:
    return "".join((v if isinstance(v, str) else json.dumps(v)) + "\n" for v in values)


def explain(*args: str, input: str | bytes | None = None) -> str:
    """The output of a run that succeeds."""
    result = run("kimi", "explain", *args, input=input)
    assert result.exit_code == 0, (result.output, result.exception)
    assert result.stderr == ""
    return result.stdout


def summary(*values: Any, args: tuple[str, ...] = ()) -> dict[str, Any]:
    """The summary of these lines as JSON."""
    found: dict[str, Any] = json.loads(explain("--json", "--jsonl", *args, input=lines(*values)))
    return found


def refuse(*args: str, input: str | bytes | None = None, code: int = 1) -> str:
    """The last line of a run that fails."""
    result = run("kimi", "explain", *args, input=input)
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    return result.stderr.splitlines()[-1].removeprefix("Error: ")


def test_what_kimi_would_refuse_and_what_runs() -> None:
    found = summary(PLAIN, COLD, COLD, OLD, AUDIO)
    assert found["requests"] == 5
    assert found["as_sent"]["refused"] == 3
    rules = {row["rule"]: row for row in found["as_sent"]["refused_by_rule"]}
    assert (rules["temperature-pinned"]["count"], rules["temperature-pinned"]["first_line"]) == (
        2,
        2,
    )
    assert "only 1 is allowed" in rules["temperature-pinned"]["message"]
    translated = found["translated"]
    assert (translated["run"], translated["unchanged"]) == (4, 1)
    assert translated["adjusted_same_meaning"] == 1
    assert translated["adjusted_other_meaning"] == 2
    assert translated["refused"] == 0
    adjusted = {row["param"]: row for row in translated["adjustments"]}
    assert adjusted["temperature"]["count"] == 2
    assert adjusted["temperature"]["changes_meaning"] is True
    assert adjusted["max_tokens"]["changes_meaning"] is False
    assert found["errors_before_sending"] == 1
    assert "messages[].content[]" in found["errors_by_reason"][0]["reason"]
    assert found["errors_by_reason"][0]["first_line"] == 5


def test_the_same_for_people() -> None:
    text = explain(input=lines(PLAIN, COLD, COLD, OLD, AUDIO, "oops"))
    flat = " ".join(text.split())
    assert "5 requests in the input" in flat
    assert "As sent, Kimi would refuse 3 (60.0%)" in flat
    assert "- 2 temperature-pinned: invalid temperature: only 1 is allowed" in flat
    assert "Translated, 4 run (80.0%)" in flat
    assert "1 unchanged, 1 adjusted with the same meaning, 2 with a changed meaning" in flat
    assert (
        "! 2 temperature 0.2 -> 1.0 (kimi-k2.6 fixes it while thinking) (first in line 2)" in flat
    )
    assert "Refused before sending: 1 (20.0%)" in flat
    assert "1 line without a chat request" in flat
    assert "- 1 not valid JSON (first in line 6)" in flat
    assert max(map(len, text.splitlines())) <= 80


def test_changes_of_meaning_come_first() -> None:
    text = explain(input=lines(OLD, OLD, OLD, COLD))
    assert text.index("! ") < text.index("max_tokens 5")


@pytest.mark.parametrize(
    "wrapped",
    [
        COLD,
        BATCH,
        {"time": 1, "method": "POST", "path": "/v1/chat/completions", "body": COLD},
        {**BATCH, "url": "https://api.openai.com/v1/chat/completions?a=b"},
    ],
)
def test_forms_of_lines(wrapped: dict[str, Any]) -> None:
    found = summary(wrapped)
    assert (found["requests"], found["bad_lines"]) == (1, 0)
    assert [row["param"] for row in found["translated"]["adjustments"]] == ["temperature"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("oops", "not valid JSON"),
        ("{", "not valid JSON"),
        ("[1]", "not a JSON object"),
        ("null", "not a JSON object"),
        ("{}", "contains no chat request"),
        ({"body": {"input": "hi"}}, "contains no chat request"),
        ({"request": COLD}, "contains no chat request"),
        ({**BATCH, "url": "/v1/embeddings", "body": {"input": "hi"}}, "another endpoint"),
        ({"path": "/v1/models", "body": None}, "another endpoint"),
        ("[" * 100_000, "nested too deeply"),
        ({"body": {"body": COLD}}, "contains no chat request"),
    ],
)
def test_lines_without_a_request(line: Any, reason: str) -> None:
    found = summary(PLAIN, "", line, line)
    assert found["requests"] == 1
    (row,) = found["bad_lines_by_reason"]
    assert reason in row["reason"]
    assert (row["count"], row["first_line"], found["bad_lines"]) == (2, 3, 2)


def test_no_line_holds_a_request() -> None:
    text = refuse("--jsonl", input=lines("oops", {}))
    assert text.startswith("no line of the input contains a chat request")
    assert "line 1: not valid JSON" in text
    assert "no line of the input" in refuse("--jsonl", input="")


def test_a_line_that_is_too_long_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_reader, "MAX_LINE", 200)
    found = summary(PLAIN, "x" * 1_000, COLD)
    assert found["requests"] == 2
    assert found["bad_lines_by_reason"][0]["first_line"] == 2


def test_one_document_is_shown_as_ever(tmp_path: Path) -> None:
    pretty = json.dumps(COLD, indent=1)
    assert explain(input=pretty) == explain(input=json.dumps(COLD))
    assert explain(input=json.dumps(COLD) + "\n\n  \n").startswith("{")


def test_lines_are_found_out(tmp_path: Path) -> None:
    counted = "requests in "
    assert counted in explain(input=lines(COLD, COLD))
    assert counted in explain(input=lines("", COLD, "", "oops", COLD))
    assert counted in explain(input=b"\xef\xbb\xbf" + lines(COLD, COLD).encode())
    assert "1 request in the input" in explain("--jsonl", input=lines(COLD))
    for name in ("a.jsonl", "a.NDJSON"):
        path = tmp_path / name
        path.write_text(lines(COLD))
        assert f"1 request in {path}" in explain(str(path)).replace("\n", "")
    text = refuse(input=lines("2026-11-21 log begins", COLD))
    assert "is not valid JSON" in text
    assert "for one request a line: --jsonl" in text


def test_models_of_others_have_a_way_out() -> None:
    text = " ".join(explain(input=lines(OTHER, OTHER)).split())
    assert "model: 'gpt-4o' is not a Kimi model" in text
    assert "-m kimi-k3.1-pro explains all of them for that model" in text
    found = summary(OTHER, OTHER, args=("-m", "kimi-k2.6"))
    assert (found["translated"]["run"], found["as_sent"]["refused"]) == (2, 0)


def test_strict_refuses_and_ends_with_1() -> None:
    result = run("kimi", "explain", "--json", "--strict", input=lines(PLAIN, COLD))
    assert result.exit_code == 1
    (row,) = json.loads(result.stdout)["errors_by_reason"]
    assert row["reason"] == "strict mode, because of temperature"
    assert run("kimi", "explain", "--strict", input=lines(PLAIN, OLD)).exit_code == 0


def test_the_fallback_is_used() -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
    forced = {**PLAIN, "tools": [tool], "tool_choice": "required"}
    found = summary(forced, forced)
    assert found["translated"]["nudged_to_call_a_tool"] == 2
    found = summary(forced, PLAIN, args=("--tool-choice-fallback", "error"))
    assert found["errors_before_sending"] == 1


def read(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_out_keeps_the_form_of_a_batch_file(tmp_path: Path) -> None:
    out = tmp_path / "kimi.jsonl"
    explain("--out", str(out), input=lines(BATCH, COLD, "oops", AUDIO))
    body = translate(COLD).body
    assert read(out) == [{**BATCH, "body": body}, body]


def test_out_holds_a_request_for_each_answer(tmp_path: Path) -> None:
    out = tmp_path / "kimi.jsonl"
    several = {**BATCH, "body": {**PLAIN, "n": 3}}
    text = explain("--out", str(out), input=lines(several, PLAIN))
    assert [line.get("custom_id") for line in read(out)] == ["r-1", "r-1-2", "r-1-3", None]
    assert "1 are sent several times" in " ".join(text.split())


def test_out_on_stdout_leaves_it_to_the_requests() -> None:
    result = run("kimi", "explain", "--out", "-", input=lines(COLD, COLD))
    assert result.exit_code == 0
    assert [json.loads(line) for line in result.stdout.splitlines()] == [translate(COLD).body] * 2
    assert "2 requests in the input" in result.stderr
    one = run("kimi", "explain", "--out", "-", input=json.dumps(COLD, indent=1))
    assert json.loads(one.stdout) == translate(COLD).body


def test_out_on_a_terminal_of_another_encoding() -> None:
    line = {**COLD, "messages": [{"role": "user", "content": "日本"}]}
    done = process(
        "kimi", "explain", "--out", "-", input=lines(line, line), PYTHONIOENCODING="cp1252"
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[0])["messages"][0]["content"] == "日本"


def test_out_of_one_document(tmp_path: Path) -> None:
    out = tmp_path / "kimi.jsonl"
    assert "2 adjustments" not in explain("--out", str(out), input=json.dumps(COLD, indent=1))
    assert read(out) == [translate(COLD).body]


def test_out_tells_what_the_lines_cannot_do(tmp_path: Path) -> None:
    tool = {"type": "function", "function": {"name": "1f", "parameters": {}}}
    forced = {**PLAIN, "tools": [tool], "tool_choice": "required"}
    text = explain("--out", str(tmp_path / "o"), input=lines(forced, forced))
    flat = " ".join(text.split())
    assert (
        "2 force a tool call, which Kimi does not accept there: the written lines only ask for it"
        in flat
    )
    assert "2 have renamed tools or another form of answer" in flat


def test_out_is_never_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(lines(COLD))
    assert "is the input file" in refuse(str(path), "--out", str(path))
    assert path.read_text() == lines(COLD)


def test_out_that_cannot_be_written(tmp_path: Path) -> None:
    text = refuse("--out", str(tmp_path / "no" / "x"), input=lines(COLD, COLD))
    assert text.endswith("No such file or directory")
    refuse("--out", str(tmp_path), input=lines(COLD, COLD), code=2)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux")
@pytest.mark.parametrize("count", [2, 2_000])
def test_a_full_disk_is_one_line(count: int) -> None:
    assert "No space left" in refuse("--out", "/dev/full", input=lines(*[COLD] * count))


def test_half_a_surrogate_pair_is_no_crash(tmp_path: Path) -> None:
    line = json.dumps({**PLAIN, "user": "x"}).replace('"x"', r'"\ud800"')
    odd = json.dumps({**PLAIN, "model": "x"}).replace('"x"', r'"\ud800"')
    text = explain("--out", str(tmp_path / "o"), input=lines(line, odd))
    assert "half a character" in text
    text.encode()


def test_kinds_are_bounded() -> None:
    groups = summaries.Groups()
    for number in range(1_000):
        groups.add(f"kind {number}", number + 1, "x" * 10_000)
    assert len(groups.kinds) == summaries.MAX_KINDS
    assert groups.total() == 1_000
    assert groups.others is not None
    assert groups.others.line == summaries.MAX_KINDS + 1
    assert all(len(group.example) <= summaries.MAX_TEXT for _, group in groups)
    many = [{**PLAIN, "model": f"gpt-{number}"} for number in range(200)]
    found = summary(*many)
    assert found["errors_before_sending"] == 200
    assert len(found["errors_by_reason"]) == summaries.MAX_KINDS + 1
    assert "other reasons" in explain(input=lines(*many))


def generated(size: int) -> Iterator[str]:
    """Lines of about ``size`` bytes together, no two alike."""
    done, number = 0, 0
    while done < size:
        number += 1
        text = lines({**COLD, "messages": [{"role": "user", "content": f"{number} " * 500}]})
        done += len(text)
        yield text


def write(path: Path, texts: Iterable[str]) -> None:
    with path.open("w") as file:
        file.writelines(texts)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    peaks = []
    explain(input=lines(COLD, COLD))  # what is imported is there for good
    for size in (500_000, 8_000_000):
        path = tmp_path / f"{size}.jsonl"
        write(path, generated(size))
        tracemalloc.start()
        explain(str(path), "--out", str(tmp_path / "out"))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 500_000, peaks


def test_whatever_openai_takes_is_counted_to_the_last_one() -> None:
    models = [model.id for model in live_models()]
    given = list(requests(150, seed=11, models=models))
    found = summary(*given)
    refused = sum(check_chat(request) is not None for request in given)
    assert (found["requests"], found["as_sent"]["refused"]) == (150, refused)
    translated = found["translated"]
    total = translated["run"] + translated["refused"] + found["errors_before_sending"]
    assert total == 150
    parts = ("unchanged", "adjusted_same_meaning", "adjusted_other_meaning")
    assert sum(translated[name] for name in parts) == translated["run"]
    assert explain(input=lines(*given))


def test_the_log_of_the_simulator_can_be_explained(kimi: Simulator, tmp_path: Path) -> None:
    ask("hi", "-o", "temperature", "0.2")
    path = tmp_path / "log.jsonl"
    path.write_text(lines(*kimi.requests))
    assert "1 request in" in explain(str(path))


@pytest.mark.skipif(os.name == "nt", reason="ptys")
@pytest.mark.parametrize(("size", "bar"), [(6_000_000, True), (10_000, False)])
def test_a_bar_on_a_terminal_for_large_files(tmp_path: Path, size: int, bar: bool) -> None:
    import pty

    path = tmp_path / "a.jsonl"
    write(path, generated(size))
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [*warm(), "llm", "kimi", "explain", str(path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=follower,
        text=True,
    )
    os.close(follower)
    out, _ = process.communicate(timeout=60)
    shown = b""
    try:
        while piece := os.read(leader, 65_536):
            shown += piece
    except OSError:
        pass  # Linux tells the end of a pty so
    os.close(leader)
    assert process.returncode == 0
    assert "Translated" in out
    assert (b"100%" in shown) is bar


def test_no_bar_in_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "PROGRESS_FROM", 0)
    path = tmp_path / "a.jsonl"
    path.write_text(lines(COLD, COLD))
    explain(str(path))


def test_as_a_real_command_through_pipes() -> None:
    done = process("kimi", "explain", "--json", input=lines(COLD, COLD))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["requests"] == 2


def test_help_tells_of_lines() -> None:
    text = run("kimi", "explain", "--help").stdout
    assert "llm kimi explain batch.jsonl -m kimi --out kimi.jsonl" in text


def test_files_run_and_cannot_be_written(tmp_path: Path) -> None:
    """They are fetched and uploaded by the doors; a batch file has no place for that."""
    picture = {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}
    document = {"type": "file", "file": {"file_id": "f", "filename": "a.pdf"}}
    lines = [
        json.dumps({"model": model, "messages": [{"role": "user", "content": [part]}]})
        for model, part in (("kimi-k2.6", picture), ("kimi-k3", document))
    ]
    source, out = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    source.write_text("\n".join(lines))
    found = json.loads(run("kimi", "explain", str(source), "--json").stdout)["translated"]
    assert found["with_files_to_fetch_or_upload"] == 2
    assert "2 contain files" in run("kimi", "explain", str(source)).stdout
    run("kimi", "explain", str(source), "--out", str(out))
    assert out.read_text() == ""


def test_a_mistyped_model_is_an_error(tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text(
        json.dumps({"model": "gpt-5", "messages": [{"role": "user", "content": "a"}]})
    )
    result = run("kimi", "explain", str(source), "-m", "nonsense")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: model: ")
    assert len(result.stderr.splitlines()) == 1
