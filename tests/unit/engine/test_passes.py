"""How often jobs are looked at where many are busy, on a virtual clock."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from unit.engine.support import now
from wavegate.cache.store import JobKey
from wavegate.engine.passes import GAP, Passes
from wavegate.engine.queue import MIN_INTERVAL, WorkQueue
from wavegate.simulation.loop import VirtualLoop

SECONDS = 20


class Busy(Passes):
    """Each pass finds that its job is to be looked at again."""

    def __init__(self) -> None:
        super().__init__(WorkQueue(now), now=now, new_id=lambda: "id", passed=lambda *_: None)
        self.passes: Counter[JobKey] = Counter()

    def add(self, jobs: int) -> None:
        for number in range(jobs):
            self._queue.add(("web", f"job-{number}"))

    def _pass(self, key: JobKey, eval_id: str) -> str:
        self.passes[key] += 1
        self._queue.add(key)
        return "requeue"


def looked_at(jobs: int) -> Counter[JobKey]:
    async def look() -> Counter[JobKey]:
        busy = Busy()
        busy.add(jobs)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(busy.run(), SECONDS)
        return busy.passes

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        passes = runner.run(look())
    assert len(passes) == jobs
    return passes


def test_a_few_busy_jobs_are_looked_at_as_often_as_their_pace_allows():
    passes = looked_at(10)
    wanted = SECONDS / MIN_INTERVAL
    assert set(passes.values()) <= set(range(round(wanted * 0.95), round(wanted) + 2))


def test_many_share_what_passes_there_are_and_none_is_left_out():
    passes = looked_at(300)
    assert passes.total() == pytest.approx(SECONDS / GAP, rel=0.05)
    assert max(passes.values()) - min(passes.values()) <= 1
