"""Jobs that run to completion, by the real operator process on the real API server."""

from __future__ import annotations

from typing import Any

import pytest

from support.jobs import POOL
from support.operator_process import OperatorProcess
from support.rollouts import NODES
from support.space import Space

pytestmark = pytest.mark.cluster


def query(image: str = "q:1", fate_on: str = "", **rollout: Any) -> dict[str, Any]:
    """A query whose pods complete, except where ``fate_on`` says otherwise."""
    annotations = {"wavelab.dev/fate": "complete", "wavelab.dev/fate-on": fate_on}
    return {
        "type": "query",
        "restartPolicy": "Never",
        "selector": {"matchLabels": POOL},
        "config": {"command": ["look"]},
        "template": {
            "metadata": {
                "annotations": {key: value for key, value in annotations.items() if value}
            },
            "spec": {"containers": [{"name": "main", "image": image}]},
        },
        "rollout": {"strategy": "Rolling", "maxParallel": 5, **rollout},
    }


def results(space: Space) -> Any:
    return (space.get("FleetJob", "look") or {}).get("status", {}).get("results", {})


@pytest.mark.row("spec.type", "status.results", "One-shot types")
def test_a_query_ends_well_on_every_node_and_its_next_version_runs_again(
    space: Space, operator: OperatorProcess
) -> None:
    space.apply("look", query())
    space.wait("it ended", lambda: space.job_state("look") == "Completed")
    assert results(space) == {"succeeded": NODES, "failed": 0}
    assert space.deployment("look-v1")["reason"] == "Completed"
    assert len(space.executions("look", 1)) == NODES
    assert all(each["status"]["result"]["exitCode"] == 0 for each in space.executions("look"))
    space.apply("look", query("q:2"))
    space.wait("v2 ended", lambda: space.deployment("look-v2").get("state") == "Completed")
    assert len(space.executions("look", 2)) == NODES


@pytest.mark.row("One-shot types", "status.result")
def test_nodes_that_fail_are_counted_named_and_not_tried_again(
    space: Space, operator: OperatorProcess, cluster_client: Any
) -> None:
    nodes = cluster_client.get("/api/v1/nodes")["items"]
    pool = [
        each["metadata"] for each in nodes if POOL.items() <= each["metadata"]["labels"].items()
    ]
    name = min(each["name"] for each in pool)
    space.apply("look", query(fate_on=f"{name}=crash"))
    space.wait("it ended", lambda: space.job_state("look") == "Completed")
    assert space.condition("look")["reason"] == "CompletedWithFailures"
    (failure,) = results(space)["failures"]
    assert (failure["node"], failure["exitCode"]) == (name, 1)
    (failed,) = [e for e in space.executions("look") if e["spec"]["nodeName"] == name]
    assert failed["status"]["result"]["exitCode"] == 1


@pytest.mark.row("One-shot types")
def test_beyond_the_budget_the_job_has_failed_and_nothing_goes_back(
    space: Space, operator: OperatorProcess
) -> None:
    bad = query(maxFailedNodes=2)
    bad["template"]["metadata"]["annotations"] = {"wavelab.dev/fate": "crash"}
    space.apply("look", bad)
    space.wait("it failed", lambda: space.job_state("look") == "Failed")
    assert space.condition("look")["reason"] == "BudgetExceeded"
    assert len(space.executions("look")) == 5, "one wave"
    assert space.get("FleetDeployment", "look-v1-rollback") is None


@pytest.mark.row("spec.template")
def test_without_an_image_it_is_refused_and_says_what_to_do(
    space: Space, operator: OperatorProcess
) -> None:
    spec = query()
    del spec["template"]
    space.apply("look", spec)
    space.wait("refused", lambda: space.condition("look").get("reason") == "TemplateRefused")
    assert "--query-image" in space.condition("look")["message"]
    assert not space.executions("look")
