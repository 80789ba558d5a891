"""Nodes that come, go and change while a job rolls out: who is a target, and when."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sim.invariants import Invariants
from sim.story import (
    ended,
    finds_an_end,
    job_message,
    job_reason,
    order,
    settled_on_v1,
    status,
    taken,
    wave_sizes,
)
from sim.world import COUNTERS, World, fleet, spec
from wavegate.domain.observed import Taint

EDGE = {"selector": {"matchLabels": {"pool": "edge"}}}


def edge(image: str = "app:1", **rollout: Any) -> dict[str, Any]:
    return {**spec(image, **rollout), **EDGE}


def updating(size: int = 6, places: int | None = 2, **rollout: Any) -> World:
    """Version 1 runs everywhere; version 2 has taken its canary."""
    world = fleet(size)
    world.watchers.append(Invariants(places))
    world.apply(edge("app:1", **rollout))
    world.until(lambda w: w.deployment_state("app-v1") == "Completed")
    world.settle(5)
    world.apply(edge("app:2", **rollout))
    world.until(lambda w: bool(taken(w, "app-v2")))
    return world


def every_version_is_explained(world: World, wanted: int) -> None:
    """Two minutes later all is well, and each target runs the wanted version."""
    world.settle(120)
    assert world.state() == "Running", world.story()
    targets = {
        name
        for name, node in world.nodes.items()
        if node.ready and not node.unschedulable and node.labels.get("pool") == "edge"
    }
    assert {name: world.live().get(name) for name in targets} == dict.fromkeys(targets, wanted)


@pytest.mark.row("Targets", "Waves")
def test_a_selector_widened_from_10_to_100_nodes_goes_through_the_waves() -> None:
    world = fleet(10)
    for number in range(10, 100):
        world.add_node(f"n{number:02}", pool="core")
    world.watchers.append(Invariants(10))
    world.apply(edge("app:1", maxParallel="10%"))
    world.until(lambda w: w.deployment_state("app-v1") == "Completed")
    assert len(world.live()) == 10
    world.apply({**spec("app:2", maxParallel="10%"), "selector": {}})
    finds_an_end(world, "Completed")
    assert world.deployments["app-v2"].total == 100
    assert wave_sizes(world, "app-v2") == [1, *[10] * 9, 9]
    assert set(world.live().values()) == {2}


@pytest.mark.row("Waves", "Joiner")
def test_nodes_that_are_labelled_one_after_the_other_are_all_of_the_first_rollout() -> None:
    world = World()
    for number in range(12):
        world.add_node(f"n{number:02}", pool="other")
    world.watchers.append(Invariants(3))
    rollout = {"strategy": "Canary", "canaryCount": 2, "autoPromote": True, "maxParallel": "25%"}
    world.apply(edge(**rollout))
    world.settle(5)
    assert job_reason(world) == "NoMatchingNodes"
    for name in sorted(world.nodes):
        world.change_node(name, labels={"pool": "edge"})
        world.pass_once()
    finds_an_end(world, "Completed", "app-v1")
    assert world.deployments["app-v1"].total == 12
    assert wave_sizes(world, "app-v1") == [2, 3, 3, 3, 1]


@pytest.mark.row("Joiner")
def test_a_joiner_gets_the_stable_version_at_once_and_its_turn_last() -> None:
    world = updating()
    world.add_node("late")
    world.until(lambda w: w.live().get("late") == 1, seconds=10)
    finds_an_end(world, "Completed")
    world.until(lambda w: w.live()["late"] == 2, seconds=120)
    assert world.deployments["app-v2"].total == 6
    assert world.deployments["app-v2"].status["addedNodes"] == 1
    assert next(e.wave for e in world.executions.values() if e.node == "late") == 0


@pytest.mark.row("Joiner")
def test_in_a_first_rollout_a_joiner_waits_for_the_last_wave() -> None:
    world = fleet(5)
    world.apply(edge())
    world.until(lambda w: bool(taken(w, "app-v1")))
    world.add_node("late")
    finds_an_end(world, "Completed", "app-v1")
    world.until(lambda w: "late" in w.live(), seconds=60)
    assert "late" not in order(world)[:5]
    assert world.deployments["app-v1"].total == 5


@pytest.mark.row("Joiner")
def test_a_node_relabelled_in_is_a_joiner_and_one_relabelled_out_stops() -> None:
    world = updating()
    world.add_node("in", pool="other")
    out = order(world)[-1]
    world.settle(3)
    assert "in" not in world.live()
    world.change_node("in", labels={"pool": "edge"})
    world.change_node(out, labels={"pool": "other"})
    finds_an_end(world, "Completed")
    world.until(lambda w: w.live().get("in") == 2 and out not in w.live(), seconds=120)
    assert out not in taken(world, "app-v2")
    assert world.deployments["app-v2"].total == 6


@pytest.mark.row("Joiner")
def test_nodes_that_are_relabelled_in_are_counted() -> None:
    world = updating()
    for name in ("in-1", "in-2"):
        world.add_node(name, pool="other")
    world.settle(3)
    assert world.deployments["app-v2"].status["addedNodes"] == 0
    for name in ("in-1", "in-2"):
        world.change_node(name, labels={"pool": "edge"})
    world.until(lambda w: w.deployments["app-v2"].status["addedNodes"] == 2, seconds=10)
    said = world.deployments["app-v2"].status["message"]
    assert " of 6 nodes updated, 2 came since it began" in said


@pytest.mark.row("Targets")
@pytest.mark.parametrize(
    ("change", "fact"),
    [
        pytest.param({"unschedulable": True}, "cordoned", id="cordoned"),
        pytest.param({"pressure": ("DiskPressure",)}, "underPressure", id="under pressure"),
        pytest.param({"taints": (Taint("gpu", "", "NoSchedule"),)}, "tainted", id="NoSchedule"),
        pytest.param({"taints": (Taint("gpu", "", "NoExecute"),)}, "tainted", id="NoExecute"),
    ],
)
def test_a_node_that_cannot_be_used_is_left_out_counted_and_caught_up(
    change: dict[str, Any], fact: str
) -> None:
    world = settled_on_v1(4)
    away = order(world)[0]
    before = {key: getattr(world.nodes[away], key) for key in change}
    world.change_node(away, **change)
    world.apply(spec("app:2"))
    finds_an_end(world, "Completed")
    world.settle(30)
    assert away not in taken(world, "app-v2")
    assert world.deployments["app-v2"].total == 3
    assert world.live()[away] == 1, "it keeps what it runs"
    assert status(world)["state"]["details"][fact] == "1"
    world.change_node(away, **before)
    world.until(lambda w: w.live()[away] == 2, seconds=60)
    world.settle(30)
    assert fact not in status(world)["state"]["details"]


@pytest.mark.row("Targets")
def test_what_the_template_tolerates_and_asks_for_decides_as_for_a_daemon_set() -> None:
    world = fleet(0)
    world.add_node("plain", disk="hdd")
    world.add_node("tainted", disk="ssd")
    world.change_node("tainted", taints=(Taint("gpu", "yes", "NoSchedule"),))
    world.add_node("other", disk="ssd")
    world.change_node("other", taints=(Taint("gpu", "no", "NoExecute"),))
    world.add_node("fine", disk="ssd")
    job = spec()
    job["template"]["spec"] |= {
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}],
    }
    world.apply(job)
    finds_an_end(world, "Completed", "app-v1")
    assert sorted(world.live()) == ["fine", "tainted"]
    zones = spec("app:2")
    term = {"matchExpressions": [{"key": "disk", "operator": "NotIn", "values": ["ssd"]}]}
    zones["template"]["spec"]["affinity"] = {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}
        }
    }
    world.apply(zones)
    finds_an_end(world, "Completed")
    world.until(lambda w: w.live() == {"plain": 2}, seconds=120)


@pytest.mark.row("Targets")
@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"unschedulable": True}, id="cordoned"),
        pytest.param({"taints": (Taint("gpu", "", "NoExecute"),)}, id="tainted NoExecute"),
    ],
)
def test_a_pod_evicted_from_a_node_that_cannot_be_used_is_made_again_when_it_can(
    change: dict[str, Any],
) -> None:
    world = settled_on_v1(3)
    world.change_node("n01", **change)
    world.evict("n01")
    world.settle(120)
    assert "n01" not in {pod.node for pod in world.pods.values()}
    assert world.state() == "Running"
    world.change_node("n01", unschedulable=False, taints=())
    world.until(lambda w: "n01" in {pod.node for pod in w.pods.values() if pod.ready}, seconds=30)
    assert len(world.executions) == 3, "the same execution goes on"


@pytest.mark.row("Absent")
def test_a_node_not_ready_since_before_the_start_is_left_out_and_caught_up() -> None:
    world = settled_on_v1(5)
    away = order(world)[0]
    world.change_node(away, ready=False)
    world.settle(10)
    world.apply(spec("app:2"))
    finds_an_end(world, "Completed", within=300)
    assert world.deployments["app-v2"].total == 4
    assert status(world)["nodes"]["notReady"] == 1
    world.change_node(away, ready=True)
    world.until(lambda w: w.live()[away] == 2, seconds=60)


@pytest.mark.row("Absent")
def test_a_node_not_ready_after_the_start_is_waited_for_until_lost_after_and_says_so() -> None:
    world = updating()
    world.settings = replace(world.settings, lost_after=300.0)
    away = order(world)[-1]
    world.change_node(away, ready=False)
    world.pass_by(200)
    assert not ended(world)
    assert f"waits for {away}, NotReady since" in job_message(world)
    written = len(world.writes)
    world.settle(60)
    assert len(world.writes) == written, "waiting is no reason to write"
    world.pass_by(60)
    assert world.deployment_state("app-v2") == "Completed", "it wakes by itself"
    lost = [e for e in world.executions.values() if e.node == away][-1]
    world.settle(5)
    lost = world.executions[lost.name]
    assert (lost.observed, lost.details["reason"], lost.terminal) == ("Lost", "Lost", False)
    assert status(world)["nodes"]["lost"] == 1
    world.change_node(away, ready=True)
    world.until(lambda w: w.live()[away] == 2, seconds=60)


@pytest.mark.row("Absent")
def test_a_lost_execution_goes_on_with_its_node() -> None:
    world = settled_on_v1(3)
    world.settings = replace(world.settings, lost_after=60.0)
    world.change_node("n01", ready=False)
    world.until(lambda w: status(w)["nodes"].get("lost") == 1, seconds=90)
    assert "NotReady since" in job_message(world)
    world.change_node("n01", ready=True)
    world.until(lambda w: w.state() == "Running", seconds=30)
    assert len(world.executions) == 3


@pytest.mark.row("Absent")
def test_a_lost_execution_that_waits_for_the_pod_before_is_not_replaced_on_its_return() -> None:
    check = {"interval": "5s", "deadline": "20s", "errorRate": {"podMetrics": COUNTERS}}
    world = settled_on_v1(3, healthCheck=check)
    world.settings = replace(world.settings, lost_after=30.0)
    world.apply(spec("app:2", healthCheck=check))
    world.until(lambda w: taken(w, "app-v2", wave=2) != [])
    away = taken(world, "app-v2", wave=2)[0]
    world.change_node(away, ready=False)
    world.until(lambda w: any(e.observed == "Lost" for e in w.executions.values()), seconds=60)
    world.change_node(away, ready=True)
    world.until(lambda w: w.live()[away] == 2 and status(w)["nodes"]["stable"] == 3, seconds=60)
    assert len(taken(world, "app-v2")) == 3, "each node is taken once"


@pytest.mark.row("Absent")
def test_a_node_back_with_the_same_name_and_another_uid_is_another_node() -> None:
    world = updating()
    again = taken(world, "app-v2")[0]
    world.remove_node(again)
    world.settle(2)
    world.add_node(again)
    finds_an_end(world, "Completed")
    every_version_is_explained(world, 2)
    uids = {e.node_uid for e in world.executions.values() if e.node == again}
    assert world.nodes[again].uid in uids
    assert world.deployments["app-v2"].status.get("failedNodes", 0) == 0


@pytest.mark.row("End")
@pytest.mark.parametrize("seconds", [0, 5, 15, 25, 40, 70])
def test_nodes_deleted_at_any_moment_of_a_rollout_do_not_keep_it_open(seconds: int) -> None:
    world = updating()
    world.settle(seconds)
    for name in order(world)[1:3]:
        world.remove_node(name)
    finds_an_end(world, "Completed")
    every_version_is_explained(world, 2)


@pytest.mark.row("End")
def test_ten_percent_of_a_hundred_nodes_replaced_in_mid_rollout() -> None:
    world = fleet(100)
    world.watchers.append(Invariants(10))
    world.apply(edge("app:1", maxParallel="10%"))
    world.until(lambda w: w.deployment_state("app-v1") == "Completed")
    world.apply(edge("app:2", maxParallel="10%"))
    world.until(lambda w: len(taken(w, "app-v2")) > 30)
    gone = order(world)[::10]
    for number, name in enumerate(gone):
        world.remove_node(name)
        if number % 2:
            world.add_node(name)
        else:
            world.add_node(f"new-{number}")
        world.settle(3)
    finds_an_end(world, "Completed")
    assert world.deployments["app-v2"].total == 100
    assert world.deployments["app-v2"].status["addedNodes"] >= 5
    assert max(wave_sizes(world, "app-v2")[1:]) <= 10 + len(gone), "withdrawn ones are replaced"
    every_version_is_explained(world, 2)
    assert len(world.live()) == 100


@pytest.mark.row("End")
def test_churn_after_the_total_was_reached_is_caught_up_and_does_not_reopen_the_rollout() -> None:
    world = updating()
    finds_an_end(world, "Completed")
    for number in range(5):
        world.add_node(f"late-{number}")
        world.settle(10)
    assert job_reason(world) == "Running"
    assert set(world.live().values()) == {2}
    assert len(world.deployments) == 2
