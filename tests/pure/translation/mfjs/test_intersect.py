"""Two atoms as one, as a table: what satisfies both, whichever comes first."""

from __future__ import annotations

from typing import Any

import pytest

from llm_kimi.translation.mfjs.intersect import intersect, narrow, trivially
from llm_kimi.translation.mfjs.model import Annotations, Constraints

TYPES: list[tuple[Any, Any, Any]] = [
    (None, None, None),
    (None, ("string",), ("string",)),
    (("string", "null"), ("null", "object"), ("null",)),
    (("number",), ("integer",), ("integer",)),
    (("number", "string"), ("integer", "string"), ("string", "integer")),
    (("string",), ("object",), ()),
]


@pytest.mark.parametrize(("ours", "theirs", "both"), TYPES)
def test_types(ours: Any, theirs: Any, both: Any) -> None:
    for x, y in ((ours, theirs), (theirs, ours)):
        found = narrow(x, y)
        assert (found if found is None else set(found)) == (both if both is None else set(both))


BOTH: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any] | None]] = [
    # (one, another, what is left of both; None: they contradict each other)
    ({"types": ("string",)}, {"types": ("object",)}, None),
    ({"enum": (1, 2)}, {"enum": (3,)}, None),
    ({"enum": (1, "a")}, {"types": ("null",)}, None),
    ({"enum": (1, "a", None)}, {"types": ("string", "null")}, {"enum": ("a", None)}),
    ({"enum": (1, 2, 3)}, {"enum": (3, 2)}, {"enum": (2, 3)}),
    ({"enum": (True,)}, {"enum": (1,)}, None),  # JSON schema keeps them apart
    ({"enum": (1,)}, {"enum": (1.0,)}, {"enum": (1,)}),
    (
        {"bounds": {"minimum": (1, "a"), "maximum": (9, "a")}},
        {"bounds": {"minimum": (3, "b"), "maximum": (5, "b")}},
        {"bounds": {"minimum": (3, "b"), "maximum": (5, "b")}},
    ),
    (
        {"bounds": {"exclusiveMinimum": (1, "a")}},
        {"bounds": {"exclusiveMinimum": (2, "b"), "maxLength": (4, "b")}},
        {"bounds": {"exclusiveMinimum": (2, "b"), "maxLength": (4, "b")}},
    ),
    (
        {"required": ("a", "b")},
        {"required": ("b", "c")},
        {"required": ("a", "b", "c")},
    ),
]


@pytest.mark.parametrize(("one", "another", "both"), BOTH)
def test_both_at_once(
    one: dict[str, Any], another: dict[str, Any], both: dict[str, Any] | None
) -> None:
    for x, y in ((one, another), (another, one)):
        found = intersect(Constraints(**x), Constraints(**y))
        if both is None:
            assert found is None
            continue
        assert found is not None
        for name, value in both.items():
            left = getattr(found, name)
            same = (
                left == value
                if isinstance(value, dict)
                else sorted_as_text(left) == sorted_as_text(value)
            )
            assert same, (name, left)


def sorted_as_text(values: Any) -> list[str]:
    """1 and 1.0 are one value of JSON."""
    return sorted(repr(float(one) if type(one) in (int, float) else one) for one in values)


def test_properties_of_both_are_there() -> None:
    one = Constraints(props={"a": ()}, types=("object",))
    another = Constraints(props={"b": ()}, types=("object",))
    found = intersect(one, another)
    assert found is not None
    assert list(found.props) == ["a", "b"]


NOTHING_SAID = Constraints()
TEXT = Constraints(types=("string",))
NOTED = Constraints(notes=Annotations(title="T"), seen=frozenset({"all names"}))


@pytest.mark.parametrize(("x", "y"), [(NOTHING_SAID, TEXT), (TEXT, NOTHING_SAID)])
def test_beside_an_atom_that_says_nothing_the_other_stays_itself(
    x: Constraints, y: Constraints
) -> None:
    assert trivially(x, y) is TEXT


@pytest.mark.parametrize(("x", "y"), [(NOTED, TEXT), (TEXT, NOTED)])
def test_an_atom_that_only_describes_leaves_its_notes(x: Constraints, y: Constraints) -> None:
    met = trivially(x, y)
    assert met is not None
    assert (met.types, met.notes, met.seen) == (("string",), NOTED.notes, NOTED.seen)


def test_two_atoms_that_bind_are_no_trivial_case() -> None:
    assert trivially(TEXT, TEXT) is None
