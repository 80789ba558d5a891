"""JobRun: one run that was asked for. The spec is the request, the status what became of it."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints

from wavegate.api.attempt import Callback, Debug, RunNodes, Trace
from wavegate.api.base import (
    Int32,
    Int64,
    JobName,
    Message,
    MetaValue,
    Model,
    ObjectName,
    Reason,
    Timestamp,
    between,
    cel,
    listing,
    rules,
)
from wavegate.api.calling import KeyRef, LastError
from wavegate.api.durations import Seconds
from wavegate.api.fleetjob_status import MAX_NODE_FAILURES, NodeFailure
from wavegate.api.httpjob import RetryStrategy
from wavegate.api.status import ObservedStatus
from wavegate.api.trigger import RunKind
from wavegate.api.webhooks import DeliveryStatus

Phase = Literal[
    "Delayed",
    "Queued",
    "Executing",
    "Waiting",
    "Completed",
    "Failed",
    "TimedOut",
    "Crashed",
    "SystemFailed",
    "Canceled",
    "Expired",
    "DeadLetter",
]
TriggeredBy = Literal["Manual", "Schedule", "Dependency", "Replay", "Batch", "API"]

UNENDED: Final[tuple[Phase, ...]] = ("Delayed", "Queued", "Executing", "Waiting")
"""Phases of runs that have not ended."""

ENDED: Final[tuple[Phase, ...]] = (
    *("Completed", "Failed", "TimedOut", "Crashed", "SystemFailed", "Canceled", "Expired"),
    "DeadLetter",
)

MAX_PAYLOAD: Final = 8 * 1024
MAX_RESULT: Final = 8 * 1024
MAX_RUN_NAME: Final = 40
MAX_LINEAGE: Final = 10

_FIXED: Final = (
    "payload",
    "payloadFrom",
    "idempotencyKey",
    "notBefore",
    "metadata",
    "concurrencyKey",
    "ttl",
    "overrides",
    "replayOf",
    "parentRun",
    "continuationOf",
)


_NO_CALL: Final = "a run of a FleetJob is no call"


def _fixed(field: str) -> dict[str, str]:
    return cel(
        f"has(self.{field}) == has(oldSelf.{field}) &&"
        f" (!has(self.{field}) || self.{field} == oldSelf.{field})",
        f"spec.{field}: cannot be changed; ask for another run",
        field_path=f".{field}",
        reason="FieldValueForbidden",
    )


class PayloadSource(Model):
    """Where a payload comes from."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "has(self.configMapKeyRef) != has(self.secretKeyRef)",
                "spec.payloadFrom: needs a configMapKeyRef or a secretKeyRef, and not both",
                reason="FieldValueRequired",
            )
        )
    )

    config_map_key_ref: KeyRef | None = Field(
        default=None, description="A key of a ConfigMap in the same namespace."
    )
    secret_key_ref: KeyRef | None = Field(
        default=None, description="A key of a Secret in the same namespace."
    )


