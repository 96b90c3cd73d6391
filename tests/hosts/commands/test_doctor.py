"""``llm kimi doctor``: what is configured, what is wrong, nothing that must stay secret."""

from __future__ import annotations

import json
import re
import socket
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest

from llm_kimi.catalog import live_models
from llm_kimi.commands.doctor import checks, destination
from llm_kimi.config import discovered_models, llm_folder, settings
from llm_kimi.simulator import Simulator
from llm_kimi.simulator.http import chat_handler
from scripts.environment import ROOT
from tests.support.llm_runs import closed_clients, process, run

__all__ = ["closed_clients"]

KEY = "sk-doctor-0123456789abcdef"
OTHER = "sk-other-0123456789abcdef"


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MOONSHOT_API_KEY", KEY)
    return KEY


def doctor(*args: str, code: int = 0) -> str:
    """The output of a run; it holds no key."""
    result = run("kimi", "doctor", *args)
    assert result.exit_code == code, result.output
    assert result.stderr == ""
    assert KEY not in result.stdout
    assert OTHER not in result.stdout
    return result.stdout


def as_json(*args: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(doctor("--json", *args, code=code))
    return found


def problems(*args: str) -> str:
    """What is wrong, in one text; there is something, and a person is told the same."""
    found = as_json(*args, code=1)["problems"]
    shown = " ".join(doctor(*args, code=1).replace("! ", "").split())
    for problem in found:
        assert " ".join(problem.split())[:40] in shown
    return "\n".join(found)


def test_all_is_well(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def no(*args: object) -> None:
        raise AssertionError("something was sent")

    monkeypatch.setattr(socket.socket, "connect", no)
    text = doctor()
    assert "Nothing is wrong." in text
    assert "from the environment variable MOONSHOT_API_KEY" in text
    assert "https://api.moonshot.ai/v1 (international" in text
    assert re.search(r"proxies +none", text)
    found = as_json()
    assert found["problems"] == []
    assert found["online"] is None
    assert found["versions"]["llm"] == version("llm")
    assert found["versions"]["python"] == sys.version.split()[0]


def test_it_imports_no_litellm() -> None:
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom llm.cli import cli\n"
        "CliRunner().invoke(cli, ['kimi', 'doctor'])\nassert 'litellm' not in sys.modules\n"
    )
    import subprocess

    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_no_key_is_wrong() -> None:
    assert "llm keys set kimi" in problems()


def test_keys_that_differ_are_named_by_their_places(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIMI_API_KEY", KEY)
    assert as_json()["key"]["agree"] is True
    run("keys", "set", "kimi", "--value", OTHER)
    text = problems()
    assert (
        "the stored key 'kimi' (llm keys) takes precedence over the environment variable MOON"
        in text
    )
    found = as_json(code=1)["key"]
    assert (len(found["places"]), found["agree"]) == (3, False)


def test_inside_the_simulator_other_keys_are_meant_to_differ(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(settings.SIMULATOR_KEY_VARIABLE, "sk-simulator")
    assert as_json()["key"]["source"] == "the offline Kimi"


def test_a_key_that_cannot_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOONSHOT_API_KEY", f"{KEY} x")
    assert "MOONSHOT_API_KEY contains spaces" in problems("--online")


def test_a_key_of_kimi_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOONSHOT_API_KEY", "sk-kimi-0123456789")
    assert "belongs to Kimi Code" in problems()
    monkeypatch.setenv("KIMI_BASE_URL", "https://relay.example/v1")
    assert as_json()["problems"] == []


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://api.moonshot.ai/v1/chat/completions", "ends in /chat/completions"),
        ("https://api.moonshot.ai", "must end in /v1"),
        ("https://api.kimi.com/coding/v1", "the host of Kimi Code"),
        ("http://api.moonshot.cn/v1", "unencrypted"),
        ("api.moonshot.ai", "KIMI_BASE_URL: must be a URL"),
        (f"https://alice:{OTHER}@relay.example/v1", "KIMI_BASE_URL: must be a plain URL"),
    ],
)
def test_base_urls_that_are_wrong(
    key: str, monkeypatch: pytest.MonkeyPatch, url: str, text: str
) -> None:
    monkeypatch.setenv("KIMI_BASE_URL", url)
    assert text in problems()
    assert "alice" not in doctor(code=1)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://api.moonshot.cn/v1", "mainland China, keys of platform.kimi.com"),
        ("https://relay.example/v1", "another host"),
    ],
)
def test_hosts_are_told_apart(
    key: str, monkeypatch: pytest.MonkeyPatch, url: str, kind: str
) -> None:
    monkeypatch.setenv("MOONSHOT_API_BASE", url)
    assert as_json()["base_url"] == {"url": url, "source": "MOONSHOT_API_BASE", "host": kind}


