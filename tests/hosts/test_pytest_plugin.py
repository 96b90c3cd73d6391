"""``llm_kimi.pytest_plugin``, as the tests of somebody else's program use it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from scripts.environment import ROOT

pytest_plugins = ["pytester"]

PLUGIN = ("-p", "llm_kimi.pytest_plugin")

ASKS = """
    import llm

    def test_an_answer(kimi_simulator):
        kimi_simulator.fault(status=503)
        model = llm.get_model("kimi-k2.6")
        assert model.prompt("{{say: Hello.}}").text() == "Hello."
        assert [record["status"] for record in kimi_simulator.requests] == [503, 200]

    def test_each_test_has_its_own(kimi_simulator):
        assert kimi_simulator.requests == []
"""


@pytest.fixture(autouse=True)
def _alone(pytester: pytest.Pytester) -> None:
    """The folder of the tests under test is no project: nothing of ours is configured there."""
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")


def test_it_is_loaded_by_name_on_the_command_line(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(ASKS)
    pytester.runpytest_inprocess(*PLUGIN).assert_outcomes(passed=2)


def test_it_is_loaded_by_a_conftest(pytester: pytest.Pytester) -> None:
    pytester.makeconftest('pytest_plugins = ["llm_kimi.pytest_plugin"]')
    pytester.makepyfile(ASKS)
    pytester.runpytest_inprocess().assert_outcomes(passed=2)


def test_openais_own_client_finds_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import openai

        def test_it(kimi_simulator_as_openai):
            kimi_simulator_as_openai.answer("Percy")
            with openai.OpenAI() as client:
                messages = [{"role": "user", "content": "Name a pelican"}]
                answer = client.chat.completions.create(model="kimi-k3.1-pro", messages=messages)
            assert answer.choices[0].message.content == "Percy"
    """)
    pytester.runpytest_inprocess(*PLUGIN).assert_outcomes(passed=1)


def test_it_is_not_loaded_unless_asked_for(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(ASKS)
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*fixture 'kimi_simulator' not found*"])
    ours = [point for point in entry_points(group="pytest11") if "kimi" in point.value]
    assert ours == []


def test_stored_keys_and_other_hosts_are_not_used(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIMI_BASE_URL", "https://kimi.example/v1")
    monkeypatch.setenv("MOONSHOT_API_KEY", "sk-wrong")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:8080")
    monkeypatch.setenv("no_proxy", "intranet.example")
    path = os.path.join(os.environ["LLM_USER_PATH"], "keys.json")
    with open(path, "w") as file:
        file.write('{"kimi": "sk-wrong-stored"}')
    pytester.makepyfile(
        """
        import os
        from llm_kimi.config import settings

        def test_where_it_leads(kimi_simulator):
            assert settings.base_url() == kimi_simulator.base_url
            assert settings.find_key() == kimi_simulator.key
            for variable in (*settings.BASE_URL_VARIABLES, *settings.KEY_VARIABLES):
                assert "wrong" not in os.environ[variable]
            assert os.environ["no_proxy"] == "127.0.0.1,intranet.example"
            assert os.environ["NO_PROXY"].startswith("127.0.0.1")
        """
    )
    pytester.runpytest_inprocess(*PLUGIN).assert_outcomes(passed=1)
    assert os.environ["KIMI_BASE_URL"] == "https://kimi.example/v1"
    assert os.environ["no_proxy"] == "intranet.example"


def test_llms_folder_is_a_temporary_one_unless_it_is_given(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(
        """
        import os

        def test_folder(kimi_simulator, request):
            print("FOLDER", os.environ["LLM_USER_PATH"])
        """
    )
    given = os.environ["LLM_USER_PATH"]
    result = pytester.runpytest_inprocess(*PLUGIN, "-s")
    result.stdout.fnmatch_lines([f"*FOLDER {given}"])

    monkeypatch.delenv("LLM_USER_PATH")
    base = pytester.path / "base"
    result = pytester.runpytest_inprocess(*PLUGIN, "-s", f"--basetemp={base}")
    result.stdout.fnmatch_lines([f"*FOLDER {base}*"])
    assert "LLM_USER_PATH" not in os.environ


def test_programs_that_a_test_starts_find_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import subprocess
        import sys

        def test_a_program(kimi_simulator):
            command = [sys.executable, "-m", "llm", "-m", "kimi-k2.6", "-R", "{{say: Hello.}}"]
            done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
            assert done.stdout == "Hello.\\n", done.stderr
            assert len(kimi_simulator.requests) == 1
        """
    )
    pytester.runpytest_inprocess(*PLUGIN).assert_outcomes(passed=1)


def test_the_example_of_the_docs(pytester: pytest.Pytester) -> None:
    examples = ROOT / "docs" / "examples" / "testing"
    for path in examples.glob("*.py"):
        shutil.copy(path, pytester.path)
    pytester.runpytest_inprocess().assert_outcomes(passed=5)


def test_nothing_is_left_open(pytester: pytest.Pytester) -> None:
    """Threads end and sockets are closed, as strict projects demand (``-W error``)."""
    pytester.makepyfile(
        """
        import gc
        import threading
        import llm

        def test_an_answer(kimi_simulator):
            assert llm.get_model("kimi-k2.6").prompt("hi").text()

        def test_afterwards():
            gc.collect()
            names = [thread.name for thread in threading.enumerate()]
            assert not [name for name in names if name.startswith("kimi")]
        """
    )
    result = pytester.runpytest_inprocess(*PLUGIN, "-W", "error")
    result.assert_outcomes(passed=2)


def test_pytest_is_no_dependency_of_the_package() -> None:
    """Whatever the package imports by itself, the fixture's module is not among it."""
    code = (
        "import sys; sys.modules['pytest'] = None\n"
        "import llm, llm_kimi, llm_kimi.simulator, llm_kimi.commands.simulate\n"
        "from llm_kimi import *\n"
        "assert llm.get_model('kimi-k2.6')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
