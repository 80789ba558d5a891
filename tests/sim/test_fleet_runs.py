"""Runs of FleetJobs by whole operator processes, in virtual time: also when these are killed."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from sim.test_runs import World as RunWorld
from sim.test_runs import play as play_runs
from sim.world import once
from wavegate.simulation.cluster import SimulatedCluster
from wavegate.simulation.fates import COMPLETES, CRASHES, RUNS_ON
from wavegate.simulation.rights import Account, load_roles

MANIFESTS = Path(__file__).resolve().parents[2] / "manifests"
ROLES = [*load_roles(MANIFESTS), *load_roles(MANIFESTS / "optional")]
KEPT = {"successfulHistoryLimit": 1000, "failedHistoryLimit": 1000}


class World(RunWorld):
    """With nodes on which what is asked ends well."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        super().__init__(cluster)
        cluster.account = Account("wavegate", ROLES)
        self.bad: set[str] = set()
        self.endless = False
        cluster.fleet.fate = lambda node, _image: (
            CRASHES if node in self.bad else RUNS_ON if self.endless else COMPLETES
        )
        for number in range(1, 6):
            cluster.fleet.add(f"node-{number}", pool="edge")

    def fleet_job(self, name: str = "app", **spec: Any) -> None:
        kind = spec.pop("type", "query")
        whole = {**once(job_type=kind, maxParallel=2), "restartPolicy": "Never", "runs": KEPT}
        self.cluster.create("FleetJob", name, {**whole, **spec})

    def ask_nodes(self, name: str, job: str = "app", **spec: Any) -> None:
        self.ask(name, job, jobKind="FleetJob", **spec)

    def get(self, kind: str, name: str) -> Any:
        return self.cluster.get(kind, name) or {}

    def executions(self, run: str) -> list[Any]:
        found = self.cluster.list("Execution")
        return [each for each in found if each["spec"].get("runName") == run]

    def pods(self) -> list[Any]:
        found = self.cluster.list("Pod")
        return [each for each in found if not is_over(each)]


def is_over(pod: Any) -> bool:
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def play(story: Any, seed: int = 0, **more: Any) -> None:
    async def whole(world: RunWorld) -> None:
        await story(World(world.cluster))

    play_runs(whole, seed, **more)


