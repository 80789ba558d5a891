"""Names that are part of the API: group, labels, and the deterministic names of children.

A child's name follows from what it is, so that a second attempt to create it is refused by the
API server itself instead of making a second child.
"""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from typing import Final

GROUP: Final = "wavegate.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
CATEGORY: Final = "wavegate"
RESERVED_PREFIX: Final = f"{GROUP}/"

LABEL_JOB: Final = f"{GROUP}/job"
LABEL_VERSION: Final = f"{GROUP}/version"
LABEL_DEPLOYMENT: Final = f"{GROUP}/deployment"
LABEL_PULL: Final = f"{GROUP}/pull"
"""In place of the job label on a pod that only pulls images for the job: it occupies no node."""

LABEL_RUN: Final = f"{GROUP}/run"
"""On a FleetJob that a run of another one has made: the run."""

LABEL_JOB_KIND: Final = f"{GROUP}/job-kind"
"""On versions and runs: the kind of their job. What has none is a FleetJob's."""

LABEL_BATCH: Final = f"{GROUP}/batch"
"""On a run that a RunBatch has made: name of the batch."""

ANNOTATION_ITEM: Final = f"{GROUP}/batch-item"
"""On the same: the batch and which item of it, as ``UID KEY``."""
ANNOTATION_TICK: Final = f"{GROUP}/tick"
"""On a run that a schedule has made: for which tick."""
ANNOTATION_AFTER: Final = f"{GROUP}/after"
"""On a run that dependencies have asked for: the ends it is for, as ``JOB=TIME JOB=TIME``."""

ANNOTATION_ATTEMPT: Final = f"{GROUP}/attempt"
"""On a FleetJob that a run has made: for which of its attempts."""

ANNOTATION_RESUME: Final = f"{GROUP}/resume-webhook"
"""On an HTTPJob: whatever it says, a webhook that is paused is called again once it changes."""

ANNOTATION_CORDONED_BY: Final = f"{GROUP}/cordoned-by"
"""On a node that the operator has cordoned: for which execution of which job."""

MAX_JOB_NAME: Final = 40
"""Longest name of a FleetJob, so that every name derived from it is a DNS label."""

CONFIG_MOUNT_PATH: Final = "/etc/wavegate"
"""Directory in the pod where the version's rendered document is mounted."""

MAIN_CONTAINER: Final = "main"
"""Name of the driver's container in every pod."""

ROLLBACK_SUFFIX: Final = "-rollback"

MAX_DEPLOYMENT_NAME: Final = 63
"""Longest name of a FleetDeployment: executions carry it as a label."""

_KIND_MEANT: Final = "HTTPJob"

_NODE_HASH_DIGITS: Final = 10


def version_name(job: str, version: int) -> str:
    """Name of the JobVersion, and of its ConfigMap: ``JOB-vN``."""
    return f"{job}-v{version}"


def deployment_name(job: str, version: int) -> str:
    """Name of the FleetDeployment that the operator makes for a new version: ``JOB-vN``."""
    return version_name(job, version)


def rollback_name(deployment: str) -> str:
    """Name of the automatic rollback of a FleetDeployment: ``DEPLOYMENT-rollback``.

    A user's deployment may have a name that leaves no room: then a digest stands for its end.
    """
    name = f"{deployment}{ROLLBACK_SUFFIX}"
    if len(name) <= MAX_DEPLOYMENT_NAME:
        return name
    digest = node_hash(deployment)
    kept = MAX_DEPLOYMENT_NAME - len(digest) - len(ROLLBACK_SUFFIX) - 1
    return f"{deployment[:kept].rstrip('-')}-{digest}{ROLLBACK_SUFFIX}"


@lru_cache(maxsize=1 << 15)
def node_hash(name: str) -> str:
    """Ten lower-case base-32 digits of SHA-256 of a node's (or another) name."""
    digest = hashlib.sha256(name.encode()).digest()
    return base64.b32encode(digest).decode().lower()[:_NODE_HASH_DIGITS]


def pod_name(job: str, node: str) -> str:
    """Name of a job's pod on a node: one per job and node, so a second is refused."""
    return f"{job}-{node_hash(node)}"


def pull_name(job: str, node: str, version: int) -> str:
    """Name of the pod that pulls a version's images to a node before its turn."""
    return f"{pod_name(job, node)}-pull-v{version}"


def execution_name(job: str, node: str, attempt: int) -> str:
    """Name of the Execution that is the ``attempt``-th claim of a job on a node (from 1)."""
    return f"{pod_name(job, node)}-{attempt}"


def job_ref(kind: str, name: str) -> str:
    """How a job is named among runs: ``NAME`` of an HTTPJob, ``FleetJob/NAME`` of a FleetJob.

    As in a JobRun, an HTTPJob is meant where no kind is said. No job's name has a slash; what is
    asked for may have one, and then names no job of either kind.
    """
    return name if kind == _KIND_MEANT and "/" not in name else f"{kind}/{name}"


def split_ref(ref: str) -> tuple[str, str]:
    """Kind and name of a job that is named so."""
    kind, slash, name = ref.rpartition("/")
    return (kind, name) if slash else (_KIND_MEANT, name)


def told_ref(ref: str) -> str:
    """A job that is named so, in words: ``HTTPJob NAME``."""
    return " ".join(split_ref(ref))


def retry_name(run: str, attempt: int) -> str:
    """Name of the FleetDeployment that is a run's further attempt: ``RUN-retry-N``."""
    return f"{run}-retry-{attempt}"


def run_version_name(job: str, version: int) -> str:
    """Name of an HTTPJob's JobVersion: ``JOB-hN``, unlike that of any FleetJob's."""
    return f"{job}-h{version}"
