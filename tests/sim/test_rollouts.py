"""Rollouts from the first apply to their end, on a cluster in memory with a virtual clock."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sim.invariants import Invariants
from sim.world import CRASHES, ERRS, FINE, NEVER_READY, UNREADABLE, Fate, World, fleet, spec
from wavegate.domain.actions import CreateExecution, SetStatus


def watched(size: int, places: int = 2) -> World:
    world = fleet(size)
    world.watchers.append(Invariants(places))
    return world


def stable_on(world: World, version: int) -> bool:
    running = world.live()
    return bool(running) and set(running.values()) == {version} and world.state() == "Running"


def on_image(image: str, fate: Fate, *nodes: str) -> object:
    def choose(node: str, running: str) -> Fate:
        return fate if running == image and (not nodes or node in nodes) else FINE

    return choose


def waves(world: World, deployment: str) -> list[int]:
    return [
        action.wave
        for _, action in world.writes
        if isinstance(action, CreateExecution) and action.deployment == deployment
    ]


def settled_on_v1(size: int, places: int = 2, **rollout: object) -> World:
    world = watched(size, places)
    world.apply(spec("app:1", **rollout))
    world.until(lambda w: stable_on(w, 1))
    return world


def test_a_first_version_reaches_every_node_wave_by_wave() -> None:
    world = settled_on_v1(7)
    assert waves(world, "app-v1") == [1, 2, 2, 3, 3, 4, 4]
    assert world.deployment_state("app-v1") == "Completed"
    assert world.versions["app-v1"].stable


@pytest.mark.row("Immediate")
def test_immediate_takes_all_nodes_at_once() -> None:
    world = watched(6)
    world.apply(spec(strategy="Immediate", healthCheck=None, autoPromote=None))
    world.until(lambda w: stable_on(w, 1))
    assert waves(world, "app-v1") == [1] * 6


def test_an_update_goes_canary_first_and_is_promoted_by_itself() -> None:
    world = settled_on_v1(5)
    world.apply(spec("app:2"))
    world.until(lambda w: stable_on(w, 2))
    assert waves(world, "app-v2") == [1, 2, 2, 3, 3]


def test_canaries_are_the_same_from_version_to_version() -> None:
    world = settled_on_v1(5)
    world.apply(spec("app:2"))
    world.until(lambda w: stable_on(w, 2))
    first = [each for each in world.writes if isinstance(each[1], CreateExecution)]
    canaries = [a.node for _, a in first if isinstance(a, CreateExecution) and a.wave == 1]
    assert len(canaries) == 2
    assert canaries[0] == canaries[1]


@pytest.mark.parametrize("fate", [ERRS, CRASHES, NEVER_READY])
def test_a_bad_version_stops_at_the_canary_and_is_taken_back(fate: Fate) -> None:
    world = settled_on_v1(5)
    world.fate = on_image("app:2", fate)
    world.apply(spec("app:2"))
    world.until(lambda w: w.deployment_state("app-v2-rollback") == "Completed")
    assert waves(world, "app-v2") == [1, 0], "one canary, and its fallback"
    assert world.deployments["app-v2"].reason == "CanaryFailed"
    assert set(world.live().values()) == {1}
    world.settle(60)
    assert world.job is not None
    ready = next(c for c in world.job.status["conditions"] if c["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "RolledBack")
    assert "v2 failed" in ready["message"]


@pytest.mark.row("Wanted version")
def test_a_failed_workload_is_not_tried_again_by_a_change_of_words() -> None:
    world = settled_on_v1(3)
    world.fate = on_image("app:2", ERRS)
    world.apply(spec("app:2"))
    world.until(lambda w: w.deployment_state("app-v2-rollback") == "Completed")
    world.apply({**spec("app:2"), "meta": {"note": "again"}})
    world.settle(120)
    assert "app-v3" in world.versions
    assert "app-v3" not in world.deployments
    world.apply(spec("app:3"))
    world.until(lambda w: stable_on(w, 4))


def test_a_second_wave_that_fails_takes_back_every_node() -> None:
    world = settled_on_v1(7, maxFailedNodes=0)
    order = [
        action.node
        for _, action in world.writes
        if isinstance(action, CreateExecution) and action.deployment == "app-v1"
    ]
    world.fate = on_image("app:2", ERRS, order[3])
    world.apply(spec("app:2", maxFailedNodes=0))
    world.until(lambda w: w.deployment_state("app-v2-rollback") == "Completed")
    assert world.deployments["app-v2"].reason == "BudgetExceeded"
    assert set(world.live().values()) == {1}


def test_a_failure_within_the_budget_degrades_the_job_and_names_the_node() -> None:
    budget = {"maxFailedNodes": 1, "maxFailedNodesPercent": 50}
    world = settled_on_v1(3, **budget)
    order = [a.node for _, a in world.writes if isinstance(a, CreateExecution)]
    world.fate = on_image("app:2", CRASHES, order[-1])
    world.apply(spec("app:2", **budget))
    world.until(lambda w: w.deployment_state("app-v2") == "Completed")
    world.settle(120)
    assert world.live() == {order[0]: 2, order[1]: 2, order[2]: 1}
    assert world.state() == "Degraded"
    assert world.job is not None
    assert order[2] in world.job.status["state"]["message"]


@pytest.mark.row("Rollback")
@pytest.mark.parametrize("other", [1, 3, 4, 9])
def test_a_rollback_leaves_alone_a_node_that_failed_the_stable_version_before(other: int) -> None:
    budget = {"maxFailedNodes": 1, "maxFailedNodesPercent": 50, "maxParallel": 4}
    world = settled_on_v1(10, places=4, **budget)
    order = [a.node for _, a in world.writes if isinstance(a, CreateExecution)]
    failing = {"app:2": {order[2]}, "app:3": {order[2], order[other]}}
    world.fate = lambda node, image: CRASHES if node in failing.get(image, ()) else FINE
    world.apply(spec("app:2", **budget))
    world.until(lambda w: w.deployment_state("app-v2") == "Completed")
    world.settle(60)
    world.apply(spec("app:3", **budget))
    world.until(lambda w: w.deployment_state("app-v3-rollback") == "Completed")
    world.settle(60)
    got_v2 = [
        action.node
        for _, action in world.writes
        if isinstance(action, CreateExecution) and action.version == 2
    ]
    assert got_v2.count(order[2]) == 1, "when v2 was rolled out, and never again"
    assert world.live() == {node: 1 if node == order[2] else 2 for node in order}
    told = [
        action.status["message"]
        for _, action in world.writes
        if isinstance(action, SetStatus) and action.name == "app-v3-rollback"
    ]
    assert told[-1].startswith(f"v2 reached 9 of 10 nodes; {order[2]}: "), told[-1]


def test_a_canary_waits_for_a_person() -> None:
    world = settled_on_v1(5)
    world.apply(spec("app:2", autoPromote=False))
    world.until(lambda w: w.deployment_state("app-v2") == "Paused")
    assert world.deployments["app-v2"].reason == "AwaitingPromotion"
    world.settle(300)
    assert waves(world, "app-v2") == [1]
    world.change_deployment("app-v2", promoted=True)
    world.until(lambda w: stable_on(w, 2))


def test_promoting_before_the_gate_skips_no_judgement() -> None:
    world = settled_on_v1(5)
    world.fate = on_image("app:2", ERRS)
    world.apply(spec("app:2", autoPromote=False))
    world.until(lambda w: "app-v2" in w.deployments)
    world.change_deployment("app-v2", promoted=True)
    world.until(lambda w: w.deployment_state("app-v2") == "Failed")
    assert [wave for wave in waves(world, "app-v2") if wave] == [1]


def test_pause_takes_no_further_node_and_resume_goes_on() -> None:
    world = settled_on_v1(7)
    world.apply(spec("app:2"))
    world.until(lambda w: 2 in waves(w, "app-v2"))
    world.change_deployment("app-v2", paused=True)
    taken = waves(world, "app-v2")
    world.settle(300)
    assert waves(world, "app-v2") == taken
    assert world.deployment_state("app-v2") == "Paused"
    world.change_deployment("app-v2", paused=False)
    world.until(lambda w: stable_on(w, 2))


def test_cancel_ends_the_rollout_where_it_is() -> None:
    world = settled_on_v1(7)
    world.apply(spec("app:2"))
    world.until(lambda w: 2 in waves(w, "app-v2"))
    world.change_deployment("app-v2", canceled=True)
    world.until(lambda w: w.deployment_state("app-v2") == "Canceled")
    running = world.live()
    world.settle(300)
    assert world.live() == running, "nodes keep what they run"
    assert world.state() == "RolloutFailed"
    assert "app-v2-rollback" not in world.deployments


def test_a_newer_version_supersedes_the_open_one() -> None:
    world = settled_on_v1(7)
    world.apply(spec("app:2"))
    world.until(lambda w: 2 in waves(w, "app-v2"))
    world.apply(spec("app:3"))
    world.until(lambda w: stable_on(w, 3))
    assert (world.deployments["app-v2"].state, world.deployments["app-v2"].reason) == (
        "Canceled",
        "Superseded",
    )
    assert waves(world, "app-v3")[0] == 1


def test_a_change_of_rollout_settings_takes_the_open_rollout_over() -> None:
    world = settled_on_v1(7)
    world.apply(spec("app:2", autoPromote=False))
    world.until(lambda w: w.deployment_state("app-v2") == "Paused")
    world.apply(spec("app:2", autoPromote=True))
    world.until(lambda w: stable_on(w, 2) or set(w.live().values()) == {2, 3})
    world.until(lambda w: w.deployment_state("app-v3") == "Completed")
    assert 1 not in waves(world, "app-v3"), "the canary wave counts on"


def test_a_revert_to_what_runs_restarts_nothing() -> None:
    world = settled_on_v1(4)
    before = len([a for _, a in world.writes if isinstance(a, CreateExecution)])
    world.apply(spec("app:1", maxParallel=1))
    world.until(lambda w: w.deployment_state("app-v2") == "Completed")
    after = len([a for _, a in world.writes if isinstance(a, CreateExecution)])
    assert before == after


def test_suspend_stops_everything_and_unsuspending_starts_it_at_once() -> None:
    world = settled_on_v1(4)
    world.apply({**spec("app:1"), "suspend": True})
    world.until(lambda w: not w.pods and w.state() == "Stopped")
    world.settle(60)
    assert not world.pods
    world.apply(spec("app:1"))
    world.until(lambda w: stable_on(w, 1))


def test_a_first_version_that_fails_has_no_way_back() -> None:
    world = watched(4)
    world.fate = on_image("app:1", NEVER_READY)
    world.apply(spec("app:1"))
    world.until(lambda w: w.state() == "RolloutFailed")
    world.settle(600)
    assert waves(world, "app-v1") == [1]
    assert not world.live()


def test_a_pod_deleted_by_hand_is_made_again() -> None:
    world = settled_on_v1(3)
    pod = next(iter(world.pods.values()))
    del world.pods[pod.name]
    world.settle(30)
    assert world.pods[pod.name].uid != pod.uid
    assert stable_on(world, 1)


def test_a_pod_that_ends_with_exit_0_because_it_is_deleted_has_not_completed() -> None:
    world = settled_on_v1(3)
    pod = next(iter(world.pods.values()))
    world.pods[pod.name] = replace(pod, deletion=world.now + 3)
    world.settle(30)
    assert world.pods[pod.name].uid != pod.uid
    assert stable_on(world, 1)
    assert len(world.executions) == 3


def test_a_pod_deleted_by_hand_in_its_wave_is_not_the_version_s_fault() -> None:
    world = settled_on_v1(3)
    world.apply(spec("app:2"))
    world.until(lambda w: any(e.version == 2 and e.pod_uid for e in w.executions.values()))
    name = next(e.node for e in world.executions.values() if e.version == 2)
    pod = next(pod for pod in world.pods.values() if pod.node == name)
    del world.pods[pod.name]
    world.until(lambda w: stable_on(w, 2))
    assert world.deployment_state("app-v2") == "Completed"


@pytest.mark.row("Joiner")
def test_a_joiner_gets_the_stable_version_at_once_and_its_turn_later() -> None:
    world = settled_on_v1(5)
    world.apply(spec("app:2"))
    world.until(lambda w: 2 in waves(w, "app-v2"))
    world.add_node("late")
    world.until(lambda w: w.live().get("late") == 1)
    world.until(lambda w: stable_on(w, 2))
    assert world.deployments["app-v2"].total == 5


def test_a_node_that_no_longer_matches_stops() -> None:
    world = watched(3)
    world.apply({**spec("app:1"), "selector": {"matchLabels": {"pool": "edge"}}})
    world.until(lambda w: stable_on(w, 1))
    world.change_node("n01", labels={"pool": "other"})
    world.until(lambda w: "n01" not in w.live() and len(w.pods) == 2)
    world.change_node("n01", labels={"pool": "edge"})
    world.until(lambda w: len(w.live()) == 3 and stable_on(w, 1))


def test_a_selector_that_matches_nothing_says_so() -> None:
    world = watched(3)
    world.apply({**spec("app:1"), "selector": {"matchLabels": {"pool": "nowhere"}}})
    world.settle(10)
    assert world.deployment_state("app-v1") == "Pending"
    assert world.job is not None
    ready = next(c for c in world.job.status["conditions"] if c["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("True", "NoMatchingNodes")


def test_a_finished_rollout_writes_nothing_more() -> None:
    world = settled_on_v1(4)
    world.settle(120)
    before = len(world.writes)
    world.settle(3600, step=30)
    assert len(world.writes) == before, world.story()


def test_at_most_three_writes_for_a_new_execution_and_one_more_where_it_is_validated() -> None:
    world = settled_on_v1(8)
    counts: dict[str, int] = {}
    for _, action in world.writes:
        name = getattr(action, "execution", None) or getattr(action, "name", "")
        if isinstance(action, SetStatus) and action.kind != "Execution":
            continue
        counts[name] = counts.get(name, 0) + 1
    per_execution = [n for name, n in counts.items() if name in world.executions]
    assert per_execution
    assert max(per_execution) <= 4, counts


def test_a_crash_before_any_write_loses_nothing() -> None:
    undisturbed = updated_with_crash_before(None)
    for write in range(undisturbed):
        updated_with_crash_before(write)


def updated_with_crash_before(write: int | None) -> int:
    """Update five nodes, the process dying once before the n-th write; the number of writes."""
    world = settled_on_v1(5)
    first = len(world.writes)
    world.apply(spec("app:2"))
    while not stable_on(world, 2):
        assert world.now < world.job_created + 1200, f"crash before {write}:\n{world.story()}"
        done = len(world.writes) - first
        left = None if write is None or write < done else write - done
        planned = sum(len(step.actions) for step in world.plan_now().steps)
        if left is not None and left < planned:
            world.pass_once(lose_after=left)
            write = None
        else:
            world.pass_once()
        world.advance(1.0)
    return len(world.writes) - first


def test_a_container_without_counters_is_judged_by_readiness_alone() -> None:
    check = {"interval": "5s", "deadline": "1m"}
    world = settled_on_v1(3, healthCheck=check)
    world.fate = on_image("app:2", UNREADABLE)
    world.apply(spec("app:2", healthCheck=check))
    world.until(lambda w: stable_on(w, 2))


def test_a_version_that_alone_cannot_be_read_fails() -> None:
    world = settled_on_v1(3)
    world.fate = on_image("app:2", UNREADABLE)
    world.apply(spec("app:2"))
    world.until(lambda w: w.deployment_state("app-v2-rollback") == "Completed")
    assert world.deployments["app-v2"].reason == "CanaryFailed"


@pytest.mark.row("Unreadable")
def test_nothing_is_judged_where_nobody_can_be_read() -> None:
    world = settled_on_v1(5)
    world.fate = lambda _node, _image: UNREADABLE
    world.apply(spec("app:2"))
    world.until(lambda w: 1 in waves(w, "app-v2"))
    world.settle(150)
    assert world.deployments["app-v2"].reason == "MetricsUnreadable"
    assert world.deployment_state("app-v2") == "InProgress"
    assert sorted(world.live().values()) == [1, 1, 1, 1, 2]
    world.settle(120)
    assert world.deployment_state("app-v2") == "Failed"
    assert sorted(world.live().values()) == [1, 1, 1, 1, 2], "no ready node is taken back"
    assert "app-v2-rollback" not in world.deployments


def test_judging_goes_on_when_numbers_can_be_read_again() -> None:
    world = settled_on_v1(5)
    world.fate = lambda _node, _image: UNREADABLE
    world.apply(spec("app:2"))
    world.until(lambda w: 1 in waves(w, "app-v2"))
    world.settle(100)
    world.fate = lambda _node, _image: FINE
    world.until(lambda w: stable_on(w, 2))
