"""Passing: what becomes of a run that executes over nodes, from one look to the next.

That it executes is on record first; then its FleetJob is made, or the Restart that is a further
attempt. So whoever leads finds what is to be made, and nothing is lost with the process that began
it. A run that is canceled, or replaced, executes until nothing is at work any more: it keeps its
place as long as its pods may be there. That it is to stop is on record by its reason.

| run | its FleetJob | then |
| --- | --- | --- |
| Executing | none | it is made; PassRefused: why it is not |
| Executing | gone, or a former one, something is at work | FormerAtWork: that is waited for |
| Executing, attempt 2 | its attempt 1 ended | a Restart of it is made |
| Executing | at work | nothing; what it is stuck at is told |
| Executing | ended | the run has ended, or waits for its next attempt |
| canceled | at work | it stops, and that is told |
| canceled | nothing is at work | the run is Canceled |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wavegate.api.httpjob import Retry
from wavegate.domain.actions import Urgency
from wavegate.domain.observed import Refusal
from wavegate.runs.actions import CreatePass, RetryPass, RunStep
from wavegate.runs.nodes import Pass, end_of, facts_of, spec_of_pass
from wavegate.runs.observed import Answer, RunVersionView, RunView
from wavegate.runs.settle import settled
from wavegate.runs.statuses import is_told, status_of

STOPPING: Final = {
    "Canceling": ("Canceled", "spec.canceled is set"),
    "Replacing": ("Replaced", "a newer tick of the schedule replaces it"),
}
"""By the reason of a run that stops, the one with which it ends, and why."""


@dataclass(frozen=True, slots=True)
class Passing:
    """``status``: to be put on record, None where that says nothing new."""

    status: dict[str, Any] | None = None
    step: RunStep | None = None


def is_stopping(run: RunView) -> bool:
    """Whether nothing of the run is to be at work any more."""
    return run.phase == "Executing" and run.status.get("reason") in STOPPING


def passing(
    run: RunView,
    found: Pass | None,
    version: RunVersionView | None,
    retry: Retry,
    now: float,
    stop: str,
    refusals: Mapping[str, Refusal],
) -> Passing:
    """What is to be done for a run that executes over nodes.

    ``found``: the FleetJob of its name; ``version``: by which it executes, None where it is gone;
    ``stop``: of `STOPPING`, why it is to stop from now on, empty: it is not; ``refusals``: by key,
    what the server refused for good of the steps.
    """
    reason = run.status["reason"] if is_stopping(run) else stop
    if reason:
        return Passing(_stopped(run, found, reason, now))
    if found is None:
        return _made(run, version, retry, now, refusals)
    if found.is_going:
        return Passing(_waits_for_former(run, found, now))
    if not found.is_own or found.taken:
        what = f"FleetDeployment {found.taken}" if found.taken else f"FleetJob {run.name}"
        return Passing(_taken(run, what, retry, now))
    end = end_of(found)
    is_next = run.attempt > found.attempt and not found.is_stopped
    if end is None and found.rollout is None and is_next:
        again = RetryPass(run.name, found.uid, run.attempt)
        step = RunStep(f"FleetDeployment/{run.name}", Urgency.CREATE, (again,))
        return Passing(_refused(run, step, refusals, now), step)
    if end is None:
        return Passing(_stuck(run, found, now))
    facts = facts_of(found)
    answer = Answer(
        end.outcome,
        message=end.message,
        retryable=end.retryable,
        result=facts["result"],
        nodes=facts["nodes"],
        failures=facts["failures"] or (),
        ended=now,
    )
    return Passing(settled(run, answer, retry, now))


def _made(
    run: RunView,
    version: RunVersionView | None,
    retry: Retry,
    now: float,
    refusals: Mapping[str, Refusal],
) -> Passing:
    if version is None:
        words = f"version {run.version} of its job is gone, and nothing was made of it yet"
        return Passing(settled(run, Answer("VersionMissing", message=words), retry, now))
    make = CreatePass(run.name, run.uid, run.attempt, spec_of_pass(version.raw_spec))
    step = RunStep(f"FleetJob/{run.name}", Urgency.CREATE, (make,))
    return Passing(_refused(run, step, refusals, now), step)


def _refused(
    run: RunView, step: RunStep, refusals: Mapping[str, Refusal], now: float
) -> dict[str, Any] | None:
    if step.key not in refusals:
        return None
    words = refusals[step.key].message
    if is_told(run, "Executing", "PassRefused", words):
        return None
    return status_of(run, "Executing", "PassRefused", words, now)


def _taken(run: RunView, what: str, retry: Retry, now: float) -> dict[str, Any]:
    words = f"{what} exists already and is not this run's: give the run another name"
    return settled(run, Answer("NameTaken", message=words), retry, now)


def _stopped(run: RunView, found: Pass | None, reason: str, now: float) -> dict[str, Any] | None:
    ends_as, why = STOPPING[reason]
    own = found if found is not None and found.is_own else None
    if not (found is not None and found.working) and (own is None or _rests(run, own)):
        facts = facts_of(own) if own is not None else {}
        return status_of(run, "Canceled", ends_as, why, now, **facts)
    if is_told(run, "Executing", reason, ""):
        return None
    return status_of(run, "Executing", reason, f"{why}: it stops", now)


def _waits_for_former(run: RunView, found: Pass, now: float) -> dict[str, Any] | None:
    if not found.working:
        return None
    words = f"waits until what a former FleetJob {run.name} left on {found.working} nodes is gone"
    if is_told(run, "Executing", "FormerAtWork", words):
        return None
    return status_of(run, "Executing", "FormerAtWork", words, now)


def _rests(run: RunView, own: Pass) -> bool:
    """Whether nothing begins any more of it; without a rollout: since that is on record."""
    return own.rollout.terminal if own.rollout is not None else is_stopping(run)


def _stuck(run: RunView, found: Pass, now: float) -> dict[str, Any] | None:
    reason, words = found.stuck or ("Executing", "its nodes are asked")
    if is_told(run, "Executing", reason, words):
        return None
    return status_of(run, "Executing", reason, words, now)
