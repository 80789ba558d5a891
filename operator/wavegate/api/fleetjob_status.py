"""What the operator reports about a FleetJob.

The source of the CRD's status; on the hot path statuses are plain dicts of this shape.
"""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from wavegate.api.base import (
    Fact,
    Int32,
    Int64,
    Message,
    Model,
    NodeName,
    ObjectName,
    Reason,
    Timestamp,
    Uid,
    WorkloadHash,
    listing,
)
from wavegate.api.run_status import DependencyStatus, RunCounts, ScheduleStatus
from wavegate.api.status import Revisioned

StateType = Literal[
    "Pending",
    "Queued",
    "Deploying",
    "Running",
    "RolloutPaused",
    "RolloutFailed",
    "Degraded",
    "Completed",
    "Failed",
    "Stopped",
]
DeploymentType = Literal["Create", "Update", "Restart", "Rollback", "Stop"]
DeploymentEnd = Literal["Completed", "Failed", "Canceled"]


class JobState(Model):
    """The job's state in one word, with the reason."""

    state_type: StateType | None = Field(
        default=None,
        description="Pending, Queued, Deploying, Running, RolloutPaused, RolloutFailed, Degraded,"
        " Completed, Failed or Stopped.",
    )
    message: Message | None = Field(default=None, description="Why, for people.")
    details: dict[str, Fact] = Field(
        default_factory=dict,
        max_length=32,
        description="Facts for programs: reason; and how many nodes the selector matches that"
        " cannot be used although they are Ready: cordoned, underPressure, tainted.",
    )


class NodeCounts(Model):
    """Nodes of the job by state."""

    desired: Int32 | None = Field(default=None, description="Targets: nodes that should run it.")
    updated: Int32 | None = Field(
        default=None, description="Nodes that are up to date with the wanted version."
    )
    stable: Int32 | None = Field(
        default=None, description="Nodes whose execution passed its validation."
    )
    failed: Int32 | None = Field(default=None, description="Nodes whose execution failed.")
    lost: Int32 | None = Field(
        default=None, description="Nodes that have been NotReady too long to be waited for."
    )
    not_ready: Int32 | None = Field(
        default=None,
        description="Nodes that the wanted version's selector matches and that are NotReady.",
    )


class VersionNodes(Model):
    """How many nodes run one version."""

    version: Int32 = Field(description="Number of the version.")
    nodes: Int32 = Field(description="Nodes that run it.")


class RolloutProgress(Model):
    """How far the newest rollout has come."""

    type: DeploymentType | None = Field(
        default=None,
        description="What the rollout does: Create, Update, Restart, Rollback or Stop.",
    )
    started_at: Timestamp | None = Field(default=None, description="When it began.")
    completed_at: Timestamp | None = Field(default=None, description="When it ended.")
    total_nodes: Int32 | None = Field(
        default=None, description="Targets when it began; joiners are in addedNodes."
    )
    updated_nodes: Int32 | None = Field(default=None, description="Nodes that succeeded.")
    failed_nodes: Int32 | None = Field(default=None, description="Nodes that failed.")
    added_nodes: Int32 | None = Field(
        default=None, description="Targets that joined since it began."
    )
    current_wave: Int32 | None = Field(default=None, description="Wave in progress, from 1.")
    total_waves: Int32 | None = Field(default=None, description="Waves that it takes.")
    canary_nodes: list[NodeName] = Field(
        default_factory=list,
        max_length=20,
        description="The chosen canaries, at most 20 names.",
        json_schema_extra=listing("atomic"),
    )
    canary_promoted: bool | None = Field(
        default=None, description="Whether the canary gate was passed."
    )
    rollback_to_version: Int32 | None = Field(
        default=None,
        description="The stable version to go back to; 0: none; in a rollback, the version being"
        " left.",
    )


