"""Images pulled before their turn, through whole rollouts on a simulated fleet."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sim.invariants import Invariants
from sim.world import CRASHES, FINE, START, Fate, World, fleet, spec
from wavegate.domain.actions import (
    Action,
    CreateExecution,
    CreatePull,
    DeletePod,
    Plan,
    SetStatus,
)
from wavegate.domain.observed import Refusal
from wavegate.domain.plan import plan

pytestmark = pytest.mark.row("Pre-pull")


def pre_pull(image: str, **rollout: Any) -> dict[str, Any]:
    return spec(image, **{"prePull": True, "maxParallel": 3, **rollout})


def fine_but(image: str, fate: Fate) -> World:
    return fleet(7, fate=lambda _node, at: fate if at == image else FINE)


class Pulls:
    """What was pulled, and the most at once; a watcher of a world."""

    def __init__(self, world: World) -> None:
        self.made: dict[str, float] = {}
        """By node, when."""
        self.claimed: dict[str, float] = {}
        self.most = 0
        world.watchers += [Invariants(3), self]

    def __call__(self, world: World, action: Action) -> None:
        self.most = max(self.most, len(world.pulls))
        if isinstance(action, CreatePull):
            self.made[action.node] = world.now
        elif isinstance(action, CreateExecution):
            self.claimed[action.node] = world.now


def updating(world: World, **rollout: Any) -> Pulls:
    """v1 runs everywhere, and v2 has just been applied."""
    world.apply(spec("app:1", strategy="Immediate", healthCheck=None, autoPromote=None))
    world.until(lambda w: w.deployment_state("app-v1") == "Completed")
    pulls = Pulls(world)
    world.apply(pre_pull("app:2", **rollout))
    return pulls


def pulled_by(world: World) -> World:
    """When the first wave of v2 is judged and the next one's images are pulled."""
    world.until(lambda w: len(w.pulls) == 3)
    return world


def test_each_wave_but_the_first_has_its_images_before_its_turn() -> None:
    world = fleet(7)
    pulls = updating(world)
    world.until(lambda w: w.deployment_state("app-v2") == "Completed")
    [canary] = world.deployments["app-v2"].status["canaryNodes"]
    assert set(pulls.made) == set(world.nodes) - {canary}
    assert pulls.most == 3
    assert all(pulls.made[node] < pulls.claimed[node] for node in pulls.made)
    world.settle(10)
    assert not world.pulls


def test_while_the_gate_waits_for_a_person_the_images_are_held_and_nothing_is_written() -> None:
    world = fleet(7)
    updating(world, autoPromote=False)
    world.until(lambda w: "app-v2" in w.deployments)
    world.until(lambda w: w.deployments["app-v2"].reason == "AwaitingPromotion")
    world.settle(5)
    before, held = len(world.writes), set(world.pulls)
    assert len(held) == 3
    world.pass_by(3600, step=20)
    assert len(world.writes) == before
    world.change_deployment("app-v2", promoted=True)
    world.until(lambda w: w.deployment_state("app-v2") == "Completed")
    world.settle(5)
    assert not world.pulls


def remove_the_pods(world: World) -> None:
    for name in list(world.pulls):
        world.remove_pod(name)


@pytest.mark.parametrize(
    ("ended_by", "ends_as"),
    [
        pytest.param(
            lambda w: w.change_deployment("app-v2", canceled=True), "Canceled", id="cancel"
        ),
        pytest.param(lambda w: w.apply(spec("app:3")), "Canceled", id="a newer version"),
        pytest.param(lambda w: w.add_deployment("stop", "Stop"), "Canceled", id="a user's Stop"),
        pytest.param(
            lambda w: w.add_deployment("back", "Rollback", 1), "Canceled", id="a user's Rollback"
        ),
    ],
)
def test_the_pods_go_with_the_rollout(ended_by: Any, ends_as: str) -> None:
    world = fleet(7)
    updating(world)
    ended_by(pulled_by(world))
    world.until(lambda w: w.deployment_state("app-v2") == ends_as)
    world.until(lambda w: not w.pulls, seconds=10)


def test_they_go_when_the_gate_refuses_and_the_rollback_pulls_nothing() -> None:
    world = fine_but("app:2", CRASHES)
    pulls = updating(world)
    pulled_by(world)
    world.until(lambda w: w.deployment_state("app-v2-rollback") == "Completed")
    assert not world.pulls
    assert len(pulls.made) == 3


