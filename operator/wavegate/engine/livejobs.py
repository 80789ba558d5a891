"""Reads a job live before anything is created for it, once for each change of it.

What kopf delivers may be old, and a create in the name of a job that was changed, deleted or
replaced since is hard to take back. So a pass that would create (or that deletes what a job seems
to have left behind) first has its job read; while nothing has changed since, that read is still
good.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from wavegate.cache.cluster import ClusterCache
from wavegate.cache.store import JobKey
from wavegate.domain.observed import JobView
from wavegate.engine.client import Client
from wavegate.engine.queue import WorkQueue
from wavegate.kube.errors import ApiError, NotFound
from wavegate.kube.resources import FLEET_JOBS

RETRY: Final = 2.0
"""Seconds until a read that failed is made again."""

_NONE: Final = ("", "")

_log = logging.getLogger(__name__)


class LiveJobs:
    """The last state, as (uid, resourceVersion), in which each job was read from the server."""

    def __init__(
        self, client: Client, cache: ClusterCache, queue: WorkQueue, now: Callable[[], float]
    ) -> None:
        self._client = client
        self._cache = cache
        self._queue = queue
        self._now = now
        self._seen: dict[JobKey, tuple[str, str]] = {}
        self._reading: dict[JobKey, asyncio.Task[None]] = {}
        self._not_before: dict[JobKey, float] = {}

    def confirmed(self, job: JobView) -> bool:
        """Whether the server itself has shown the job in this state."""
        return self._seen.get(job.key) == (job.uid, job.resource_version)

    def saw(self, raw: dict[str, Any]) -> None:
        """The server has shown the job, in the answer to a write."""
        metadata = raw["metadata"]
        key = (metadata["namespace"], metadata["name"])
        self._seen[key] = (metadata["uid"], metadata["resourceVersion"])

    def read(self, key: JobKey) -> None:
        """Read the job in the background; it is queued again when that is done."""
        wait = self._not_before.get(key, 0.0)
        if wait > self._now():
            self._queue.wake_at(key, wait)
        elif key not in self._reading:
            task = asyncio.create_task(self._read(key), name=f"read {key[0]}/{key[1]}")
            self._reading[key] = task
            task.add_done_callback(lambda _: self._reading.pop(key, None))

    def forget(self, key: JobKey) -> None:
        """Nothing is left of the job."""
        self._seen.pop(key, None)
        self._not_before.pop(key, None)

    async def close(self) -> None:
        """End reads that are under way."""
        tasks = list(self._reading.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, key: JobKey) -> None:
        try:
            raw = await self._client.get(FLEET_JOBS, *key)
        except NotFound:
            self._gone(key)
        except ApiError as error:
            _log.warning("job %s/%s cannot be read: %s", *key, error)
            self._not_before[key] = self._now() + RETRY
            self._queue.wake_at(key, self._not_before[key])
            return
        else:
            self.saw(raw)
            self._cache.assume(FLEET_JOBS.kind, raw)
        self._not_before.pop(key, None)
        self._queue.add(key)

    def _gone(self, key: JobKey) -> None:
        known = self._cache.job(key)
        if known is not None:
            self._cache.forget(FLEET_JOBS.kind, *key, known.uid)
        self._seen[key] = _NONE
