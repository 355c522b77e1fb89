"""The docstring below a field describes it wherever its schema is shown."""

from typing import Generic, TypeVar

from pydantic import BaseModel, Field

from codetune_remote.described import DescribedSchema

Item = TypeVar("Item")


class Base(BaseModel):
    """What others extend."""

    count: int = 0
    """How many
    there are."""
    name: str = ""


class Other(Base):
    """What extends it."""

    name: str = ""
    """What it is called."""
    said: int = Field(default=0, description="What the field says itself.")
    """What stands below it."""


class Several(Base, Generic[Item]):
    """What is made for a kind of item."""

    items: list[Item]
    """What there is."""


def described(model):
    properties = model.model_json_schema(schema_generator=DescribedSchema)["properties"]
    return {name: field.get("description") for name, field in properties.items()}


def test_fields_are_described_where_they_are_declared_and_where_they_are_inherited():
    assert described(Base) == {"count": "How many\nthere are.", "name": None}
    assert described(Other)["count"] == "How many\nthere are."
    assert described(Other)["name"] == "What it is called."


def test_what_a_field_says_itself_goes_first():
    assert described(Other)["said"] == "What the field says itself."


def test_a_class_for_one_kind_of_item_is_described_as_its_source_is():
    assert described(Several[int])["items"] == "What there is."
