"""What a right end is: nothing is due any more, all nodes that are there are back."""

from __future__ import annotations

from sim.endings import is_at_rest_or_says_why, no_target_is_empty
from sim.world import World


def is_right(world: World) -> None:
    """AssertionError where the end is not what a user would want."""
    is_at_rest_or_says_why(world)
    no_target_is_empty(world)
    if any(each.stable_at for each in world.versions.values()):
        _all_run_the_stable_version(world)


def _all_run_the_stable_version(world: World) -> None:
    stable = max(
        (each for each in world.versions.values() if each.stable_at),
        key=lambda each: (each.stable_at or 0.0, each.version),
    )
    running = dict.fromkeys(world.nodes, stable.version)
    assert world.live() == running, f"not all on v{stable.version}:\n{world.story()}"
    owners = {each.uid: each for each in world.executions.values() if not each.terminal}
    for pod in world.pods.values():
        claim = owners.get(pod.owner_uid)
        assert claim is not None, f"{pod.name} belongs to no live execution:\n{world.story()}"
        assert claim.stable_at, f"{claim.name} never got its verdict:\n{world.story()}"
        assert pod.ready, f"{pod.name} is not ready:\n{world.story()}"
    assert len(world.pods) == len(world.nodes), f"nodes without a pod:\n{world.story()}"
