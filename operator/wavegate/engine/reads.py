"""Live reads in the background: at most one for each job, and one that failed is made again.

A pass never waits for one. It asks, and its job is queued again once something is known.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from wavegate.cache.store import JobKey
from wavegate.engine.queue import WorkQueue
from wavegate.kube.errors import ApiError

RETRY: Final = 2.0
"""Seconds until a read that failed is made again."""

NOT_UNDERSTOOD: Final = 60.0
"""The same for one whose answer cannot be decoded: that is told with its traceback."""

_log = logging.getLogger(__name__)


class Reads:
    """``what`` is read, for the log. ``now``: epoch seconds."""

    def __init__(self, what: str, queue: WorkQueue, now: Callable[[], float]) -> None:
        self._what = what
        self._queue = queue
        self._now = now
        self._running: dict[JobKey, asyncio.Task[None]] = {}
        self._not_before: dict[JobKey, float] = {}

    def begin(self, key: JobKey, read: Callable[[], Awaitable[None]]) -> None:
        """Call ``read``, which raises ApiError where it fails; nothing where one is under way."""
        if key in self._running:
            return
        wait = self._not_before.get(key, 0.0)
        if wait > self._now():
            self._queue.wake_at(key, wait)
            return
        task = asyncio.create_task(self._run(key, read), name=f"{self._what} {key[0]}/{key[1]}")
        self._running[key] = task
        task.add_done_callback(lambda _: self._running.pop(key, None))

    def forget(self, key: JobKey) -> None:
        """Nothing of the job is to be read any more."""
        self._not_before.pop(key, None)

    async def close(self) -> None:
        """End those that are under way."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, key: JobKey, read: Callable[[], Awaitable[None]]) -> None:
        try:
            await read()
        except ApiError as error:
            _log.log(error.log_level, "%s %s/%s cannot be read: %s", self._what, *key, error)
            self._again(key, max(RETRY, error.retry_after or 0.0))
        except Exception:
            _log.exception("%s %s/%s cannot be understood", self._what, *key)
            self._again(key, NOT_UNDERSTOOD)
        else:
            self._queue.add(key)

    def _again(self, key: JobKey, seconds: float) -> None:
        self._not_before[key] = self._now() + seconds
        self._queue.wake_at(key, self._not_before[key])
