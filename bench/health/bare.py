"""What is the least that pages cost: they are got at the pace of the windows, and thrown away.

By aiohttp, which the operator uses, each over a connection of its own as the operator has it, and
each over one that is kept; and by bare sockets of one thread, which wait for each answer.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import aiohttp

from bench.health.endpoints import address
from bench.health.sampling import Load

TICK: Final = 0.02
"""Seconds between two bursts."""
_ASKED: Final = b"GET /metrics HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n"
_LONG: Final = 3600.0
_PATIENCE: Final = 10.0
_SIZE: Final = 64 * 1024


async def by_aiohttp(load: Load, seconds: float, *, kept: bool) -> float:
    """The share of a core of this process. ``kept``: connections are made beforehand, and kept."""
    ends = {"keepalive_timeout": _LONG} if kept else {"force_close": True}
    connector = aiohttp.TCPConnector(limit=0, **ends)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:

        async def get(pod: int) -> None:
            url = f"http://{address(pod)}:{load.port}/metrics"
            async with session.get(url, allow_redirects=False) as response:
                await response.read()

        under_way: set[asyncio.Task[None]] = set()

        def begin(pod: int) -> None:
            task = asyncio.create_task(get(pod))
            under_way.add(task)
            task.add_done_callback(under_way.discard)

        if kept:
            await _paced(load, load.interval, begin)
            await asyncio.gather(*under_way)
        share = await _paced(load, seconds, begin)
        await asyncio.gather(*under_way)
        return share


async def by_sockets(load: Load, seconds: float) -> float:
    """The share of a core."""

    def get(pod: int) -> None:
        with socket.create_connection((address(pod), load.port), _PATIENCE) as made:
            made.sendall(_ASKED % address(pod).encode())
            while made.recv(_SIZE):
                pass

    return await asyncio.to_thread(asyncio.run, _paced(load, seconds, get))


async def _paced(load: Load, seconds: float, begin: Callable[[int], None]) -> float:
    """Each pod once an interval, for so long; the share of a core."""
    begun, cpu, rate = time.monotonic(), time.process_time(), load.pods / load.interval
    for number in range(round(seconds * rate)):
        early = begun + number / rate - time.monotonic()
        if early > 0:
            await asyncio.sleep(max(early, TICK))
        begin(number % load.pods)
    return (time.process_time() - cpu) / (time.monotonic() - begun)


CONTENDERS: Final[dict[str, Callable[[Load, float], Awaitable[float]]]] = {
    "aiohttp, a connection each": partial(by_aiohttp, kept=False),
    "aiohttp, connections kept": partial(by_aiohttp, kept=True),
    "sockets of one thread, a connection each": by_sockets,
}
