"""What a job that is executed when asked reports of its runs, whatever its kind."""

from __future__ import annotations

from pydantic import Field

from wavegate.api.base import Int32, Int64, JobName, Message, Model, Timestamp
from wavegate.api.trigger import RunKind


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

    job_kind: RunKind | None = Field(
        default=None, description="Kind of that job; HTTPJob where nothing is said."
    )
    job_name: JobName = Field(description="Name of that job.")
    decided_up_to: Timestamp = Field(
        description="Ends of its runs up to that time ask for no run any more."
    )
