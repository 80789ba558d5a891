"""What the operator reports of a job and its rollouts."""

from __future__ import annotations

import pytest

from support.few import (
    GATED,
    at,
    created,
    deploy,
    ended,
    few,
    job_of,
    runs,
    seen,
    spec_of,
    status_of,
)
from support.rollouts import awaits
from support.space import Space

pytestmark = pytest.mark.cluster


@pytest.mark.row(
    "status.version",
    "status.stableVersion",
    "status.state",
    "status.nodes.desired",
    "status.nodes.updated",
    "status.nodes.stable",
    "status.versions",
    "status.rollout.type",
    "status.rollout.startedAt",
    "status.rollout.completedAt",
    "status.rollout.totalNodes",
    "status.rollout.updatedNodes",
    "status.rollout.currentWave",
    "status.rollout.totalWaves",
    "status.rollout.rollbackToVersion",
    "Stable version",
    "Wanted version",
)
def test_row_status_of_a_job(at_the_gate: Space) -> None:
    status = status_of(at_the_gate)
    assert (status["version"], status["stableVersion"]) == (2, 1)
    assert status["state"]["stateType"] == "RolloutPaused"
    assert "spec.promoted" in status["state"]["message"]
    assert status["state"]["details"] == {"reason": "AwaitingPromotion"}
    counts = status["nodes"]
    assert (counts["desired"], counts["updated"], counts["stable"]) == (3, 1, 3)
    assert status["versions"] == [{"version": 2, "nodes": 1}, {"version": 1, "nodes": 2}]
    rollout = status["rollout"]
    assert (rollout["type"], rollout["rollbackToVersion"]) == ("Update", 1)
    assert (rollout["totalNodes"], rollout["updatedNodes"]) == (3, 1)
    assert (rollout["currentWave"], rollout["totalWaves"]) == (1, 2)
    assert at(rollout["startedAt"]) <= at(status["updatedAt"])
    assert "completedAt" not in rollout
    at_the_gate.patch("FleetDeployment", "app-v2", {"promoted": True})
    at_the_gate.wait("v2 runs", lambda: runs(at_the_gate, 2))
    at_the_gate.wait("it is told", lambda: "completedAt" in status_of(at_the_gate)["rollout"])
    status, rollout = status_of(at_the_gate), status_of(at_the_gate)["rollout"]
    assert (status["version"], status["stableVersion"]) == (2, 2)
    assert status["state"]["stateType"] == "Running"
    assert status["versions"] == [{"version": 2, "nodes": 3}]
    assert (rollout["updatedNodes"], rollout["currentWave"]) == (3, 2)
    assert at(rollout["completedAt"]) >= at(rollout["startedAt"])


@pytest.mark.row(
    "FleetDeployment.spec.jobName",
    "FleetDeployment.spec.type",
    "FleetDeployment.spec.fromVersion",
    "FleetDeployment.spec.toVersion",
    "FleetDeployment.status.state",
    "FleetDeployment.status.reason",
    "FleetDeployment.status.message",
    "FleetDeployment.status.totalNodes",
    "FleetDeployment.status.updatedNodes",
    "FleetDeployment.status.startedAt",
    "FleetDeployment.status.completedAt",
    "FleetDeployment.status.acceptedAt",
    "FleetDeployment.status.sequence",
    "FleetDeployment.status.jobUid",
    "FleetDeployment.status.jobType",
    "FleetDeployment.status.workloadHash",
    "FleetDeployment.status.resolved.fromVersion",
    "FleetDeployment.status.resolved.toVersion",
    "FleetDeployment.status.lastProgressTime",
)
def test_row_status_of_a_deployment(at_the_gate: Space) -> None:
    made = [spec_of(at_the_gate, "FleetDeployment", name) for name in ("app-v1", "app-v2")]
    assert [each["type"] for each in made] == ["Create", "Update"]
    assert [each["jobName"] for each in made] == ["app", "app"]
    assert [(each["fromVersion"], each["toVersion"]) for each in made] == [(0, 1), (1, 2)]
    first, status = at_the_gate.deployment("app-v1"), at_the_gate.deployment("app-v2")
    assert (first["sequence"], status["sequence"]) == (1, 2)
    assert (status["state"], status["reason"]) == ("Paused", "AwaitingPromotion")
    assert "spec.promoted" in status["message"]
    assert (status["totalNodes"], status["updatedNodes"]) == (3, 1)
    assert status["jobUid"] == job_of(at_the_gate)["metadata"]["uid"]
    assert status["jobType"] == "container"
    hashes = spec_of(at_the_gate, "JobVersion", "app-v2")["workloadHash"]
    assert status["workloadHash"] == hashes != first["workloadHash"]
    assert (status["resolved"]["fromVersion"], status["resolved"]["toVersion"]) == (1, 2)
    deployment = at_the_gate.get("FleetDeployment", "app-v2")
    assert deployment is not None
    assert created(deployment) <= at(status["acceptedAt"]) <= at(status["startedAt"])
    (canary,) = at_the_gate.executions("app", 2)
    assert status["lastProgressTime"] == canary["status"]["stableAt"]
    assert "completedAt" not in status
    at_the_gate.patch("FleetDeployment", "app-v2", {"promoted": True})
    at_the_gate.wait("it is complete", lambda: ended(at_the_gate, "app-v2"))
    status = at_the_gate.deployment("app-v2")
    assert (status["state"], status["reason"]) == ("Completed", "Completed")
    assert status["updatedNodes"] == 3
    stable = [each["status"]["stableAt"] for each in at_the_gate.executions("app", 2)]
    assert status["lastProgressTime"] == max(stable)
    assert at(status["completedAt"]) >= at(max(stable))


