"""The table of wavegate.domain.budget: both limits are strict."""

from __future__ import annotations

import pytest

from unit.domain.builders import settings
from wavegate.domain.budget import exceeded

pytestmark = pytest.mark.row("Budget")


@pytest.mark.parametrize(
    ("failed", "total", "nodes", "percent", "broken"),
    [
        (1, 3, 1, 50, ""),
        (2, 3, 1, 50, "2 failed, above maxFailedNodes 1"),
        (2, 3, 10, 50, "2 of 3 failed, above maxFailedNodesPercent 50"),
        (1, 100, 0, 100, "1 failed, above maxFailedNodes 0"),
        (10, 100, 10, 10, ""),
        (11, 100, 11, 10, "11 of 100 failed, above maxFailedNodesPercent 10"),
        (0, 0, 0, 0, ""),
        (1, 0, 5, 100, "1 of 0 failed, above maxFailedNodesPercent 100"),
    ],
)
def test_a_rollout_fails_strictly_above_either_limit(
    failed: int, total: int, nodes: int, percent: int, broken: str
) -> None:
    limits = settings(maxFailedNodes=nodes, maxFailedNodesPercent=percent)
    assert exceeded(failed, total, limits) == broken
