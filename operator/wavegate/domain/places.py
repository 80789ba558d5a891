"""Places: how many nodes may be without their stable execution because of the operator.

Taking down a stable execution needs a place: in a rollout, a rollback or a catch-up. A job has as
many as the size of the wave in progress (Immediate: no limit). A node that lost its stable
execution to one of these holds a place until it is stable again or its fallback has failed too; a
node that is no target for what it should get next, only until its execution's deadline. What has
nothing stable to lose needs none.

| claims of the node, oldest first | holds a place |
| --- | --- |
| A stable and live | no |
| A stable, B live, not yet stable | yes |
| A stable, B failed | yes |
| A stable, B failed, C live (the fallback) | yes |
| A stable, B failed, C failed | no |
| A stable, B stable and live | no |
| A never stable, B live | no |
| A stable but ended by suspension, B live | no |

For a type that runs to completion there is nothing stable to lose, and a place is a turn instead:
each live execution holds one, also after its end until its node is open again, and a node without
one needs one. So a wave's size is also the number of nodes at work, or closed, at a time, whatever
is withdrawn, resumed or caught up. A node whose pod of an older claim does not stop keeps its turn:
that pod may still be at work.
"""

from __future__ import annotations

from collections.abc import Mapping

from wavegate.domain.claim import Chain
from wavegate.domain.observed import JobView, NodeView

REPLACED = "Replaced"
"""Reason of a stopped execution that a newer claim of the operator took the node from."""

_FAILURES_THAT_END_IT = 2
"""The version that took the node, and the fallback after it."""


def needs_place(chain: Chain | None, *, one_shot: bool = False) -> bool:
    """Whether taking this node takes down an execution that is stable and runs."""
    live = chain.live if chain is not None else None
    if one_shot:
        return live is None
    return live is not None and live.stable_at is not None


def turns_taken(
    job: JobView, nodes: Mapping[str, NodeView], chains: Mapping[str, Chain]
) -> frozenset[str]:
    """Nodes on which a job that runs to completion is at work, or that it has still cordoned."""
    at_work = {name for name, chain in chains.items() if chain.live is not None and name in nodes}
    closed = {
        name
        for name, node in nodes.items()
        if node.cordoned_by is not None and node.cordoned_by.job_uid == job.uid
    }
    return frozenset(at_work | closed)


def holds_place(chain: Chain) -> bool:
    """Whether the node is without the stable execution that the operator took from it."""
    current, lost = chain.current, chain.last_stable
    if current is None or lost is None or lost is current:
        return False
    taken = not lost.terminal or lost.details.get("reason") == REPLACED
    failed = sum(
        each.observed == "Failed" for each in chain.executions if each.attempt > lost.attempt
    )
    return taken and failed < _FAILURES_THAT_END_IT
