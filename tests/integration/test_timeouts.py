"""restartPolicy and timeouts on the real API server, with pods that end as kubelets end them."""

from __future__ import annotations

from typing import Any

import pytest

from support.jobs import container
from support.operator_process import OperatorProcess
from support.space import Space

pytestmark = pytest.mark.cluster

FEW = ["sim-017", "sim-018"]


def job(fate: str = "", **fields: Any) -> dict[str, Any]:
    """On two nodes."""
    rollout = fields.pop("rollout", {})
    return {**container("app:1", fate, **rollout), "selector": {"matchIds": FEW}, **fields}


def state(space: Space) -> tuple[str, str]:
    """The job's state and the reason of its Ready condition."""
    return space.job_state("app"), str(space.condition("app").get("reason"))


def reasons(space: Space) -> set[str]:
    """Reasons of the executions that have failed or stopped."""
    return {
        each["status"]["details"]["reason"]
        for each in space.executions("app")
        if each.get("status", {}).get("details", {}).get("reason")
    }


@pytest.mark.row("spec.timeouts.execution")
def test_a_run_is_ended_by_its_timeout_and_tried_again(
    space: Space, operator: OperatorProcess
) -> None:
    space.apply("app", job(timeouts={"execution": "8s"}))
    space.wait("both run", lambda: state(space) == ("Running", "Running"))
    assert {pod["spec"]["activeDeadlineSeconds"] for pod in space.list("Pod")} == {8}
    space.wait("a run has failed", lambda: "ExecutionTimeout" in reasons(space))
    failed = next(
        each["status"]["observedState"]["message"]
        for each in space.executions("app")
        if each["status"].get("details", {}).get("reason") == "ExecutionTimeout"
    )
    assert failed == "ran longer than spec.timeouts.execution (8s)"
    space.wait(
        "it is tried again",
        lambda: max(each["spec"]["attempt"] for each in space.executions("app")) == 2,
    )


@pytest.mark.row("spec.timeouts.queue")
def test_a_job_without_a_node_is_queued_and_then_failed(
    space: Space, operator: OperatorProcess
) -> None:
    spec = job(timeouts={"queue": "3s"})
    spec["selector"] = {"matchLabels": {"pool": "nowhere"}}
    space.apply("app", spec)
    space.wait("it is queued", lambda: state(space) == ("Queued", "Queued"))
    assert space.condition("app", "Reconciling")["status"] == "True"
    assert "given up at" in space.condition("app")["message"]
    space.wait("it has failed", lambda: state(space) == ("Failed", "QueueTimeout"))
    assert space.condition("app", "Stalled")["status"] == "True"
    assert space.deployment("app-v1")["state"] == "Failed"
    assert not space.executions("app")
    space.apply("app", job(timeouts={"queue": "3s"}))
    space.wait("elsewhere it runs", lambda: state(space) == ("Running", "Running"))


@pytest.mark.row("spec.timeouts.total")
def test_a_version_whose_time_is_over_is_stopped_everywhere(
    space: Space, operator: OperatorProcess
) -> None:
    space.apply("app", job(timeouts={"total": "15s"}))
    space.wait("its time is over", lambda: state(space) == ("Failed", "TotalTimeout"))
    space.wait("nothing runs", lambda: not space.list("Pod"))
    space.wait("each says why", lambda: reasons(space) == {"TotalTimeout"})
    assert space.deployment("app-v1")["state"] == "Completed"
    assert all("stableAt" in each["status"] for each in space.executions("app")), "it ran"
    assert space.condition("app", "Stalled")["status"] == "True"


@pytest.mark.row("spec.restartPolicy")
@pytest.mark.parametrize("policy", ["OnFailure", "Always", "Never"])
def test_the_restart_policy_is_that_of_the_pods(
    space: Space, operator: OperatorProcess, policy: str
) -> None:
    space.apply("app", job(restartPolicy=policy))
    space.wait("it runs", lambda: state(space) == ("Running", "Running"))
    assert {pod["spec"]["restartPolicy"] for pod in space.list("Pod")} == {policy}


@pytest.mark.row("spec.restartPolicy")
def test_what_ends_well_has_completed_and_is_not_started_again(
    space: Space, operator: OperatorProcess
) -> None:
    space.apply("app", job("complete", restartPolicy="Never"))
    space.wait("it has completed", lambda: state(space) == ("Completed", "Completed"))
    assert {each["spec"]["attempt"] for each in space.executions("app")} == {1}
