"""The event loop's lag, on a real event loop: a virtual clock does not pass while code runs."""

from __future__ import annotations

import asyncio
import time

import pytest

from wavegate.telemetry.lag import INTERVAL, sample_lag


async def test_code_that_holds_the_loop_shows_as_lag():
    seen: asyncio.Queue[float] = asyncio.Queue()
    sampler = asyncio.create_task(sample_lag(seen.put_nowait))
    await asyncio.sleep(0)  # it sleeps now
    time.sleep(3 * INTERVAL)  # noqa: ASYNC251  (what is measured)
    assert await seen.get() == pytest.approx(2 * INTERVAL, abs=INTERVAL)
    sampler.cancel()


async def test_a_loop_with_nothing_to_do_is_in_time():
    seen: asyncio.Queue[float] = asyncio.Queue()
    sampler = asyncio.create_task(sample_lag(seen.put_nowait))
    assert min([await seen.get() for _ in range(5)]) < INTERVAL / 2
    sampler.cancel()
