"""What a run's status says of its last attempt."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from wavegate.api.base import Int32, Int64, Message, Model, Timestamp
from wavegate.api.durations import DURATION_MAX_LENGTH

CallbackOutcome = Literal["Completed", "Failed"]


class Trace(Model):
    """Where the time went, in milliseconds."""

    queue_wait_ms: Int64 | None = Field(
        default=None, description="From when it could start until it did."
    )
    connect_ms: Int64 | None = Field(default=None, description="Until the connection was there.")
    ttfb_ms: Int64 | None = Field(
        default=None, description="From the request to the first byte of the answer."
    )
    transfer_ms: Int64 | None = Field(default=None, description="From there to the last byte.")
    dispatch_ms: Int64 | None = Field(
        default=None, description="From the decision to call until the call began."
    )
    total_ms: Int64 | None = Field(
        default=None, description="From when it could start until it had ended."
    )


class Callback(Model):
    """The call back of an Async job's attempt, the last one."""

    token_hash: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        default=None,
        description="By which the token that the call carried is known again: SHA-256, in hex, of"
        " uid/attempt/token.",
    )
    heartbeat_timeout: Annotated[str, StringConstraints(max_length=DURATION_MAX_LENGTH)] | None = (
        Field(
            default=None,
            description="For how long the endpoint may be silent; then the attempt is Crashed.",
        )
    )
    deadline: Timestamp | None = Field(
        default=None, description="When the attempt is TimedOut, whatever the heartbeats say."
    )
    accepted_time: Timestamp | None = Field(
        default=None, description="When the call was answered 202; from then on it is waited for."
    )
    heartbeat_time: Timestamp | None = Field(
        default=None,
        description="A heartbeat that came; of those within a third of heartbeatTimeout, and within"
        " 10s, only the first is put on record.",
    )
    outcome: CallbackOutcome | None = Field(
        default=None, description="What the endpoint called back: Completed or Failed."
    )


class Debug(Model):
    """The last call, for who looks for a fault; values of secrets are masked."""

    request_headers: dict[str, Message] = Field(
        default_factory=dict, max_length=64, description="Headers of the request."
    )
    request_body: Annotated[str, StringConstraints(max_length=4096)] | None = Field(
        default=None, description="The first 4 KiB of its body."
    )
    response_headers: dict[str, Message] = Field(
        default_factory=dict, max_length=64, description="Headers of the answer."
    )
    response_body: Annotated[str, StringConstraints(max_length=4096)] | None = Field(
        default=None, description="The first 4 KiB of its body."
    )


class RunNodes(Model):
    """Nodes of a run's last attempt."""

    total: Int32 = Field(description="Nodes that were to be asked.")
    asked: Int32 = Field(description="Nodes on which it was begun.")
    succeeded: Int32 = Field(description="Nodes on which it ended well.")
    failed: Int32 = Field(description="Nodes on which it failed.")
