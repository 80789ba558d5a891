"""What runs now, and what happens if that for which a rollout waits does not come."""

from __future__ import annotations

from typing import Any

import pytest

from wavegate.cli.outlook import if_not, runs_now
from wavegate.cli.sight import Document, Sight

BACK = "every node that it touched goes back to v1"
COUNTED = "a node that fails, or does not come back in time, is counted;"


def sight(back_to: int = 1, executions: list[Document] | None = None) -> Sight:
    job = {"metadata": {"name": "app"}, "status": {"rollout": {"rollbackToVersion": back_to}}}
    return Sight(job, [], executions or [])


def deployment(
    kind: str = "Update", state: str = "InProgress", wave: int = 2, **rollout: Any
) -> Any:
    settings = {"strategy": "Canary", "maxFailedNodes": 10, "maxFailedNodesPercent": 20, **rollout}
    status = {"state": state, "currentWave": wave, "totalNodes": 9}
    return {"spec": {"type": kind}, "status": {**status, "resolved": {"rollout": settings}}}


@pytest.mark.parametrize(
    ("document", "reason", "words"),
    [
        pytest.param(
            deployment(wave=1),
            "Progressing",
            f"a canary that fails ends the rollout: {BACK}",
            id="the canary",
        ),
        pytest.param(
            deployment(), "Progressing", f"{COUNTED} more than 1 of them end the rollout: {BACK}",
            id="after the canary: 20 % of 9 nodes are 1",
        ),
        pytest.param(
            deployment(wave=1, strategy="Rolling", maxFailedNodes=0), "Deploying",
            f"{COUNTED} one of them ends the rollout: {BACK}", id="none may fail",
        ),
        pytest.param(
            deployment(maxFailedNodes=0, noAutoRollback=True), "CatchingUp",
            f"{COUNTED} one of them ends the rollout: nodes keep what they run (noAutoRollback)",
            id="no automatic rollback",
        ),
        pytest.param(deployment("Rollback"), "Progressing", "", id="a rollback has no way back"),
        pytest.param(deployment(state="Failed"), "Progressing", "", id="it has ended"),
        pytest.param(None, "Progressing", "", id="there is none"),
        pytest.param(deployment(), "NoCanary", "", id="nothing is judged"),
        pytest.param(
            deployment(), "MetricsUnreadable",
            "the rollout fails, and no Ready node is taken back", id="nobody can read",
        ),
        pytest.param(
            None, "Queued", "it is given up: the rollout fails, and no node is touched", id="queued"
        ),
    ],
)  # fmt: skip
def test_what_happens_if_it_does_not_come(document: Any, reason: str, words: str) -> None:
    assert if_not(sight(), document, reason) == words


def test_a_first_version_has_nothing_to_go_back_to() -> None:
    assert if_not(sight(back_to=0), deployment("Create", wave=1), "Progressing") == (
        "a canary that fails ends the rollout: there is no version before it to go back to"
    )


def test_the_newest_version_is_told_first() -> None:
    ran = [("n1", 1, 1, "Stopped"), ("n1", 2, 2, "Running"), ("n2", 1, 1, "Lost"),
           ("n3", 1, 1, "Running"), ("n4", 1, 1, "Running")]  # fmt: skip
    executions = [
        {
            "spec": {"nodeName": node, "attempt": attempt, "jobVersion": version},
            "status": {"observedState": {"stateType": state}},
        }
        for node, attempt, version, state in ran
    ]
    assert runs_now(sight(executions=executions)) == (
        "v2 on 1 node (Running), v1 on 1 (Lost), v1 on 2 (Running)"
    )
    assert runs_now(sight()) == "nothing"
