"""Reads pods live that should be gone by what is known of them, once each.

The end of a pod may not have been heard of, and to leave out its node for that would put another
node in its place. Each plan names the pods that it doubts (``keep``); each is read once, one after
the other, and its job is looked at again when that is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from wavegate.cache.cluster import ClusterCache
from wavegate.cache.store import JobKey
from wavegate.domain.actions import Look
from wavegate.engine.client import Client
from wavegate.engine.queue import WorkQueue
from wavegate.engine.reads import Reads
from wavegate.kube.errors import NotFound
from wavegate.kube.resources import PODS


class LivePods:
    """By job, when each of these pods was last found by a live read. ``now``: epoch seconds."""

    def __init__(
        self, client: Client, cache: ClusterCache, queue: WorkQueue, now: Callable[[], float]
    ) -> None:
        self._client = client
        self._cache = cache
        self._now = now
        self._found: dict[JobKey, dict[str, float]] = {}
        self._reads = Reads("pods of", queue, now)

    def found(self, key: JobKey) -> Mapping[str, float]:
        """By uid: when a read began that has found the pod (epoch seconds)."""
        return self._found.get(key, {})

    def keep(self, key: JobKey, looks: Sequence[Look]) -> None:
        """Read those of these pods that were not found since the moment they name.

        What is known of other pods of the job is forgotten. Reads in the background; the job is
        queued again once something is known.
        """
        if not looks:
            self._found.pop(key, None)
            self._reads.forget(key)
            return
        found = self._found.get(key, {})
        self._found[key] = {
            look.pod_uid: found[look.pod_uid] for look in looks if look.pod_uid in found
        }
        doubted = [look for look in looks if found.get(look.pod_uid, 0.0) < look.since]
        if doubted:
            self._reads.begin(key, partial(self._read, key, doubted))

    async def close(self) -> None:
        """End reads that are under way."""
        await self._reads.close()

    async def _read(self, key: JobKey, looks: Sequence[Look]) -> None:
        for look in looks:
            asked = self._now()
            if await self._is_there(look):
                self._found.setdefault(key, {})[look.pod_uid] = asked

    async def _is_there(self, look: Look) -> bool:
        """Whether the pod itself is still there; what was found is in the cache."""
        try:
            raw = await self._client.get(PODS, look.pod_namespace, look.pod_name)
        except NotFound:
            self._cache.forget(PODS.kind, look.pod_namespace, look.pod_name, look.pod_uid)
            return False
        # One of the same name and another uid: the one before is gone.
        self._cache.assume(PODS.kind, raw)
        return bool(raw["metadata"]["uid"] == look.pod_uid)