@pytest.mark.row(
    "FleetDeployment.status.failures[].node",
    "FleetDeployment.status.failures[].nodeUid",
    "FleetDeployment.status.failures[].execution",
    "FleetDeployment.status.failures[].reason",
    "FleetDeployment.status.failures[].message",
    "FleetDeployment.status.failures[].exitCode",
    "FleetDeployment.status.failures[].lastLogLine",
    "FleetDeployment.status.failures[].at",
    "Execution.status.details",
    "status.failedVersion",
    "status.rollout.rollbackToVersion",
    "FleetDeployment.spec.fromVersion",
)
def test_row_status_failures(started: Space) -> None:
    started.apply("app", few("app:2", fate="crash", strategy="Canary", autoPromote=True))
    started.wait("it has failed", lambda: started.deployment("app-v2").get("state") == "Failed")
    (execution,) = started.executions("app", 2)
    (failure,) = started.deployment("app-v2")["failures"]
    assert failure == {
        "node": execution["spec"]["nodeName"],
        "nodeUid": execution["spec"]["nodeUid"],
        "execution": execution["metadata"]["name"],
        "reason": "Exited",
        "message": "container main ended with exit code 1: boom",
        "exitCode": 1,
        "lastLogLine": "boom",
        "at": execution["status"]["updatedAt"],
    }
    facts = {"reason": "Exited", "exitCode": "1", "component": "main", "lastLogLine": "boom"}
    assert execution["status"]["details"] == facts
    started.wait("it went back", lambda: ended(started, "app-v2-rollback"))
    back = spec_of(started, "FleetDeployment", "app-v2-rollback")
    assert (back["type"], back["fromVersion"], back["toVersion"]) == ("Rollback", 2, 1)
    started.wait("the job says so", lambda: started.condition("app").get("reason") == "RolledBack")
    status = status_of(started)
    assert (status["stableVersion"], status["failedVersion"]) == (1, 2)
    assert (status["rollout"]["type"], status["rollout"]["rollbackToVersion"]) == ("Rollback", 2)


@pytest.mark.row("status.lastAccepted", "Wanted version", "Rollback to a version", "Stop")
def test_row_status_last_accepted(started: Space) -> None:
    space = started
    space.apply("app", few("app:2"))
    space.wait("v2 runs", lambda: runs(space, 2))
    deploy(space, "back", type="Rollback", toVersion=1)
    space.wait("it completed", lambda: ended(space, "back"))
    space.wait("the job knows it", lambda: "state" in status_of(space)["lastAccepted"])
    back = space.get("FleetDeployment", "back")
    assert back is not None
    workload = spec_of(space, "JobVersion", "app-v1")["workloadHash"]
    remembered = {
        "name": "back",
        "uid": back["metadata"]["uid"],
        "byUser": True,
        "type": "Rollback",
        "fromVersion": 2,
        "toVersion": 1,
        "workloadHash": workload,
        "sequence": 3,
        "createdAt": back["metadata"]["creationTimestamp"],
        "acceptedAt": back["status"]["acceptedAt"],
        "state": "Completed",
        "reason": "Completed",
        "message": back["status"]["message"],
    }
    assert status_of(space)["lastAccepted"] == remembered
    space.delete("FleetDeployment", "back")
    words = few("app:2", spec={"meta": {"note": "the same in other words"}})
    space.apply("app", words)
    space.wait("v3 is made", lambda: space.get("JobVersion", "app-v3"))
    space.wait("it was seen", lambda: seen(space))
    # It is Pending until the version has been looked at, which its own write brings about.
    space.wait("it says so", lambda: space.condition("app")["reason"] == "RolledBack")
    assert space.get("FleetDeployment", "app-v3") is None, "the Rollback still holds"
    assert set(space.running("app").values()) == {"1"}
    assert status_of(space)["lastAccepted"] == remembered
    deploy(space, "halt", type="Stop")
    space.wait("it completed", lambda: ended(space, "halt"))
    assert space.deployment("halt")["sequence"] == 4
    space.delete("FleetDeployment", "halt")
    space.apply("app", {**words, "description": "a word that is looked at"})
    space.wait("it was seen", lambda: seen(space))
    assert space.condition("app")["reason"] == "Stopped"
    assert space.list("Pod") == []


