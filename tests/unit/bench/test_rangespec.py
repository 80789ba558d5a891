"""Ranges of requests."""

from __future__ import annotations

from typing import Any

import pytest

from bench.rangespec import Range, count, load, outside

ME = "operator"


@pytest.mark.parametrize(
    ("given", "limits"),
    [
        pytest.param(Range(per_node=3), (300, 300), id="per node"),
        pytest.param(Range(once=2), (2, 2), id="once"),
        pytest.param(Range(per_node=1, once=2), (102, 102), id="both"),
        pytest.param(Range(per_second=1), (1, 61), id="paced"),
        pytest.param(Range(per_node=1, per_second=2), (100, 222), id="paced beside fixed"),
        pytest.param(Range(), (0, 0), id="not named"),
    ],
)
def test_a_range_is_exact_but_for_what_is_paced(given: Range, limits: tuple[int, int]):
    assert given.limits(100, 60.0) == limits


def test_more_fewer_and_what_is_not_named_are_told():
    ranges = {"create pods": Range(per_node=1), "create executions": Range(per_node=1)}
    counted = {"create pods": 101, "create executions": 100, "list pods": 1}
    assert outside(ranges, counted, 100, 1.0) == [
        "create pods: 101, not 100",
        "list pods: 1, not 0",
    ]
    assert outside(ranges, {"create executions": 99}, 100, 1.0) == [
        "create executions: 99, not 100",
        "create pods: 0, not 100",
    ]


def event(verb: str, resource: str, **more: Any) -> dict[str, Any]:
    return {
        "user": {"username": ME},
        "verb": verb,
        "requestURI": f"/{resource}",
        "requestReceivedTimestamp": "2025-01-31T12:00:00Z",
        "objectRef": {"resource": resource, "namespace": "mine"},
        **more,
    }


def test_requests_are_counted_by_who_when_and_about_what():
    noon = 1738324800.0
    status = {"resource": "pods", "subresource": "status", "namespace": "mine"}
    events = [
        event("create", "pods"),
        event("create", "pods", requestURI="/pods?dryRun=All&fieldValidation=Strict"),
        event("update", "pods", objectRef=status),
        event("watch", "pods"),
        event("update", "leases"),
        event("create", "pods", user={"username": "somebody"}),
        event("create", "pods", requestReceivedTimestamp="2025-01-31T11:59:59Z"),
        event("list", "nodes", objectRef={"resource": "nodes"}),
        event("get", "healthz", objectRef={}),
    ]
    assert count(events, ME, noon, "mine") == {
        "create pods": 1,
        "dry-run create pods": 1,
        "update pods/status": 1,
    }
    assert count(events, ME, noon, None) == {"list nodes": 1}


def test_the_file_names_every_act():
    assert set(load().acts) == {"create", "roll", "rollback", "start"}
