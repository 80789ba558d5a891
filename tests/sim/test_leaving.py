"""Nodes that a selector no longer matches: they run on, and then stop by places."""

from __future__ import annotations

from typing import Any

import pytest

from sim.story import finds_an_end, give, job_message, job_reason, settled_on_v1, taken
from sim.world import HANGS, World, spec


def narrowed(image: str, *nodes: str, **rollout: Any) -> dict[str, Any]:
    """The job, selecting only these nodes."""
    return {**spec(image, **rollout), "selector": {"matchIds": list(nodes)}}


def going(world: World) -> list[str]:
    return sorted(pod.node for pod in world.pods.values() if pod.deletion is not None)


def down(world: World) -> list[str]:
    """Nodes that ran the job and do not now: what stops, and what is not stable yet."""
    running = {pod.node for pod in world.pods.values() if pod.ready and pod.deletion is None}
    waits = {
        each.node
        for each in world.executions.values()
        if not each.terminal and not each.stable_at and each.node not in running
    }
    return sorted(waits | set(going(world)))


@pytest.mark.row("Leaving")
def test_nodes_outside_a_narrowed_selector_run_on_until_the_rollout_completed() -> None:
    world = settled_on_v1(6)
    world.apply(narrowed("app:2", "n00", "n01"))
    while world.deployment_state("app-v2") != "Completed":
        outside = {pod.node for pod in world.pods.values() if pod.node not in ("n00", "n01")}
        assert len(outside) == 4, world.story()
        world.pass_once()
        world.advance(1.0)
    world.until(lambda w: w.live() == {"n00": 2, "n01": 2}, seconds=60)
    reasons = {e.details["reason"] for e in world.executions.values() if e.node == "n05"}
    assert reasons == {"NoLongerMatches"}


@pytest.mark.row("Leaving", "Places")
def test_they_stop_at_most_as_many_at_a_time_as_the_wave_size() -> None:
    world = settled_on_v1(8)
    world.apply(narrowed("app:2", "n00"))
    world.until(lambda w: w.deployment_state("app-v2") == "Completed")
    most = 0
    while len(world.live()) > 1:
        world.pass_once()
        most = max(most, len(going(world)))
        world.advance(1.0)
    assert most == 1, "a wave of one target is one node"
    world = settled_on_v1(9)
    world.apply(narrowed("app:2", "n00", "n01", "n02"))
    world.until(lambda w: w.deployment_state("app-v2") == "Completed")
    while len(world.live()) > 3:
        world.pass_once()
        most = max(most, len(going(world)))
        world.advance(1.0)
    assert most == 2


@pytest.mark.row("Leaving")
def test_immediate_has_no_places_and_stops_them_all_at_once() -> None:
    settings: dict[str, Any] = {"strategy": "Immediate", "healthCheck": None, "autoPromote": None}
    world = settled_on_v1(6, None, **settings)
    world.apply(narrowed("app:2", "n00", **settings))
    world.until(lambda w: w.deployment_state("app-v2") == "Completed")
    world.until(lambda w: bool(going(w)), seconds=10)
    assert len(going(world)) == 5


@pytest.mark.row("Leaving", "Places")
def test_nodes_relabelled_out_in_a_rollout_stop_by_the_places_that_it_leaves() -> None:
    world = settled_on_v1(8)
    world.apply({**spec("app:2"), "selector": {"matchLabels": {"pool": "edge"}}})
    world.until(lambda w: w.deployment_state("app-v2") == "Completed")
    world.apply({**spec("app:3"), "selector": {"matchLabels": {"pool": "edge"}}})
    world.until(lambda w: len(taken(w, "app-v3", 2)) == 2)
    for name in ("n00", "n01", "n02", "n03"):
        world.change_node(name, labels={"pool": "other"})
    together = 0
    while world.deployment_state("app-v3") != "Completed" or len(world.live()) > 4:
        world.pass_once()
        assert len(down(world)) <= 2, world.story()
        together += bool(going(world)) and len(down(world)) == 2
        world.advance(1.0)
        assert world.now < world.job_created + 900, world.story()
    assert together, "what leaves and what is replaced share the places"


@pytest.mark.row("Leaving", "Occupied")
def test_a_pod_that_does_not_stop_holds_its_place_for_its_grace_and_a_minute() -> None:
    world = settled_on_v1(4)
    give(world, "app:1", HANGS)
    world.apply(narrowed("app:2", "n03"))
    give(world, "app:1", HANGS, "n00", "n01", "n02")
    world.until(lambda w: w.deployment_state("app-v2") == "Completed")
    world.until(lambda w: len(going(w)) == 1)
    first = world.now
    world.until(lambda w: len(going(w)) == 2)
    assert 60 <= world.now - first <= 66
    world.until(lambda w: len(going(w)) == 3)
    assert len(world.pods) == 4, "nothing is deleted by force"


@pytest.mark.row("Leaving")
def test_a_node_that_is_relabelled_back_gets_the_stable_version_again() -> None:
    world = settled_on_v1(3)
    labelled = {**spec("app:2"), "selector": {"matchLabels": {"pool": "edge"}}}
    world.apply(labelled)
    finds_an_end(world, "Completed")
    world.change_node("n01", labels={"pool": "other"})
    world.until(lambda w: "n01" not in w.live())
    world.settle(60)
    assert world.state() == "Running"
    world.change_node("n01", labels={"pool": "edge"})
    world.until(lambda w: w.live().get("n01") == 2)


@pytest.mark.row("Suspend")
def test_while_a_suspended_job_stops_it_says_which_nodes_and_until_when() -> None:
    world = settled_on_v1(3)
    world.apply({**spec("app:1"), "suspend": True})
    world.pass_once()
    assert len(going(world)) == 3, "all at once"
    world.pass_once()
    assert job_reason(world) == "Stopping"
    assert "n00 and 2 more still stop, by 20" in job_message(world)
    world.settle(10)
    assert job_reason(world) == "Suspended"
