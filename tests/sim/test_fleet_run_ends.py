"""How runs over nodes end, wait and give way, by a whole operator process in virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sim.test_fleet_runs import KEPT, World, play
from wavegate.simulation.transport import Request, Untroubled

ONE_AFTER_THE_OTHER = {"strategy": "Rolling", "maxParallel": 1}


def test_a_run_that_takes_too_long_is_timed_out_and_stops() -> None:
    async def story(world: World) -> None:
        world.endless = True
        world.fleet_job(timeouts={"total": "2m"})
        world.ask_nodes("one")
        await world.ended()
        status = world.runs()["one"]
        assert (status["phase"], status["reason"]) == ("TimedOut", "TimedOut")
        assert status["nodes"]["succeeded"] == 0
        assert world.pods() == []

    play(story)


def test_a_newer_tick_replaces_a_run_and_begins_once_its_pods_are_gone() -> None:
    async def story(world: World) -> None:
        world.endless = True
        schedule = {"cron": "*/5 * * * *", "concurrencyPolicy": "Replace"}
        world.fleet_job(trigger={"schedule": schedule}, type="update")
        owners: set[frozenset[str]] = set()
        for _ in range(1000):
            found = {each["metadata"]["labels"]["wavegate.dev/job"] for each in world.pods()}
            owners.add(frozenset(found))
            await asyncio.sleep(1)
        assert max(map(len, owners)) == 1, "pods of two runs were at work at once"
        ended = [each for each in world.runs().values() if each["phase"] == "Canceled"]
        assert len(ended) >= 2
        assert {each["reason"] for each in ended} == {"Replaced"}

    play(story)


def test_a_gate_that_waits_for_a_person_is_told_by_the_run() -> None:
    async def story(world: World) -> None:
        world.fleet_job(rollout={"strategy": "Canary", "canaryCount": 1, "maxParallel": 5})
        world.ask_nodes("one")
        await world.until(lambda: world.runs()["one"].get("reason") == "AwaitingPromotion")
        assert world.runs()["one"]["phase"] == "Executing"
        world.cluster.patch("FleetDeployment", "one-v1", {"spec": {"promoted": True}})
        await world.ended()
        assert world.phases() == {"one": "Completed"}

    play(story)


def test_where_no_node_can_be_used_the_run_says_so_and_begins_with_the_first() -> None:
    async def story(world: World) -> None:
        world.fleet_job(selector={"matchLabels": {"pool": "none"}})
        world.ask_nodes("one")
        await world.until(lambda: world.runs()["one"].get("reason") == "NoMatchingNodes")
        world.cluster.fleet.add("late", pool="none")
        await world.ended()
        assert world.runs()["one"]["nodes"]["succeeded"] == 1

    play(story)


@pytest.mark.parametrize("stop", [{"type": "Stop"}, None], ids=["Stop", "canceled"])
def test_a_rollout_that_somebody_ends_ends_the_run(stop: Any) -> None:
    async def story(world: World) -> None:
        world.endless = True
        world.fleet_job(rollout=ONE_AFTER_THE_OTHER)
        world.ask_nodes("one")
        await world.until(lambda: len(world.pods()) == 1)
        if stop is not None:
            world.cluster.deploy("stop", {"jobName": "one", **stop})
        else:
            world.cluster.patch("FleetDeployment", "one-v1", {"spec": {"canceled": True}})
            world.cluster.patch("FleetJob", "one", {"spec": {"suspend": True}})
        await world.ended()
        status = world.runs()["one"]
        assert (status["phase"], status["reason"]) == ("Failed", "RolloutCanceled")
        assert world.pods() == []

    play(story)


def test_calls_and_passes_share_a_pool() -> None:
    async def story(world: World) -> None:
        world.cluster.create("RateLimitPool", "partner", {"max": 1, "window": "10m"})
        shared = {"limits": {"pools": ["partner"]}}
        world.job("call", runs={**KEPT, **shared})
        world.fleet_job(runs={**KEPT, **shared})
        world.ask("first", "call")
        await world.until(lambda: world.phases()["first"] == "Completed")
        world.ask_nodes("second")
        await world.until(lambda: world.runs()["second"].get("reason") == "PoolLimited")
        await asyncio.sleep(300)
        assert world.executions("second") == []
        await world.ended()
        assert len(world.executions("second")) == 5

    play(story)


def test_a_version_by_which_a_run_waits_is_kept_and_executed() -> None:
    async def story(world: World) -> None:
        world.fleet_job(suspend=True, revisionHistoryLimit=0)
        await world.until(lambda: world.get("FleetJob", "app").get("status", {}).get("revision"))
        world.cluster.patch("FleetJob", "app", {"spec": {"suspend": False}})
        await world.until(lambda: world.get("FleetJob", "app")["status"].get("version") == 1)
        world.cluster.patch("FleetJob", "app", {"spec": {"suspend": True}})
        world.ask_nodes("one")
        await world.until(lambda: world.runs()["one"].get("version") == 1)
        for number in (2, 3):
            config = {"config": {"command": [str(number)]}}
            world.cluster.patch("FleetJob", "app", {"spec": config})
            await world.until(
                lambda number=number: (
                    world.get("FleetJob", "app")["status"].get("version") == number
                )
            )
        await asyncio.sleep(30)
        kept = {each["metadata"]["name"] for each in world.cluster.list("JobVersion")}
        assert kept == {"app-v1", "app-v3"}
        world.cluster.patch("FleetJob", "app", {"spec": {"suspend": False}})
        await world.ended()
        assert world.get("FleetJob", "one")["spec"]["config"] == {"command": ["look"]}

    play(story)


def test_runs_within_a_dedup_window_are_one() -> None:
    async def story(world: World) -> None:
        world.fleet_job(runs={**KEPT, "dedupWindow": "1h"})
        world.ask_nodes("one")
        await world.ended()
        world.ask_nodes("two")
        await world.ended()
        status = world.runs()["two"]
        assert (status["reason"], status["duplicateOf"]) == ("Duplicate", "one")
        await asyncio.sleep(3700)
        world.ask_nodes("three")
        await world.ended()
        assert world.phases()["three"] == "Completed"

    play(story)


def test_a_job_that_is_asked_no_more_is_rolled_out_and_says_nothing_of_runs() -> None:
    async def story(world: World) -> None:
        world.fleet_job()
        world.ask_nodes("one")
        await world.ended()
        await world.until(lambda: "runs" in world.get("FleetJob", "app")["status"])
        world.cluster.patch("FleetJob", "app", {"spec": {"runs": None}})
        await world.until(
            lambda: world.get("FleetJob", "app")["status"]["state"]["stateType"] == "Completed"
        )
        assert world.get("FleetDeployment", "app-v2")["status"]["state"] == "Completed"
        assert "runs" not in world.get("FleetJob", "app")["status"]

    play(story)


def test_an_operator_with_nothing_to_do_for_jobs_that_are_asked_writes_nothing() -> None:
    async def story(world: World) -> None:
        world.fleet_job()
        world.ask_nodes("one")
        await world.ended()
        await asyncio.sleep(120)

        def versions() -> dict[str, str]:
            kinds = ("FleetJob", "JobRun", "Execution", "FleetDeployment", "JobVersion")
            return {
                f"{kind}/{each['metadata']['name']}": each["metadata"]["resourceVersion"]
                for kind in kinds
                for each in world.cluster.list(kind)
            }

        before = versions()
        await asyncio.sleep(3600)
        assert versions() == before

    play(story)


class Slow(Untroubled):
    """What is put on record of runs takes its time."""

    async def sending(self, request: Request) -> None:
        if request.method == "PUT" and "/jobruns/" in request.path:
            await asyncio.sleep(2)


def test_no_more_execute_at_a_time_than_the_limit_says_though_writes_are_slow() -> None:
    async def story(world: World) -> None:
        world.fleet_job()
        await world.until(lambda: world.get("FleetJob", "app").get("status", {}).get("version"))
        for priority in range(4):  # each would go before those whose begin is being written
            world.ask_nodes(f"run-{priority}", priority=priority)
            await asyncio.sleep(0.7)
        most = 0
        while not all(phase == "Completed" for phase in world.phases().values()):
            most = max(most, list(world.phases().values()).count("Executing"))
            await asyncio.sleep(0.1)
        assert most == 1

    play(story, trouble=lambda _: Slow())


def test_a_job_of_a_run_that_is_deleted_is_made_again_for_the_attempt_it_is_in() -> None:
    async def story(world: World) -> None:
        retry = {"maxAttempts": 2, "initialDelay": "5s", "jitterPercent": 0}
        world.bad = {"node-1"}
        immediate = {"strategy": "Immediate", "maxFailedNodes": 0}
        world.fleet_job(runs={**KEPT, "retry": retry}, rollout=immediate)
        world.ask_nodes("one")
        await world.until(lambda: world.runs()["one"].get("reason") == "RetryBackoff")
        world.bad, world.endless = set(), True
        await world.until(lambda: world.runs()["one"].get("attempt") == 2)
        await world.until(lambda: len(world.pods()) == 5)
        world.cluster.delete("FleetJob", "one")
        world.endless = False
        await world.ended()
        assert world.phases() == {"one": "Completed"}
        assert len(world.executions("one")) == 5
        names = [each["metadata"]["name"] for each in world.cluster.list("FleetDeployment")]
        assert names == ["one-v1"]

    play(story)
