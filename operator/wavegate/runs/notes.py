"""What is said of a status that is written: how a run's attempt ended, and what became of its job.

In the log each run's end is a line. As an event on its job only a bad one is told, once in ten
minutes for each way in which runs end, so that a flood of failures is no flood of events.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from wavegate.domain.actions import DeliveryEnd, Note, RunEnd
from wavegate.runs.states import ENDED_BADLY, TERMINAL


def of_run(name: str, status: Mapping[str, Any]) -> tuple[Note, ...]:
    """One for a decision, and one for what its webhook is not told; none for what only waits."""
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
        delivery = status.get("webhook") or {}
        return (note, *(of_delivery(name, delivery) if delivery.get("phase") == "Failed" else ()))
    if reason == "RetryBackoff":
        return (Note("RunRetried", f"{name}: {message}", facts=facts, is_event=False),)
    return ()


def of_delivery(name: str, delivery: Mapping[str, Any]) -> tuple[Note, ...]:
    """Of the attempt to tell a webhook of a run; as an event only that it is given up."""
    phase, error = delivery["phase"], delivery.get("lastError") or {}
    facts = {"run": name, "attempt": delivery["attempts"]}
    if phase == "Delivered":
        words, ended = f"the webhook was told of {name}", DeliveryEnd(phase)
        return (Note("WebhookDelivered", words, facts=facts, counted=ended, is_event=False),)
    words, facts = error.get("message", ""), {**facts, "reason": error.get("class")}
    if phase == "Pending":
        words = f"the webhook was not told of {name} and is tried again: {words}"
        return (Note("WebhookRetried", words, facts=facts, is_event=False),)
    note = Note(
        "WebhookFailed",
        f"the webhook is not told of {name}: {words}",
        warning=True,
        facts=facts,
        counted=DeliveryEnd(phase),
        topic=str(error.get("class")),
    )
    return (note,)


def of_job(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Note, ...]:
    """What has become so, from one status of an HTTPJob to the next."""
    return tuple(_of_job(before, after))


def _of_job(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Note]:
    state, message = after["state"], after.get("message", "")
    if state == "Invalid" and message != before.get("message", ""):
        yield Note("InvalidSpec", message, warning=True)
    elif state != before.get("state") and (before.get("state") or state != "Active"):
        yield Note(state, message)
    held = after.get("webhook") or {}
    if held and held != (before.get("webhook") or {}):
        words = f"the webhook is {held['phase']}: {held['message']}"
        yield Note("WebhookHeld", words, warning=True, topic=f"webhook {held['reason']}")
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
