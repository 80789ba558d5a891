"""Asking for runs: what a JobRun is made of, and when another stands in its place. Pure."""

from __future__ import annotations

from wavegate.api.asked import Asked, of_fleet
from wavegate.api.fleetjob import load_job_spec
from wavegate.api.httpjob import load_http_job_spec
from wavegate.api.jobrun import MAX_PAYLOAD
from wavegate.api.names import API_VERSION, LABEL_JOB, LABEL_JOB_KIND
from wavegate.cli.sight import Document, at, kind_of
from wavegate.domain.times import parse_time
from wavegate.engine.bodies import Owner
from wavegate.kube.resources import HTTP_JOBS, JOB_RUNS
from wavegate.runs.duplicates import KEY_LIVES
from wavegate.runs.payload import problems
from wavegate.runs.states import ENDED_BADLY, TERMINAL


def run_document(job: Document, name: str, spec: Document) -> Document:
    """A run of a job, which it goes with: with the job it is deleted."""
    metadata, kind = job["metadata"], kind_of(job)
    owner = Owner(kind, metadata["name"], metadata["uid"])
    said = {} if kind == HTTP_JOBS.kind else {"jobKind": kind}
    return {
        "apiVersion": API_VERSION,
        "kind": JOB_RUNS.kind,
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": {LABEL_JOB: metadata["name"], LABEL_JOB_KIND: kind},
            "ownerReferences": [owner.reference()],
        },
        "spec": {**said, "jobName": metadata["name"], **spec},
    }


def loaded(spec: Document) -> Asked:
    """What a job's spec says of its runs. Raises InvalidSpec."""
    return load_http_job_spec(spec) if "http" in spec else of_fleet(load_job_spec(spec))


def payload_problem(job: Document, payload: str | None) -> str:
    """What is wrong with a payload for the job, in one line; empty: nothing. None: it has none."""
    size = len((payload or "").encode())
    if size > MAX_PAYLOAD:
        return (
            f"payload: has {size} bytes, and {MAX_PAYLOAD} are allowed; put it into a"
            " ConfigMap, and name that in spec.payloadFrom of a JobRun"
        )
    schema = at(job, "spec", "runs", "payloadSchema")
    return problems("{}" if payload is None else payload, schema)


def has_ended(run: Document) -> bool:
    return at(run, "status", "phase") in TERMINAL


def stands(run: Document, now: float) -> bool:
    """Whether a run keeps its key from others: it has not failed, and the key still lives."""
    phase = at(run, "status", "phase")
    asked = parse_time(at(run, "metadata", "creationTimestamp"))
    is_free = phase == "Canceled" or phase in ENDED_BADLY
    return not is_free and asked is not None and now < asked + KEY_LIVES
