"""README and docs: every example is run, every link leads somewhere.

What cog generates is compared with what commands print (``make docs-check``). The blocks that were
written by hand are run here, page by page, in a folder with sample files and against an offline
Kimi; nothing reaches the network.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote

import click
import pytest
import yaml

from llm_kimi import translate
from llm_kimi.catalog import live_models
from llm_kimi.commands import NAMES, command
from llm_kimi.config import settings
from llm_kimi.integrations.llm.options import options_for
from llm_kimi.simulator import Simulator
from tests.support.docs_pages import (
    DOCS,
    ROOT,
    Block,
    commands,
    github_anchors,
    inline_code,
    links,
    pages,
    shown,
    site_anchors,
    split,
)
from tests.support.real_files import pdf, png, xlsx
from tests.support.warm import python, warm_path

SHELL = ("bash", "console")
# "js": examples of docs/examples/node, which tests/hosts/serve runs.
LANGUAGES = (*SHELL, "python", "json", "yaml", "js")

NOT_RUN = {
    # These would change the environment that the tests run in, or wait for a person.
    "llm install llm-kimi": "asks the package index",
    "llm uninstall llm-moonshot -y": "changes this environment",
    'pip install "llm-kimi[litellm]"': "asks the package index",
    "llm install -e .": "asks the package index",
    "pip install llm": "asks the package index",
    'pip install -e ".[litellm]" "litellm[proxy]"': "asks the package index",
    'pip install "llm-kimi[serve]"': "asks the package index",
    "llm kimi serve": "a server",
    'eval "$(llm kimi env)"': "changes the shell",
    "llm keys set kimi": "asks for the key at a terminal",
    # These are what `make` is for, and this test is part of the second.
    "make demo": "a target of the Makefile",
    "make test": "a target of the Makefile",
    # A proxy runs until it is stopped: tests/hosts/litellm starts it, and runs the curl commands.
    "litellm --host 127.0.0.1 --config config.yaml": "a server",
    "llm kimi simulate -- litellm --host 127.0.0.1 --config config.yaml": "a server",
    "LITELLM_WORKER_STARTUP_HOOKS=llm_kimi.litellm:register litellm --config config.yaml": (
        "a server"
    ),
    'llm -m kimi -a https://example.com/clip.mp4 "What happens?"': "the public internet",
}
"""Commands that cannot be run offline, and why not."""

PAGES = pytest.mark.parametrize("page", pages(), ids=shown)
WITH_LITELLM = find_spec("litellm") is not None


def _is_run(one: str) -> bool:
    return one not in NOT_RUN and not one.startswith("curl ")


def _blocks(page: Path, *languages: str) -> list[Block]:
    return [block for block in split(page)[0] if block.language in languages]


@pytest.fixture(scope="module")
def kimi() -> Iterator[Simulator]:
    """One offline Kimi for all pages."""
    with Simulator() as running:
        yield running


@pytest.fixture
def environment(kimi: Simulator) -> dict[str, str]:
    """For a program of the docs: it reaches the offline Kimi, and a dead proxy for all else."""
    dead = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
    return {
        **os.environ,
        **dead,
        **settings.simulator_environment(kimi.base_url, kimi.key),
        "PATH": os.pathsep.join(
            (warm_path("llm"), str(Path(sys.executable).parent), os.environ["PATH"])
        ),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's folder: the files that the pages speak of, and a test to run."""
    shutil.copytree(DOCS / "examples" / "files", tmp_path / "work")
    shutil.copytree(DOCS / "examples" / "testing", tmp_path / "work", dirs_exist_ok=True)
    made = {"photo.jpg": png(), "report.pdf": pdf(), "figures.xlsx": xlsx()}
    for name, content in made.items():
        (tmp_path / "work" / name).write_bytes(content)
    return tmp_path / "work"


# -- code blocks -------------------------------------------------------------------------------


@PAGES
def test_every_block_is_generated_or_can_be_run(page: Path) -> None:
    for block in split(page)[0]:
        assert block.language in LANGUAGES, f"{block}: nobody knows how to run {block.language!r}"


