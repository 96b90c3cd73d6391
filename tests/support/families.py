"""One model for each set of rules, for tests of rules that do not ask for a model by its name.

Fourteen models live by seven sets of rules: what is shown for one of a set holds for the others.
Sizes, prices and dates are not among the rules; tests of those go through all of ``MODELS``.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from llm_kimi.catalog import MODELS, Model

__all__ = ["FAMILIES", "every_family", "of_family"]


def _rules(model: Model) -> Model:
    """A model without what does not decide how a request is translated."""
    like = MODELS[0]
    return replace(
        model,
        id="",
        context=0,
        output_default=None,
        output_limit=None,
        price=like.price,
        status=like.status,
        released=like.released,
        retired_on=like.retired_on,
        notice=like.notice,
        replacement=like.replacement,
        responses=like.responses,
        sources=like.sources,
    )


def of_family(*models: Model) -> list[Model]:
    """Those of ``models`` that differ in their rules, the first of each set."""
    return list({repr(_rules(model)): model for model in reversed(models)}.values())[::-1]


FAMILIES = of_family(*MODELS)
every_family = pytest.mark.parametrize("model", FAMILIES, ids=lambda model: model.id)
