"""Virtual time, and processes that are stopped in it."""

from __future__ import annotations

import asyncio
import time
from contextvars import copy_context

import pytest

from wavegate.simulation.loop import PROCESS, NothingLeftToDo, VirtualLoop


def in_process(loop: asyncio.AbstractEventLoop, process: str, work: asyncio.Future | object):
    context = copy_context()
    context.run(PROCESS.set, process)
    return loop.create_task(work, context=context)


def test_waiting_costs_nothing():
    begun = time.monotonic()
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(asyncio.sleep(86_400))
        assert runner.get_loop().time() == 86_400
    assert time.monotonic() - begun < 5


def test_what_is_due_first_runs_first():
    told: list[int] = []

    async def tell(after: int) -> None:
        await asyncio.sleep(after)
        told.append(after)

    async def main() -> None:
        await asyncio.gather(*(tell(each) for each in (3, 1, 2)))

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())
    assert told == [1, 2, 3]


def test_to_wait_for_what_can_never_happen_is_an_error():
    async def main() -> None:
        await asyncio.Event().wait()

    loop = VirtualLoop()
    task = loop.create_task(main())
    with pytest.raises(NothingLeftToDo):
        loop.run_until_complete(task)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)
    loop.close()


def test_a_frozen_process_does_nothing_and_the_others_go_on():
    told: list[tuple[str, float]] = []

    async def tick(name: str) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(5):
            await asyncio.sleep(1)
            told.append((name, loop.time()))

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        tasks = [in_process(loop, each, tick(each)) for each in ("a", "b")]
        await asyncio.sleep(2.5)
        loop.freeze("a")
        assert loop.is_frozen("a")
        await asyncio.sleep(10)
        loop.thaw("a")
        await asyncio.gather(*tasks)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())
    assert [at for name, at in told if name == "b"] == [1, 2, 3, 4, 5]
    assert [at for name, at in told if name == "a"] == [1, 2, 12.5, 13.5, 14.5]
