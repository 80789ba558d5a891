"""What happens after an attempt that failed: how often it is tried again, and how soon."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import pytest

from support.answering import Endpoint, Received, Reply
from support.asking import AT_ONCE, ONCE, Asked
from support.few import at
from support.space import Document
from support.watching import Watch

pytestmark = pytest.mark.cluster

A_MICROSECOND = 2e-6
"""Times on record are rounded."""

EXACT = {"jitterPercent": 0, "maxAttempts": 4}
DELAYS: dict[str, tuple[dict[str, Any], list[float]]] = {
    "fixed": ({"strategy": "Fixed", "initialDelay": "700ms"}, [0.7, 0.7, 0.7]),
    "linear": ({"strategy": "Linear", "initialDelay": "700ms"}, [0.7, 1.4, 2.1]),
    "exponential": ({"strategy": "Exponential", "initialDelay": "700ms"}, [0.7, 1.4, 2.8]),
    "bounded": ({"initialDelay": "700ms", "maxDelay": "800ms"}, [0.7, 0.8, 0.8]),
    "custom": ({"strategy": "Custom", "delays": ["900ms", "100ms"]}, [0.9, 0.1, 0.1]),
}
"""By name of a run, how it is tried again, and the delays that follow, in seconds."""


def unwell(_: Received) -> Reply:
    return Reply(503)


@dataclass(frozen=True)
class Backoff:
    """A failed attempt on record (epoch seconds); ``seen``: by when it was."""

    started: float
    due: float
    seen: float

    @property
    def least(self) -> float:
        """Seconds after its end at which the next one is due: the end lies between its start and
        when that was seen, however busy the machine is."""
        return self.due - self.seen

    @property
    def most(self) -> float:
        return self.due - self.started


class Backoffs(Watch):
    """By run and attempt, what was on record after it had failed."""

    def __init__(self, asked: Asked) -> None:
        super().__init__(asked.space, "JobRun")
        self.found: dict[tuple[str, int], Backoff] = {}

    def heard(self, document: Document, gone: bool) -> None:
        status = document.get("status", {})
        if not gone and status.get("reason") == "RetryBackoff":
            key = document["metadata"]["name"], status["attempt"]
            told = Backoff(at(status["startTime"]), at(status["nextRetryTime"]), time.time())
            self.found.setdefault(key, told)


def assert_delays(endpoint: Endpoint, backoffs: Backoffs, run: str, wanted: list[float]) -> None:
    calls = endpoint.of(run)
    assert [call.attempt for call in calls] == [*range(1, len(wanted) + 2)]
    for call, delay in zip(calls[1:], wanted, strict=True):
        before = backoffs.found[run, call.attempt - 1]
        assert before.least <= delay <= before.most + A_MICROSECOND, (call.attempt, before)
        assert call.at >= before.due, (call.attempt, before)


@pytest.mark.row("HTTPJob.spec.runs.retry.maxAttempts", "JobRun.spec.overrides.retry.maxAttempts")
def test_row_retry_max_attempts(asked: Asked, endpoint: Endpoint) -> None:
    """Attempts in all; a run may have fewer, and with the only one it is Failed."""
    endpoint.answer = unwell
    asked.job(runs={"retry": {**AT_ONCE, "maxAttempts": 2}})
    asked.run("one")
    asked.run("once", overrides={"retry": ONCE})
    status = asked.ended("one")
    assert (status["phase"], status["attempt"]) == ("DeadLetter", 2)
    assert status["message"] == "all 2 attempts failed, the last one: answered 503"
    status = asked.ended("once")
    assert (status["phase"], status["attempt"]) == ("Failed", 1)
    assert [call.attempt for call in endpoint.of("one")] == [1, 2]
    assert len({call.headers["Idempotency-Key"] for call in endpoint.of("one")}) == 1
    assert len(endpoint.of("once")) == 1


@pytest.mark.row(
    "HTTPJob.spec.runs.retry.strategy",
    "HTTPJob.spec.runs.retry.initialDelay",
    "HTTPJob.spec.runs.retry.maxDelay",
    "HTTPJob.spec.runs.retry.delays",
)
@pytest.mark.parametrize("name", DELAYS)
def test_row_retry_delays(name: str, asked: Asked, endpoint: Endpoint) -> None:
    endpoint.answer = unwell
    retry, delays = DELAYS[name]
    asked.job(runs={"retry": {**EXACT, **retry}})
    with Backoffs(asked) as backoffs:
        asked.run("one")
        assert asked.ended("one")["phase"] == "DeadLetter"
    assert_delays(endpoint, backoffs, "one", delays)


@pytest.mark.row(
    "JobRun.spec.overrides.retry.strategy",
    "JobRun.spec.overrides.retry.initialDelay",
    "JobRun.spec.overrides.retry.maxDelay",
    "JobRun.spec.overrides.retry.jitterPercent",
    "JobRun.spec.overrides.retry.delays",
)
@pytest.mark.parametrize("name", DELAYS)
def test_row_retry_overrides(name: str, asked: Asked, endpoint: Endpoint) -> None:
    """A run is tried again as it says itself, though its job says otherwise."""
    endpoint.answer = unwell
    retry, delays = DELAYS[name]
    asked.job(runs={"retry": {"initialDelay": "1h", "jitterPercent": 100, "maxAttempts": 1}})
    with Backoffs(asked) as backoffs:
        asked.run("one", overrides={"retry": {**EXACT, **retry}})
        assert asked.ended("one")["phase"] == "DeadLetter"
    assert_delays(endpoint, backoffs, "one", delays)


@pytest.mark.row("HTTPJob.spec.runs.retry.jitterPercent")
def test_row_retry_jitter_percent(asked: Asked, endpoint: Endpoint, other: Endpoint) -> None:
    """Runs that fail together do not come back together, and none later than twice the delay."""
    retry = {"strategy": "Fixed", "initialDelay": "1s", "jitterPercent": 100}
    with Backoffs(asked) as backoffs:
        for each, job in ((endpoint, "one"), (other, "two")):
            each.answer = lambda call: Reply(503 if call.attempt == 1 else 200)
            asked.job(job, http={"url": each.url}, runs={"retry": retry})
            for number in range(4):
                asked.run(f"{job}-{number}", job)
        for job in ("one", "two"):
            for number in range(4):
                assert asked.ended(f"{job}-{number}")["phase"] == "Completed"
    found = list(backoffs.found.values())
    assert len(found) == 8
    assert all(each.least <= 2 and each.most >= 0 for each in found)
    assert max(each.most for each in found) - min(each.most for each in found) > 0.2


@pytest.mark.row("JobRun.status.nextRetryTime", "JobRun.status.lastError.httpStatus")
def test_row_retry_after(asked: Asked, endpoint: Endpoint) -> None:
    """What the endpoint asks for is waited for, though the job would come back at once."""
    endpoint.answer = lambda _: Reply(429, headers={"Retry-After": "600"})
    asked.job(runs={"retry": AT_ONCE})
    asked.run("one")
    status = asked.tells("one", "Queued", "RetryBackoff")
    assert status["message"] == "attempt 1 of 3 failed: answered 429"
    assert status["lastError"]["httpStatus"] == 429
    assert 598 <= at(status["nextRetryTime"]) - endpoint.calls[0].at < 610
    assert "completionTime" not in status


@pytest.mark.row("JobRun.status.phase")
def test_row_retry_not_at_all(asked: Asked, endpoint: Endpoint) -> None:
    """The endpoint says no, or that another attempt would not help; redirects are not followed."""
    answers = {
        "no": Reply(404),
        "never": Reply(503, headers={"X-Run-Non-Retryable": "true"}),
        "moved": Reply(307, headers={"Location": "/elsewhere"}),
    }
    endpoint.answer = lambda call: answers[call.run]
    asked.job(runs={"retry": AT_ONCE})
    for name in answers:
        asked.run(name)
    for name, reply in answers.items():
        status = asked.ended(name)
        assert (status["phase"], status["reason"]) == ("Failed", "Rejected")
        assert status["message"] == f"answered {reply.status}"
    assert sorted(endpoint.runs()) == sorted(answers)
