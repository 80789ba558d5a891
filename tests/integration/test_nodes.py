"""Nodes that come, go and change on the real API server: who is a target, whose fault it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import wavelab
from support import shared
from support.few import simulated
from support.jobs import container
from support.nodes import Nodes
from support.operator_process import OperatorProcess
from support.space import Space
from wavelab.client import Client

pytestmark = pytest.mark.cluster

LABEL = "churn"
MINE = shared.worker()
"""The label's value, and part of the nodes' names: tests run side by side."""
NODES = [f"churn-{MINE}-{number}" for number in range(1, 6)]
SPARE = f"churn-{MINE}-spare"


@pytest.fixture
def nodes(cluster: wavelab.Cluster, cluster_client: Client) -> Iterator[Nodes]:
    """Five nodes with the label that the jobs of this file select, and one without."""
    with simulated(cluster, {**{name: {LABEL: MINE} for name in NODES}, SPARE: {}}):
        yield Nodes(cluster_client)


def job(image: str = "app:1", **rollout: Any) -> dict[str, Any]:
    """On the nodes with the label; a canary is judged for three seconds."""
    settings = {"maxParallel": 2, **rollout}
    check = {"interval": "1s", "successThreshold": 3, "deadline": "20s"}
    spec = container(image, **{"healthCheck": check, **settings})
    return {**spec, "selector": {"matchLabels": {LABEL: MINE}}}


@pytest.fixture
def running(space: Space, nodes: Nodes, operator: OperatorProcess) -> Iterator[Space]:
    """Version 1 runs on the five nodes."""
    space.apply("app", job(strategy="Rolling", maxParallel="100%", autoPromote=None))
    space.wait("v1 runs on five nodes", lambda: runs(space, dict.fromkeys(NODES, "1")))
    yield space
    space.delete("FleetJob", "app")
    space.wait("nothing is left of the job", lambda: not space.list("Pod"))


def runs(space: Space, expected: dict[str, str]) -> bool:
    return space.running("app") == expected and space.condition("app").get("status") == "True"


def counted(space: Space) -> dict[str, Any]:
    """status.nodes and the facts of status.state of the job."""
    status = (space.get("FleetJob", "app") or {}).get("status", {})
    return {**status.get("nodes", {}), **status.get("state", {}).get("details", {})}


def reason(space: Space, execution: str) -> str:
    """status.details.reason of an execution."""
    found = space.get("Execution", execution) or {}
    return str(found.get("status", {}).get("details", {}).get("reason", ""))


@pytest.mark.row("Joiner", "Leaving")
def test_a_node_that_is_labelled_gets_the_stable_version_and_loses_it_with_its_label(
    running: Space, nodes: Nodes
) -> None:
    nodes.label(SPARE, **{LABEL: MINE})
    running.wait("it runs", lambda: runs(running, dict.fromkeys([*NODES, SPARE], "1")))
    [execution] = [e for e in running.executions("app") if e["spec"]["nodeName"] == SPARE]
    assert execution["spec"]["rolloutWave"] == 0
    nodes.label(SPARE, **{LABEL: None})
    running.wait("it stops", lambda: runs(running, dict.fromkeys(NODES, "1")))
    name = execution["metadata"]["name"]
    running.wait("its end is on record", lambda: reason(running, name) == "NoLongerMatches")


@pytest.mark.row("Leaving")
def test_nodes_outside_a_narrowed_selector_run_on_until_the_rollout_completed(
    running: Space,
) -> None:
    kept = dict.fromkeys(NODES[:2], "2")
    narrowed = {**job("app:2"), "selector": {"matchIds": NODES[:2]}}
    running.apply("app", narrowed)
    seen: list[int] = []

    def completed() -> bool:
        done = running.deployment("app-v2").get("state") == "Completed"
        outside = [name for name in running.running("app") if name not in kept]
        if not done:
            seen.append(len(outside))
        return done

    running.wait("the rollout has completed", completed)
    assert set(seen) == {3}
    running.wait("the others have stopped", lambda: runs(running, kept))


@pytest.mark.row("Targets")
def test_cordoned_and_tainted_nodes_are_left_out_counted_and_caught_up(
    running: Space, nodes: Nodes
) -> None:
    nodes.cordon(NODES[0])
    nodes.taint(NODES[1], "NoSchedule")
    running.apply("app", job("app:2"))
    running.wait(
        "v2 runs on the others",
        lambda: (
            running.deployment("app-v2").get("state") == "Completed"
            and (counted(running).get("cordoned"), counted(running).get("tainted")) == ("1", "1")
        ),
    )
    assert running.deployment("app-v2")["totalNodes"] == 3
    left = dict.fromkeys(NODES[:2], "1")
    kept = {**dict.fromkeys(NODES, "2"), **left}
    running.wait("they keep what they run", lambda: runs(running, kept))
    nodes.cordon(NODES[0], on=False)
    nodes.taint(NODES[1], None)
    running.wait("they are caught up", lambda: runs(running, dict.fromkeys(NODES, "2")))


@pytest.mark.row("Absent")
def test_a_node_that_is_not_ready_is_left_out_counted_and_caught_up(
    running: Space, nodes: Nodes
) -> None:
    nodes.go_down(NODES[4])
    running.wait("it is counted", lambda: counted(running).get("notReady") == 1)
    running.apply("app", job("app:2"))
    running.wait("it ended", lambda: running.deployment("app-v2").get("state") == "Completed")
    assert running.deployment("app-v2")["totalNodes"] == 4
    assert "failedNodes" not in {k for k, v in running.deployment("app-v2").items() if v}
    nodes.come_back(NODES[4])
    running.wait("it is caught up", lambda: runs(running, dict.fromkeys(NODES, "2")))


def judged_canary(space: Space) -> dict[str, Any] | None:
    """The canary's execution while it is being judged."""
    found = [
        each
        for each in space.executions("app", 2)
        if each.get("status", {}).get("observedState", {}).get("stateType") == "Validating"
    ]
    return found[0] if found else None


