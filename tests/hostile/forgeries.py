"""Forgeries: objects that are made to look like the operator's own, and are not.

What is the operator's is what its owner says: a reference that is ``controller: true``, of our API
group and kind, with the uid of the object that the operator itself has made. Labels, names and the
contents of a spec can be written by anybody who may create an object, and prove nothing.

Each row is put into a fleet of four nodes that run version 1 of a job; then version 2 is rolled
out. Whatever is forged, no request that writes or deletes it leaves the operator: not in the
rollout, and not when the job is deleted. Nodes that it is not on get version 2. Where it stands in
the way the job is Stalled and names it, and goes on by itself once it has gone.

| what it is | what a naive operator would do | what is in the way |
| --- | --- | --- |
| a pod with the job's label, and no owner | delete it as an old pod | Stranger |
| the same, its owner only ``controller: false`` | adopt it | Stranger |
| the same, of a ReplicaSet with our execution's uid | delete it by the uid | Stranger |
| the same, of an Execution of another API group, with our uid | delete it by the uid | Stranger |
| the same, with another uid | wait for it without a word | Stranger |
| a pod of the name that a node's pod would have | take it for its own pod | Stranger |
| a pod with the label of pods that pull images | remove it with the rollout | |
| the same, owned by a version that a user has made | remove it by its owner's kind | |
| an Execution with the job's uid as jobId, and no owner | judge it, count its attempt | |
| the same, its owner only ``controller: false`` | the same | |
| the same, of a FleetJob of another API group, with our uid | the same | |
| the same, of a FleetDeployment with the job's uid | the same | |
| an Execution of the name that the next claim would have | take it for the claim | Stranger |
| an Execution that is said to be stable, with our nodeUid | go back to its version | |
| a JobVersion of the name that comes next | roll out what a user wrote | Stranger |
| a JobVersion 9 that is said to be stable | number the next one 10, go back to it | |
| a ConfigMap of the version's name, with other contents | mount it into pods | Stranger |
| a user's FleetDeployment of the name that comes next | take it for the rollout | Stranger |
| a FleetDeployment with a forged owner and status | take its word for what completed | |
| a node that says, wrongly spelled, that we have cordoned it | open it | |
| a node of the same name that was registered anew | keep counting the old claim | |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sim.world import COUNTERS, spec
from support.told import Stage
from wavegate.api.names import (
    ANNOTATION_CORDONED_BY,
    API_VERSION,
    LABEL_JOB,
    LABEL_PULL,
    LABEL_VERSION,
    execution_name,
    pod_name,
)
from wavegate.kube.resources import BY_KIND, CONFIG_MAPS
from wavegate.simulation.cluster import NAMESPACE
from wavegate.simulation.rights import Administrator
from wavegate.simulation.store import Document

FORGER: Final = Administrator("forger")
FORGED: Final = "forged"
NODE: Final = "n00"
ALL: Final = ("n00", "n01", "n02", "n03")
OTHERS: Final = ALL[1:]

_HASH: Final = f"h1:{'0' * 64}"
_OTHER_GROUP: Final = "work.example/v1"
_LABELS: Final = {LABEL_JOB: "app", LABEL_VERSION: "1"}

Forge = Callable[[Stage], Document]


@dataclass(frozen=True)
class Forgery:
    """One row. ``make`` gives the document from what runs in the fleet."""

    name: str
    make: Forge
    says: str = ""
    """What the job's condition has to name, where the forgery stands in the way."""
    reached: tuple[str, ...] = ALL
    """Nodes that get version 2 while it is there."""
    second: dict[str, Any] | None = None
    """Version 2, where it is not just another image."""
    answered: bool = False
    """Whether it is a user's request, so that its status, and nothing else, says what became."""

    @property
    def in_the_way(self) -> bool:
        return bool(self.says)


def _document(kind: str, name: str = FORGED, **content: Any) -> Document:
    resource = BY_KIND[kind]
    metadata = {"name": name, **content.pop("metadata", {})}
    if resource.namespaced:
        metadata["namespace"] = NAMESPACE
    return {"apiVersion": resource.api_version, "kind": kind, "metadata": metadata, **content}


