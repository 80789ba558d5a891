"""HTTPJobs that depend on each other, by whole operator processes, in virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random
from typing import Any

import pytest

from sim.test_runs import World, play
from wavegate.dispatch.call import Call, Heard

KEPT = {"successfulHistoryLimit": 1000, "failedHistoryLimit": 1000}


def depends(world: World, name: str, *on: str, **more: Any) -> None:
    """A job that runs after each run of the others."""
    asked = [{"jobName": each, "mode": "Trigger", **more} for each in on]
    world.job(name, trigger={"dependsOn": asked}, runs=KEPT)


def called(world: World) -> list[str]:
    """The jobs, in the order of their calls."""
    jobs = {each["metadata"]["name"]: each["spec"]["jobName"] for each in runs(world)}
    return [jobs[made.run] for made in world.endpoints.calls]


def runs(world: World) -> list[Any]:
    return world.cluster.list("JobRun")


def of(world: World, job: str) -> list[dict[str, Any]]:
    return [each["status"] for each in runs(world) if each["spec"]["jobName"] == job]


async def chain_of_three(world: World) -> None:
    world.job("extract", runs=KEPT)
    depends(world, "load", "extract")
    depends(world, "report", "load")
    await settled(world)


async def settled(world: World) -> None:
    """All jobs have said what they are, by which each dependency counts from now on."""
    jobs = world.cluster.list
    await world.until(lambda: all(each["status"].get("state") for each in jobs("HTTPJob")))
    await asyncio.sleep(3)


def test_a_chain_of_three_runs_in_order_each_time() -> None:
    async def story(world: World) -> None:
        await chain_of_three(world)
        for number in range(1, 4):
            world.ask(f"extract-{number}", "extract")
            await world.until(lambda number=number: len(called(world)) == 3 * number)
            await world.ended()
            await asyncio.sleep(5)
        assert called(world) == ["extract", "load", "report"] * 3
        assert {each["triggeredBy"] for each in of(world, "report")} == {"Dependency"}

    play(story)


def test_a_chain_that_is_asked_for_at_once_runs_too() -> None:
    async def story(world: World) -> None:
        world.job("extract", runs=KEPT)
        depends(world, "load", "extract")
        depends(world, "report", "load")
        world.ask("extract-1", "extract")
        await world.until(lambda: len(called(world)) == 3)
        assert called(world) == ["extract", "load", "report"]

    play(story)


def test_a_failure_ends_the_chain_and_a_replay_goes_on_with_it() -> None:
    async def story(world: World) -> None:
        answers = iter([422])

        async def answer(_: Call) -> Heard:
            return Heard(http_status=next(answers, 200), result="{}")

        world.endpoints.answer = answer
        await chain_of_three(world)
        world.job("check", trigger={"dependsOn": [{"jobName": "extract"}]})
        world.ask("extract-1", "extract")
        await world.until(lambda: world.phases().get("extract-1") == "Failed")
        world.ask("by-hand", "check")
        await world.until(lambda: world.runs()["by-hand"].get("reason") == "DependencyPending")
        status = world.runs()["by-hand"]
        assert status["phase"] == "Waiting"
        assert status["message"] == (
            "HTTPJob extract: its latest run, extract-1, is Failed; Completed is asked for"
        )
        await asyncio.sleep(60)
        assert called(world) == ["extract"]
        world.ask("again", "extract", replayOf="extract-1")
        await world.until(lambda: len(called(world)) == 5)
        await asyncio.sleep(60)
        assert Counter(called(world)) == {"extract": 2, "check": 1, "load": 1, "report": 1}

    play(story)


def test_after_a_diamond_the_last_job_runs_once() -> None:
    async def story(world: World) -> None:
        async def answer(call: Call) -> Heard:
            await asyncio.sleep(30 if call.headers["X-Job-Name"] == "right" else 1)
            return Heard(http_status=200, result="{}")

        world.endpoints.answer = answer
        world.job("top", runs=KEPT)
        depends(world, "left", "top")
        depends(world, "right", "top")
        depends(world, "bottom", "left", "right", freshness="5m")
        await settled(world)
        for number in range(1, 4):
            world.ask(f"top-{number}", "top")
            await world.until(lambda number=number: len(called(world)) == 4 * number)
            await asyncio.sleep(600)
        assert [called(world).count(each) for each in ("top", "left", "right", "bottom")] == [3] * 4
        assert called(world)[3::4] == ["bottom"] * 3

    play(story)


def test_an_upstream_that_is_deleted_is_missing_and_one_of_its_name_counts_again() -> None:
    async def story(world: World) -> None:
        await chain_of_three(world)
        world.cluster.delete("HTTPJob", "extract")
        await asyncio.sleep(5)
        world.ask("by-hand", "load")
        await world.until(lambda: world.runs()["by-hand"].get("reason") == "DependencyMissing")
        world.job("extract", suspend=True)
        await world.until(lambda: world.runs()["by-hand"].get("reason") == "DependencyPending")
        assert world.runs()["by-hand"]["message"].endswith(
            "no run of it has ended; it is suspended"
        )
        world.cluster.patch("HTTPJob", "extract", {"spec": {"suspend": False}})
        world.ask("extract-1", "extract")
        await world.until(lambda: world.phases()["by-hand"] == "Completed")
        assert called(world)[:2] == ["extract", "load"]

    play(story)


def test_a_circle_of_two_writes_is_held_and_goes_on_once_it_is_open() -> None:
    async def story(world: World) -> None:
        depends(world, "egg", "hen")
        depends(world, "hen", "egg")
        await settled(world)
        world.ask("first-egg", "egg")
        world.ask("first-hen", "hen")
        for name in ("first-egg", "first-hen"):
            await world.until(
                lambda name=name: world.runs()[name].get("reason") == "DependencyCycle"
            )
        assert (
            "egg, which depends on hen, which depends on egg"
            in world.runs()["first-egg"]["message"]
        )
        assert called(world) == []
        world.cluster.patch("HTTPJob", "hen", {"spec": {"trigger": {"dependsOn": None}}})
        await world.until(lambda: world.phases()["first-egg"] == "Completed")
        assert called(world)[:2] == ["hen", "egg"]

    play(story)


@pytest.mark.parametrize("seed", range(4))
def test_each_end_asks_for_a_run_once_whatever_is_killed(seed: int) -> None:
    """Each extract is asked for when the chain before it is through, so that none serves two."""

    async def story(world: World) -> None:
        chance = Random(seed)
        await chain_of_three(world)
        for number in range(1, 6):
            world.ask(f"extract-{number}", "extract")
            for _ in range(3):
                await asyncio.sleep(chance.uniform(0.0, 1.5))
                for process in world.cluster.living:
                    process.kill()
            await world.until(lambda number=number: len(of(world, "report")) == number)
            await world.ended()
            await asyncio.sleep(5)
        ended = [len(of(world, job)) for job in ("extract", "load", "report")]
        assert ended == [5, 5, 5]
        assert set(world.phases().values()) == {"Completed"}

    play(story)
