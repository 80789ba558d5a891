"""Fallback: what a node without a live execution gets next, as wave 0.

Nothing stays empty: a target without a live execution gets the stable version, with back-off. A
node that fails a version it was never stable on goes back to the execution it replaced, if that
was stable and its version has not failed, else to the stable version; with neither it keeps trying
by back-off, as long as that workload has not failed as a whole.

| claims of the node | stable version | gets |
| --- | --- | --- |
| none (a joiner) | v1 | v1 |
| none | none | nothing: its wave will come |
| v1 stable, v2 failed | v1 | v1 |
| v1 stable, v2 failed, v1 failed | v1 | v1 again, by back-off |
| v1 failed | none, v1 open | v1 again, by back-off |
| v1 failed | none, v1's rollout failed | nothing |
| v1 stable, then failed | v1 | v1 again, by back-off |
| v1 stable, stopped by suspension | v2 | v1: what it was last stable on |
"""

from __future__ import annotations

from dataclasses import dataclass

from wavegate.domain.attempts import not_before
from wavegate.domain.claim import Chain
from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import ExecutionView, NodeView, VersionView
from wavegate.domain.stopping import SUSPENDED
from wavegate.domain.timeouts import is_over


@dataclass(frozen=True, slots=True)
class Next:
    """The version that a node is to get, and the earliest time for it."""

    version: VersionView
    not_before: float


def next_version(fleet: Fleet, chain: Chain | None, node: NodeView) -> Next | None:
    """What the node gets as wave 0; None: nothing, or it waits for its wave."""
    version = _choose(fleet, chain, node)
    if version is None or not fleet.is_target(version, node.name):
        return None
    if is_over(fleet, version.workload_hash):
        return None
    if chain is None or chain.current is None or chain.current.node_uid != node.uid:
        return Next(version, 0.0)
    return Next(version, not_before(chain, version.workload_hash))


def _choose(fleet: Fleet, chain: Chain | None, node: NodeView) -> VersionView | None:
    last = chain.current if chain is not None else None
    if chain is None or last is None or last.node_uid != node.uid:
        return fleet.stable
    if last.observed == "Completed":
        return None
    if last.observed == "Failed":
        return _after_failure(fleet, chain, last)
    if last.details.get("reason") == SUSPENDED:
        before = chain.last_stable
        version = fleet.versions.get(before.version) if before is not None else None
        return version or fleet.stable
    if last.withdrawn and _is_open(fleet, last.workload_hash):
        return fleet.versions.get(last.version)
    return fleet.stable


def _after_failure(fleet: Fleet, chain: Chain, last: ExecutionView) -> VersionView | None:
    same = fleet.versions.get(last.version)
    if last.stable_at:
        if fleet.accepted and fleet.accepted[-1].state == "Completed":
            return fleet.stable or same
        return same or fleet.stable
    replaced = chain.before(last)
    if replaced is not None and replaced.stable_at and replaced.node_uid == last.node_uid:
        failed = replaced.workload_hash in fleet.failed_workloads
        if not failed and (version := fleet.versions.get(replaced.version)):
            return version
    if fleet.stable is not None:
        return fleet.stable
    return None if last.workload_hash in fleet.failed_workloads else same


def _is_open(fleet: Fleet, workload_hash: str) -> bool:
    return any(not each.terminal and each.workload_hash == workload_hash for each in fleet.accepted)
