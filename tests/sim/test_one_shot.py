"""Jobs that run to completion, from the first apply to their end and beyond."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.invariants import Invariants
from sim.world import COMPLETES, CRASHES, NEVER_READY, RUNS_ON, Fate, World, fleet, once
from wavegate.domain.actions import Action, CreateDeployment, CreateExecution


class OneShotInvariants:
    """At most ``at_once`` at work; at most one good run a node, version and deployment."""

    def __init__(self, at_once: int | None) -> None:
        self.at_once = at_once

    def __call__(self, world: World, action: Action) -> None:
        assert not (isinstance(action, CreateDeployment) and action.type == "Rollback")
        live = [each for each in world.executions.values() if not each.terminal]
        at_work = {each.node for each in live if each.node in world.nodes}
        assert self.at_once is None or len(at_work) <= self.at_once, world.story()
        good = Counter(
            (each.node_uid, each.version, each.deployment)
            for each in world.executions.values()
            if each.observed == "Completed"
        )
        assert all(runs == 1 for runs in good.values()), world.story()


def watched(size: int, at_once: int | None = 1, fate: Any = lambda *_: COMPLETES) -> World:
    world = fleet(size, fate=fate)
    world.watchers += [Invariants(None), OneShotInvariants(at_once)]
    return world


def bad_on(nodes: set[str], fate: Fate = CRASHES) -> Any:
    return lambda node, _image: fate if node in nodes else COMPLETES


def runs(world: World, version: int) -> list[str]:
    """Nodes on which the version was begun, in order."""
    return [
        action.node
        for _, action in world.writes
        if isinstance(action, CreateExecution) and action.version == version
    ]


def status(world: World) -> Any:
    assert world.job is not None
    return world.job.status


def ready(world: World) -> tuple[str, str]:
    found = next(c for c in status(world)["conditions"] if c["type"] == "Ready")
    return found["status"], found["reason"]


def is_over(world: World) -> bool:
    return world.state() in ("Completed", "Failed")


@pytest.mark.row("spec.type", "One-shot types")
def test_a_query_runs_once_on_each_node_one_after_the_other() -> None:
    world = watched(5)
    world.apply(once())
    world.until(is_over)
    assert sorted(runs(world, 1)) == sorted(world.nodes)
    assert world.deployments["app-v1"].reason == "Completed"
    assert world.versions["app-v1"].stable
    assert ready(world) == ("True", "Completed")
    before = len(world.writes)
    world.pass_by(7200, step=30)
    assert len(world.writes) == before, "nothing runs again by itself"


@pytest.mark.row("status.result", "status.results")
def test_each_nodes_result_is_kept_and_the_job_sums_them_up() -> None:
    world = watched(4, fate=bad_on({"n01"}))
    world.apply(once(maxFailedNodesPercent=50))
    world.until(is_over)
    results = {each.node: each.status["result"] for each in world.executions.values()}
    assert results["n00"] == {"exitCode": 0, "message": "as asked"}
    assert results["n01"] == {"exitCode": 1, "message": "boom"}
    summary = status(world)["results"]
    assert (summary["succeeded"], summary["failed"]) == (3, 1)
    (failure,) = summary["failures"]
    assert (failure["node"], failure["reason"], failure["exitCode"]) == ("n01", "Exited", 1)
    assert "boom" in failure["message"]


@pytest.mark.row("One-shot types")
def test_failures_within_the_budget_complete_it_and_are_named() -> None:
    world = watched(4, fate=bad_on({"n01"}))
    world.apply(once(maxFailedNodes=1, maxFailedNodesPercent=50))
    world.until(is_over)
    deployment = world.deployments["app-v1"]
    assert (deployment.state, deployment.reason) == ("Completed", "CompletedWithFailures")
    assert (world.state(), *ready(world)) == ("Completed", "True", "CompletedWithFailures")
    assert "n01" in status(world)["state"]["message"]
    world.settle(1200)
    assert Counter(runs(world, 1))["n01"] == 1, "a failed node is not tried again by itself"


@pytest.mark.row("One-shot types")
def test_beyond_the_budget_it_fails_takes_no_further_node_and_never_goes_back() -> None:
    world = watched(6)
    world.apply(once("app:1"))
    world.until(is_over)
    world.fate = bad_on(set(world.nodes))
    world.apply(once("app:2", maxFailedNodes=1, maxFailedNodesPercent=100))
    world.until(lambda w: w.deployment_state("app-v2") == "Failed")
    world.settle(600)
    assert len(runs(world, 2)) == 2
    assert (world.state(), *ready(world)) == ("Failed", "False", "BudgetExceeded")
    assert len(runs(world, 1)) == 6, "no fallback"


@pytest.mark.row("One-shot types")
def test_a_canary_gates_it() -> None:
    world = watched(4, at_once=3, fate=bad_on(set(), CRASHES))
    world.apply(once(strategy="Canary", canaryCount=1, maxParallel=3))
    world.until(lambda w: w.deployment_state("app-v1") == "Paused")
    assert world.deployments["app-v1"].reason == "AwaitingPromotion"
    assert len(runs(world, 1)) == 1
    world.change_deployment("app-v1", promoted=True)
    world.until(is_over)
    assert len(runs(world, 1)) == 4


def test_a_canary_that_fails_ends_it() -> None:
    world = watched(4, at_once=3, fate=bad_on({f"n{n:02}" for n in range(4)}))
    world.apply(once(strategy="Canary", maxParallel=3))
    world.until(lambda w: w.state() == "Failed")
    assert world.deployments["app-v1"].reason == "CanaryFailed"
    assert len(runs(world, 1)) == 1


@pytest.mark.row("Joiner")
def test_a_joiner_gets_the_wanted_version_itself_once_the_rollout_completed() -> None:
    world = watched(3)
    world.apply(once("app:1"))
    world.until(is_over)
    world.apply(once("app:2"))
    world.until(lambda w: len(runs(w, 2)) == 1)
    world.add_node("n90")
    world.until(lambda w: w.deployment_state("app-v2") == "Completed")
    world.until(lambda w: status(w)["results"]["succeeded"] == 4)
    assert "n90" not in runs(world, 1), "not the version that was stable when it came"
    assert runs(world, 2)[-1] == "n90", "in its turn: after those that were there"


@pytest.mark.row("Joiner")
def test_a_node_that_was_away_is_caught_up_one_at_a_time() -> None:
    world = watched(6)
    world.apply(once("app:1"))
    world.until(is_over)
    for name in ("n03", "n04", "n05"):
        world.change_node(name, ready=False)
    world.apply(once("app:2"))
    world.until(lambda w: w.deployment_state("app-v2") == "Completed")
    assert len(runs(world, 2)) == 3
    for name in ("n03", "n04", "n05"):
        world.change_node(name, ready=True)
    world.until(lambda w: status(w)["results"]["succeeded"] == 6)
    assert sorted(runs(world, 2)) == sorted(world.nodes)


@pytest.mark.row("spec.suspend")
def test_what_was_stopped_by_suspension_runs_again() -> None:
    world = watched(3)
    world.apply(once())
    world.until(lambda w: bool(w.pods))
    world.apply({**once(), "suspend": True})
    world.until(lambda w: w.state() == "Stopped" and not w.pods)
    world.apply(once())
    world.until(is_over)
    assert status(world)["results"] == {"succeeded": 3, "failed": 0}


@pytest.mark.row("spec.rollout.healthCheck.deadline")
def test_a_command_that_does_not_end_by_its_deadline_has_failed() -> None:
    world = watched(2, fate=lambda *_: RUNS_ON)
    world.apply(once(healthCheck={"deadline": "1m"}, maxFailedNodes=0))
    world.until(lambda w: w.state() == "Failed")
    (failure,) = status(world)["results"]["failures"]
    assert failure["reason"] == "DeadlineExceeded"
    assert "still runs" in failure["message"]


def test_a_command_without_a_deadline_may_take_its_time() -> None:
    world = watched(2, fate=lambda *_: Fate(completes_after=4000.0))
    world.apply(once())
    world.until(is_over, seconds=9000)
    assert status(world)["results"] == {"succeeded": 2, "failed": 0}


def test_one_that_never_starts_is_a_failure_all_the_same() -> None:
    world = watched(2, fate=lambda *_: NEVER_READY)
    world.apply(once(maxFailedNodes=0))
    world.until(lambda w: w.state() == "Failed")


def test_the_same_workload_in_other_words_is_up_to_date() -> None:
    world = watched(3)
    world.apply(once())
    world.until(is_over)
    world.apply({**once(), "meta": {"note": "again"}})
    world.until(lambda w: w.deployment_state("app-v2") == "Completed")
    assert len(runs(world, 1)) == 3
    assert runs(world, 2) == []


@pytest.mark.row("spec.config")
def test_a_directory_that_is_taken_back_is_out_of_reach_at_once() -> None:
    world = watched(2)
    world.settings = replace(world.settings, config_directories=("/etc/app",))
    files = {"files": [{"path": "/etc/app/a", "content": "x"}]}
    world.apply({**once(job_type="config"), "config": files})
    world.until(is_over)
    world.settings = replace(world.settings, config_directories=("/etc/other",))
    world.settle(60)
    assert ready(world) == ("True", "Completed"), "nothing is to be written"
    world.add_node("n90")
    world.until(lambda w: ready(w)[1] == "TemplateRefused")
    world.settle(120)
    assert "n90" not in runs(world, 1)
    assert "/etc/app/a" in status(world)["state"]["message"]
    world.settings = replace(world.settings, config_directories=("/etc/app",))
    world.until(lambda w: status(w)["results"]["succeeded"] == 3)


@pytest.mark.row("Conditions")
def test_a_rollout_says_what_stands_in_its_way() -> None:
    world = watched(2)
    world.apply({**once(job_type="config"), "config": {"files": [{"path": "/a/b", "content": ""}]}})
    world.settle(10)
    assert ready(world) == ("False", "TemplateRefused")
    said = world.deployments["app-v1"].status["message"]
    assert "0 of 2 nodes updated; spec.config.files: the administrator allowed no" in said


@pytest.mark.row("Claim")
def test_an_ended_pod_in_the_way_of_the_next_version_goes_also_after_a_crash() -> None:
    def claims(world: World) -> list[Action]:
        steps = [step.actions[0] for step in world.plan_now().steps]
        return [action for action in steps if isinstance(action, CreateExecution)]

    world = watched(1)
    world.apply(once("app:1"))
    world.until(is_over)
    world.apply(once("app:2"))
    world.until(lambda w: bool(claims(w)))
    world.write(claims(world)[0])
    world.crash()
    (left,) = world.pods.values()
    assert left.phase == "Succeeded"
    world.until(lambda w: w.deployment_state("app-v2") == "Completed", seconds=120)


@pytest.mark.row("Restart", "One-shot types")
def test_a_restart_runs_it_again_on_every_node_also_where_it_had_failed() -> None:
    world = watched(4, fate=bad_on({"n01"}))
    world.apply(once(maxFailedNodesPercent=50))
    world.until(is_over)
    world.fate = bad_on(set())
    world.advance(2)
    world.change_node("n03", ready=False)
    world.add_deployment("again", "Restart")
    world.until(lambda w: w.deployment_state("again") == "Completed")
    assert sorted(runs(world, 1)) == ["n00", "n00", "n01", "n01", "n02", "n02", "n03"]
    world.change_node("n03", ready=True)
    world.until(lambda w: runs(w, 1).count("n03") == 2)
    world.until(lambda w: status(w)["results"] == {"succeeded": 4, "failed": 0})
    world.settle(600)
    assert len(runs(world, 1)) == 8


@pytest.mark.row("Rollback", "One-shot types")
def test_a_rollback_asked_for_is_refused_and_says_what_to_do() -> None:
    world = watched(3)
    for image in ("app:1", "app:2"):
        world.apply(once(image))
        world.until(lambda w: is_over(w) and w.job.status["results"]["succeeded"] == 3)  # type: ignore[union-attr]
        world.settle(5)
    world.add_deployment("back", "Rollback", 1)
    world.until(lambda w: w.deployment_state("back") == "Failed")
    assert world.deployments["back"].reason == "OneShotType"
    assert "Restart" in world.deployments["back"].status["message"]
    world.settle(120)
    assert (len(runs(world, 1)), len(runs(world, 2))) == (3, 3)


@pytest.mark.row("Stop", "One-shot types")
def test_a_stop_ends_what_runs_and_a_restart_runs_everything() -> None:
    world = watched(3, fate=lambda *_: Fate(completes_after=20.0))
    world.apply(once())
    world.until(lambda w: bool(w.pods))
    world.add_deployment("halt", "Stop")
    world.until(lambda w: w.deployment_state("halt") == "Completed")
    assert not world.pods
    world.settle(120)
    assert len(runs(world, 1)) == 1
    world.add_deployment("again", "Restart", 1)
    world.until(is_over)
    assert status(world)["results"] == {"succeeded": 3, "failed": 0}


@pytest.mark.row("Blame", "Absent", "One-shot types")
def test_a_node_that_went_away_at_work_gives_its_turn_to_the_next_and_runs_it_once_back() -> None:
    world = watched(3, fate=lambda *_: Fate(completes_after=60.0))
    world.settings = replace(world.settings, lost_after=300.0)
    world.apply(once(maxFailedNodes=0))
    world.until(lambda w: any(each.pod_uid for each in w.executions.values()))
    (lost,) = runs(world, 1)
    world.evict(lost)
    world.change_node(lost, ready=False)
    world.pass_by(250)
    assert runs(world, 1) == [lost], "it may still be at work"
    world.until(lambda w: w.deployment_state("app-v1") == "Completed", seconds=900)
    assert status(world)["results"] == {"succeeded": 2, "failed": 0}
    (left,) = [each for each in world.executions.values() if each.node == lost]
    assert (left.observed, left.details["withdrawn"]) == ("Stopped", "Disrupted")
    world.change_node(lost, ready=True)
    world.until(lambda w: status(w)["results"] == {"succeeded": 3, "failed": 0})
    assert runs(world, 1).count(lost) == 2


@pytest.mark.row("Occupied", "Places", "One-shot types")
def test_a_node_whose_pod_does_not_stop_keeps_its_turn_and_the_job_names_it() -> None:
    world = watched(2, fate=lambda _, image: Fate(stops=False) if image == "app:1" else COMPLETES)
    world.apply(once("app:1"))
    world.until(lambda w: bool(w.pods))
    (stuck,) = runs(world, 1)
    world.settle(5)
    world.apply(once("app:2"))
    world.until(lambda w: runs(w, 2) == [stuck])
    world.settle(900)
    assert runs(world, 2) == [stuck], "what does not stop may still be at work"
    assert f"leaves out {stuck}" in status(world)["state"]["message"]
    world.remove_pod(next(iter(world.pods)))
    world.until(is_over)
    assert status(world)["results"] == {"succeeded": 2, "failed": 0}


@pytest.mark.row("spec.timeouts.execution", "One-shot types")
def test_a_command_that_runs_longer_than_one_may_has_failed_and_is_not_tried_again() -> None:
    world = watched(2, fate=lambda *_: RUNS_ON)
    world.apply({**once(maxFailedNodes=0), "timeouts": {"execution": "1m"}})
    world.until(lambda w: w.state() == "Failed")
    (failure,) = status(world)["results"]["failures"]
    assert failure["reason"] == "ExecutionTimeout"
    world.settle(600)
    assert len(runs(world, 1)) == 1


@pytest.mark.row("spec.timeouts.total", "One-shot types")
def test_what_has_ended_in_its_time_stays_so_and_no_joiner_gets_it_after_that() -> None:
    world = watched(3, fate=bad_on({"n01"}))
    budget = {"maxFailedNodes": 1, "maxFailedNodesPercent": 50}
    world.apply({**once(**budget), "timeouts": {"total": "10m"}})
    world.until(is_over)
    world.pass_by(700)
    assert (world.state(), *ready(world)) == ("Completed", "True", "CompletedWithFailures")
    world.add_node("n90")
    world.settle(5)
    before = len(world.writes)
    world.pass_by(1200)
    assert "n90" not in runs(world, 1)
    assert len(world.writes) == before, world.story()


@pytest.mark.row("spec.timeouts.total", "One-shot types")
def test_a_rollout_that_takes_longer_than_the_version_may_is_stopped_for_good() -> None:
    world = watched(3, fate=lambda *_: RUNS_ON)
    world.apply({**once(), "timeouts": {"total": "10m"}})
    world.until(lambda w: w.state() == "Failed")
    assert ready(world) == ("False", "TotalTimeout")
    world.until(lambda w: not w.pods, seconds=60)
    world.pass_by(1200)
    assert len(runs(world, 1)) == 1


_EVENTS = st.lists(
    st.tuples(
        st.sampled_from(
            ("evict", "remove_pod", "cordon", "away", "back", "leave", "join", "crash", "apply")
        ),
        st.integers(0, 5),
        st.sampled_from((0, 1, 2, 5, 20)),
    ),
    max_size=10,
)


@given(events=_EVENTS, bad=st.frozensets(st.integers(0, 5), max_size=2))
def test_under_churn_every_rollout_ends_and_never_two_are_at_work(
    events: list[tuple[str, int, int]], bad: frozenset[int]
) -> None:
    budget = {"maxFailedNodes": 6, "maxFailedNodesPercent": 100}
    world = watched(5, fate=bad_on({f"n{number:02}" for number in bad}))
    world.apply(once(**budget))
    version = 1
    for what, number, seconds in events:
        name = f"n{number:02}"
        pods = sorted(each.name for each in world.pods.values() if each.node == name)
        if what == "join" and name not in world.nodes:
            world.add_node(name)
        elif what == "apply":
            version += 1
            world.apply(once(f"app:{version}", **budget))
        elif what == "crash":
            world.pass_once(lose_after=number)
        elif what == "evict" and pods:
            world.change_pod(
                pods[0], phase="Failed", ready=False, disruption="EvictionByEvictionAPI"
            )
        elif what == "remove_pod" and pods:
            world.remove_pod(pods[0])
        elif name in world.nodes and what in _CHANGES:
            world.change_node(name, **_CHANGES[what])
        elif name in world.nodes and what == "leave":
            world.remove_node(name)
        world.pass_by(seconds)
    for name in world.nodes:
        world.change_node(name, ready=True, unschedulable=False)
    world.pass_by(4000)
    newest = max(each.to_version for each in world.deployments.values())
    if not world.nodes:
        return
    ended = world.deployments[f"app-v{newest}"]
    assert ended.terminal, world.story()
    if ended.state == "Completed":
        claims = {each.node for each in world.executions.values() if each.version == newest}
        assert claims >= set(world.nodes), world.story()


_CHANGES = {
    "cordon": {"unschedulable": True},
    "away": {"ready": False},
    "back": {"ready": True, "unschedulable": False},
}
