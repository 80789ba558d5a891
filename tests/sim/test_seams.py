"""Where rules meet: what users made, kinds of jobs, names, suspension, places and time-outs."""

from __future__ import annotations

from typing import Any

import pytest

from sim.invariants import Invariants
from sim.test_one_shot import bad_on, is_over, status, watched
from sim.test_user_deployments import SIZE, bad, made_by, on_v2, reason
from sim.world import COMPLETES, CRASHES, ERRS, FINE, HANGS, World, fleet, once, spec
from wavegate.domain.actions import CreateDeployment, CreateExecution, CreatePod, SetStatus


def completed(name: str) -> Any:
    return lambda world: world.deployment_state(name) == "Completed"


def made_since(world: World, begin: int) -> list[Any]:
    """Executions made since so many writes."""
    return [action for _, action in world.writes[begin:] if isinstance(action, CreateExecution)]


@pytest.mark.row("Stop", "One-shot types")
def test_a_stop_ends_although_the_pods_of_what_has_ended_are_kept() -> None:
    world = fleet(4, fate=lambda *_: COMPLETES)
    world.apply(once())
    world.until(lambda w: sum(e.observed == "Completed" for e in w.executions.values()) == 2)
    world.add_deployment("halt", "Stop")
    world.until(completed("halt"))


@pytest.mark.row("status.results", "FleetDeployment.status.failures")
def test_what_a_rollout_came_to_stays_whatever_becomes_of_the_nodes() -> None:
    world = watched(4, fate=bad_on({"n01"}))
    world.apply(once(maxFailedNodesPercent=50))
    world.until(is_over)
    before = dict(world.deployments["app-v1"].status)
    assert (before["updatedNodes"], before["failedNodes"]) == (3, 1)
    assert [each["node"] for each in before["failures"]] == ["n01"]
    for name in ("n00", "n01"):
        world.remove_node(name)
    world.until(lambda w: status(w)["results"] == {"succeeded": 2, "failed": 0})
    world.settle(60)
    assert world.deployments["app-v1"].status == before


@pytest.mark.row("Suspend", "One-shot types")
def test_a_suspended_job_whose_pods_have_ended_is_stopped() -> None:
    world = fleet(4, fate=lambda *_: COMPLETES)
    world.apply(once())
    world.until(completed("app-v1"))
    world.apply({**once(), "suspend": True})
    world.until(lambda w: reason(w) == "Suspended")


@pytest.mark.row("Restart", "Waves")
def test_a_restart_that_is_made_again_under_its_name_begins_with_the_canary() -> None:
    world = on_v2()
    world.watchers.clear()  # they go by name, and the name comes again
    world.add_deployment("again", "Restart")
    world.until(completed("again"))
    world.settle(10)
    del world.deployments["again"]
    world.settle(5)
    begin = len(world.writes)
    world.add_deployment("again", "Restart")
    world.until(completed("again"))
    assert [each.wave for each in made_since(world, begin)] == [1, 2, 2, 3, 3]


@pytest.mark.row("Restart", "One-shot types")
def test_a_restart_does_not_inherit_the_failures_of_one_of_its_name() -> None:
    world = fleet(4, fate=lambda *_: COMPLETES)
    world.apply(once())
    world.until(completed("app-v1"))
    world.settle(10)
    world.fate = lambda *_: CRASHES
    world.add_deployment("again", "Restart")
    world.until(lambda w: w.deployment_state("again") == "Failed")
    world.settle(10)
    world.fate = lambda *_: COMPLETES
    del world.deployments["again"]
    world.settle(10)
    world.add_deployment("again", "Restart")
    world.until(completed("again"))


@pytest.mark.row("Rollback", "Restart")
def test_a_restart_that_fails_twice_under_one_name_is_taken_back_twice() -> None:
    world = on_v2()
    world.watchers.clear()
    bad(world, "app:3")
    world.apply(spec("app:3"))
    world.until(completed("app-v3-rollback"))
    for _ in range(2):
        world.deployments.pop("try", None)
        world.settle(5)
        world.add_deployment("try", "Restart", to_version=3)
        world.until(lambda w: w.deployment_state("try") == "Failed")
        world.until(lambda w: reason(w) == "RolledBack")
        assert set(world.live().values()) == {2}
    world.apply(spec("app:4"))
    world.until(completed("app-v4"))


