"""The keyed queue: coalescing, pace and wake-ups, on a virtual clock."""

from __future__ import annotations

import asyncio

import pytest

from unit.engine.support import now
from wavegate.engine.queue import WorkQueue

pytestmark = pytest.mark.looptime

EDGE = ("web", "edge")
OTHER = ("web", "other")


def clock() -> float:
    return asyncio.get_running_loop().time()


async def test_any_number_of_changes_is_one_pass():
    queue = WorkQueue(now)
    for _ in range(100):
        queue.add(EDGE)
    assert await queue.get() == EDGE
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(), 10)


async def test_a_busy_job_gets_at_most_four_passes_a_second():
    queue = WorkQueue(now)
    passes: list[float] = []

    async def consume() -> None:
        while True:
            passes.append(clock())
            queue.add(await queue.get())

    queue.add(EDGE)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(consume(), 10.1)
    assert 40 <= len(passes) - 1 <= 42


async def test_the_pace_of_one_job_does_not_hold_up_another():
    queue = WorkQueue(now)
    queue.add(EDGE)
    await queue.get()
    queue.add(EDGE)
    queue.add(OTHER)
    assert await queue.get() == OTHER
    assert clock() == pytest.approx(0.0, abs=0.01)


async def test_the_earliest_wake_up_wins():
    queue = WorkQueue(now)
    queue.wake_at(EDGE, now() + 60)
    queue.wake_at(EDGE, now() + 5)
    queue.wake_at(EDGE, now() + 30)
    await queue.get()
    assert clock() == pytest.approx(5, abs=0.01)


async def test_a_pass_voids_the_wake_ups_before_it():
    queue = WorkQueue(now)
    queue.wake_at(EDGE, now() + 60)
    queue.add(EDGE)
    await queue.get()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(), 120)


async def test_a_change_during_a_wait_is_seen_at_once():
    queue = WorkQueue(now)
    queue.wake_at(EDGE, now() + 60)
    asyncio.get_running_loop().call_later(3, queue.add, OTHER)
    assert await queue.get() == OTHER
    assert clock() == pytest.approx(3, abs=0.01)


async def test_a_wake_up_in_the_past_is_due_now():
    queue = WorkQueue(now)
    queue.wake_at(EDGE, now() - 1000)
    assert await queue.get() == EDGE
    assert clock() == pytest.approx(0, abs=0.01)


async def test_depth_counts_only_what_is_due():
    queue = WorkQueue(now)
    queue.add(EDGE)
    queue.wake_at(OTHER, now() + 60)
    assert queue.depth() == 1


async def test_a_discarded_job_is_not_handed_out():
    queue = WorkQueue(now)
    queue.add(EDGE)
    queue.discard(EDGE)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(), 10)


async def test_what_is_put_in_is_counted_once_and_how_long_it_was_due_is_told():
    added, waited = [], []
    queue = WorkQueue(now, added=lambda: added.append(clock()), waited=waited.append)
    queue.wake_at(EDGE, now() + 5)
    queue.add(EDGE)
    queue.add(OTHER)
    assert len(added) == 2, "a key that is there already is no other"
    await asyncio.sleep(600)
    await queue.get()
    await queue.get()
    assert waited == [0, 0], "nobody was to take it before"
    queue.add(EDGE)
    await asyncio.sleep(3)
    await queue.get()
    assert waited[2] == pytest.approx(2.75, abs=0.01), "its pace is no waiting"
    assert len(added) == 3
