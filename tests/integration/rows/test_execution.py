"""What an execution says of one version on one node."""

from __future__ import annotations

import pytest

from support.few import at, created, ended, few, health, job_of, runs, spec_of, stable
from support.operator_process import OperatorProcess
from support.rollouts import awaits
from support.space import Document, Space

pytestmark = pytest.mark.cluster

CANARY = {"strategy": "Canary", "autoPromote": True, "maxParallel": 2}


def on(space: Space, node: str) -> list[Document]:
    """The executions of a node, first attempt first."""
    found = [each for each in space.list("Execution") if each["spec"]["nodeName"] == node]
    return sorted(found, key=lambda each: each["spec"]["attempt"])


def uid_of_node(space: Space, name: str) -> str:
    return str(space.client.get(f"/api/v1/nodes/{name}")["metadata"]["uid"])


@pytest.mark.row(
    "Execution.spec.jobId",
    "Execution.spec.jobName",
    "Execution.spec.jobType",
    "Execution.spec.jobVersion",
    "Execution.spec.nodeName",
    "Execution.spec.nodeUid",
    "Execution.spec.evalId",
    "Execution.spec.rolloutWave",
    "Execution.spec.deploymentName",
    "Execution.spec.attempt",
    "Execution.spec.workloadHash",
)
def test_row_execution_spec(started: Space, operator: OperatorProcess) -> None:
    started.apply("app", few("app:2", **CANARY))
    started.wait("v2 runs", lambda: runs(started, 2))
    version = spec_of(started, "JobVersion", "app-v2")
    waves = []
    for node in started.running("app"):
        *_, execution = on(started, node)
        spec = execution["spec"]
        assert spec["jobId"] == job_of(started)["metadata"]["uid"]
        assert (spec["jobName"], spec["jobType"], spec["jobVersion"]) == ("app", "container", 2)
        assert spec["nodeUid"] == uid_of_node(started, node)
        assert (spec["deploymentName"], spec["attempt"]) == ("app-v2", 2)
        assert spec["workloadHash"] == version["workloadHash"]
        assert execution["metadata"]["name"].endswith("-2")
        told = f"job={started.name}/app evalId={spec['evalId']} decision=NodeTaken version=2 "
        lines = [line for line in operator.log().splitlines() if told in line]
        assert any(f" node={node} " in line for line in lines), "the log has the pass that made it"
        waves.append(spec["rolloutWave"])
    assert sorted(waves) == [1, 2, 2]


@pytest.mark.row(
    "Execution.status.previousExecution",
    "Execution.status.nextExecution",
    "Execution.status.desiredState",
    "Execution.status.observedState",
    "Execution.status.stableAt",
    "Execution.status.podUid",
    "Claim",
)
def test_row_execution_status(started: Space) -> None:
    started.apply("app", few("app:2"))
    started.wait("v2 runs", lambda: runs(started, 2))
    for pod in started.list("Pod"):
        older, newer = on(started, pod["spec"]["nodeName"])
        was, now = older["status"], newer["status"]
        assert now["previousExecution"] == older["metadata"]["name"]
        assert was["nextExecution"] == newer["metadata"]["name"]
        assert "previousExecution" not in was
        assert "nextExecution" not in now
        assert now["desiredState"] == {"stateType": "Running"}
        assert was["desiredState"] == {
            "stateType": "Stopped",
            "message": "another version took its place",
            "details": {"reason": "Replaced"},
        }
        assert was["observedState"] == was["desiredState"]
        assert now["observedState"]["stateType"] == "Running"
        assert now["observedState"]["message"].startswith("healthy after 1 good window")
        assert now["observedState"]["details"] == {"reason": "Running"}
        assert at(now["stableAt"]) >= created(newer)
        assert (now["podUid"], was["podUid"] != now["podUid"]) == (pod["metadata"]["uid"], True)


@pytest.mark.row("Execution.status.observedState", "Verdict")
@pytest.mark.parametrize(
    ("fate", "state", "words"),
    [
        ("image-missing", "Starting", "ImagePullBackOff: the image cannot be pulled"),
        ("crash-loop", "Starting", "container main ended with exit code 1: boom"),
        ("unready-later", "Degraded", "its pod is not ready"),
    ],
)
def test_row_execution_observed_state(jobs: Space, fate: str, state: str, words: str) -> None:
    check = health(deadline="9m")
    jobs.apply("app", few(fate=fate, nodes=["sim-001"], healthCheck=check))

    def observed() -> Document:
        statuses = [each.get("status", {}) for each in jobs.executions("app")]
        return dict(statuses[0].get("observedState", {})) if statuses else {}

    jobs.wait(f"it is {state}", lambda: observed().get("stateType") == state)
    assert observed()["message"] == words


