"""When nothing of a job is to run, and how far a Stop has come."""

from __future__ import annotations

from typing import Any

import pytest

from unit.domain.builders import deployment, execution, fleet, job, job_spec, node, pod, version
from wavegate.domain.stopping import stop_progress, stop_reason

DONE = deployment(1, "Completed")


def users(number: int, kind: str, state: str) -> Any:
    return deployment(number, state, name=f"by-hand-{number}", type=kind, owner_uid="")


@pytest.mark.parametrize(
    ("suspend", "deployments", "reason"),
    [
        pytest.param(True, [DONE], "Suspended", id="suspended"),
        pytest.param(False, [DONE, users(2, "Stop", "InProgress")], "Stopped", id="stopping"),
        pytest.param(False, [DONE, users(2, "Stop", "Completed")], "Stopped", id="stopped"),
        pytest.param(False, [DONE, users(2, "Stop", "Canceled")], "", id="a Stop was canceled"),
        pytest.param(
            False,
            [DONE, users(2, "Stop", "Completed"), users(3, "Restart", "InProgress")],
            "",
            id="started again",
        ),
        pytest.param(
            False,
            [DONE, deployment(2, "", type="Stop", owner_uid="", from_version=0, sequence=0)],
            "Stopped",
            id="its turn has come",
        ),
        pytest.param(False, [DONE], "", id="it runs"),
    ],
)
@pytest.mark.row("Stop", "Suspend")
def test_when_nothing_is_to_run(suspend: bool, deployments: list[Any], reason: str) -> None:
    spec = job_spec(suspend=suspend)
    assert stop_reason(fleet(job=job(spec), deployments=deployments)) == reason


def test_what_runs_counts_until_its_end_is_on_record_and_its_pod_is_gone() -> None:
    running = execution(stable=True)
    ended = execution(observed="Stopped", node="n2")
    gone = execution(observed="Stopped", node="n3")
    away = execution(stable=True, node="n4")
    vanished = execution(stable=True, node="n5")
    seen = fleet(
        nodes=[node("n1"), node("n2"), node("n3"), node("n4", ready=False)],
        versions=[version(1)],
        executions=[running, ended, gone, away, vanished],
        pods=[pod(ended, name="app-2", uid="pod-2")],
    )
    stop = stop_progress(seen, deployment(2, "", type="Stop", owner_uid="", started=None))
    assert (stop.total, stop.left, stop.away) == (3, 2, 1)
    assert stop.message == "stopping: 2 of 3 nodes still run"


def test_nodes_that_are_not_ready_are_told_and_not_waited_for() -> None:
    away = execution(stable=True, node="n4")
    seen = fleet(nodes=[node("n4", ready=False)], versions=[version(1)], executions=[away])
    stop = stop_progress(seen, deployment(2, "InProgress", type="Stop", owner_uid="", total=3))
    assert stop.left == 0
    assert stop.message == "stopped on 2 nodes; 1 that are NotReady stop when they are back"