def _pod(
    *owners: Document, name: str = FORGED, labels: dict[str, str] = _LABELS, node: str = NODE
) -> Document:
    containers = [{"name": "main", "image": "app:1"}]
    metadata = {"labels": labels, **({"ownerReferences": list(owners)} if owners else {})}
    return _document(
        "Pod", name, metadata=metadata, spec={"nodeName": node, "containers": containers}
    )


def _uid(stage: Stage, kind: str, name: str) -> str:
    found = stage.cluster.get(kind, name)
    assert found is not None, f"no {kind} {name}"
    return str(found["metadata"]["uid"])


def _claim(stage: Stage, **changes: Any) -> Document:
    """A reference to the execution that really runs on the node."""
    name = execution_name("app", NODE, 1)
    return {**_owner("Execution", name, _uid(stage, "Execution", name)), **changes}


def _job(stage: Stage, **changes: Any) -> Document:
    return {**_owner("FleetJob", "app", _uid(stage, "FleetJob", "app")), **changes}


def _somebody(stage: Stage) -> str:
    """uid of an object that is there, so that no garbage collector takes what it owns."""
    body = _document("ConfigMap", "somebody", data={})
    path = CONFIG_MAPS.collection(NAMESPACE)
    made = stage.cluster.server.request(FORGER, "POST", path, body=body)
    return str(made["metadata"]["uid"])


def _owner(kind: str, name: str, uid: str) -> Document:
    reference = {"apiVersion": API_VERSION, "kind": kind, "name": name, "uid": uid}
    return {**reference, "controller": True}


def _execution(
    stage: Stage, *owners: Document, name: str = FORGED, attempt: int = 9, **more: Any
) -> Document:
    node = stage.cluster.fleet.node(NODE)
    assert node is not None
    claimed = {
        "jobId": _uid(stage, "FleetJob", "app"),
        "jobName": "app",
        "jobType": "container",
        "jobVersion": 1,
        "nodeName": NODE,
        "nodeUid": node["metadata"]["uid"],
        "deploymentName": "app-v1",
        "rolloutWave": 1,
        "attempt": attempt,
        "workloadHash": _HASH,
    }
    metadata = {"labels": _LABELS, **({"ownerReferences": list(owners)} if owners else {})}
    return _document("Execution", name, metadata=metadata, spec=claimed, **more)


def _version(stage: Stage, number: int, **more: Any) -> Document:
    written = {
        "jobId": _uid(stage, "FleetJob", "app"),
        "version": number,
        "jobSpec": spec("evil:1"),
        "workloadHash": _HASH,
    }
    return _document(
        "JobVersion", f"app-v{number}", metadata={"labels": _LABELS}, spec=written, **more
    )


def _deployment(name: str, *owners: Document, **more: Any) -> Document:
    metadata = {"labels": _LABELS, **({"ownerReferences": list(owners)} if owners else {})}
    written = {"jobName": "app", "type": "Update", "fromVersion": 1, "toVersion": 7}
    return _document("FleetDeployment", name, metadata=metadata, spec=written, **more)


def _restart(name: str) -> Document:
    return _document("FleetDeployment", name, spec={"jobName": "another", "type": "Restart"})


def _stable_execution(stage: Stage) -> Document:
    status = {
        "observedState": {"stateType": "Running"},
        "desiredState": {"stateType": "Running"},
        "stableAt": "2031-01-01T00:00:00Z",
    }
    return _execution(stage, status=status)


def _stable_version(stage: Stage) -> Document:
    return _version(stage, 9, status={"stable": True, "stableAt": "2031-01-01T00:00:00Z"})


def _completed(stage: Stage) -> Document:
    status = {
        "state": "Completed",
        "sequence": 99,
        "jobUid": _uid(stage, "FleetJob", "app"),
        "acceptedAt": "2031-01-01T00:00:00Z",
    }
    forged = _owner("FleetJob", "app", _somebody(stage))
    return _deployment(FORGED, forged, status=status)


def _of_a_users_version(stage: Stage) -> Document:
    path = BY_KIND["JobVersion"].collection(NAMESPACE)
    made = stage.cluster.server.request(FORGER, "POST", path, body=_version(stage, 8))
    owner = _owner("JobVersion", "app-v8", made["metadata"]["uid"])
    return _pod(owner, labels={LABEL_PULL: "app"})


