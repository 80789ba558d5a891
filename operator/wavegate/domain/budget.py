"""Budget: how many failed nodes a rollout tolerates.

It fails when the failed nodes are strictly above maxFailedNodes, or strictly above
maxFailedNodesPercent of the total. A node counts once, also when it is gone since.

| failed | total | maxFailedNodes | maxFailedNodesPercent | fails |
| --- | --- | --- | --- | --- |
| 1 | 3 | 1 | 50 | no |
| 2 | 3 | 1 | 50 | yes: above 1 |
| 2 | 3 | 10 | 50 | yes: above 1.5 |
| 1 | 100 | 0 | 100 | yes: above 0 |
| 10 | 100 | 10 | 10 | no |
"""

from __future__ import annotations

from wavegate.api.rollout import RolloutSettings


def exceeded(failed: int, total: int, rollout: RolloutSettings) -> str:
    """Which limit is broken, in words; empty while the rollout is within its budget."""
    if failed > rollout.max_failed_nodes:
        return f"{failed} failed, above maxFailedNodes {rollout.max_failed_nodes}"
    if failed * 100 > rollout.max_failed_nodes_percent * total:
        limit = rollout.max_failed_nodes_percent
        return f"{failed} of {total} failed, above maxFailedNodesPercent {limit}"
    return ""
