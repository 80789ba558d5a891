"""wavegate.runs.payload: strict JSON, usable schemas, and what is told of either."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavegate.runs.payload import digest, problems, schema_problems

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NESTED: dict[str, Any] = json.loads('{"not":' * 100 + "{}" + "}" * 100)


@pytest.mark.parametrize(
    "payload",
    ["{}", "null", "1", '"a"', "[]", " {} \n", '{"a":{"a":1}}', "-0.0", "1e300", r'"\ud83d\ude00"',
     "9" * 300, "[" * 32 + "]" * 32],
)  # fmt: skip
def test_what_is_a_document(payload: str) -> None:
    assert problems(payload, None) == ""
    assert problems(payload, {}) == ""


@pytest.mark.parametrize(
    ("payload", "wrong"),
    [
        ("", "payload: is not JSON: Expecting value (line 1, column 1)"),
        ("hunter2", "payload: is not JSON: Expecting value (line 1, column 1)"),
        ('{"hunter2": 1,}', "payload: is not JSON: "),
        ("{} hunter2", "payload: is not JSON: Extra data (line 1, column 4)"),
        ("{'a': 1}", "payload: is not JSON: "),
        ('"a\nb"', "payload: is not JSON: "),
        ("[NaN]", "payload: is not JSON: NaN and Infinity are not"),
        ("-Infinity", "payload: is not JSON: NaN and Infinity are not"),
        ('{"a": 1, "b": {"c": 1, "c": 1}}', "payload: has an object with the same key twice"),
        (r'{"\ud83d": 1}', "payload: has half of a surrogate pair, which is no character"),
        ("1e999", "payload: has a number that is too large"),
        ("-1e999", "payload: has a number that is too large"),
        ("9" * 301, "payload: has a number of more than 300 digits"),
        ("9" * 8000, "payload: has a number of more than 300 digits"),
        ("[" * 33 + "]" * 33, "payload: is nested more than 32 levels deep"),
        ("[" * 4096 + "]" * 4096, "payload: is nested more than 32 levels deep"),
        ('{"a":' * 1200 + "1" + "}" * 1200, "payload: is nested more than 32 levels deep"),
    ],
)
def test_what_is_no_document(payload: str, wrong: str) -> None:
    found = problems(payload, None)
    assert found.startswith(wrong)
    assert "hunter2" not in found
    assert len(found) < 100


@pytest.mark.parametrize(
    ("payload", "wrong"),
    [
        ('{"count": 1}', ""),
        ('{"count": 1.0}', ""),
        ('{"count": 1e2}', ""),
        ('{"count": 1.5}', "payload.count: must be of type integer"),
        ('{"count": "x"}', "payload.count: must be of type integer"),
        ("{}", 'payload: lacks "count"'),
        ('{"count": 1, "other": 1}', "payload.other: is not allowed"),
        ("[]", "payload: must be of type object"),
    ],
)
def test_whether_it_meets_the_schema(payload: str, wrong: str) -> None:
    schema = {
        "type": "object",
        "properties": {"count": {"type": "integer"}},
        "required": ["count"],
        "additionalProperties": False,
    }
    assert schema_problems(schema) == ""
    assert problems(payload, schema) == wrong


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"$schema": DIALECT, "$id": "https://a.example/b"},
        {"$defs": {"a": True}, "properties": {"x": {"$ref": "#/$defs/a"}}},
        {"$defs": {"a": {"$anchor": "here"}}, "properties": {"x": {"$ref": "#here"}}},
        {"type": "array", "items": {"$ref": "#"}},
        {"const": {"$ref": "http://elsewhere.example"}},
        {"properties": {"unevaluatedItems": {}, "$ref": {}, "pattern": {}, "$id": {}}},
        {"format": "email", "x-own": {"type": 5}},
        {"properties": {f"p{n}": {"type": "integer"} for n in range(1000)}},
    ],
)
def test_what_is_a_usable_schema(schema: dict[str, Any]) -> None:
    before = json.dumps(schema)
    assert schema_problems(schema) == ""
    assert problems("{}", schema) == "" or schema.get("type") == "array" or "const" in schema
    assert json.dumps(schema) == before


@pytest.mark.parametrize(
    ("schema", "wrong"),
    [
        ({"type": "text"}, "is not valid: schema.type: "),
        ({"properties": {"a": {"minLength": -1}}}, "is not valid: schema.properties.a.minLength"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "$schema: must be https"),
        ({"x": "a" * 33_000}, "has more than 32 KiB as JSON"),
        ({"x": "ä" * 17_000}, "has more than 32 KiB as JSON"),
        (NESTED, "is nested more than 64 levels deep"),
        (json.loads('{"a":' * 900 + "1" + "}" * 900), "is nested more than 64 levels deep"),
        ({"maximum": float("inf")}, "is not JSON"),
        ({"$ref": "http://elsewhere.example/a"}, "$ref 'http://elsewhere.example/a': must begin"),
        ({"items": {"$ref": "other.json#/a"}}, "$ref 'other.json#/a': must begin with #"),
        ({"$ref": "#/$defs/none"}, "$ref '#/$defs/none': is no schema within the schema"),
        ({"$ref": "#none"}, "$ref '#none': is no schema within the schema"),
        ({"$ref": "#/x", "x": {"type": 5}}, "$ref '#/x': is no schema within the schema"),
        ({"$ref": "#/maximum", "maximum": 1}, "$ref '#/maximum': is no schema"),
        ({"$ref": "#"}, "refers to itself without end"),
        ({"items": {"$id": "https://a.example/b"}}, "$id and $schema: belong to the whole"),
        ({"items": {"$schema": DIALECT}}, "$id and $schema: belong to the whole"),
        ({"items": {"unevaluatedItems": False}}, "unevaluatedItems: is not supported"),
        ({"unevaluatedProperties": False}, "unevaluatedProperties: is not supported"),
        ({"$dynamicRef": "#a"}, "$dynamicRef: is not supported"),
        ({"pattern": "("}, "pattern '(': missing ): ( (RE2 syntax)"),
        ({"pattern": "a(?=b)"}, "pattern 'a(?=b)': invalid perl operator: (?= (RE2 syntax)"),
        ({"patternProperties": {r"(a)\1": {}}}, r"pattern '(a)\\1': invalid escape sequence"),
        ({"pattern": "(.?){1000}c"}, "pattern '(.?){1000}c': repeats too much"),
        ({"pattern": r"(\pL{0,300}\pN{0,300}){3}"}, "pattern"),
        ({"allOf": [{}] * 10_000}, "has more than 2500 objects"),
        ({"allOf": [True] * 6_000}, "has more than 2500 objects"),
        ({"allOf": 5}, "is not valid: schema.allOf: must be of type array"),
    ],
)
def test_what_makes_a_schema_unusable(schema: dict[str, Any], wrong: str) -> None:
    begin = time.process_time()
    found = schema_problems(schema)
    assert found.startswith(wrong)
    assert len(found.splitlines()) == 1
    assert len(found) < 300
    assert time.process_time() - begin < 5


def test_a_payload_cannot_meet_a_schema_that_is_unusable() -> None:
    assert problems("{}", {"type": "text"}).startswith("runs.payloadSchema: is not valid: ")


def test_a_payload_that_takes_too_long_is_refused() -> None:
    doubling = {"items": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}
    assert schema_problems(doubling) == ""
    assert problems("[" * 5 + "]" * 5, doubling) == ""
    assert problems("[" * 32 + "]" * 32, doubling).startswith("payload: takes too long to check")


def test_a_number_is_the_same_however_it_is_written() -> None:
    assert problems("[1.0, 1e0, 1]", {"items": {"const": 1}}) == ""
    assert problems("[1, 1.0]", {"uniqueItems": True}) != ""
    assert problems("[0.5, 5e-1]", {"items": {"const": 0.5}}) == ""
    assert problems("true", {"const": 1}) != ""


def test_the_deepest_payload_can_be_checked() -> None:
    deep = {"anyOf": [{"allOf": [{"type": "array", "items": {"$ref": "#"}}]}]}
    assert problems("[" * 32 + "]" * 32, deep) == ""


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=20,
)


@given(JSON)
def test_every_document_is_one_and_meets_itself_as_a_constant(document: Any) -> None:
    assert problems(json.dumps(document), {"const": document}) == ""
    assert problems(json.dumps(document, ensure_ascii=False, indent=1), None) == ""


@given(st.text(max_size=200) | st.text('[]{}",:0123456789eE+-.\\untrfalsdNI ', max_size=200))
def test_any_text_is_a_document_or_is_told_in_a_short_line(payload: str) -> None:
    found = problems(payload, {"type": "object"})
    assert len(found) < 150
    assert len(found.splitlines()) <= 1


def test_a_digest_is_of_the_text_as_it_is() -> None:
    assert digest("{}") == f"sha256:{hashlib.sha256(b'{}').hexdigest()}"
    assert digest("ä") != digest("a")
    assert digest("{}") != digest("{ }")
