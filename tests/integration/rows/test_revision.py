"""What every status has: revision, times and conditions."""

from __future__ import annotations

import pytest

from support.few import (
    at,
    created,
    ended,
    few,
    job_of,
    runs,
    seen,
    status_of,
)
from support.space import Document, Space

pytestmark = pytest.mark.cluster


@pytest.mark.row(
    "status.revision",
    "status.updatedAt",
    "status.observedGeneration",
    "FleetDeployment.status.revision",
    "FleetDeployment.status.updatedAt",
    "FleetDeployment.status.observedGeneration",
    "Execution.status.revision",
    "Execution.status.updatedAt",
    "Execution.status.observedGeneration",
)
def test_row_status_revision(started: Space) -> None:
    """It counts changes of spec and status, so it grows with each and is never below version."""
    first = status_of(started)
    assert first["revision"] >= first["version"] == 1
    for number in range(2, 8):
        started.apply("app", few(spec={"meta": {"n": str(number)}}))
    started.wait("all are seen", lambda: seen(started))
    started.wait("it is settled", lambda: ended(started, f"app-v{status_of(started)['version']}"))
    started.wait("the job says so", lambda: started.job_state("app") == "Running")
    last = status_of(started)
    assert last["observedGeneration"] == job_of(started)["metadata"]["generation"] == 7
    assert last["revision"] >= first["revision"] + 7, "six changes of the spec, and one write"
    assert last["revision"] >= last["version"]
    assert at(last["updatedAt"]) > at(first["updatedAt"])
    for kind in ("FleetDeployment", "Execution"):
        for each in started.list(kind):
            status = each["status"]
            assert status["observedGeneration"] == each["metadata"]["generation"]
            assert status["revision"] >= 1
            assert at(status["updatedAt"]) >= created(each)
    before = started.deployment(f"app-v{last['version']}")["revision"]
    assert before >= 2, "accepted, then completed"
    (one, *_) = started.executions("app", 1)
    revision = one["status"]["revision"]
    started.patch("FleetJob", "app", {"suspend": True})
    started.wait("it has stopped", lambda: not started.list("Pod"))
    name = one["metadata"]["name"]
    started.wait("recorded", lambda: stopped(started, name))
    again = started.get("Execution", name)
    assert again is not None
    assert again["status"]["revision"] > revision


def stopped(space: Space, execution: str) -> bool:
    found = (space.get("Execution", execution) or {}).get("status", {})
    return bool(found.get("observedState", {}).get("stateType") == "Stopped")


def conditions(document: Document | None) -> dict[str, Document]:
    assert document is not None
    return {each["type"]: each for each in document["status"]["conditions"]}


@pytest.mark.row(
    "status.conditions",
    "FleetDeployment.status.conditions",
    "JobVersion.status.conditions",
    "JobVersion.status.observedGeneration",
    "Execution.status.conditions",
    "Conditions",
)
def test_row_status_conditions(at_the_gate: Space) -> None:
    space = at_the_gate
    job, deployment = space.get("FleetJob", "app"), space.get("FleetDeployment", "app-v2")
    (canary,) = space.executions("app", 2)
    first = space.get("JobVersion", "app-v1")
    assert job is not None
    assert deployment is not None
    assert first is not None
    assert shown(job) == {
        "Available": ("True", "Running"),
        "Ready": ("False", "AwaitingPromotion"),
        "Reconciling": ("True", "AwaitingPromotion"),
    }
    assert shown(deployment) == {
        "Ready": ("False", "AwaitingPromotion"),
        "Reconciling": ("True", "AwaitingPromotion"),
    }
    assert shown(first) == {"Ready": ("True", "Stable")}
    assert shown(canary) == {"Ready": ("True", "Running")}
    for each in (job, deployment, first, canary):
        for kind, condition in conditions(each).items():
            assert condition["observedGeneration"] == each["metadata"]["generation"], kind
            assert at(condition["lastTransitionTime"]) >= created(each), kind
        assert each["status"]["observedGeneration"] == each["metadata"]["generation"]
    ready = conditions(job)["Ready"]
    assert "spec.promoted" in ready["message"]
    space.patch("FleetDeployment", "app-v2", {"promoted": True})
    space.wait("v2 runs", lambda: runs(space, 2))
    job = space.get("FleetJob", "app")
    assert job is not None
    assert shown(job) == {"Available": ("True", "Running"), "Ready": ("True", "Running")}
    moved = conditions(job)["Ready"]["lastTransitionTime"]
    assert at(moved) > at(ready["lastTransitionTime"])
    assert "v2 runs on 3 nodes" in conditions(job)["Ready"]["message"]


def shown(document: Document) -> dict[str, tuple[str, str]]:
    return {k: (c["status"], c["reason"]) for k, c in conditions(document).items()}
