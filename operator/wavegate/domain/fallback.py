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
| v1 failed | none, a Restart of v1 failed | nothing |
| v1 stable, then failed | v1 | v1 again, by back-off |
| v1 stable, stopped by suspension | v2 | v1: what it was last stable on |
| v2 stable, stopped by suspension | v2, a user goes back to v1 | v1 |
| v2 stable, stopped by suspension | v2, a user's Rollback to v1 comes next | nothing: v1 follows |
| v2 stable, stopped by suspension | v2, the Rollback to v1 is paused | v2 |
| v2 stable, stopped by suspension | v1, v2's rollout failed and is taken back | v1 |
| v1 stopped by a Stop, or its time is over | v1, v2 is rolled out | nothing: its wave will come |
| v2 stopped by a Stop | v2, a user goes back to v1 | v1 |
"""

from __future__ import annotations

from dataclasses import dataclass

from wavegate.domain.attempts import not_before
from wavegate.domain.claim import Chain
from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import DeploymentView, ExecutionView, NodeView, VersionView
from wavegate.domain.rollback import needs_rollback
from wavegate.domain.stopping import STOPPED, SUSPENDED
from wavegate.domain.timeouts import TOTAL_TIMEOUT, is_over
from wavegate.domain.user_deployments import first_in_line


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
        return fleet.once(home)
    if last.observed == "Completed":
        return None
    if last.observed == "Failed":
        return _after_failure(fleet, chain, last)
    if last.details.get("reason") == SUSPENDED:
        return _after_suspension(fleet, chain)
    if last.details.get("reason") in (STOPPED, TOTAL_TIMEOUT) and fleet.once(_another_comes):
        return None  # what was stopped on purpose is not started to be replaced
    if last.withdrawn and _is_open(fleet, last.workload_hash):
        return fleet.versions.get(last.version)
    return fleet.once(home)


def _after_suspension(fleet: Fleet, chain: Chain) -> VersionView | None:
    """What the node was last stable on, unless that is being taken back."""
    following = first_in_line(fleet)
    if following is not None and following.type == "Rollback" and not following.paused:
        return None
    newest = fleet.accepted[-1] if fleet.accepted else None
    if newest is not None and not newest.paused:
        if needs_rollback(fleet, newest):
            return fleet.stable
        if _is_open_rollback(newest):
            return fleet.once(home)
    before = chain.last_stable
    version = fleet.versions.get(before.version) if before is not None else None
    return version or fleet.stable


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
    return None if _is_given_up(fleet, last.workload_hash) else same


def _is_given_up(fleet: Fleet, workload_hash: str) -> bool:
    """Whether the newest rollout of the workload, a Restart included, has failed."""
    tries = [
        each
        for each in fleet.accepted
        if each.workload_hash == workload_hash
        and each.type != "Rollback"
        and each.reason != "Superseded"
    ]
    return bool(tries) and tries[-1].terminal and tries[-1].state != "Completed"


def home(fleet: Fleet) -> VersionView | None:
    """What an empty node gets: the stable version, or what a user is going back to from it."""
    newest = fleet.accepted[-1] if fleet.accepted else None
    if newest is not None and _is_open_rollback(newest):
        return fleet.versions.get(newest.to_version) or fleet.stable
    return fleet.stable


def _is_open_rollback(deployment: DeploymentView) -> bool:
    return deployment.type == "Rollback" and not deployment.terminal


def _another_comes(fleet: Fleet) -> bool:
    """Whether another workload than the stable one is being rolled out, or is about to be."""
    opened = [each for each in fleet.deployments if not each.terminal and not each.deleting]
    if fleet.recalled is not None and fleet.recalled.reason == "Superseded":
        opened.append(fleet.recalled)  # it is made again
    coming = (
        fleet.versions.get(each.to_version)
        for each in opened
        if each.type in ("Create", "Update", "Restart")
    )
    stable = fleet.stable.workload_hash if fleet.stable is not None else ""
    return any(each is not None and each.workload_hash != stable for each in coming)


def _is_open(fleet: Fleet, workload_hash: str) -> bool:
    return any(not each.terminal and each.workload_hash == workload_hash for each in fleet.accepted)
