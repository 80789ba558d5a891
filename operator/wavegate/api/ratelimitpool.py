"""RateLimitPool: a rate that several HTTPJobs share."""

from __future__ import annotations

from pydantic import Field, field_validator

from wavegate.api.base import Model, between
from wavegate.api.durations import Seconds


class RateLimitPoolSpec(Model):
    """How many calls begin within a time, over all jobs that name the pool."""

    max: int = Field(
        ge=1,
        le=100_000,
        description="Calls in a window, of which all may begin at once.",
        json_schema_extra={"format": "int32"},
    )
    window: Seconds = Field(
        description="The window, from 1s to 24h; within it the allowance is restored evenly.",
        json_schema_extra=between("spec.window", "1s", "24h"),
    )

    @field_validator("window")
    @classmethod
    def _is_within(cls, window: float) -> float:
        if not 1.0 <= window <= 86_400.0:
            raise ValueError("must be between 1s and 24h")
        return window
