"""Where a run has ended, and whether that is where it should have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from faults.rollouts import JOB, V1
from faults.watched import Watched
from wavegate.simulation.cluster import SimulatedCluster
from wavegate.simulation.kinds import SERVED
from wavegate.simulation.store import Document


class Readable(Protocol):
    """A cluster, or one namespace of it."""

    def get(self, kind: str, name: str) -> Document | None: ...

    def list(self, kind: str) -> list[Document]: ...


def end_state(cluster: Readable) -> dict[str, Any]:
    """Where everything is, without ids, times and words."""
    job = (cluster.get("FleetJob", JOB) or {}).get("status", {})
    conditions = {
        each["type"]: f"{each['status']} {each['reason']}" for each in job.get("conditions", ())
    }
    deployments = {
        each["metadata"]["name"]: " ".join(
            str(each.get("status", {}).get(field)) for field in ("state", "reason")
        )
        for each in cluster.list("FleetDeployment")
    }
    kept = ("version", "stableVersion", "failedVersion", "versions", "nodes")
    return {
        **{field: job.get(field) for field in kept},
        "state": (job.get("state") or {}).get("stateType"),
        "conditions": conditions,
        "deployments": deployments,
        "stable": {
            each["metadata"]["name"]: (each.get("status") or {}).get("stable", False)
            for each in cluster.list("JobVersion")
        },
        "runs": {
            each["spec"].get("nodeName"): each["metadata"]["labels"]["wavegate.dev/version"]
            + (" ready" if _is_ready(each) else " not ready")
            for each in cluster.list("Pod")
        },
        "images": {each["spec"].get("nodeName"): _image(each) for each in cluster.list("Pod")},
        "live": _live(cluster),
    }


def unexplained(cluster: SimulatedCluster, watched: Watched, normal: Mapping[str, Any]) -> str:
    """What is wrong with an end after nodes went or a third party meddled; empty for nothing.

    All nodes that the job can use run the same image, ready: that of the reference's end or, where
    a node that was taken away has failed the rollout by that, the one from before. Where there is
    none from before, that node stays empty. On no other node does anything run that was not there
    when it was taken away.
    """
    nodes = {each["metadata"]["name"]: each for each in cluster.list("Node")}
    pods = {each["spec"].get("nodeName"): each for each in cluster.list("Pod")}
    if strays := pods.keys() - nodes.keys():
        return f"pods of nodes that are gone: {sorted(strays)}"
    usable = {name for name, node in nodes.items() if _is_usable(node)}
    allowed, failed = set(normal["images"].values()), _failed_nodes(cluster)
    if not any((each.get("status") or {}).get("stable") for each in cluster.list("JobVersion")):
        usable -= failed & watched.disturbed.keys()
    unready = [name for name in usable if name not in pods or not _is_ready(pods[name])]
    if unready:
        return f"nothing runs on {sorted(unready)}"
    if not any(each.startswith("Failed") for each in normal["deployments"].values()):
        if blameless := failed - watched.disturbed.keys():
            return f"failed on nodes with which nothing was done: {sorted(blameless)}"
        if failed:
            allowed.add(V1)
    found = {_image(pods[name]) for name in usable}
    if len(found) != 1 or not found <= allowed:
        return f"nodes run {sorted(found)}, allowed: one of {sorted(allowed)}"
    return ""


def orphans(cluster: SimulatedCluster) -> list[str]:
    """Children whose owner is not there."""
    store = cluster.server.store
    found = []
    for kind in SERVED.values():
        for key, _ in store.items(kind):
            owners = (store.get(kind, key) or {})["metadata"].get("ownerReferences", ())
            if owners and not all(store.exists(each["uid"]) for each in owners):
                found.append(f"{kind.resource.kind} {key[1]}")
    return found


def _live(cluster: Readable) -> dict[str, str]:
    """What the newest execution of each node says."""
    newest: dict[str, Document] = {}
    for each in cluster.list("Execution"):
        node = each["spec"]["nodeName"]
        if node not in newest or each["spec"]["attempt"] > newest[node]["spec"]["attempt"]:
            newest[node] = each
    return {
        node: f"v{each['spec']['jobVersion']} {each['status']['observedState']['stateType']}"
        for node, each in newest.items()
    }


def _is_ready(pod: Document) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _image(pod: Document) -> str:
    return str(pod["spec"]["containers"][0]["image"])


def _is_usable(node: Document) -> bool:
    conditions = node["status"].get("conditions", ())
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    in_pool = node["metadata"].get("labels", {}).get("pool") == "edge"
    return ready and in_pool and not node.get("spec", {}).get("unschedulable")


def _failed_nodes(cluster: SimulatedCluster) -> set[str]:
    return {
        each["node"]
        for deployment in cluster.list("FleetDeployment")
        for each in deployment.get("status", {}).get("failures", ())
    }
