"""What holds for the runs of a job: retries, limits, and what is kept of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from wavegate.api.base import AnyObject, JobName, MetaValue, Model, between, cel, listing, rules
from wavegate.api.durations import Seconds
from wavegate.api.webhooks import Webhook

RetryStrategy = Literal["Exponential", "Linear", "Fixed", "Custom"]
OnLimit = Literal["Queue", "Reject"]
VersionPolicy = Literal["Pin", "Latest", "Minor"]


class Retry(Model):
    """What happens after an attempt that failed so that another may succeed."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            cel(
                "(has(self.strategy) && self.strategy == 'Custom')"
                " == (has(self.delays) && self.delays.size() > 0)",
                "spec.runs.retry.delays: is required for the strategy Custom, and for no other",
                field_path=".delays",
                reason="FieldValueRequired",
            ),
            cel(
                "!has(self.initialDelay) || !has(self.maxDelay)"
                " || self.initialDelay <= self.maxDelay",
                "spec.runs.retry.initialDelay: must not be above maxDelay",
                field_path=".initialDelay",
            ),
        )
    )

    max_attempts: int = Field(
        default=3,
        ge=1,
        le=100,
        description="Attempts in all, from 1 (never again) to 100.",
        json_schema_extra={"format": "int32"},
    )
    strategy: RetryStrategy = Field(
        default="Exponential",
        description="Exponential (initialDelay, then twice, four times …), Linear (initialDelay,"
        " then twice, three times …), Fixed (always initialDelay) or Custom (delays).",
    )
    initial_delay: Seconds = Field(
        default=1.0,
        description="Delay before the second attempt, from 0s to 24h.",
        json_schema_extra={
            **between("spec.runs.retry.initialDelay", "0s", "24h"),
            "default": "1s",
        },
    )
    max_delay: Seconds = Field(
        default=3600.0,
        description="Longest delay, from 0s to 24h; jitter does not go beyond it.",
        json_schema_extra={**between("spec.runs.retry.maxDelay", "0s", "24h"), "default": "1h"},
    )
    jitter_percent: int = Field(
        default=20,
        ge=0,
        le=100,
        description="By how much a delay is made shorter or longer at random, in percent of it.",
        json_schema_extra={"format": "int32"},
    )
    delays: list[Seconds] = Field(
        default_factory=list,
        max_length=100,
        description="The delays of strategy Custom, in order; the last one repeats. maxDelay and"
        " jitterPercent hold for them too.",
        json_schema_extra=listing("atomic"),
    )


CallsInWindow = Annotated[
    int,
    Field(
        ge=1,
        le=100_000,
        description="Calls in a window, of which all may begin at once.",
        json_schema_extra={"format": "int32"},
    ),
]


def window_at(path: str) -> Any:
    """Field of a rate's window."""
    return Field(
        description="The window, from 1s to 24h; within it the allowance is restored evenly.",
        json_schema_extra=between(path, "1s", "24h"),
    )


class Rate(Model):
    """How many calls begin within a time."""

    max: CallsInWindow
    window: Seconds = window_at("spec.runs.limits.rate.window")
    on_limit: OnLimit = Field(
        default="Queue",
        description="What becomes of a run beyond it: Queue (it waits) or Reject (it is Canceled,"
        " RateLimited).",
    )


class Limits(Model):
    """Within which limits runs start. They follow the job as it is now, whatever version runs."""

    max_concurrency: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="Runs that execute at a time; lowering it ends nothing. Without: no limit.",
        json_schema_extra={"format": "int32"},
    )
    max_concurrency_per_key: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="The same for runs with the same concurrencyKey.",
        json_schema_extra={"format": "int32"},
    )
    rate: Rate | None = Field(default=None, description="How many calls begin within a time.")
    pools: list[JobName] = Field(
        default_factory=list,
        max_length=8,
        description="Names of RateLimitPools of the namespace: each of them has to grant a call,"
        " and rate too.",
        json_schema_extra=listing("set"),
    )
    max_queued: int = Field(
        default=1000,
        ge=1,
        le=10_000,
        description="Runs that wait at most; a further one is Canceled, QueueFull.",
        json_schema_extra={"format": "int32"},
    )


class RunsOfAnyKind(Model):
    """What holds for the runs of a job, whatever they do."""

    default_metadata: dict[str, MetaValue] = Field(
        default_factory=dict,
        max_length=64,
        description="Metadata of each run, beneath the run's own.",
    )
    ttl: Seconds | None = Field(
        default=None,
        description="For how long a run that could start may wait; then it is Expired. From 1s to"
        " 8760h.",
        json_schema_extra=between("spec.runs.ttl", "1s", "8760h"),
    )
    version_policy: VersionPolicy = Field(
        default="Pin",
        description="By which version a run executes that has waited while the job changed: Pin"
        " (that of when it was asked for), Latest, or Minor (the newest up to which every change"
        " was backwardsCompatible).",
    )
    backwards_compatible: bool = Field(
        default=False,
        description="Whether this version may execute runs that were asked for with the one"
        " before, for versionPolicy Minor.",
    )


class Runs(RunsOfAnyKind):
    """What holds for the runs of the job."""

    payload_schema: AnyObject | None = Field(
        default=None,
        description="JSON Schema (2020-12, at most 32 KiB, no $ref to elsewhere) that payloads must"
        " meet.",
    )
    retry: Retry = Field(
        default_factory=Retry,
        description="What happens after an attempt that failed so that another may succeed.",
        json_schema_extra={"default": {}},
    )
    limits: Limits = Field(
        default_factory=Limits,
        description="Within which limits runs start.",
        json_schema_extra={"default": {}},
    )
    dedup_window: Seconds = Field(
        default=0.0,
        description="For so long after a run was asked for, another with the same payload and"
        " concurrencyKey is Canceled, Duplicate, and names the first, unless that ended badly."
        " 0s: off; at most 24h.",
        json_schema_extra={
            **between("spec.runs.dedupWindow", "0s", "24h"),
            "default": "0s",
        },
    )
    successful_history_limit: int = Field(
        default=3,
        ge=0,
        le=10_000,
        description="Completed runs that are kept.",
        json_schema_extra={"format": "int32"},
    )
    failed_history_limit: int = Field(
        default=10,
        ge=0,
        le=10_000,
        description="Runs that ended otherwise that are kept.",
        json_schema_extra={"format": "int32"},
    )
    finished_ttl: Seconds | None = Field(
        default=None,
        alias="finishedTTL",
        description="For how long a run is kept once it has ended, whatever the history limits"
        " say; 8760h at most. Without: as the limits say.",
        json_schema_extra=between("spec.runs.finishedTTL", "0s", "8760h"),
    )
    webhook: Webhook | None = Field(
        default=None,
        description="Who is told of runs that have ended. It is that of the job as it is now,"
        " whatever version executes.",
    )
