"""How a run's status follows the one before: what is on record stays, and conditions tell kstatus.

Ready is True once the run has Completed; Reconciling stands until it has ended, Stalled where it
ended otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from wavegate.api.conditions import READY, RECONCILING, STALLED, Condition, set_conditions
from wavegate.api.jobrun import Phase
from wavegate.domain.times import format_time, format_time_micro
from wavegate.runs.dependencies import DEPENDENCIES
from wavegate.runs.lineage import MAX_DEPTH
from wavegate.runs.observed import RunView
from wavegate.runs.states import TERMINAL, may_follow

_MAX_MESSAGE: Final = 1024
_TO_DO: Final = frozenset({"PoolMissing", "PoolInvalid", "PassRefused", *DEPENDENCIES})
"""Reasons of which the message names one of several things that stand in the way."""


class Impossible(Exception):
    """A rule asked for a phase that cannot follow: a defect."""


def status_of(
    run: RunView, phase: Phase, reason: str, message: str, now: float, **facts: Any
) -> dict[str, Any]:
    """The whole status to store; facts by their names there, None takes one away.

    Raises Impossible where ``phase`` may not follow the run's.
    """
    # Queued by the schema's default: of it nothing is on record yet.
    is_new = not run.status.get("reason")
    if not may_follow(run.phase, phase) and not (is_new and phase == "Delayed"):
        raise Impossible(f"{run.name}: {phase} cannot follow {run.phase}")
    status = {**run.status, "phase": phase, "observedGeneration": run.generation}
    status |= {"reason": reason, "message": message[:_MAX_MESSAGE], **facts}
    if phase in TERMINAL:
        status["completionTime"] = format_time_micro(now)
        status["nextRetryTime"] = None
    status["conditions"] = set_conditions(
        run.status.get("conditions") or (),
        _conditions(phase, reason, message),
        format_time(now),
        run.generation,
    )
    return {name: value for name, value in status.items() if value not in (None, "")}


def is_told(run: RunView, phase: Phase, reason: str, message: str) -> bool:
    """Whether it is on record already that the run is in this phase for this reason.

    What passes by itself is not told again in other words; what somebody has to do is.
    """
    status = run.status
    if reason in _TO_DO and status.get("message") != message[:_MAX_MESSAGE]:
        return False
    return bool(status.get("reason")) and (run.phase, status["reason"]) == (phase, reason)


def facts_of(run: RunView) -> Mapping[str, Any]:
    """What the first status of a run says of where it came from."""
    if run.scheduled is not None:
        by: dict[str, Any] = {
            "triggeredBy": "Schedule",
            "scheduledTime": format_time(run.scheduled),
        }
    elif run.after:
        by = {"triggeredBy": "Dependency"}
    elif run.batch:
        by = {"triggeredBy": "Batch"}
    elif run.replay_of:
        by = {"triggeredBy": "Replay"}
    elif run.asked_by:
        by = {"triggeredBy": "API"}
    else:
        by = {"triggeredBy": "Manual"}
    if 0 < run.lineage_depth <= MAX_DEPTH:
        by["lineageDepth"] = run.lineage_depth
    return by if not run.status.get("triggeredBy") else {}


def _conditions(phase: Phase, reason: str, message: str) -> list[Condition]:
    if phase == "Completed":
        return [Condition(READY, "True", reason, message)]
    words = [Condition(READY, "False", reason, message)]
    kind = STALLED if phase in TERMINAL else RECONCILING
    return [*words, Condition(kind, "True", reason, message)]
