"""When readings may begin, on a virtual clock."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter

import pytest

from wavegate.health.turns import BRISK, PLACES, SPREAD, Turns

pytestmark = pytest.mark.looptime


def clock() -> float:
    return asyncio.get_running_loop().time()


@pytest.fixture
async def turns() -> Turns:
    return Turns()


class Readings:
    """As many as begin at once; each takes ``seconds``."""

    def __init__(self, turns: Turns, seconds: float) -> None:
        self._turns = turns
        self._seconds = seconds
        self.begun: list[float] = []
        self.under_way = 0
        self.most = 0

    async def one(self) -> None:
        async with self._turns.turn():
            self.begun.append(clock())
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            try:
                await asyncio.sleep(self._seconds)
            finally:
                self.under_way -= 1

    async def all(self, number: int) -> None:
        await asyncio.gather(*(self.one() for _ in range(number)))


async def test_brisk_readings_take_the_places_one_after_the_other(turns):
    readings = Readings(turns, 0.1)
    await readings.all(3 * PLACES)
    assert readings.most == PLACES
    expected = [0.0] * PLACES + [0.1] * PLACES + [0.2] * PLACES
    assert readings.begun == pytest.approx(expected, abs=0.001)


async def test_a_reading_that_takes_long_gives_its_place_to_another_and_goes_on(turns):
    hanging, brisk = Readings(turns, 2.0), Readings(turns, 0.01)
    waiting = asyncio.create_task(hanging.all(PLACES))
    await asyncio.sleep(0.1)
    await brisk.one()
    assert brisk.begun == [pytest.approx(BRISK, abs=0.001)]
    assert hanging.under_way == PLACES
    await waiting
    assert clock() == pytest.approx(2.0, abs=0.01)


async def test_readings_that_all_hang_are_bounded_too(turns):
    readings = Readings(turns, 2.0)
    await readings.all(3000)
    assert readings.most == PLACES * (1 + round(2.0 / BRISK))


async def test_a_place_is_given_once(turns):
    await Readings(turns, BRISK + 0.1).all(PLACES)
    readings = Readings(turns, 0.1)
    await readings.all(PLACES + 1)
    assert readings.most == PLACES


@pytest.mark.parametrize("after", [BRISK / 2, 2 * BRISK])
async def test_a_reading_that_is_cancelled_leaves_its_place(turns, after: float):
    readings = Readings(turns, 60.0)
    tasks = [asyncio.create_task(readings.one()) for _ in range(PLACES + 1)]
    await asyncio.sleep(after)
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    again = Readings(turns, 0.1)
    await again.all(PLACES + 1)
    assert again.most == PLACES


async def test_a_reading_that_breaks_leaves_its_place(turns):
    for _ in range(PLACES + 1):
        with pytest.raises(RuntimeError):
            async with turns.turn():
                raise RuntimeError
    readings = Readings(turns, 0.1)
    await readings.all(PLACES)
    assert readings.begun == pytest.approx([readings.begun[0]] * PLACES)


async def test_first_readings_that_are_due_at_once_are_spread_over_half_an_interval(turns):
    moments = [turns.first(10.0) for _ in range(SPREAD + 1)]
    assert moments[:12] == pytest.approx([0.0, *[0.01] * 10, 0.02])
    assert moments[SPREAD - 1] == pytest.approx(5.0)
    assert moments[SPREAD] == 0
    assert max(Counter(moments).values()) <= 11


async def test_however_many_there_are_none_waits_longer(turns):
    moments = Counter(turns.first(1.0) for _ in range(3 * SPREAD))
    assert max(moments) == pytest.approx(0.5)
    assert set(moments.values()) <= {3, 300, 297, 303}


async def test_one_that_comes_later_does_not_wait_for_those_that_have_begun(turns):
    for _ in range(100):
        turns.first(10.0)
    await asyncio.sleep(0.05)
    assert turns.first(10.0) == pytest.approx(0.1)
    await asyncio.sleep(0.06)
    assert turns.first(10.0) == pytest.approx(0.11)


async def test_pods_of_other_intervals_are_spread_apart(turns):
    for _ in range(100):
        turns.first(10.0)
    assert turns.first(20.0) == 0
    assert turns.first(10.0) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("now", "interval", "then"),
    [
        pytest.param(0.0, 10.0, 10.0, id="on a tick"),
        pytest.param(0.3, 10.0, 10.3, id="on a tick that floats spell badly"),
        pytest.param(0.302, 10.0, 10.31, id="between two, and never early"),
        pytest.param(0.309, 0.5, 0.81, id="just before one"),
    ],
)
async def test_the_next_reading_is_at_a_tick_an_interval_later(turns, now, interval, then):
    await asyncio.sleep(now)
    assert turns.next(interval) == pytest.approx(then)
