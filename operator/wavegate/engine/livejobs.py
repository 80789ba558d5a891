"""Reads a job live before anything is created for it, once for each change of it.

What kopf delivers may be old, and a create in the name of a job that was changed, deleted or
replaced since is hard to take back. So a pass that would create (or that deletes what a job seems
to have left behind) first has its job read; while nothing has changed since, that read is still
good.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from wavegate.cache.cluster import ClusterCache
from wavegate.cache.store import JobKey
from wavegate.domain.observed import JobView
from wavegate.engine.client import Client
from wavegate.engine.queue import WorkQueue
from wavegate.engine.reads import Reads
from wavegate.kube.errors import NotFound
from wavegate.kube.resources import FLEET_JOBS

_NONE: Final = ("", "")


class LiveJobs:
    """The last state, as (uid, resourceVersion), in which each job was read from the server."""

    def __init__(
        self, client: Client, cache: ClusterCache, queue: WorkQueue, now: Callable[[], float]
    ) -> None:
        self._client = client
        self._cache = cache
        self._seen: dict[JobKey, tuple[str, str]] = {}
        self._reads = Reads("job", queue, now)

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
        self._reads.begin(key, partial(self._read, key))

    def forget(self, key: JobKey) -> None:
        """Nothing is left of the job."""
        self._seen.pop(key, None)
        self._reads.forget(key)

    async def close(self) -> None:
        """End reads that are under way."""
        await self._reads.close()

    async def _read(self, key: JobKey) -> None:
        try:
            raw = await self._client.get(FLEET_JOBS, *key)
        except NotFound:
            self._gone(key)
        else:
            self.saw(raw)
            self._cache.assume(FLEET_JOBS.kind, raw)

    def _gone(self, key: JobKey) -> None:
        known = self._cache.job(key)
        if known is not None:
            self._cache.forget(FLEET_JOBS.kind, *key, known.uid)
        self._seen[key] = _NONE
