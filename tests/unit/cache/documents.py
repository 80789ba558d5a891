"""Raw documents as the API server sends them, for the tests of the cache."""

from __future__ import annotations

from typing import Any

Raw = dict[str, Any]

JOB_UID = "job-uid"
CREATED = "2025-01-31T12:00:00Z"
CREATED_AT = 1738324800.0


def owned(kind: str, name: str, uid: str, api: str = "wavegate.dev/v1alpha1") -> list[Raw]:
    return [{"apiVersion": api, "kind": kind, "name": name, "uid": uid, "controller": True}]


def meta(name: str, version: int, *, uid: str = "", **more: Any) -> Raw:
    return {
        "namespace": "shop",
        "name": name,
        "uid": uid or f"{name}-uid",
        "resourceVersion": str(version),
        "creationTimestamp": CREATED,
        "generation": 1,
        **more,
    }


def job(version: int = 1, *, uid: str = JOB_UID, name: str = "feed", **spec: Any) -> Raw:
    container = {"name": "main", "image": "registry.local/app:1"}
    document = {
        "type": "container",
        "template": {"spec": {"containers": [container]}},
        "rollout": {},
        **spec,
    }
    return {
        "apiVersion": "wavegate.dev/v1alpha1",
        "kind": "FleetJob",
        "metadata": meta(name, version, uid=uid),
        "spec": document,
        "status": {"observedGeneration": -1},
    }


def job_version(number: int, version: int, *, owner: str = JOB_UID) -> Raw:
    return {
        "metadata": meta(
            f"feed-v{number}",
            version,
            ownerReferences=owned("FleetJob", "feed", owner) if owner else [],
        ),
        "spec": {
            "jobId": JOB_UID,
            "version": number,
            "jobSpec": job()["spec"],
            "workloadHash": f"h1:{number}",
            "driver": {"image": "registry.local/app:1", "revision": "1"},
        },
        "status": {"stable": True, "stableAt": CREATED},
    }


def deployment(name: str, version: int, *, owner: str = JOB_UID, **spec: Any) -> Raw:
    return {
        "metadata": meta(
            name, version, ownerReferences=owned("FleetJob", "feed", owner) if owner else []
        ),
        "spec": {"jobName": "feed", "type": "Update", "fromVersion": 1, "toVersion": 2, **spec},
    }


def execution(
    name: str, version: int, *, owner: str = JOB_UID, uid: str = "", **status: Any
) -> Raw:
    return {
        "metadata": meta(
            name,
            version,
            uid=uid,
            ownerReferences=owned("FleetJob", "feed", owner) if owner else [],
        ),
        "spec": {
            "jobId": owner,
            "jobName": "feed",
            "jobVersion": 2,
            "nodeName": "n1",
            "nodeUid": "n1-uid",
            "rolloutWave": 1,
            "deploymentName": "feed-v2",
            "attempt": 3,
            "workloadHash": "h1:2",
            "evalId": "e1",
        },
        "status": status,
    }


def pod(name: str, version: int, *, uid: str = "", job_name: str = "feed", **more: Any) -> Raw:
    metadata = meta(name, version, uid=uid, labels={"wavegate.dev/job": job_name})
    metadata.update(more.pop("metadata", {}))
    return {"kind": "Pod", "metadata": metadata, "spec": {"nodeName": "n1"}, "status": {}, **more}


def pull(name: str, version: int, *, of: str = "feed-v2-uid", **more: Any) -> Raw:
    """A pod that pulls images for a JobVersion, not scheduled yet."""
    labels = {"wavegate.dev/pull": "feed"}
    owner = owned("JobVersion", "feed-v2", of)
    field = {"key": "metadata.name", "operator": "In", "values": ["n1"]}
    terms = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    return {
        "kind": "Pod",
        "metadata": {**meta(name, version), "labels": labels, "ownerReferences": owner, **more},
        "spec": {"affinity": affinity},
        "status": {},
    }


def node(name: str, version: int, *, beat: str = CREATED, ready: str = "True", **spec: Any) -> Raw:
    metadata = meta(name, version, labels={"zone": "a"})
    del metadata["namespace"]
    ready_condition = {
        "type": "Ready",
        "status": ready,
        "lastHeartbeatTime": beat,
        "lastTransitionTime": CREATED,
    }
    return {"metadata": metadata, "spec": spec, "status": {"conditions": [ready_condition]}}
