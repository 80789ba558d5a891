"""Cordon: a node that a job of type update closes to others while it works there.

The node is cordoned before its execution is made, and opened once that has ended, however it ended:
well, in failure, stopped by suspension or with its job, or never made because of a crash. What is
remembered of it is an annotation, written by the same request as ``spec.unschedulable``, with
namespace, name and uid of the job and the name of the execution. So nothing is forgotten by a
restart, and a node of a job that is gone is opened as well.

A node that somebody else cordoned is no target, and is never opened by us. To the rules of the job
whose cordon it is the node looks open: its own cordon neither keeps its pod away nor withdraws it.

| annotation on the node | the execution it names | what is done |
| --- | --- | --- |
| none, cordoned | | nothing |
| of this job | runs, or is being made | nothing |
| of this job | ended or gone, its pod still stops | nothing yet |
| of this job | ended or gone | the node is opened, the annotation removed |
| of a former job of the name | any | the same, once that pod is gone |
| of a job that is being deleted | any | the same, once its pod is gone |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from wavegate.domain.actions import CordonNode, Step, UncordonNode, Urgency
from wavegate.domain.observed import Cordon, JobView, NodeView, Observed, VersionView
from wavegate.drivers.command import cordons

UNSCHEDULABLE_TAINT = "node.kubernetes.io/unschedulable"


def closed(nodes: Mapping[str, NodeView]) -> list[NodeView]:
    """The nodes that the operator has cordoned, for whichever job."""
    return [node for node in nodes.values() if node.cordoned_by is not None]


def as_open(
    job: JobView, nodes: Mapping[str, NodeView], closed: Iterable[NodeView]
) -> Mapping[str, NodeView]:
    """The nodes as the job's rules see them: those that it cordoned itself are open."""
    ours = {node.name: _opened(node) for node in closed if _is_ours(node.cordoned_by, job)}
    return {**nodes, **ours} if ours else nodes


def wants_cordon(version: VersionView) -> bool:
    """Whether nodes are cordoned while the version works on them."""
    return version.spec is not None and cordons(version.spec)


def cordon(job: JobView, node: NodeView, execution: str) -> CordonNode:
    """The write that closes the node for an execution that is about to be made."""
    return CordonNode(node.name, node.uid, Cordon(job.namespace, job.name, job.uid, execution))


def leftovers(observed: Observed, closed: Sequence[NodeView]) -> dict[str, Cordon]:
    """By node, the job's cordons whose execution is over and whose pod is gone."""
    job = observed.job
    if not closed:
        return {}
    at_work = {each.name for each in observed.executions if not each.terminal and not each.deleting}
    if job.deleting:
        at_work = set()
    stopping = {(pod.node, pod.owner_name) for pod in observed.pods if not pod.terminal}
    found: dict[str, Cordon] = {}
    for node in closed:
        by = node.cordoned_by
        if by is None or (by.namespace, by.job) != job.key:
            continue
        works = by.job_uid == job.uid and by.execution in at_work
        if not works and (node.name, by.execution) not in stopping:
            found[node.name] = by
    return found


def undo(node: str, by: Cordon) -> Step:
    """The step that opens the node again."""
    return Step(f"node/{node}", Urgency.REMOVE, (UncordonNode(node, by),))


def _is_ours(by: Cordon | None, job: JobView) -> bool:
    return by is not None and by.job_uid == job.uid


def _opened(node: NodeView) -> NodeView:
    taints = tuple(taint for taint in node.taints if taint.key != UNSCHEDULABLE_TAINT)
    return replace(node, unschedulable=False, taints=taints)
