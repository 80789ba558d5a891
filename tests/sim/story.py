"""Questions that simulated stories ask of a world."""

from __future__ import annotations

from typing import Any

from sim.invariants import Invariants
from sim.world import FINE, Fate, World, fleet, spec
from wavegate.domain.actions import CreateExecution


def settled_on_v1(size: int, places: int | None = 2, **rollout: Any) -> World:
    """A watched world whose job runs version 1 on every node."""
    world = fleet(size)
    world.watchers.append(Invariants(places))
    world.apply(spec("app:1", **rollout))
    world.until(lambda w: w.deployment_state("app-v1") == "Completed")
    return world


def give(world: World, image: str, fate: Fate, *nodes: str) -> None:
    """Pods of the image have that fate, on these nodes or on all."""

    def choose(node: str, running: str) -> Fate:
        return fate if running == image and (not nodes or node in nodes) else FINE

    world.fate = choose


def taken(world: World, deployment: str, wave: int | None = None) -> list[str]:
    """Nodes that a rollout has taken, in order: of one wave, or of all but wave 0."""
    return [
        action.node
        for _, action in world.writes
        if isinstance(action, CreateExecution)
        and action.deployment == deployment
        and (action.wave == wave if wave is not None else action.wave > 0)
    ]


def order(world: World) -> list[str]:
    """Nodes in the order in which version 1 took them: later ones take them in the same."""
    return taken(world, "app-v1")


def wave_sizes(world: World, deployment: str) -> list[int]:
    """How many nodes each wave has taken, from wave 1."""
    sizes = []
    while members := taken(world, deployment, len(sizes) + 1):
        sizes.append(len(members))
    return sizes


def job_reason(world: World) -> str:
    assert world.job is not None
    return str(world.job.status["state"]["details"]["reason"])


def job_message(world: World) -> str:
    assert world.job is not None
    return str(world.job.status["state"]["message"])


def status(world: World) -> dict[str, Any]:
    """The job's status."""
    assert world.job is not None
    return dict(world.job.status)


def ended(world: World, deployment: str = "app-v2") -> bool:
    return world.deployment_state(deployment) in ("Completed", "Failed", "Canceled")


def finds_an_end(
    world: World, state: str, deployment: str = "app-v2", within: float = 1200
) -> None:
    """The rollout ends, and in this state; otherwise the world's story is told."""
    world.until(lambda w: ended(w, deployment), seconds=within)
    assert world.deployment_state(deployment) == state, world.story()
