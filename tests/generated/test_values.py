"""The values at the limits of a schema: the worked examples of `values`."""

from __future__ import annotations

from typing import Any

import pytest

from generated.values import ABSENT, sample, text, values

TEXTS = {"type": "string", "maxLength": 20}
ZERO, ONE = "x" * 11 + "0", "x" * 11 + "1"
EXAMPLES: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "a number": ({"type": "integer", "minimum": 0, "maximum": 100}, [0, 100, 50, -1, 101, 1.0]),
    "a rate": ({"type": "number", "minimum": 0, "maximum": 1}, [0, 1, 0.5]),
    "a boolean": ({"type": "boolean"}, [True, False, "x", 1]),
    "a word": ({"type": "string", "enum": ["On", "Off"]}, ["On", "Off", "Another", "oN", ""]),
    "a text": ({"type": "string", "minLength": 1, "maxLength": 3}, ["x", "xx", "xxx", "xxxx", ""]),
    "a list": (
        {"type": "array", "maxItems": 2, "items": {"type": "boolean"}},
        [[], [True], [True, False], [True, False, True], [True, True], [True, None], [[]], "x"],
    ),
    "a map": (
        {"type": "object", "maxProperties": 1, "additionalProperties": TEXTS},
        [{}, {"k0": ZERO}, {"k0": ZERO, "k1": ONE}, {"": ZERO}, {"k": None}, {"k": []}],
    ),
    "a number or a share": (
        {"x-kubernetes-int-or-string": True, "minimum": 1, "maximum": 9},
        [1, 9, 0, 10, "1%", "100%", "0%", "101%", 1.5],
    ),
    "a duration": ({"type": "string", "format": "duration"}, ["0s", "-5s", "P1D", "8760h1s", ""]),
}


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_level_gets_the_values_at_its_limits(example: str):
    schema, wanted = EXAMPLES[example]
    found = [value for _, value in values(schema)]
    assert found[:2] == [ABSENT, None]
    assert [each for each in wanted if not any(_same(each, other) for other in found)] == []


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) and type(one) is type(other)


@pytest.mark.parametrize("example", EXAMPLES)
def test_labels_are_unique_at_their_level(example: str):
    labels = [label for label, _ in values(EXAMPLES[example][0])]
    assert len(labels) == len(set(labels))


def test_a_text_fits_the_pattern_and_the_rules_where_one_can():
    assert text({"type": "string", "pattern": "^/[a-z]*$"}, 4) == "/xxx"
    rule = {"rule": "self.contains('[$window]')", "message": "m"}
    assert "[$window]" in text({"type": "string", "x-kubernetes-validations": [rule]}, 12)


def test_samples_have_what_is_required_and_differ():
    schema = {
        "type": "object",
        "required": ["name", "ports"],
        "properties": {
            "name": {"type": "string", "maxLength": 63},
            "ports": {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 1}},
            "note": {"type": "string"},
        },
    }
    one, other = sample(schema, 0), sample(schema, 1)
    assert set(one) == {"name", "ports"}
    assert one["ports"] == [1]
    assert one["name"] != other["name"]
