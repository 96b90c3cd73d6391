"""The options of ``llm -o``, one class per kind of model so that each shows its own help.

Every model takes every option: what it pins is replaced, with a notice. Values come as text
from the command line and from stored defaults, so they are read leniently.
"""

from __future__ import annotations

import json
from datetime import date
from functools import cache
from typing import Any, ClassVar, Literal, TypeAlias

import llm
from pydantic import Field, ValidationInfo, create_model, field_validator
from pydantic.fields import FieldInfo

from ...catalog import Model, Pinned, Range

__all__ = ["KimiOptions", "Texts", "options_for", "options_with", "texts_for"]


Texts: TypeAlias = tuple[tuple[str, str], ...]


class KimiOptions(llm.Options):
    """What can be set with ``-o``; see ``options_for`` for the texts."""

    texts: ClassVar[Texts | None] = None
    """What makes the class of a kind of model, so that ``pickle`` finds it again."""

    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1)
    stop: str | None = None
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    seed: int | None = None
    json_object: bool | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = (
        None
    )
    thinking: bool | None = None
    keep_thinking: bool | None = None
    tool_choice: str | None = None
    tool_choice_fallback: Literal["nudge", "disable_thinking", "error"] | None = None
    prefill: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: str | None = None
    keep_files: bool | None = None
    timeout: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    strict: bool | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _readable(cls, value: Any) -> Any:
        """Text in a locale that is not its own is read back, see ``mending``."""
        if isinstance(value, str) and not value.isascii():
            from .prompt_text import read_option

            return read_option(value)
        return value

    @field_validator("prompt_cache_options", mode="before")
    @classmethod
    def _object_as_text(cls, value: Any) -> Any:
        """An object is kept as JSON: llm cannot show errors inside one."""
        return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else _as_text(value)

    @field_validator("stop", mode="before")
    @classmethod
    def _stop_as_text(cls, value: Any) -> Any:
        """A list is kept as JSON: llm cannot show errors inside lists."""
        if not isinstance(value, (list, tuple)):
            return _as_text(value)
        return json.dumps([_as_text(item) for item in value], ensure_ascii=False)

    @field_validator("prefill", "prompt_cache_key", "tool_choice", mode="before")
    @classmethod
    def _text(cls, value: Any, info: ValidationInfo) -> Any:
        if info.field_name == "tool_choice" and isinstance(value, dict):
            # As OpenAI's API names a tool.
            function = value.get("function")
            value = function.get("name", value) if isinstance(function, dict) else value
        return _as_text(value)

    @field_validator(
        "temperature",
        "top_p",
        "max_tokens",
        "presence_penalty",
        "frequency_penalty",
        "seed",
        "timeout",
        mode="before",
    )
    @classmethod
    def _number(cls, value: Any) -> Any:
        """Python takes True for 1."""
        if isinstance(value, bool):
            raise ValueError("must be a number")
        return value

    @field_validator("reasoning_effort", mode="before")
    @classmethod
    def _effort(cls, value: Any) -> Any:
        """YAML reads ``off`` and ``no`` as False."""
        if value is False:
            return "none"
        return value.strip().lower() if isinstance(value, str) else value

    @field_validator("thinking", "keep_thinking", mode="before")
    @classmethod
    def _switch(cls, value: Any) -> Any:
        """Kimi's own words for on and off, also in an object as Kimi takes them."""
        if isinstance(value, dict) and set(value) == {"type"}:
            value = value["type"]
        if isinstance(value, str):
            word = value.strip().lower()
            return {"enabled": True, "all": True, "disabled": False, "null": False}.get(word, value)
        return value

    def __reduce__(self) -> tuple[Any, ...]:
        return _blank, (self.texts,), self.__getstate__()

    @property
    def stop_list(self) -> list[str] | None:
        """``stop`` as strings: a JSON list, or the text itself."""
        if self.stop is None:
            return None
        if self.stop.lstrip().startswith("["):
            try:
                parsed = json.loads(self.stop)
            except ValueError:
                return [self.stop]
            if isinstance(parsed, list) and all(isinstance(item, str) for item in parsed):
                return parsed
        return [self.stop]

    @property
    def cache_options(self) -> Any:
        """``prompt_cache_options`` as a request has it: an object, or the time alone."""
        text = (self.prompt_cache_options or "").strip()
        if not text:
            return None
        try:
            return json.loads(text) if text.startswith("{") else {"ttl": text}
        except ValueError:
            return text


def _blank(texts: Texts | None) -> KimiOptions:
    """For ``pickle``, which does not find a class that was made in a function."""
    made = KimiOptions if texts is None else options_with(texts)
    return made.__new__(made)


