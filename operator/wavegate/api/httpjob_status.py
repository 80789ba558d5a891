"""What the operator reports about an HTTPJob."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from wavegate.api.base import Int32, Int64, JobName, Message, Model, Reason, Timestamp, listing
from wavegate.api.status import ObservedStatus

HTTPJobState = Literal["Active", "Suspended", "Invalid"]


class RunCounts(Model):
    """Runs that have not ended, by phase."""

    delayed: Int32 = Field(description="Runs before their notBefore.")
    queued: Int32 = Field(description="Runs that may start, or are held.")
    waiting: Int32 = Field(description="Runs whose dependencies are not met.")
    executing: Int32 = Field(description="Runs that execute.")


class ScheduleStatus(Model):
    """How far the schedule has come."""

    expression: Message | None = Field(
        default=None, description="The cron expression and time zone that this is about."
    )
    since: Timestamp | None = Field(
        default=None, description="Since when ticks count: of the schedule as it is, not suspended."
    )
    last_tick_time: Timestamp | None = Field(
        default=None, description="The last tick that was decided on."
    )
    next_tick_time: Timestamp | None = Field(default=None, description="The next tick.")
    missed_ticks: Int64 | None = Field(
        default=None, description="Ticks that came too late, or were not made up for."
    )
    skipped_ticks: Int64 | None = Field(
        default=None, description="Ticks that concurrencyPolicy Forbid left out."
    )


class DependencyStatus(Model):
    """How far the ends of another job's runs have been decided on."""

    job_name: JobName = Field(description="Name of that HTTPJob.")
    decided_up_to: Timestamp = Field(
        description="Ends of its runs up to that time ask for no run any more."
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
    rate_clock: Timestamp | None = Field(
        default=None,
        description="Where the clock of spec.runs.limits.rate stands: calls are granted until it is"
        " a window ahead.",
    )
    updated_at: Timestamp | None = Field(default=None, description="When the status last changed.")
