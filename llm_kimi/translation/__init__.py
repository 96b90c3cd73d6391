"""OpenAI's chat requests to Kimi's rules: ``translate`` and what it returns.

Pure: no I/O, no state, nothing of the caller's is changed. The steps run in the order in which
they stand in ``_apply_steps``; each lives in a module of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..catalog import Model
from ..errors import InvalidRequestError, StrictError
from . import (
    caching,
    fields,
    leftovers,
    limits,
    response_format,
    sampling,
    stop,
    streaming,
    thinking,
)
from .adjustments import Adjustment
from .attached import Attached
from .draft import Draft, Json
from .fast_path import is_plain
from .messages import apply, foreign_histories
from .needs import (
    AttachedFile,
    FilePart,
    ImageData,
    ImageUrl,
    Need,
    VideoData,
    VideoUrl,
    medium_of,
    way_in,
    way_out,
)
from .results import Forced, Restore
from .tools import choice, definitions, dynamic, legacy
from .tools.choice import FALLBACKS, Fallback
from .values import json_values, refuse_foreign

__all__ = [
    "FALLBACKS",
    "Adjustment",
    "Attached",
    "AttachedFile",
    "Fallback",
    "FilePart",
    "Forced",
    "ImageData",
    "ImageUrl",
    "Need",
    "Restore",
    "Translation",
    "VideoData",
    "VideoUrl",
    "medium_of",
    "translate",
    "way_in",
    "way_out",
]


@dataclass(frozen=True, slots=True)
class Translation:
    """A request as Kimi takes it, and what belongs to it.

    ``body`` is what goes to Kimi; ``adjustments`` are the differences to the caller's request in
    the order in which they were made; ``restore`` says how the reply gets back the form that the
    caller expects; ``needs`` are parts that have to be fetched or uploaded first; ``model`` is
    the row of the catalog whose rules were used, ``thinking`` whether it will think; ``choices``
    is how many times the body has to be sent (``n``); ``forced`` is a tool call that the caller
    demands and that has to be asked for; ``official`` are the names of Moonshot's own tools that
    are to be offered and run (``web-search``), whose declarations are not in the body yet;
    ``official_required``: a call of one of them is demanded.
    """

    body: Json
    adjustments: tuple[Adjustment, ...]
    restore: Restore
    needs: tuple[Need, ...]
    model: Model
    thinking: bool
    choices: int = 1
    forced: Forced | None = None
    official: tuple[str, ...] = ()
    official_required: bool = False

    @property
    def changes_of_meaning(self) -> tuple[Adjustment, ...]:
        """The adjustments after which the reply is not quite what was asked for."""
        return tuple(item for item in self.adjustments if item.changes_meaning)


def translate(
    request: Mapping[str, Any],
    *,
    strict: bool = False,
    tool_choice_fallback: Fallback = "nudge",
) -> Translation:
    """Translate a chat completions request of OpenAI's API to Kimi's rules.

    ``request`` is the JSON body as OpenAI takes it (Kimi's own fields are taken as well), or the
    Python objects that mean it: SDK objects, dataclasses, tuples, enums. It is not changed. The
    result is the same for the same request, and ``translate(translation.body)`` changes nothing
    more. ``json.dumps(translation.body, ensure_ascii=False, allow_nan=False).encode()`` never
    fails, except where ``needs`` contain files that are still to be read.

    ``strict``: raise instead of changing the meaning of the request.
    ``tool_choice_fallback``: what to do about a forced tool call that the model does not allow:
    ``"nudge"`` (ask, and ask once more), ``"disable_thinking"`` (where thinking can be switched
    off; elsewhere as nudge) or ``"error"``.

    Raises:
        InvalidRequestError: the request is malformed, or asks for what Kimi cannot do at all;
            ``param`` holds the path.
        StrictError: in strict mode, with every adjustment that would change the meaning.
    """
    if tool_choice_fallback not in FALLBACKS:
        raise InvalidRequestError(
            f"must be one of {', '.join(FALLBACKS)}", param="tool_choice_fallback"
        )
    if is_plain(request):
        draft = Draft(request)
        draft.body["messages"] = [*draft.body["messages"]]
    else:
        draft = _translated(request, tool_choice_fallback)
    translation = Translation(
        body=draft.body,
        adjustments=tuple(draft.adjustments),
        restore=draft.restore.build(),
        needs=tuple(draft.needs),
        model=draft.model,
        thinking=draft.thinking,
        choices=draft.choices,
        forced=draft.forced,
        official=tuple(draft.official),
        official_required=draft.official_required,
    )
    if strict and translation.changes_of_meaning:
        raise StrictError(translation.changes_of_meaning)
    return translation


def _translated(request: Any, tool_choice_fallback: Fallback) -> Draft:
    values, adjustments, foreign = json_values(request)
    draft = Draft(values)
    draft.adjustments += adjustments
    try:
        _apply_steps(draft, tool_choice_fallback)
        if foreign:
            refuse_foreign(draft.body)
    except InvalidRequestError as error:
        if not draft.places or error.param is None:
            raise
        raise InvalidRequestError(error.message, param=draft.path(error.param)) from None
    return draft


def _apply_steps(draft: Draft, tool_choice_fallback: Fallback) -> None:
    fields.apply(draft)
    legacy.convert_legacy(draft)
    foreign_histories.apply(draft)
    thinking.apply(draft)
    caching.apply(draft)
    response_format.apply(draft)
    dynamic.hoist(draft)
    definitions.apply(draft)
    choice.apply(draft, tool_choice_fallback)
    sampling.apply(draft)
    apply.apply(draft)
    fields.lead(draft)
    if not draft.body.keys() <= leftovers.DONE:
        leftovers.rename(draft)
        limits.apply(draft)
        stop.apply(draft)
        streaming.apply(draft)
        leftovers.drop(draft)
