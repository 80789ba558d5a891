"""The table of wavegate.domain.portion, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from unit.domain.builders import execution, fleet, node, pod
from wavegate.domain.portion import Portion

FORMER = execution(1, "Stopped", node="a")


@pytest.mark.parametrize(
    ("names", "fields", "handed_over"),
    [
        pytest.param("abc", {}, "ab", id="a, b, c"),
        pytest.param("abcd", {"delayed": frozenset({"node/a"})}, "abc", id="a waits"),
        pytest.param("abcd", {"busy": frozenset({"node/a"})}, "abc", id="a is under way"),
        pytest.param(
            "abcd",
            {"executions": [FORMER, execution(2, node="a")], "pods": [pod(FORMER)]},
            "abc",
            id="a is occupied",
        ),
        pytest.param("ab", {}, "ab", id="fewer than a portion"),
        pytest.param(
            "abc", {"delayed": frozenset({"node/a", "node/b", "node/c"})}, "abc", id="all wait"
        ),
    ],
)
def test_a_portion_is_of_what_can_be_written(
    names: str, fields: dict[str, Any], handed_over: str
) -> None:
    seen = fleet(nodes=[node(each) for each in names], **fields)
    portion = Portion(seen, size=2)
    assert "".join(each for each in names if portion.admits(each)) == handed_over
