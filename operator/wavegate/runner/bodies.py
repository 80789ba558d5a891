"""Documents of runs as the API server wants them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wavegate.api.names import (
    ANNOTATION_AFTER,
    ANNOTATION_ITEM,
    ANNOTATION_TICK,
    API_VERSION,
    LABEL_BATCH,
    LABEL_JOB,
    LABEL_JOB_KIND,
    LABEL_VERSION,
)
from wavegate.domain.times import format_time, format_time_micro
from wavegate.engine.bodies import Document, Owner
from wavegate.kube.resources import HTTP_JOBS, JOB_RUNS, JOB_VERSIONS, RUN_BATCHES
from wavegate.runs.actions import CreateRun, CreateRunVersion
from wavegate.runs.batch_actions import CreateItemRun
from wavegate.runs.batch_observed import BatchView
from wavegate.runs.observed import HTTPJobView


def version(job: HTTPJobView, action: CreateRunVersion) -> Document:
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


def run(job: HTTPJobView, action: CreateRun) -> Document:
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
        "spec": {"jobName": job.name},
    }


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


def owner(job: HTTPJobView) -> Owner:
    """An HTTPJob as the owner of its versions and runs."""
    return Owner(HTTP_JOBS.kind, job.name, job.uid)


def _labels(job: HTTPJobView) -> dict[str, str]:
    return {LABEL_JOB: job.name, LABEL_JOB_KIND: HTTP_JOBS.kind}
