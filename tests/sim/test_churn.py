"""Rollouts while nodes come and go, people change their minds and the operator dies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sim.invariants import Invariants
from sim.world import CRASHES, ERRS, FINE, Fate, World, fleet, spec
from wavegate.domain.actions import CreateExecution, CreatePod


def settled_on_v1(size: int, places: int = 2, **rollout: Any) -> World:
    world = fleet(size)
    world.watchers.append(Invariants(places))
    world.apply(spec("app:1", **rollout))
    world.until(lambda w: w.deployment_state("app-v1") == "Completed")
    return world


def bad(world: World, image: str, fate: Fate, *nodes: str) -> None:
    def choose(node: str, running: str) -> Fate:
        return fate if running == image and (not nodes or node in nodes) else FINE

    world.fate = choose


def order(world: World) -> list[str]:
    """Nodes in the order in which v1 took them: v2 takes them in the same."""
    return [
        action.node
        for _, action in world.writes
        if isinstance(action, CreateExecution) and action.deployment == "app-v1"
    ]


def taken(world: World, deployment: str, wave: int | None = None) -> list[str]:
    return [
        action.node
        for _, action in world.writes
        if isinstance(action, CreateExecution)
        and action.deployment == deployment
        and (action.wave == wave if wave is not None else action.wave > 0)
    ]


def reason(world: World) -> str:
    assert world.job is not None
    return str(world.job.status["state"]["details"]["reason"])


def test_rolling_has_no_canary_and_no_gate() -> None:
    world = settled_on_v1(5, strategy="Rolling", autoPromote=None)
    world.apply(spec("app:2", strategy="Rolling", autoPromote=None))
    world.until(lambda w: w.deployment_state("app-v2") == "Completed")
    assert [len(taken(world, "app-v2", wave)) for wave in (1, 2, 3)] == [2, 2, 1]


def test_without_automatic_rollback_a_failed_rollout_stays_where_it_is() -> None:
    world = settled_on_v1(5, noAutoRollback=True)
    bad(world, "app:2", ERRS)
    world.apply(spec("app:2", noAutoRollback=True))
    world.until(lambda w: w.deployment_state("app-v2") == "Failed")
    world.settle(120)
    assert "app-v2-rollback" not in world.deployments
    assert set(world.live().values()) == {1}, "fallbacks happen all the same"
    assert (world.state(), reason(world)) == ("RolloutFailed", "CanaryFailed")


def test_a_rollback_goes_by_its_own_places() -> None:
    settings = {"maxParallel": 3, "rollbackParallel": 1, "maxFailedNodes": 0}
    world = settled_on_v1(8, places=3, **settings)
    last = order(world)[6]
    bad(world, "app:2", ERRS, last)
    world.apply(spec("app:2", **settings))
    world.until(lambda w: w.deployment_state("app-v2") == "Failed")
    world.until(lambda w: w.deployment_state("app-v2-rollback") == "InProgress")
    world.watchers.append(Invariants(3))
    world.until(lambda w: w.deployment_state("app-v2-rollback") == "Completed")
    times = [
        at
        for at, action in world.writes
        if isinstance(action, CreateExecution)
        and action.deployment == "app-v2-rollback"
        and action.wave > 0
    ]
    assert len(times) == len(set(times)), "one at a time"
    assert set(world.live().values()) == {1}


def test_a_new_version_waits_for_an_open_rollback_and_then_begins_at_wave_one() -> None:
    world = settled_on_v1(5)
    bad(world, "app:2", CRASHES)
    world.apply(spec("app:2"))
    world.until(lambda w: w.deployment_state("app-v2") == "Failed")
    world.until(lambda w: w.deployment_state("app-v2-rollback") == "InProgress")
    world.apply(spec("app:3"))
    world.pass_once()
    world.pass_once()
    assert "app-v3" in world.versions
    assert "app-v3" not in world.deployments
    world.until(lambda w: w.deployment_state("app-v3") == "Completed")
    assert taken(world, "app-v3", 1) == order(world)[:1]


def test_a_failed_workload_is_tried_again_with_other_rollout_settings() -> None:
    world = settled_on_v1(4)
    bad(world, "app:2", ERRS)
    world.apply(spec("app:2"))
    world.until(lambda w: w.deployment_state("app-v2-rollback") == "Completed")
    world.fate = lambda _node, _image: FINE
    world.apply(spec("app:2", maxParallel=1))
    world.until(lambda w: w.deployment_state("app-v3") == "Completed")
    assert len(taken(world, "app-v3")) == 4


def test_the_job_s_own_pause_stops_the_rollout_too() -> None:
    world = settled_on_v1(5)
    world.apply(spec("app:2", paused=True))
    world.settle(60)
    assert taken(world, "app-v2") == []
    assert (world.state(), reason(world)) == ("RolloutPaused", "Paused")
    world.apply(spec("app:2"))
    world.until(lambda w: w.deployment_state("app-v2") == "Completed")
    assert "app-v3" not in world.versions, "a pause is no version"


def test_a_canary_that_was_deleted_with_its_node_is_replaced_in_its_wave() -> None:
    world = settled_on_v1(5)
    canary = order(world)[0]
    world.apply(spec("app:2"))
    world.until(lambda w: taken(w, "app-v2", 1) == [canary])
    world.remove_node(canary)
    world.until(lambda w: w.deployment_state("app-v2") == "Completed")
    assert taken(world, "app-v2", 1) == order(world)[:2]
    assert world.deployments["app-v2"].total == 5


def test_a_node_that_is_cordoned_in_its_wave_is_not_the_version_s_fault() -> None:
    world = settled_on_v1(5)
    canary = order(world)[0]
    world.apply(spec("app:2"))
    world.until(lambda w: taken(w, "app-v2", 1) == [canary])
    world.change_node(canary, unschedulable=True)
    world.until(lambda w: w.deployment_state("app-v2") == "Completed")
    assert world.deployments["app-v2"].reason == "Completed"


def test_a_node_that_went_down_after_the_start_is_waited_for_and_comes_back() -> None:
    world = settled_on_v1(4)
    late = order(world)[-1]
    world.apply(spec("app:2"))
    world.until(lambda w: bool(taken(w, "app-v2")))
    world.change_node(late, ready=False)
    world.settle(600)
    assert world.deployment_state("app-v2") == "InProgress"
    world.change_node(late, ready=True)
    world.until(lambda w: w.deployment_state("app-v2") == "Completed")
    assert world.live()[late] == 2


def nodes(world: World) -> dict[str, int]:
    """status.nodes of the job."""
    assert world.job is not None
    return dict(world.job.status["nodes"])


@pytest.mark.row("Absent", "status.nodes.lost")
def test_a_node_is_waited_for_no_longer_than_lost_after_and_caught_up_later() -> None:
    world = settled_on_v1(4)
    world.settings = replace(world.settings, lost_after=120.0)
    late = order(world)[-1]
    world.apply(spec("app:2"))
    world.until(lambda w: bool(taken(w, "app-v2")))
    world.change_node(late, ready=False)
    world.until(lambda w: w.deployment_state("app-v2") == "Completed", seconds=300)
    world.until(lambda w: w.state() == "Degraded", seconds=10)
    assert [e.observed for e in world.executions.values() if e.node == late][-1] == "Lost"
    assert nodes(world)["lost"] == 1
    world.change_node(late, ready=True)
    world.until(lambda w: w.live()[late] == 2)
    world.settle(5)
    assert nodes(world)["lost"] == 0


@pytest.mark.row("Absent", "Catch-up")
def test_a_node_that_was_down_before_the_start_is_left_out_and_caught_up() -> None:
    world = settled_on_v1(4)
    away = order(world)[1]
    world.change_node(away, ready=False)
    world.advance(5)
    world.apply(spec("app:2"))
    world.until(lambda w: w.deployment_state("app-v2") == "Completed")
    assert world.deployments["app-v2"].total == 3
    assert away not in taken(world, "app-v2")
    world.change_node(away, ready=True)
    world.until(lambda w: w.live()[away] == 2)


@pytest.mark.row("Joiner")
def test_nodes_that_only_the_new_selector_matches_are_ordinary_targets() -> None:
    world = settled_on_v1(3)
    world.apply({**spec("app:2"), "selector": {"matchLabels": {"pool": "core"}}})
    world.add_node("c1", pool="core")
    world.until(lambda w: w.deployment_state("app-v2") == "Completed")
    world.until(lambda w: w.live() == {"c1": 2})
    assert "c1" in taken(world, "app-v2")


def test_a_stable_pod_that_crashes_degrades_the_job_and_is_tried_again_by_back_off() -> None:
    world = settled_on_v1(3)
    victim = order(world)[0]
    bad(world, "app:1", CRASHES, victim)
    pod = next(each for each in world.pods.values() if each.node == victim)
    world.advance(1)
    world.until(lambda w: w.state() == "Degraded")
    world.settle(100)
    tries = [each for each in world.executions.values() if each.node == victim]
    assert 3 <= len(tries) <= 5, "after 0, 10, 20 and 40 s"
    assert all(each.version == 1 for each in tries)
    assert world.deployment_state("app-v1") == "Completed", "no rollout is reopened"
    world.fate = lambda _node, _image: FINE
    world.until(lambda w: w.state() == "Running", seconds=400)
    assert world.pods[pod.name].ready


def test_a_crash_at_every_write_of_a_rollback_loses_nothing() -> None:
    for write in range(0, 40, 3):
        world = settled_on_v1(4)
        bad(world, "app:2", CRASHES)
        world.apply(spec("app:2"))
        left = write
        while world.deployment_state("app-v2-rollback") != "Completed":
            planned = sum(len(step.actions) for step in world.plan_now().steps)
            world.pass_once(lose_after=left if 0 <= left < planned else None)
            left -= planned
            world.advance(1.0)
            assert world.now < world.job_created + 600, world.story()
        assert set(world.live().values()) == {1}


def test_late_writes_of_a_former_leader_are_refused_or_undone() -> None:
    world = settled_on_v1(5)
    world.apply(spec("app:2"))
    seen = []
    while world.deployment_state("app-v2") != "Completed":
        seen.append(world.observe())
        world.pass_once()
        world.advance(1.0)
        world.apply_late(seen[max(0, len(seen) - 6)])
        assert world.now < world.job_created + 600, world.story()
    world.settle(60)
    assert set(world.live().values()) == {2}
    assert world.state() == "Running"


def test_a_node_that_joins_in_a_rollback_does_not_get_the_bad_version() -> None:
    world = settled_on_v1(5, maxFailedNodes=0)
    bad(world, "app:2", ERRS, order(world)[2])
    world.apply(spec("app:2", maxFailedNodes=0))
    world.until(lambda w: w.deployment_state("app-v2") == "Failed")
    world.add_node("late")
    world.until(lambda w: w.deployment_state("app-v2-rollback") == "Completed")
    world.settle(60)
    assert world.live()["late"] == 1
    assert [e.version for e in world.executions.values() if e.node == "late"] == [1]


def stamped(world: World) -> None:
    """Up to the moment between the stamp of v2 as stable and the end of its rollout."""
    world.apply(spec("app:2"))
    world.until(lambda w: "app-v2" in w.versions and w.versions["app-v2"].stable)
    assert world.deployment_state("app-v2") == "InProgress"


@pytest.mark.parametrize("verb", ["canceled", "paused"])
def test_a_verb_that_comes_after_the_version_was_stamped_stable_comes_too_late(verb: str) -> None:
    world = settled_on_v1(3)
    stamped(world)
    world.change_deployment("app-v2", **{verb: True})
    world.settle(30)
    assert world.deployment_state("app-v2") == "Completed"
    world.add_node("late")
    world.until(lambda w: w.live().get("late") == 2)


def test_a_version_that_was_stamped_stable_completes_before_a_newer_one_begins() -> None:
    passes = 2  # by then it has a version and a deployment
    while superseded_after(passes):
        passes += 1
    assert passes > 20, "the update was over too soon to be superseded"


def superseded_after(passes: int) -> bool:
    """Update, and apply a third version so many passes later; whether that superseded it."""
    world = settled_on_v1(3)
    world.apply(spec("app:2"))
    for _ in range(passes):
        world.pass_once()
        world.advance(1.0)
    world.apply(spec("app:3"))
    world.until(lambda w: w.deployment_state("app-v3") == "Completed")
    state = world.deployments["app-v2"].state
    assert world.versions["app-v2"].stable is (state == "Completed"), f"after {passes} passes"
    return state == "Canceled"


@pytest.mark.row("End")
@pytest.mark.parametrize("strategy", ["Rolling", "Canary"])
def test_a_rollout_whose_targets_have_all_left_says_that_it_waits_for_nodes(strategy: str) -> None:
    world = fleet(1)
    world.apply(spec("app:1", strategy=strategy))
    world.until(lambda w: bool(w.executions))
    world.remove_node("n00")
    world.settle(120)
    assert world.deployments["app-v1"].reason in ("NoTargets", "NoCanary")
    world.add_node("n01")
    world.until(lambda w: w.deployment_state("app-v1") == "Completed")


def test_a_joiner_gets_the_stable_version_although_a_rollout_of_its_workload_was_canceled() -> None:
    world = settled_on_v1(3)
    world.apply({**spec("app:1", autoPromote=False, maxParallel=1), "meta": {"note": "again"}})
    world.until(lambda w: "app-v2" in w.deployments)
    world.change_deployment("app-v2", canceled=True)
    world.until(lambda w: w.deployment_state("app-v2") == "Canceled")
    world.add_node("late")
    world.until(lambda w: w.live().get("late") == 1)


def test_a_failure_after_the_version_was_stamped_stable_does_not_fail_its_rollout() -> None:
    world = settled_on_v1(3, maxFailedNodes=0)
    world.apply(spec("app:2", maxFailedNodes=0, autoPromote=True))
    world.until(lambda w: "app-v2" in w.versions and w.versions["app-v2"].stable)
    world.add_node("late")
    some = next(iter(world.executions.values()))
    world.executions["late"] = replace(
        some,
        name="late",
        uid="late",
        node="late",
        node_uid=world.nodes["late"].uid,
        version=2,
        workload_hash=world.versions["app-v2"].workload_hash,
        deployment="app-v2",
        observed="Failed",
        stable_at=None,
        wave=2,
        status={},
    )
    world.pass_once()
    assert world.deployment_state("app-v2") == "Completed"


def test_a_cancel_in_a_suspended_job_ends_the_rollout() -> None:
    world = settled_on_v1(4)
    world.apply(spec("app:2"))
    world.until(lambda w: bool(taken(w, "app-v2")))
    world.apply({**spec("app:2"), "suspend": True})
    world.settle(30)
    world.change_deployment("app-v2", canceled=True)
    world.settle(10)
    assert world.deployment_state("app-v2") == "Canceled"


def test_a_healthy_version_does_not_fail_because_nobody_made_its_pod_in_time() -> None:
    world = settled_on_v1(3)
    world.apply(spec("app:2"))
    world.until(lambda w: any(each.version == 2 for each in w.executions.values()))
    world.advance(120.0)  # no operator
    world.crash()
    world.until(lambda w: w.deployment_state("app-v2") in ("Completed", "Failed"))
    assert world.deployment_state("app-v2") == "Completed"


def test_a_withdrawn_execution_that_fails_by_itself_fails_at_once_and_is_not_made_again() -> None:
    world = settled_on_v1(3)
    world.fate = lambda _node, image: Fate(exits_after=4.0) if image == "app:2" else FINE
    world.apply(spec("app:2"))
    world.until(lambda w: any(each.version == 2 and each.pod_uid for each in w.executions.values()))
    node = next(each.node for each in world.executions.values() if each.version == 2)
    world.change_node(node, unschedulable=True)
    world.until(lambda w: any(e.withdrawn for e in w.executions.values()), seconds=5)
    world.change_node(node, unschedulable=False)
    world.settle(20)
    made = [a for _, a in world.writes if isinstance(a, CreatePod) and a.node == node]
    failed = [e for e in world.executions.values() if e.node == node and e.observed == "Failed"]
    assert [e.details["reason"] for e in failed] == ["Exited"]
    assert len(made) == 3, "v1, v2 once, and v1 again"


def test_a_stable_pod_that_a_node_s_shutdown_ended_is_made_again_by_its_execution() -> None:
    world = settled_on_v1(3)
    pod = next(iter(world.pods.values()))
    world.pods[pod.name] = replace(pod, phase="Failed", ready=False, reason="NodeShutdown")
    world.settle(30)
    assert world.pods[pod.name].uid != pod.uid
    assert len(world.executions) == 3
    assert world.state() == "Running"
