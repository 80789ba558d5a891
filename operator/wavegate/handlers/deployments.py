"""Where a user's FleetDeployment, or a verb on one, begins: decode, cache; the cache enqueues the
key of the job it names."""

from __future__ import annotations

from typing import Any

import kopf

from wavegate.cache.cluster import ClusterCache
from wavegate.kube.resources import FLEET_DEPLOYMENTS


def watch_deployments(registry: kopf.OperatorRegistry, cache: ClusterCache) -> None:
    """Feed FleetDeployments into the cache."""
    kind = FLEET_DEPLOYMENTS

    @kopf.on.event(kind.group, kind.version, kind.plural, registry=registry)
    async def deployment_changed(event: Any, **_: Any) -> None:
        cache.apply_event(kind.kind, event["type"], event["object"])
