"""Runs of FleetJobs: one pass over the nodes for each, on the real API server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from integration.test_one_shot import query
from support.answering import Endpoint
from support.asking import Asked
from support.operator_process import OperatorProcess
from support.rollouts import NODES
from support.space import Space

pytestmark = pytest.mark.cluster


@pytest.fixture
def fleet(space: Space, operator: OperatorProcess, endpoint: Endpoint) -> Iterator[Asked]:
    """A namespace whose jobs of both kinds are deleted after the test."""
    yield Asked(space, endpoint)
    for kind in ("HTTPJob", "FleetJob"):
        for job in space.list(kind):
            space.delete(kind, job["metadata"]["name"])


def _ask(fleet: Asked, run: str, job: str = "look", **spec: Any) -> None:
    fleet.run(run, job, jobKind="FleetJob", **spec)


def _executions(fleet: Asked, run: str) -> list[Any]:
    found = fleet.space.list("Execution")
    return [each for each in found if each["spec"].get("runName") == run]


@pytest.mark.row(
    "JobRun.spec.jobKind",
    "JobRun.status.nodes",
    "JobRun.status.result",
    "spec.runs",
    "Execution.spec.runName",
)
def test_row_a_run_asks_each_node_and_its_version_rolls_out_nowhere(fleet: Asked) -> None:
    """Asked twice, with a change between: each run by the version of its time."""
    space = fleet.space
    space.apply("look", {**query(), "runs": {}})
    space.wait("v1 is made", lambda: _state(space) == ("Running", "AskedOnly"))
    assert _executions(fleet, "one") == space.list("FleetDeployment") == []
    _ask(fleet, "one")
    status = fleet.ended("one")
    assert status["phase"] == "Completed"
    assert status["nodes"] == {"total": NODES, "asked": NODES, "succeeded": NODES, "failed": 0}
    assert len(status["result"].splitlines()) == NODES
    names = {each["metadata"]["name"] for each in _executions(fleet, "one")}
    assert len(names) == NODES
    assert all(name.startswith("one-") and name.endswith("-1") for name in names)
    space.apply("look", {**query("q:2"), "runs": {}})
    space.wait("v2 is made", lambda: _job(space)["status"].get("version") == 2)
    _ask(fleet, "two")
    assert fleet.ended("two")["version"] == 2
    assert space.get("FleetJob", "two")["spec"]["template"]["spec"]["containers"][0]["image"] == (
        "q:2"
    )


@pytest.mark.row(
    "JobRun.status.failures",
    "spec.runs.retry",
    "spec.runs.dedupWindow",
)
def test_row_runs_of_a_fleet_job_fail_are_tried_again_and_wait_for_each_other(
    fleet: Asked, cluster_client: Any
) -> None:
    """A node that fails, beyond a budget of none: two attempts, the second under -2."""
    nodes = sorted(
        each["metadata"]["name"] for each in cluster_client.get("/api/v1/nodes")["items"]
    )
    bad = ",".join(f"{name}=crash" for name in nodes)
    retry = {"maxAttempts": 2, "initialDelay": "1s", "jitterPercent": 0}
    runs = {"retry": retry, "dedupWindow": "1h"}
    rollout = {"strategy": "Immediate", "maxParallel": "100%", "maxFailedNodes": 0}
    fleet.space.apply("look", {**query(fate_on=bad, **rollout), "runs": runs})
    _ask(fleet, "one")
    status = fleet.ended("one")
    assert (status["phase"], status["reason"], status["attempt"]) == (
        "DeadLetter",
        "NodesFailed",
        2,
    )
    assert status["nodes"]["failed"] == status["nodes"]["asked"]
    assert all(each["exitCode"] == 1 for each in status["failures"])
    assert {each["metadata"]["name"][-2:] for each in _executions(fleet, "one")} == {"-1", "-2"}
    for run, key in (("a-1", "a"), ("b-1", "b"), ("b-2", "b")):
        _ask(fleet, run, concurrencyKey=key)
    assert fleet.ended("b-2")["reason"] == "Duplicate"
    assert fleet.of("b-2")["duplicateOf"] == "b-1"
    fleet.ended("a-1")
    fleet.ended("b-1")


@pytest.mark.row("JobRun.spec.canceled", "JobRun.spec.jobKind", "spec.runs.limits.maxConcurrency")
def test_row_a_run_that_is_canceled_stops_on_its_nodes(fleet: Asked) -> None:
    space = fleet.space
    asked = query(strategy="Immediate")
    asked["template"]["metadata"]["annotations"] = {}
    space.apply("look", {**asked, "runs": {}})
    _ask(fleet, "one")
    space.wait("it is at work", lambda: len(space.list("Pod")) == NODES)
    _ask(fleet, "two")
    fleet.tells("two", "Queued", "ConcurrencyLimit")
    space.patch("JobRun", "two", {"canceled": True})
    space.patch("JobRun", "one", {"canceled": True})
    assert fleet.ended("one")["phase"] == "Canceled"
    space.wait("its pods are gone", lambda: not space.list("Pod"))
    assert space.deployment("one-v1")["reason"] == "RunCanceled"


@pytest.mark.row("spec.trigger.dependsOn[].jobKind", "HTTPJob.spec.trigger.dependsOn[].jobKind")
def test_row_jobs_of_both_kinds_depend_on_each_other(fleet: Asked) -> None:
    """A call asks the nodes, their end makes a call; one job of each kind has the same name."""
    on = {"jobName": "look", "mode": "Trigger"}
    fleet.job("look")
    fleet.space.apply("look", {**query(), "trigger": {"dependsOn": [on]}})
    fleet.job("after", trigger={"dependsOn": [{"jobKind": "FleetJob", **on}]})
    fleet.seen("after")
    fleet.until("its runs are counted", lambda: "runs" in _job(fleet.space).get("status", {}))
    fleet.run("call", "look")
    fleet.until("three runs", lambda: len(fleet.space.list("JobRun")) == 3)
    for each in fleet.space.list("JobRun"):
        assert fleet.ended(each["metadata"]["name"])["phase"] == "Completed"


@pytest.mark.row("spec.trigger.schedule", "status.schedule", "spec.suspend")
def test_row_a_fleet_job_that_is_suspended_has_no_ticks_and_holds_its_runs(fleet: Asked) -> None:
    trigger = {"schedule": {"cron": "* * * * *"}}
    fleet.space.apply("look", {**query(), "trigger": trigger})
    fleet.until("it ticks", lambda: _job(fleet.space)["status"].get("schedule", {}).get("since"))
    fleet.space.apply("look", {**query(), "trigger": trigger, "suspend": True})
    fleet.until(
        "no more", lambda: "since" not in _job(fleet.space)["status"].get("schedule", {"since": 1})
    )
    _ask(fleet, "one")
    fleet.tells("one", "Queued", "JobSuspended")
    fleet.space.apply("look", {**query(), "trigger": trigger})
    assert fleet.ended("one")["phase"] == "Completed"


def _job(space: Space) -> Any:
    return space.get("FleetJob", "look") or {}


def _state(space: Space) -> tuple[Any, Any]:
    state = _job(space).get("status", {}).get("state", {})
    return state.get("stateType"), state.get("details", {}).get("reason")


@pytest.mark.row(
    "FleetJob.spec.trigger.timeZone",
    "FleetJob.spec.trigger.windows[].cron",
    "FleetJob.spec.trigger.windows[].days",
    "FleetJob.spec.trigger.windows[].start",
    "FleetJob.spec.trigger.windows[].end",
    "FleetJob.spec.trigger.dependsOn[].jobName",
    "FleetJob.spec.trigger.dependsOn[].condition",
    "FleetJob.spec.trigger.dependsOn[].freshness",
    "FleetJob.spec.trigger.dependsOn[].mode",
    "FleetJob.status.runs.delayed",
    "FleetJob.status.runs.queued",
    "FleetJob.status.runs.waiting",
    "FleetJob.status.runs.executing",
    "FleetJob.status.dependencies[].jobKind",
    "FleetJob.status.dependencies[].jobName",
    "FleetJob.status.dependencies[].decidedUpTo",
    "FleetJob.status.rateClock",
)
def test_row_windows_gates_and_rates_hold_the_runs_of_a_fleet_job(fleet: Asked) -> None:
    """Outside its window, then waiting for another job, then executing, all of it counted."""
    space = fleet.space
    days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    today = days[time.gmtime(time.time() + 12 * 3600).tm_wday - 3]
    closed = [{"days": [today], "start": "11:00", "end": "11:01"}]
    zone = {"timeZone": "Pacific/Auckland"}
    rate = {"limits": {"rate": {"max": 10, "window": "1m"}}}
    long = query(strategy="Immediate")
    long["template"]["metadata"]["annotations"] = {}
    space.apply("look", {**long, "runs": rate, "trigger": {**zone, "windows": closed}})
    _ask(fleet, "one")
    fleet.run("later", "look", jobKind="FleetJob", notBefore="2100-01-01T00:00:00Z")
    fleet.tells("one", "Queued", "OutsideWindow")
    _counts(fleet, delayed=1, queued=1)
    gate = {
        "jobKind": "FleetJob",
        "jobName": "first",
        "condition": "Any",
        "freshness": "1h",
        "mode": "Trigger",
    }
    opened = {**zone, "windows": [{"cron": "* * * * *"}], "dependsOn": [gate]}
    space.apply("look", {**long, "runs": rate, "trigger": opened})
    fleet.tells("one", "Waiting", "DependencyMissing")
    _counts(fleet, delayed=1, waiting=1)
    space.apply("first", {**query(), "runs": {}})
    _ask(fleet, "up", "first")
    fleet.ended("up")
    fleet.until("it executes", lambda: fleet.of("one").get("phase") == "Executing")
    fleet.until("it is counted", lambda: _job(space)["status"]["runs"]["executing"] == 1)
    fleet.until("its rate is told", lambda: _job(space)["status"].get("rateClock"))
    (decided,) = _job(space)["status"]["dependencies"]
    assert (decided["jobKind"], decided["jobName"]) == ("FleetJob", "first")
    assert decided["decidedUpTo"]


def _counts(fleet: Asked, **wanted: int) -> None:
    def holds() -> bool:
        counts = _job(fleet.space)["status"].get("runs", {})
        return all(counts.get(name) == number for name, number in wanted.items())

    fleet.until(f"its runs are {wanted}", holds)
