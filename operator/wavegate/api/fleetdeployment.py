"""FleetDeployment: one rollout. Its verbs (paused, promoted, canceled) are all that may change."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import ConfigDict, Field

from wavegate.api.base import (
    Int32,
    Int64,
    JobName,
    Message,
    Model,
    NodeName,
    ObjectName,
    Reason,
    Timestamp,
    Uid,
    WorkloadHash,
    cel,
    listing,
    rules,
)
from wavegate.api.fleetjob import JobType
from wavegate.api.fleetjob_status import DeploymentType
from wavegate.api.rollout import RolloutSettings
from wavegate.api.status import Revisioned

DeploymentState = Literal["Pending", "InProgress", "Paused", "Completed", "Failed", "Canceled"]

MAX_CANARY_NAMES: Final = 20
MAX_FAILURES: Final = 20
MAX_WITHDRAWALS: Final = 16


def _fixed(field: str, *, optional: bool) -> dict[str, str]:
    rule = f"self.{field} == oldSelf.{field}"
    if optional:
        rule = f"has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || {rule})"
    return cel(
        rule,
        f"spec.{field}: cannot be changed; only paused, promoted and canceled can",
        field_path=f".{field}",
        reason="FieldValueForbidden",
    )


def _without_defaults(schema: dict[str, Any]) -> None:
    for field in schema["properties"].values():
        field.pop("default", None)
    schema["x-kubernetes-validations"] = [
        cel(
            "!has(self.healthCheck) || has(self.healthCheck.deadline)",
            "spec.rollout.healthCheck.deadline: is required when healthCheck is given: say how"
            " long a node may take to become healthy, such as 5m",
            reason="FieldValueRequired",
        )
    ]


class RolloutOverride(RolloutSettings):
    """Settings in which one rollout differs from its version.

    Without defaults in the schema: a rollback that sets only maxParallel must not become
    Immediate by a default. ``model_fields_set`` has what was given.
    """

    model_config = ConfigDict(json_schema_extra=_without_defaults)


class FleetDeploymentSpec(Model):
    """Which version of which job, and the verbs that act on the rollout."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            _fixed("jobName", optional=False),
            _fixed("type", optional=False),
            _fixed("fromVersion", optional=True),
            _fixed("toVersion", optional=True),
            _fixed("rollout", optional=True),
            cel(
                "!oldSelf.promoted || self.promoted",
                "spec.promoted: cannot be taken back",
                field_path=".promoted",
                reason="FieldValueForbidden",
            ),
            cel(
                "!oldSelf.canceled || self.canceled",
                "spec.canceled: cannot be taken back",
                field_path=".canceled",
                reason="FieldValueForbidden",
            ),
            *(
                cel(
                    f"self.type != 'Stop' || !{given}",
                    f"spec.{field}: a Stop takes none; it ends every execution at once",
                    field_path=f".{field}",
                    reason="FieldValueForbidden",
                )
                for field, given in (
                    ("toVersion", "has(self.toVersion)"),
                    ("rollout", "has(self.rollout)"),
                    ("paused", "self.paused"),
                    ("promoted", "self.promoted"),
                )
            ),
            cel(
                "self.type != 'Rollback' || has(self.toVersion)",
                "spec.toVersion: is required for type Rollback: the version to go back to",
                field_path=".toVersion",
                reason="FieldValueRequired",
            ),
        )
    )

    job_name: JobName = Field(description="Name of the FleetJob, in the same namespace.")
    type: DeploymentType = Field(
        description="What the rollout does. Yours to make: Restart (the stable version anew, or"
        " another try of toVersion), Rollback (back to toVersion) and Stop (every execution ends)."
        " Made by the operator: Create (the first version), Update (a new version) and Rollback"
        " (of a rollout that failed). What a Rollback or a Stop says holds also when it is deleted"
        " once it has ended; another takes it back."
    )
    from_version: Int32 | None = Field(
        default=None, description="The version that is left; the operator knows it where not given."
    )
    to_version: int | None = Field(
        default=None,
        ge=1,
        le=2**31 - 1,
        description="The version that is rolled out. Required for type Rollback: one whose rollout"
        " has completed before. For a Restart any version, also one that failed; without it the"
        " stable one. Not for a Stop.",
        json_schema_extra={"format": "int32"},
    )
    rollout: RolloutOverride | None = Field(
        default=None,
        description="Settings in which this rollout differs from its version; what is not given"
        " is as in the version. healthCheck is replaced as a whole.",
    )
    paused: bool = Field(
        default=False,
        description="While true, no further node is taken; what runs goes on and is judged.",
    )
    promoted: bool = Field(
        default=False,
        description="Consent to pass the canary gate once all canaries are stable; given before,"
        " it is consent in advance. Cannot be taken back.",
    )
    canceled: bool = Field(
        default=False,
        description="Ends the rollout where it is: no further node, no rollback. Cannot be taken"
        " back.",
    )


class Resolved(Model):
    """What the deployment means, defaults and all."""

    from_version: Int32 | None = Field(default=None, description="The version that is left.")
    to_version: Int32 | None = Field(default=None, description="The version that is rolled out.")
    rollout: RolloutSettings | None = Field(
        default=None, description="Settings of this rollout with every default filled in."
    )


