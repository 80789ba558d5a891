"""Questions that tests ask about the job ``app`` in a namespace of twenty simulated nodes."""

from __future__ import annotations

from collections import Counter

from support.space import Space

NODES = 20


def settled_on(space: Space, version: int) -> bool:
    """Whether this version alone really runs on every node, and the job says that all is well."""
    running = space.running("app")
    return (
        len(running) == NODES
        and set(running.values()) == {str(version)}
        and space.job_state("app") == "Running"
        and space.condition("app").get("status") == "True"
    )


def waves(space: Space, version: int) -> Counter[int]:
    """How many executions of the version each wave has."""
    return Counter(each["spec"]["rolloutWave"] for each in space.executions("app", version))


def awaits(space: Space, name: str) -> bool:
    """Whether a deployment waits for a person at its gate."""
    return space.deployment(name).get("reason") == "AwaitingPromotion"


def unsettled(space: Space, version: int) -> list[str]:
    """Executions of the version without a verdict."""
    return [
        each["metadata"]["name"]
        for each in space.executions("app", version)
        if "stableAt" not in each.get("status", {})
    ]
