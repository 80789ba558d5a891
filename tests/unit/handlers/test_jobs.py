"""FleetJobs on their way from kopf into the cache."""

from __future__ import annotations

import kopf
import pytest

from unit.handlers.support import document, handler_of
from wavegate.cache.cluster import ClusterCache
from wavegate.handlers.jobs import watch_jobs

EDGE = ("web", "edge")


@pytest.mark.parametrize("first", [None, "ADDED"])
async def test_a_job_is_known_and_its_key_enqueued_until_it_is_deleted(first: str | None):
    woken: list[tuple[str, str]] = []
    cache = ClusterCache(woken.append, clock=lambda: 0.0)
    registry = kopf.OperatorRegistry()
    watch_jobs(registry, cache)
    handler = handler_of(registry)
    raw = document("FleetJob", "edge", 5, type="container")
    await handler.fn(event={"type": first, "object": raw})
    assert cache.job(EDGE).uid == "u-edge"
    await handler.fn(event={"type": "DELETED", "object": raw})
    assert cache.job(EDGE) is None
    assert woken == [EDGE, EDGE]


def test_it_watches_fleet_jobs_only():
    registry = kopf.OperatorRegistry()
    watch_jobs(registry, ClusterCache(lambda _: None, clock=lambda: 0.0))
    selector = handler_of(registry).selector
    assert (selector.group, selector.version, selector.any_name) == (
        "wavegate.dev",
        "v1alpha1",
        "fleetjobs",
    )
