"""Runs over nodes keep their place as long as anything of them may be at work, and always end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sim.test_fleet_runs import KEPT, World, play
from wavegate.kube.errors import Forbidden
from wavegate.kube.resources import PODS
from wavegate.simulation.cluster import NAMESPACE
from wavegate.simulation.fates import Fate
from wavegate.simulation.rights import Administrator
from wavegate.simulation.transport import Request, Untroubled

AT_ONCE = {"strategy": "Immediate"}
ADMIN = Administrator("user")
LINGERS = Fate(completes_after=1e9, stops=False)


class Late(Untroubled):
    """Creates of Executions take three seconds."""

    async def sending(self, request: Request) -> None:
        if request.method == "POST" and request.path.endswith("/executions"):
            await asyncio.sleep(3.0)


class Refused(Untroubled):
    """What the run ``one`` makes of this kind is refused."""

    def __init__(self, plural: str) -> None:
        self._end = f"/{plural}"

    async def sending(self, request: Request) -> None:
        if request.method != "POST" or not request.path.endswith(self._end):
            return
        named = request.body["metadata"]
        if str(named.get("name") or named.get("generateName")).startswith("one"):
            raise Forbidden(403, "Forbidden", "exceeded quota: few")


def at_work(world: World) -> set[frozenset[str]]:
    """Jobs of the pods on each node, as sets."""
    found: dict[str, set[str]] = {}
    for pod in world.pods():
        job = pod["metadata"]["labels"]["wavegate.dev/job"]
        found.setdefault(pod["spec"].get("nodeName", ""), set()).add(job)
    return {frozenset(jobs) for jobs in found.values()}


async def watched(world: World, seconds: float, at_most: int = 1) -> None:
    """For so long, no node has pods of more runs."""
    for _ in range(int(seconds * 10)):
        assert max(map(len, at_work(world)), default=0) <= at_most, at_work(world)
        await asyncio.sleep(0.1)


async def _delete_run(world: World) -> None:
    world.cluster.delete("JobRun", "one")


async def _delete_its_job(world: World) -> None:
    world.cluster.patch("JobRun", "one", {"spec": {"canceled": True}})
    await asyncio.sleep(30)
    world.cluster.delete("FleetJob", "one")


@pytest.mark.parametrize("end", [_delete_run, _delete_its_job])
def test_what_is_deleted_keeps_its_place_until_its_pods_are_gone(end: Any) -> None:
    async def story(world: World) -> None:
        world.cluster.fleet.fate = lambda *_: LINGERS
        world.fleet_job(type="update", rollout=AT_ONCE)
        world.ask_nodes("one")
        await world.until(lambda: len(world.pods()) == 5)
        world.ask_nodes("two")
        await asyncio.sleep(5)
        await end(world)
        await watched(world, 120)
        assert world.runs()["two"]["reason"] == "ConcurrencyLimit"
        for pod in world.pods():
            path = PODS.object(NAMESPACE, pod["metadata"]["name"])
            world.cluster.server.request(ADMIN, "DELETE", path, body={"gracePeriodSeconds": 0})
        await world.until(lambda: world.runs()["two"]["phase"] == "Executing")

    play(story)


@pytest.mark.parametrize("how", ["canceled", "timed out"])
def test_an_execution_whose_create_is_under_way_keeps_the_place(how: str) -> None:
    async def story(world: World) -> None:
        world.cluster.fleet.fate = lambda *_: LINGERS
        more = {"timeouts": {"total": "2s"}} if how == "timed out" else {}
        world.fleet_job(type="update", rollout=AT_ONCE, **more)
        world.ask_nodes("one")
        await world.until(lambda: bool(world.get("FleetDeployment", "one-v1")))
        world.ask_nodes("two")
        await asyncio.sleep(1)
        if how == "canceled":
            world.cluster.patch("JobRun", "one", {"spec": {"canceled": True}})
        await world.until(lambda: bool(world.executions("one")))
        await watched(world, 60)
        assert world.executions("two") == []

    play(story, trouble=lambda *_: Late())


@pytest.mark.parametrize(
    ("plural", "reason"),
    [
        ("fleetjobs", "PassRefused"),
        ("jobversions", "Forbidden"),
        ("fleetdeployments", "Forbidden"),
        ("executions", "Forbidden"),
        ("pods", "TemplateRefused"),
    ],
)
def test_whatever_of_it_is_refused_is_told_by_the_run(plural: str, reason: str) -> None:
    async def story(world: World) -> None:
        world.fleet_job()
        world.ask_nodes("one")
        await world.until(lambda: world.runs()["one"].get("reason") == reason)
        status = world.runs()["one"]
        assert status["phase"] == "Executing"
        assert "exceeded quota: few" in status["message"]

    play(story, trouble=lambda *_: Refused(plural))


def test_one_whose_fleet_job_is_not_understood_any_more_goes_on_and_can_be_canceled() -> None:
    async def story(world: World) -> None:
        world.endless = True
        world.fleet_job(rollout=AT_ONCE)
        world.ask_nodes("one")
        await world.until(lambda: len(world.pods()) == 5)
        deep: dict[str, Any] = {}
        for _ in range(150):
            deep = {"a": deep}
        world.cluster.patch("FleetJob", "one", {"spec": {"config": deep}})
        await asyncio.sleep(30)
        assert len(world.pods()) == 5
        world.cluster.patch("JobRun", "one", {"spec": {"canceled": True}})
        await world.ended()
        assert world.phases() == {"one": "Canceled"}
        assert world.pods() == []

    play(story)


def test_after_a_stop_between_two_attempts_no_node_is_asked_again() -> None:
    async def story(world: World) -> None:
        world.bad = {"node-2"}
        retry = {"maxAttempts": 2, "initialDelay": "60s", "jitterPercent": 0}
        world.fleet_job(runs={**KEPT, "retry": retry}, rollout={**AT_ONCE, "maxFailedNodes": 0})
        world.ask_nodes("one")
        await world.until(lambda: world.runs()["one"].get("reason") == "RetryBackoff")
        asked = len(world.executions("one"))
        world.cluster.deploy("stop", {"jobName": "one", "type": "Stop"})
        await world.until(
            lambda: (
                world.get("FleetDeployment", "stop").get("status", {}).get("state") == "Completed"
            )
        )
        await world.ended()
        status = world.runs()["one"]
        assert (status["phase"], status["reason"]) == ("Failed", "RolloutCanceled")
        assert len(world.executions("one")) == asked

    play(story)


def test_a_rollout_of_a_name_that_it_needs_and_that_is_nobodys_ends_it() -> None:
    async def story(world: World) -> None:
        world.cluster.deploy("one-v1", {"jobName": "other", "type": "Stop"})
        world.fleet_job()
        world.ask_nodes("one")
        await world.ended()
        status = world.runs()["one"]
        assert (status["phase"], status["reason"]) == ("SystemFailed", "NameTaken")
        assert "FleetDeployment one-v1" in status["message"]
        assert world.executions("one") == []

    play(story)


def test_a_further_attempt_asks_by_the_version_of_the_first() -> None:
    async def story(world: World) -> None:
        world.bad = {"node-2"}
        retry = {"maxAttempts": 2, "initialDelay": "60s", "jitterPercent": 0}
        runs = {**KEPT, "retry": retry, "versionPolicy": "Latest"}
        world.fleet_job(runs=runs, rollout={**AT_ONCE, "maxFailedNodes": 0})
        world.ask_nodes("one")
        await world.until(lambda: world.runs()["one"].get("reason") == "RetryBackoff")
        world.cluster.patch("FleetJob", "app", {"spec": {"config": {"command": ["other"]}}})
        await world.until(lambda: bool(world.get("JobVersion", "app-v2")))
        world.bad = set()
        await world.ended()
        status = world.runs()["one"]
        assert (status["phase"], status["attempt"], status["version"]) == ("Completed", 2, 1)
        assert world.get("FleetJob", "one")["spec"]["config"] != {"command": ["other"]}

    play(story)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"suspend": True}, "JobSuspended"),
        ({"config": {"command": ["x" * 300_000]}}, "JobInvalid"),
    ],
    ids=["suspended", "too large"],
)
def test_of_a_job_without_a_version_a_run_says_what_it_waits_for(spec: Any, reason: str) -> None:
    async def story(world: World) -> None:
        world.fleet_job(**spec)
        world.ask_nodes("one")
        await world.until(lambda: world.runs()["one"].get("reason") == reason)
        world.cluster.patch("FleetJob", "app", {"spec": {"suspend": False, "config": None}})
        world.cluster.patch("FleetJob", "app", {"spec": {"config": {"command": ["look"]}}})
        await world.ended()
        status = world.runs()["one"]
        assert (status["phase"], status["version"]) == ("Completed", 1)

    play(story)
