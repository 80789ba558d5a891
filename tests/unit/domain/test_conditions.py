"""The table of states in wavegate.domain.conditions, and what a job's status counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sim.schema import STATUS_MODELS
from unit.domain.builders import (
    deployment,
    execution,
    fleet,
    job,
    job_spec,
    node,
    progress,
    settings,
    version,
)
from wavegate.domain.actions import SetStatus
from wavegate.domain.conditions import State, job_state, job_status
from wavegate.domain.fleet import Fleet
from wavegate.domain.rollout import Outlook

pytestmark = pytest.mark.row("Conditions")

DONE = deployment(1, "Completed")
RUNS = execution(1, stable=True)


def written(view: Fleet, state: State) -> dict[str, Any]:
    step = job_status(view, None, state)
    assert step is not None
    action = step.actions[0]
    assert isinstance(action, SetStatus)
    STATUS_MODELS["FleetJob"].model_validate(dict(action.status))
    return dict(action.status)


def settled(*deployments: Any, **fields: Any) -> tuple[State, dict[str, str]]:
    """The state between rollouts, and its conditions by type."""
    newest = max((int(each.name[-1]) for each in deployments if each.type != "Rollback"), default=1)
    values: dict[str, Any] = {
        "job": job(job_spec(f"app:{min(newest, 2)}")),
        "versions": [version(1, stable=True), *([version(2)] if newest > 1 else [])],
        "deployments": deployments,
        "executions": [RUNS],
    }
    view = fleet(**{**values, **fields})
    state = job_state(view, None, None, "", None)
    conditions = written(view, state)["conditions"]
    return state, {
        each["type"]: each["status"] for each in conditions if each["type"] != "Available"
    }


READY, STALLED = {"Ready": "True"}, {"Ready": "False", "Stalled": "True"}
RECONCILING = {"Ready": "False", "Reconciling": "True"}
BACK = deployment(3, "Completed", type="Rollback", to_version=1, workload_hash="w1")


@pytest.mark.parametrize(
    ("deployments", "fields", "expected", "kstatus"),
    [
        pytest.param((), {}, ("Pending", "Pending"), RECONCILING, id="before the first rollout"),
        pytest.param((DONE,), {}, ("Running", "Running"), READY, id="all is well"),
        pytest.param(
            (DONE,),
            {"job": job(job_spec("app:2"))},
            ("Pending", "Pending"),
            RECONCILING,
            id="the spec was changed, and its version is about to be made",
        ),
        pytest.param(
            (DONE,),
            {"job": job(job_spec("app:2")), "versions": [version(1, stable=True), version(2)]},
            ("Pending", "Pending"),
            RECONCILING,
            id="the changed version's rollout is about to be made",
        ),
        pytest.param(
            (DONE, deployment(2, "Failed"), BACK),
            {"job": job(job_spec("app:3"))},
            ("Pending", "Pending"),
            RECONCILING,
            id="what failed was changed",
        ),
        pytest.param(
            (DONE,), {"executions": []}, ("Running", "NoMatchingNodes"), READY, id="no node"
        ),
        pytest.param(
            (DONE,),
            {"executions": [execution(1, "Degraded", stable=True)]},
            ("Degraded", "Degraded"),
            READY,
            id="a stable node is not well",
        ),
        pytest.param(
            (DONE,),
            {"executions": [execution(1, "Completed", stable=True)]},
            ("Completed", "Completed"),
            READY,
            id="all have completed",
        ),
        pytest.param(
            (DONE, deployment(2, "Failed", reason="CanaryFailed")),
            {},
            ("Deploying", "RollingBack"),
            RECONCILING,
            id="the rollout failed and its rollback is about to be made",
        ),
        pytest.param(
            (
                DONE,
                deployment(
                    2, "Failed", reason="CanaryFailed", rollout=settings(noAutoRollback=True)
                ),
            ),
            {},
            ("RolloutFailed", "CanaryFailed"),
            STALLED,
            id="the rollout failed and nothing takes it back",
        ),
        pytest.param(
            (
                DONE,
                deployment(
                    2,
                    "Failed",
                    reason="BudgetExceeded",
                    rollout=settings(strategy="Immediate", healthCheck=None),
                    status={"resolved": {"rollout": {"strategy": "Immediate"}}},
                ),
            ),
            {},
            ("Failed", "BudgetExceeded"),
            STALLED,
            id="Immediate failed",
        ),
        pytest.param(
            (DONE, deployment(2, "Canceled", reason="Canceled")),
            {},
            ("RolloutFailed", "Canceled"),
            STALLED,
            id="canceled by a person",
        ),
        pytest.param(
            (DONE, deployment(2, "Failed"), BACK),
            {},
            ("Running", "RolledBack"),
            STALLED,
            id="running after a rollback",
        ),
        pytest.param(
            (deployment(2, "Failed"), deployment(3, "Completed", workload_hash="w1", to_version=1)),
            {},
            ("Running", "FailedWorkload"),
            STALLED,
            id="the failed workload is wanted again",
        ),
        pytest.param(
            (DONE,),
            {"job": job(job_spec(suspend=True)), "executions": []},
            ("Stopped", "Suspended"),
            READY,
            id="suspended",
        ),
    ],
)
def test_the_state_between_rollouts(
    deployments: tuple[Any, ...],
    fields: dict[str, Any],
    expected: tuple[str, str],
    kstatus: dict[str, str],
) -> None:
    state, conditions = settled(*deployments, **fields)
    assert (state.state, state.reason) == expected
    assert conditions == kstatus


def during(outlook: Outlook, blocker: State | None = None, **own: Any) -> State:
    update = deployment(2, rollout=settings(), **own)
    view = fleet(
        versions=[version(1, stable=True), version(2)],
        deployments=[DONE, update],
        executions=[RUNS],
    )
    return job_state(view, progress(view, update, version(2)), outlook, "judging n1", blocker)


@pytest.mark.parametrize(
    ("outlook", "state", "ready", "stalled"),
    [
        pytest.param(
            Outlook("Pending", "NoTargets", "m"),
            ("Running", "NoMatchingNodes"),
            True,
            False,
            id="no target",
        ),
        pytest.param(
            Outlook("InProgress", "Progressing", "m"),
            ("Deploying", "Progressing"),
            False,
            False,
            id="on its way",
        ),
        pytest.param(
            Outlook("Paused", "AwaitingPromotion", "m"),
            ("RolloutPaused", "AwaitingPromotion"),
            False,
            False,
            id="waits for a person",
        ),
        pytest.param(
            Outlook("InProgress", "NoCanary", "m"),
            ("Deploying", "NoCanary"),
            False,
            True,
            id="stuck",
        ),
        pytest.param(
            Outlook("InProgress", "MetricsUnreadable", "m"),
            ("Deploying", "MetricsUnreadable"),
            False,
            False,
            id="held",
        ),
    ],
)
def test_the_state_during_a_rollout(
    outlook: Outlook, state: tuple[str, str], ready: bool, stalled: bool
) -> None:
    found = during(outlook)
    assert (found.state, found.reason) == state
    assert (found.ready, found.stalled) == (ready, stalled)


def test_a_rollback_says_what_failed() -> None:
    failed = deployment(2, "Failed", status={"message": "canary n1 exited"})
    back = replace(BACK, state="InProgress", name="app-v2-rollback")
    view = fleet(versions=[version(1, stable=True), version(2)], deployments=[DONE, failed, back])
    run = progress(view, back, version(1, stable=True))
    state = job_state(view, run, Outlook("InProgress", "Progressing", "rolling back"), "", None)
    assert state.reason == "RollingBack"
    assert state.message == "v2 failed (canary n1 exited); rolling back"


def test_a_rollback_that_a_person_asked_for_does_not_blame_a_version_of_before() -> None:
    failed = deployment(2, "Failed", status={"message": "canary n1 exited"})
    back = replace(BACK, state="InProgress", name="app-back", owner_uid="")
    versions = [version(1, stable=True), version(2), version(3, stable=True)]
    view = fleet(versions=versions, deployments=[DONE, failed, back])
    run = progress(view, back, version(1, stable=True))
    state = job_state(view, run, Outlook("InProgress", "Progressing", "rolling back"), "", None)
    assert (state.reason, state.message) == ("RollingBack", "rolling back")


def test_a_blocker_stands_over_what_the_rollout_says() -> None:
    refused = State("", "TemplateRefused", "no such field", stalled=True)
    found = during(Outlook("InProgress", "Progressing", "m"), blocker=refused)
    assert (found.state, found.reason, found.stalled) == ("Deploying", "TemplateRefused", True)
    assert not found.ready


@pytest.mark.parametrize(
    ("claim", "available"),
    [
        pytest.param(RUNS, "True", id="stable and running"),
        pytest.param(execution(1), "False", id="not stable yet"),
        pytest.param(execution(1, version=2, stable=True), "True", id="the version rolled out"),
        pytest.param(execution(1, "Degraded", stable=True), "False", id="not well"),
        pytest.param(execution(1, "Failed", stable=True), "False", id="ended"),
    ],
)
def test_available_is_one_execution_that_passed_its_validation(claim: Any, available: str) -> None:
    view = fleet(versions=[version(1, stable=True)], deployments=[DONE], executions=[claim])
    status = written(view, State("Running", "Running", "m", ready=True))
    found = next(each for each in status["conditions"] if each["type"] == "Available")
    assert found["status"] == available
    assert "passed its validation" in found["message"]


def test_nodes_are_counted_and_not_listed() -> None:
    claims = [
        execution(1, stable=True),
        execution(1, "Failed", node="n2"),
        execution(1, "Lost", node="n3", stable=True),
    ]
    nodes = [node("n1"), node("n2"), node("n3", ready=False), node("n4")]
    view = fleet(
        nodes=nodes, versions=[version(1, stable=True)], deployments=[DONE], executions=claims
    )
    status = written(view, State("Running", "Running", "m", ready=True))
    assert status["nodes"] == {
        "desired": 3,
        "updated": 2,
        "stable": 2,
        "failed": 1,
        "lost": 1,
        "notReady": 1,
    }
    assert status["versions"] == [{"version": 1, "nodes": 2}]


def test_a_status_that_says_nothing_new_is_not_written() -> None:
    state = State("Running", "Running", "m", ready=True)
    view = fleet(versions=[version(1, stable=True)], deployments=[DONE], executions=[RUNS])
    first = written(view, state)
    again = fleet(
        job=job(status=first),
        versions=[version(1, stable=True)],
        deployments=[DONE],
        executions=[RUNS],
    )
    assert job_status(again, None, state) is None


@pytest.mark.row("status.version", "status.failedVersion", "status.revision", "status.lastAccepted")
def test_versions_and_revision_are_in_the_status() -> None:
    view = fleet(
        versions=[version(1, stable=True), version(7)], deployments=[DONE, deployment(2, "Failed")]
    )
    status = written(view, State("Running", "Running", "m", ready=True))
    assert (status["version"], status["stableVersion"], status["failedVersion"]) == (7, 1, 2)
    assert status["revision"] >= 7
    assert (status["lastAccepted"]["name"], status["lastAccepted"]["state"]) == ("app-v2", "Failed")
