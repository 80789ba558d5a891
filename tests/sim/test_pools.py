"""Jobs that share a RateLimitPool, by whole operator processes, in virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random
from typing import Any

import pytest

from sim.test_runs import CLOCKS_AGREE, World, play
from wavegate.kube.errors import ApiError, Forbidden, ServerError
from wavegate.runner import reconciler
from wavegate.runs.observed import ObservedRuns
from wavegate.runs.plan import plan
from wavegate.simulation.transport import Request, Untroubled


def share_a_pool(world: World, number: int, runs: int) -> list[str]:
    """So many jobs with so many runs each; their names."""
    world.cluster.create("RateLimitPool", "partner", {"max": 5, "window": "10s"})
    jobs = [f"job-{each}" for each in range(number)]
    for job in jobs:
        limits = {"pools": ["partner"]}
        world.job(job, runs={"limits": limits, "successfulHistoryLimit": 1000})
        for each in range(runs):
            world.ask(f"{job}-{each:02}", job)
    return jobs


def most_within(world: World, seconds: float) -> int:
    began = sorted(made.began for made in world.endpoints.calls)
    return max(sum(first <= each < first + seconds for each in began) for first in began)


def test_jobs_that_share_a_pool_take_turns_and_do_not_exceed_it() -> None:
    async def story(world: World) -> None:
        jobs = share_a_pool(world, 4, 10)
        await world.until(lambda: len(world.endpoints.calls) == 24)
        after_the_burst = Counter(made.run[:5] for made in world.endpoints.calls[5:])
        assert after_the_burst.keys() == set(jobs)
        assert max(after_the_burst.values()) - min(after_the_burst.values()) <= 1
        await world.ended()
        assert set(world.phases().values()) == {"Completed"}
        assert most_within(world, 10) <= 2 * 5 - 1
        seconds = world.endpoints.calls[-1].began - world.endpoints.calls[0].began
        assert seconds == pytest.approx(35 * 2, abs=4), "after the burst one in two seconds"

    play(story)


def test_a_pool_that_is_missing_is_waited_for_and_one_that_changes_holds_at_once() -> None:
    async def story(world: World) -> None:
        world.job(runs={"limits": {"pools": ["partner"]}, "successfulHistoryLimit": 100})
        for number in range(12):
            world.ask(f"r{number:02}")
        await world.until(
            lambda: all(each.get("reason") == "PoolMissing" for each in world.runs().values())
        )
        assert world.endpoints.calls == []
        world.cluster.create("RateLimitPool", "partner", {"max": 1, "window": "1h"})
        await world.until(lambda: len(world.endpoints.calls) == 1)
        await asyncio.sleep(60)
        assert len(world.endpoints.calls) == 1
        world.cluster.patch("RateLimitPool", "partner", {"spec": {"max": 100, "window": "10s"}})
        await world.until(lambda: len(world.endpoints.calls) == 12)
        assert world.endpoints.calls[-1].began - world.endpoints.calls[1].began < 5

    play(story)


@pytest.mark.parametrize("seed", range(3))
def test_a_pool_is_not_exceeded_whatever_is_killed(seed: int) -> None:
    async def story(world: World) -> None:
        chance = Random(seed)
        share_a_pool(world, 3, 8)
        for _ in range(4):
            await asyncio.sleep(chance.uniform(1, 12))
            for process in world.cluster.living:
                process.kill()
        await world.ended()
        assert most_within(world, 10 - CLOCKS_AGREE) <= 2 * 5 - 1

    play(story, seed)


class Unwritable(Untroubled):
    """The status of this run cannot be written."""

    def __init__(self, run: str, error: ApiError) -> None:
        self._path = f"/jobruns/{run}/status"
        self._error = error
        self.refused = 0

    async def sending(self, request: Request) -> None:
        if request.path.endswith(self._path):
            self.refused += 1
            raise self._error


@pytest.mark.parametrize(
    "error", [ServerError(500), Forbidden(403, "Forbidden", "no")], ids=["500", "403"]
)
def test_a_run_that_cannot_be_put_on_record_takes_nobodys_call_of_a_pool(error: ApiError) -> None:
    trouble = Unwritable("a", error)

    async def story(world: World) -> None:
        world.cluster.create("RateLimitPool", "partner", {"max": 1, "window": "60s"})
        for job in ("first", "second"):
            world.job(job, runs={"limits": {"pools": ["partner"]}})
        world.ask("a", "first")
        await world.until(lambda: trouble.refused > 6)  # by now it is seldom tried
        began = world.cluster.loop.time()
        for name, job in (("b", "second"), ("c", "first"), ("d", "second")):
            world.ask(name, job)
        await world.until(lambda: list(world.phases().values()).count("Completed") == 3)
        assert world.cluster.loop.time() - began < 2 * 60 + 5

    play(story, trouble=lambda _: trouble)


def test_a_job_whose_passes_break_stands_in_nobodys_way(monkeypatch: pytest.MonkeyPatch) -> None:
    broken: set[str] = set()

    def broken_plan(observed: ObservedRuns) -> Any:
        if observed.job is not None and observed.job.name in broken:
            raise RuntimeError("a defect")
        return plan(observed)

    monkeypatch.setattr(reconciler, "plan", broken_plan)

    async def story(world: World) -> None:
        world.cluster.create("RateLimitPool", "partner", {"max": 1, "window": "60s"})
        for job in ("first", "second"):
            world.job(job, runs={"limits": {"pools": ["partner"]}})
            world.ask(f"{job}-a", job)
            await world.until(lambda: len(world.endpoints.calls) == 1)
        world.ask("second-b", "second")
        # The first call has used up the pool, and the second job waits the longest.
        await asyncio.sleep(30)
        broken.add("second")
        await asyncio.sleep(31)
        world.ask("first-b", "first")
        await asyncio.sleep(61)
        assert [made.run for made in world.endpoints.calls] == ["first-a", "first-b"]
        broken.clear()
        await world.ended()

    play(story)
