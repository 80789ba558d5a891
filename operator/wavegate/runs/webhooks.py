"""Webhooks: which ends of runs are to be told now, and what becomes of each attempt to.

The write that ends a run says in its status.webhook that the job's webhook is to be told, so that
the run itself is the outbox: whatever process leads finds there what is left. What is told of one
run is its delivery. An attempt whose process ended is made again and not counted: receivers are
told at least once.

| the receiver answers | the delivery is |
| --- | --- |
| 2xx, also where the rest of the answer does not come | Delivered |
| 410 | Pending, and the webhook is paused |
| anything else, a redirect too, or nothing | Pending, tried again; Failed after the last attempt |

| attempts that failed | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
| the next one after | 5 s | 30 s | 2 min | 10 min | 30 min | 1 h | 3 h | none |

Whether the webhook as such can be told is said once, of the job, and not of a thousand runs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import TYPE_CHECKING, Any, Final, Literal

from wavegate.api.jobrun import Phase
from wavegate.api.webhooks import Event, Webhook
from wavegate.domain.actions import SetStatus, Urgency
from wavegate.domain.times import format_time, format_time_micro
from wavegate.runs import notes
from wavegate.runs.actions import RunStep

if TYPE_CHECKING:
    from wavegate.runs.observed import AskedJobView, RunView

Result = Literal["Delivered", "Gone", "Failed", "SecretUnreadable"]
"""What came of an attempt. ``SecretUnreadable``: none was made, for want of a signing key."""

DELAYS: Final = (5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 10800.0)
"""Seconds from an attempt that failed to the next one."""

MOST_PENDING: Final = 1000
"""Deliveries of a job that are pending; the end of a further run is not told."""

READ_AGAIN: Final = 60.0
"""Seconds after which a Secret that could not be read is looked for again."""

EVENT_OF: Final[Mapping[Phase, Event]] = {
    "Completed": "jobrun.completed",
    "Failed": "jobrun.failed",
    "TimedOut": "jobrun.timed_out",
    "Crashed": "jobrun.crashed",
    "SystemFailed": "jobrun.system_failed",
    "Canceled": "jobrun.canceled",
    "Expired": "jobrun.expired",
    "DeadLetter": "jobrun.dead_letter",
}


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery that is pending: attempts that were made, and when the next one is due."""

    attempts: int = 0
    next_time: float = 0.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that was made, the ``number``-th from 1, and is not on record yet.

    ``status``: the run's, as it was read for it; ``retry_after``: seconds that the receiver asked
    to wait.
    """

    number: int
    result: Literal["Delivered", "Failed"]
    status: Mapping[str, Any]
    ended: float
    error: Mapping[str, Any] | None = None
    """As in status.webhook.lastError."""
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What the newest attempt says of the webhook with that mark."""

    mark: str
    result: Result
    message: str = ""


@dataclass(frozen=True, slots=True)
class Deliveries:
    """What this process knows of a job's deliveries.

    ``under_way``: uids of runs that are being told of; ``attempts``: by uid; ``slots``: attempts
    that may begin; ``not_before``: none begins before, since what it needs could not be read.
    """

    under_way: frozenset[str] = frozenset()
    attempts: Mapping[str, Attempt] = field(default_factory=dict)
    said: Said | None = None
    slots: int = 0
    not_before: float = 0.0


@dataclass(frozen=True, slots=True)
class Telling:
    """What is to be done. ``begin``: runs to be told of; ``wanting``: whether slots are short.

    ``hook``: status.webhook of the job; None: the webhook is told.
    """

    steps: tuple[RunStep, ...] = ()
    begin: tuple[RunView, ...] = ()
    wanting: bool = False
    hook: Mapping[str, Any] | None = None
    wake_at: float | None = None


def result_of(http_status: int | None) -> Literal["Delivered", "Gone", "Failed"]:
    """What an answer with this status means; None: there was none."""
    if http_status is not None and 200 <= http_status < 300:
        return "Delivered"
    return "Gone" if http_status == 410 else "Failed"


def outbox(hook: Webhook | None, phase: Phase, pending: int, now: float) -> dict[str, Any] | None:
    """status.webhook of a run that ends now; None: nobody is to be told.

    ``pending``: deliveries of the job that are pending already.
    """
    event = EVENT_OF[phase]
    if hook is None or (hook.events is not None and event not in hook.events):
        return None
    at = format_time_micro(now)
    if pending >= MOST_PENDING:
        words = f"{MOST_PENDING} deliveries of the job are pending already"
        error = {"class": "TooManyPending", "message": words}
        return {"phase": "Failed", "attempts": 0, "completionTime": at, "lastError": error}
    return {"phase": "Pending", "attempts": 0, "nextTime": at}


