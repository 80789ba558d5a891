"""Texts that are JSON, and those that only look so."""

from __future__ import annotations

import json

import pytest

from wavegate.runs import strict_json


def test_a_document_is_what_it_says() -> None:
    assert strict_json.read('{"a": [1, 2.5, "x", null]}') == {"a": [1, 2.5, "x", None]}
    assert strict_json.read('[1, 2.50, "3"]', str) == ["1", "2.50", "3"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1, "a": 1}', "the same key twice"),
        ('[{"b": {"a": 1, "a": 2}}]', "the same key twice"),
        ("NaN", "NaN and Infinity are not"),
        ("[-Infinity]", "NaN and Infinity are not"),
    ],
)
def test_what_others_may_read_otherwise_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        strict_json.read(text)


def test_what_is_no_json_says_where() -> None:
    with pytest.raises(json.JSONDecodeError) as caught:
        strict_json.read("{\n bad}")
    assert (caught.value.lineno, caught.value.colno) == (2, 2)
