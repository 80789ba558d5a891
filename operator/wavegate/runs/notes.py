"""What is said of a status that is written: how a run's attempt ended, and what became of its job.

In the log each run's end is a line. As an event on its job only a bad one is told, once in ten
minutes for each way in which runs end, so that a flood of failures is no flood of events.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from wavegate.domain.actions import Note, RunEnd
from wavegate.runs.states import ENDED_BADLY, TERMINAL


def of_run(name: str, status: Mapping[str, Any]) -> tuple[Note, ...]:
    """One for a decision; none for what only waits."""
    phase, reason, message = status["phase"], status["reason"], status.get("message", "")
    facts = {"run": name, "attempt": status.get("attempt"), "reason": reason}
    if phase in TERMINAL:
        bad = phase in ENDED_BADLY
        note = Note(
            "RunFailed" if bad else "RunEnded",
            f"{name} is {phase}: {message}",
            warning=bad,
            facts={**facts, "phase": phase},
            counted=RunEnd(phase),
            is_event=bad,
            topic=f"{phase} {reason}",
        )
        return (note,)
    if reason == "RetryBackoff":
        return (Note("RunRetried", f"{name}: {message}", facts=facts, is_event=False),)
    return ()


def of_job(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Note, ...]:
    """What has become so, from one status of an HTTPJob to the next."""
    return tuple(_of_job(before, after))


def _of_job(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Note]:
    state, message = after["state"], after.get("message", "")
    if state == "Invalid" and message != before.get("message", ""):
        yield Note("InvalidSpec", message, warning=True)
    elif state != before.get("state") and (before.get("state") or state != "Active"):
        yield Note(state, message)
    yield from of_ticks(before, after)


def of_ticks(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Note, ...]:
    """Of ticks that were missed from one status of a job to the next."""
    missed = _missed(after) - _missed(before)
    if missed > 0:
        ticks = "1 tick" if missed == 1 else f"{missed} ticks"
        words = f"{ticks} of the schedule passed without a run: too late, or not made up for"
        facts = {"missed": missed}
        return (Note("TicksMissed", words, warning=True, facts=facts, topic="missed"),)
    return ()


def _missed(status: Mapping[str, Any]) -> int:
    return int((status.get("schedule") or {}).get("missedTicks") or 0)