def test_base_urls_that_differ(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIMI_BASE_URL", "https://api.moonshot.cn/v1")
    monkeypatch.setenv("MOONSHOT_BASE_URL", "https://api.moonshot.cn/v1/")
    assert as_json()["problems"] == []
    monkeypatch.setenv("MOONSHOT_API_BASE", "https://api.moonshot.ai/v1")
    assert "KIMI_BASE_URL takes precedence over MOONSHOT_API_BASE" in problems()


def test_a_key_in_the_path_of_a_base_url_stays_secret(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIMI_BASE_URL", f"https://relay.example/{OTHER}/v1")
    assert as_json()["base_url"]["url"] == "https://relay.example/sk-***/v1"


@pytest.mark.parametrize(
    ("package", "have", "text"),
    [
        ("litellm", "1.107.0", "compromised release"),
        ("litellm", "1.107.3", "compromised release"),
        ("litellm", "1.82.9", "too old: 1.83.0"),
        ("llm", "0.31.1", "too old: 0.32.1"),
        ("openai", "2.9.0", "too old: 2.20"),
        ("litellm", "1.109.1", ""),
        ("litellm", None, ""),
        ("openai", "3.54.0rc1", ""),
    ],
)
def test_versions(
    key: str, monkeypatch: pytest.MonkeyPatch, package: str, have: str | None, text: str
) -> None:
    def told(name: str) -> str:
        if name == package:
            if have is None:
                raise PackageNotFoundError(name)
            return have
        return version(name)

    monkeypatch.setattr(checks, "version", told)
    if text:
        assert text in problems()
    else:
        assert as_json()["versions"][package] == have


def test_the_least_versions_are_those_of_the_package() -> None:
    project = ROOT.joinpath("pyproject.toml").read_text()
    for name, least in checks.LEAST.items():
        assert f'"{name}>={least}' in project
    for name, beginnings in checks.COMPROMISED.items():
        for beginning in beginnings:
            assert re.search(rf'"{name}>=[^"]*!={re.escape(beginning)}\*', project)


def test_strict_mode(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIMI_STRICT", "1")
    assert as_json()["strict"] is True
    monkeypatch.setenv("KIMI_STRICT", "perhaps")
    assert "KIMI_STRICT: must be 1 or 0" in problems()


def test_proxies_are_named_without_what_they_are(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://alice:secret@proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "localhost")
    text = doctor()
    assert "HTTPS_PROXY is set, NO_PROXY is set" in text
    assert not {"alice", "secret", "proxy.example"} & set(re.split(r"\W", text))
    assert as_json()["proxies"] == ["HTTPS_PROXY", "NO_PROXY"]


def test_files_and_their_sizes(key: str) -> None:
    discovered_models.save(settings.DEFAULT_BASE_URL, [{"id": "kimi-k9"}], "2026-11-21T10:00:00Z")
    files = {file["name"]: file for file in as_json()["files"]}
    assert files["kimi-models.json"]["bytes"] == discovered_models.path().stat().st_size
    assert files["kimi-models.json"]["note"] == "1 model learned at 2026-11-21T10:00:00Z"
    assert "logs.db, 2" in doctor()


def test_broken_files(key: str) -> None:
    discovered_models.path().write_text("{")
    folder = discovered_models.path().parent
    assert "kimi-models.json cannot be read" in problems()
    discovered_models.path().unlink()
    folder.joinpath("keys.json").write_text("{")
    assert "keys.json cannot be read (not valid JSON)" in problems()


def test_a_folder_that_cannot_be_written(
    key: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    done = process("kimi", "doctor", LLM_USER_PATH=str(tmp_path / "file" / "llm"))
    assert done.returncode == 1
    assert done.stderr == ""
    text = " ".join(done.stdout.split())
    assert "is not writable (Not a directory): set LLM_USER_PATH" in text
    assert list(tmp_path.glob("file*")) == [tmp_path / "file"]


def test_the_home_directory_is_not_shown(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = llm_folder.folder()
    monkeypatch.setenv("HOME", str(folder.parent))
    discovered_models.path().write_text("{")
    assert as_json(code=1)["folder"]["path"] == f"~/{folder.name}"
    assert str(folder.parent) not in doctor(code=1)


def test_online_the_key_works(kimi: Simulator) -> None:
    text = doctor("--online")
    count = len(live_models())
    assert re.search(rf"online +the key works, {count} models, \d+ ms, 49\.59 available", text)
    found = as_json("--online")["online"]
    assert (found["key_works"], found["models"]) == (True, count)
    assert found["balance"] == {"currency": None, "available": 49.58894}


def test_online_the_key_is_refused(kimi: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOONSHOT_API_KEY", "sk-wrong-0123456789")
    text = problems("--online")
    assert "401" in text
    assert "KIMI_BASE_URL=https://api.moonshot.cn/v1" in text
    assert as_json("--online", code=1)["online"]["key_works"] is False


def test_online_nobody_answers(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIMI_BASE_URL", "http://127.0.0.1:9/v1")
    assert problems("--online").startswith("no connection to http://127.0.0.1:9/v1")
    assert as_json("--online", code=1)["online"]["key_works"] is None


def test_online_a_page_answers(kimi: Simulator) -> None:
    kimi.fault(html=True, status=200, times=2)
    assert "not a JSON object but a web page" in problems("--online")


def test_online_without_a_key_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    assert as_json("--online", code=1)["online"] is None


def test_online_no_balance_left(kimi: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_handler, "BALANCE", {"data": {"available_balance": 0}})
    assert "no balance left" in problems("--online")


def test_online_a_relay_without_accounts(kimi: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(chat_handler._ROUTES, ("GET", "/v1/users/me/balance"))
    found = as_json("--online")
    assert (found["problems"], found["online"]["balance"]) == ([], None)


def test_lines_fit_a_terminal_of_80_columns(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIMI_API_KEY", OTHER)
    monkeypatch.setenv("COLUMNS", "80")
    lines = doctor(code=1).splitlines()
    assert max(len(line) for line in lines if "/" not in line) <= 80


def test_as_a_real_command(kimi: Simulator) -> None:
    done = process("kimi", "doctor", "--online")
    assert (done.returncode, done.stderr) == (0, "")


def test_help_shows_an_example() -> None:
    assert "llm kimi doctor --online" in run("kimi", "doctor", "--help").stdout


@pytest.mark.parametrize(
    ("url", "maker"),
    [
        ("https://api.openai.com/v1", "OpenAI"),
        ("https://eu.api.openai.com/v1", "OpenAI"),
        ("https://API.OpenAI.com./v1", "OpenAI"),
        ("https://api.deepseek.com", "DeepSeek"),
        ("https://api.anthropic.com/v1", "Anthropic"),
        ("https://generativelanguage.googleapis.com/v1beta/openai", "Google"),
        ("https://openrouter.ai/api/v1", "OpenRouter"),
        ("https://api.groq.com/openai/v1", "Groq"),
    ],
)
def test_hosts_of_other_makers_are_reported_and_never_asked(
    key: str, monkeypatch: pytest.MonkeyPatch, url: str, maker: str
) -> None:
    monkeypatch.setenv("KIMI_BASE_URL", url)
    text = problems("--online")  # a connection would be an error of its own
    assert f"a host of {maker}, not Moonshot's: your key would be sent there" in text
    assert "https://api.moonshot.ai/v1" in text
    found = as_json("--online", code=1)
    assert (found["online"], found["base_url"]["host"]) == (None, maker)


def test_a_name_that_only_ends_like_another_makers_is_not_theirs(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIMI_BASE_URL", "https://notopenai.com/v1")
    assert as_json()["base_url"]["host"] == "another host"


def test_a_relay_with_a_key_of_its_own_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIMI_BASE_URL", "https://openrouter.ai/api/v1")
    monkeypatch.setenv("KIMI_API_KEY", "sk-or-v1-0123456789")
    found = as_json()
    assert found["problems"] == []
    assert "a host of OpenRouter, not Moonshot's" in found["notes"][0]
    monkeypatch.setenv("KIMI_API_KEY", "sk-ant-0123456789")
    assert "the key starts with sk-ant-: it belongs to Anthropic" in problems()


def test_an_unknown_host_is_noted(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIMI_BASE_URL", "https://relay.example/v1")
    assert as_json()["notes"] == [
        "relay.example is not Moonshot's host: your key is sent there with every request"
    ]
    text = doctor()
    assert "- relay.example is not Moonshot's host" in text
    assert "Nothing is wrong" not in text


@pytest.mark.parametrize("host", ["api.kimi.com", "api.kimi.ai"])
def test_both_hosts_of_kimi_code(key: str, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """@moonshot-ai/kimi-code 2.1.0 on npm names both."""
    monkeypatch.setenv("KIMI_BASE_URL", f"https://{host}/coding/v1")
    assert f"{host}, the host of Kimi Code, another product" in problems("--online")


def test_a_website_is_no_api(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIMI_BASE_URL", "https://platform.kimi.ai/v1")
    assert "a website of Moonshot's, not its API" in problems("--online")


@pytest.mark.parametrize(
    ("start", "owner"),
    [
        ("sk-ant-api03-", "Anthropic"),
        ("sk-or-v1-", "OpenRouter"),
        ("sk-proj-", "OpenAI"),
        ("gsk_", "Groq"),
        ("AIzaSy", "Google"),
    ],
)
def test_keys_of_other_makers(monkeypatch: pytest.MonkeyPatch, start: str, owner: str) -> None:
    monkeypatch.setenv("MOONSHOT_API_KEY", f"{start}0123456789")
    text = problems()
    assert f"it belongs to {owner}, not to Moonshot; get one at https://platform.kimi.ai" in text
    assert "0123456789" not in text


def test_a_server_of_this_machine_that_has_ended(
    kimi: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variables of ``llm kimi simulate``, after its Ctrl-C."""
    assert as_json()["problems"] == []
    kimi.stop()
    monkeypatch.setenv("MOONSHOT_BASE_URL", kimi.base_url)
    for args in ((), ("--online",)):
        text = problems(*args)
        assert text.startswith(f"no connection to {kimi.base_url}")
        assert "KIMI_BASE_URL sets" in text
        assert "llm kimi simulate" in text
        assert "unset KIMI_BASE_URL MOONSHOT_BASE_URL" in text


def test_the_key_of_the_offline_kimi_is_not_for_moonshot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOONSHOT_API_KEY", "sk-simulator")
    assert "MOONSHOT_API_KEY is the key of the offline Kimi" in problems("--online")


def test_ollama_on_this_machine(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIMI_BASE_URL", "http://localhost:11434/v1")
    monkeypatch.setattr(destination, "_listens", lambda place: True)
    found = as_json()
    assert found["base_url"]["host"] == "this machine, Ollama"
    assert "your key is sent to the program there" in found["notes"][0]
