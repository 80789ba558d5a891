"""Within which limits runs start."""

from __future__ import annotations

import pytest

from support.answering import Endpoint
from support.asking import Asked
from support.few import at

pytestmark = pytest.mark.cluster


@pytest.mark.row("HTTPJob.spec.runs.limits.maxConcurrency", "HTTPJob.status.runs.executing")
def test_row_limits_max_concurrency(asked: Asked, endpoint: Endpoint) -> None:
    """The third waits until one has ended; raising the limit lets it go on at once."""
    endpoint.hold()
    asked.job(runs={"limits": {"maxConcurrency": 2}})
    names = ("a", "b", "c", "d")
    for name in names:
        asked.run(name)
    asked.until("two are called", lambda: len(endpoint.calls) == 2)
    status = asked.tells("c", "Queued", "ConcurrencyLimit")
    assert status["message"] == "2 runs may execute at a time"
    asked.until("the job counts them", lambda: asked.of_job()["runs"]["executing"] == 2)
    assert endpoint.most_at_once == 2
    asked.job(runs={"limits": {"maxConcurrency": 3}})
    asked.until("a third is called", lambda: endpoint.runs()[2:] == ["c"])
    endpoint.release()
    for name in names:
        assert asked.ended(name)["phase"] == "Completed"
    assert endpoint.most_at_once == 3


@pytest.mark.row("HTTPJob.spec.runs.limits.maxConcurrencyPerKey", "JobRun.spec.concurrencyKey")
def test_row_limits_max_concurrency_per_key(asked: Asked, endpoint: Endpoint) -> None:
    """One of each key; a run without a key is of none."""
    endpoint.hold()
    asked.job(runs={"limits": {"maxConcurrencyPerKey": 1}})
    for name, key in (("a1", "a"), ("a2", "a"), ("b1", "b")):
        asked.run(name, concurrencyKey=key)
    for name in ("free-1", "free-2"):
        asked.run(name)
    status = asked.tells("a2", "Queued", "KeyConcurrencyLimit")
    assert status["message"] == "1 run of its key may execute at a time"
    asked.until("the others are called", lambda: len(endpoint.calls) == 4)
    assert sorted(endpoint.runs()) == ["a1", "b1", "free-1", "free-2"]
    endpoint.release()
    assert asked.ended("a2")["phase"] == "Completed"


@pytest.mark.row(
    "HTTPJob.spec.runs.limits.rate.max",
    "HTTPJob.spec.runs.limits.rate.window",
    "HTTPJob.spec.runs.limits.rate.onLimit",
    "HTTPJob.status.rateClock",
    "JobRun.status.rateClock",
)
def test_row_limits_rate(asked: Asked, endpoint: Endpoint) -> None:
    """Two begin at once, and the others as the window restores what they used: one in 1.5 s."""
    asked.job(runs={"limits": {"rate": {"max": 2, "window": "3s"}}})
    names = [f"run-{number}" for number in range(4)]
    for name in names:
        asked.run(name)
    status = asked.tells("run-3", "Queued", "RateLimited")
    assert status["message"] == "2 calls may begin within 3s"
    statuses = {name: asked.ended(name) for name in names}
    times = [call.at for call in endpoint.calls]
    began = {name: at(status["startTime"]) for name, status in statuses.items()}
    assert times[1] - times[0] < 1.5
    assert began["run-2"] - began["run-0"] >= 1.5
    assert began["run-3"] - began["run-2"] >= 1.4
    clocks = [at(statuses[name]["rateClock"]) for name in names]
    assert clocks == sorted(clocks)
    for name, clock in zip(names, clocks, strict=True):
        assert 0 < clock - began[name] <= 3
    last = max(statuses[name]["rateClock"] for name in names)
    asked.until("the job knows it", lambda: asked.of_job().get("rateClock") == last)


@pytest.mark.row("HTTPJob.spec.runs.limits.rate.onLimit")
def test_row_limits_rate_reject(asked: Asked, endpoint: Endpoint) -> None:
    asked.job(runs={"limits": {"rate": {"max": 1, "window": "1h", "onLimit": "Reject"}}})
    for name in ("one", "two"):
        asked.run(name)
    assert asked.ended("one")["phase"] == "Completed"
    status = asked.ended("two")
    assert (status["phase"], status["reason"]) == ("Canceled", "RateLimited")
    assert status["message"] == "1 call may begin within 1h"
    assert endpoint.runs() == ["one"]


@pytest.mark.row(
    "RateLimitPool.spec.max",
    "RateLimitPool.spec.window",
    "HTTPJob.spec.runs.limits.pools",
    "JobRun.status.poolClocks",
)
def test_row_limits_pools(asked: Asked, endpoint: Endpoint) -> None:
    """Two jobs share two calls in 3 s, by turns; a pool that is changed grants more at once."""
    space, limits = asked.space, {"limits": {"pools": ["partner"]}}
    jobs = ("first", "second")
    for job in jobs:
        asked.job(job, runs=limits)
    asked.run("early", "first")
    status = asked.tells("early", "Queued", "PoolMissing")
    assert status["message"].startswith("RateLimitPool partner is not there")
    space.apply("partner", {"max": 2, "window": "3s"}, "RateLimitPool")
    status = asked.ended("early")
    assert 0 < at(status["poolClocks"]["partner"]) - at(status["startTime"]) <= 3
    names = [(f"{job}-{number}", job) for number in range(2) for job in jobs]
    for name, job in names:
        asked.run(name, job)
    told = asked.tells("second-1", "Queued", "PoolLimited")["message"]
    assert told.startswith("RateLimitPool partner: ")
    began = {name: at(asked.ended(name)["startTime"]) for name, _ in names}
    times = sorted(began.values())
    assert times[3] - times[0] >= 2 * 1.4, "after the burst there is one in 1.5 s"
    last = sorted(began, key=lambda name: began[name])[-2:]
    assert {name.partition("-")[0] for name in last} == set(jobs), "they take turns"
    space.apply("partner", {"max": 100, "window": "3s"}, "RateLimitPool")
    for number in range(10):
        asked.run(f"more-{number}", jobs[number % 2])
    more = [at(asked.ended(f"more-{number}")["startTime"]) for number in range(10)]
    assert max(more) - min(more) < 3


@pytest.mark.row("HTTPJob.spec.runs.limits.maxQueued", "HTTPJob.status.runs.queued")
def test_row_limits_max_queued(asked: Asked, endpoint: Endpoint) -> None:
    """A third that would wait is refused; those that wait are not."""
    asked.job(suspend=True, runs={"limits": {"maxQueued": 2}})
    asked.seen()
    for name in ("a", "b", "c"):
        asked.run(name)
    status = asked.ended("c")
    assert (status["phase"], status["reason"]) == ("Canceled", "QueueFull")
    assert status["message"] == "2 runs of the job wait already"
    asked.until("the job counts them", lambda: asked.of_job()["runs"]["queued"] == 2)
    asked.job(runs={"limits": {"maxQueued": 2}})
    for name in ("a", "b"):
        assert asked.ended(name)["phase"] == "Completed"
    assert sorted(endpoint.runs()) == ["a", "b"]
