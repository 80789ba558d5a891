"""wavegate.runs.json_schema: the same answers as the library's, and an end in any case."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from referencing.exceptions import NoSuchResource

from wavegate.runs.json_schema import MAX_STEPS, TooMuch, checker, first_error, text_of

LONG = "a" * 8180
TWICE: dict[str, Any] = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(40)}
MANY = list(range(1600))


def meets(schema: dict[str, Any], document: Any) -> bool:
    return first_error(checker(schema), document) is None


@pytest.mark.parametrize(
    ("schema", "document"),
    [
        ({"$ref": "#"}, {}),
        ({"items": {"allOf": [{"$ref": "#"}] * 2}}, json.loads("[" * 32 + "]" * 32)),
        ({"$defs": {**TWICE, "a40": {}}, "$ref": "#/$defs/a0"}, {}),
        (
            {"$defs": {"a": {"anyOf": [{"type": "null"}] * 1000}}, "items": {"$ref": "#/$defs/a"}},
            MANY,
        ),
        (
            {"$defs": {"b": {"const": MANY}}, "allOf": [{"items": {"$ref": "#/$defs/b"}}] * 600},
            [MANY],
        ),
        ({"$defs": {"b": {"uniqueItems": True}}, "allOf": [{"$ref": "#/$defs/b"}] * 900}, MANY),
        ({"items": {"enum": [[n] for n in MANY]}}, [[-n] for n in range(1, 900)]),
        ({"allOf": [{"pattern": f".{{0,{400 - n}}}b"} for n in range(400)]}, "aé" * 2700 + "b"),
        ({"patternProperties": {f"(.?){{{n}}}b": {} for n in range(100, 300)}}, {LONG: 1}),
        ({"anyOf": [{"type": "null"}] * 1800}, {"a": MANY}),
    ],
    ids=[
        "itself",
        "itself twice a level",
        "twice the same, forty times",
        "many alternatives of many items",
        "a large constant many times",
        "unique many times",
        "a long enumeration of many items",
        "many patterns of a long text",
        "many patterns of a long name",
        "many errors that quote much",
    ],
)
def test_what_would_take_for_ever_ends(
    schema: dict[str, Any], document: Any, measured: Callable[[str], None]
) -> None:
    begin = time.process_time()
    with suppress(TooMuch):
        first_error(checker(schema), document)
    took = time.process_time() - begin
    measured(f"payloadSchema that takes for ever: ended after {1000 * took:.0f} ms")
    assert took < 3


@pytest.mark.parametrize(
    "pattern", ["^(a+)+$", "(a|a)*b$", "(.*a){12}b", "^(a?){200}a{200}$", "a*a*a*a*a*a*b"]
)
def test_a_pattern_takes_time_by_the_text_alone(pattern: str) -> None:
    begin = time.process_time()
    assert not meets({"pattern": pattern}, LONG + "!")
    assert time.process_time() - begin < 1


def test_too_many_steps_are_too_much_and_others_are_not() -> None:
    schema = {"items": {"type": "integer"}}
    assert first_error(checker(schema), MANY, MAX_STEPS) is None
    with pytest.raises(TooMuch):
        first_error(checker(schema), MANY, 1000)


def test_a_long_list_of_words_is_cheap() -> None:
    words = [f"word{n}" for n in range(1000)]
    assert meets({"items": {"enum": words}}, words)
    assert not meets({"items": {"enum": words}}, [*words, "other"])


def test_nothing_is_fetched() -> None:
    with pytest.raises(Exception, match=r"elsewhere\.example") as told:
        meets({"$ref": "http://elsewhere.example/schema"}, {})
    assert isinstance(told.value.__cause__, NoSuchResource) or "Unresolvable" in repr(told.value)


@pytest.mark.parametrize(
    ("schema", "document", "met"),
    [
        ({"pattern": "b"}, "abc", True),
        ({"pattern": "^b"}, "abc", False),
        ({"pattern": "a$"}, "a\n", False),
        ({"pattern": r"^\d$"}, "٣", False),
        ({"pattern": "^b"}, 1, True),
        ({"patternProperties": {"^x": {"type": "null"}}}, {"x1": None, "y": 1}, True),
        ({"patternProperties": {"^x": {"type": "null"}}}, {"x1": 1}, False),
        (
            {
                "properties": {"a": {}},
                "patternProperties": {"^x": {}},
                "additionalProperties": False,
            },
            {"a": 1, "x": 1},
            True,
        ),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"a": 1, "x": 1}, False),
        ({"additionalProperties": {"type": "null"}}, {"a": 1}, False),
        ({"uniqueItems": True}, [1, True, "1", None, [1], {"a": 1}], True),
        ({"uniqueItems": True}, [{"a": 1, "b": 2}, {"b": 2, "a": 1}], False),
        ({"uniqueItems": False}, [1, 1], True),
        ({"const": True}, 1, False),
        ({"const": {"a": [1]}}, {"a": [1]}, True),
        ({"enum": [0, "a"]}, False, False),
        ({"enum": [0, "a"]}, "a", True),
        ({"format": "email"}, "nobody", True),
    ],
)
def test_keywords_of_its_own(schema: dict[str, Any], document: Any, met: bool) -> None:
    assert meets(schema, document) is met


SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "ab", "b"])
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "ab"]), inner)
    ),
    max_leaves=8,
)
NAMES = st.sampled_from(["a", "b", "ab", "^a", "b$"])
TYPES = st.sampled_from(["null", "boolean", "integer", "string", "array", "object", "number"])


def keywords(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    schemas = st.lists(inner, min_size=1, max_size=3)
    named = st.dictionaries(NAMES, inner, max_size=3)
    return st.booleans() | st.fixed_dictionaries(
        {},
        optional={
            "type": TYPES,
            "const": DOCUMENTS,
            "enum": st.lists(DOCUMENTS, max_size=4),
            "pattern": NAMES,
            "minLength": st.integers(0, 2),
            "maximum": st.integers(-2, 2),
            "uniqueItems": st.booleans(),
            "maxItems": st.integers(0, 3),
            "items": inner,
            "prefixItems": schemas,
            "contains": inner,
            "properties": named,
            "patternProperties": named,
            "additionalProperties": inner,
            "propertyNames": inner,
            "required": st.lists(NAMES, max_size=2),
            "allOf": schemas,
            "anyOf": schemas,
            "oneOf": schemas,
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
        },
    )


@given(keywords(keywords(keywords(st.just({})))), DOCUMENTS)
def test_the_answers_are_the_librarys(schema: Any, document: Any) -> None:
    assert meets(schema, document) is Draft202012Validator(schema).is_valid(document)


@given(DOCUMENTS)
def test_a_text_is_that_of_the_value(document: Any) -> None:
    assert json.loads(text_of(document)) == document
