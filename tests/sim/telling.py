"""A world in words: its job, rollouts and executions, and what was written last."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.world import World

START = 1_700_000_000.0
"""When every world begins."""


def tell(world: World, written: Iterable[str]) -> str:
    """What a person needs to understand a failure. ``written``: the last writes, a line each."""
    lines = [f"t={world.now - START:g} job: {world.job and world.job.status.get('state')}"]
    lines += [
        f"  {each.name} {each.type} -> v{each.to_version}: {each.state} {each.reason}:"
        f" {each.status.get('message')}"
        for each in world.deployments.values()
    ]
    lines += [
        f"  {each.name} on {each.node} v{each.version} wave {each.wave}: {each.observed}"
        f" stable={each.stable_at is not None} {dict(each.details)}"
        for each in sorted(world.executions.values(), key=lambda e: (e.node, e.attempt))
    ]
    return "\n".join([*lines, *written])