def _as_text(value: Any) -> Any:
    """A value of a text option as the text that was written: ``stop: 9`` in a template's YAML is
    a number, ``stop: 2026-11-26`` a date.

    Raises:
        ValueError: what was written is not known any more: YAML reads yes, no and their like as
            true and false.
    """
    if isinstance(value, bool):
        raise ValueError(
            f"{str(value).lower()} is not text: YAML reads yes and no so, put it in quotes"
        )
    if isinstance(value, (int, float, date)):
        return str(value)
    if isinstance(value, (dict, list, tuple)):
        raise ValueError("must be text: put it in quotes")
    return value


def _sampling_text(model: Model, param: str) -> str:
    on, off = model.sampling_on[param], model.sampling_off[param]
    if isinstance(on, Range):
        return f"{on.low:g} to {on.high:g}, default {on.default:g}"
    assert isinstance(on, Pinned)
    assert isinstance(off, Pinned)
    if on.value == off.value or model.thinking.mode == "always":
        return f"fixed at {on.value:g} by this model: other values are replaced, with a notice"
    return (
        f"fixed at {on.value:g} while thinking and {off.value:g} with thinking off: "
        "other values are replaced, with a notice"
    )


def _thinking_texts(model: Model) -> dict[str, str]:
    thinking = model.thinking
    if thinking.field == "reasoning_effort":
        return {
            "reasoning_effort": "How hard to think: "
            + ", ".join(thinking.efforts)
            + f" (default {thinking.default_effort}). OpenAI's other words become the nearest",
            "thinking": "Always on for this model; off becomes reasoning_effort low, with a notice",
            "keep_thinking": "Always on: the reasoning of earlier turns is sent back and read",
        }
    if thinking.mode == "switchable":
        return {
            "reasoning_effort": "This model has no levels: none switches thinking off, "
            "all others on",
            "thinking": "On or off (default on)",
            "keep_thinking": "Let the model read the reasoning of earlier turns (default off)"
            if thinking.keep
            else "Not supported by this model",
        }
    return {
        "reasoning_effort": "This model always thinks, without levels: ignored with a notice",
        "thinking": "Always on for this model",
        "keep_thinking": "Always on: the reasoning of earlier turns is sent back and read",
    }


def _tool_choice_text(model: Model) -> str:
    forms = model.tool_choice(model.thinking.default_on)
    text = "auto, none, required, or the name of a tool; holds for the first round"
    if "required" in forms:
        return text
    return f"{text}. This model cannot be forced{_while(model)}: see tool_choice_fallback"


def _while(model: Model) -> str:
    return " while thinking" if model.thinking.mode == "switchable" else ""


def _cache_text(model: Model) -> str:
    ttls = model.cache_ttls
    if not ttls:
        return "This model caches automatically, for a fixed time: ignored"
    return (
        f"How long the cache keeps a prompt: {' or '.join(ttls)} (what it costs: llm kimi models); "
        f"without it Kimi takes {ttls[0]}"
    )


def _texts(model: Model) -> dict[str, str]:
    limit = f"default {model.output_default:,}" if model.output_default else "default: the model's"
    return {
        "temperature": _sampling_text(model, "temperature"),
        "top_p": _sampling_text(model, "top_p"),
        "max_tokens": f"Most tokens to generate, thinking included ({limit})",
        "stop": 'Text that ends the answer, or several as a JSON list: ["a", "b"]',
        "presence_penalty": _sampling_text(model, "presence_penalty"),
        "frequency_penalty": _sampling_text(model, "frequency_penalty"),
        "seed": "Not supported by Kimi; ignored with a notice",
        "json_object": "Answer with a JSON object; the prompt must say which fields",
        **_thinking_texts(model),
        "tool_choice": _tool_choice_text(model),
        "tool_choice_fallback": "When a tool call cannot be forced: nudge (ask once more, the "
        "default), disable_thinking (where that helps) or error",
        "prefill": "Text with which the answer begins",
        "prompt_cache_key": "Helps the cache recognise this conversation (default: its id)",
        "prompt_cache_options": _cache_text(model),
        "keep_files": "Leave attached documents at Moonshot after their text was read (default: "
        "deleted at once)",
        "timeout": "Seconds of silence after which to give up (default 600)",
        "strict": "Fail before sending rather than change what was asked (or KIMI_STRICT=1)",
    }


def texts_for(model: Model) -> Texts:
    """The help of a model's options, by which their class is made."""
    return tuple(_texts(model).items())


@cache
def options_with(texts: Texts) -> type[KimiOptions]:
    """The options class with this help."""
    fields: dict[str, Any] = {}
    for name, text in texts:
        inherited = KimiOptions.model_fields[name]
        info = FieldInfo(default=None, description=text)
        info.metadata = list(inherited.metadata)
        fields[name] = (inherited.annotation, info)
    made = create_model("Options", __base__=KimiOptions, **fields)
    made.texts = texts
    return made


def options_for(model: Model) -> type[KimiOptions]:
    """The options class of a model; the same class for models with the same texts."""
    return options_with(texts_for(model))
