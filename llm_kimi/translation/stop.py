"""Stop sequences: those that Kimi takes, and those that the reply is cut at."""

from __future__ import annotations

from .checks import require, well_formed
from .draft import Draft

__all__ = ["apply"]

MAX_STOPS = 5
MAX_STOP_BYTES = 32


def apply(draft: Draft) -> None:
    """At most 5 strings of at most 32 bytes are sent; the reply is cut at the others here."""
    given = draft.body.get("stop")
    if given is None:
        return
    stops = [given] if isinstance(given, str) else given
    require(
        isinstance(stops, list) and all(isinstance(stop, str) for stop in stops),
        "must be text or a list of texts",
        "stop",
    )
    require(all(well_formed(stop) == stop for stop in stops), "must be valid Unicode", "stop")
    filled = [stop for stop in dict.fromkeys(stops) if stop]
    short = [stop for stop in filled if len(stop.encode()) <= MAX_STOP_BYTES]
    sent, here = short[:MAX_STOPS], short[MAX_STOPS:]
    here += [stop for stop in filled if len(stop.encode()) > MAX_STOP_BYTES]
    if here:
        draft.restore.stops = tuple(here)
        draft.adjust(
            "stop",
            given,
            sent or None,
            f"Kimi takes {MAX_STOPS} strings of at most {MAX_STOP_BYTES} bytes; the reply is cut "
            f"at the other {len(here)} when it arrives",
            meaning=False,
        )
    elif len(sent) != len(stops):
        draft.adjust("stop", given, sent or None, "empty or repeated strings", meaning=False)
    if not sent:
        del draft.body["stop"]
    elif sent != stops:
        draft.body["stop"] = sent