class RetryOverride(Model):
    """How this run is tried again, where that differs from its job."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "!has(self.delays) || self.delays.size() == 0"
                " || !has(self.strategy) || self.strategy == 'Custom'",
                "spec.overrides.retry.delays: are for the strategy Custom only",
                field_path=".delays",
                reason="FieldValueForbidden",
            ),
            cel(
                "!has(self.initialDelay) || !has(self.maxDelay)"
                " || self.initialDelay <= self.maxDelay",
                "spec.overrides.retry.initialDelay: must not be above maxDelay",
                field_path=".initialDelay",
            ),
        )
    )

    max_attempts: int | None = Field(
        default=None,
        ge=1,
        le=100,
        description="Attempts in all.",
        json_schema_extra={"format": "int32"},
    )
    strategy: RetryStrategy | None = Field(
        default=None, description="Exponential, Linear, Fixed or Custom."
    )
    initial_delay: Seconds | None = Field(
        default=None,
        description="Delay before the second attempt.",
        json_schema_extra=between("spec.overrides.retry.initialDelay", "0s", "24h"),
    )
    max_delay: Seconds | None = Field(
        default=None,
        description="Longest delay.",
        json_schema_extra=between("spec.overrides.retry.maxDelay", "0s", "24h"),
    )
    jitter_percent: int | None = Field(
        default=None,
        ge=0,
        le=100,
        description="By how much a delay is made shorter or longer at random, in percent of it.",
        json_schema_extra={"format": "int32"},
    )
    delays: list[Seconds] = Field(
        default_factory=list,
        max_length=100,
        description="The delays of strategy Custom, in order; the last one repeats.",
        json_schema_extra=listing("atomic"),
    )


class Overrides(Model):
    """What of the job this run does otherwise."""

    timeout: Seconds | None = Field(
        default=None,
        description="Longest that one call may take, from 100ms to 1h.",
        json_schema_extra=between("spec.overrides.timeout", "100ms", "1h"),
    )
    retry: RetryOverride | None = Field(
        default=None, description="How it is tried again; what is not given is as in the job."
    )


class JobRunSpec(Model):
    """The request; of it only canceled can be changed."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            *(
                cel(
                    f"self.{field} == oldSelf.{field}",
                    f"spec.{field}: cannot be changed; ask for another run",
                    field_path=f".{field}",
                    reason="FieldValueForbidden",
                )
                for field in ("jobKind", "jobName")
            ),
            cel(
                "self.jobKind != 'FleetJob' || !(has(self.payload) || has(self.payloadFrom))",
                f"spec.payload: {_NO_CALL}; change spec.config of the FleetJob",
                field_path=".payload",
                reason="FieldValueForbidden",
            ),
            cel(
                "self.jobKind != 'FleetJob' || !has(self.replayOf)",
                "spec.replayOf: a run of a FleetJob has no payload to repeat; leave it out, and"
                " another run asks all nodes again",
                field_path=".replayOf",
                reason="FieldValueForbidden",
            ),
            cel(
                "self.jobKind != 'FleetJob' || !(self.debug"
                " || (has(self.overrides) && has(self.overrides.timeout)))",
                f"spec: debug and overrides.timeout are about a call, and {_NO_CALL}; the times of"
                " a FleetJob are in its spec.timeouts",
                reason="FieldValueForbidden",
            ),
            cel(
                "self.priority == oldSelf.priority && self.debug == oldSelf.debug",
                "spec: priority and debug cannot be changed; ask for another run",
                reason="FieldValueForbidden",
            ),
            *(_fixed(field) for field in _FIXED),
            cel(
                "!oldSelf.canceled || self.canceled",
                "spec.canceled: cannot be taken back; ask for another run",
                field_path=".canceled",
                reason="FieldValueForbidden",
            ),
            cel(
                "!(has(self.payload) && has(self.payloadFrom))",
                "spec.payload: cannot be given beside payloadFrom",
                field_path=".payload",
                reason="FieldValueForbidden",
            ),
            cel(
                "!has(self.replayOf) || !(has(self.payload) || has(self.payloadFrom))",
                "spec.replayOf: a replay has the payload of the run that it repeats; give none",
                field_path=".replayOf",
                reason="FieldValueForbidden",
            ),
        )
    )

    job_kind: RunKind = Field(
        default="HTTPJob",
        description="Kind of the job: HTTPJob, which is called, or FleetJob, which is executed once"
        " over its nodes.",
    )
    job_name: JobName = Field(description="Name of the job, in the same namespace.")
    payload: Annotated[str, StringConstraints(max_length=MAX_PAYLOAD)] | None = Field(
        default=None,
        description="The body of the call, a JSON document as text; without, {}. At most 8 KiB.",
        json_schema_extra=rules(
            cel(
                f"bytes(self).size() <= {MAX_PAYLOAD}",
                "spec.payload: must be of at most 8 KiB, as UTF-8; put more into a ConfigMap and"
                " name it in spec.payloadFrom",
            )
        ),
    )
    payload_from: PayloadSource | None = Field(
        default=None, description="Where the body of the call comes from, instead of payload."
    )
    idempotency_key: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = Field(
        default=None,
        description="Of several runs of a job with the same key, asked for within 24 h, one is"
        " executed: another is Canceled, DuplicateKey, and names the first, unless that ended"
        " badly.",
    )
    priority: int = Field(
        default=0,
        ge=0,
        le=10,
        description="Higher starts first among the runs of the job, from 0 to 10; it rises by one"
        " for each hour of waiting.",
        json_schema_extra={"format": "int32"},
    )
    not_before: Timestamp | None = Field(
        default=None, description="Before this it does not start: it is Delayed."
    )
    metadata: dict[str, MetaValue] = Field(
        default_factory=dict,
        max_length=64,
        description="Free metadata, above the job's runs.defaultMetadata.",
    )
    concurrency_key: Annotated[str, StringConstraints(min_length=1, max_length=253)] | None = Field(
        default=None,
        description="Runs with the same key share maxConcurrencyPerKey, and keys take turns.",
    )
    ttl: Seconds | None = Field(
        default=None,
        description="For how long it may wait once it could start; then it is Expired. Without:"
        " as in the job.",
        json_schema_extra=between("spec.ttl", "1s", "8760h"),
    )
    overrides: Overrides | None = Field(
        default=None, description="What of the job this run does otherwise."
    )
    debug: bool = Field(
        default=False,
        description="Keeps the headers and the first 4 KiB of the bodies of its last call, secrets"
        " masked, in status.debug.",
    )
    canceled: bool = Field(
        default=False,
        description="Ends the run: one that waits at once, one that executes is no longer waited"
        " for. Cannot be taken back, nor set once it has ended.",
    )
    replay_of: ObjectName | None = Field(
        default=None,
        description="A run of the same HTTPJob, ended or not, whose payload this one has.",
    )
    parent_run: ObjectName | None = Field(
        default=None,
        description="The run, of any job of the namespace, in whose work this one was asked for.",
    )
    continuation_of: ObjectName | None = Field(
        default=None,
        description="The run, of any job of the namespace, whose work this one goes on with.",
    )


