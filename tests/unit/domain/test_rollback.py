"""The table of wavegate.domain.rollback, row by row, and its places."""

from __future__ import annotations

from typing import Any

import pytest

from unit.domain.builders import deployment, fleet, node, progress, settings, version
from wavegate.domain.rollback import needs_rollback, rollback_places

pytestmark = pytest.mark.row("Rollback")


@pytest.mark.parametrize(
    ("last", "stable", "needed"),
    [
        pytest.param(deployment(2, "Failed"), True, True, id="a failed update"),
        pytest.param(
            deployment(2, "Failed", rollout=settings(noAutoRollback=True)),
            True,
            False,
            id="noAutoRollback",
        ),
        pytest.param(deployment(2, "Failed", type="Create"), False, False, id="a first version"),
        pytest.param(
            deployment(2, "Failed", rollout=settings(strategy="Immediate", healthCheck=None)),
            True,
            False,
            id="Immediate",
        ),
        pytest.param(
            deployment(2, "Failed", reason="MetricsUnreadable"), True, False, id="given up unread"
        ),
        pytest.param(deployment(2, "Failed", reason="QueueTimeout"), True, False, id="no node"),
        pytest.param(deployment(2, "Failed", reason="TotalTimeout"), True, True, id="its time"),
        pytest.param(deployment(2, "Canceled", reason="Canceled"), True, False, id="canceled"),
        pytest.param(deployment(2, "Completed"), True, False, id="completed"),
        pytest.param(deployment(2), True, False, id="still open"),
        pytest.param(deployment(2, "Failed", type="Rollback"), True, False, id="never chained"),
        pytest.param(
            deployment(2, "Failed", workload_hash="w1"), True, False, id="nothing to go back to"
        ),
        pytest.param(deployment(9, "Failed"), True, False, id="its version is missing"),
    ],
)
def test_which_rollout_is_taken_back(last: Any, stable: bool, needed: bool) -> None:
    view = fleet(versions=[version(1, stable=stable), version(2)], deployments=[last])
    assert needs_rollback(view, last) is needed


@pytest.mark.parametrize(
    ("rollout", "places"),
    [
        ({"rollbackParallel": 3, "maxParallel": 2}, 3),
        ({"maxParallel": 2}, 2),
        ({"rollbackParallel": "50%"}, 10),
        ({}, 2),
    ],
)
def test_a_rollback_takes_back_so_many_at_once(rollout: dict[str, Any], places: int) -> None:
    v1 = version(1, stable=True)
    back = deployment(3, type="Rollback", to_version=1, rollout=settings(**rollout), total=20)
    view = fleet(nodes=[node()], versions=[v1], deployments=[back])
    assert rollback_places(progress(view, back, v1)) == places