def test_a_run_asks_each_node_once_and_says_what_they_said() -> None:
    async def story(world: World) -> None:
        world.fleet_job()
        world.ask_nodes("one")
        await world.ended()
        status = world.runs()["one"]
        assert (status["phase"], status["reason"]) == ("Completed", "Completed")
        assert status["nodes"] == {"total": 5, "asked": 5, "succeeded": 5, "failed": 0}
        assert status["message"] == "ended well on 5 of 5 nodes"
        assert status["result"].splitlines() == [f"node-{n}: as asked" for n in range(1, 6)]
        executions = world.executions("one")
        assert Counter(each["spec"]["nodeName"] for each in executions) == {
            f"node-{number}": 1 for number in range(1, 6)
        }
        assert all(each["metadata"]["name"].startswith("one-") for each in executions)
        made = world.get("FleetJob", "one")
        (owner,) = made["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["controller"]) == ("JobRun", "one", True)
        assert not {"runs", "trigger"} & made["spec"].keys()

    play(story)


def test_a_job_that_is_asked_makes_versions_and_rolls_nothing_out() -> None:
    async def story(world: World) -> None:
        world.fleet_job()
        await world.until(lambda: world.get("FleetJob", "app")["status"].get("version") == 1)
        await asyncio.sleep(60)
        job = world.get("FleetJob", "app")
        state = job["status"]["state"]
        assert (state["stateType"], state["details"]["reason"]) == ("Running", "AskedOnly")
        ready = {each["type"]: each["status"] for each in job["status"]["conditions"]}
        assert ready == {"Ready": "True", "Available": "False"}
        assert world.cluster.list("Execution") == world.cluster.list("FleetDeployment") == []
        changed = {**job["spec"], "config": {"command": ["date"]}}
        world.cluster.apply("app", changed)
        await world.until(lambda: world.get("FleetJob", "app")["status"].get("version") == 2)
        world.ask_nodes("one")
        await world.ended()
        assert world.get("FleetJob", "one")["spec"]["config"] == {"command": ["date"]}
        assert world.runs()["one"]["version"] == 2

    play(story)


def test_a_job_that_rolls_out_by_itself_is_not_asked_until_it_says_so() -> None:
    async def story(world: World) -> None:
        world.fleet_job(runs=None)
        await world.until(lambda: len(world.cluster.list("Execution")) == 5)
        world.ask_nodes("one")
        await world.until(lambda: world.runs()["one"].get("reason") == "JobNotAsked")
        assert "give it spec.runs" in world.runs()["one"]["message"]
        world.cluster.patch("FleetJob", "app", {"spec": {"runs": KEPT}})
        await world.ended()
        assert world.phases() == {"one": "Completed"}
        assert len(world.executions("one")) == 5

    play(story)


def test_a_rollout_that_is_open_ends_where_the_job_is_asked_from_now_on() -> None:
    async def story(world: World) -> None:
        world.endless = True
        world.fleet_job(runs=None)
        await world.until(lambda: len(world.pods()) == 2)
        world.endless = False
        world.cluster.patch("FleetJob", "app", {"spec": {"runs": KEPT}})
        await world.until(
            lambda: world.get("FleetDeployment", "app-v1")["status"].get("reason") == "AskedOnly"
        )
        await asyncio.sleep(120)
        assert len(world.cluster.list("Execution")) == 2

    play(story)


def test_a_run_that_fails_beyond_its_budget_is_tried_again_on_all_nodes() -> None:
    async def story(world: World) -> None:
        retry = {"maxAttempts": 2, "initialDelay": "30s", "jitterPercent": 0}
        rollout = {"strategy": "Immediate", "maxFailedNodes": 0}
        world.bad = {"node-2"}
        world.fleet_job(runs={**KEPT, "retry": retry}, rollout=rollout)
        world.ask_nodes("one")
        await world.until(lambda: world.runs()["one"].get("reason") == "RetryBackoff")
        world.bad = set()
        await world.ended()
        status = world.runs()["one"]
        assert (status["phase"], status["attempt"]) == ("Completed", 2)
        assert status["nodes"] == {"total": 5, "asked": 5, "succeeded": 5, "failed": 0}
        assert "failures" not in status
        attempts = Counter(each["metadata"]["name"][-2:] for each in world.executions("one"))
        assert attempts == {"-1": 5, "-2": 5}
        assert world.get("FleetDeployment", "one-retry-2")["status"]["state"] == "Completed"

    play(story)


def test_a_run_whose_attempts_are_used_up_names_the_nodes_that_failed() -> None:
    async def story(world: World) -> None:
        world.bad = {"node-2", "node-4"}
        world.fleet_job(rollout={"strategy": "Immediate", "maxFailedNodes": 1})
        world.ask_nodes("one")
        await world.ended()
        status = world.runs()["one"]
        assert (status["phase"], status["reason"]) == ("Failed", "NodesFailed")
        assert status["nodes"] == {"total": 5, "asked": 5, "succeeded": 3, "failed": 2}
        failed = [(each["node"], each["exitCode"]) for each in status["failures"]]
        assert sorted(failed) == [("node-2", 1), ("node-4", 1)]
        assert status["lastError"]["class"] == "NodesFailed"
        assert status["message"].endswith("ended well on 3 of 5 nodes, 2 failed")

    play(story)


def test_a_run_that_is_canceled_keeps_its_place_until_its_pods_are_gone() -> None:
    async def story(world: World) -> None:
        world.endless = True
        world.fleet_job(type="update", config={"command": ["look"], "cordon": True})
        world.ask_nodes("one")
        world.ask_nodes("two")
        await world.until(lambda: len(world.pods()) == 2)
        started = "one" if world.phases()["one"] == "Executing" else "two"
        other = "two" if started == "one" else "one"
        assert world.runs()[other].get("reason") in (None, "ConcurrencyLimit")
        world.endless = False
        world.cluster.patch("JobRun", started, {"spec": {"canceled": True}})
        while world.phases()[started] != "Canceled":
            of_other = [each for each in world.pods() if each["metadata"]["name"].startswith(other)]
            assert not of_other
            await asyncio.sleep(0.05)
        assert world.runs()[started]["nodes"]["asked"] == 2
        await world.ended()
        assert world.phases()[other] == "Completed"
        states = {
            each["status"]["observedState"]["stateType"] for each in world.executions(started)
        }
        assert states == {"Stopped"}
        assert world.get("FleetDeployment", f"{started}-v1")["status"]["reason"] == "RunCanceled"
        nodes = [world.cluster.fleet.node(f"node-{number}") for number in range(1, 6)]
        assert not any(each["spec"].get("unschedulable") for each in nodes if each)

    play(story)


def test_a_node_that_joins_after_a_run_is_not_asked_by_it() -> None:
    async def story(world: World) -> None:
        world.fleet_job()
        world.ask_nodes("one")
        await world.ended()
        world.cluster.fleet.add("node-6", pool="edge")
        await asyncio.sleep(600)
        assert len(world.executions("one")) == 5
        world.ask_nodes("two")
        await world.ended()
        assert len(world.executions("two")) == 6

    play(story)


def test_what_a_run_asks_is_nobody_elses_to_change() -> None:
    async def story(world: World) -> None:
        world.fleet_job()
        world.ask_nodes("one")
        await world.ended()
        config = {"config": {"command": ["other"]}}
        world.cluster.patch("FleetJob", "one", {"spec": config})
        world.cluster.deploy("again", {"jobName": "one", "type": "Restart"})
        world.cluster.deploy("of-app", {"jobName": "app", "type": "Restart", "toVersion": 1})
        for name in ("again", "of-app"):
            await world.until(
                lambda name=name: world.get("FleetDeployment", name)["status"].get("state")
            )
            status = world.get("FleetDeployment", name)["status"]
            assert (status["state"], status["reason"]) == ("Failed", "AskedOnly")
        await asyncio.sleep(120)
        assert len(world.cluster.list("Execution")) == 5
        versions = [each["metadata"]["name"] for each in world.cluster.list("JobVersion")]
        assert sorted(versions) == ["app-v1", "one-v1"]

    play(story)


def test_a_schedule_asks_at_each_tick_and_history_takes_all_of_a_run_away() -> None:
    async def story(world: World) -> None:
        trigger = {"schedule": {"cron": "*/5 * * * *"}}
        world.fleet_job(runs={"successfulHistoryLimit": 2}, trigger=trigger)
        await asyncio.sleep(3600)
        kept = [name for name, phase in world.phases().items() if phase == "Completed"]
        assert len(kept) == 2
        jobs = {each["metadata"]["name"] for each in world.cluster.list("FleetJob")}
        assert jobs == {"app", *kept}
        assert {each["spec"]["runName"] for each in world.cluster.list("Execution")} == set(kept)
        status = world.get("FleetJob", "app")["status"]
        assert status["schedule"]["lastTickTime"]
        assert status["state"]["details"]["reason"] == "AskedOnly"
        assert status["runs"] == {"delayed": 0, "queued": 0, "waiting": 0, "executing": 0}

    play(story)


def test_a_name_that_is_taken_ends_the_run_and_leaves_the_other_alone() -> None:
    async def story(world: World) -> None:
        world.fleet_job()
        world.fleet_job("one")
        await world.until(lambda: world.get("FleetJob", "one")["status"].get("version") == 1)
        world.ask_nodes("one")
        await world.ended()
        status = world.runs()["one"]
        assert (status["phase"], status["reason"]) == ("SystemFailed", "NameTaken")
        assert world.executions("one") == []

    play(story)


def test_two_kinds_of_one_name_do_not_meet_and_depend_on_each_other() -> None:
    async def story(world: World) -> None:
        on_http = {"dependsOn": [{"jobName": "app", "mode": "Trigger"}]}
        world.job("app", runs=KEPT)
        world.fleet_job("app", trigger=on_http)
        on_fleet = {"dependsOn": [{"jobKind": "FleetJob", "jobName": "app", "mode": "Trigger"}]}
        world.job("after", trigger=on_fleet, runs=KEPT)
        await world.until(lambda: "runs" in world.get("FleetJob", "app").get("status", {}))
        await asyncio.sleep(3)
        world.ask("call", "app")
        await world.until(lambda: len(world.phases()) == 3)
        await world.ended()
        jobs = {
            (each["spec"].get("jobKind", "HTTPJob"), each["spec"]["jobName"])
            for each in world.cluster.list("JobRun")
        }
        assert jobs == {("HTTPJob", "app"), ("FleetJob", "app"), ("HTTPJob", "after")}
        assert set(world.phases().values()) == {"Completed"}
        names = {each["metadata"]["name"] for each in world.cluster.list("JobVersion")}
        assert {"app-h1", "app-v1"} <= names

    play(story)


def test_runs_of_a_job_that_is_deleted_end_with_their_nodes_work() -> None:
    async def story(world: World) -> None:
        world.endless = True
        world.fleet_job(trigger={"schedule": {"cron": "* * * * *"}})
        await world.until(lambda: len(world.pods()) == 2)
        world.cluster.delete("FleetJob", "app")
        await world.until(lambda: not world.cluster.list("Pod"))
        assert world.cluster.list("JobRun") == world.cluster.list("FleetJob") == []

    play(story)


@pytest.mark.parametrize("seed", range(4))
def test_each_node_is_asked_once_whatever_is_killed(seed: int) -> None:
    async def story(world: World) -> None:
        chance = Random(seed)
        world.fleet_job()
        for number in range(1, 4):
            world.ask_nodes(f"ask-{number}")
            for _ in range(4):
                await asyncio.sleep(chance.uniform(0.0, 4.0))
                for process in world.cluster.living:
                    process.kill()
        await world.ended()
        assert set(world.phases().values()) == {"Completed"}
        for number in range(1, 4):
            nodes = Counter(each["spec"]["nodeName"] for each in world.executions(f"ask-{number}"))
            assert nodes == {f"node-{each}": 1 for each in range(1, 6)}

    play(story, seed)
