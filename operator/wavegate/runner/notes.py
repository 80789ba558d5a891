"""What is said in the log of what was done for runs."""

from __future__ import annotations

from typing import Any

from wavegate.domain.actions import DeleteRecord, Note, SetStatus
from wavegate.domain.times import format_time
from wavegate.runs.actions import CreatePass, CreateRun, CreateRunVersion, RetryPass, RunAction
from wavegate.runs.batch_actions import BatchAction


def notes_of(action: RunAction) -> tuple[Note, ...]:
    """One for a decision; none for what only waits, or is reported."""
    match action:
        case SetStatus():
            return action.notes
        case CreateRunVersion():
            return _one("VersionMade", f"{action.name} is made of the spec", version=action.version)
        case CreatePass():
            return _one("PassBegun", f"FleetJob {action.run} is made for its run")
        case RetryPass():
            words = f"the nodes of {action.run} are asked again"
            return _one("PassRetried", words, attempt=action.attempt)
        case CreateRun():
            return _one("RunMade", f"{action.name} is made for {_made_for(action)}")
    return ()


def notes_of_batch(action: BatchAction) -> tuple[Note, ...]:
    """The same of an action of a batch's plan; its runs are told of as they end."""
    match action:
        case SetStatus():
            return action.notes
        case DeleteRecord():
            return _one("BatchRemoved", f"{action.name} is removed: its finishedTTL is over")
    return ()


def _one(name: str, text: str, /, **facts: Any) -> tuple[Note, ...]:
    return (Note(name, text, facts=facts),)


def _made_for(action: CreateRun) -> str:
    if action.tick is not None:
        return format_time(action.tick)
    return "the end of a run of " + ", ".join(sorted(action.after))
