"""The table of blame in wavegate.domain.blame, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from unit.domain.builders import NOW, execution, node, pod
from wavegate.domain.blame import withdrawal
from wavegate.domain.observed import Exit

pytestmark = pytest.mark.row("Blame")

RUNNING = execution(observed="Starting", pod_uid="pod-uid")


@pytest.mark.parametrize(
    ("pod_fields", "node_fields", "belongs", "why"),
    [
        pytest.param({"disruption": "Preempted"}, {}, True, "Disrupted", id="an evicted pod"),
        pytest.param(
            {"disruption": "EvictionByEvictionAPI", "phase": "Failed"},
            {},
            True,
            "Disrupted",
            id="an evicted pod that has ended",
        ),
        pytest.param(
            {"phase": "Failed", "reason": "NodeShutdown"}, {}, True, "NodeShutdown", id="shutdown"
        ),
        pytest.param(
            {"phase": "Failed", "reason": "Terminated"}, {}, True, "Terminated", id="terminated"
        ),
        pytest.param({"deletion": NOW + 30}, {}, True, "PodDeleted", id="a pod deleted by hand"),
        pytest.param({}, {"unschedulable": True}, True, "Cordoned", id="a cordoned node"),
        pytest.param({}, {}, False, "NoLongerMatches", id="a node relabelled out"),
        pytest.param({}, {"ready": False}, True, "", id="a NotReady node is the version's fault"),
        pytest.param(
            {"phase": "Failed", "exit": Exit("main", "Error", 1, "", NOW)},
            {},
            True,
            "",
            id="exit 1 is the version's fault",
        ),
        pytest.param(
            {"phase": "Failed", "reason": "Evicted"},
            {},
            True,
            "",
            id="the kubelet evicted it for what it used, without a disruption condition",
        ),
        pytest.param(
            {"phase": "Succeeded", "deletion": NOW + 30},
            {},
            True,
            "PodDeleted",
            id="it ended, as it was told to by the delete",
        ),
        pytest.param({}, {}, True, "", id="nothing happened"),
    ],
)
def test_who_is_to_blame(
    pod_fields: dict[str, Any], node_fields: dict[str, Any], belongs: bool, why: str
) -> None:
    given = pod(RUNNING, **pod_fields)
    assert withdrawal(RUNNING, given, node(**node_fields), belongs) == why


def test_a_recorded_pod_that_vanished_was_deleted_by_somebody() -> None:
    assert withdrawal(RUNNING, None, node(), True) == "PodDeleted"


def test_a_pod_that_was_never_seen_is_no_deletion() -> None:
    assert withdrawal(execution(observed="Pending"), None, node(), True) == ""
