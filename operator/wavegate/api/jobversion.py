"""JobVersion: an immutable snapshot of a job's spec, named ``JOB-vN``."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from wavegate.api.base import AnyObject, Model, Timestamp, Uid, WorkloadHash, cel, rules
from wavegate.api.status import ObservedStatus

Image = Annotated[str, StringConstraints(max_length=1024)]


class Driver(Model):
    """What the operator added to the version when it was made."""

    image: Image | None = Field(
        default=None,
        description="The driver's image as pinned for this version; a new default image is used"
        " by the next version only.",
    )
    revision: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        default=None, description="Revision of the driver that rendered this version."
    )


class JobVersionSpec(Model):
    """A job's spec as it was when it became this version; cannot be changed."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "self == oldSelf",
                "spec: cannot be changed; a version is a snapshot",
                reason="FieldValueForbidden",
            )
        )
    )

    job_id: Uid = Field(description="UID of the FleetJob.")
    version: int = Field(
        ge=1,
        le=2**31 - 1,
        description="Number of the version, from 1.",
        json_schema_extra={"format": "int32"},
    )
    job_spec: AnyObject = Field(description="The whole spec of the FleetJob as it was.")
    workload_hash: WorkloadHash = Field(
        description="Hash of what reaches a node; equal hashes restart nothing."
    )
    driver: Driver | None = Field(
        default=None, description="The driver's image and revision, pinned for this version."
    )


class JobVersionStatus(ObservedStatus):
    """What the operator reports about the version."""

    job: AnyObject | None = Field(
        default=None, description="The FleetJob's status when the version was made."
    )
    stable: bool | None = Field(
        default=None, description="True since a rollout of this version completed."
    )
    stable_at: Timestamp | None = Field(
        default=None, description="When a rollout of this version last completed."
    )