@pytest.mark.row("Execution.spec.attempt", "Attempts", "Fallback", "Blame")
def test_row_attempts(started: Space) -> None:
    """A failed canary is followed by its fallback: another execution, of wave 0."""
    settings = {**CANARY, "autoPromote": True, "noAutoRollback": True}
    started.apply("app", few("app:2", fate="crash", **settings))
    started.wait("it has failed", lambda: ended(started, "app-v2"))
    (failed,) = started.executions("app", 2)
    node = failed["spec"]["nodeName"]
    started.wait("the node is back", lambda: started.running("app").get(node) == "1")
    first, second, third = on(started, node)
    assert [each["spec"]["attempt"] for each in (first, second, third)] == [1, 2, 3]
    assert [each["spec"]["rolloutWave"] for each in (first, second, third)] == [1, 1, 0]
    assert second["metadata"]["name"] == failed["metadata"]["name"]
    assert third["spec"]["jobVersion"] == 1
    started.wait("it is stable", lambda: stable(on(started, node)[-1]))
    assert on(started, node)[-1]["status"]["previousExecution"] == failed["metadata"]["name"]


@pytest.mark.row("Attempts")
def test_row_attempts_of_a_pod_that_is_deleted(started: Space) -> None:
    """The same execution makes it again; nothing is blamed."""
    (pod, *_) = started.list("Pod")
    path = started.path("Pod", pod["metadata"]["name"])
    started.client.delete(path)
    started.wait("it is made again", lambda: again(started, pod))
    assert runs(started, 1)
    assert len(on(started, pod["spec"]["nodeName"])) == 1


def again(space: Space, pod: Document) -> bool:
    found = space.get("Pod", pod["metadata"]["name"])
    return bool(found) and found["metadata"]["uid"] != pod["metadata"]["uid"] and runs(space, 1)


@pytest.mark.row("One open deployment")
def test_row_one_open_deployment(started: Space) -> None:
    started.apply("app", few("app:2", **{**CANARY, "autoPromote": False}))
    started.wait("v2 waits at its gate", lambda: awaits(started, "app-v2"))
    started.apply("app", few("app:3", **CANARY))
    started.wait("v3 runs", lambda: runs(started, 3))
    status = started.deployment("app-v2")
    assert (status["state"], status["reason"]) == ("Canceled", "Superseded")
    assert started.condition("app")["status"] == "True"
    assert "failedVersion" not in started.get("FleetJob", "app")["status"]  # type: ignore[index]


@pytest.mark.row("Kept")
def test_row_kept(started: Space) -> None:
    """Of each node the live execution and the one that it replaced."""
    for number in (2, 3, 4):
        started.apply("app", few(f"app:{number}"))
        started.wait(f"v{number} runs", lambda number=number: runs(started, number))
    for node in started.running("app"):
        started.wait(
            "older ones are removed",
            lambda node=node: [each["spec"]["jobVersion"] for each in on(started, node)] == [3, 4],
        )


@pytest.mark.row("Occupied", "Deletion")
def test_row_occupied(jobs: Space) -> None:
    """A new job of the same name waits until the old one's pod has gone, which takes 10 s."""
    spec = few(fate="slow-stop", nodes=["sim-001"])
    jobs.apply("app", spec)
    jobs.wait("v1 runs", lambda: runs(jobs, 1, ["sim-001"]))
    (old,) = jobs.list("Pod")
    jobs.delete("FleetJob", "app")
    jobs.wait(
        "the pod is told to stop", lambda: "deletionTimestamp" in jobs.list("Pod")[0]["metadata"]
    )
    told = at(jobs.list("Pod")[0]["metadata"]["deletionTimestamp"])
    jobs.apply("app", spec)
    jobs.wait("the new one runs", lambda: runs(jobs, 1, ["sim-001"]))
    (new,) = jobs.list("Pod")
    assert new["metadata"]["name"] == old["metadata"]["name"]
    assert new["metadata"]["uid"] != old["metadata"]["uid"]
    (execution,) = jobs.executions("app")
    assert created(execution) >= told + 7, "it is not even claimed before"
