"""RateLimitPool: a rate that several HTTPJobs share."""

from __future__ import annotations

from pydantic import field_validator

from wavegate.api.base import Model
from wavegate.api.durations import Seconds
from wavegate.api.runs import CallsInWindow, window_at


class RateLimitPoolSpec(Model):
    """How many calls begin within a time, over all jobs that name the pool."""

    max: CallsInWindow
    window: Seconds = window_at("spec.window")

    @field_validator("window")
    @classmethod
    def _is_within(cls, window: float) -> float:
        if not 1.0 <= window <= 86_400.0:
            raise ValueError("must be between 1s and 24h")
        return window
