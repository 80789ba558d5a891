"""What an HTTPJob says of itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from wavegate.api.conditions import READY, STALLED, WEBHOOK_HELD, Condition, set_conditions
from wavegate.domain.times import format_time
from wavegate.runs.observed import HTTPJobView, RunView

_PHASES: Final = ("Delayed", "Queued", "Waiting", "Executing")
_MAX_MESSAGE: Final = 1024


def job_status(
    job: HTTPJobView,
    active: Iterable[RunView],
    now: float,
    *,
    invalid: str,
    **facts: Any,
) -> dict[str, Any]:
    """The whole status of the job; equal to the stored one, ``updatedAt`` aside, if nothing is new.

    ``invalid``: what is wrong with its spec. Facts by their names in the status.
    """
    counts = Counter(run.phase for run in active)
    state, reason, message = _state(job, invalid)
    webhook = facts.get("webhook", job.status.get("webhook"))
    status: dict[str, Any] = {
        **job.status,
        "observedGeneration": job.generation,
        "state": state,
        "reason": reason,
        "message": message[:_MAX_MESSAGE],
        "runs": {phase.lower(): counts[phase] for phase in _PHASES},
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


def _state(job: HTTPJobView, invalid: str) -> tuple[str, str, str]:
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
