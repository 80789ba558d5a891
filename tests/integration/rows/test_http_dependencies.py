"""Jobs whose runs wait for other jobs, or are asked for by their ends."""

from __future__ import annotations

import time
from typing import Any

import pytest

from support.answering import Endpoint, Received, Reply
from support.asking import ONCE, Asked
from support.few import at
from wavegate.domain.times import format_time

pytestmark = pytest.mark.cluster

FAILS = "fails"


def _answer(call: Received) -> Reply:
    return Reply(422 if call.run.startswith(FAILS) else 200)


def _needs(job: str, **more: Any) -> dict[str, Any]:
    return {"dependsOn": [{"jobName": job, **more}]}


def _done(asked: Asked, run: str, job: str) -> str:
    asked.run(run, job, owned=True)
    return str(asked.ended(run)["phase"])


@pytest.mark.row(
    "HTTPJob.spec.trigger.dependsOn[].jobName",
    "HTTPJob.spec.trigger.dependsOn[].condition",
    "HTTPJob.spec.trigger.dependsOn[].freshness",
    "HTTPJob.status.runs.waiting",
)
def test_row_trigger_depends_on(asked: Asked, endpoint: Endpoint) -> None:
    """A gate: missing, then pending, then open as its condition and freshness say."""
    endpoint.answer = _answer
    gates: dict[str, dict[str, Any]] = {
        "plain": {},
        "completed": {"condition": "Completed"},
        "failed": {"condition": "Failed"},
        "any": {"condition": "Any"},
        "fresh": {"condition": "Any", "freshness": "1s"},
    }
    for name, gate in gates.items():
        asked.job(name, trigger=_needs("up", **gate))
        asked.run(f"{name}-1", name)
    missing = asked.tells("plain-1", "Waiting", "DependencyMissing")
    assert missing["message"].startswith("HTTPJob up is not there")
    kept = {"retry": ONCE, "successfulHistoryLimit": 0, "failedHistoryLimit": 0}
    asked.job("up", runs=kept)
    pending = asked.tells("plain-1", "Waiting", "DependencyPending")
    assert pending["message"] == "HTTPJob up: no run of it has ended"
    asked.until("it is counted", lambda: asked.of_job("plain")["runs"]["waiting"] == 1)
    assert endpoint.calls == []
    assert _done(asked, f"{FAILS}-1", "up") == "Failed"
    for name in ("failed", "any", "fresh"):
        assert asked.ended(f"{name}-1")["phase"] == "Completed"
    message = f"HTTPJob up: its latest run, {FAILS}-1, is Failed; Completed is asked for"
    for name in ("plain", "completed"):
        asked.until(
            f"{name} says for whom", lambda name=name: asked.of(f"{name}-1")["message"] == message
        )
    assert _done(asked, "good", "up") == "Completed"
    for name in ("plain", "completed"):
        assert asked.ended(f"{name}-1")["phase"] == "Completed"
    asked.until("it is over a second ago", lambda: asked.passed(_end(asked, "good"), 2))
    asked.run("fresh-2", "fresh")
    stale = asked.tells("fresh-2", "Waiting", "DependencyPending")
    assert stale["message"].startswith("HTTPJob up: its latest run, good, ended at ")
    assert stale["message"].endswith(", over 1s ago")
    assert _done(asked, "better", "up") == "Completed"
    assert asked.ended("fresh-2")["phase"] == "Completed"
    assert asked.of("better"), "the latest is kept whatever the limits say"


def _end(asked: Asked, run: str) -> str:
    return str(asked.of(run)["completionTime"])


@pytest.mark.row(
    "HTTPJob.spec.trigger.dependsOn[].mode",
    "HTTPJob.status.dependencies",
    "HTTPJob.status.dependencies[].jobName",
    "HTTPJob.status.dependencies[].decidedUpTo",
    "JobRun.status.triggeredBy",
)
def test_row_trigger_depends_on_mode(asked: Asked, endpoint: Endpoint) -> None:
    """Each end asks for one run; Gate asks for none; what ended before counts not."""
    endpoint.answer = _answer
    asked.job("up", runs={"retry": ONCE})
    assert _done(asked, "before", "up") == "Completed"
    # Of a job only the second is known in which it was made.
    asked.until("a second is over", lambda: asked.passed(_end(asked, "before"), 1))
    asked.job("gate", trigger=_needs("up", mode="Gate"))
    asked.job("down", trigger=_needs("up", mode="Trigger"))

    def decided() -> float:
        (record,) = asked.of_job("down").get("dependencies") or [{}]
        return at(record["decidedUpTo"]) if record.get("jobName") == "up" else 0.0

    asked.until("it counts from now on", lambda: decided() > at(_end(asked, "before")))
    assert _done(asked, f"{FAILS}-1", "up") == "Failed"
    for number in (1, 2):
        assert _done(asked, f"good-{number}", "up") == "Completed"
        asked.until(
            "its end is decided on", lambda n=number: decided() == at(_end(asked, f"good-{n}"))
        )
        asked.until("a run is asked for", lambda n=number: len(_of(endpoint, "down")) == n)
    made = sorted(_of(endpoint, "down"))
    assert {asked.ended(run)["triggeredBy"] for run in made} == {"Dependency"}
    assert len(set(made)) == 2
    assert _of(endpoint, "gate") == []


def _of(endpoint: Endpoint, job: str) -> list[str]:
    return [call.run for call in endpoint.calls if call.headers["x-job-name"] == job]


@pytest.mark.row("HTTPJob.spec.trigger.dependsOn")
def test_row_trigger_depends_on_a_circle(asked: Asked, endpoint: Endpoint) -> None:
    for job, other in (("egg", "hen"), ("hen", "egg")):
        asked.job(job, trigger=_needs(other))
        asked.run(f"{job}-1", job)
    for job, other in (("egg", "hen"), ("hen", "egg")):
        status = asked.tells(f"{job}-1", "Waiting", "DependencyCycle")
        way = f"HTTPJob {job}, which depends on {other}, which depends on {job}"
        assert status["message"] == f"no run of a circle can be the first: {way}"
    asked.job("hen")
    for run in ("hen-1", "egg-1"):
        assert asked.ended(run)["phase"] == "Completed"
    assert [call.run for call in endpoint.calls] == ["hen-1", "egg-1"]


@pytest.mark.row("JobRun.spec.notBefore", "HTTPJob.spec.trigger.dependsOn[].jobName")
def test_row_trigger_depends_on_once_its_time_has_come(asked: Asked, endpoint: Endpoint) -> None:
    """A run that was Delayed waits for the other job then, and keeps none of its own from it."""
    asked.job("up")
    asked.job("down", trigger=_needs("up"))
    asked.run("later", "down", notBefore=format_time(time.time() + 3))
    asked.tells("later", "Delayed", "Scheduled")
    asked.tells("later", "Waiting", "DependencyPending")
    asked.run("next", "down")
    asked.tells("next", "Waiting", "DependencyPending")
    assert _done(asked, "up-1", "up") == "Completed"
    for run in ("later", "next"):
        assert asked.ended(run)["phase"] == "Completed"
