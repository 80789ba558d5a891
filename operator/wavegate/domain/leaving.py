"""Leaving: when a node's claim is ended without another taking its place.

A job that is suspended or stopped runs nowhere, and neither does a version whose time is over. A
node that the selector no longer matches runs on until the rollout completed, then stops, as a node
that is relabelled later does. A cordon or a taint stops nothing.

What left stops by places, as anything else that takes a stable execution down: at most as many at
a time as the wave size, less the places that are held (Immediate: no limit). A node that stops
holds its place until its pod is gone, or overdue.

| node that left | needs a place | holds one |
| --- | --- | --- |
| stable, its pod runs | yes | no |
| stable, its pod stops | no | yes |
| stable, its pod is overdue | no | no |
| stable, without a pod | no | no |
| never stable | no | no |
"""

from __future__ import annotations

from collections.abc import Mapping

from wavegate.domain.claim import Chain
from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import ExecutionView, NodeView, VersionView
from wavegate.domain.overdue import is_overdue
from wavegate.domain.places import needs_place
from wavegate.domain.stopping import stop_reason
from wavegate.domain.timeouts import TOTAL_TIMEOUT, is_over

NO_LONGER_MATCHES = "NoLongerMatches"


def by_places(
    fleet: Fleet, reasons: Mapping[str, str], free: int | None
) -> tuple[dict[str, str], set[str]]:
    """Those of the nodes that stop now, and those among them that take a place for it.

    ``free``: places that nobody holds; None: no limit.
    """
    stops: dict[str, str] = {}
    taken: set[str] = set()
    for name in fleet.ordered(reasons):
        if reasons[name] == NO_LONGER_MATCHES and needs_place_to_leave(fleet.chains[name]):
            if free is not None and len(taken) >= free:
                continue
            taken.add(name)
        stops[name] = reasons[name]
    return stops, taken


def needs_place_to_leave(chain: Chain) -> bool:
    """Whether stopping the node takes down an execution that is stable and has a pod."""
    pod = chain.own_pod
    return needs_place(chain) and pod is not None and pod.deletion is None


def holds_place(fleet: Fleet, chain: Chain) -> bool:
    """Whether a stable execution is on its way down and holds a place for it."""
    pod = chain.own_pod
    stopping = pod is not None and pod.deletion is not None and not is_overdue(fleet, pod)
    return needs_place(chain) and stopping


def reason_to_stop(fleet: Fleet, node: NodeView, execution: ExecutionView) -> str:
    """Why what runs on the node is to stop; empty if it is to go on."""
    if stopped := stop_reason(fleet):
        return stopped
    if is_over(fleet, execution.workload_hash):
        return TOTAL_TIMEOUT
    wanted = _asked_for(fleet, execution)
    if not wanted or any(fleet.belongs(version, node) for version in wanted):
        return ""
    return NO_LONGER_MATCHES


def _asked_for(fleet: Fleet, execution: ExecutionView) -> list[VersionView]:
    """Versions of which one must match the node: the stable one, and what is being rolled out."""
    numbers = {fleet.stable.version} if fleet.stable is not None else set()
    newest = fleet.accepted[-1] if fleet.accepted else None
    if newest is None or newest.state != "Completed":
        numbers.add(execution.version)
        if newest is not None and not newest.terminal:
            numbers.add(newest.to_version)
    return [fleet.versions[number] for number in numbers if number in fleet.versions]
