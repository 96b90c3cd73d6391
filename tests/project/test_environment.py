"""What the tests start does not see what is set on the machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from scripts.environment import ROOT, environment, is_of_the_machine

OF_THE_MACHINE = {
    *("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTHONWARNINGS", "PYTHONIOENCODING"),
    *("MOONSHOT_API_KEY", "KIMI_BASE_URL", "KIMI_STRICT", "OPENAI_API_KEY", "LLM_MODEL"),
    *("LLM_USER_PATH", "LITELLM_MASTER_KEY", "https_proxy", "ALL_PROXY", "NO_PROXY", "NO_COLOR"),
}
KEPT = {"PATH", "HOME", "LANG", "PIP_INDEX_URL", "UV_INDEX_URL", "SSL_CERT_FILE", "PYTHON"}


def test_what_is_left_out() -> None:
    given = dict.fromkeys(OF_THE_MACHINE | KEPT, "x")
    assert environment(given) == {**dict.fromkeys(KEPT, "x"), "PYTHONPATH": str(ROOT)}
    assert environment(given, PYTHONUNBUFFERED="1")["PYTHONUNBUFFERED"] == "1"
    assert environment({"PYTHONPATH": "/elsewhere"})["PYTHONPATH"] == str(ROOT)


def test_a_process_of_a_test_sees_none_of_it() -> None:
    code = "import json, os; print(json.dumps(dict(os.environ)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    seen = {name for name in json.loads(done.stdout) if is_of_the_machine(name)}
    ours = {"PYTHONPATH", "LLM_USER_PATH", "LITELLM_LOCAL_MODEL_COST_MAP"}
    assert seen <= ours
    assert os.environ["PYTHONPATH"] == str(ROOT)