def _cordoned(stage: Stage) -> Document:
    node = stage.cluster.fleet.node(NODE)
    assert node is not None
    annotations = {ANNOTATION_CORDONED_BY: "default/app/"}
    return {
        **node,
        "metadata": {**node["metadata"], "annotations": annotations},
        "spec": {"unschedulable": True},
    }


def _registered_anew(stage: Stage) -> Document:
    stage.cluster.fleet.remove(NODE)
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2023-11-14T22:13:20Z"}
    labels = {"labels": {"pool": "edge"}}
    return _document("Node", NODE, metadata=labels, status={"conditions": [ready]})


_PATIENT: Final = spec(
    "app:2",
    strategy="Rolling",
    maxParallel="100%",
    healthCheck={"interval": "5s", "deadline": "30m", "errorRate": {"podMetrics": COUNTERS}},
)
"""All nodes are of one wave, and its deadline is longer than the forgery is there."""

_FILES: Final = {**spec("app:2"), "config": {"mode": "fast"}}
_NEXT_CLAIM: Final = execution_name("app", NODE, 2)
_NEW: Final = "n04"
"""A node that comes with the forgery, so that nothing of the job's is on it."""


def _pod_of_the_name(stage: Stage) -> Document:
    stage.cluster.fleet.add(_NEW)
    return _pod(name=pod_name("app", _NEW), labels={}, node=_NEW)


ROWS: Final = (
    Forgery("a pod with the job's label", lambda _: _pod(), FORGED),
    Forgery(
        "a pod whose owner does not control it",
        lambda stage: _pod(_claim(stage, controller=False)),
        FORGED,
    ),
    Forgery(
        "a pod of a ReplicaSet with our uid",
        lambda stage: _pod(_claim(stage, apiVersion="apps/v1", kind="ReplicaSet")),
        FORGED,
    ),
    Forgery(
        "a pod of another group's Execution with our uid",
        lambda stage: _pod(_claim(stage, apiVersion=_OTHER_GROUP)),
        FORGED,
    ),
    Forgery(
        "a pod of another group's Execution",
        lambda stage: _pod(_claim(stage, apiVersion=_OTHER_GROUP, uid=_somebody(stage))),
        FORGED,
    ),
    Forgery(
        "a pod of the name that we would use",
        _pod_of_the_name,
        pod_name("app", _NEW),
        second=_PATIENT,
    ),
    Forgery("a pod that says it pulls images", lambda _: _pod(labels={LABEL_PULL: "app"})),
    Forgery("a pod that pulls for a user's version", _of_a_users_version),
    Forgery("an execution with the job's uid", _execution),
    Forgery(
        "an execution that the job does not control",
        lambda stage: _execution(stage, _job(stage, controller=False)),
    ),
    Forgery(
        "an execution of another group's FleetJob with our uid",
        lambda stage: _execution(stage, _job(stage, apiVersion=_OTHER_GROUP)),
    ),
    Forgery(
        "an execution of another kind with our uid",
        lambda stage: _execution(stage, _job(stage, kind="FleetDeployment")),
    ),
    Forgery(
        "an execution of the name that we would use",
        lambda stage: _execution(stage, name=_NEXT_CLAIM, attempt=2),
        _NEXT_CLAIM,
        OTHERS,
    ),
    Forgery("an execution that says it is stable", _stable_execution),
    Forgery(
        "a version of the name that we would use",
        lambda stage: _version(stage, 2),
        "app-v2",
        (),
    ),
    Forgery("a version that says it is stable", _stable_version),
    Forgery(
        "a ConfigMap of the name that we would use",
        lambda _: _document("ConfigMap", "app-v2", data={"config.json": "{}"}),
        "app-v2",
        (),
        _FILES,
    ),
    Forgery(
        "a deployment of the name that we would use",
        lambda _: _restart("app-v2"),
        "app-v2",
        (),
        answered=True,
    ),
    Forgery("a deployment that says it completed", _completed),
    Forgery("a node that says we cordoned it", _cordoned, reached=OTHERS),
    Forgery("a node that was registered anew", _registered_anew),
)
