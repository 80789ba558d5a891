"""Why a node is none of a version's targets."""

from __future__ import annotations

from typing import Any

import pytest

from wavegate.api.fleetjob import load_job_spec
from wavegate.cli.planning.left_out import left_out, reason
from wavegate.domain.observed import NodeView, Taint
from wavegate.domain.targets import Placement

SPEC = load_job_spec(
    {
        "type": "container",
        "selector": {"matchLabels": {"pool": "edge"}, "matchExpressions": ["arch notin (arm)"]},
        "template": {"spec": {"containers": [{"name": "main", "image": "app"}]}},
    }
)


def node(name: str = "n", **fields: Any) -> NodeView:
    labels = {"pool": "edge", **fields.pop("labels", {})}
    return NodeView(
        **{
            "name": name,
            "uid": name,
            "labels": {key: value for key, value in labels.items() if value is not None},
            "created": 0.0,
            "ready": True,
            "ready_changed": 0.0,
            **fields,
        }
    )


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (node(), ""),
        (
            node(labels={"pool": "core"}),
            "spec.selector.matchLabels: pool is to be edge, it has core",
        ),
        (
            node(labels={"pool": None}),
            "spec.selector.matchLabels: pool is to be edge, it has no such label",
        ),
        (
            node(labels={"arch": "arm"}),
            "spec.selector.matchExpressions: arch notin (arm) does not hold",
        ),
        (node(ready=False), "NotReady"),
        (node(unschedulable=True), "Cordoned"),
        (node(pressure=("DiskPressure",)), "UnderPressure: DiskPressure"),
        (
            node(taints=(Taint("gpu", "yes", "NoSchedule"),)),
            "Tainted: gpu:NoSchedule is not tolerated",
        ),
    ],
)
def test_the_field_or_the_state_that_leaves_a_node_out(given: NodeView, why: str) -> None:
    assert reason(SPEC, Placement(SPEC, {}), given) == why


def test_names_that_are_not_asked_for_and_what_the_template_asks() -> None:
    named = SPEC.model_copy(
        update={"selector": SPEC.selector.model_copy(update={"match_ids": ["m"]})}
    )
    assert reason(named, Placement(named, {}), node()) == "spec.selector.matchIds does not name it"
    template = {"spec": {"nodeSelector": {"disk": "fast"}}}
    assert "nodeSelector" in reason(SPEC, Placement(SPEC, template), node())


def test_nodes_are_listed_by_reason() -> None:
    nodes = [
        node("b", ready=False),
        node("a", ready=False),
        node("c"),
        node("d", unschedulable=True),
        node("e", labels={"pool": None}),
    ]
    assert left_out(SPEC, Placement(SPEC, {}), nodes) == {
        "Cordoned": ["d"],
        "NotReady": ["a", "b"],
        "spec.selector.matchLabels: pool is to be edge, it has no such label": ["e"],
    }
