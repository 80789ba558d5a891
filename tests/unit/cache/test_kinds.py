"""What caches have in common: what cannot be decoded, or only in part."""

from __future__ import annotations

from typing import Any

import pytest

from unit.cache.documents import job
from wavegate.cache.cluster import ClusterCache


@pytest.fixture
def cache() -> ClusterCache:
    return ClusterCache(lambda _: None, clock=lambda: 0.0)


def test_an_object_that_cannot_be_decoded_keeps_no_other_from_being_known(
    cache: ClusterCache, caplog: pytest.LogCaptureFixture
) -> None:
    nameless: dict[str, Any] = {"metadata": {"uid": "u"}}
    cache.apply_event("FleetJob", "ADDED", nameless)
    cache.compare("FleetJob", [nameless, job(6)], resource_version=7)
    assert [each.resource_version for each in cache.jobs.values()] == ["6"]
    assert caplog.text.count("FleetJob / cannot be understood and counts as unknown") == 1


def test_what_kopf_tells_of_is_cut_where_it_is_nested_too_deeply(cache: ClusterCache) -> None:
    config: dict[str, Any] = {}
    for _ in range(5000):
        config = {"a": config}
    cache.apply_event("FleetJob", "ADDED", job(5, config=config))
    (found,) = cache.jobs.values()
    assert found.invalid == "spec.config: is nested more than 100 levels deep"
    assert found.raw_spec == {}, "what nobody asks for is not kept"
