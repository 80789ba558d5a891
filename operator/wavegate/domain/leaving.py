"""Leaving: when a node's claim is ended without another taking its place.

A job that is suspended or stopped runs nowhere. A node that the selector no longer matches runs on
until the rollout completed, then stops, as a node that is relabelled later does. A cordon or a
taint stops nothing.
"""

from __future__ import annotations

from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import ExecutionView, NodeView, VersionView
from wavegate.domain.stopping import stop_reason

NO_LONGER_MATCHES = "NoLongerMatches"


def reason_to_stop(fleet: Fleet, node: NodeView, execution: ExecutionView) -> str:
    """Why what runs on the node is to stop; empty if it is to go on."""
    if stopped := stop_reason(fleet):
        return stopped
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
