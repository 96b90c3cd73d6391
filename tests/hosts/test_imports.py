"""What is loaded when: ``llm`` loads this package at every start, so that has to cost nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

import llm_kimi
from scripts.layers import imports

HEAVY = (
    "litellm",
    "llm_kimi.simulator",
    "llm_kimi.commands",
    "llm_kimi.translation",
    "llm_kimi.exchange",
    "llm_kimi.transport",
)


def loaded(code: str) -> set[str]:
    """The modules that are loaded after ``code`` in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys, json; print(json.dumps(list(sys.modules)))"],
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ),
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_the_package_loads_nothing() -> None:
    modules = loaded("import llm_kimi")
    assert {name for name in modules if name.startswith("llm")} == {"llm_kimi"}
    assert not {"litellm", "openai", "pydantic", "click", "sqlite3", "asyncio"} & modules


def test_the_front_says_the_same_to_type_checkers_and_at_run_time() -> None:
    """The names are written down twice in ``__init__``: once to be typed, once to be loaded."""
    front = [item for item in imports() if item.ours and not item.importer]
    typed = {name: item.imported for item in front for name in item.names}
    assert typed == {name: home.lstrip(".") for name, home in llm_kimi._HOMES.items()}
    assert {*typed, "__version__"} == set(llm_kimi.__all__)


def test_import_time_shows_neither_litellm_nor_the_simulator() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import llm_kimi"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "llm_kimi" in done.stderr
    assert "litellm" not in done.stderr
    assert "simulator" not in done.stderr


def test_starting_llm_loads_the_hooks_only() -> None:
    start = (
        "from click.testing import CliRunner\nfrom llm.cli import cli\n"
        "assert CliRunner().invoke(cli, ['--version']).exit_code == 0"
    )
    modules = loaded(start)
    assert {name for name in modules if name.startswith("llm_kimi")} == {
        "llm_kimi",
        "llm_kimi.plugin",
    }
    assert not {name for name in modules if name.startswith("litellm")}


def test_listing_models_loads_only_what_the_list_needs() -> None:
    list_models = (
        "from click.testing import CliRunner\nfrom llm.cli import cli\n"
        "assert 'kimi-k2.6' in CliRunner().invoke(cli, ['models']).output"
    )
    modules = loaded(list_models)
    for name in HEAVY:
        assert name not in modules


def test_a_prompt_loads_neither_litellm_nor_the_simulator() -> None:
    ask = (
        "import os\nos.environ['KIMI_BASE_URL'] = 'http://127.0.0.1:9/v1'\n"
        "from click.testing import CliRunner\nfrom llm.cli import cli\nimport time\n"
        "time.sleep = lambda seconds: None\n"
        "result = CliRunner().invoke(cli, ['-m', 'kimi-k2.6', 'hi', '--key', 'sk-x', '-n'])\n"
        "assert 'no connection' in result.output, result.output"
    )
    modules = loaded(ask)
    assert "llm_kimi.translation" in modules
    assert "litellm" not in modules
    assert "llm_kimi.simulator" not in modules


@pytest.mark.parametrize("name", llm_kimi.__all__)
def test_every_name_is_there_and_loaded_when_used(name: str) -> None:
    value = getattr(llm_kimi, name)
    assert value is getattr(llm_kimi, name)
    assert name in dir(llm_kimi)


def test_using_a_name_loads_its_home_only() -> None:
    modules = loaded("from llm_kimi import translate")
    assert "llm_kimi.translation" in modules
    assert not {"llm", "openai", "litellm", "llm_kimi.simulator"} & modules


def test_from_import_star_and_unknown_names() -> None:
    names: dict[str, object] = {}
    exec("from llm_kimi import *", names)
    assert set(llm_kimi.__all__) <= set(names)
    with pytest.raises(AttributeError, match="nothing"):
        llm_kimi.nothing  # noqa: B018


def test_the_package_is_typed() -> None:
    from importlib.resources import files

    assert files("llm_kimi").joinpath("py.typed").is_file()
