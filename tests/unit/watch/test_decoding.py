"""Objects that cannot be decoded."""

from __future__ import annotations

from typing import Any

import pytest

from wavegate.watch.decoding import Carefully


def decode(raw: dict[str, Any]) -> int:
    return int(raw["value"])


def test_what_can_be_decoded_is() -> None:
    discarded: list[tuple[str, str]] = []
    carefully = Carefully("Pod", decode, lambda *name: discarded.append(name))
    assert carefully({"value": "7"}) == 7
    assert not discarded


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        ({"namespace": "shop", "name": "a", "uid": "1"}, ("shop", "a")),
        ({"name": "n1"}, ("", "n1")),
        ({}, ("", "")),
        (None, ("", "")),
        (["odd"], ("", "")),
    ],
)
def test_what_cannot_is_unknown_and_told_once(
    metadata: Any, name: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    discarded: list[tuple[str, str]] = []
    carefully = Carefully("Pod", decode, lambda *each: discarded.append(each))
    for _ in range(3):
        assert carefully({"metadata": metadata}) is None
    assert discarded == [name] * 3
    [record] = caplog.records
    said = f"Pod {name[0]}/{name[1]} cannot be understood and counts as unknown: 'value'"
    assert record.getMessage() == said
