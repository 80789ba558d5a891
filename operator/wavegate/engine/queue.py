"""Which job is to be looked at next.

A key says only *that* something changed, never what: a pass reads everything anew, so any number
of changes coalesce into one pass. A job gets at most four passes a second, however busy it is.
A key that was handed out is no longer in the queue: nobody holds it while something is awaited.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from typing import Final

from wavegate.cache.store import JobKey

MIN_INTERVAL: Final = 0.25
"""Seconds between two passes of one FleetJob."""


class WorkQueue:
    """Keys by the time they are due. One consumer; everything else only adds.

    ``now`` gives epoch seconds, in which `wake_at` is spoken; the waiting itself is on the event
    loop's clock. ``added`` is told of each key that was not in it before; ``waited``, of each that
    is handed out, for how many seconds it was due, those before the first was asked for left out.
    ``interval``: seconds between two passes of one job.
    """

    def __init__(
        self,
        now: Callable[[], float],
        *,
        interval: float = MIN_INTERVAL,
        added: Callable[[], None] = lambda: None,
        waited: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._now = now
        self._interval = interval
        self._added = added
        self._waited = waited
        self._opened: float | None = None
        self._due: dict[JobKey, float] = {}
        self._heap: list[tuple[float, JobKey]] = []
        self._last: dict[JobKey, float] = {}
        self._changed = asyncio.Event()

    def add(self, key: JobKey) -> None:
        """Look at the job as soon as its pace allows."""
        self._schedule(key, asyncio.get_running_loop().time())

    def wake_at(self, key: JobKey, time: float) -> None:
        """Look at the job at ``time`` (epoch seconds) at the latest; the earliest of all wins."""
        delay = max(0.0, time - self._now())
        self._schedule(key, asyncio.get_running_loop().time() + delay)

    def discard(self, key: JobKey) -> None:
        """Forget a job of which nothing is left."""
        self._due.pop(key, None)
        self._last.pop(key, None)

    def depth(self) -> int:
        """Keys that are due now but not handed out yet."""
        now = asyncio.get_running_loop().time()
        return sum(due <= now for due in self._due.values())

    async def get(self) -> JobKey:
        """The next key that is due; its older wake-ups are void with that."""
        loop = asyncio.get_running_loop()
        if self._opened is None:
            self._opened = loop.time()
        while True:
            self._changed.clear()
            wait = self._until_next()
            if wait is not None and wait <= 0:
                due, key = heapq.heappop(self._heap)
                del self._due[key]
                self._last[key] = loop.time()
                self._waited(loop.time() - max(due, self._opened))
                return key
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _until_next(self) -> float | None:
        """Seconds until the next key is due; None where none waits."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        if not self._heap:
            return None
        return self._heap[0][0] - asyncio.get_running_loop().time()

    def _schedule(self, key: JobKey, due: float) -> None:
        last = self._last.get(key)
        if last is not None:
            due = max(due, last + self._interval)
        if key not in self._due:
            self._added()
        elif self._due[key] <= due:
            return
        self._due[key] = due
        heapq.heappush(self._heap, (due, key))
        self._changed.set()
