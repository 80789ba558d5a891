"""Jobs of type update that cordon their node: it is opened again whatever happens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.invariants import Invariants
from sim.world import COMPLETES, CRASHES, Fate, World, fleet, once
from wavegate.domain.actions import Action, CordonNode, CreatePod, Step, UncordonNode

pytestmark = pytest.mark.row("spec.config", "Cordon")


def update(image: str = "app:1", **rollout: Any) -> dict[str, Any]:
    """An update that cordons, with the strategy and size that are its type's defaults."""
    rollout = {"strategy": None, "maxParallel": None, "maxFailedNodesPercent": 100, **rollout}
    config = {"config": {"command": ["update"], "cordon": True}}
    return {**once(image, "update", **rollout), **config}


class CordonInvariants:
    """Pods are made on cordoned nodes alone, one at a time; others' cordons stay."""

    def __init__(self) -> None:
        self.others: set[str] = set()

    def __call__(self, world: World, action: Action) -> None:
        ours = [name for name, node in world.nodes.items() if node.cordoned_by is not None]
        assert len(ours) <= 1, f"{ours}\n{world.story()}"
        if isinstance(action, CreatePod):
            assert action.node in (*ours, *self.others), f"{action.node} is open\n{world.story()}"
        if isinstance(action, CordonNode):
            self.others.discard(action.node)
        for name in self.others & set(world.nodes):
            assert world.nodes[name].unschedulable, f"{name} was opened\n{world.story()}"


def watched(size: int, fate: Any = lambda *_: COMPLETES) -> World:
    world = fleet(size, fate=fate)
    world.watchers += [Invariants(None), CordonInvariants()]
    return world


def closed(world: World) -> list[str]:
    return sorted(name for name, node in world.nodes.items() if node.unschedulable)


def at_work(world: World) -> bool:
    return bool(closed(world)) and any(each.ready for each in world.pods.values())


def test_an_update_takes_one_node_at_a_time_and_opens_each() -> None:
    world = watched(4)
    world.apply(update())
    world.until(lambda w: w.state() == "Completed")
    assert closed(world) == []
    cordoned = [action.node for _, action in world.writes if isinstance(action, CordonNode)]
    assert sorted(cordoned) == sorted(world.nodes)
    withdrawn = [each.name for each in world.executions.values() if each.withdrawn]
    assert withdrawn == [], "its own cordon withdraws nothing"
    waves = {each.wave for each in world.executions.values()}
    assert waves == {1, 2, 3, 4}


def test_a_node_on_which_it_failed_is_opened_too() -> None:
    world = watched(3, fate=lambda *_: CRASHES)
    world.apply(update(maxFailedNodes=0))
    world.until(lambda w: w.state() == "Failed")
    world.settle(20)
    assert closed(world) == []


def test_one_that_is_suspended_or_canceled_opens_its_node() -> None:
    world = watched(3, fate=lambda *_: Fate(completes_after=50.0))
    world.apply(update())
    world.until(at_work)
    world.apply({**update(), "suspend": True})
    world.until(lambda w: w.state() == "Stopped" and not closed(w))
    world.apply(update())
    world.until(at_work)
    world.change_deployment("app-v1", canceled=True)
    world.until(lambda w: not closed(w))
    ended = [each for each in world.executions.values() if each.observed == "Completed"]
    assert len(ended) == 1, "cancel lets it end"


def test_a_deleted_job_opens_its_node_once_its_pod_is_gone() -> None:
    world = watched(3, fate=lambda *_: Fate(completes_after=500.0))
    world.apply(update())
    world.until(at_work)
    assert world.job is not None
    world.job = replace(world.job, deleting=True)
    world.pass_once()
    assert len(closed(world)) == 1, "its pod still stops"
    world.settle(20)
    assert closed(world) == []


@pytest.mark.parametrize("uid", ["", "another"], ids=["gone", "made again"])
def test_a_job_that_is_gone_or_made_again_opens_its_node(uid: str) -> None:
    world = watched(3, fate=lambda *_: Fate(completes_after=500.0))
    world.apply(update())
    world.until(at_work)
    assert world.job is not None
    world.executions.clear()
    world.pods.clear()
    world.versions.clear()
    world.deployments.clear()
    world.job = replace(world.job, uid=uid, deleting=not uid, status={})
    world.watchers.clear()
    before = closed(world)
    world.pass_once()
    assert len(before) == 1
    assert before[0] not in closed(world)


def test_a_cordon_without_an_execution_is_undone_where_nothing_is_to_be_made() -> None:
    world = watched(3)
    world.apply(update())
    world.until(lambda w: bool(_cordoning(w)))
    first = _cordoning(world)[0].actions[0]
    world.write(first)
    world.crash()
    assert closed(world)
    world.change_deployment("app-v1", paused=True)
    world.until(lambda w: not closed(w))
    assert not world.executions


def _cordoning(world: World) -> list[Step]:
    """The steps of a pass now that cordon."""
    steps = world.plan_now().steps
    return [step for step in steps if isinstance(step.actions[0], CordonNode)]


def test_a_cordon_without_an_execution_is_taken_up_where_the_rollout_goes_on() -> None:
    world = watched(1)
    world.apply(update())
    world.until(lambda w: bool(_cordoning(w)))
    world.write(_cordoning(world)[0].actions[0])
    world.until(lambda w: w.state() == "Completed")
    opened = [action for _, action in world.writes if isinstance(action, UncordonNode)]
    assert len(opened) == 1, "not in between"
    assert closed(world) == []


def test_a_node_that_somebody_else_cordoned_is_left_alone() -> None:
    world = watched(3)
    world.watchers[1].others.add("n01")  # type: ignore[attr-defined]
    world.change_node("n01", unschedulable=True)
    world.apply(update())
    world.until(lambda w: w.state() == "Completed")
    world.settle(60)
    assert closed(world) == ["n01"]
    assert {each.node for each in world.executions.values()} == {"n00", "n02"}


def test_without_the_right_it_waits_and_fails_no_node() -> None:
    world = watched(2)
    world.may_not_cordon = True
    world.apply(update(maxFailedNodes=0, healthCheck={"deadline": "1m"}))
    world.settle(3600, step=10)
    assert not world.executions
    assert world.deployment_state("app-v1") == "InProgress"
    world.may_not_cordon = False
    world.until(lambda w: w.state() == "Completed")


def test_a_next_version_without_cordon_finds_an_open_node() -> None:
    world = watched(2, fate=lambda _, image: COMPLETES if image == "app:2" else Fate())
    world.apply(update())
    world.until(at_work)
    world.watchers.clear()
    world.apply({**update("app:2"), "config": {"command": ["update"]}})
    world.until(lambda w: w.state() == "Completed")
    assert closed(world) == []


@given(
    losses=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4)), max_size=12),
    fates=st.lists(st.sampled_from([COMPLETES, CRASHES]), min_size=3, max_size=3),
    deletes=st.booleans(),
)
def test_whatever_crashes_no_node_stays_closed(
    losses: list[tuple[int, int]], fates: list[Fate], deletes: bool
) -> None:
    world = watched(3, fate=lambda node, _: fates[int(node[1:])])
    world.apply(update())
    world.pass_by(3)
    for lost, seconds in losses:
        world.pass_once(lose_after=lost)
        world.pass_by(seconds)
    if deletes:
        assert world.job is not None
        world.job = replace(world.job, deleting=True)
        world.settle(10)
    else:
        world.until(lambda w: w.state() in ("Completed", "Failed"))
        world.settle(10)
    assert closed(world) == [], world.story()
