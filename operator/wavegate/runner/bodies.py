"""Documents of runs as the API server wants them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wavegate.api.names import (
    ANNOTATION_AFTER,
    ANNOTATION_ATTEMPT,
    ANNOTATION_ITEM,
    ANNOTATION_TICK,
    API_VERSION,
    LABEL_BATCH,
    LABEL_JOB,
    LABEL_JOB_KIND,
    LABEL_RUN,
    LABEL_VERSION,
    retry_name,
)
from wavegate.domain.times import format_time, format_time_micro
from wavegate.engine.bodies import Document, Owner
from wavegate.kube.resources import (
    FLEET_DEPLOYMENTS,
    FLEET_JOBS,
    HTTP_JOBS,
    JOB_RUNS,
    JOB_VERSIONS,
    RUN_BATCHES,
)
from wavegate.runs.actions import CreatePass, CreateRun, CreateRunVersion, RetryPass
from wavegate.runs.batch_actions import CreateItemRun
from wavegate.runs.batch_observed import BatchView
from wavegate.runs.observed import AskedJobView


def version(job: AskedJobView, action: CreateRunVersion) -> Document:
    """A JobVersion of an HTTPJob."""
    return {
        "apiVersion": API_VERSION,
        "kind": JOB_VERSIONS.kind,
        "metadata": {
            "name": action.name,
            "namespace": job.namespace,
            "labels": {**_labels(job), LABEL_VERSION: str(action.version)},
            "ownerReferences": [owner(job).reference()],
        },
        "spec": {
            "jobId": job.uid,
            "version": action.version,
            "jobSpec": dict(action.raw_spec),
            "workloadHash": action.workload_hash,
        },
    }


def run(job: AskedJobView, action: CreateRun) -> Document:
    """A run that the job makes by itself."""
    return {
        "apiVersion": API_VERSION,
        "kind": JOB_RUNS.kind,
        "metadata": {
            "name": action.name,
            "namespace": job.namespace,
            "labels": {**action.labels, **_labels(job)},
            "annotations": _made_for(action),
            "ownerReferences": [owner(job).reference()],
        },
        "spec": _of(job),
    }


def fleet_job(job: AskedJobView, action: CreatePass) -> Document:
    """The FleetJob of a run over nodes. Whoever deletes the run need not wait for its end."""
    run = Owner(JOB_RUNS.kind, action.run, action.run_uid)
    return {
        "apiVersion": API_VERSION,
        "kind": FLEET_JOBS.kind,
        "metadata": {
            "name": action.run,
            "namespace": job.namespace,
            "labels": {**_labels(job), LABEL_RUN: action.run},
            "annotations": {ANNOTATION_ATTEMPT: str(action.attempt)},
            "ownerReferences": [{**run.reference(), "blockOwnerDeletion": False}],
        },
        "spec": dict(action.raw_spec),
    }


def restart(job: AskedJobView, action: RetryPass) -> Document:
    """The FleetDeployment that is a further attempt of a run over nodes."""
    return {
        "apiVersion": API_VERSION,
        "kind": FLEET_DEPLOYMENTS.kind,
        "metadata": {
            "name": retry_name(action.run, action.attempt),
            "namespace": job.namespace,
            "labels": {LABEL_JOB: action.run, LABEL_VERSION: "1"},
            "ownerReferences": [Owner(FLEET_JOBS.kind, action.run, action.job_uid).reference()],
        },
        "spec": {"jobName": action.run, "type": "Restart", "toVersion": 1},
    }


def _of(job: AskedJobView) -> dict[str, str]:
    kind = {"jobKind": job.kind} if job.kind != HTTP_JOBS.kind else {}
    return {**kind, "jobName": job.name}


def _made_for(action: CreateRun) -> dict[str, str]:
    if action.tick is not None:
        return {ANNOTATION_TICK: format_time(action.tick)}
    ends = sorted(action.after.items())
    return {ANNOTATION_AFTER: " ".join(f"{name}={format_time_micro(end)}" for name, end in ends)}


def item_run(batch: BatchView, action: CreateItemRun, spec: Mapping[str, Any]) -> Document:
    """A run of a batch. It is the job's, as every run, so that the job's history limits hold; and
    the batch's, so that it outlasts the job for as long as the batch is there."""
    references = [owner(action.job).reference(), _reference(batch)]
    return {
        "apiVersion": API_VERSION,
        "kind": JOB_RUNS.kind,
        "metadata": {
            "name": action.name,
            "namespace": batch.namespace,
            "labels": {**action.labels, **_labels(action.job), LABEL_BATCH: batch.name},
            "annotations": {ANNOTATION_ITEM: f"{batch.uid} {action.number} {action.key}"},
            "ownerReferences": references,
        },
        "spec": {"jobName": action.job.name, **spec},
    }


def _reference(batch: BatchView) -> Document:
    """As an owner that is not the controller, and whose deletion waits for nothing."""
    name, uid = batch.name, batch.uid
    return {"apiVersion": API_VERSION, "kind": RUN_BATCHES.kind, "name": name, "uid": uid}


def owner(job: AskedJobView) -> Owner:
    """A job as the owner of its versions and runs."""
    return Owner(job.kind, job.name, job.uid)


def _labels(job: AskedJobView) -> dict[str, str]:
    return {LABEL_JOB: job.name, LABEL_JOB_KIND: job.kind}
