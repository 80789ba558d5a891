"""When a reading begins: in time, and in no other's way.

Two things would make thousands of pods late for each other. After a restart of the operator, or
when a large wave is ready, all would be read at one instant, and then again an interval later. And
pods that take the question and never answer would hold the places of those that do. So first
readings are spread, and who does not answer soon gives its place away. All begin on ticks: ten at a
time cost the event loop a third less than one by one.

Invariants: a pod's first reading begins at most half an interval and a tick late, of the whole
interval that its deadline allows beyond its windows; alone, it begins at the next tick. No reading
begins earlier than an interval after the one before. One that takes longer than BRISK is in
nobody's way any more, and ends by its own time-out, T: there are never more than
``PLACES * (1 + T / BRISK)`` under way.

Worked example, an interval of 10 s: of pods that become ready at one instant ten are first read at
each tick; of 5,000 the last after 5 s; the 5,001st at once, as the first.
"""

from __future__ import annotations

import asyncio
from math import ceil
from types import TracebackType
from typing import Final

PLACES: Final = 64
"""Readings under way at a time, of those that are younger than BRISK."""

BRISK: Final = 0.2
"""Seconds after which a reading gives its place to another, and goes on."""

SPREAD: Final = 5000
"""Pods whose first readings, due at one instant, fill half an interval."""

TICK: Final = 0.01
"""Seconds."""

_NOISE: Final = 1e-6
"""Of a tick: what is no difference."""


class Turns:
    """Of all readings of a process."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(PLACES)
        self._next: dict[float, float] = {}
        """When the next first reading may begin, by interval, where that is in the future."""

    def first(self, interval: float) -> float:
        """When a pod is to be read first, if it could be now; by the event loop's clock."""
        now = asyncio.get_running_loop().time()
        self._next = {each: at for each, at in self._next.items() if at > now}
        at = self._next.get(interval, now)
        if at - now >= interval / 2:
            at = now
        self._next[interval] = at + interval / 2 / SPREAD
        return _tick(at)

    def next(self, interval: float) -> float:
        """When a pod that is read now is to be read again."""
        return _tick(asyncio.get_running_loop().time() + interval)

    def turn(self) -> Turn:
        """For one reading: wait for a place, and have it while that is brisk."""
        return Turn(self._free)


def _tick(at: float) -> float:
    """The first tick from then on."""
    return ceil(at / TICK - _NOISE) * TICK


class Turn:
    """A place, as a context."""

    def __init__(self, free: asyncio.Semaphore) -> None:
        self._free = free
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> None:
        await self._free.acquire()
        self._timer = asyncio.get_running_loop().call_later(BRISK, self._give)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._give()

    def _give(self) -> None:
        assert self._timer is not None
        self._timer.cancel()
        self._timer = None
        self._free.release()
