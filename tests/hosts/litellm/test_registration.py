"""Registration: one import, nothing else of LiteLLM's changes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import litellm
import pytest

import llm_kimi.litellm
from llm_kimi.catalog import BY_ID, live_models
from llm_kimi.config import discovered_models
from llm_kimi.litellm import handler, register
from llm_kimi.simulator import Simulator
from tests.support.warm import python


def _python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False
    )


def test_the_import_registers_and_doing_it_again_changes_nothing() -> None:
    before = list(litellm.custom_provider_map)
    assert [item["provider"] for item in before].count("kimi") == 1
    wrapped = litellm.main.get_optional_params
    assert register() is handler
    assert register() is llm_kimi.litellm.handler
    assert litellm.custom_provider_map == before
    assert litellm.main.get_optional_params is wrapped
    assert litellm.get_llm_provider("kimi/kimi-k2.6")[:2] == ("kimi-k2.6", "kimi")


def test_other_providers_stay_registered(kimi: Simulator) -> None:
    class Other(litellm.CustomLLM):
        def completion(self, *args: Any, **given: Any) -> Any:
            return litellm.ModelResponse(choices=[{"message": {"content": "other"}}])

    litellm.custom_provider_map.append({"provider": "other", "custom_handler": Other()})
    try:
        register()
        names = [item["provider"] for item in litellm.custom_provider_map]
        assert sorted(names) == ["kimi", "other"]
        said = litellm.completion(model="other/x", messages=[{"role": "user", "content": "a"}])
        assert said.choices[0].message.content == "other"
        answer = litellm.completion(
            model="kimi/kimi-k2.6", messages=[{"role": "user", "content": "{{say: me}}"}]
        )
        assert answer.choices[0].message.content == "me"
    finally:
        litellm.custom_provider_map = [
            item for item in litellm.custom_provider_map if item["provider"] != "other"
        ]


def test_another_name(kimi: Simulator) -> None:
    mine = register(provider="moon")
    try:
        assert mine is register("moon")
        assert mine is not handler
        answer = litellm.completion(
            model="moon/kimi-k2.6",
            messages=[{"role": "user", "content": "{{say: hello}}"}],
            thinking={"type": "disabled"},
        )
        assert answer.choices[0].message.content == "hello"
        assert answer.model == "moon/kimi-k2.6"
        assert litellm.completion_cost(answer) > 0
        assert litellm.supports_vision("moon/kimi-k2.6")
        with pytest.raises(litellm.UnsupportedParamsError, match="nonsense") as caught:
            litellm.completion(
                model="moon/kimi-k2.6", messages=[{"role": "user", "content": "a"}], nonsense=1
            )
        assert caught.value.llm_provider == "moon"
    finally:
        litellm.custom_provider_map = [
            item for item in litellm.custom_provider_map if item["provider"] != "moon"
        ]


def test_a_name_that_is_taken_is_told(caplog: pytest.LogCaptureFixture) -> None:
    before = list(litellm.custom_provider_map)
    try:
        register("openai")
        assert "'openai'" in caplog.text
    finally:
        litellm.custom_provider_map = before
        litellm.utils.custom_llm_setup()
        from llm_kimi.integrations.litellm import registration

        registration._handlers.pop("openai", None)
        for model in live_models():
            litellm.model_cost.pop(f"openai/{model.id}", None)
        if "openai" in litellm._custom_providers:
            litellm._custom_providers.remove("openai")


def test_a_price_that_the_user_registered_stays() -> None:
    code = """
import os; os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import litellm
litellm.register_model({"kimi/kimi-k2.6": {"litellm_provider": "kimi", "mode": "chat",
    "max_tokens": 5, "input_cost_per_token": 1.0, "output_cost_per_token": 2.0}})
import llm_kimi.litellm
print(litellm.model_cost["kimi/kimi-k2.6"]["input_cost_per_token"])
print(litellm.model_cost["kimi/kimi-k3"]["litellm_provider"])
"""
    done = subprocess.run(python(code), capture_output=True, text=True, check=False)
    assert done.stdout.split()[-2:] == ["1.0", "kimi"], done.stderr


def test_without_litellm_the_error_says_what_to_install() -> None:
    code = """
import sys
from dataclasses import replace
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "litellm":
            raise ModuleNotFoundError("No module named 'litellm'", name="litellm")
sys.meta_path.insert(0, Block())
import llm_kimi
try:
    import llm_kimi.litellm
except ImportError as error:
    print(error)
"""
    done = _python(code)
    assert done.stdout.strip() == 'llm_kimi.litellm needs LiteLLM: pip install "llm-kimi[litellm]"'


def test_the_plugin_alone_never_imports_litellm() -> None:
    done = _python("import llm_kimi, llm_kimi.plugin, sys; print('litellm' in sys.modules)")
    assert done.stdout.strip() == "False", done.stderr


def test_calls_of_other_providers_pass_untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}
    gate = litellm.main.get_optional_params
    original = gate.__wrapped__

    def spy(*args: Any, **given: Any) -> Any:
        seen.update(given)
        return original(*args, **given)

    cell = next(
        cell
        for name, cell in zip(gate.__code__.co_freevars, gate.__closure__, strict=True)
        if name == "original"
    )
    monkeypatch.setattr(cell, "cell_contents", spy)
    with pytest.raises(litellm.UnsupportedParamsError):
        litellm.completion(
            model="moonshot/kimi-k2-0905-preview",
            messages=[{"role": "user", "content": "a"}],
            thinking={"type": "enabled"},
            api_key="sk-x",
        )
    assert not seen["allowed_openai_params"]
    answer = litellm.completion(
        model="openai/gpt-4o",
        messages=[{"role": "user", "content": "a"}],
        mock_response="fine",
    )
    assert answer.choices[0].message.content == "fine"


@pytest.mark.parametrize("what", ["embedding", "image_generation"])
def test_what_moonshot_has_not_is_a_clear_error(what: str) -> None:
    words = {"input": ["a"]} if what == "embedding" else {"prompt": "a"}
    with pytest.raises(litellm.BadRequestError, match="chat completions only"):
        getattr(litellm, what)(model="kimi/kimi-k2.6", **words)


def test_models_of_the_last_refresh_are_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    new = replace(BY_ID["kimi-k3"], id="kimi-k9", context=200_000, modalities=("text",))
    with Simulator(extra_models=[new]) as simulator:
        monkeypatch.setenv("KIMI_BASE_URL", simulator.base_url)
        monkeypatch.setenv("MOONSHOT_API_KEY", simulator.key)
        row = {"id": "kimi-k9", "context_length": 200_000, "supports_image_in": False}
        discovered_models.save(simulator.base_url, [row], "2026-11-21T10:00:00Z")
        try:
            register()
            info = litellm.get_model_info("kimi/kimi-k9")
            assert info["max_input_tokens"] == 200_000
            assert not litellm.supports_vision("kimi/kimi-k9")
            answer = litellm.completion(
                model="kimi/kimi-k9", messages=[{"role": "user", "content": "{{say: me}}"}]
            )
            assert answer.choices[0].message.content == "me"
            assert answer.usage.prompt_tokens > 0
        finally:
            litellm.model_cost.pop("kimi/kimi-k9", None)


def test_a_broken_file_of_the_last_refresh_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    discovered_models.path().write_text("{")
    register()
    assert "kimi-models.json cannot be read" in caplog.text
