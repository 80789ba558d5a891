"""The health of a job by whole operator processes, in virtual time: each end counts once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from sim.test_runs import World, play
from wavegate.dispatch.call import Call, Heard
from wavegate.kube.resources import HTTP_JOBS
from wavegate.runs.job_health import COUNTED_AS
from wavegate.runs.states import TERMINAL
from wavegate.runs.tallies import over, read
from wavegate.simulation.cluster import Process
from wavegate.simulation.rights import Administrator
from wavegate.simulation.transport import Request, Untroubled

MINUTES = 2


class Watched(Untroubled):
    """Sees each write, and kills at one of them: ``at`` it, or once it is ``done``."""

    def __init__(self, at: int | None = None, *, done: bool = False) -> None:
        self.ended: dict[str, str] = {}
        self.of_job = 0
        self.twice: Counter[str] = Counter()
        self.killed = False
        self._left = at
        self._done = done
        self._process: Process | None = None

    def of(self, process: Process) -> Watched:
        self._process = process
        return self

    async def sending(self, request: Request) -> None:
        if self._is_write(request) and not self._done:
            self._maybe_kill()

    async def answered(self, request: Request, answer: dict[str, Any]) -> None:
        if not self._is_write(request):
            return
        if "/jobruns/" in request.path and request.method == "PUT":
            phase = answer["status"]["phase"]
            self.ended |= {answer["metadata"]["uid"]: phase} if phase in TERMINAL else {}
        if "/httpjobs/" in request.path:
            self.of_job += 1
            self.twice += counted(answer) - self.truth()
        if self._done:
            self._maybe_kill()

    def truth(self) -> Counter[str]:
        return Counter(COUNTED_AS[phase] for phase in self.ended.values())  # type: ignore[index]

    def _is_write(self, request: Request) -> bool:
        kinds = ("/jobruns", "/httpjobs", "/jobversions")
        return request.method != "GET" and any(kind in request.path for kind in kinds)

    def _maybe_kill(self) -> None:
        if self._left is None:
            return
        self._left -= 1
        if self._left < 0:
            self._left, self.killed = None, True
            assert self._process is not None
            self._process.kill()


def counted(job: Mapping[str, Any], at: float = 4e9) -> Counter[str]:
    health = job["status"].get("health") or {}
    tallies = read(health)
    newest = max([*tallies.hours, *tallies.days], default=at)
    return Counter(over(tallies, "30d", newest).counts)


def of_app(world: World) -> dict[str, Any]:
    found = world.cluster.get("HTTPJob", "app")
    assert found is not None
    return found


async def every_minute(world: World, watched: Watched) -> None:
    """A schedule, of which each second run fails, and all are removed once they have ended."""
    answers = iter([200, 422] * 99)

    async def answer(_: Call) -> Heard:
        await asyncio.sleep(1.5)
        return Heard(http_status=next(answers), result="{}")

    world.endpoints.answer = answer
    limits = {"successfulHistoryLimit": 0, "failedHistoryLimit": 0}
    world.job(trigger={"schedule": {"cron": "* * * * *"}}, runs=limits)
    await world.until(lambda: len(watched.ended) >= MINUTES)
    world.cluster.patch("HTTPJob", "app", {"spec": {"trigger": None}})
    await world.until(lambda: not world.runs())


@pytest.mark.parametrize("done", [False, True], ids=["at", "after"])
@pytest.mark.parametrize("first", range(0, 18, 3))
def test_each_end_counts_once_whichever_write_kills(first: int, done: bool) -> None:
    for at in range(first, first + 3):
        watched = Watched(at, done=done)

        async def story(world: World, watched: Watched = watched) -> None:
            await every_minute(world, watched)
            await world.until(lambda: counted(of_app(world)) == watched.truth())

        play(story, trouble=watched.of)
        assert len(watched.ended) >= MINUTES
        assert not watched.twice
        assert watched.killed


def test_a_run_costs_no_write_more_and_an_idle_job_none() -> None:
    watched = Watched()

    async def story(world: World) -> None:
        await every_minute(world, watched)
        # For each run: one waits or executes, and none does any more; for the tick the next one.
        assert watched.of_job <= 4 * MINUTES
        before = watched.of_job
        await asyncio.sleep(2 * 3600)
        assert watched.of_job == before

    play(story, trouble=watched.of)


def test_who_is_deleted_by_hand_as_soon_as_it_ends_counts() -> None:
    watched = Watched()

    async def story(world: World) -> None:
        world.job()
        for number in range(8):
            name = f"run-{number}"
            world.ask(name)
            await world.until(lambda name=name: world.phases().get(name) == "Completed")
            world.cluster.delete("JobRun", name)
        await world.until(lambda: counted(of_app(world)) == {"completed": 8})

    play(story, trouble=watched.of)
    assert len(watched.ended) == 8


def test_a_flood_is_counted_soon_and_is_removed_then() -> None:
    watched = Watched()

    async def story(world: World) -> None:
        world.job(runs={"finishedTTL": "1s"})
        for number in range(200):
            world.ask(f"run-{number:03}")
        await world.until(lambda: len(watched.ended) == 200)
        await asyncio.sleep(62)
        assert counted(of_app(world)) == {"completed": 200}
        health = of_app(world)["status"]["health"]
        assert health["last7Days"]["score"] == 100
        assert len(health["counted"]) <= 32

    play(story, trouble=watched.of)


def test_a_job_from_before_counts_what_ends_from_now_on() -> None:
    async def story(world: World) -> None:
        world.job()
        world.ask("before")
        await world.ended()
        await world.until(lambda: counted(of_app(world)) == {"completed": 1})
        (process,) = world.cluster.living
        process.kill()
        found = of_app(world)
        before = {**found, "status": {**found["status"], "health": None}}
        path = HTTP_JOBS.status(found["metadata"]["namespace"], "app")
        world.cluster.server.request(Administrator("user"), "PUT", path, body=before)
        assert "health" not in of_app(world)["status"]
        await world.until(lambda: "health" in of_app(world)["status"])
        assert "last7Days" not in of_app(world)["status"]["health"]
        world.ask("after")
        await world.until(lambda: counted(of_app(world)) == {"completed": 1})

    play(story)
