"""Errors: one line, exit status 1, a hint, never a traceback and never a key."""

from __future__ import annotations

import asyncio
from pathlib import Path

import llm
import pytest

from llm_kimi.errors import APIError, KimiError
from llm_kimi.simulator import Simulator
from tests.support.llm_runs import ask, fail, process, run
from tests.support.llm_runs import closed_clients as closed_clients
from tests.support.ports import kept_port

SECRET = "sk-secret-0123456789abcdef"
FAULTS = [
    ("fault: 400 invalid_request_error message='invalid temperature: only 1'", "leave it out"),
    ("fault: 400 content_filter", "rephrase it"),
    ("fault: 401", "Keys belong to one host"),
    ("fault: 403", "403 permission_denied_error"),
    (
        "fault: 404 message='Not found the model x or Permission denied'",
        "New accounts do not get this model",
    ),
    ("fault: 429 exceeded_current_quota_error", "top it up"),
    ("fault: 500 times=always retry-after=0", "500 server_error"),
    ("fault: html times=always retry-after=0", "a gateway answered with a page"),
    ("fault: cut after=3", "broke off in the middle of the answer"),
    ("fault: error-in-stream after=3", "The server had an error"),
]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llm_kimi.exchange.retry.retry_delay", lambda *args: 0.0)


@pytest.mark.parametrize(("prompt", "text"), FAULTS, ids=lambda value: value[:30])
@pytest.mark.parametrize("extra", [(), ("--async",), ("--no-stream",)])
def test_an_error_is_one_line(
    kimi: Simulator, prompt: str, text: str, extra: tuple[str, ...]
) -> None:
    assert text in fail(prompt, *extra)


@pytest.mark.parametrize(("prompt", "text"), FAULTS, ids=lambda value: value[:30])
def test_and_in_a_chat(kimi: Simulator, prompt: str, text: str) -> None:
    result = run("chat", "-m", "kimi-k2.6", input=f"{prompt}\nexit\n")
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert text in result.stderr.splitlines()[-1]
    assert result.stderr.splitlines()[-1].startswith("Error: ")


def test_an_answer_without_its_last_word_stands_and_a_notice_says_so(kimi: Simulator) -> None:
    result = run("prompt", "-m", "kimi-k2.6", "{{say: all of it}} {{fault: no-done}}")
    assert result.exit_code == 0
    assert result.stdout.strip() == "all of it"
    assert "before Kimi confirmed the end of the answer" in result.stderr


def test_and_in_the_second_round_of_a_chain(kimi: Simulator) -> None:
    def break_it() -> str:
        kimi.fault(status=400, message="no")
        return "broken"

    chain = llm.get_model("kimi-k2.6").chain("say: so far\ncall: break_it", tools=[break_it])
    with pytest.raises(llm.ModelError, match="400 invalid_request_error: no"):
        chain.text()
    assert len(kimi.requests) == 2