@pytest.mark.row("Blame", "FleetDeployment.status.withdrawn")
def test_an_eviction_in_its_turn_withdraws_a_canary_and_is_counted_apart(
    running: Space, nodes: Nodes, operator: OperatorProcess
) -> None:
    running.apply("app", job("app:2", canaryCount=1))
    running.wait("the canary is judged", lambda: judged_canary(running))
    canary = judged_canary(running)
    assert canary is not None
    node = canary["spec"]["nodeName"]
    [pod] = [p["metadata"]["name"] for p in running.list("Pod") if p["spec"]["nodeName"] == node]
    nodes.cordon(node)
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": running.name},
    }
    running.client.request("POST", f"{running.path('Pod', pod)}/eviction", eviction)
    running.wait("it ended", lambda: running.deployment("app-v2").get("state") == "Completed")
    status = running.deployment("app-v2")
    assert status["reason"] == "Completed"
    assert [entry["nodes"] for entry in status["withdrawn"]] == [1]
    assert "1 withdrawn" in status["message"]
    assert running.get("FleetDeployment", "app-v2-rollback") is None
    reason = status["withdrawn"][0]["reason"]
    counted_as = f'wavegate_verdicts_total{{outcome="withdrawn",reason="{reason}"}}'
    [line] = [each for each in operator.metrics().splitlines() if each.startswith(counted_as)]
    assert float(line.split()[-1]) >= 1
    nodes.cordon(node, on=False)
    running.wait("it is caught up", lambda: runs(running, dict.fromkeys(NODES, "2")))


@pytest.mark.row("Absent", "End")
def test_a_node_back_with_the_same_name_is_another_node(
    running: Space, cluster: wavelab.Cluster
) -> None:
    name = f"churn-{MINE}-again"
    try:
        cluster.add_simulated([name], {LABEL: MINE})
        everywhere = [*NODES, name]
        running.wait("it runs", lambda: runs(running, dict.fromkeys(everywhere, "1")))
        running.apply("app", job("app:2", autoPromote=False))
        running.wait(
            "it waits for a person",
            lambda: running.deployment("app-v2").get("reason") == "AwaitingPromotion",
        )
        cluster.remove_node(name)
        cluster.add_simulated([name], {LABEL: MINE})
        running.patch("FleetDeployment", "app-v2", {"promoted": True})
        running.wait("v2 runs", lambda: runs(running, dict.fromkeys(everywhere, "2")))
        assert running.deployment("app-v2")["state"] == "Completed"
        uids = {e["spec"]["nodeUid"] for e in running.executions("app", 2)}
        assert len(uids) >= 6
    finally:
        cluster.remove_node(name)
