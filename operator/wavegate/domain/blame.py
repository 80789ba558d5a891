"""Blame: whether the version or something else ended a pod.

*Withdrawn* executions are not counted against the version and are replaced in their wave: the pod
has condition DisruptionTarget, was deleted by somebody else, ended with reason Terminated or
NodeShutdown, or its node was deleted, cordoned or stopped matching before the verdict, or the pod
that it replaces does not stop. They go on as wave 0. Everything else is *version-caused*, also when
the node went NotReady while its new pod was judged.

| before the verdict | blame |
| --- | --- |
| pod evicted (DisruptionTarget) | withdrawn: Disrupted |
| pod deleted by hand | withdrawn: PodDeleted |
| pod deleted by hand, its process ending with exit 0 by that | withdrawn: PodDeleted |
| pod ended, reason NodeShutdown | withdrawn: NodeShutdown |
| no pod yet, the one before is a minute beyond its grace period | withdrawn: StopOverdue |
| node cordoned | withdrawn: Cordoned |
| node relabelled out | withdrawn: NoLongerMatches |
| node NotReady | version-caused |
| container exits 1 | version-caused |
"""

from __future__ import annotations

from wavegate.domain.observed import ExecutionView, NodeView, PodView

_NODE_WENT_DOWN = ("Terminated", "NodeShutdown")

WITHDRAWALS = (
    "Disrupted",
    *_NODE_WENT_DOWN,
    "PodDeleted",
    "StopOverdue",
    "Cordoned",
    "NoLongerMatches",
    "NodeGone",
    "NotATarget",
)
"""Every reason for which an execution is withdrawn."""


def ended_by_itself(pod: PodView) -> bool:
    """Whether how a pod ended says something of its version.

    Not where somebody ended it: whoever is told to stop may well exit with 0, or with 1.
    """
    told_to = pod.disruption or pod.deletion is not None or pod.reason in _NODE_WENT_DOWN
    return pod.terminal and not told_to


def withdrawal(
    execution: ExecutionView,
    pod: PodView | None,
    node: NodeView,
    belongs: bool,
    overdue: bool = False,
) -> str:
    """Why an execution without a verdict is withdrawn; empty if it is not.

    ``overdue``: the pod that it replaces does not stop.
    """
    if pod is not None and pod.disruption:
        return "Disrupted"
    if pod is not None and pod.terminal and pod.reason in _NODE_WENT_DOWN:
        return pod.reason
    if pod is not None and pod.deletion is not None:
        return "PodDeleted"
    if pod is None and execution.pod_uid:
        return "PodDeleted"
    if overdue:
        return "StopOverdue"
    if node.unschedulable:
        return "Cordoned"
    return "" if belongs else "NoLongerMatches"