@pytest.mark.row("FleetDeployment.spec.paused", "Pause")
def test_row_deployment_paused(started: Space) -> None:
    started.apply("app", few("app:2", **GATED))
    started.wait("v2 waits at its gate", lambda: awaits(started, "app-v2"))
    started.patch("FleetDeployment", "app-v2", {"paused": True})
    started.wait("it says so", lambda: started.deployment("app-v2").get("reason") == "Paused")
    assert "spec.paused of FleetDeployment app-v2" in started.deployment("app-v2")["message"]
    started.patch("FleetDeployment", "app-v2", {"promoted": True})
    started.wait("it was seen", lambda: is_seen(started, "FleetDeployment", "app-v2"))
    assert len(started.executions("app", 2)) == 1
    started.patch("FleetDeployment", "app-v2", {"paused": False})
    started.wait("v2 runs", lambda: runs(started, 2))


@pytest.mark.row("FleetDeployment.spec.canceled", "Cancel")
def test_row_deployment_canceled(at_the_gate: Space) -> None:
    at_the_gate.patch("FleetDeployment", "app-v2", {"canceled": True, "promoted": True})
    at_the_gate.wait("it has ended", lambda: ended(at_the_gate, "app-v2"))
    status = at_the_gate.deployment("app-v2")
    assert (status["state"], status["reason"]) == ("Canceled", "Canceled")
    at_the_gate.wait("the job says so", lambda: at_the_gate.job_state("app") == "RolloutFailed")
    assert at_the_gate.condition("app")["reason"] == "Canceled"
    assert sorted(at_the_gate.running("app").values()) == ["1", "1", "2"]
    assert at_the_gate.get("FleetDeployment", "app-v2-rollback") is None
    assert status_of(at_the_gate)["failedVersion"] == 2


def is_seen(space: Space, kind: str, name: str) -> bool:
    found = space.get(kind, name) or {}
    observed = found.get("status", {}).get("observedGeneration")
    return bool(found) and observed == found["metadata"]["generation"]


@pytest.mark.row(
    "JobVersion.spec.jobId",
    "JobVersion.spec.version",
    "JobVersion.spec.jobSpec",
    "JobVersion.spec.workloadHash",
    "JobVersion.status.job",
    "JobVersion.status.stable",
    "JobVersion.status.stableAt",
    "Stable version",
)
def test_row_job_version(at_the_gate: Space) -> None:
    space, job = at_the_gate, job_of(at_the_gate)
    first, second = space.get("JobVersion", "app-v1"), space.get("JobVersion", "app-v2")
    assert first is not None
    assert second is not None
    for number, each in ((1, first), (2, second)):
        assert each["spec"]["version"] == number
        assert each["spec"]["jobId"] == job["metadata"]["uid"]
    assert second["spec"]["jobSpec"] == job["spec"]
    image = first["spec"]["jobSpec"]["template"]["spec"]["containers"][0]["image"]
    assert image == "app:1"
    assert first["spec"]["workloadHash"].startswith("h1:")
    assert first["spec"]["workloadHash"] != second["spec"]["workloadHash"]
    then = second["status"]["job"]
    assert (then["version"], then["state"]["stateType"]) == (1, "Running")
    assert then["revision"] < job["status"]["revision"]
    assert first["status"]["stable"] is True
    assert at(first["status"]["stableAt"]) <= at(space.deployment("app-v1")["completedAt"])
    assert "stable" not in second["status"]
    assert "stableAt" not in second["status"]
    space.patch("FleetDeployment", "app-v2", {"promoted": True})
    space.wait("v2 runs", lambda: runs(space, 2))
    second = space.get("JobVersion", "app-v2")
    assert second is not None
    assert second["status"]["stable"] is True
    assert second["status"]["job"] == then, "it stays what it was"