def message_id(uid: str, phase: Phase) -> str:
    """The ``webhook-id`` of a delivery, on each attempt the same. It has no full stop."""
    return f"{uid}-{EVENT_OF[phase].partition('.')[2]}"


def mark_of(hook: Webhook, resume: str) -> str:
    """What tells this webhook from any other; ``resume``: what the job's annotation says."""
    said = f"{hook.model_dump_json()} {resume}"
    return f"sha256:{hashlib.sha256(said.encode()).hexdigest()}"


def telling(
    job: AskedJobView,
    undelivered: Iterable[RunView],
    known: Deliveries,
    delayed: frozenset[str],
    now: float,
) -> Telling:
    """What is to be told of runs of the job, and to be put on record of what was.

    ``undelivered``: its runs whose delivery is pending; ``delayed``: keys of steps that have failed
    and may not be tried again yet.
    """
    hook = job.spec.runs.webhook if job.spec is not None else None
    if hook is None:
        return Telling()
    steps: list[RunStep] = []
    due: list[RunView] = []
    later: float | None = None
    for (
        run
    ) in undelivered:  # perhaps a thousand, at each pass of a job that may make fifty a second
        assert run.delivery is not None
        if run.uid in known.attempts:
            steps.append(_record(run, known.attempts[run.uid]))
        elif run.delivery.next_time > now:
            later = run.delivery.next_time if later is None else min(later, run.delivery.next_time)
        elif not (run.uid in known.under_way or run.deleting or run.step_key in delayed):
            due.append(run)
    state = _state(job, mark_of(hook, job.resume), known.said, now)
    held = state["phase"] if state else ""
    if held == "Paused":
        return Telling(tuple(steps), hook=state)
    if known.not_before > now:
        wake_at = known.not_before if due or later is not None else None
        return Telling(tuple(steps), hook=state, wake_at=wake_at)
    # One attempt says whether the Secret is there, and not one for each run that waits for it.
    slots = known.slots if not held else min(known.slots, 1 - len(known.under_way))
    begin = tuple(nsmallest(max(0, slots), due, key=_due))
    wanting = not held and len(due) > len(begin)
    return Telling(tuple(steps), begin, wanting, state, later)


def _due(run: RunView) -> tuple[float, str]:
    assert run.delivery is not None
    return run.delivery.next_time, run.name


def _record(run: RunView, attempt: Attempt) -> RunStep:
    told = _after(attempt)
    status = {**attempt.status, "webhook": told}
    action = SetStatus(
        "JobRun",
        run.name,
        run.uid,
        run.resource_version,
        status,
        notes=notes.of_delivery(run.name, told),
    )
    return RunStep(run.step_key, Urgency.RECORD, (action,))


def _after(attempt: Attempt) -> dict[str, Any]:
    """status.webhook of a run after an attempt."""
    told: dict[str, Any] = {"attempts": attempt.number}
    if attempt.error is not None:
        told["lastError"] = dict(attempt.error)
    if attempt.result == "Failed" and attempt.number <= len(DELAYS):
        wait = max(DELAYS[attempt.number - 1], attempt.retry_after or 0.0)
        return {**told, "phase": "Pending", "nextTime": format_time_micro(attempt.ended + wait)}
    return {**told, "phase": attempt.result, "completionTime": format_time_micro(attempt.ended)}


def _state(job: AskedJobView, mark: str, said: Said | None, now: float) -> Mapping[str, Any] | None:
    """status.webhook of the job: what is on record of this webhook, until an attempt says more."""
    before = job.status.get("webhook") or {}
    if before.get("hook") != mark:
        before = {}
    if before.get("phase") == "Paused" or said is None or said.mark != mark:
        return before or None
    if said.result in ("Delivered", "Failed"):
        return None
    phase = "Paused" if said.result == "Gone" else "Waiting"
    if before.get("phase") == phase and before.get("message") == said.message:
        return before
    since = before.get("since") if before.get("phase") == phase else None
    return {
        "phase": phase,
        "reason": said.result,
        "message": said.message,
        "since": since or format_time(now),
        "hook": mark,
    }
