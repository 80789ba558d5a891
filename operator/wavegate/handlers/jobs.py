"""Where the reconciliation of a FleetJob begins: decode, cache; the cache enqueues its key."""

from __future__ import annotations

from typing import Any

import kopf

from wavegate.cache.cluster import ClusterCache
from wavegate.kube.resources import FLEET_JOBS


def watch_jobs(registry: kopf.OperatorRegistry, cache: ClusterCache) -> None:
    """Feed FleetJobs into the cache."""

    @kopf.on.event(FLEET_JOBS.group, FLEET_JOBS.version, FLEET_JOBS.plural, registry=registry)
    async def job_changed(event: Any, **_: Any) -> None:
        cache.apply_event(FLEET_JOBS.kind, event["type"], event["object"])
