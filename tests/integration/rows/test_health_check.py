"""What a job's health check says of when an execution is well, and when it has failed."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from support.few import (
    at,
    created,
    ended,
    few,
    health,
)
from support.space import Space

pytestmark = pytest.mark.cluster


def judged(space: Space, job: str) -> dict[str, float]:
    """Seconds from an execution's creation to its verdict, by its state."""
    return {
        each["status"]["observedState"]["stateType"]: at(
            each["status"].get("stableAt") or each["status"]["updatedAt"]
        )
        - created(each)
        for each in space.executions(job)
        if each.get("status", {}).get("observedState", {}).get("stateType") in ("Running", "Failed")
    }


def said(space: Space, deployment: str, fields: Collection[str]) -> dict[str, float]:
    """Epoch seconds of the times in its status that have these names."""
    status = space.deployment(deployment)
    return {field: at(status[field]) for field in fields if field in status}


@pytest.mark.row("spec.rollout.healthCheck.interval", "Windows")
def test_row_spec_rollout_health_check_interval(jobs: Space) -> None:
    one = few(nodes=["sim-001"], healthCheck=health(interval="1s"))
    jobs.apply("quick", one)
    jobs.apply("slow", few(nodes=["sim-001"], healthCheck=health(interval="6s")))
    for job in ("quick", "slow"):
        jobs.wait(f"{job} is judged", lambda job=job: judged(jobs, job))
    # Times are in whole seconds, so that a difference may be one too small.
    assert judged(jobs, "slow")["Running"] >= 5
    assert judged(jobs, "quick")["Running"] < judged(jobs, "slow")["Running"]


@pytest.mark.row("spec.rollout.healthCheck.successThreshold")
def test_row_spec_rollout_health_check_success_threshold(jobs: Space) -> None:
    for job, wanted in (("one", 1), ("five", 5), ("default", None)):
        jobs.apply(job, few(nodes=["sim-001"], healthCheck=health(successThreshold=wanted)))
    said = {"one": "1 good window:", "five": "5 good windows:", "default": "2 good windows:"}
    for job, words in said.items():
        jobs.wait(f"{job} is judged", lambda job=job: judged(jobs, job))
        (execution,) = jobs.executions(job)
        assert words in execution["status"]["observedState"]["message"]
    assert judged(jobs, "five")["Running"] >= 4


@pytest.mark.row("spec.rollout.healthCheck.failureThreshold", "Verdict")
def test_row_spec_rollout_health_check_failure_threshold(jobs: Space) -> None:
    check = {"successThreshold": 60, "deadline": "60s"}
    for job, threshold in (("two", 2), ("four", 4)):
        settings = health(**check, failureThreshold=threshold)
        jobs.apply(job, few(fate="unready-later", nodes=["sim-001"], healthCheck=settings))
    for job, words in (("two", "2 bad windows in a row"), ("four", "4 bad windows in a row")):
        jobs.wait(f"{job} has failed", lambda job=job: ended(jobs, f"{job}-v1"))
        (failure,) = jobs.deployment(f"{job}-v1")["failures"]
        assert failure["reason"] == "Unhealthy"
        assert failure["message"].startswith(words)
    assert judged(jobs, "two")["Failed"] < judged(jobs, "four")["Failed"]


@pytest.mark.row(
    "spec.rollout.healthCheck.deadline",
    "FleetDeployment.status.healthCheckDeadline",
    "FleetDeployment.status.healthyDeadline",
    "Deadline",
)
def test_row_spec_rollout_health_check_deadline(jobs: Space) -> None:
    jobs.apply(
        "soon", few(fate="never-ready", nodes=["sim-001"], healthCheck=health(deadline="4s"))
    )
    jobs.apply(
        "late", few(fate="never-ready", nodes=["sim-001"], healthCheck=health(deadline="9m"))
    )
    jobs.wait("late has its pod", lambda: jobs.pods("late"))
    ends = 540 + max(created(*jobs.executions("late")), created(*jobs.pods("late")))
    deadlines = {"healthCheckDeadline": ends, "healthyDeadline": ends}
    jobs.wait(f"it says {deadlines}", lambda: said(jobs, "late-v1", deadlines) == deadlines)
    jobs.wait("soon has failed", lambda: jobs.deployment("soon-v1").get("state") == "Failed")
    (failure,) = jobs.deployment("soon-v1")["failures"]
    assert failure["reason"] == "DeadlineExceeded"
    assert 4 <= judged(jobs, "soon")["Failed"] <= 12
    assert "healthCheckDeadline" not in jobs.deployment("soon-v1")
    assert said(jobs, "late-v1", deadlines) == deadlines
    assert jobs.deployment("late-v1")["state"] == "InProgress"


@pytest.mark.row("spec.rollout.healthCheck.minHealthyTime")
def test_row_spec_rollout_health_check_min_healthy_time(jobs: Space) -> None:
    check = health(successThreshold=None, minHealthyTime="6s")
    jobs.apply("app", few(nodes=["sim-001"], healthCheck=check))
    jobs.wait("it is stable", lambda: judged(jobs, "app"))
    assert judged(jobs, "app")["Running"] >= 5
    resolved = jobs.deployment("app-v1")["resolved"]["rollout"]["healthCheck"]
    assert "successThreshold" not in resolved
