"""From a model to a structural schema."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import ConfigDict, Field

from wavegate.api.base import AnyObject, CountOrShare, Int32, Model, cel, rules
from wavegate.api.durations import Seconds
from wavegate.api.schema import spec_schema, status_schema


class Inner(Model):
    """Inner words."""

    model_config = ConfigDict(json_schema_extra=rules(cel("1 == 1", "inner: first")))

    kind: Literal["A"] = Field(default="A", description="Kind.")


class Outer(Model):
    """Outer
    words."""

    inner: Inner | None = Field(
        default=None,
        description="Said outside.",
        json_schema_extra=rules(cel("2 == 2", "inner: second"), default={"kind": "A"}),
    )
    size: CountOrShare | None = Field(default=None, description="Size.")
    time: Seconds = Field(default=5.0, description="Time.", json_schema_extra={"default": "5s"})
    count: Int32 | None = Field(default=None, description="Count.")
    any_thing: AnyObject = Field(description="Any thing.")


def test_references_are_put_in_place_and_the_outer_words_win() -> None:
    inner = spec_schema(Outer)["properties"]["inner"]
    assert inner["description"] == "Said outside."
    assert inner["default"] == {"kind": "A"}
    assert inner["properties"]["kind"] == {
        "description": "Kind.",
        "type": "string",
        "enum": ["A"],
        "default": "A",
    }


def test_rules_of_a_model_and_of_its_field_both_hold() -> None:
    inner = spec_schema(Outer)["properties"]["inner"]
    assert [rule["message"] for rule in inner["x-kubernetes-validations"]] == [
        "inner: first",
        "inner: second",
    ]


def test_a_status_has_neither_rules_nor_defaults() -> None:
    schema = status_schema(Outer)
    assert "x-kubernetes-validations" not in schema["properties"]["inner"]
    assert "default" not in schema["properties"]["inner"]
    assert "default" not in schema["properties"]["time"]


def test_types_that_only_a_crd_knows() -> None:
    properties = spec_schema(Outer)["properties"]
    assert properties["size"]["x-kubernetes-int-or-string"] is True
    assert "type" not in properties["size"]
    assert (properties["time"]["type"], properties["time"]["default"]) == ("string", "5s")
    assert (properties["count"]["format"], properties["count"]["minimum"]) == ("int32", 0)
    assert properties["anyThing"] == {
        "description": "Any thing.",
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
    }


def test_nothing_that_a_crd_does_not_take() -> None:
    schema = spec_schema(Outer)
    assert schema["description"] == "Outer words."
    assert schema["required"] == ["anyThing"]
    assert not {"title", "$defs", "additionalProperties"} & schema.keys()


def test_a_union_that_a_crd_cannot_say_is_an_error() -> None:
    class Bad(Model):
        either: int | str | None = Field(default=None, description="Either.")

    with pytest.raises(TypeError, match="a CRD cannot say"):
        spec_schema(Bad)
