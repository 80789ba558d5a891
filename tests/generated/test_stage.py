"""What the oracles of `stage` have something against, and what not: each of their lines once."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from generated.bases import JOBS, object_of
from generated.stage import HOUR, MOST_REQUESTS, NODES, Stage, Wrong
from wavegate.domain.times import format_time
from wavegate.simulation.loop import VirtualLoop

Act = Callable[[Stage], Awaitable[None]]


def on_a_stage(act: Act) -> None:
    async def played() -> None:
        stage = Stage()
        try:
            await act(stage)
        finally:
            await stage.close()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(played())


def of_conditions(status: str, reason: str, message: str, *beside: str) -> dict[str, Any]:
    ready = {"type": "Ready", "status": status, "reason": reason, "message": message}
    return {"conditions": [ready, *({"type": each} for each in beside)]}


WAITS = "Reconciling"
CONDITIONS: dict[str, tuple[dict[str, Any], str, str]] = {
    "none": ({}, "Running", "no condition Ready"),
    "well": (of_conditions("True", "Running", ""), "Running", ""),
    "well, and waits": (of_conditions("True", "Running", "", WAITS), "Running", "beside"),
    "waits for nobody knows what": (of_conditions("False", "Failed", "m"), "Failed", "beside []"),
    "two at once": (of_conditions("False", "Failed", "m", WAITS, "Stalled"), "Failed", "beside"),
    "a reason of no list": (of_conditions("False", "Odd", "m", WAITS), "Odd", "has no way out"),
    "without a word": (of_conditions("False", "Progressing", "", WAITS), "Progressing", "without"),
    "no time": (of_conditions("False", "Progressing", "soon", WAITS), "Progressing", "stuck"),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_conditions_say_why_and_until_when(name: str):
    status, reason, says = CONDITIONS[name]

    async def act(stage: Stage) -> None:
        found = list(stage._about_conditions("it", status, reason))
        assert [says in each for each in found] == ([True] if says else [])

    on_a_stage(act)


@pytest.mark.parametrize(("ahead", "is_stuck"), [(60, False), (-60, True)])
def test_a_time_that_is_over_is_none(ahead: float, is_stuck: bool):
    async def act(stage: Stage) -> None:
        told = f"goes on at {format_time(stage.cluster.now() + ahead)}"
        status = of_conditions("False", "Progressing", told, WAITS)
        found = list(stage._about_conditions("it", status, "Progressing"))
        assert [each.startswith("it: stuck") for each in found] == [True] * is_stuck

    on_a_stage(act)


async def runs(stage: Stage) -> None:
    assert stage.send(JOBS["plain"])
    await stage.settle()
    stage.judge()


def test_an_hour_without_anything_is_quiet():
    async def act(stage: Stage) -> None:
        await runs(stage)
        await stage.quiet_hour()
        stage.judge()

    on_a_stage(act)


def test_a_write_in_the_quiet_hour_is_noticed():
    async def act(stage: Stage) -> None:
        await runs(stage)
        change = {"metadata": {"labels": {"new": "1"}}}
        stage.cluster.later(HOUR / 2, lambda: stage.cluster.patch("FleetJob", stage.name, change))
        with pytest.raises(Wrong, match="not quiet"):
            await stage.quiet_hour()

    on_a_stage(act)


@pytest.mark.parametrize("timeouts", [None, {"execution": "10m"}])
def test_requests_without_end_are_noticed(timeouts: dict[str, str] | None):
    async def act(stage: Stage) -> None:
        job = copy.deepcopy(JOBS["plain"])
        assert stage.send({**job, "spec": {**job["spec"], "timeouts": timeouts}})
        await stage.settle()
        stage.judge()
        assert stage.is_well()

        def ask() -> None:
            stage.cluster.server.request(stage.cluster.account, "GET", "/api/v1/nodes")

        for number in range(MOST_REQUESTS + 1):
            stage.cluster.later(1 + number, ask)
        with pytest.raises(Wrong, match="requests in an hour"):
            await stage.quiet_hour()

    on_a_stage(act)


def test_pods_that_may_run_for_ten_minutes_are_followed_by_others():
    async def act(stage: Stage) -> None:
        job = copy.deepcopy(JOBS["plain"])
        assert stage.send({**job, "spec": {**job["spec"], "timeouts": {"execution": "10m"}}})
        await stage.settle()
        before = stage.uids("Pod")
        assert len(before) == NODES
        assert stage.is_well()
        await stage.quiet_hour()
        assert not before & stage.uids("Pod")
        stage.judge()

    on_a_stage(act)


def test_a_job_that_runs_has_a_pod_that_is_ready_on_each_node(monkeypatch: pytest.MonkeyPatch):
    async def act(stage: Stage) -> None:
        await runs(stage)
        pods = stage.pods()
        monkeypatch.setattr(stage, "pods", lambda: pods[1:])
        with pytest.raises(Wrong, match="Running on 4 nodes with 3 pods"):
            stage.judge()
        unready = copy.deepcopy(pods)
        unready[0]["status"]["conditions"] = []
        monkeypatch.setattr(stage, "pods", lambda: unready)
        with pytest.raises(Wrong, match=unready[0]["metadata"]["name"]):
            stage.judge()

    on_a_stage(act)


def test_a_deployment_says_what_has_become_of_it():
    async def act(stage: Stage) -> None:
        await runs(stage)
        assert stage.send(
            object_of("FleetDeployment", "again", {"jobName": "app", "type": "Restart"})
        )
        with pytest.raises(Wrong, match="again: "):
            stage.judge()

    on_a_stage(act)


def test_a_generation_that_nobody_has_seen_is_noticed():
    async def act(stage: Stage) -> None:
        await runs(stage)
        assert stage.send(JOBS["rolling"])
        with pytest.raises(Wrong, match="generation 2 was never seen"):
            stage.judge()

    on_a_stage(act)


def test_what_has_no_owner_is_noticed():
    async def act(stage: Stage) -> None:
        await runs(stage)
        owner = {"apiVersion": "v1", "kind": "Pod", "name": "gone", "uid": "gone"}
        pod = stage.pods()[0]
        change = {"metadata": {"ownerReferences": [{**owner, "controller": True}]}}
        stage.cluster.patch("Pod", pod["metadata"]["name"], change)
        with pytest.raises(Wrong, match=f"orphaned: .*{pod['metadata']['name']}"):
            stage.judge()

    on_a_stage(act)
