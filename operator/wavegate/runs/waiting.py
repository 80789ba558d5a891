"""What a run that has not begun waits for, apart from the job's limits.

The first of these that holds is told: canceled and expired runs end; then the time that was asked
for, the delay after a failure, the job that is suspended, its windows, and the endpoint's circuit.
"""

from __future__ import annotations

from wavegate.api.httpjob import HTTPJobSpec
from wavegate.api.jobrun import Phase
from wavegate.domain.times import format_time
from wavegate.runs.limits import Held
from wavegate.runs.observed import RunView


def eligible_since(run: RunView, seen: float | None) -> float:
    """Since when a run could start, by its own words (epoch seconds).

    ``seen``: when this process saw it first. Creation times are whole seconds, so that what was
    seen within that second is nearer to the truth.
    """
    since = run.created
    if seen is not None and run.created <= seen < run.created + 1.0:
        since = seen
    return max(since, run.not_before or 0.0, run.next_retry or 0.0)


def expires(run: RunView, spec: HTTPJobSpec) -> float | None:
    """When a run expires that has never started; None: never."""
    ttl = run.ttl if run.ttl is not None else spec.runs.ttl
    if ttl is None or run.attempt:
        return None
    return max(run.created, run.not_before or 0.0) + ttl


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


def phase_of(run: RunView, reason: str) -> Phase:
    """The phase of a run that is held for this reason.

    Once Queued it stays so, though the clock of another process be behind.
    """
    is_new = not run.status.get("reason")
    return "Delayed" if reason == "Scheduled" and (is_new or run.phase == "Delayed") else "Queued"
