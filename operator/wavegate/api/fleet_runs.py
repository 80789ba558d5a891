"""What holds for the runs of a FleetJob, each of which is one pass over its nodes.

The same words as for an HTTPJob's runs, where they do something for work that is no call. Two
defaults are other ones, since a pass may change nodes: one run at a time, and no second attempt.
"""

from __future__ import annotations

from pydantic import Field

from wavegate.api.base import between
from wavegate.api.durations import Seconds
from wavegate.api.runs import Limits, Retry, Runs, RunsOfAnyKind


class FleetRetry(Retry):
    """What happens after a pass that failed. Another attempt asks all nodes anew."""

    max_attempts: int = Field(
        default=1,
        ge=1,
        le=100,
        description="Attempts in all, from 1 (never again) to 100. Each asks all nodes.",
        json_schema_extra={"format": "int32"},
    )


class FleetLimits(Limits):
    """Within which limits runs start. They follow the job as it is now, whatever version runs."""

    max_concurrency: int = Field(
        default=1,
        ge=1,
        le=10_000,
        description="Runs that execute at a time; lowering it ends nothing. With more than 1, pods"
        " of several runs may be at work on a node at once.",
        json_schema_extra={"format": "int32"},
    )


class FleetRuns(RunsOfAnyKind):
    """What holds for the runs of the job."""

    retry: FleetRetry = Field(
        default_factory=FleetRetry,
        description="What happens after a pass that failed.",
        json_schema_extra={"default": {}},
    )
    limits: FleetLimits = Field(
        default_factory=FleetLimits,
        description="Within which limits runs start.",
        json_schema_extra={"default": {}},
    )
    dedup_window: Seconds = Field(
        default=0.0,
        description="For so long after a run was asked for, another with the same concurrencyKey"
        " is Canceled, Duplicate, and names the first, unless that ended badly. 0s: off; at most"
        " 24h.",
        json_schema_extra={**between("spec.runs.dedupWindow", "0s", "24h"), "default": "0s"},
    )
    successful_history_limit: int = Field(
        default=3,
        ge=0,
        le=10_000,
        description="Completed runs that are kept, each with an Execution for each node.",
        json_schema_extra={"format": "int32"},
    )
    failed_history_limit: int = Field(
        default=10,
        ge=0,
        le=10_000,
        description="Runs that ended otherwise that are kept, likewise.",
        json_schema_extra={"format": "int32"},
    )
    finished_ttl: Seconds | None = Field(
        default=None,
        alias="finishedTTL",
        description=Runs.model_fields["finished_ttl"].description,
        json_schema_extra=between("spec.runs.finishedTTL", "0s", "8760h"),
    )

    def as_runs(self) -> Runs:
        """The same as those of any job, without a schema for payloads, which a pass has none of."""
        return Runs.model_construct(
            **{name: getattr(self, name) for name in type(self).model_fields}
        )
