"""RunBatches when processes are killed: at any time, and at any write."""

from __future__ import annotations

import asyncio
import json
from random import Random

import pytest

from sim.batch_story import KEPT, Dying, batch, counts, ended, items, lay
from sim.test_runs import World, play


@pytest.mark.parametrize("seed", range(6))
def test_each_item_is_called_once_whatever_is_killed(seed: int) -> None:
    async def story(world: World) -> None:
        chance = Random(seed)
        world.job(runs={**KEPT, "limits": {"maxConcurrency": 5, "maxQueued": 20}})
        batch(world, items=items(80))
        lay(world, "\n".join(json.dumps({"payload": {"n": n}}) for n in range(30)))
        source = {"configMapKeyRef": {"name": "lines", "key": "items.jsonl"}}
        batch(world, "second", itemsFrom=source)
        for _ in range(8):
            await asyncio.sleep(chance.uniform(0.0, 1.5))
            for process in world.cluster.living:
                process.kill()
        for name in ("import", "second"):
            await ended(world, name)
        assert counts(world) == {"total": 80, "completed": 80}
        assert counts(world, "second") == {"total": 30, "completed": 30}
        firsts = {made.run for made in world.endpoints.calls}
        assert len(firsts) == 110, "a second run of an item would have another name"

    play(story)


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(1, 31))
def test_a_process_dies_at_any_write_of_a_batch_that_makes_runs(number: int, late: bool) -> None:
    async def story(world: World) -> None:
        world.job(runs=KEPT)
        batch(world, items=items(8))
        await ended(world)
        told = counts(world)
        assert told["total"] == 8
        assert sum(told.values()) == 16
        assert set(told) <= {"total", "completed"}
        assert len({made.run for made in world.endpoints.calls}) == 8

    play(story, trouble=Dying(number, late).of)


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(1, 16))
def test_a_process_dies_at_any_write_of_batches_that_replay_and_cancel(
    number: int, late: bool
) -> None:
    async def story(world: World) -> None:
        world.job(runs={"failedHistoryLimit": 100, "successfulHistoryLimit": 100})
        world.job("held", suspend=True)
        for each in range(4):
            world.ask(f"r{each}")
            world.ask(f"held-{each}", "held")
        await world.until(lambda: list(world.phases().values()).count("Completed") == 4)
        await asyncio.sleep(5)
        (process,) = world.cluster.living
        process.transport.trouble = Dying(number, late).of(process)
        chosen = {"phases": ["Completed"]}
        world.cluster.create("RunBatch", "again", {"jobName": "app", "replay": chosen})
        world.cluster.create("RunBatch", "stop", {"jobName": "held", "cancel": {}})
        assert (await ended(world, "stop"))["counts"] == {"total": 4, "open": 0}
        await ended(world, "again")
        assert counts(world, "again") == {"total": 4, "completed": 4}
        replays = [each for each in world.cluster.list("JobRun") if "replayOf" in each["spec"]]
        assert {each["spec"]["replayOf"] for each in replays} == {f"r{n}" for n in range(4)}
        assert len(replays) == 4

    play(story)
