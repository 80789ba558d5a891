"""What the operator reports about an HTTPJob."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from wavegate.api.base import Int32, Int64, Message, Model, Reason, Timestamp, listing
from wavegate.api.run_status import DependencyStatus, RunCounts, ScheduleStatus
from wavegate.api.status import ObservedStatus
from wavegate.api.webhooks import WebhookStatus

HTTPJobState = Literal["Active", "Suspended", "Invalid"]

MAX_COUNTED: Final = 32
COUNTED_RUN: Final = r"^([0-9]{1,17})-[0-9a-f]{8}$"
MAX_LINE: Final = 100
TALLY: Final = r"^[0-9]*(,[0-9]*){5} [0-9]+ -?[0-9]( [0-9]+:[0-9]*(,[0-9]*)*)?$"

CountedRun = Annotated[str, StringConstraints(max_length=26, pattern=COUNTED_RUN)]
"""When a run ended, in microseconds, and 32 bits of its uid's hash."""

TallyLine = Annotated[str, StringConstraints(max_length=MAX_LINE, pattern=TALLY)]
"""Counts, and the histogram of durations, as `wavegate.runs.tallies` has them."""


class WindowHealth(Model):
    """How the runs of a window have ended. Rates and errors are from 0 to 1."""

    begins: Timestamp = Field(
        alias="from",
        description="When the window begins: a UTC day, seven days back or a bit more.",
    )
    total: Int64 = Field(description="Runs that ended in it.")
    completed: Int64 = Field(description="Of these, Completed.")
    failed: Int64 = Field(description="Failed, SystemFailed or DeadLetter.")
    timed_out: Int64 = Field(description="TimedOut.")
    crashed: Int64 = Field(description="Crashed.")
    canceled: Int64 = Field(description="Canceled.")
    expired: Int64 = Field(description="Expired.")
    success_rate: float | None = Field(
        default=None, ge=0, le=1, description="What completed, of all but the canceled."
    )
    average_ms: Int64 | None = Field(
        default=None,
        description="Average duration of the completed, from when the last attempt began, in"
        " milliseconds.",
    )
    p95_ms: Int64 | None = Field(
        default=None, description="What 95% of these durations were within, in milliseconds."
    )
    p95_error: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="How far p95Ms may be off, as a share of the true one.",
    )
    stability: float = Field(ge=0, le=30, description="How evenly they ran, from 0 to 30.")
    score: float | None = Field(
        default=None,
        ge=0,
        le=100,
        description="0.7 times the success rate in percent, and stability. Without a run that was"
        " not canceled there is none.",
    )


class JobHealth(Model):
    """How the job's runs have ended. Of a job that has been idle since it is as old as asOf."""

    since: Timestamp | None = Field(default=None, description="Runs that ended since then count.")
    as_of: Timestamp | None = Field(
        default=None, description="When a run was counted last; last7Days is as of then."
    )
    last7_days: WindowHealth | None = Field(
        default=None, description="The last seven days, as of asOf."
    )
    hours: dict[str, TallyLine] = Field(
        default_factory=dict,
        max_length=26,
        description="Runs of the last day by the UTC hour in which they ended, for wavegate health:"
        " completed,failed,timedOut,crashed,canceled,expired, then of the durations of the"
        " completed the sum in milliseconds and a histogram. What is 0 is left empty.",
    )
    days: dict[str, TallyLine] = Field(
        default_factory=dict, max_length=31, description="Those before, by UTC day, for 30 days."
    )
    counted_up_to: Timestamp | None = Field(
        default=None, description="Whatever ended up to then counts."
    )
    counted: list[CountedRun] = Field(
        default_factory=list,
        max_length=MAX_COUNTED,
        description="Of what ended later, the runs that count.",
        json_schema_extra=listing("set"),
    )


class HTTPJobStatus(ObservedStatus):
    """What the operator reports about the job."""

    state: HTTPJobState | None = Field(default=None, description="Active, Suspended or Invalid.")
    reason: Reason | None = Field(default=None, description="Why, in one CamelCase word.")
    message: Message | None = Field(default=None, description="Why, for people.")
    version: Int32 | None = Field(
        default=None, description="The newest version, from 1: counts the changes of the spec."
    )
    runs: RunCounts | None = Field(default=None, description="Runs that have not ended, by phase.")
    schedule: ScheduleStatus | None = Field(
        default=None, description="How far the schedule has come."
    )
    dependencies: list[DependencyStatus] = Field(
        default_factory=list,
        max_length=10,
        description="Of dependencies with mode Trigger, up to which end all is decided.",
        json_schema_extra=listing("map", "jobName"),
    )
    health: JobHealth | None = Field(default=None, description="How its runs have ended.")
    rate_clock: Timestamp | None = Field(
        default=None,
        description="Where the clock of spec.runs.limits.rate stands: calls are granted until it is"
        " a window ahead.",
    )
    webhook: WebhookStatus | None = Field(
        default=None, description="That the webhook is told of nothing, and why."
    )
    updated_at: Timestamp | None = Field(default=None, description="When the status last changed.")
