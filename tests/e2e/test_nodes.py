"""What happens to a real pipeline when its pod, or its node's kubelet, goes away."""

from __future__ import annotations

from typing import Any

import pytest

import wavelab
from support.space import Space

pytestmark = pytest.mark.nodes


def pipeline(mapping: str = "root = this", **rollout: Any) -> dict[str, Any]:
    """A pipeline job of fifty messages a second."""
    return {
        "type": "pipeline",
        "config": {
            "input": {"generate": {"interval": "20ms", "mapping": "root.n = random_int(max: 99)"}},
            "pipeline": {"processors": [{"mapping": mapping}]},
            "output": {"drop": {}},
        },
        "template": {"spec": {"terminationGracePeriodSeconds": 1}},
        "rollout": {
            "strategy": "Canary",
            "autoPromote": True,
            "maxParallel": 2,
            "healthCheck": {"interval": "2s", "maxErrorRate": 0.05, "deadline": "30s"},
            **rollout,
        },
    }


@pytest.fixture
def running(edge: Space) -> Space:
    """The job ``app``, its pipeline running on all three nodes."""
    edge.apply("app", pipeline())
    edge.wait("it runs on three nodes", lambda: runs_everywhere(edge), seconds=180)
    return edge


def runs_everywhere(space: Space) -> bool:
    return len(space.running("app")) == 3 and space.condition("app").get("status") == "True"


def test_a_pod_deleted_by_hand_is_made_again(running: Space) -> None:
    pod = running.list("Pod")[0]
    name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
    before = {each["metadata"]["name"] for each in running.executions("app")}
    running.delete("Pod", name)

    def made_again() -> bool:
        found = running.get("Pod", name)
        return found is not None and found["metadata"]["uid"] != uid and runs_everywhere(running)

    running.wait("the pod is made again", made_again, seconds=120)
    after = {each["metadata"]["name"] for each in running.executions("app")}
    assert after == before, "the same execution goes on"


def test_a_killed_kubelet_changes_no_version_and_its_node_comes_back(
    running: Space, real_cluster: wavelab.Cluster
) -> None:
    node = sorted(running.running("app"))[0]
    executions = {each["metadata"]["name"] for each in running.executions("app")}
    real_cluster.stop_kubelet(node)
    running.wait(
        "its node is counted NotReady",
        lambda: (running.get("FleetJob", "app") or {})["status"]["nodes"]["notReady"] == 1,
        seconds=120,
    )
    assert node not in running.running("app")
    real_cluster.start_kubelet(node)
    running.wait("it runs on three nodes again", lambda: runs_everywhere(running), seconds=180)
    assert {each["metadata"]["name"] for each in running.executions("app")} == executions
    assert running.get("FleetDeployment", "app-v1-rollback") is None


def test_a_config_that_the_engine_refuses_fails_with_its_own_message(running: Space) -> None:
    running.apply("app", pipeline("root = ((("))
    running.wait(
        "the canary was refused",
        lambda: running.condition("app").get("reason") == "RolledBack",
        seconds=180,
    )
    failure = running.deployment("app-v2")["failures"][0]
    assert failure["exitCode"] == 1
    assert "expected" in failure["lastLogLine"], failure
    assert "lint" in running.condition("app")["message"]


def newest_version(space: Space) -> int:
    job = space.get("FleetJob", "app") or {}
    return int(job.get("status", {}).get("version", 0))


def judged(space: Space, version: int) -> list[str]:
    """Nodes on which the version is being judged."""
    return [
        each["spec"]["nodeName"]
        for each in space.executions("app", version)
        if each.get("status", {}).get("observedState", {}).get("stateType") == "Validating"
    ]


@pytest.mark.row("Blame")
def test_a_drain_of_the_node_in_its_turn_causes_no_rollback(
    running: Space, real_cluster: wavelab.Cluster
) -> None:
    version = newest_version(running) + 1
    health = {"interval": "2s", "successThreshold": 4, "maxErrorRate": 0.05, "deadline": "30s"}
    running.apply("app", pipeline("root.seen = this.n", healthCheck=health))
    running.wait("the canary is judged", lambda: judged(running, version), seconds=60)
    [node] = judged(running, version)
    try:
        real_cluster.kubectl(
            "drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=60s"
        )
        running.wait(
            "the rollout has completed",
            lambda: running.deployment(f"app-v{version}").get("state") == "Completed",
            seconds=120,
        )
    finally:
        real_cluster.kubectl("uncordon", node)
    status = running.deployment(f"app-v{version}")
    assert status["reason"] == "Completed"
    assert [entry["nodes"] for entry in status["withdrawn"]] == [1]
    assert running.get("FleetDeployment", f"app-v{version}-rollback") is None
    running.wait(
        "the drained node is caught up",
        lambda: set(running.running("app").values()) == {str(version)} and runs_everywhere(running),
        seconds=60,
    )


@pytest.mark.row("spec.timeouts.execution")
def test_a_kubelet_ends_a_run_by_its_timeout(edge: Space) -> None:
    spec = pipeline(strategy="Rolling", autoPromote=None, maxParallel="100%")
    edge.apply("limited", {**spec, "timeouts": {"execution": "15s"}})

    def ended() -> list[Any]:
        return [
            each["status"]["observedState"]["message"]
            for each in edge.executions("limited")
            if each.get("status", {}).get("details", {}).get("reason") == "ExecutionTimeout"
        ]

    edge.wait("a run was ended", ended, seconds=90)
    assert set(ended()) == {"ran longer than spec.timeouts.execution (15s)"}
    edge.wait(
        "it is tried again",
        lambda: max(each["spec"]["attempt"] for each in edge.executions("limited")) == 2,
        seconds=60,
    )
    edge.delete("FleetJob", "limited")
