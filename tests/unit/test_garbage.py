from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from wavegate import garbage


class Cycle:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def _as_it_was() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.mark.usefixtures("_as_it_was")
@pytest.mark.looptime
async def test_old_cycles_are_collected_on_the_clock_and_not_before() -> None:
    garbage.collect_the_young_only()
    old = weakref.ref(made := Cycle())
    gc.collect(1)
    del made
    full = gc.get_stats()[2]["collections"]
    task = asyncio.create_task(garbage.collect())
    kept = [[] for _ in range(200_000)]  # more than makes Python go through everything
    assert gc.get_stats()[2]["collections"] == full
    assert old() is not None
    await asyncio.sleep(garbage.FULL_SECONDS - 1)
    assert old() is not None
    await asyncio.sleep(2)
    assert old() is None
    assert len(kept) == 200_000
    task.cancel()


@pytest.mark.usefixtures("_as_it_was")
def test_young_cycles_are_collected_as_they_come() -> None:
    garbage.collect_the_young_only()
    young = weakref.ref(Cycle())
    kept = [[] for _ in range(garbage.YOUNG[0] * 2)]
    assert young() is None
    assert kept
