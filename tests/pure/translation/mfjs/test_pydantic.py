"""The schemas that pydantic makes."""

from __future__ import annotations

import copy
import datetime
import enum
import json
import uuid
from typing import Annotated, Any, Literal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from llm_kimi.translation import mfjs as schema_module
from llm_kimi.translation.mfjs import to_mfjs
from tests.support.budgets import tries
from tests.support.schema_checks import PATH, lost, rewrite
from tests.support.schema_meaning import accepts, compare, sample


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Address(BaseModel):
    street: str
    number: int = 1


class Person(BaseModel):
    """A person."""

    name: str = Field(min_length=1, max_length=20, description="Full name")
    nick: str | None = None
    age: int = Field(gt=0, le=150)
    home: Address = Field(description="Where they live")
    other: list[Address] = []
    colour: Colour
    level: Level = Level.LOW
    mood: Literal["good", "bad", 3, None] = "good"
    scores: dict[str, int] = {}
    mixed: int | str | list[bool]
    anything: Any = None


class Node(BaseModel):
    value: int
    children: list[Node] = []
    parent: Node | None = None


class Forest(BaseModel):
    trees: list[Node]
    main: Node = Field(description="The main one")


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    friends: list[Pet] = []


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


class Home(BaseModel):
    pet: Pet
    pets: list[Pet] = []


class Exact(BaseModel):
    pair: tuple[int, str]
    point: tuple[float, float]
    when: datetime.datetime
    key: uuid.UUID
    ratio: float = Field(gt=0, lt=1)
    step: int = Field(multiple_of=5)
    code: str = Field(pattern="^[a-z]+$")
    tags: set[str]


Dog.model_rebuild()


@pytest.mark.parametrize("model", [Address, Person, Node, Forest])
@settings(max_examples=tries(30), deadline=None)
@given(data=st.data())
def test_pydantic_models_keep_their_meaning(model: type[BaseModel], data: st.DataObject) -> None:
    schema = model.model_json_schema()
    sent, adjustments = rewrite(schema)
    assert lost(adjustments) == []
    compare(data, schema, sent, adjustments)
    value = sample(data.draw, sent, sent.get("$defs", {}))
    assume(accepts(sent, value))
    model.model_validate(value)


def test_pydantic_nested_models_are_inlined() -> None:
    sent, _ = rewrite(Person.model_json_schema())
    assert "$defs" not in sent
    assert sent["properties"]["home"]["description"] == "Where they live"
    assert sent["properties"]["age"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 150,
        "title": "Age",
    }


def test_pydantic_recursive_models_keep_one_definition() -> None:
    sent, _ = rewrite(Forest.model_json_schema())
    assert set(sent["$defs"]) == {"Node"}
    assert sent["properties"]["trees"]["items"] == {"$ref": "#/$defs/Node"}


@settings(max_examples=tries(30), deadline=None)
@given(data=st.data())
def test_pydantic_discriminated_unions(data: st.DataObject) -> None:
    """What fits the rewritten schema is what pydantic takes (it demands the tag)."""
    sent, adjustments = rewrite(Home.model_json_schema())
    assert lost(adjustments) == []
    value = sample(data.draw, sent, sent.get("$defs", {}))
    assume(accepts(sent, value))
    # A tag is optional in a recursive member, because nothing may stand beside its $ref.
    try:
        TypeAdapter(Home).validate_python(value)
    except ValidationError as refusal:
        if {e["type"] for e in refusal.errors()} != {"union_tag_not_found"}:
            raise


def test_pydantic_constrained_types_report_what_is_lost() -> None:
    _, adjustments = rewrite(Exact.model_json_schema())
    assert lost(adjustments) == [
        "properties.pair.prefixItems",
        "properties.ratio.exclusiveMinimum",
        "properties.ratio.exclusiveMaximum",
        "properties.step.multipleOf",
        "properties.tags.uniqueItems",
    ]


def test_the_order_of_the_output_is_always_the_same() -> None:
    schema = Home.model_json_schema()
    texts = {json.dumps(to_mfjs(copy.deepcopy(schema), PATH)[0]) for _ in range(5)}
    assert len(texts) == 1
    assert schema_module.__all__ == ["to_mfjs"]