@pytest.mark.row("Waiting")
def test_a_job_with_a_deadline_never_says_that_it_waits_without_a_limit() -> None:
    world = on_v2()
    said = [
        str(action.status["state"]["message"])
        for _, action in world.writes
        if isinstance(action, SetStatus) and action.kind == "FleetJob"
    ]
    assert any("judging" in each for each in said)
    assert not [each for each in said if "without a limit" in each]


@pytest.mark.row("Restart", "Fallback")
def test_what_a_failed_restart_has_tried_is_not_tried_on_where_nothing_is_stable() -> None:
    world = fleet(3, fate=lambda *_: CRASHES)
    world.apply(spec("app:1"))
    world.until(lambda w: "app-v1" in w.deployments)
    world.apply(spec("app:2"))  # takes the place of v1 before that has failed
    world.until(lambda w: w.deployment_state("app-v2") == "Failed")
    assert world.deployments["app-v1"].reason == "Superseded"
    world.add_deployment("try", "Restart", to_version=1)
    world.until(lambda w: w.deployment_state("try") == "Failed")
    begin = len(world.writes)
    world.settle(600)
    assert made_since(world, begin) == []


@pytest.mark.row("User deployments", "Versions")
def test_a_user_s_deployment_of_the_operator_s_name_is_no_rollout_of_the_version() -> None:
    world = on_v2()
    world.add_deployment("app-v3", "Restart")
    world.until(completed("app-v3"))
    world.advance(2)
    world.apply(spec("app:3"))
    world.settle(30)
    steps = [action for step in world.plan_now().steps for action in step.actions]
    tried = [action.name for action in steps if isinstance(action, CreateDeployment)]
    assert tried == ["app-v3"], "the API server refuses it, and the job says who is in the way"


@pytest.mark.row("Stop", "Rollback to a version")
def test_a_rollback_after_a_stop_does_not_start_what_was_stopped() -> None:
    world = on_v2()
    world.add_deployment("halt", "Stop")
    world.until(completed("halt"))
    world.settle(20)
    begin = len(world.writes)
    world.add_deployment("back", "Rollback", to_version=1)
    world.until(completed("back"))
    assert [each.version for each in made_since(world, begin)] == [1] * SIZE


@pytest.mark.row("Stop", "Fallback")
def test_a_changed_workload_after_a_stop_does_not_start_what_was_stopped() -> None:
    world = on_v2()
    world.add_deployment("halt", "Stop")
    world.until(completed("halt"))
    world.settle(20)
    begin = len(world.writes)
    world.apply(spec("app:3"))
    world.until(completed("app-v3"))
    assert [each.version for each in made_since(world, begin)] == [3] * SIZE
    assert made_by(world, "app-v3") == [1, 2, 2, 3, 3]


@pytest.mark.row("spec.timeouts.total", "Fallback")
def test_a_version_whose_time_is_over_is_not_started_again_before_the_next() -> None:
    world = fleet(4)
    world.apply({**spec("app:1"), "timeouts": {"total": "200s"}})
    world.until(completed("app-v1"))
    world.settle(300)
    world.apply({**spec("app:2"), "timeouts": {"total": "500s"}})
    world.until(completed("app-v2"))
    assert [each.version for each in made_since(world, 0)].count(1) == 4


def on(pool: str) -> dict[str, Any]:
    return {"selector": {"matchLabels": {"pool": pool}}}


@pytest.mark.row("Rollback to a version", "Versions")
def test_a_rollback_that_finds_no_node_holds_no_later_version() -> None:
    world = fleet(4)
    world.apply({**spec("app:1"), **on("edge")})
    world.until(completed("app-v1"))
    for name in world.nodes:
        world.change_node(name, labels={"pool": "b"})
    world.settle(60)
    world.apply({**spec("app:2"), **on("b")})
    world.until(completed("app-v2"))
    world.settle(10)
    world.add_deployment("back", "Rollback", to_version=1)
    world.settle(60)
    world.apply({**spec("app:3"), **on("b")})
    world.until(completed("app-v3"))


@pytest.mark.row("Leaving", "Stop")
def test_after_a_stop_that_was_canceled_nodes_leave_by_places() -> None:
    world = fleet(10)
    for number in (1, 2):
        world.apply({**spec(f"app:{number}"), **on("edge")})
        world.until(completed(f"app-v{number}"))
    world.advance(2)
    world.fate = lambda *_: HANGS
    world.add_deployment("halt", "Stop")
    world.pass_once()
    world.pass_once()
    world.change_deployment("halt", canceled=True)
    world.until(lambda w: w.deployment_state("halt") == "Canceled")
    world.fate = lambda *_: FINE
    world.settle(600)
    assert len(world.live()) == 10
    for name in list(world.nodes)[:8]:
        world.change_node(name, labels={"pool": "other"})
    world.pass_once()
    assert sum(pod.deletion is not None for pod in world.pods.values()) == 2


