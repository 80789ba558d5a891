"""wavegate.runs.payload_words: where and what, and nothing that the payload says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from wavegate.runs.json_schema import checker, first_error
from wavegate.runs.payload_words import what_is_wrong

SECRET = "hunter2"


def told(schema: Any, document: Any) -> str:
    error = first_error(checker(schema), document)
    assert error is not None
    return what_is_wrong(error)


@pytest.mark.parametrize(
    ("schema", "document", "expected"),
    [
        ({"type": "integer"}, SECRET, "payload: must be of type integer"),
        ({"type": ["integer", "null"]}, SECRET, "payload: must be of type integer or null"),
        ({"required": ["a", "b"]}, {"a": SECRET}, 'payload: lacks "b"'),
        ({"additionalProperties": False}, {"a b": SECRET}, 'payload["a b"]: is not allowed'),
        ({"const": 1}, SECRET, "payload: must be 1"),
        ({"enum": ["a", 1]}, SECRET, 'payload: must be one of ["a", 1]'),
        ({"pattern": "^\n"}, SECRET, r'payload: must match the pattern "^\n"'),
        ({"maxLength": 3}, SECRET, "payload: must have at most 3 characters"),
        ({"minimum": 1e3}, 7, "payload: must be at least 1000.0"),
        ({"items": {"properties": {"x": {"minItems": 1}}}}, [{}, {"x": []}],
         "payload[1].x: must have at least 1 items"),
        ({"contains": {"type": "null"}}, [SECRET],
         "payload: has too few of the items that it must contain"),
        ({"contains": {}, "maxContains": 1}, [1, 2],
         "payload: must have at most 1 of the items that it must contain"),
        ({"anyOf": [{"type": "null"}]}, SECRET, "payload: meets none of anyOf"),
        ({"oneOf": [{}, {}]}, SECRET, "payload: must meet one of oneOf, and no more"),
        ({"not": {}}, SECRET, "payload: meets what it must not"),
        ({"uniqueItems": True}, [SECRET, SECRET], "payload: must not have the same item twice"),
        ({"propertyNames": {"maxLength": 3}}, {SECRET: 1},
         "payload: one of its names must have at most 3 characters"),
        ({"dependentRequired": {"a": ["b"]}}, {"a": SECRET},
         'payload: lacks a key that another needs: {"a": ["b"]}'),
        ({"prefixItems": [{}], "items": False}, [1, SECRET], "payload: does not meet items"),
        (False, SECRET, "payload: has what is not allowed"),
    ],
)  # fmt: skip
def test_what_is_told(schema: Any, document: Any, expected: str) -> None:
    assert told(schema, document) == expected


def test_a_long_path_is_told_by_its_end() -> None:
    document: Any = SECRET
    for n in range(30):
        document = {f"level{n}": document}
    path = told({"$defs": {"a": {"type": "object", "additionalProperties": {"$ref": "#/$defs/a"}}},
                 "$ref": "#/$defs/a"}, document)  # fmt: skip
    assert path.startswith("payload…")
    assert path.endswith(".level1.level0: must be of type object")
    assert len(path) < 150


def test_a_long_value_of_the_schema_is_told_by_its_beginning() -> None:
    assert len(told({"enum": list(range(1000))}, SECRET)) < 120


@pytest.mark.parametrize("keyword", sorted({*Draft202012Validator.VALIDATORS} - {"$ref"}))
def test_every_keyword_has_words(keyword: str) -> None:
    error = next(Draft202012Validator({"type": "null"}).iter_errors(1))
    error.validator, error.validator_value = keyword, ["a"]
    error.instance = {}
    assert what_is_wrong(error).startswith("payload: ")


@given(st.text(min_size=1), st.text(min_size=1))
def test_it_is_one_short_line(name: str, key: str) -> None:
    words = told({"additionalProperties": {"additionalProperties": False}}, {name: {key: SECRET}})
    assert len(words.splitlines()) == 1
    assert len(words) < 130
    assert SECRET not in words
