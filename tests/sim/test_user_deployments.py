"""Restart, Rollback and Stop as users make them, and what holds after each."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from sim.invariants import Invariants
from sim.world import ERRS, FINE, Fate, World, fleet, spec
from wavegate.domain.actions import CreateExecution

SIZE = 5


def on_v2(**rollout: Any) -> World:
    """A world where v1 and then v2 became stable on every node."""
    world = fleet(SIZE)
    world.watchers.append(Invariants(2))
    for number in (1, 2):
        world.apply(spec(f"app:{number}", **rollout))
        world.until(lambda w: w.deployment_state(f"app-v{number}") == "Completed")  # noqa: B023
    world.advance(2)
    return world


def reason(world: World) -> str:
    assert world.job is not None
    return str(world.job.status["state"]["details"]["reason"])


def made_by(world: World, deployment: str) -> list[int]:
    """Waves of the executions that a deployment made."""
    return [
        action.wave
        for _, action in world.writes
        if isinstance(action, CreateExecution) and action.deployment == deployment
    ]


def bad(world: World, image: str, fate: Fate = ERRS) -> None:
    world.fate = lambda _node, running: fate if running == image else FINE


@pytest.mark.row("Restart")
def test_a_restart_makes_every_node_s_execution_anew_wave_by_wave() -> None:
    world = on_v2()
    before = {each.name for each in world.executions.values()}
    world.add_deployment("again", "Restart")
    world.until(lambda w: w.deployment_state("again") == "Completed")
    assert made_by(world, "again") == [1, 2, 2, 3, 3], "canary first, then waves of two"
    live = {each.name for each in world.executions.values() if not each.terminal}
    assert not live & before
    assert set(world.live().values()) == {2}
    world.settle(2)
    assert (world.state(), reason(world)) == ("Running", "Running")
    status = world.deployments["again"].status
    assert status["resolved"]["toVersion"] == 2
    assert (status["updatedNodes"], status["totalNodes"]) == (SIZE, SIZE)


@pytest.mark.row("Restart")
def test_a_node_that_was_away_is_restarted_once_it_is_back() -> None:
    world = on_v2()
    world.change_node("n03", ready=False)
    world.advance(1)
    world.add_deployment("again", "Restart")
    world.until(lambda w: w.deployment_state("again") == "Completed")
    world.change_node("n03", ready=True)
    world.until(lambda w: all(e.deployment == "again" for e in _newest(w)))
    world.settle(60)
    assert len(made_by(world, "again")) == SIZE


@pytest.mark.row("Restart")
def test_a_restart_to_a_failed_version_is_a_new_try_and_makes_it_stable() -> None:
    world = on_v2()
    bad(world, "app:3")
    world.apply(spec("app:3"))
    world.until(lambda w: w.deployment_state("app-v3-rollback") == "Completed")
    world.fate = lambda _node, _image: FINE
    world.settle(30)
    assert set(world.live().values()) == {2}, "nothing is tried again by itself"
    world.add_deployment("try", "Restart", to_version=3)
    world.until(lambda w: w.deployment_state("try") == "Completed")
    world.settle(5)
    assert set(world.live().values()) == {3}
    assert (world.state(), reason(world)) == ("Running", "Running")


@pytest.mark.row("Restart", "Rollback")
def test_a_restart_to_a_failed_version_that_fails_again_is_taken_back() -> None:
    world = on_v2()
    bad(world, "app:3")
    world.apply(spec("app:3"))
    world.until(lambda w: w.deployment_state("app-v3-rollback") == "Completed")
    world.add_deployment("try", "Restart", to_version=3)
    world.until(lambda w: w.deployment_state("try") == "Failed")
    world.until(lambda w: w.deployment_state("try-rollback") == "Completed")
    world.settle(5)
    assert set(world.live().values()) == {2}
    assert reason(world) == "RolledBack"


@pytest.mark.row("Rollback to a version")
def test_a_rollback_goes_back_by_places_and_holds_against_words() -> None:
    world = on_v2()
    world.add_deployment("back", "Rollback", to_version=1)
    world.until(lambda w: w.deployment_state("back") == "Completed")
    assert set(world.live().values()) == {1}
    world.apply({**spec("app:2"), "meta": {"note": "other words"}})
    world.settle(60)
    assert "app-v3" in world.versions
    assert "app-v3" not in world.deployments
    assert set(world.live().values()) == {1}
    assert (world.state(), reason(world)) == ("Running", "RolledBack")
    world.apply(spec("app:4"))
    world.until(lambda w: w.deployment_state("app-v4") == "Completed")
    assert set(world.live().values()) == {4}


@pytest.mark.row("Rollback to a version", "One open deployment")
def test_a_rollback_supersedes_an_open_rollout_and_goes_back_to_what_it_names() -> None:
    world = on_v2()
    world.apply(spec("app:3", autoPromote=False))
    world.until(lambda w: w.deployments.get("app-v3") is not None and 3 in w.live().values())
    world.advance(1)
    world.add_deployment("back", "Rollback", to_version=1)
    world.until(lambda w: w.deployment_state("back") == "Completed")
    world.settle(120)
    assert set(world.live().values()) == {1}
    assert world.deployments["app-v3"].reason == "Superseded"
    assert list(world.deployments) == ["app-v1", "app-v2", "app-v3", "back"]


@pytest.mark.row("Rollback to a version", "Targets")
def test_a_rollback_to_a_version_of_a_wider_selector_reaches_the_nodes_that_had_left() -> None:
    world = on_v2()
    world.apply({**spec("app:3"), "selector": {"matchIds": ["n00"]}})
    world.until(lambda w: w.live() == {"n00": 3})
    world.advance(1)
    world.add_deployment("back", "Rollback", to_version=1)
    world.until(lambda w: w.deployment_state("back") == "Completed")
    world.settle(60)
    assert world.live() == dict.fromkeys(world.nodes, 1)


@pytest.mark.row("Stop")
def test_a_stop_stops_everything_and_a_restart_starts_it_again() -> None:
    world = on_v2()
    world.add_deployment("halt", "Stop")
    world.until(lambda w: w.deployment_state("halt") == "Completed")
    world.settle(60)
    assert (world.pods, world.live()) == ({}, {})
    assert (world.state(), reason(world)) == ("Stopped", "Stopped")
    world.apply({**spec("app:2"), "meta": {"note": "other words"}})
    world.settle(60)
    assert not world.pods, "words start nothing"
    world.add_deployment("again", "Restart")
    world.until(lambda w: w.deployment_state("again") == "Completed")
    assert set(world.live().values()) == {2}
    assert len(world.live()) == SIZE


@pytest.mark.row("Stop", "One open deployment")
def test_a_stop_in_mid_rollout_supersedes_it_and_a_new_workload_ends_the_stop() -> None:
    world = on_v2()
    world.apply(spec("app:3"))
    world.until(lambda w: 3 in w.live().values())
    world.advance(1)
    world.add_deployment("halt", "Stop")
    world.until(lambda w: w.deployment_state("halt") == "Completed")
    assert not world.pods
    assert world.deployments["app-v3"].reason == "Superseded"
    world.advance(1)
    world.apply(spec("app:4"))
    world.until(lambda w: w.deployment_state("app-v4") == "Completed")
    assert set(world.live().values()) == {4}


@pytest.mark.row("Stop", "Absent")
def test_a_stop_waits_neither_for_a_node_that_is_gone_nor_for_one_that_is_away() -> None:
    world = on_v2()
    world.change_node("n01", ready=False)
    world.add_deployment("halt", "Stop")
    world.pass_once()
    world.remove_node("n02")
    world.until(lambda w: w.deployment_state("halt") == "Completed")
    assert world.deployments["halt"].reason == "Stopped"
    world.change_node("n01", ready=True)
    world.settle(30)
    assert world.live() == {}


@pytest.mark.row("User deployments")
def test_a_refused_one_says_why_and_changes_nothing() -> None:
    world = on_v2()
    world.add_deployment("wrong", "Rollback", to_version=9)
    before = world.live()
    world.settle(30)
    assert world.live() == before
    assert world.deployments["wrong"].reason == "VersionMissing"
    assert (world.state(), reason(world)) == ("Running", "Running")


@pytest.mark.row("User deployments", "Suspend")
def test_a_restart_of_a_suspended_job_waits_and_says_for_what() -> None:
    world = on_v2()
    world.apply({**spec("app:2"), "suspend": True})
    world.settle(20)
    world.add_deployment("again", "Restart")
    world.settle(20)
    assert (world.deployment_state("again"), world.deployments["again"].reason) == (
        "Pending",
        "Suspended",
    )
    world.apply(spec("app:2"))
    world.until(lambda w: w.deployment_state("again") == "Completed")


@pytest.mark.row("status.previousExecution", "status.nextExecution")
def test_the_chain_of_executions_on_a_node_has_no_gap() -> None:
    world = on_v2()
    bad(world, "app:3")
    world.apply(spec("app:3"))
    world.until(lambda w: w.deployment_state("app-v3-rollback") == "Completed")
    world.fate = lambda _node, _image: FINE
    world.add_deployment("halt", "Stop")
    world.until(lambda w: w.deployment_state("halt") == "Completed")
    world.add_deployment("again", "Restart")
    world.until(lambda w: w.deployment_state("again") == "Completed")
    world.settle(60)
    for each in world.executions.values():
        following = each.status.get("nextExecution")
        if following is not None and following in world.executions:
            assert world.executions[following].status["previousExecution"] == each.name
    for node in world.nodes:
        names = [e.name for e in sorted(_of(world, node), key=lambda e: e.attempt)]
        links = [(a, world.executions[a].status.get("nextExecution")) for a in names[:-1]]
        assert links == list(pairwise(names)), world.story()


@pytest.mark.row("Retention", "spec.revisionHistoryLimit")
def test_old_versions_go_and_what_is_needed_stays() -> None:
    world = fleet(3)
    world.watchers.append(Invariants(2))
    for number in range(1, 7):
        world.apply({**spec(f"app:{number}"), "revisionHistoryLimit": 1})
        name = f"app-v{number}"
        world.until(lambda w, name=name: w.deployment_state(name) == "Completed")
        world.settle(10)
    # v6 runs, v5 is what its executions replaced, and one more is kept.
    assert sorted(world.versions) == ["app-v4", "app-v5", "app-v6"]
    assert sorted(world.deployments) == ["app-v4", "app-v5", "app-v6"]
    world.add_deployment("back", "Rollback", to_version=4)
    world.until(lambda w: w.deployment_state("back") == "Completed")
    assert set(world.live().values()) == {4}


def _of(world: World, node: str) -> list[Any]:
    return [each for each in world.executions.values() if each.node == node]


def _newest(world: World) -> list[Any]:
    return [max(_of(world, node), key=lambda e: e.attempt) for node in world.nodes]
