"""Nodes by what they are."""

from __future__ import annotations

from typing import Any

import pytest

from sim.world import once
from unit.domain.builders import execution, fleet, job, node, version
from wavegate.api.fleetjob import load_job_spec
from wavegate.domain.counts import nodes
from wavegate.domain.observed import ExecutionView, NodeView


def counted(targets: list[NodeView], *claims: ExecutionView) -> dict[str, int]:
    spec = load_job_spec(once())
    wanted = version(1, stable=True, spec=spec)
    view = fleet(job=job(spec), nodes=targets, versions=[wanted], executions=claims)
    return nodes(view, wanted)


def ended(name: str, observed: str = "Completed", **fields: Any) -> ExecutionView:
    return execution(1, observed, node=name, stable=observed == "Completed", **fields)


@pytest.mark.row("One-shot types", "status.nodes.updated")
def test_what_has_completed_on_a_node_that_left_is_not_updated() -> None:
    ends = [ended("n1"), ended("n2"), ended("gone"), ended("n3", "Failed")]
    found = counted([node("n1"), node("n2"), node("n3")], *ends)
    told = {key: found[key] for key in ("desired", "updated", "stable", "failed")}
    assert told == {"desired": 3, "updated": 2, "stable": 2, "failed": 1}


@pytest.mark.row("One-shot types", "status.nodes.updated")
def test_an_older_one_that_has_completed_elsewhere_takes_nothing_away() -> None:
    older = execution(1, "Completed", node="gone", version=0, workload_hash="older")
    found = counted([node("n1")], ended("n1"), older)
    assert (found["desired"], found["updated"], found["stable"]) == (1, 1, 1)
