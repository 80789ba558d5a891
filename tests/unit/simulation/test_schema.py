"""What the structural schema of a CRD is made to mean; the rest is in the conformance list."""

from __future__ import annotations

import pytest

from wavegate.simulation.kinds import SERVED
from wavegate.simulation.schema import Schema, UnknownKeyword


def test_the_crds_say_nothing_that_is_not_understood():
    assert sum(kind.custom for kind in SERVED.values()) == 4


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
