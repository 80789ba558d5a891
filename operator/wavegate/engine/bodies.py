"""Documents as the API server wants them: owners, labels, specs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wavegate.api.names import API_VERSION, LABEL_DEPLOYMENT, LABEL_JOB, LABEL_VERSION
from wavegate.cache.fields import controller_of
from wavegate.domain.actions import (
    CreateDeployment,
    CreateExecution,
    CreatePod,
    CreatePull,
    CreateVersion,
    PrepareVersion,
    SetStatus,
)
from wavegate.domain.observed import JobView, PlanSettings, VersionView
from wavegate.drivers.pod import render_pod
from wavegate.kube.resources import (
    CONFIG_MAPS,
    EXECUTIONS,
    FLEET_DEPLOYMENTS,
    FLEET_JOBS,
    JOB_VERSIONS,
    Resource,
)

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Owner:
    """The object that a child goes with."""

    kind: str
    name: str
    uid: str

    def reference(self) -> Document:
        """As controller, and so that a foreground delete of the owner waits for the child."""
        return {
            "apiVersion": API_VERSION,
            "kind": self.kind,
            "name": self.name,
            "uid": self.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }


def job_owner(job: JobView) -> Owner:
    """A job as the owner of its versions, deployments and executions."""
    return Owner(FLEET_JOBS.kind, job.name, job.uid)


def version(job: JobView, action: CreateVersion) -> Document:
    """A JobVersion."""
    spec: Document = {
        "jobId": job.uid,
        "version": action.version,
        "jobSpec": dict(action.raw_spec),
        "workloadHash": action.workload_hash,
        "driver": {"revision": action.driver_revision},
    }
    if action.driver_image:
        spec["driver"]["image"] = action.driver_image
    labels = {LABEL_JOB: job.name, LABEL_VERSION: str(action.version)}
    return _object(JOB_VERSIONS, job.namespace, action.name, job_owner(job), labels, spec=spec)


def deployment(job: JobView, action: CreateDeployment) -> Document:
    """A FleetDeployment made by the operator."""
    spec: Document = {
        "jobName": job.name,
        "type": action.type,
        "fromVersion": action.from_version,
        "toVersion": action.to_version,
        "paused": action.paused,
    }
    if action.rollout:
        spec["rollout"] = dict(action.rollout)
    labels = {LABEL_JOB: job.name, LABEL_VERSION: str(action.to_version)}
    owner = job_owner(job)
    return _object(FLEET_DEPLOYMENTS, job.namespace, action.name, owner, labels, spec=spec)


def execution(job: JobView, action: CreateExecution) -> Document:
    """An Execution: the claim of a job on a node."""
    spec: Document = {
        "jobId": job.uid,
        "jobName": job.name,
        "jobType": job.raw_spec["type"],
        "jobVersion": action.version,
        "nodeName": action.node,
        "nodeUid": action.node_uid,
        "evalId": action.eval_id,
        "rolloutWave": action.wave,
        "attempt": action.attempt,
        "workloadHash": action.workload_hash,
    }
    if job.run:
        spec["runName"] = job.run
    labels = {**action.labels, LABEL_JOB: job.name, LABEL_VERSION: str(action.version)}
    if action.deployment:
        spec["deploymentName"] = action.deployment
        labels[LABEL_DEPLOYMENT] = action.deployment
    return _object(EXECUTIONS, job.namespace, action.name, job_owner(job), labels, spec=spec)


def pod(
    job: JobView,
    version: VersionView,
    execution_uid: str,
    action: CreatePod,
    settings: PlanSettings,
) -> Document:
    """A pod of the version, owned by its execution."""
    manifest = render_pod(
        job=job,
        version=version,
        node=action.node,
        execution=action.execution,
        deployment=action.deployment,
        settings=settings,
    )
    metadata = {
        **manifest["metadata"],
        "namespace": job.namespace,
        "ownerReferences": [Owner(EXECUTIONS.kind, action.execution, execution_uid).reference()],
    }
    return {**manifest, "metadata": metadata}


def pull(job: JobView, action: CreatePull) -> Document:
    """A pod that pulls a version's images, owned by the version."""
    owner = Owner(JOB_VERSIONS.kind, action.version_name, action.version_uid)
    metadata = {
        **action.manifest["metadata"],
        "namespace": job.namespace,
        "ownerReferences": [owner.reference()],
    }
    return {**action.manifest, "metadata": metadata}


def trial_pod(job: JobView, action: PrepareVersion) -> Document:
    """The pod of a dry run. Its name is made up by the server: under its own name a pod of the
    version before it may be running."""
    given = action.pod["metadata"]
    kept = {field: value for field, value in given.items() if field != "name"}
    metadata = {**kept, "namespace": job.namespace, "generateName": f"{action.version_name}-"}
    return {**action.pod, "metadata": metadata}


def config_map(job: JobView, action: PrepareVersion) -> Document:
    """The version's rendered document. It can never change, so kubelets need not watch it."""
    owner = Owner(JOB_VERSIONS.kind, action.version_name, action.version_uid)
    labels = {LABEL_JOB: job.name, LABEL_VERSION: str(action.version)}
    return _object(
        CONFIG_MAPS,
        job.namespace,
        action.version_name,
        owner,
        labels,
        immutable=True,
        data=dict(action.data),
    )


def status(namespace: str, action: SetStatus) -> Document:
    """The body that replaces a status; the server takes nothing else from it."""
    return {
        "apiVersion": API_VERSION,
        "kind": action.kind,
        "metadata": {
            "name": action.name,
            "namespace": namespace,
            "uid": action.uid,
            "resourceVersion": action.resource_version,
        },
        "status": dict(action.status),
    }


def delete_options(uid: str, resource_version: str) -> Document:
    """Delete exactly this object in exactly this state, with its own grace period."""
    return {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {"uid": uid, "resourceVersion": resource_version},
    }


def controller(document: Mapping[str, Any]) -> Owner | None:
    """The controller of a stored object; None where it has none."""
    found = controller_of(document)
    return Owner(found.kind, found.name, found.uid) if found.kind else None


def _object(
    resource: Resource,
    namespace: str,
    name: str,
    owner: Owner,
    labels: Mapping[str, str],
    **content: Any,
) -> Document:
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": dict(labels),
            "ownerReferences": [owner.reference()],
        },
        **content,
    }