class JobRunStatus(ObservedStatus):
    """What became of the run."""

    phase: Phase | None = Field(
        default=None,
        description="Delayed, Queued, Executing, Waiting, Completed, Failed (the endpoint said no),"
        " TimedOut, Crashed, SystemFailed, Canceled, Expired or DeadLetter (its attempts are used"
        " up).",
    )
    reason: Reason | None = Field(default=None, description="Why, in one CamelCase word.")
    message: Message | None = Field(default=None, description="Why, for people.")
    attempt: Int32 | None = Field(default=None, description="The attempt, from 1; 0: none yet.")
    version: Int32 | None = Field(default=None, description="The job's version that it executes.")
    next_retry_time: Timestamp | None = Field(
        default=None, description="Before this it is not tried again."
    )
    expiration_time: Timestamp | None = Field(
        default=None, description="When it expires if it has not started."
    )
    start_time: Timestamp | None = Field(default=None, description="When its last attempt began.")
    completion_time: Timestamp | None = Field(default=None, description="When it ended.")
    scheduled_time: Timestamp | None = Field(
        default=None, description="The tick of the schedule that it was made for."
    )
    result: Annotated[str, StringConstraints(max_length=MAX_RESULT)] | None = Field(
        default=None,
        description="Body of the answer, if it is text of at most 8 KiB. Of a run of a FleetJob a"
        " line NODE: RESULT for each node on which it ended well, by name, as far as they fit.",
    )
    result_size: Int64 | None = Field(
        default=None, description="Bytes of the answer, where it is not kept."
    )
    result_hash: Annotated[str, StringConstraints(max_length=80)] | None = Field(
        default=None, description="Its SHA-256, where it is not kept."
    )
    last_error: LastError | None = Field(default=None, description="How the last attempt failed.")
    triggered_by: TriggeredBy | None = Field(
        default=None,
        description="Schedule, Dependency, Batch, Replay, API (a program did, for the run that this"
        " one names as its parentRun or in continuationOf), or else Manual.",
    )
    lineage_depth: Int32 | None = Field(
        default=None,
        description=f"How many runs deep it lies beneath those that it names, {MAX_LINEAGE} at"
        " most; without, it names none.",
    )
    nodes: RunNodes | None = Field(
        default=None, description="Of a run of a FleetJob: nodes, and what became of them."
    )
    failures: list[NodeFailure] = Field(
        default_factory=list,
        max_length=MAX_NODE_FAILURES,
        description="The first 20 nodes on which it failed.",
        json_schema_extra=listing("atomic"),
    )
    duplicate_of: ObjectName | None = Field(
        default=None, description="The run in whose place it would have been."
    )
    metadata: dict[str, MetaValue] = Field(
        default_factory=dict,
        max_length=128,
        description="The run's metadata above the job's.",
    )
    holder: Annotated[str, StringConstraints(max_length=253)] | None = Field(
        default=None, description="The process that makes the call."
    )
    rate_clock: Timestamp | None = Field(
        default=None,
        description="Where the clock of the job's rate stood once this attempt was granted.",
    )
    pool_clocks: dict[str, Timestamp] = Field(
        default_factory=dict,
        max_length=8,
        description="The same of each RateLimitPool, by its name.",
    )
    callback: Callback | None = Field(
        default=None, description="The call back of its last attempt, for an Async job."
    )
    trace: Trace | None = Field(default=None, description="Where the time went.")
    debug: Debug | None = Field(default=None, description="The last call, where spec.debug is set.")
    webhook: DeliveryStatus | None = Field(
        default=None,
        description="What became of telling the job's webhook of this run's end, where it has one.",
    )
