"""Whose fault it is: drains, upgrades and absent nodes are nobody's, a bad version is its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sim.story import (
    finds_an_end,
    give,
    job_message,
    job_reason,
    order,
    settled_on_v1,
    status,
    taken,
)
from sim.world import (
    CRASHES,
    ERRS,
    HANGS,
    NEVER_READY,
    TAKES_NODE_DOWN,
    Fate,
    World,
    fleet,
    spec,
)
from wavegate.domain.actions import SetStatus, Verdict
from wavegate.domain.times import parse_time


def in_its_turn(size: int = 5, **rollout: Any) -> tuple[World, str]:
    """A world in which version 2 has just taken its canary, and that node."""
    world = settled_on_v1(size, **rollout)
    world.apply(spec("app:2", **rollout))
    world.until(lambda w: bool(taken(w, "app-v2")))
    return world, taken(world, "app-v2")[0]


def verdicts(world: World) -> list[Verdict]:
    """What has been counted so far."""
    return [
        note.counted
        for _, action in world.writes
        if isinstance(action, SetStatus)
        for note in action.notes
        if isinstance(note.counted, Verdict)
    ]


def withdrawn(world: World, deployment: str = "app-v2") -> dict[str, int]:
    """status.withdrawn of a rollout."""
    entries = world.deployments[deployment].status.get("withdrawn", ())
    return {entry["reason"]: entry["nodes"] for entry in entries}


def is_nobodys_fault(world: World, node: str) -> None:
    """The rollout completes without a failure, and the node runs version 2 in the end."""
    finds_an_end(world, "Completed")
    assert world.deployments["app-v2"].reason == "Completed"
    assert "failedNodes" not in {k for k, v in world.deployments["app-v2"].status.items() if v}
    world.until(lambda w: w.live().get(node) == 2, seconds=400)
    world.settle(60)
    assert world.state() == "Running", world.story()
    assert not [each for each in verdicts(world) if each.outcome == "failed"]


@pytest.mark.row("Blame")
@pytest.mark.parametrize("seconds", [0, 1, 2, 3, 5, 8])
def test_a_drain_of_a_node_in_its_turn_causes_no_rollback(seconds: int) -> None:
    world, node = in_its_turn()
    world.settle(seconds)
    world.change_node(node, unschedulable=True)
    world.evict(node)
    world.settle(30)
    world.change_node(node, unschedulable=False)
    is_nobodys_fault(world, node)
    assert sum(withdrawn(world).values()) == 1
    assert "1 withdrawn" in world.deployments["app-v2"].status["message"]


@pytest.mark.row("Blame")
@pytest.mark.parametrize("gap", [0, 1, 4])
@pytest.mark.parametrize("down", [10, 100, 400])
def test_an_upgrade_of_a_node_in_its_turn_causes_no_rollback(gap: int, down: int) -> None:
    world, node = in_its_turn()
    world.settle(3)
    world.change_node(node, unschedulable=True)
    world.settle(gap)
    world.evict(node)
    world.settle(gap)
    world.change_node(node, ready=False)
    world.settle(down)
    world.change_node(node, ready=True)
    world.settle(gap)
    world.change_node(node, unschedulable=False)
    is_nobodys_fault(world, node)


@pytest.mark.row("Blame")
def test_an_evicted_pod_that_takes_long_to_stop_is_not_judged_by_its_last_windows() -> None:
    world, node = in_its_turn()
    world.until(lambda w: any(e.version == 2 and e.pod_uid for e in w.executions.values()))
    world.change_node(node, unschedulable=True)
    world.evict(node, grace=45.0)
    world.settle(50)
    world.change_node(node, unschedulable=False)
    is_nobodys_fault(world, node)


@pytest.mark.row("Blame", "Absent")
@pytest.mark.parametrize("gone", [True, False])
def test_a_drained_node_that_does_not_come_back_is_waited_for_until_lost_after(gone: bool) -> None:
    world, node = in_its_turn()
    world.settings = replace(world.settings, lost_after=300.0)
    world.until(lambda w: any(e.version == 2 and e.pod_uid for e in w.executions.values()))
    world.change_node(node, unschedulable=True)
    world.evict(node)
    world.change_node(node, ready=False)
    if gone:  # as the pod garbage collector does it
        world.remove_pod(next(pod.name for pod in world.pods.values() if pod.node == node))
    world.pass_by(280)
    assert world.deployment_state("app-v2") == "InProgress"
    world.pass_by(40)
    assert world.deployment_state("app-v2") == "Completed", world.story()
    assert not world.deployments["app-v2"].status.get("failedNodes")
    world.change_node(node, ready=True)
    world.settle(3)
    world.change_node(node, unschedulable=False)
    world.until(lambda w: w.live().get(node) == 2, seconds=60)
    world.settle(60)
    assert world.state() == "Running", world.story()


@pytest.mark.row("Blame")
def test_an_eviction_alone_withdraws_it_and_its_next_pod_has_all_of_its_time() -> None:
    world, node = in_its_turn()
    world.until(lambda w: any(e.version == 2 and e.pod_uid for e in w.executions.values()))
    for _ in range(8):
        world.evict(node)
        world.settle(12)
    is_nobodys_fault(world, node)
    assert withdrawn(world) == {"Disrupted": 1}


@pytest.mark.row("Blame")
def test_a_node_that_went_down_before_its_pod_was_made_is_not_the_version_s_fault() -> None:
    world = settled_on_v1(5)
    give(world, "app:1", HANGS)
    world.apply(spec("app:2"))
    world.until(lambda w: bool(taken(w, "app-v2")))
    node = taken(world, "app-v2")[0]
    world.change_node(node, ready=False)
    world.settle(2)
    give(world, "app:1", replace(HANGS, stops=True))
    world.settle(300)
    assert world.deployment_state("app-v2") in ("InProgress", "Completed"), world.story()
    world.change_node(node, ready=True)
    is_nobodys_fault(world, node)


@pytest.mark.row("Blame")
def test_a_node_deleted_after_its_verdict_was_not_withdrawn() -> None:
    world, node = in_its_turn()
    world.until(lambda w: any(e.version == 2 and e.stable_at for e in w.executions.values()))
    world.settle(2)
    world.remove_node(node)
    finds_an_end(world, "Completed")
    assert withdrawn(world) == {}
    assert verdicts(world) == []


@pytest.mark.row("Budget", "Kept")
def test_a_failed_node_that_is_gone_counts_on_also_for_the_version_that_takes_over() -> None:
    settings = {"maxFailedNodes": 2, "maxFailedNodesPercent": 50}
    world = settled_on_v1(6, **settings)
    bad = order(world)[1]
    give(world, "app:2", CRASHES, bad)
    world.apply(spec("app:2", **settings))
    world.until(lambda w: any(e.observed == "Failed" for e in w.executions.values()))
    world.remove_node(bad)
    world.settle(3)
    world.apply({**spec("app:2", **settings), "meta": {"note": "in other words"}})
    finds_an_end(world, "Completed", "app-v3")
    assert world.deployments["app-v2"].reason == "Superseded"
    assert world.deployments["app-v3"].status["failedNodes"] == 1
    world.settle(20)
    assert bad not in {each.node for each in world.executions.values()}


@pytest.mark.row("Blame")
def test_a_pod_that_fails_by_itself_is_counted_as_failed_and_not_as_withdrawn() -> None:
    world = settled_on_v1(4)
    give(world, "app:2", ERRS)
    world.apply(spec("app:2"))
    finds_an_end(world, "Failed")
    assert verdicts(world) == [Verdict("failed", "ErrorRateExceeded")]
    assert withdrawn(world) == {}


@pytest.mark.row("Evidence")
@pytest.mark.parametrize(
    ("fate", "evidence"),
    [
        pytest.param(
            ERRS,
            {
                "reason": "ErrorRateExceeded",
                "window": {"errors": 25.0, "total": 50.0, "rate": 0.5, "limit": 0.1},
            },
            id="error rate",
        ),
        pytest.param(
            CRASHES, {"reason": "Exited", "exitCode": 1, "lastLogLine": "boom"}, id="it crashed"
        ),
        pytest.param(NEVER_READY, {"reason": "DeadlineExceeded"}, id="it was never ready"),
    ],
)
def test_each_failure_carries_its_evidence(fate: Fate, evidence: dict[str, Any]) -> None:
    world = settled_on_v1(3)
    give(world, "app:2", fate)
    world.apply(spec("app:2"))
    finds_an_end(world, "Failed")
    [failure] = world.deployments["app-v2"].status["failures"]
    failed = world.executions[failure["execution"]]
    assert (failure["node"], failure["nodeUid"]) == failed.node_key
    assert {key: failure.get(key) for key in evidence} == evidence
    assert failure["message"] == failed.status["observedState"]["message"]
    assert failure["node"] in job_message(world), "the job names the node, too"
    if failure["reason"] == "DeadlineExceeded":
        assert 0 <= failed.updated - (parse_time(failed.details["deadline"]) or 0.0) <= 2


@pytest.mark.row("Blame", "Absent")
def test_25_of_288_nodes_not_ready_before_the_start_are_reported_and_not_blamed() -> None:
    budget = {"maxFailedNodesPercent": 5, "maxFailedNodes": 288, "maxParallel": "25%"}
    world = fleet(288)
    away = sorted(world.nodes)[7::11][:25]
    for name in away:
        world.change_node(name, ready=False)
    world.advance(60)
    world.apply(spec("app:1", **budget))
    finds_an_end(world, "Completed", "app-v1")
    world.settle(10)
    deployment = world.deployments["app-v1"]
    assert (deployment.total, deployment.status["updatedNodes"]) == (263, 263)
    assert not deployment.status.get("failedNodes")
    counts = status(world)["nodes"]
    assert (counts["desired"], counts["stable"], counts["notReady"]) == (263, 263, 25)
    assert world.state() == "Running"
    for name in away:
        world.change_node(name, ready=True)
    world.until(lambda w: len(w.live()) == 288, seconds=60)


@pytest.mark.row("Blame", "Gate", "Budget")
@pytest.mark.parametrize(
    ("rollout", "lost"),
    [
        pytest.param({}, 1, id="as a canary"),
        pytest.param(
            {"strategy": "Rolling", "autoPromote": None, "maxFailedNodes": 0}, 2, id="in a wave"
        ),
    ],
)
def test_a_version_that_takes_its_nodes_down_halts_within_one_wave_and_is_taken_back(
    rollout: dict[str, Any], lost: int
) -> None:
    world = settled_on_v1(8, **rollout)
    give(world, "app:2", TAKES_NODE_DOWN)
    world.apply(spec("app:2", **rollout))
    finds_an_end(world, "Failed")
    assert len(taken(world, "app-v2")) == lost, "within one wave"
    world.until(lambda w: w.deployment_state("app-v2-rollback") == "Completed", seconds=300)
    dead = set(taken(world, "app-v2"))
    reachable = {name: number for name, number in world.live().items() if name not in dead}
    assert reachable == {name: 1 for name in world.nodes if name not in dead}
    world.settle(30)
    assert status(world)["nodes"]["notReady"] == lost
    assert job_reason(world) == "RolledBack"
    failures = world.deployments["app-v2"].status["failures"]
    assert {each["node"] for each in failures} <= dead
    assert failures[0]["reason"] in ("DeadlineExceeded", "Unhealthy")
    assert "its node is NotReady since 20" in failures[0]["message"]
    for name in dead:
        world.change_node(name, ready=True)
    world.until(lambda w: set(w.live().values()) == {1} and len(w.live()) == 8, seconds=300)


@pytest.mark.row("Occupied")
def test_a_stop_longer_than_its_grace_and_a_minute_withdraws_the_node() -> None:
    world = settled_on_v1(5)
    stuck = order(world)[0]
    give(world, "app:1", HANGS, stuck)
    world.disturbed[stuck] = world.now + 3600
    world.apply(spec("app:2"))
    world.until(lambda w: bool(taken(w, "app-v2")))
    begun = world.now
    world.until(lambda w: bool(withdrawn(w)))
    assert 60 <= world.now - begun <= 66
    assert f"leaves out {stuck}" in job_message(world)
    world.until(lambda w: len(taken(w, "app-v2", 1)) == 2, seconds=40)
    assert world.now - begun >= 90, "its place is held until its deadline"
    finds_an_end(world, "Completed")
    assert withdrawn(world) == {"StopOverdue": 1}
    assert stuck in {pod.node for pod in world.pods.values()}, "it is never deleted by force"
    assert not [each for each in verdicts(world) if each.outcome == "failed"]
    waiting = [e for e in world.executions.values() if e.node == stuck and not e.terminal]
    assert any("is occupied: pod" in str(e.status.get("observedState")) for e in waiting)
    give(world, "app:1", replace(HANGS, stops=True))
    world.until(lambda w: {p.node for p in w.pods.values() if p.ready} == set(w.nodes), seconds=30)
    world.settle(60)
    assert (world.state(), set(world.live().values())) == ("Running", {2})


@pytest.mark.row("Occupied")
def test_with_one_place_the_rollout_goes_on_once_the_stuck_node_s_deadline_is_over() -> None:
    world = settled_on_v1(4, 1, strategy="Rolling", maxParallel=1, autoPromote=None)
    stuck = order(world)[1]
    give(world, "app:1", HANGS, stuck)
    world.disturbed[stuck] = world.now + 3600
    world.apply(spec("app:2", strategy="Rolling", maxParallel=1, autoPromote=None))
    finds_an_end(world, "Completed", within=400)
    assert {n: v for n, v in world.live().items() if n != stuck} == {
        n: 2 for n in world.nodes if n != stuck
    }


@pytest.mark.row("Occupied")
def test_in_a_rollback_a_node_that_does_not_stop_is_left_out_too() -> None:
    world = settled_on_v1(5)
    node = order(world)[0]
    give(world, "app:2", replace(ERRS, stops=False))
    world.disturbed[node] = world.now + 3600
    world.apply(spec("app:2"))
    finds_an_end(world, "Failed")
    finds_an_end(world, "Completed", "app-v2-rollback", within=300)
    world.settle(30)
    assert job_reason(world) == "RolledBack"
    assert len(world.pods) == 5
    assert [p.node for p in world.pods.values() if p.deletion is not None] == [node]
