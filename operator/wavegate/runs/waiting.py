"""What a run that has not begun waits for, apart from the job's limits.

The first of these that holds is told: canceled and expired runs end; then the time that was asked
for, the delay after a failure, the job that is suspended, its windows, runs of earlier ticks, and
what the job depends on.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from wavegate.api.asked import Asked
from wavegate.api.conditions import STALLED
from wavegate.api.jobrun import Phase
from wavegate.domain.times import format_time
from wavegate.runs.dependencies import DEPENDENCIES
from wavegate.runs.held import Held
from wavegate.runs.observed import AskedJobView, RunView

_ROLLS_OUT: Final = (
    "its FleetJob rolls out each version by itself: give it spec.runs, if only {}, to have it"
    " executed when asked"
)


def eligible_since(run: RunView, seen: float | None) -> float:
    """Since when a run could start, by its own words (epoch seconds).

    ``seen``: when this process saw it first. Creation times are whole seconds, so that what was
    seen within that second is nearer to the truth.
    """
    since = run.created
    if seen is not None and run.created <= seen < run.created + 1.0:
        since = seen
    return max(since, run.not_before or 0.0, run.next_retry or 0.0)


def expires(run: RunView, spec: Asked) -> float | None:
    """When a run expires that has never started; None: never."""
    ttl = run.ttl if run.ttl is not None else spec.runs.ttl
    if ttl is None or run.attempt:
        return None
    return max(run.created, run.not_before or 0.0) + ttl


def of_job(run: RunView, job: AskedJobView | None) -> Held:
    """Why no run of a job can start that is not there, is not asked, or is not understood."""
    if job is None:
        return Held("JobMissing", f"there is no {run.job_kind} of this name")
    if job.rolls_out:
        return Held("JobNotAsked", _ROLLS_OUT)
    return Held("JobInvalid", f"its job is not understood; see the {job.kind}'s status")


def unmade(job: AskedJobView | None) -> Held | None:
    """What is in the way of the job's version, by its own words; None: it is being made."""
    conditions = job.status.get("conditions") or () if job is not None else ()
    stalled = next((each for each in conditions if each["type"] == STALLED), None)
    if stalled is None or stalled.get("status") != "True":
        return None
    return Held("JobInvalid", f"no version is made of its job: {stalled.get('message')}")


def held(run: RunView, now: float, suspended: bool, opens: float | None) -> Held | None:
    """Why the run cannot start yet, by itself and its job; None: it could.

    ``opens``: when the job's next window opens, None: one is open.
    """
    if run.not_before is not None and run.not_before > now:
        return Held("Scheduled", f"not before {format_time(run.not_before)}", run.not_before)
    if run.next_retry is not None and run.next_retry > now:
        words = f"attempt {run.attempt + 1} begins at {format_time(run.next_retry)}"
        return Held("RetryBackoff", words, run.next_retry)
    if suspended:
        return Held("JobSuspended", "its job is suspended: set spec.suspend to false")
    if opens is not None:
        return Held("OutsideWindow", f"its job's next window opens at {format_time(opens)}", opens)
    return None


def queued_behind(run: RunView, active: Iterable[RunView], spec: Asked) -> Held | None:
    """A run of a schedule that queues waits for those of earlier ticks."""
    schedule = spec.trigger.schedule
    if run.scheduled is None or schedule is None or schedule.concurrency_policy != "Queue":
        return None
    earlier = [
        each for each in active if each.scheduled is not None and each.scheduled < run.scheduled
    ]
    if not earlier:
        return None
    first = min(earlier, key=lambda each: each.scheduled or 0.0)
    return Held("ConcurrencyLimit", f"{first.name} of an earlier tick has not ended")


def queue_full(most: int) -> str:
    """Why a run is refused where so many wait."""
    if most == 1:
        return "1 run of the job waits already"
    return f"{most} runs of the job wait already"


def phase_of(run: RunView, reason: str) -> Phase:
    """The phase of a run that is held for this reason.

    Once Queued it is not Delayed again, though the clock of another process be behind.
    """
    if reason in DEPENDENCIES:
        return "Waiting"
    is_new = not run.status.get("reason")
    return "Delayed" if reason == "Scheduled" and (is_new or run.phase == "Delayed") else "Queued"
