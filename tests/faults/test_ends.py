"""The oracle of plans that may end elsewhere: what it lets pass, and what it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from faults.ends import unexplained
from faults.run import MANIFESTS
from faults.watched import Watched
from sim.world import spec
from wavegate.kube.resources import FLEET_DEPLOYMENTS, JOB_VERSIONS, PODS
from wavegate.simulation.cluster import NAMESPACE, SimulatedCluster
from wavegate.simulation.loop import VirtualLoop
from wavegate.simulation.rights import Administrator, load_roles

USER = Administrator("user")
REFERENCE = {"images": {"n0": "app:2", "n1": "app:2"}, "deployments": {"app-v2": "Completed"}}


def put(cluster: SimulatedCluster, node: str, image: str, ready: bool = True) -> None:
    """A pod on a node, in the place of the one that is there."""
    body: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": node, "namespace": NAMESPACE},
        "spec": {"nodeName": node, "containers": [{"name": "main", "image": image}]},
    }
    path = PODS.collection(NAMESPACE)
    if cluster.get("Pod", node):
        options = {"gracePeriodSeconds": 0}
        cluster.server.request(USER, "DELETE", f"{path}/{node}", body=options)
    made = cluster.server.request(USER, "POST", path, body=body)
    made["status"] = {"conditions": [{"type": "Ready", "status": str(ready)}]}
    cluster.server.request(USER, "PUT", f"{path}/{node}/status", body=made)


def fail(cluster: SimulatedCluster, node: str) -> None:
    """A deployment says that it has failed there."""
    spec = {"jobName": "app", "type": "Update", "toVersion": 2}
    made = cluster.deploy("app-v2", spec)
    made["status"] = {"observedGeneration": 1, "state": "Failed", "failures": [{"node": node}]}
    path = FLEET_DEPLOYMENTS.status(NAMESPACE, "app-v2")
    cluster.server.request(USER, "PUT", path, body=made)


def make_stable(cluster: SimulatedCluster) -> None:
    cluster.apply("app", spec("app:1"))
    job = cluster.get("FleetJob", "app") or {}
    body = {
        "apiVersion": JOB_VERSIONS.api_version,
        "kind": "JobVersion",
        "metadata": {"name": "app-v1", "namespace": NAMESPACE},
        "spec": {
            "jobId": job["metadata"]["uid"],
            "jobName": "app",
            "jobSpec": job["spec"],
            "version": 1,
            "workloadHash": f"h1:{'0' * 32}",
        },
    }
    made = cluster.server.request(USER, "POST", JOB_VERSIONS.collection(NAMESPACE), body=body)
    made["status"] = {"observedGeneration": 1, "stable": True}
    path = JOB_VERSIONS.status(NAMESPACE, "app-v1")
    cluster.server.request(USER, "PUT", path, body=made)


def both(image: str) -> Callable[[SimulatedCluster, Watched], None]:
    return lambda cluster, _: [put(cluster, node, image) for node in ("n0", "n1")] and None


def gone(cluster: SimulatedCluster, watched: Watched) -> None:
    cluster.fleet.remove("n1")
    watched.disturb("n1")


def its_pod_gone(cluster: SimulatedCluster, watched: Watched) -> None:
    gone(cluster, watched)
    options = {"gracePeriodSeconds": 0}
    path = PODS.object(NAMESPACE, "n1")
    cluster.server.request(USER, "DELETE", path, body=options)


def taken_back(disturbed: bool) -> Callable[[SimulatedCluster, Watched], None]:
    def change(cluster: SimulatedCluster, watched: Watched) -> None:
        both("app:1")(cluster, watched)
        fail(cluster, "n1")
        if disturbed:
            watched.disturb("n1")

    return change


def left_empty(stable: bool, disturbed: bool) -> Callable[[SimulatedCluster, Watched], None]:
    """A node has failed the rollout and runs nothing; whether a version is stable."""

    def change(cluster: SimulatedCluster, watched: Watched) -> None:
        put(cluster, "n1", "app:2", ready=False)
        fail(cluster, "n1")
        if disturbed:
            watched.disturb("n1")
        if stable:
            make_stable(cluster)

    return change


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        pytest.param(lambda *_: None, "", id="as the reference"),
        pytest.param(left_empty(False, True), "", id="a first version that failed where it was"),
        pytest.param(left_empty(True, True), "nothing runs on ['n1']", id="with a way back"),
        pytest.param(left_empty(False, False), "nothing runs on ['n1']", id="it was not away"),
        pytest.param(both("app:1"), "nodes run ['app:1']", id="none has the new version"),
        pytest.param(
            lambda c, _: put(c, "n1", "app:1"), "nodes run ['app:1', 'app:2']", id="one has not"
        ),
        pytest.param(
            lambda c, _: put(c, "n1", "app:2", ready=False), "nothing runs on ['n1']", id="unready"
        ),
        pytest.param(gone, "pods of nodes that are gone", id="a pod of a node that is gone"),
        pytest.param(its_pod_gone, "", id="a node is gone"),
        pytest.param(lambda c, _: c.fleet.cordon("n1"), "", id="one is cordoned"),
        pytest.param(taken_back(True), "", id="a node that was away has failed it"),
        pytest.param(taken_back(False), "with which nothing was done", id="another has failed it"),
    ],
)
def test_which_ends_are_explained(
    change: Callable[[SimulatedCluster, Watched], object], wrong: str
) -> None:
    async def judge() -> str:
        cluster = SimulatedCluster(load_roles(MANIFESTS))
        watched = Watched(cluster, None)
        for node in ("n0", "n1"):
            cluster.fleet.add(node)
            put(cluster, node, "app:2")
        change(cluster, watched)
        return unexplained(cluster, watched, REFERENCE)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        found = runner.run(judge())
    assert (wrong in found) if wrong else not found, found
