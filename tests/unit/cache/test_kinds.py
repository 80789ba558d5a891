"""What caches have in common: objects that are not as they should be."""

from __future__ import annotations

from typing import Any

import pytest

from unit.cache.documents import job
from wavegate.api.nesting import KEPT, nested_beyond
from wavegate.cache.cluster import ClusterCache


@pytest.fixture
def cache() -> ClusterCache:
    return ClusterCache(lambda _: None, clock=lambda: 0.0)


def test_an_object_that_cannot_be_decoded_keeps_no_other_from_being_known(
    cache: ClusterCache, caplog: pytest.LogCaptureFixture
) -> None:
    nameless: dict[str, Any] = {"metadata": {"uid": "u"}}
    for each in (nameless, job(5)):
        cache.apply_event("FleetJob", "ADDED", each)
    cache.compare("FleetJob", [nameless, job(6)], resource_version=7)
    assert [each.resource_version for each in cache.jobs.values()] == ["6"]
    said = "FleetJob / cannot be understood and stays as it was known"
    assert caplog.text.count(said) == 1


def test_a_job_that_can_no_longer_be_decoded_is_not_taken_for_gone(cache: ClusterCache) -> None:
    cache.apply_event("FleetJob", "ADDED", job(5))
    odd = job(6)
    odd["metadata"]["uid"] = None
    cache.apply_event("FleetJob", "MODIFIED", odd)
    cache.compare("FleetJob", [odd], resource_version=7)
    assert [each.resource_version for each in cache.jobs.values()] == ["5"]
    cache.compare("FleetJob", [], resource_version=8)
    assert not list(cache.jobs.values())


def test_what_kopf_tells_of_is_cut_where_it_is_nested_too_deeply(cache: ClusterCache) -> None:
    config: dict[str, Any] = {}
    for _ in range(5000):
        config = {"a": config}
    told = job(5, config=config)
    cache.apply_event("FleetJob", "ADDED", told)
    assert not nested_beyond(told, KEPT + 1)
    found = cache.job(("shop", "feed"))
    assert found is not None
    assert found.invalid == "spec.config: is nested more than 100 levels deep"
    assert found.raw_spec == {}, "what nobody asks for is not kept"
