"""What the operator reports about an HTTPJob."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from wavegate.api.base import Int32, Message, Reason, Timestamp, listing
from wavegate.api.run_status import DependencyStatus, RunCounts, ScheduleStatus
from wavegate.api.status import ObservedStatus

HTTPJobState = Literal["Active", "Suspended", "Invalid"]


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