def test_they_go_while_the_job_is_suspended_and_come_again_after_it() -> None:
    world = fleet(7)
    updating(world)
    pulled_by(world)
    world.apply({**pre_pull("app:2"), "suspend": True})
    world.until(lambda w: not w.pulls, seconds=10)
    world.settle(60)
    assert not world.pulls
    world.apply(pre_pull("app:2"))
    world.until(lambda w: bool(w.pulls))
    world.until(lambda w: w.deployment_state("app-v2") == "Completed")


def test_they_go_at_once_with_the_job() -> None:
    world = fleet(7)
    updating(world)
    seen = pulled_by(world).observe()
    gone = plan(replace(seen, job=replace(seen.job, deleting=True)))
    names = {a.name for s in gone.steps for a in s.actions if isinstance(a, DeletePod)}
    assert set(world.pulls) <= names


def test_a_person_s_pause_makes_no_more_of_them() -> None:
    world = fleet(7)
    pulls = updating(world)
    world.until(lambda w: bool(w.executions and w.deployment_state("app-v2") == "InProgress"))
    world.change_deployment("app-v2", paused=True)
    made = len(pulls.made)
    world.settle(60)
    assert len(pulls.made) == made
    assert world.deployment_state("app-v2") == "Paused"


def test_where_they_are_refused_the_rollout_goes_on_all_the_same() -> None:
    world = fleet(7, may_not_pull=True)
    pulls = updating(world)
    world.until(lambda w: w.deployment_state("app-v2") == "Completed", seconds=300)
    assert pulls.made == {}


def test_the_rollout_says_that_they_are_refused() -> None:
    world = fleet(7, may_not_pull=True)
    updating(world)
    world.until(lambda w: bool(w.live()) and w.deployment_state("app-v2") == "InProgress")
    refusal = Refusal("exceeded quota", "Forbidden", world.now)
    made = plan(replace(world.observe(), refusals={"pull/n01": refusal}))
    [said] = [a.status["message"] for a in statuses(made) if a.name == "app-v2"]
    assert "goes on without spec.rollout.prePull" in said
    [job] = [a.status["conditions"] for a in statuses(made) if a.name == "app"]
    assert {each["type"] for each in job} >= {"Reconciling"}
    assert "Stalled" not in {each["type"] for each in job}


def statuses(made: Plan) -> list[SetStatus]:
    return [a for s in made.steps for a in s.actions if isinstance(a, SetStatus)]


def test_a_new_process_finds_them_and_makes_no_more_than_a_wave_s_width() -> None:
    world = fleet(7)
    pulls = updating(world)
    world.until(lambda w: len(w.pulls) == 1 or len(w.pulls) == 3)
    world.pass_once(lose_after=0)
    world.until(lambda w: w.deployment_state("app-v2") == "Completed")
    world.settle(10)
    assert pulls.most == 3
    assert not world.pulls


def test_one_that_somebody_deletes_is_made_again() -> None:
    world = fleet(7)
    updating(world, autoPromote=False)
    remove_the_pods(pulled_by(world))
    world.until(lambda w: len(w.pulls) == 3, seconds=5)


def test_an_update_that_changes_no_image_pulls_none() -> None:
    world = fleet(7)
    world.apply(pre_pull("app:1"))
    world.until(lambda w: w.deployment_state("app-v1") == "Completed")
    pulls = Pulls(world)
    world.apply({**pre_pull("app:1"), "labels": {"tier": "x"}})
    world.until(lambda w: w.deployment_state("app-v2") == "Completed")
    assert pulls.made == {}
    assert len(pulls.claimed) == 7


def test_a_node_costs_two_writes_more() -> None:
    counts = {}
    for on in (False, True):
        world = fleet(7)
        updating(world, prePull=on)
        world.until(lambda w: w.deployment_state("app-v2") == "Completed")
        world.settle(60)
        assert world.now < START + 600
        mine = [a for _, a in world.writes if getattr(a, "kind", "") not in _REPORTS]
        counts[on] = len(mine)
    assert counts[True] - counts[False] == 2 * 6


_REPORTS = ("FleetJob", "FleetDeployment")