class LastAccepted(Model):
    """The deployment that was accepted last, of which the job remembers what it said."""

    name: ObjectName = Field(description="Name of the FleetDeployment.")
    uid: Uid = Field(description="UID of the FleetDeployment.")
    by_user: bool = Field(description="Whether a user made it, not the operator.")
    type: DeploymentType = Field(
        description="What it does: Create, Update, Restart, Rollback or Stop."
    )
    from_version: Int32 | None = Field(default=None, description="The version that it leaves.")
    to_version: Int32 | None = Field(
        default=None, description="The version that it rolls out; absent for a Stop."
    )
    workload_hash: WorkloadHash | None = Field(
        default=None, description="Hash of what it rolls out."
    )
    sequence: Int64 = Field(description="Its place in the order of the job's deployments.")
    created_at: Timestamp = Field(
        description="When it was made; versions since then may end what it holds."
    )
    accepted_at: Timestamp = Field(description="Since when it counts.")
    state: DeploymentEnd | None = Field(
        default=None,
        description="How it ended: Completed, Failed or Canceled; absent while it is open.",
    )
    reason: Reason | None = Field(
        default=None, description="Why it ended so, in one CamelCase word."
    )
    message: Message | None = Field(default=None, description="Why it ended so, for people.")


MAX_NODE_FAILURES: Final = 20


class NodeFailure(Model):
    """A node on which the wanted version failed."""

    node: NodeName = Field(description="Name of the node.")
    execution: ObjectName = Field(description="The execution that failed; it has the evidence.")
    reason: Reason | None = Field(default=None, description="Why, in one CamelCase word.")
    message: Message | None = Field(default=None, description="Why, for people.")
    exit_code: int | None = Field(
        default=None,
        ge=-(2**31),
        le=2**31 - 1,
        description="Exit code of the container main, if it ended.",
        json_schema_extra={"format": "int32"},
    )


class Results(Model):
    """How the wanted version ended on the nodes that are there."""

    succeeded: Int32 = Field(description="Nodes on which it ended well.")
    failed: Int32 = Field(description="Nodes on which it failed.")
    failures: list[NodeFailure] = Field(
        default_factory=list,
        max_length=MAX_NODE_FAILURES,
        description="The first 20 nodes on which it failed.",
        json_schema_extra=listing("atomic"),
    )


class FleetJobStatus(Revisioned):
    """What the operator reports about the job."""

    version: Int32 | None = Field(
        default=None, description="The newest version, from 1: counts the changes of the spec."
    )
    stable_version: Int32 | None = Field(
        default=None, description="The version whose rollout completed last."
    )
    failed_version: Int32 | None = Field(
        default=None, description="The newest version whose rollout failed."
    )
    state: JobState | None = Field(
        default=None, description="The job's state in one word, with the reason."
    )
    nodes: NodeCounts | None = Field(default=None, description="Nodes of the job by state.")
    versions: list[VersionNodes] = Field(
        default_factory=list,
        max_length=10,
        description="How many nodes run which version, at most 10 versions.",
        json_schema_extra=listing("map", "version"),
    )
    rollout: RolloutProgress | None = Field(
        default=None, description="How far the newest rollout has come."
    )
    last_accepted: LastAccepted | None = Field(
        default=None,
        description="The deployment that was accepted last. What it said, such as to go back or to"
        " stop, holds until another is accepted, also when its object is deleted.",
    )
    runs: RunCounts | None = Field(
        default=None,
        description="Of a job that is executed when asked: runs that have not ended, by phase.",
    )
    schedule: ScheduleStatus | None = Field(
        default=None, description="How far spec.trigger.schedule has come."
    )
    dependencies: list[DependencyStatus] = Field(
        default_factory=list,
        max_length=10,
        description="Of dependencies with mode Trigger, up to which end all is decided.",
        json_schema_extra=listing("map", "jobName"),
    )
    rate_clock: Timestamp | None = Field(
        default=None,
        description="Where the clock of spec.runs.limits.rate stands: runs start until it is a"
        " window ahead.",
    )
    results: Results | None = Field(
        default=None,
        description="How the wanted version ended on the nodes that are there, for types that run"
        " to completion; each node's result is in its Execution. What a rollout came to stays in"
        " its FleetDeployment, whatever becomes of the nodes.",
    )
