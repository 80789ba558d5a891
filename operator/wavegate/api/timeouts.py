"""Timeouts of a FleetJob: how long a version may wait, run and be tried again."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from wavegate.api.base import Model, cel, rules
from wavegate.api.durations import Seconds


def _limit(name: str) -> dict[str, Any]:
    return rules(
        cel(
            "self == duration('0s') || (self >= duration('1s') && self <= duration('8760h'))",
            f"spec.timeouts.{name}: must be 0s (none) or between 1s and 8760h",
        ),
        default="0s",
    )


class Timeouts(Model):
    """How long a version may wait, run and be tried again; 0s means without limit."""

    execution: Seconds = Field(
        default=0.0,
        description="Longest that one run may take, from the start of its pod; then its pod is"
        " ended and the execution fails (ExecutionTimeout), which is a failure as any other. 0s"
        " (none), or from 1s to 8760h, rounded up to whole seconds. Part of the workload: changing"
        " it restarts the pods.",
        json_schema_extra=_limit("execution"),
    )
    queue: Seconds = Field(
        default=0.0,
        description="Longest that a version waits for a first node on which it may run, from when"
        " its rollout was accepted; meanwhile the job is Queued, then it is Failed (QueueTimeout)"
        " and what runs of other versions goes on. 0s: it waits without end, and the job is"
        " Running without a node.",
        json_schema_extra=_limit("queue"),
    )
    total: Seconds = Field(
        default=0.0,
        description="Longest that a version may wait, run and be tried again in all, from when its"
        " rollout was accepted, pauses included. Then an open rollout fails (TotalTimeout) and is"
        " taken back as any failed one; where there is no other version to go back to, and after a"
        " completed rollout, the version is stopped everywhere and the job is Failed. A newer"
        " version or rollout begins anew. 0s: none.",
        json_schema_extra=_limit("total"),
    )
