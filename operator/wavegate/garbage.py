"""Garbage: full collections are made on a clock, not whenever the heap has grown.

Python goes through every object of the process once the heap has grown by a quarter. Of a fleet of
5,000 nodes that stops the loop for a tenth of a second and more, many times in a rollout. What the
operator keeps has no cycles and goes when nothing refers to it; cycles are made by what fails or
ends, which is young and found by the collections of the young, and the rest can wait.
"""

from __future__ import annotations

import asyncio
import gc
from typing import Final, NoReturn

YOUNG: Final = (5_000, 10)
"""Objects after which the youngest are collected, and after how many of these their elders."""

NEVER: Final = 1_000_000_000
FULL_SECONDS: Final = 600.0


def collect_the_young_only() -> None:
    """What is there by now, which is code, stays; full collections are left to `collect`."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*YOUNG, NEVER)


async def collect() -> NoReturn:
    """Full collections, ten minutes apart, until cancelled."""
    while True:
        await asyncio.sleep(FULL_SECONDS)
        gc.collect()
