"""Capacity: how many places a job has, and how many of them are held (see places).

| what goes on | places |
| --- | --- |
| a wave in progress | its size |
| a wave that was judged | the size of the next one |
| a rollback | rollbackParallel, by default maxParallel |
| nothing: nodes are caught up, or leave | the wave size of the newest deployment |
| nothing was ever rolled out | no limit |
| Immediate, but for its rollback | no limit |

A place is held until the node is stable again or its fallback has failed too. Where that cannot
come by itself, because the node is no target for the version that has it or a pod on it does not
stop, the place is free again once the execution's deadline is over.
"""

from __future__ import annotations

from collections.abc import Collection

from wavegate.domain.claim import Chain
from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import DeploymentView, VersionView
from wavegate.domain.overdue import stop_overdue
from wavegate.domain.places import holds_place, turns_taken
from wavegate.domain.rollback import rollback_places
from wavegate.domain.sizes import sizes
from wavegate.domain.waves import Progress, settings_of


def places_of_rollout(run: Progress) -> int | None:
    """Places of the job while the rollout is open; None: no limit."""
    if run.is_rollback:
        return rollback_places(run)
    if run.rollout.strategy == "Immediate":
        return None
    return run.sizes.of(max(1, run.current) + (1 if run.judged else 0))


def places_of_rest(
    fleet: Fleet, newest: DeploymentView | None, version: VersionView | None
) -> int | None:
    """Places of the job while no rollout is open; None: no limit.

    ``newest``: the deployment that was accepted last; ``version``: the one that it went to.
    """
    if newest is None or version is None or version.spec is None:
        return None
    rollout = settings_of(newest, version)
    if rollout.strategy == "Immediate":
        return None
    return sizes(rollout, "Update", len(fleet.targets(version))).wave


def held_places(fleet: Fleet, leaving: Collection[str]) -> int:
    """How many places are held. ``leaving``: nodes on which a stable execution stops."""
    if fleet.one_shot:
        return len(turns_taken(fleet.job, fleet.nodes, fleet.chains).union(leaving))
    return len(fleet.memory.holding) + len(leaving)


def is_held(fleet: Fleet, chain: Chain, ends: float | None) -> bool:
    """Whether the node holds a place; ``ends``: the deadline of its execution, if it is judged."""
    current = chain.current
    if current is None or chain.node not in fleet.nodes or not holds_place(chain):
        return False
    version = fleet.versions.get(current.version)
    is_usable = version is not None and fleet.is_target(version, chain.node)
    if is_usable and stop_overdue(fleet, chain) is None:
        return True
    return ends is not None and fleet.now < ends
