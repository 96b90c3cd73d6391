"""The site: what its copy button copies, and that it asks no other host for anything."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from scripts.environment import ROOT

SCRIPT = ROOT / "docs" / "assets" / "site.js"


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")
@pytest.mark.parametrize(
    ("shown", "copied"),
    [
        ("$ llm hi\nHello", "llm hi"),
        ("$ a\n$ b\nout", "a\nb"),
        (
            "$ llm --functions '\ndef f():\n    pass\n' \"x\"\nout",
            "llm --functions '\ndef f():\n    pass\n' \"x\"",
        ),
        ("$ a \\\n  b\nout", "a \\\n  b"),
        ("$ echo 'it' \"isn't\"\nout's", "echo 'it' \"isn't\""),
        ('$ echo "a \\" b"\nout', 'echo "a \\" b"'),
        ("no command", ""),
    ],
)
def test_commands_are_copied_without_prompt_and_output(shown: str, copied: str) -> None:
    code = f"process.stdout.write(require({json.dumps(str(SCRIPT))}).commands({json.dumps(shown)}))"
    done = subprocess.run(["node", "-e", code], capture_output=True, text=True, check=True)
    assert done.stdout == copied


def test_nothing_is_loaded_from_other_hosts() -> None:
    """The theme's font and the shim of its search would be."""
    settings = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert "http" not in settings
    assert "font: false" in settings
    assert "assets/iframe-worker.js" in settings
    assert "Permission is hereby granted" in (ROOT / "docs/assets/iframe-worker.js").read_text()
