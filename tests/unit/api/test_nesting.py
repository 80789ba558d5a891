"""Documents that are nested more deeply than anything needs."""

from __future__ import annotations

from typing import Any

import pytest

from wavegate.api.nesting import MOST, cut, holds_more, nested_beyond


def nested(depth: int, inner: Any = 1) -> Any:
    """So many objects and lists in turn, the last one with what is ``inner``."""
    for number in range(depth):
        inner = [inner] if number % 2 else {"a": inner}
    return inner


@pytest.mark.parametrize(
    ("document", "depth"),
    [(1, 0), ("text", 0), ({}, 1), ([], 1), ({"a": 1}, 1), ({"a": {"b": [1]}}, 3), ([[], [[]]], 3)],
)
def test_each_object_or_list_within_another_is_a_level(document: Any, depth: int) -> None:
    assert not nested_beyond(document, depth)
    assert depth == 0 or nested_beyond(document, depth - 1)


@pytest.mark.parametrize(
    ("document", "number"), [(1, 0), ([], 0), ([1, 2], 2), ({"a": [1, {}], "b": None}, 4)]
)
def test_each_value_is_counted(document: Any, number: int) -> None:
    assert not holds_more(document, number)
    assert number == 0 or holds_more(document, number - 1)


def test_what_is_too_deep_is_cut_and_the_rest_stays() -> None:
    document = {"flat": 1, "deep": nested(300), "list": [{"a": [2]}]}
    assert cut(document, 10)
    assert not nested_beyond(document, 11)
    assert nested_beyond(document, 10), "enough is left to see that it was too deep"
    assert (document["flat"], document["list"]) == (1, [{"a": [2]}])


def test_a_document_that_is_not_too_deep_is_left_as_it_is() -> None:
    document = nested(MOST)
    assert not cut(document)
    assert document == nested(MOST)


def test_as_many_levels_as_the_server_takes_are_no_trouble() -> None:
    document = nested(100_000)
    assert nested_beyond(document, 99_999)
    assert cut(document)
    assert not nested_beyond(document, 151)
