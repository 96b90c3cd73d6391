"""Streams: usage in them, and options that Kimi lacks."""

from __future__ import annotations

from collections.abc import Mapping

from .checks import require
from .draft import Draft

__all__ = ["apply"]


def apply(draft: Draft) -> None:
    """Usage is always asked for, since the reply needs it; the caller sees what it asked for."""
    stream = draft.check_type("stream", bool, "true or false")
    options = draft.check_type("stream_options", Mapping, "an object")
    if options is not None and not stream:
        draft.drop("stream_options", "the request is not a stream", meaning=False)
        return
    wanted = options.get("include_usage") if options is not None else None
    require(
        wanted is None or isinstance(wanted, bool),
        "must be true or false",
        "stream_options.include_usage",
    )
    wanted = bool(wanted)
    draft.restore.include_usage = wanted
    if not stream:
        return
    sent = {"include_usage": True}
    draft.body["stream_options"] = sent
    if options != sent:
        draft.adjust(
            "stream_options",
            None if options is None else dict(options),
            sent,
            "usage is always asked for; the stream shows it as the caller asked",
            "streaming",
            meaning=False,
        )
