"""What must hold of a world once nothing disturbs it any more, and everything has had its time."""

from __future__ import annotations

from typing import Final

from sim.world import World
from wavegate.api.fleetjob import FleetJobSpec
from wavegate.domain.selector import matches

_WAITS_FOR_A_PERSON: Final = ("AwaitingPromotion", "Paused")
_WAITS_FOR_NODES: Final = ("NoCanary", "NoTargets", "NoMatchingNodes")
_AT_REST: Final = (
    "Running",
    "Degraded",
    "Completed",
    "RolloutFailed",
    "Failed",
    "Stopped",
)


def is_at_rest_or_says_why(world: World) -> None:
    """Every rollout has ended, or the job says that it waits for a person or for nodes."""
    assert world.job is not None
    state = world.job.status["state"]
    reason = state["details"]["reason"]
    waits = reason in (*_WAITS_FOR_A_PERSON, *_WAITS_FOR_NODES)
    assert waits or state["stateType"] in _AT_REST, f"does not end:\n{world.story()}"
    for each in world.deployments.values():
        held = world.job.spec is not None and world.job.spec.suspend
        assert each.terminal or waits or held, f"{each.name} does not end:\n{world.story()}"
        assert each.terminal or not each.canceled, f"{each.name}: cancel lost:\n{world.story()}"


def stable_spec(world: World) -> FleetJobSpec | None:
    """Spec of the version whose rollout completed last."""
    stamped = [each for each in world.versions.values() if each.stable_at]
    last = max(stamped, key=lambda each: (each.stable_at or 0.0, each.version), default=None)
    return last.spec if last is not None else None


def no_target_is_empty(world: World) -> None:
    """7. No target stays without a live execution for longer than its back-off."""
    assert world.job is not None
    assert world.job.spec is not None
    stable = stable_spec(world)
    if world.job.spec.suspend or stable is None:
        return
    if world.job.status["state"]["stateType"] == "Stopped":
        return
    for name, node in world.nodes.items():
        if not all(matches(each.selector, node) for each in (world.job.spec, stable)):
            continue  # what only a new version's selector matches gets its turn in the waves
        claims = [e for e in world.executions.values() if e.node_uid == node.uid]
        current = max(claims, key=lambda each: each.attempt, default=None)
        assert current is not None, f"{name} is empty:\n{world.story()}"
        opened = any(not each.terminal for each in world.deployments.values())
        if opened and current.details.get("reason") == "Stopped":
            continue  # what a Stop has ended is not started to be replaced: its wave will come
        waits = current.observed == "Failed" and world.now < current.updated + 310
        assert not current.terminal or waits, f"{name} stays empty:\n{world.story()}"


def pulls_for_nothing_that_has_ended(world: World) -> None:
    """Pods that pull images are there for a rollout that goes on, or waits for a person."""
    going_on = {e.to_version for e in world.deployments.values() if not e.terminal}
    versions = {e.uid for e in world.versions.values() if e.version in going_on}
    left = [each.name for each in world.pulls.values() if each.owner_uid not in versions]
    assert not left, f"{left} pull for nothing:\n{world.story()}"
