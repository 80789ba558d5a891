"""FleetDeployments on their way from kopf into the cache."""

from __future__ import annotations

import kopf

from unit.handlers.support import document, handler_of
from wavegate.cache.cluster import ClusterCache
from wavegate.handlers.deployments import watch_deployments


async def test_a_users_deployment_enqueues_the_job_that_it_names():
    woken: list[tuple[str, str]] = []
    cache = ClusterCache(woken.append, clock=lambda: 0.0)
    registry = kopf.OperatorRegistry()
    watch_deployments(registry, cache)
    raw = document("FleetDeployment", "back", 5, jobName="edge", type="Rollback", toVersion=1)
    await handler_of(registry).fn(event={"type": "ADDED", "object": raw})
    assert cache.deployments.get("web", "back").to_version == 1
    assert woken == [("web", "edge")]