class Window(Model):
    """The numbers of an evaluation window."""

    errors: float | None = Field(default=None, ge=0, description="Errors within the window.")
    total: float | None = Field(
        default=None, ge=0, description="Everything handled within the window."
    )
    rate: float | None = Field(default=None, ge=0, description="Errors divided by total.")
    limit: float | None = Field(
        default=None, ge=0, description="The highest rate that was allowed."
    )


class Failure(Model):
    """One failure with its evidence."""

    node: NodeName = Field(description="Name of the node.")
    node_uid: Uid | None = Field(default=None, description="UID of the node.")
    execution: ObjectName | None = Field(default=None, description="The execution that failed.")
    reason: Reason | None = Field(default=None, description="Why, in one CamelCase word.")
    message: Message | None = Field(default=None, description="Why, for people.")
    exit_code: int | None = Field(
        default=None,
        ge=-(2**31),
        le=2**31 - 1,
        description="Exit code of the main process, if it ended.",
        json_schema_extra={"format": "int32"},
    )
    last_log_line: Message | None = Field(
        default=None, description="Last line that it logged, where known."
    )
    at: Timestamp | None = Field(default=None, description="When it failed.")
    window: Window | None = Field(
        default=None, description="The numbers of the window that was decisive."
    )


class WithdrawnNodes(Model):
    """How many nodes were withdrawn from their wave for one reason."""

    reason: Reason = Field(
        description="Why: Disrupted, Terminated, NodeShutdown, PodDeleted, StopOverdue, Cordoned,"
        " NoLongerMatches, NodeGone or NotATarget."
    )
    nodes: Int32 = Field(description="Nodes that were withdrawn for it.")


class FleetDeploymentStatus(Revisioned):
    """What the operator reports about the rollout."""

    state: DeploymentState | None = Field(
        default=None,
        description="Pending, InProgress, Paused, Completed, Failed or Canceled.",
    )
    reason: Reason | None = Field(default=None, description="Why, in one CamelCase word.")
    message: Message | None = Field(
        default=None,
        description="Why, for people: what it waits for, the evidence, who can unblock it.",
    )
    current_wave: Int32 | None = Field(default=None, description="Wave in progress, from 1.")
    total_waves: Int32 | None = Field(default=None, description="Waves that it takes.")
    total_nodes: Int32 | None = Field(
        default=None, description="Targets when it began; joiners are in addedNodes."
    )
    updated_nodes: Int32 | None = Field(default=None, description="Nodes that succeeded.")
    failed_nodes: Int32 | None = Field(default=None, description="Nodes that failed.")
    added_nodes: Int32 | None = Field(
        default=None, description="Targets that joined since it began."
    )
    wave_size: Int32 | None = Field(
        default=None, description="Nodes in a wave, pinned when it began."
    )
    canary_nodes: list[NodeName] = Field(
        default_factory=list,
        max_length=MAX_CANARY_NAMES,
        description="The chosen canaries, at most 20 names.",
        json_schema_extra=listing("atomic"),
    )
    canary_promoted: bool | None = Field(
        default=None, description="Whether the canary gate was passed."
    )
    started_at: Timestamp | None = Field(
        default=None, description="When the first pass that had a target began."
    )
    completed_at: Timestamp | None = Field(default=None, description="When it ended.")
    accepted_at: Timestamp | None = Field(
        default=None, description="When the operator accepted it; absent where it was refused."
    )
    sequence: Int64 | None = Field(
        default=None, description="Its place in the order of the job's deployments."
    )
    job_uid: Uid | None = Field(
        default=None,
        description="UID of the FleetJob when it was accepted; for another job of the same name"
        " it does nothing.",
    )
    job_type: JobType | None = Field(default=None, description="Type of the FleetJob.")
    workload_hash: WorkloadHash | None = Field(
        default=None, description="Hash of what it rolls out."
    )
    resolved: Resolved | None = Field(
        default=None, description="What it resolved to: versions and settings."
    )
    health_check_deadline: Timestamp | None = Field(
        default=None,
        description="When the executions being judged must be healthy at the latest.",
    )
    healthy_deadline: Timestamp | None = Field(
        default=None, description="The same for the whole wave in progress."
    )
    last_progress_time: Timestamp | None = Field(
        default=None, description="When a node last became stable."
    )
    waiting_since: Timestamp | None = Field(
        default=None,
        description="Since when it has been waiting for a person, paused or to be promoted; absent"
        " while it is not.",
    )
    waited_seconds: Int64 | None = Field(
        default=None,
        description="For how long it has waited for a person since it began, what is going on left"
        " out.",
    )
    withdrawn: list[WithdrawnNodes] = Field(
        default_factory=list,
        max_length=MAX_WITHDRAWALS,
        description="Nodes whose execution left its wave for a reason that is not the version's,"
        " by the reason: not counted as failed, and replaced in the wave.",
        json_schema_extra=listing("map", "reason"),
    )
    failures: list[Failure] = Field(
        default_factory=list,
        max_length=MAX_FAILURES,
        description="The first 20 failures with their evidence.",
        json_schema_extra=listing("atomic"),
    )
