"""Items: how lines are read, and what is wrong with them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavegate.api.runbatch import BatchItem
from wavegate.runs.batch_items import (
    problem_of,
    problems_together,
    read_line,
    read_lines,
    run_spec,
)
from wavegate.runs.batch_observed import Problem

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def item(key: str = "a", **more: object) -> BatchItem:
    return BatchItem.model_validate({"key": key, **more})


@given(_JSON)
def test_a_payload_of_a_line_is_the_same_document_as_the_body(document: object) -> None:
    line = json.dumps({"payload": document})
    body = read_line(1, line).payload
    assert body is not None
    assert json.loads(body) == document


def test_a_text_as_payload_is_the_body_as_it_stands() -> None:
    assert read_line(1, json.dumps({"payload": '{"a":  1.0}'})).payload == '{"a":  1.0}'
    assert problem_of(read_line(1, '{"payload": "hello"}'), None) is not None
    assert problem_of(read_line(1, '{"payload": "\\"hello\\""}'), None) is None


def test_lines_are_counted_as_an_editor_does_and_blank_ones_are_none() -> None:
    found = list(read_lines('{"payload": 1}\n\n  \n{"key": "b"}\r\n[]\n'))
    assert [(number, type(each)) for number, each in found] == [
        (1, BatchItem),
        (4, BatchItem),
        (5, Problem),
    ]
    assert [each.key for _, each in found] == ["line-00001", "b", "line 5"]


def test_a_separator_within_a_text_ends_no_line() -> None:
    line = json.dumps({"payload": {"a": "one\u2028two\x85three"}}, ensure_ascii=False)
    ((number, found),) = read_lines(line)
    assert (number, type(found)) == (1, BatchItem)


@pytest.mark.parametrize(
    ("items", "reasons"),
    [
        ([], ["NoItems"]),
        ([item(f"k{n}") for n in range(500)], []),
        ([item(f"k{n}") for n in range(501)], ["TooManyItems"]),
        ([item(f"k{n}", payload="1" * 8192) for n in range(96)], []),
        ([item(f"k{n}", payload="1" * 8192) for n in range(97)], ["TooLarge"]),
        ([item("a"), item("b"), item("a")], ["KeyTwice"]),
        ([item("a", idempotencyKey="k"), item("b", idempotencyKey="k")], ["KeyTwice"]),
        ([item("a", idempotencyKey="k"), item("b", idempotencyKey="l")], []),
    ],
)
def test_items_beside_each_other(items: list[BatchItem], reasons: list[str]) -> None:
    assert [each.reason for each in problems_together(items)] == reasons


def test_an_item_without_payload_has_an_empty_object() -> None:
    schema = {"type": "object", "required": ["a"]}
    assert problem_of(item(), None) is None
    assert problem_of(item(), schema) == Problem("a", "PayloadInvalid", 'payload: lacks "a"')


def test_what_is_wrong_quotes_no_value() -> None:
    secret = "hunter2"
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    found = problem_of(item(payload=json.dumps({"a": secret})), schema)
    assert found is not None
    assert secret not in found.message
    for line in (f'{{"payload": {secret}}}', f'{{"priority": "{secret}"}}', f'"{secret}"'):
        ((_, wrong),) = read_lines(line)
        assert isinstance(wrong, Problem)
        assert secret not in wrong.message


def test_the_run_has_what_the_item_says_and_nothing_else() -> None:
    assert run_spec(item(), "app") == {"jobName": "app"}
    given = {"payload": "{}", "priority": 0, "metadata": {"a": "b"}, "ttl": "1m30s"}
    assert run_spec(item(**given), "app") == {"jobName": "app", **given}
