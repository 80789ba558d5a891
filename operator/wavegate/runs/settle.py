"""What an attempt's end makes of its run: the next phase, the delay, and what is kept of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from wavegate.api.asked import Asked
from wavegate.api.httpjob import Retry
from wavegate.api.jobrun import Phase
from wavegate.domain.times import format_time_micro
from wavegate.runs.answers import phase_after
from wavegate.runs.callbacks import CallbackView, is_to_be_recorded, overdue
from wavegate.runs.observed import Answer, RunView
from wavegate.runs.retry import delay, draw, settings
from wavegate.runs.statuses import status_of

LOST: Final = Answer(
    outcome="Crashed",
    message="the process that called it has ended; whether the call arrived is not known",
    retryable=True,
)
"""Of an attempt whose process leads no more."""


CALLBACK_PENDING: Final = "CallbackPending"
"""Reason of a run that executes and whose endpoint is to call back."""


def retry_of(run: RunView, spec: Asked | None) -> Retry:
    """How the run is tried again; of a job that is gone, not at all."""
    if spec is None:
        return Retry(max_attempts=1)
    return settings(spec.runs.retry, run.overrides.retry if run.overrides else None)


def settled(run: RunView, answer: Answer, retry: Retry, now: float) -> dict[str, Any]:
    """The status of an executing run after the end of its attempt, or of its call."""
    if answer.outcome == "Accepted":
        return _accepted(run, answer, retry, now)
    phase = phase_after(answer.outcome, answer.retryable, run.attempt, retry.max_attempts)
    facts: dict[str, Any] = {
        "lastError": _error(answer),
        "result": answer.result,
        "resultSize": answer.result_size if answer.result is None and answer.result_hash else None,
        "resultHash": answer.result_hash if answer.result is None else None,
        "trace": _trace(run, answer, phase, now),
        # A call that was answered 202 is the last one, whatever ends the wait for its call back.
        "debug": run.status.get("debug") if run.is_accepted else answer.debug,
        "nodes": answer.nodes,
        "failures": list(answer.failures) or None,
        "holder": None,
        "nextRetryTime": None,
    }
    if answer.called_back is not None:
        facts["callback"] = {**_callback(run), "outcome": answer.called_back}
    if phase == "Queued":
        wait = delay(retry, run.attempt, draw(run.uid, run.attempt), answer.retry_after)
        facts["nextRetryTime"] = format_time_micro(now + wait)
        return status_of(run, phase, "RetryBackoff", _again(answer, run, retry), now, **facts)
    return status_of(run, phase, answer.outcome, _end(answer, run, phase), now, **facts)


def silence(
    callback: CallbackView, heard: float | None, leads_since: float, now: float
) -> Answer | None:
    """The end of an attempt that is to be called back and was not in time; None: it has time."""
    over = overdue(callback, heard, leads_since, now)
    return Answer(over.outcome, message=over.message, retryable=True) if over is not None else None


def heard_of(
    run: RunView, callback: CallbackView, heard: float | None, now: float
) -> dict[str, Any] | None:
    """The status of a run that is to be called back, with the heartbeat that came at ``heard``.

    None: that is not put on record.
    """
    if heard is None or not is_to_be_recorded(callback, heard):
        return None
    status = run.status
    facts = {"callback": {**_callback(run), "heartbeatTime": format_time_micro(heard)}}
    return status_of(run, "Executing", status["reason"], status.get("message", ""), now, **facts)


def _accepted(run: RunView, answer: Answer, retry: Retry, now: float) -> dict[str, Any]:
    """It goes on without a process that calls: whoever leads takes the call back."""
    facts: dict[str, Any] = {
        "callback": {**_callback(run), "acceptedTime": format_time_micro(answer.ended or now)},
        "trace": {**(run.status.get("trace") or {}), **answer.trace},
        "debug": answer.debug,
        "holder": None,
    }
    words = f"attempt {run.attempt} of {retry.max_attempts}: {answer.message}; to be called back"
    return status_of(run, "Executing", CALLBACK_PENDING, words, now, **facts)


def _callback(run: RunView) -> Mapping[str, Any]:
    return run.status.get("callback") or {}


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
