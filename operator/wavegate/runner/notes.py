"""What is said in the log of what was done for runs: how each attempt ended, and what was made."""

from __future__ import annotations

from typing import Any

from wavegate.domain.actions import Note, SetStatus
from wavegate.domain.times import format_time
from wavegate.kube.resources import JOB_RUNS
from wavegate.runs.actions import CreateRun, CreateRunVersion, RunAction
from wavegate.runs.states import ENDED_BADLY, TERMINAL


def notes_of(action: RunAction) -> tuple[Note, ...]:
    """One for a decision; none for what only waits, or is reported."""
    match action:
        case CreateRunVersion():
            return _one("VersionMade", f"{action.name} is made of the spec", version=action.version)
        case CreateRun():
            return _one("RunMade", f"{action.name} is made for {format_time(action.tick)}")
        case SetStatus(kind=JOB_RUNS.kind):
            return _ended(action)
    return ()


def _ended(action: SetStatus) -> tuple[Note, ...]:
    status = action.status
    phase, reason, message = status["phase"], status["reason"], status["message"]
    facts = {"run": action.name, "attempt": status.get("attempt"), "reason": reason}
    if phase in TERMINAL:
        text = f"{action.name} is {phase}: {message}"
        return (
            Note("RunEnded", text, warning=phase in ENDED_BADLY, facts={**facts, "phase": phase}),
        )
    if reason == "RetryBackoff":
        return _one("RunRetried", f"{action.name}: {message}", **facts)
    return ()


def _one(name: str, text: str, /, **facts: Any) -> tuple[Note, ...]:
    return (Note(name, text, facts=facts),)
