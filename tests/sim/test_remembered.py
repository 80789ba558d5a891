"""What was accepted last holds when its object is deleted, whenever that is and whoever crashes."""

from __future__ import annotations

from typing import Any

import pytest

from sim.test_seams import completed, made_since
from sim.test_user_deployments import SIZE, bad, on_v2, reason
from sim.world import World, spec
from wavegate.domain.actions import CreateDeployment, DeletePod

pytestmark = pytest.mark.row("Wanted version", "status.lastAccepted")


class _DiedError(Exception):
    """The process has died between two writes."""


def ended(world: World, name: str, kind: str, to_version: int = 0) -> None:
    world.add_deployment(name, kind, to_version)
    world.until(completed(name))
    world.settle(20)


def deleted(world: World, name: str) -> None:
    """Delete a deployment; one of the operator's may come again under its name."""
    if world.deployments[name].owner_uid:
        world.watchers.clear()  # they go by name
    world.delete_deployment(name)


def stops(world: World, begin: int) -> int:
    return sum(isinstance(action, DeletePod) for _, action in world.writes[begin:])


def test_a_rollback_holds_after_its_object_is_deleted_until_the_workload_changes() -> None:
    world = on_v2()
    ended(world, "back", "Rollback", 1)
    said = (world.state(), reason(world))
    begin = len(world.writes)
    deleted(world, "back")
    world.settle(120)
    assert made_since(world, begin) == []
    assert (world.state(), reason(world)) == said == ("Running", "RolledBack")
    world.apply({**spec("app:2"), "meta": {"note": "other words"}})
    world.settle(60)
    assert "app-v3" not in world.deployments
    assert set(world.live().values()) == {1}
    world.apply(spec("app:4"))
    world.until(completed("app-v4"))
    assert set(world.live().values()) == {4}


def test_a_stop_stands_after_its_object_is_deleted_until_a_restart() -> None:
    world = on_v2()
    ended(world, "halt", "Stop")
    deleted(world, "halt")
    world.settle(120)
    assert (world.state(), reason(world)) == ("Stopped", "Stopped")
    assert world.pods == {}
    ended(world, "again", "Restart")
    assert set(world.live().values()) == {2}
    deleted(world, "again")
    world.settle(60)
    assert len(world.live()) == SIZE


@pytest.mark.parametrize("what", ["Restart", "Rollback"])
def test_a_stop_that_was_ended_does_not_come_back_when_what_ended_it_is_deleted(what: str) -> None:
    world = on_v2()
    ended(world, "halt", "Stop")
    ended(world, "ends-it", what, 1)
    begin = len(world.writes)
    deleted(world, "ends-it")
    world.settle(120)
    assert "halt" in world.deployments
    assert stops(world, begin) == 0
    assert world.state() == "Running"


@pytest.mark.parametrize("when", ["open", "ended"])
def test_nor_when_the_rollout_that_ended_it_is_deleted_and_made_again(when: str) -> None:
    world = on_v2()
    ended(world, "halt", "Stop")
    world.apply(spec("app:3"))
    world.until(completed("app-v3") if when == "ended" else lambda w: 3 in w.live().values())
    world.settle(5)
    begin, running = len(world.writes), len(world.live())
    deleted(world, "app-v3")
    world.pass_once()
    assert world.state() == "Pending", "its rollout is to be made again"
    world.until(completed("app-v3"))
    assert stops(world, begin) == 0
    assert len(made_since(world, begin)) == SIZE - running


@pytest.mark.parametrize(("kind", "to_version"), [("Rollback", 1), ("Stop", 0)])
def test_a_crash_between_its_end_and_the_job_s_status_forgets_nothing(
    kind: str, to_version: int
) -> None:
    world = on_v2()
    world.add_deployment("said", kind, to_version)

    def die_at_its_end(world: World, _action: Any) -> None:
        if world.deployment_state("said") == "Completed":
            raise _DiedError

    world.watchers[:] = [die_at_its_end]
    with pytest.raises(_DiedError):
        world.settle(600)
    assert world.job is not None
    assert "state" not in world.job.status["lastAccepted"], "the job does not know of its end"
    deleted(world, "said")
    world.crash()
    world.settle(120)
    assert set(world.live().values()) == ({1} if kind == "Rollback" else set())
    assert reason(world) == ("RolledBack" if kind == "Rollback" else "Stopped")


def test_nor_does_one_of_a_stop_that_has_nothing_to_do() -> None:
    world = on_v2()
    for name in list(world.nodes):
        world.remove_node(name)
    world.settle(5)
    world.add_deployment("halt", "Stop")
    while world.deployment_state("halt") != "Completed":
        world.pass_once(lose_after=1)  # the deployment's status goes first, the job's is lost
        world.advance(1)
        if world.now % 5 == 0:
            world.pass_once()
    deleted(world, "halt")
    world.crash()
    world.add_node("n01")
    world.settle(60)
    assert world.live() == {}


def test_one_that_is_deleted_while_it_is_open_ends_there_and_takes_nothing_back() -> None:
    world = on_v2()
    world.add_deployment("back", "Rollback", 1)
    world.until(lambda w: 1 in w.live().values())
    begin = len(world.writes)
    deleted(world, "back")
    world.settle(120)
    assert set(world.live().values()) == {1, 2}
    assert made_since(world, begin) == []
    assert reason(world) == "Canceled"
    assert world.job is not None
    assert "FleetDeployment back was deleted" in world.job.status["state"]["message"]
    world.add_deployment("on", "Rollback", 1)
    world.until(completed("on"))
    assert set(world.live().values()) == {1}


def test_an_automatic_rollback_that_is_deleted_while_it_is_open_is_made_again() -> None:
    world = on_v2()
    bad(world, "app:3")
    world.apply(spec("app:3", autoPromote=True))
    world.until(lambda w: w.deployment_state("app-v3-rollback") == "InProgress")
    deleted(world, "app-v3-rollback")
    world.until(completed("app-v3-rollback"))
    world.settle(5)
    assert set(world.live().values()) == {2}
    begin = len(world.writes)
    deleted(world, "app-v3-rollback")
    world.settle(60)
    made = [action for _, action in world.writes[begin:] if isinstance(action, CreateDeployment)]
    assert made == [], "one that has ended is not"
    assert reason(world) == "RolledBack"


def test_a_job_seen_as_it_was_remembers_nothing_older_than_what_is_there() -> None:
    world = on_v2()
    ended(world, "halt", "Stop")
    old = world.job
    deleted(world, "halt")
    ended(world, "again", "Restart")
    assert old is not None
    assert world.job is not None
    now, world.job = world.job, old
    steps = world.plan_now().steps
    world.job = now
    assert not [a for step in steps for a in step.actions if isinstance(a, DeletePod)]


def test_the_sequence_goes_on_after_the_newest_is_deleted() -> None:
    world = on_v2()
    ended(world, "back", "Rollback", 1)
    before = world.deployments["back"].sequence
    deleted(world, "back")
    world.settle(5)
    ended(world, "again", "Restart")
    assert world.deployments["again"].sequence == before + 1
