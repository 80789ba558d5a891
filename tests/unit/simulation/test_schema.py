"""What the structural schema of a CRD is made to mean; the rest is in the conformance list."""

from __future__ import annotations

import pytest

from wavegate.api.crds import KINDS
from wavegate.simulation.kinds import SERVED
from wavegate.simulation.schema import Schema, UnknownKeyword


def test_the_crds_say_nothing_that_is_not_understood():
    assert sum(kind.custom for kind in SERVED.values()) == len(KINDS)


@pytest.mark.parametrize("raw", [{"oneOf": []}, {"type": "string", "format": "email"}])
def test_what_is_not_understood_is_noticed(raw: dict[str, object]):
    with pytest.raises(UnknownKeyword, match="spec"):
        Schema({"type": "object", "properties": {"spec": raw}})


def test_a_list_of_a_map_has_each_key_once():
    schema = Schema(
        {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {"type": "object", "properties": {"name": {"type": "string"}}},
        }
    )
    assert list(schema.errors([{"name": "a"}, {"name": "b"}])) == []
    assert list(schema.errors([{"name": "a"}, {"name": "a"}])) == ["[1]: Duplicate value"]


def test_a_list_of_a_map_may_have_anything_in_it():
    raw = {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        "items": {"type": "object"},
    }
    assert list(Schema(raw).errors(["main"])) == ["[0]: Invalid value: must be of type object"]


def test_a_null_is_taken_away():
    schema = Schema(
        {
            "type": "object",
            "properties": {"note": {"type": "string"}, "more": {"type": "object"}},
        }
    )
    document = {"note": None, "more": {}}
    assert schema.prune(document) == []
    assert document == {"more": {}}
    assert list(schema.errors(document)) == []


@pytest.mark.parametrize(("within", "beyond"), [(2**63 - 1, 2**63), (-(2**63), -(2**63) - 1)])
def test_a_whole_number_has_64_bits(within: int, beyond: int):
    schema = Schema({"type": "integer"})
    assert list(schema.errors(within)) == []
    assert list(schema.errors(beyond)) == [": Invalid value: must be of type integer"]


def test_a_whole_number_may_be_written_as_a_fraction():
    for raw in ({"type": "integer"}, {"x-kubernetes-int-or-string": True}):
        assert list(Schema(raw).errors(2.0)) == []
        assert list(Schema(raw).errors(2.5)) != []


def test_a_duration_is_one_that_can_be_counted():
    schema = Schema({"type": "string", "format": "duration"})
    assert list(schema.errors("2562047h")) == []
    [said] = schema.errors("9999999999999h")
    assert "must be of type duration" in said


def test_a_line_end_is_not_the_end_of_a_text():
    schema = Schema({"type": "string", "pattern": "^[a-z]*$"})
    assert list(schema.errors("edge")) == []
    [said] = schema.errors("edge\n")
    assert "should match" in said
