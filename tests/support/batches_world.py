"""Batches as passes see them, for tests of the core."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from support.runs_world import NOW, job, run
from wavegate.api.runbatch import RunBatchSpec
from wavegate.domain.actions import SetStatus
from wavegate.runs.batch_actions import BatchPlan, CreateItemRun
from wavegate.runs.batch_observed import BatchView, ObservedBatch, ReadItems
from wavegate.runs.batch_progress import counts_of
from wavegate.runs.batches import plan
from wavegate.runs.observed import AskedJobView, RunView

UID = "batch-uid"


def batch(status: dict[str, Any] | None = None, **spec: Any) -> BatchView:
    """A batch made three seconds ago, of the job app unless it says otherwise."""
    whole = {"jobName": "app", **spec}
    read = RunBatchSpec.model_validate(whole)
    return BatchView(
        namespace="shop",
        name="import",
        uid=UID,
        resource_version="1",
        created=NOW - 3,
        generation=1,
        job=read.job_name or "",
        spec=read,
        canceled=read.canceled,
        finished_ttl=read.finished_ttl,
        status={"observedGeneration": -1} if status is None else status,
    )


def items(count: int) -> list[dict[str, str]]:
    return [{"key": f"k{number}"} for number in range(count)]


def read(of: BatchView, **facts: Any) -> ReadItems:
    assert of.spec is not None
    known: dict[str, Any] = {
        "items": tuple(of.spec.items),
        "total": len(of.spec.items),
        "version_key": job().version_key,
    }
    return ReadItems(NOW, **{**known, **facts})


def running(progress: str, **more: Any) -> dict[str, Any]:
    """A status on record, written just now."""
    return {
        "observedGeneration": 1,
        "state": "Running",
        "reason": "Running",
        "progress": progress,
        "counts": counts_of(progress),
        "updatedAt": "2027-01-15T08:00:00Z",
        **more,
    }


def member(number: int, phase: str = "Queued", **facts: Any) -> RunView:
    known = {"phase": phase, "batch": UID, "number": number, "item": f"k{number}"}
    return run(f"app-{number}", **{**known, **facts})


def observed(of: BatchView, *members: RunView, **facts: Any) -> ObservedBatch:
    known: dict[str, Any] = {
        "now": NOW,
        "jobs": {"app": job()},
        "room": {"app": 1000},
        "read": read(of),
        "members": {each.number: each for each in members},
    }
    return ObservedBatch(batch=of, **{**known, **facts})


def made(found: BatchPlan) -> list[str]:
    """Keys of the runs that are made."""
    actions = [action for step in found.steps for action in step.actions]
    return [each.key for each in actions if isinstance(each, CreateItemRun)]


def told(found: BatchPlan) -> dict[str, Any]:
    """The status that is written; empty where none is."""
    actions = [action for step in found.steps for action in step.actions]
    written = [dict(each.status) for each in actions if isinstance(each, SetStatus)]
    assert len(written) < 2
    return written[0] if written else {}


def said(of: BatchView, *members: RunView, **facts: Any) -> tuple[str, str]:
    """State and reason that are written."""
    status = told(plan(observed(of, *members, **facts)))
    return status.get("state", ""), status.get("reason", "")


def without_spec(spec_of: AskedJobView) -> AskedJobView:
    return replace(spec_of, spec=None, invalid="spec.http: is required")
