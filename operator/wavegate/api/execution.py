"""Execution: one version of a job on one node, and the claim on that node."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints

from wavegate.api.base import (
    Fact,
    Int32,
    JobName,
    LabelName,
    Message,
    Model,
    NodeName,
    ObjectName,
    Timestamp,
    Uid,
    WorkloadHash,
    cel,
    rules,
)
from wavegate.api.fleetjob import JobType
from wavegate.api.status import Revisioned

DesiredStateType = Literal["Pending", "Running", "Stopped"]
ObservedStateType = Literal[
    "Pending",
    "Starting",
    "Validating",
    "Running",
    "Degraded",
    "Completed",
    "Failed",
    "Lost",
    "Stopping",
    "Stopped",
]


class ExecutionSpec(Model):
    """Which version on which node, and what it belongs to; cannot be changed."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "self == oldSelf",
                "spec: cannot be changed; the next try is another execution",
                reason="FieldValueForbidden",
            )
        )
    )

    job_id: Uid = Field(description="UID of the FleetJob.")
    job_name: JobName = Field(description="Name of the FleetJob.")
    job_type: JobType = Field(description="Type of the FleetJob.")
    job_version: int = Field(
        ge=1,
        le=2**31 - 1,
        description="Number of the version; the JobVersion of that number has its spec.",
        json_schema_extra={"format": "int32"},
    )
    node_name: NodeName = Field(description="Name of the node.")
    node_uid: Uid = Field(
        description="UID of the node; a node of the same name with another UID is another node."
    )
    eval_id: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        default=None,
        description="The planning pass that made it; its log lines and events carry the same id.",
    )
    run_name: ObjectName | None = Field(
        default=None, description="The JobRun that it is a part of, if any."
    )
    rollout_wave: Int32 = Field(description="Wave of the rollout, from 1; 0: outside a rollout.")
    deployment_name: LabelName | None = Field(
        default=None, description="The FleetDeployment that made it."
    )
    attempt: int = Field(
        ge=1,
        le=2**31 - 1,
        description="Which try of the job on this node, from 1; the highest counts.",
        json_schema_extra={"format": "int32"},
    )
    workload_hash: WorkloadHash = Field(description="Hash of what it runs.")


class DesiredState(Model):
    """What the operator wants of the execution."""

    state_type: DesiredStateType | None = Field(
        default=None, description="Pending, Running or Stopped."
    )
    message: Message | None = Field(default=None, description="Why, for people.")
    details: dict[str, Fact] = Field(
        default_factory=dict, max_length=32, description="Facts for programs."
    )


class ObservedState(Model):
    """What the operator sees of the execution."""

    state_type: ObservedStateType | None = Field(
        default=None,
        description="Pending, Starting, Validating, Running, Degraded, Completed, Failed, Lost,"
        " Stopping or Stopped.",
    )
    message: Message | None = Field(default=None, description="Why, for people.")
    details: dict[str, Fact] = Field(
        default_factory=dict, max_length=32, description="Facts for programs."
    )


MAX_RESULT: Final = 1024
"""Most bytes of a termination message that are kept as a result."""


class Result(Model):
    """How the container main ended, for types that run to completion."""

    exit_code: int = Field(
        ge=-(2**31),
        le=2**31 - 1,
        description="Exit code of the container main.",
        json_schema_extra={"format": "int32"},
    )
    message: Annotated[str, StringConstraints(max_length=MAX_RESULT)] | None = Field(
        default=None,
        description="First 1 KiB of its termination message, without control characters but line"
        " ends and tabs.",
    )


class ExecutionStatus(Revisioned):
    """What the operator reports about the execution."""

    desired_state: DesiredState | None = Field(
        default=None,
        description="What the operator wants of it; absent before the first write, which means"
        " Running.",
    )
    observed_state: ObservedState | None = Field(
        default=None, description="What the operator sees of it."
    )
    details: dict[str, Fact] = Field(
        default_factory=dict,
        max_length=32,
        description="Structured facts about how it ended: reason, exitCode, component, hint,"
        " lastLogLine, deadline; errors, total, rate and limit of the window; windows: the last"
        " 8 before its verdict, oldest first, each good, bad or unreadable, with errors/total where"
        " they were read; withdrawn: why it left its wave without being counted.",
    )
    previous_execution: ObjectName | None = Field(
        default=None, description="The execution that it replaced on this node."
    )
    next_execution: ObjectName | None = Field(
        default=None, description="The execution that replaced it on this node."
    )
    stable_at: Timestamp | None = Field(
        default=None,
        description="When it passed its validation. A failure before it sends the node back, one"
        " after it does not.",
    )
    pod_uid: Uid | None = Field(default=None, description="UID of its pod.")
    result: Result | None = Field(
        default=None,
        description="How its container main ended, for types that run to completion.",
    )
