"""How late the event loop is: everything in the process waits that long before its turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, NoReturn

INTERVAL: Final = 0.1
"""Seconds between two samples."""


async def sample_lag(observe: Callable[[float], None]) -> NoReturn:
    """Tell ``observe``, until cancelled, by how many seconds each wake-up came too late."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + INTERVAL
        await asyncio.sleep(INTERVAL)
        observe(max(0.0, loop.time() - due))
