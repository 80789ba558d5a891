"""Deletion: what is left of a job that is being deleted, or is gone.

An object being deleted, or gone, gets no children. Its pods are deleted at once, each by uid;
records are left to the garbage collector, which is slower and the safety net. With
``--cascade=orphan`` everything is left alone.

Where the kinds themselves are removed first, the garbage collector no longer knows the pods' owners
and would leave the pods: then the operator removes those that an Execution controls.

| job | executions | pods are deleted of |
| --- | --- | --- |
| being deleted | its own | its own executions |
| gone | of an earlier uid | those executions |
| there, another of the name before it | own and former | the former's executions |
| any | the kind is no longer served | any Execution |
| being deleted, orphaning | its own | none |
| gone, after orphaning | still of its uid, as far as heard | none |
"""

from __future__ import annotations

from collections.abc import Iterable

from wavegate.domain import prepull
from wavegate.domain.actions import DeletePod, Step, Urgency
from wavegate.domain.observed import ExecutionView, Observed, PodView


def stop_everything(observed: Observed) -> list[Step]:
    """Steps for a job that is being deleted or is gone."""
    if observed.job.orphaning:
        return []
    pods = _delete_pods(observed, [*observed.executions, *observed.former])
    return [*pods, *prepull.remove(observed.pulls)]


def stop_former(observed: Observed) -> list[Step]:
    """Steps for what a former job of the same name has left."""
    return _delete_pods(observed, observed.former) if observed.former else []


def remove_ownerless(observed: Observed) -> list[Step]:
    """Steps where our kinds are no longer served: their pods are nobody's any more."""
    pods = [
        _delete(pod)
        for pod in observed.pods
        if pod.owner_kind == "Execution" and pod.deletion is None
    ]
    return [*pods, *prepull.remove(observed.pulls)]


def _delete_pods(observed: Observed, executions: Iterable[ExecutionView]) -> list[Step]:
    owners = {execution.uid for execution in executions if execution.uid}
    return [
        _delete(pod) for pod in observed.pods if pod.owner_uid in owners and pod.deletion is None
    ]


def _delete(pod: PodView) -> Step:
    action = DeletePod(pod.name, pod.uid, pod.resource_version, "its job is gone")
    return Step(f"node/{pod.node}", Urgency.REMOVE, (action,))