@PAGES
def test_the_shell_commands(page: Path, environment: dict[str, str], folder: Path) -> None:
    for block in _blocks(page, *SHELL):
        script = "\n".join(filter(_is_run, commands(block)))
        if not script:
            continue
        done = subprocess.run(
            ["sh", "-eu", "-c", script],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{block}: {script}\n{done.stdout}{done.stderr}"


_RUN_ALL = """
import json, sys
for label, code in json.load(open(sys.argv[1])):
    exec(compile(code, label, "exec"), {"__name__": "__main__"})
"""


@PAGES
def test_the_python_code(page: Path, environment: dict[str, str], folder: Path) -> None:
    """One process a page, since importing LiteLLM takes its time; a namespace a block."""
    blocks = _blocks(page, "python")
    if not WITH_LITELLM:
        blocks = [block for block in blocks if "litellm" not in block.text]
    if not blocks:
        return
    todo = folder / "todo.json"
    todo.write_text(json.dumps([[str(block), block.text] for block in blocks]))
    plain = [sys.executable, "-c", _RUN_ALL, str(todo)]
    with_litellm = any("litellm" in block.text for block in blocks)
    done = subprocess.run(
        python(_RUN_ALL, str(todo)) if with_litellm else plain,
        cwd=folder,
        env={**environment, "PYTHONWARNINGS": "ignore"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{shown(page)}: {done.stderr}"


@PAGES
def test_the_data(page: Path) -> None:
    for block in _blocks(page, "yaml"):
        assert yaml.safe_load(block.text), str(block)
    for block in _blocks(page, "json"):
        data = json.loads(block.text)
        if "messages" in data:
            translate(data)


def test_what_is_not_run_is_in_the_docs() -> None:
    """So that the list does not outlive what it excuses."""
    written = {
        one for page in pages() for block in _blocks(page, *SHELL) for one in commands(block)
    }
    assert set(NOT_RUN) <= written


def test_what_is_not_run_is_right_all_the_same() -> None:
    makefile = (ROOT / "Makefile").read_text()
    project = (ROOT / "pyproject.toml").read_text()
    for one in NOT_RUN:
        target = re.fullmatch(r"make (\w+)", one)
        assert not target or re.search(rf"^{target[1]}:", makefile, re.MULTILINE), one
        for extra in re.findall(r"llm-kimi\[(\w+)\]", one):
            assert re.search(rf"^{extra} = \[", project, re.MULTILINE), one
    for page in pages():
        for block in _blocks(page, *SHELL):
            for one in commands(block):
                body = re.search(r"-d '(.*)'", one, re.DOTALL)
                if one.startswith("curl ") and body:
                    assert json.loads(body[1])["messages"], f"{block}: {one}"


# -- what stands between backticks -------------------------------------------------------------


def _command(words: list[str]) -> click.Command | None:
    """The command ``llm kimi WORDS``, with the group it may be in."""
    found = command(words[0]) if words else None
    if isinstance(found, click.Group) and len(words) > 1 and re.fullmatch("[a-z]+", words[1]):
        return found.get_command(click.Context(found), words[1])
    return found


@PAGES
def test_commands_that_are_mentioned_are_there(page: Path) -> None:
    for code in inline_code(split(page)[1]):
        if not re.match(r"llm kimi [a-z]", code):
            continue
        words = code.split(" -- ")[0].removesuffix(" --").split()[2:]
        assert words[0] in NAMES, f"{shown(page)}: {code}"
        found = _command(words)
        assert found is not None, f"{shown(page)}: {code}"
        known = {name for each in found.params for name in (*each.opts, *each.secondary_opts)}
        for option in (word for word in words if word.startswith("--")):
            assert option in known | {"--help"}, f"{shown(page)}: {code} has no {option}"


@PAGES
def test_options_that_are_mentioned_are_there(page: Path) -> None:
    known = {name for model in live_models() for name in options_for(model).model_fields}
    blocks = [block.text for block in _blocks(page, *SHELL)]
    for code in (*inline_code(split(page)[1]), *blocks):
        for option in re.findall(r"(?<!\S)-o ([a-z_]+)", code):
            assert option in known, f"{shown(page)}: {code}"


@PAGES
def test_variables_that_are_mentioned_are_read(page: Path) -> None:
    known = {
        *settings.BASE_URL_VARIABLES,
        *settings.KEY_VARIABLES,
        settings.STRICT_VARIABLE,
        settings.PRIVATE_URLS_VARIABLE,
        settings.SIMULATOR_KEY_VARIABLE,
    }
    for code in inline_code(split(page)[1]):
        for name in re.findall(r"\b(?:KIMI|MOONSHOT)_[A-Z_]+", code):
            assert name in known, f"{shown(page)}: {name}"


# -- links -------------------------------------------------------------------------------------


def broken(page: Path) -> list[str]:
    """What is wrong with the relative links and images of a page."""
    problems = []
    inside = page.is_relative_to(DOCS)
    for target in links(split(page)[1]):
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        path, _, anchor = unquote(target).partition("#")
        aim = (page.parent / path).resolve() if path else page
        if path.startswith("/"):
            problems.append(f"{target}: starts at the root of the site")
        elif not aim.is_file() and (inside or not aim.is_dir()):
            problems.append(f"{target}: is no file")
        elif inside and not aim.is_relative_to(DOCS):
            problems.append(f"{target}: leads out of the site")
        elif anchor and aim.suffix == ".md":
            prose = split(aim)[1]
            if anchor not in github_anchors(prose):
                problems.append(f"{target}: no such heading on GitHub")
            if anchor not in site_anchors(prose):
                problems.append(f"{target}: no such heading on the site")
    return problems


@PAGES
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_every_page_is_in_the_navigation_once() -> None:
    def listed(entry: object) -> list[str]:
        if isinstance(entry, str):
            return [entry]
        values = entry.values() if isinstance(entry, dict) else entry
        assert isinstance(values, (list, type({}.values())))
        return [name for value in values for name in listed(value)]

    nav = listed(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])
    assert sorted(nav) == sorted(path.relative_to(DOCS).as_posix() for path in pages()[1:])


@PAGES
def test_lists_read_the_same_on_github_and_on_the_site(page: Path) -> None:
    """Python-Markdown wants a blank line before a list, GitHub does not."""
    before = ""
    for number, line in enumerate(split(page)[1].splitlines(), 1):
        if re.match(r"(- |\d+\. )", line):
            item = re.match(r"(- |\d+\. |\s)", before)
            assert not before.strip() or item, f"{shown(page)}: line {number} begins no list"
        before = line


# -- the checks themselves ---------------------------------------------------------------------


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A page with one block of each kind, and with links that lead nowhere."""
    page = tmp_path / "page.md"
    page.write_text(
        "# A `b` & c\n\n"
        "[here](#a-b-c) [gone](gone.md) [![image](gone.png)](page.md#nowhere) [web](https://x.y)\n"
        "`[code](gone.md)`\n\n"
        "<!-- [[[cog\nconsole('x')\nout('[in](gone.md)')\n]]] -->\n"
        "```console\n$ generated\n```\n<!-- [[[end]]] -->\n\n"
        "```bash\none --with 'a\nb' \\\n  more   # said\n# remark\ntwo\n```\n\n"
        "- item\n  ```json\n  {}\n  ```\n",
        "utf-8",
    )
    return page


def test_blocks_written_by_hand_are_found(sample: Path) -> None:
    blocks, prose = split(sample)
    assert [(block.language, block.line) for block in blocks] == [("bash", 15), ("json", 24)]
    assert commands(blocks[0]) == ["one --with 'a\nb' \\\n  more", "two"]
    assert "generated" not in prose
    assert list(inline_code(prose)) == ["b", "[code](gone.md)"]


def test_broken_links_are_found(sample: Path) -> None:
    assert broken(sample) == [
        "#a-b-c: no such heading on GitHub",
        "gone.md: is no file",
        "gone.png: is no file",
        "page.md#nowhere: no such heading on GitHub",
        "page.md#nowhere: no such heading on the site",
    ]
    _, prose = split(sample)
    assert (github_anchors(prose), site_anchors(prose)) == ({"a-b--c"}, {"a-b-c"})


def test_a_block_without_an_end_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```bash\nls\n")
    with pytest.raises(ValueError, match="no end"):
        split(page)
