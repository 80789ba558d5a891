"""What an attempt's end makes of its run: the next phase, the delay, and what is kept of it."""

from __future__ import annotations

from typing import Any, Final

from wavegate.api.asked import Asked
from wavegate.api.httpjob import Retry
from wavegate.api.jobrun import Phase
from wavegate.domain.times import format_time_micro
from wavegate.runs.answers import phase_after
from wavegate.runs.observed import Answer, RunView
from wavegate.runs.retry import delay, draw, settings
from wavegate.runs.statuses import status_of

LOST: Final = Answer(
    outcome="Crashed",
    message="the process that called it has ended; whether the call arrived is not known",
    retryable=True,
)
"""Of an attempt whose process leads no more."""


def retry_of(run: RunView, spec: Asked | None) -> Retry:
    """How the run is tried again; of a job that is gone, not at all."""
    if spec is None:
        return Retry(max_attempts=1)
    return settings(spec.runs.retry, run.overrides.retry if run.overrides else None)


def settled(run: RunView, answer: Answer, retry: Retry, now: float) -> dict[str, Any]:
    """The status of an executing run after the end of its attempt."""
    phase = phase_after(answer.outcome, answer.retryable, run.attempt, retry.max_attempts)
    facts: dict[str, Any] = {
        "lastError": _error(answer),
        "result": answer.result,
        "resultSize": answer.result_size if answer.result is None and answer.result_hash else None,
        "resultHash": answer.result_hash if answer.result is None else None,
        "trace": _trace(run, answer, phase, now),
        "debug": answer.debug,
        "nodes": answer.nodes,
        "failures": list(answer.failures) or None,
        "holder": None,
        "nextRetryTime": None,
    }
    if phase == "Queued":
        wait = delay(retry, run.attempt, draw(run.uid, run.attempt), answer.retry_after)
        facts["nextRetryTime"] = format_time_micro(now + wait)
        return status_of(run, phase, "RetryBackoff", _again(answer, run, retry), now, **facts)
    return status_of(run, phase, answer.outcome, _end(answer, run, phase), now, **facts)


def _again(answer: Answer, run: RunView, retry: Retry) -> str:
    return f"attempt {run.attempt} of {retry.max_attempts} failed: {answer.message}"


def _end(answer: Answer, run: RunView, phase: Phase) -> str:
    if phase == "Completed":
        return answer.message
    if phase == "DeadLetter":
        return f"all {run.attempt} attempts failed, the last one: {answer.message}"
    return answer.message


def _error(answer: Answer) -> dict[str, Any] | None:
    if answer.outcome == "Completed":
        return None
    error: dict[str, Any] = {"class": answer.outcome, "message": answer.message[:1024]}
    if answer.http_status is not None:
        error["httpStatus"] = answer.http_status
    return error


def _trace(run: RunView, answer: Answer, phase: Phase, now: float) -> dict[str, int]:
    trace = {**(run.status.get("trace") or {}), **answer.trace}
    since = run.started
    if phase != "Queued" and since is not None:
        ended = answer.ended or now
        trace["totalMs"] = trace.get("queueWaitMs", 0) + max(0, round(1000 * (ended - since)))
    return trace