def test_nobody_listens(kimi: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    with kept_port() as port:
        monkeypatch.setenv("KIMI_BASE_URL", f"http://127.0.0.1:{port}/v1")
        text = fail("hi")
    assert f"no connection to http://127.0.0.1:{port}/v1" in text
    assert "KIMI_BASE_URL sets this address, and nothing answers there" in text


@pytest.mark.parametrize("extra", [(), ("--async",), ("--no-stream",)])
def test_after_the_offline_kimi_has_ended_it_says_which_variables_to_unset(
    kimi: Simulator, monkeypatch: pytest.MonkeyPatch, extra: tuple[str, ...]
) -> None:
    kimi.stop()
    text = fail("hi", *extra)
    assert "KIMI_BASE_URL sets this address" in text
    assert "llm kimi simulate" in text
    assert "unset KIMI_BASE_URL to use https://api.moonshot.ai/v1" in text
    # The variable that comes next would hold when the first one is gone.
    monkeypatch.setenv("MOONSHOT_API_BASE", kimi.base_url)
    assert "unset KIMI_BASE_URL MOONSHOT_API_BASE to" in fail("hi", *extra)
    monkeypatch.delenv("KIMI_BASE_URL")
    text = fail("hi", *extra)
    assert "MOONSHOT_API_BASE sets this address" in text
    assert "KIMI_BASE_URL" not in text


def test_a_base_url_of_the_program_itself_is_not_laid_to_a_variable(
    kimi: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from llm_kimi import Kimi

    kimi.stop()
    monkeypatch.setenv("KIMI_BASE_URL", "https://api.moonshot.ai/v1")
    with pytest.raises(llm.ModelError) as caught:
        Kimi("kimi-k2.6", base_url=kimi.base_url).prompt("hi", key=kimi.key).text()
    assert "Is a server running there?" in str(caught.value)
    assert "KIMI_BASE_URL" not in str(caught.value)


def test_the_real_command_says_it_on_stderr_alone(kimi: Simulator) -> None:
    done = process("-m", "kimi-k2.6", "fault: 401")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Error: 401 ")
    assert len(done.stderr.splitlines()) == 1


def test_a_401_names_where_the_key_came_from(
    kimi: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    kimi.keys = frozenset({"sk-right"})
    assert "the environment variable MOONSHOT_API_KEY" in fail("hi")
    assert "the option --key" in fail("hi", "--key", "sk-literal")
    assert run("keys", "set", "kimi", "--value", "sk-stored").exit_code == 0
    assert "the stored key 'kimi'" in fail("hi")


@pytest.mark.parametrize(
    "prompt",
    [
        f"fault: 401 message='bad key {SECRET}'",
        f"fault: 500 message='{SECRET}' times=always retry-after=0",
        f"fault: error-in-stream message='{SECRET}'",
        "fault: drop times=always",
        "fault: cut after=2",
    ],
)
@pytest.mark.parametrize("raising", [False, True])
def test_no_key_in_any_output(
    kimi: Simulator, monkeypatch: pytest.MonkeyPatch, prompt: str, raising: bool
) -> None:
    monkeypatch.setenv("MOONSHOT_API_KEY", SECRET)
    if raising:
        monkeypatch.setenv("LLM_RAISE_ERRORS", "1")
    result = run("-m", "kimi-k2.6", prompt)
    assert result.exit_code == 1
    import traceback

    trace = "".join(traceback.format_exception(result.exception))
    error = result.exception
    assert SECRET not in result.output.replace(prompt, "")
    while error is not None:
        trace += repr(error) + str(error) + repr(vars(error))
        error = error.__cause__ or error.__context__
    assert SECRET not in trace.replace(prompt, "")


def test_no_key_in_a_real_traceback(kimi: Simulator) -> None:
    done = process(
        *("-m", "kimi-k2.6", "fault: 401"), MOONSHOT_API_KEY=SECRET, LLM_RAISE_ERRORS="1"
    )
    assert done.returncode == 1
    assert "Error" in done.stderr
    assert SECRET not in done.stderr + done.stdout


@pytest.mark.parametrize("key", ["sk-abc\ndef123456", "sk-abc\u2026def", "sk-a b", "sk-\u00fc"])
def test_a_key_that_cannot_be_sent_is_not_shown(
    kimi: Simulator, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    for extra in (("--key", key), ()):
        if not extra:
            monkeypatch.setenv("MOONSHOT_API_KEY", key)
        text = fail("hi", *extra)
        assert "contains spaces or invalid characters" in text
        assert key not in text
        assert "def" not in text
    model = llm.get_model("kimi-k2.6")
    model.key = key
    with pytest.raises(llm.ModelError, match="invalid characters"):
        model.prompt("hi").text()
    assert kimi.requests == []


def test_the_cause_is_kept_for_programs(kimi: Simulator) -> None:
    with pytest.raises(llm.ModelError) as caught:
        llm.get_model("kimi-k2.6").prompt("fault: 401").text()
    cause = caught.value.__cause__
    assert isinstance(cause, APIError)
    assert isinstance(cause, KimiError)
    assert cause.status == 401


def test_an_overloaded_engine_is_tried_again(kimi: Simulator) -> None:
    result = ask("say: at last\nfault: 429 engine_overloaded_error times=2 retry-after=0")
    assert result.stdout == "at last\n"
    assert len(kimi.requests) == 3


def test_a_quota_is_not(kimi: Simulator) -> None:
    fail("fault: 429 exceeded_current_quota_error times=always")
    assert len(kimi.requests) == 1


def test_a_stream_that_has_begun_is_not_tried_again(kimi: Simulator) -> None:
    fail("fault: cut after=3 times=always")
    assert len(kimi.requests) == 1


def test_async_errors_are_the_same(kimi: Simulator) -> None:
    async def main() -> str:
        return await llm.get_async_model("kimi-k2.6").prompt("fault: 401").text()

    with pytest.raises(llm.ModelError, match="Keys belong to one host"):
        asyncio.run(main())


def test_an_id_of_another_maker_is_an_error() -> None:
    from llm_kimi import Kimi

    with pytest.raises(ValueError, match="gpt-5"):
        Kimi("gpt-5")


def test_a_failed_answer_is_not_logged(kimi: Simulator, tmp_path: Path) -> None:
    fail("fault: 400 x")
    assert run("logs", "--json").stdout.strip() in ("", "[]")


def test_a_prompt_that_is_no_text_is_refused_before_it_is_sent(kimi: Simulator) -> None:
    """llm could not log it after it was answered, and billed."""
    with pytest.raises(llm.ModelError, match="not UTF-8"):
        llm.get_model("kimi-k2.6").prompt("bad \udcff", key=kimi.key).text()
    assert kimi.requests == []


def test_an_empty_answer_is_told(kimi: Simulator) -> None:
    assert "kimi: the model gave an empty answer" in ask("{{reason: a}} {{say: }}", "-R").stderr


def test_every_model_error_has_one_of_ours_as_its_cause(kimi: Simulator) -> None:
    from llm_kimi import KimiError, StrictError

    for prompt, options in (("a", {"temperature": 0.2, "strict": True}), ("{{fault: 401}}", {})):
        with pytest.raises(llm.ModelError) as caught:
            llm.get_model("kimi-k2.6").prompt(prompt, key=kimi.key, **options).text()
        assert isinstance(caught.value.__cause__, KimiError)
        if options:
            assert isinstance(caught.value.__cause__, StrictError)


def test_a_model_of_another_maker_is_refused_by_name() -> None:
    from llm_kimi import InvalidRequestError, Kimi

    with pytest.raises(InvalidRequestError, match="'gpt-4o' is not a Kimi model"):
        Kimi("gpt-4o")