@pytest.mark.row("Stop", "Suspend")
@pytest.mark.parametrize(("kind", "to_version"), [("Restart", 0), ("Rollback", 1)])
def test_a_stop_behind_one_that_waits_for_suspend_starts_nothing(
    kind: str, to_version: int
) -> None:
    world = on_v2()
    world.apply({**spec("app:2"), "suspend": True})
    world.settle(20)
    world.add_deployment("waits", kind, to_version)
    world.settle(5)
    world.add_deployment("halt", "Stop")
    world.settle(20)
    begin = len(world.writes)
    world.apply(spec("app:2"))
    world.until(completed("halt"))
    assert not [action for _, action in world.writes[begin:] if isinstance(action, CreatePod)]
    assert world.deployments["waits"].reason == "Superseded"


@pytest.mark.row("Claim", "One open deployment")
def test_what_waits_for_a_pod_to_stop_is_replaced_without_ever_having_run() -> None:
    at_once = {"strategy": "Rolling", "maxParallel": SIZE}
    world = fleet(SIZE)
    world.watchers.append(Invariants(SIZE))
    world.apply(spec("app:1", **at_once))
    world.until(completed("app-v1"))
    world.fate = lambda *_: HANGS
    for number in (2, 3):
        world.apply(spec(f"app:{number}", **at_once))
        world.until(lambda w: set(w.live().values()) == {number})  # noqa: B023
    assert all(pod.deletion is not None for pod in world.pods.values()), "those of v1 still stop"
    begin = len(world.writes)
    world.fate = lambda *_: FINE
    world.until(completed("app-v3"))
    assert len([a for _, a in world.writes[begin:] if isinstance(a, CreatePod)]) == SIZE
    assert {"app:3"} == {world.images[pod.uid] for pod in world.pods.values()}


@pytest.mark.row("Suspend", "Rollback to a version")
def test_a_rollback_behind_suspend_goes_straight_to_its_version() -> None:
    world = on_v2()
    world.apply({**spec("app:2"), "suspend": True})
    world.settle(20)
    world.add_deployment("back", "Rollback", 1)
    world.settle(20)
    assert "begins when spec.suspend" in world.deployments["back"].status["message"]
    begin = len(world.writes)
    world.apply(spec("app:2"))
    world.until(completed("back"))
    world.settle(60)
    assert [each.version for each in made_since(world, begin)] == [1] * SIZE
    assert set(world.live().values()) == {1}


@pytest.mark.row("Suspend", "Rollback")
def test_an_automatic_rollback_behind_suspend_starts_nothing_that_it_takes_back() -> None:
    world = on_v2()
    world.apply(spec("app:3", maxFailedNodes=0))
    world.until(lambda w: any(e.version == 3 and e.stable_at for e in w.executions.values()))
    bad(world, "app:3")
    world.until(lambda w: "app-v3-rollback" in w.deployments)
    assert 3 in {each.version for each in world.executions.values() if each.stable_at}
    world.apply({**spec("app:3", maxFailedNodes=0), "suspend": True})
    world.until(lambda w: not w.live())
    assert not world.deployments["app-v3-rollback"].terminal
    begin = len(world.writes)
    world.apply(spec("app:3", maxFailedNodes=0))
    world.until(completed("app-v3-rollback"))
    assert {each.version for each in made_since(world, begin)} == {2}


@pytest.mark.row("Retention", "spec.revisionHistoryLimit")
def test_automatic_rollbacks_go_with_the_version_that_they_took_back() -> None:
    world = fleet(3)
    world.apply({**spec("app:1"), "revisionHistoryLimit": 1})
    world.until(completed("app-v1"))
    world.fate = lambda _node, image: FINE if image == "app:1" else ERRS
    for number in range(2, 9):
        world.advance(2)
        world.apply({**spec(f"app:{number}"), "revisionHistoryLimit": 1})
        world.until(completed(f"app-v{number}-rollback"))
        world.settle(20)
    assert sorted(world.deployments) == [
        "app-v1",
        "app-v7",
        "app-v7-rollback",
        "app-v8",
        "app-v8-rollback",
    ]
