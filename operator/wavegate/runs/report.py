"""What a job says of its runs: an HTTPJob all that it says of itself, a FleetJob its part.

What else a FleetJob says is the fleet's to tell, in the same status: each leaves the other's words
as they are, and a write that rests on an older status is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from wavegate.api.conditions import READY, STALLED, WEBHOOK_HELD, Condition, set_conditions
from wavegate.domain.actions import SetStatus, Urgency
from wavegate.domain.times import format_time
from wavegate.runs import notes
from wavegate.runs.actions import RunStep
from wavegate.runs.observed import AskedJobView, RunView

_PHASES: Final = ("Delayed", "Queued", "Waiting", "Executing")
_MAX_MESSAGE: Final = 1024


def report(
    job: AskedJobView, active: Iterable[RunView], now: float, facts: Mapping[str, Any]
) -> RunStep | None:
    """The step that writes it; None where there is nothing new. ``facts``: as in `job_status`."""
    if job.kind == "HTTPJob":
        status = job_status(job, active, now, invalid=job.invalid, **facts)
        told = notes.of_job(job.status, status)
    else:
        status = fleet_job_status(job, active, now, **facts)
        told = notes.of_ticks(job.status, status)
    if status == job.status:
        return None
    action = SetStatus(job.kind, job.name, job.uid, job.resource_version, status, notes=told)
    return RunStep(f"{job.kind}/{job.name}", Urgency.RECORD, (action,))


def fleet_job_status(
    job: AskedJobView, active: Iterable[RunView], now: float, **facts: Any
) -> dict[str, Any]:
    """The whole status of a FleetJob; equal to the stored one if nothing is new of its runs."""
    facts.pop("version", None)
    status = {**job.status, "runs": _counts(active), **facts}
    status = {name: value for name, value in status.items() if value is not None}
    if status == job.status:
        return dict(job.status)
    revision = int(job.status.get("revision") or 0) + 1
    return {**status, "revision": revision, "updatedAt": format_time(now)}


def _counts(active: Iterable[RunView]) -> dict[str, int]:
    counts = Counter(run.phase for run in active)
    return {phase.lower(): counts[phase] for phase in _PHASES}


def job_status(
    job: AskedJobView,
    active: Iterable[RunView],
    now: float,
    *,
    invalid: str,
    **facts: Any,
) -> dict[str, Any]:
    """The whole status of the job; equal to the stored one, ``updatedAt`` aside, if nothing is new.

    ``invalid``: what is wrong with its spec. Facts by their names in the status.
    """
    state, reason, message = _state(job, invalid)
    webhook = facts.get("webhook", job.status.get("webhook"))
    status: dict[str, Any] = {
        **job.status,
        "observedGeneration": job.generation,
        "state": state,
        "reason": reason,
        "message": message[:_MAX_MESSAGE],
        "runs": _counts(active),
        **facts,
        "conditions": set_conditions(
            job.status.get("conditions") or (),
            [*_conditions(state, reason, message), *_of_webhook(webhook)],
            format_time(now),
            job.generation,
        ),
    }
    status = {name: value for name, value in status.items() if value is not None}
    if _said(status) == _said(job.status):
        return dict(job.status)
    return {**status, "updatedAt": format_time(now)}


def _said(status: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in status.items() if name != "updatedAt"}


def _state(job: AskedJobView, invalid: str) -> tuple[str, str, str]:
    if invalid:
        return "Invalid", "InvalidSpec", invalid
    if job.spec is not None and job.spec.suspend:
        return "Suspended", "Suspended", "no run starts until spec.suspend is false"
    return "Active", "Active", "runs start as they are asked for"


def _conditions(state: str, reason: str, message: str) -> list[Condition]:
    if state == "Invalid":
        return [
            Condition(READY, "False", reason, message),
            Condition(STALLED, "True", reason, message),
        ]
    return [Condition(READY, "True", reason, message)]


def _of_webhook(webhook: Mapping[str, Any] | None) -> list[Condition]:
    if not webhook:
        return []
    return [Condition(WEBHOOK_HELD, "True", str(webhook["reason"]), str(webhook["message"]))]
