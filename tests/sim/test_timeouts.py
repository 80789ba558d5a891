"""Timeouts and attempts over hours of virtual time."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from sim.invariants import Invariants
from sim.story import finds_an_end, give, job_message, job_reason, settled_on_v1, status
from sim.world import CRASHES, FINE, NEVER_READY, Fate, fleet, spec
from wavegate.domain.actions import CreateExecution
from wavegate.domain.times import format_time

HOUR = 3600.0


def with_timeouts(image: str = "app:1", **timeouts: str) -> dict[str, Any]:
    return {**spec(image), "timeouts": timeouts}


@pytest.mark.row("spec.timeouts.execution")
def test_a_run_ends_by_its_timeout_and_is_tried_again() -> None:
    world = fleet(2)
    world.apply(with_timeouts(execution="5m"))
    world.until(lambda w: w.state() == "Running")
    world.until(lambda w: w.state() == "Degraded", seconds=400)
    failed = [each for each in world.executions.values() if each.observed == "Failed"]
    assert {each.details["reason"] for each in failed} == {"ExecutionTimeout"}
    assert "ran longer than spec.timeouts.execution (5m)" in job_message(world)
    world.until(lambda w: w.state() == "Running", seconds=60)
    assert world.deployment_state("app-v1") == "Completed"


@pytest.mark.row("spec.timeouts.execution")
def test_a_version_that_does_not_become_healthy_within_one_run_fails_by_that() -> None:
    world = settled_on_v1(3)
    give(world, "app:2", NEVER_READY)
    world.apply(with_timeouts("app:2", execution="20s"))
    finds_an_end(world, "Failed")
    assert world.deployments["app-v2"].status["failures"][0]["reason"] == "ExecutionTimeout"


@pytest.mark.row("spec.timeouts.queue")
def test_a_job_without_a_node_is_queued_and_then_fails_by_its_timeout() -> None:
    world = fleet(0)
    world.apply(with_timeouts(queue="10m"))
    world.settle(60)
    assert (world.state(), job_reason(world)) == ("Queued", "Queued")
    accepted = world.deployments["app-v1"].accepted
    assert accepted is not None
    assert f"given up at {format_time(accepted + 600)}" in job_message(world)
    written = len(world.writes)
    world.settle(500)
    assert len(world.writes) == written, "it waits without a write"
    finds_an_end(world, "Failed", "app-v1", within=60)
    assert world.now < accepted + 610
    world.settle(5)
    assert (world.state(), job_reason(world)) == ("Failed", "QueueTimeout")
    world.add_node("late")
    world.settle(60)
    assert not world.executions, "it is not begun after its end"


@pytest.mark.row("spec.timeouts.queue")
def test_a_node_that_comes_in_time_ends_the_wait() -> None:
    world = fleet(0)
    world.apply(with_timeouts(queue="10m"))
    world.settle(300)
    world.add_node("n00")
    world.until(lambda w: w.state() == "Running")
    world.settle(HOUR, step=30)
    assert world.state() == "Running"


@pytest.mark.row("spec.timeouts.queue")
def test_without_a_timeout_it_waits_for_ever_and_is_well() -> None:
    world = fleet(0)
    world.apply(spec())
    world.settle(30 * HOUR, step=600)
    assert (world.state(), job_reason(world)) == ("Running", "NoMatchingNodes")
    assert world.deployment_state("app-v1") == "Pending"


@pytest.mark.row("spec.timeouts.queue")
def test_a_version_that_found_no_node_takes_nothing_down_and_may_be_tried_elsewhere() -> None:
    world = settled_on_v1(3)
    nowhere = {"selector": {"matchLabels": {"pool": "nowhere"}}}
    world.apply({**with_timeouts("app:2", queue="5m"), **nowhere})
    finds_an_end(world, "Failed")
    world.settle(60)
    assert "app-v2-rollback" not in world.deployments, "there is nothing to take back"
    assert set(world.live().values()) == {1}
    assert status(world).get("failedVersion") is None, "nothing of it ever ran"
    world.apply({**with_timeouts("app:2", queue="5m"), "selector": {}})
    finds_an_end(world, "Completed", "app-v3")


@pytest.mark.row("spec.timeouts.total")
def test_a_rollout_that_takes_too_long_fails_and_is_taken_back() -> None:
    world = settled_on_v1(4)
    world.apply(
        {**with_timeouts("app:2", total="10m"), "rollout": spec(autoPromote=False)["rollout"]}
    )
    world.until(lambda w: job_reason(w) == "AwaitingPromotion")
    began = world.deployments["app-v2"].accepted
    assert began is not None
    finds_an_end(world, "Failed")
    assert began + 600 <= world.now <= began + 610
    assert world.deployments["app-v2"].reason == "TotalTimeout"
    world.until(lambda w: w.deployment_state("app-v2-rollback") == "Completed")
    assert set(world.live().values()) == {1}


@pytest.mark.row("spec.timeouts.total")
def test_a_first_version_whose_time_is_over_stops_everywhere_and_is_not_started_again() -> None:
    world = fleet(4)
    world.watchers.append(Invariants(None))
    world.apply({**with_timeouts(total="10m"), "rollout": spec(autoPromote=False)["rollout"]})
    finds_an_end(world, "Failed", "app-v1")
    world.settle(30)
    assert not world.pods
    ends = {each.details["reason"] for each in world.executions.values()}
    assert ends == {"TotalTimeout"}
    assert (world.state(), job_reason(world)) == ("Failed", "TotalTimeout")
    made = len(world.executions)
    world.add_node("late")
    world.settle(HOUR, step=30)
    assert len(world.executions) == made


@pytest.mark.row("spec.timeouts.total")
def test_a_version_whose_time_is_over_is_tried_again_with_more_of_it() -> None:
    world = fleet(2)
    world.fate = lambda node, image: NEVER_READY
    world.apply(with_timeouts(total="30s"))
    finds_an_end(world, "Failed", "app-v1")
    assert job_reason(world) == "TotalTimeout"
    world.fate = lambda node, image: FINE
    world.apply(with_timeouts(total="0s"))
    world.until(lambda w: w.state() == "Running")
    assert world.deployment_state("app-v2") == "Completed"


@pytest.mark.row("spec.timeouts.total")
def test_what_runs_after_a_completed_rollout_has_its_time_too() -> None:
    world = fleet(3)
    world.apply(with_timeouts(total="30m"))
    world.until(lambda w: w.state() == "Running")
    world.settle(1700, step=10)
    assert world.state() == "Running"
    world.until(lambda w: (w.state(), job_reason(w)) == ("Failed", "TotalTimeout"), seconds=120)
    world.until(lambda w: not w.pods, seconds=30)
    assert world.deployment_state("app-v1") == "Completed", "its rollout did complete"
    world.settle(30)
    assert "still stop" not in job_message(world)
    world.apply(with_timeouts("app:2", total="30m"))
    finds_an_end(world, "Completed")
    assert set(world.live().values()) == {2}, "a new version has its own time"


@pytest.mark.row("spec.timeouts.total")
def test_retries_end_with_the_total_time() -> None:
    world = fleet(1)
    give(world, "app:1", CRASHES)
    immediate = spec(strategy="Immediate", healthCheck=None, autoPromote=None, maxFailedNodes=1)
    immediate["rollout"]["maxFailedNodesPercent"] = 100
    world.apply({**immediate, "timeouts": {"total": "20m"}})
    world.settle(1250)
    tries = len(world.executions)
    world.settle(HOUR, step=10)
    assert len(world.executions) == tries
    assert world.state() == "Failed"


@pytest.mark.row("Attempts")
def test_a_job_whose_pods_always_fail_makes_at_most_twenty_executions_in_an_hour() -> None:
    world = settled_on_v1(3)
    give(world, "app:1", CRASHES, "n01")
    for pod in [each for each in world.pods.values() if each.node == "n01"]:
        world.change_pod(pod.name, phase="Failed", ready=False)
    begun = len(world.writes)
    world.settle(HOUR)
    made = Counter(a.node for _, a in world.writes[begun:] if isinstance(a, CreateExecution))
    assert set(made) == {"n01"}
    assert 12 <= made["n01"] <= 20
    kept = [each for each in world.executions.values() if each.node == "n01"]
    assert len(kept) <= 13, "a long chain is shortened"
    assert "tried again at" in job_message(world)


@pytest.mark.row("Attempts")
def test_back_off_begins_anew_once_it_was_stable() -> None:
    world = settled_on_v1(1, strategy="Immediate", healthCheck=None, autoPromote=None)
    give(world, "app:1", Fate(exits_after=60.0))
    world.settle(1200)
    made = [at for at, a in world.writes if isinstance(a, CreateExecution)]
    gaps = [after - before for before, after in pairwise(made)]
    assert all(gap <= 75 for gap in gaps), "each time it ran for a minute, so it waits 10 s"


@pytest.mark.row("Kept")
def test_records_are_removed_once_the_next_is_stable() -> None:
    world = settled_on_v1(3)
    for number in range(2, 8):
        world.apply(spec(f"app:{number}"))
        finds_an_end(world, "Completed", f"app-v{number}")
        world.settle(20)
    each_node = Counter(each.node for each in world.executions.values())
    assert max(each_node.values()) <= 2, "the live one and the one that it replaced"
    assert {each.version for each in world.executions.values()} == {6, 7}


@pytest.mark.row("Kept")
def test_records_of_nodes_that_are_gone_are_removed_once_no_open_rollout_needs_them() -> None:
    world = settled_on_v1(4)
    world.remove_node("n02")
    world.settle(30)
    assert "n02" not in {each.node for each in world.executions.values()}
    assert world.state() == "Running"
