"""Answers that are nested as deeply as the API server takes, in a process that admits them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest

from wavegate.api.nesting import KEPT, SERVED, nested_beyond
from wavegate.kube.reading import admit_deep_documents, read_document


@pytest.fixture
def admitted() -> Iterator[None]:
    before = sys.getrecursionlimit()
    admit_deep_documents()
    yield
    sys.setrecursionlimit(before)


def deep(depth: int) -> bytes:
    return b'{"name":"x","a":' + b'{"a":' * (depth - 1) + b"1" + b"}" * depth


@pytest.mark.parametrize("depth", [1, KEPT, 199, 200, 201, 900])
@pytest.mark.usefixtures("admitted")
def test_a_document_is_read_however_deep_it_is(depth: int) -> None:
    read = read_document(deep(depth))
    assert read["name"] == "x"
    assert nested_beyond(read, min(depth, KEPT) - 1)


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="later ones have a limit of their own")
@pytest.mark.usefixtures("admitted")
def test_as_deep_as_the_server_takes_and_the_standard_parser_reads_it_too() -> None:
    raw = b'{"items":[' + deep(SERVED) + b"," + deep(2) + b"]}"
    first, second = read_document(raw)["items"]
    assert (first["name"], second) == ("x", {"name": "x", "a": {"a": 1}})
    assert not nested_beyond(first, KEPT)
    assert json.loads(raw)["items"][1] == second


@pytest.mark.parametrize("raw", [b"", b"x", b'{"a":', b"\xff", b'{"a":"\\ud800"}'])
def test_what_is_no_json_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"line 1|utf-8"):
        read_document(raw)


@pytest.mark.usefixtures("admitted")
def test_a_deep_value_that_another_of_its_name_takes_the_place_of_does_not_count() -> None:
    assert read_document(b'{"a":' + deep(300) + b',"a":1}') == {"a": 1}


def test_what_this_process_cannot_read_is_refused() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        read_document(deep(100_000))
