"""A new model is one row of the catalog: every door, the simulator and the docs follow."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import pytest

from tests.support.warm import python

# What stands in ``catalog.models`` before anything else has read it.
ROW = """
import dataclasses, json
from types import MappingProxyType
from llm_kimi import catalog
from llm_kimi.catalog import lookup, models

row = dataclasses.replace(
    catalog.BY_ID["kimi-k2.6"],
    id="kimi-k9-nova",
    family="k9",
    context=2_097_152,
    sampling_on=MappingProxyType({
        **catalog.BY_ID["kimi-k2.6"].sampling_on, "temperature": catalog.Pinned(0.3)
    }),
    price=catalog.Price(1.25, 4.5, cached=0.125),
    notice=None,
)
for module in (catalog, lookup, models):
    module.MODELS = (row, *catalog.BY_ID.values())
    module.BY_ID = MappingProxyType({model.id: model for model in module.MODELS})
chat = {"model": "kimi-k9-nova", "messages": [{"role": "user", "content": "Hi"}]}
"""


def said(code: str) -> Any:
    """The JSON that ``code`` prints where the catalog has the row."""
    program = f"{ROW}\n{code}"
    done = subprocess.run(
        python(program) if "litellm" in code else [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_the_translation_keeps_its_rules() -> None:
    made = said(
        "from llm_kimi import translate\n"
        "print(json.dumps([str(x) for x in translate({**chat, 'temperature': 1}).adjustments]))"
    )
    assert made == ["temperature 1 -> 0.3 (kimi-k9-nova fixes it while thinking)"]


def test_llm_offers_it_with_its_options() -> None:
    found = said(
        "import llm\nmodel = llm.get_model('kimi-k9-nova')\n"
        "fields = model.Options.model_fields\n"
        "print(json.dumps([str(model), fields['temperature'].description, 'thinking' in fields]))"
    )
    assert found[0].startswith("Kimi: kimi-k9-nova")
    assert found[1].startswith("fixed at 0.3 while thinking")
    assert found[2]


def test_the_offline_kimi_serves_it_by_its_rules() -> None:
    found = said(
        "from llm_kimi.simulator import Simulator, check_chat\n"
        "import urllib.request\n"
        "refused = check_chat({**chat, 'temperature': 1})\n"
        "with Simulator() as kimi:\n"
        "    ask = urllib.request.Request(kimi.base_url + '/models',\n"
        "        headers={'Authorization': 'Bearer ' + kimi.key})\n"
        "    rows = json.load(urllib.request.urlopen(ask))['data']\n"
        "print(json.dumps([refused.message, check_chat({**chat, 'temperature': 0.3}), rows[0]]))"
    )
    assert found[0] == "invalid temperature: only 0.3 is allowed for this model"
    assert found[1] is None
    assert (found[2]["id"], found[2]["context_length"]) == ("kimi-k9-nova", 2_097_152)


def test_the_tables_of_the_docs_list_it() -> None:
    models, thinking, options = said(
        "from scripts.docs_tools import models_table, options_table, thinking_table\n"
        "print(json.dumps([models_table(live=True), thinking_table(), "
        "options_table('kimi-k9-nova')]))"
    )
    assert "| `kimi-k9-nova` | 2,097,152 |" in models
    assert "| `kimi-k9-nova` | on, can be switched off |" in thinking
    assert "fixed at 0.3 while thinking" in options


@pytest.mark.skipif(find_spec("litellm") is None, reason="LiteLLM is not installed")
def test_litellm_knows_its_price_and_window() -> None:
    found = said(
        "import litellm, llm_kimi.litellm\n"
        "print(json.dumps(litellm.model_cost['kimi/kimi-k9-nova']))"
    )
    assert found["max_input_tokens"] == 2_097_152
    assert found["input_cost_per_token"] == pytest.approx(1.25e-6)
    assert found["output_cost_per_token"] == pytest.approx(4.5e-6)
    assert found["cache_read_input_token_cost"] == pytest.approx(0.125e-6)
