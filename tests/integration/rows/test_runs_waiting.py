"""Runs that wait: for a time, for their job, for their turn; and those that are called off."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from support.answering import Endpoint, Reply
from support.asking import Asked
from support.few import at
from wavelab.client import ApiError

pytestmark = pytest.mark.cluster


@pytest.mark.row(
    "JobRun.spec.notBefore", "HTTPJob.status.runs.delayed", "JobRun.status.trace.queueWaitMs"
)
def test_row_run_not_before(asked: Asked, endpoint: Endpoint) -> None:
    """Delayed until then; that wait does not count."""
    moment = datetime.fromtimestamp(int(time.time()) + 4, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    asked.job()
    asked.run("one", notBefore=moment)
    status = asked.tells("one", "Delayed", "Scheduled")
    assert status["message"] == f"not before {moment}"
    asked.until("the job counts it", lambda: asked.of_job().get("runs", {}).get("delayed") == 1)
    status = asked.ended("one")
    (call,) = endpoint.calls
    assert at(moment) <= call.at < at(moment) + 2.5
    assert status["trace"]["queueWaitMs"] < 1500


@pytest.mark.row("HTTPJob.spec.suspend", "HTTPJob.status.state")
def test_row_job_suspend(asked: Asked, endpoint: Endpoint) -> None:
    """No run starts meanwhile; one that executes ends as it does."""
    endpoint.hold()
    asked.job()
    asked.run("before")
    asked.until("it is called", lambda: endpoint.runs() == ["before"])
    asked.job(suspend=True)
    status = asked.seen()
    assert (status["state"], status["reason"]) == ("Suspended", "Suspended")
    assert status["message"] == "no run starts until spec.suspend is false"
    asked.run("held")
    status = asked.tells("held", "Queued", "JobSuspended")
    assert status["message"] == "its job is suspended: set spec.suspend to false"
    endpoint.release()
    assert asked.ended("before")["phase"] == "Completed"
    asked.job()
    assert asked.ended("held")["phase"] == "Completed"


@pytest.mark.row("JobRun.spec.jobName")
def test_row_run_job_name(asked: Asked, endpoint: Endpoint) -> None:
    """A run of a job that is not there waits for it."""
    asked.run("early", "later")
    status = asked.tells("early", "Queued", "JobMissing")
    assert status["message"] == "there is no HTTPJob of this name"
    asked.job("later")
    assert asked.ended("early")["phase"] == "Completed"
    assert endpoint.calls[0].headers["X-Job-Name"] == "later"


@pytest.mark.row("HTTPJob.spec.runs.ttl", "JobRun.spec.ttl", "JobRun.status.expirationTime")
def test_row_runs_ttl(asked: Asked, endpoint: Endpoint) -> None:
    """One that could not start in time is Expired; its own time counts before the job's."""
    asked.job(suspend=True, runs={"ttl": "3s"})
    asked.seen()
    asked.run("one")
    asked.run("brief", ttl="1s")
    asked.run("patient", ttl="1h")
    until = asked.tells("one", "Queued", "JobSuspended")["expirationTime"]
    created = (asked.space.get("JobRun", "one") or {})["metadata"]["creationTimestamp"]
    assert at(until) == at(created) + 3
    for name in ("brief", "one"):
        status = asked.ended(name)
        assert (status["phase"], status["reason"]) == ("Expired", "Expired")
        assert status["message"].startswith("it had not started by ")
        assert at(status["completionTime"]) < at(until) + 2
    asked.job(runs={"ttl": "1s"})
    assert asked.ended("patient")["phase"] == "Completed"
    assert endpoint.runs() == ["patient"]


@pytest.mark.row("JobRun.spec.priority")
def test_row_run_priority(asked: Asked, endpoint: Endpoint) -> None:
    """Of those that wait for a place, the higher one is first, though it came last."""
    endpoint.hold()
    asked.job(runs={"limits": {"maxConcurrency": 1}})
    asked.run("first")
    asked.until("it is called", lambda: endpoint.runs() == ["first"])
    for name, priority in (("a-low", 1), ("b-none", 0), ("c-high", 10)):
        asked.run(name, priority=priority)
    for name in ("a-low", "b-none", "c-high"):
        asked.tells(name, "Queued", "ConcurrencyLimit")
    endpoint.release()
    for name in ("a-low", "b-none", "c-high"):
        assert asked.ended(name)["phase"] == "Completed"
    assert endpoint.runs() == ["first", "c-high", "a-low", "b-none"]


@pytest.mark.row("JobRun.spec.concurrencyKey")
def test_row_run_concurrency_keys_take_turns(asked: Asked, endpoint: Endpoint) -> None:
    endpoint.hold()
    asked.job(runs={"limits": {"maxConcurrency": 1}})
    asked.run("first", concurrencyKey="other")
    asked.until("it is called", lambda: endpoint.runs() == ["first"])
    waiting = {"a1": "a", "a2": "a", "b1": "b", "b2": "b"}
    for name, key in waiting.items():
        asked.run(name, concurrencyKey=key)
    for name in waiting:
        asked.tells(name, "Queued", "ConcurrencyLimit")
    endpoint.release()
    for name in waiting:
        assert asked.ended(name)["phase"] == "Completed"
    assert endpoint.runs() == ["first", "a1", "b1", "a2", "b2"]


@pytest.mark.row("JobRun.spec.canceled")
def test_row_run_canceled(asked: Asked, endpoint: Endpoint) -> None:
    """One that waits ends at once, one that executes is no longer waited for; of one that has
    ended it is refused."""
    endpoint.answer = lambda _: Reply(503)
    asked.job(runs={"retry": {"initialDelay": "1h"}})
    asked.run("waiting")
    asked.tells("waiting", "Queued", "RetryBackoff")
    endpoint.answer = lambda _: Reply()
    asked.run("done")
    before = asked.ended("done")
    endpoint.hold()
    asked.run("executing")
    asked.until("it is called", lambda: endpoint.of("executing"))
    with pytest.raises(ApiError, match=r"spec\.canceled: the run has ended already"):
        asked.space.patch("JobRun", "done", {"canceled": True})
    for name in ("waiting", "executing"):
        asked.space.patch("JobRun", name, {"canceled": True})
    for name in ("waiting", "executing"):
        status = asked.ended(name)
        assert (status["phase"], status["reason"]) == ("Canceled", "Canceled")
        assert status["message"].startswith("spec.canceled is set")
        assert "holder" not in status
    assert asked.of("done") == before
    with pytest.raises(ApiError, match=r"spec\.canceled: cannot be taken back"):
        asked.space.patch("JobRun", "waiting", {"canceled": False})
    endpoint.release()
    asked.run("next")
    assert asked.ended("next")["phase"] == "Completed", "the place of the canceled call is free"
