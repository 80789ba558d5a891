"""Lines of the log: one a decision, once it is on record, with the numbers that decided.

What is decided again without a change (a heartbeat, a pass that finds nothing to do) makes none.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from wavegate.cache.store import JobKey
from wavegate.domain.actions import (
    Action,
    CordonNode,
    CreateDeployment,
    CreateExecution,
    CreateVersion,
    DeletePod,
    Note,
    SetStatus,
    UncordonNode,
)

_log = logging.getLogger(__name__)


def about(job: JobKey, eval_id: str, **facts: Any) -> dict[str, Any]:
    """``extra`` of a line: its job and pass, and facts that are not None."""
    known = {key: value for key, value in facts.items() if value is not None}
    return {"fields": {"job": f"{job[0]}/{job[1]}", "evalId": eval_id, **known}}


def log_notes(job: JobKey, eval_id: str, notes: Iterable[Note]) -> None:
    """Say what was decided by an action that has been carried out."""
    for note in notes:
        level = logging.WARNING if note.warning else logging.INFO
        facts: Mapping[str, Any] = {"decision": note.reason, **note.facts}
        _log.log(level, "%s", note.message, extra=about(job, eval_id, **facts))


def notes_of(action: Action) -> tuple[Note, ...]:
    """What is to be said of an action of a FleetJob's plan."""
    match action:
        case SetStatus():
            return action.notes
        case CreateVersion():
            return _one("VersionMade", f"{action.name} is made of the spec", version=action.version)
        case CreateDeployment():
            text = f"{action.name} is to bring v{action.from_version} to v{action.to_version}"
            facts = {"version": action.to_version, "deployment": action.name}
            return _one("RolloutMade", text, type=action.type, **facts)
        case CreateExecution():
            text = f"{action.node} is taken for v{action.version} in wave {action.wave}"
            return _one("NodeTaken", text, **_claim(action))
        case DeletePod():
            return _one("PodStopped", f"pod {action.name} is stopped: {action.why}")
        case CordonNode():
            return _one("NodeCordoned", f"{action.node} is cordoned", node=action.node)
        case UncordonNode():
            return _one("NodeOpened", f"{action.node} is opened", node=action.node)
    return ()


def _one(reason: str, text: str, **facts: Any) -> tuple[Note, ...]:
    return (Note(reason, text, facts=facts),)


def _claim(action: CreateExecution) -> dict[str, Any]:
    return {
        "version": action.version,
        "wave": action.wave,
        "deployment": action.deployment,
        "node": action.node,
        "attempt": action.attempt,
    }
