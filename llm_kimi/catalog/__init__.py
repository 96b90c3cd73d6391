"""What each Kimi model allows: one typed table, with the source of every fact.

Everything else is derived from it: the rules of the translation, the checks of the simulator,
the option classes of the ``llm`` door and the tables in the docs. A new model is a new row in
``models.MODELS``. Nothing here does I/O; what a host says of models that have no row is handed in
with ``learn``.

Units: context and output are tokens, prices are US dollars per million tokens on the
international platform, dates are ISO dates.
"""

from __future__ import annotations

from .lookup import learn, live_models, resolve, rules
from .models import BY_ID, FLAGSHIP, GONE, MODELS
from .sources import SOURCES, Source
from .types import Model, Pinned, Price, Range, Thinking, UnknownModelError

__all__ = [
    "BY_ID",
    "FLAGSHIP",
    "GONE",
    "MODELS",
    "SOURCES",
    "Model",
    "Pinned",
    "Price",
    "Range",
    "Source",
    "Thinking",
    "UnknownModelError",
    "learn",
    "live_models",
    "resolve",
    "rules",
]
