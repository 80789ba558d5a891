"""Stance: what one node is to a rollout, from its claims and from itself.

A node with an up-to-date claim is *updated* once that is stable, *unsettled* before. A *candidate*
is a target that is still to be taken; an *absent* node is waited for. One on which a pod of another
claim does not stop is *occupied*, and left out until that is gone. A *joiner* came after the start.

| the node | its claims, oldest first | is |
| --- | --- | --- |
| a target | none | candidate |
| a target | v1 live | candidate |
| a target | v1 live, v2 new | unsettled |
| a target | v1, v2 stable | updated |
| a target | v1, v2 failed, v1 live | failed |
| NotReady since before the start | v1 live | nothing: it is caught up later |
| NotReady since then | v1 live | absent, for lostAfter |
| cordoned | v1 live | nothing |

An execution counts for the rollout that made it, and for one that took that over (see lineage). Its
first failure is a node's verdict: retries and fallbacks are wave 0. Withdrawn ones are not counted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from wavegate.domain.claim import Chain
from wavegate.domain.fleet import Fleet
from wavegate.domain.lineup import NodeKey, Role, Stance
from wavegate.domain.observed import DeploymentView, ExecutionView, NodeView, VersionView
from wavegate.domain.overdue import stop_overdue
from wavegate.domain.targets import NOT_READY


@dataclass(frozen=True, slots=True)
class Scope:
    """Which executions and nodes count for a rollout."""

    deployment: DeploymentView
    version: VersionView
    names: frozenset[str]
    """Of the rollouts whose executions count."""
    since: float
    """Executions that were made before are of an earlier deployment of the name."""
    goes_back: bool
    """An automatic rollback leaves a node that failed its version with what it has."""
    belonging: Mapping[str, str]
    """By node that belongs to the version: why it is no target now; empty where it is one."""


def scope(fleet: Fleet, deployment: DeploymentView, version: VersionView) -> Scope:
    """What counts for the rollout of a version by a deployment."""
    is_users = fleet.is_users(deployment)
    return Scope(
        deployment,
        version,
        lineage(fleet, deployment),
        deployment.created if is_users else 0.0,
        deployment.type == "Rollback" and not is_users,
        fleet.standing(version).belonging,
    )


def lineage(fleet: Fleet, deployment: DeploymentView) -> frozenset[str]:
    """Names of the rollouts whose executions count for this one.

    A version with the workload of the open rollout that it supersedes takes that over. A Restart
    counts what it has made itself.
    """
    names = {deployment.name}
    if deployment.type == "Restart":
        return frozenset(names)
    earlier = [each for each in fleet.accepted if each.sequence < (deployment.sequence or 1 << 62)]
    for each in reversed(earlier):
        same = each.workload_hash == _workload(fleet, deployment)
        if each.reason != "Superseded" or not same or each.type == "Rollback":
            break
        names.add(each.name)
    return frozenset(names)


def _workload(fleet: Fleet, deployment: DeploymentView) -> str:
    version = fleet.versions.get(deployment.to_version)
    return version.workload_hash if version is not None else deployment.workload_hash


def is_up_to_date(
    execution: ExecutionView, version: VersionView, deployment: DeploymentView, now: float
) -> bool:
    """Whether an execution is what the deployment wants on its node.

    It has the version's workload and, for a Restart, was made since that was accepted; times have
    whole seconds, and what was made in that very second is new enough.
    """
    if execution.workload_hash != version.workload_hash:
        return False
    if deployment.type != "Restart":
        return True
    accepted = deployment.accepted if deployment.accepted is not None else now
    return execution.created >= accepted


_BARE: Final = {
    (role, joins): Stance(role, joins=joins) for role in Role for joins in (False, True)
}
"""Of nodes without claims, of which a fleet has many."""


def stance(fleet: Fleet, of: Scope, name: str, chain: Chain | None) -> Stance:
    """What the node of this name is to the rollout; ``chain``: its claims, if there are any."""
    node = fleet.nodes.get(name)
    if chain is None:
        joins = _joins(of, node, None)
        role, until = _remaining(fleet, of, None, node)
        return _BARE[role, joins] if until == math.inf else Stance(role, joins=joins, until=until)
    begun, members, failed, withdrawn = _told(of, chain)
    occupied = stop_overdue(fleet, chain) is not None
    role, until = _by_claims(fleet, of, chain, failed), math.inf
    if occupied and role is Role.UNSETTLED:
        role = Role.NONE
    if role is Role.NONE and not (occupied or node is None or (name, node.uid) in failed):
        role, until = _remaining(fleet, of, chain, node)
    joins = _joins(of, node, chain)
    return Stance(role, begun, joins, occupied, members, failed, withdrawn, until)


def _told(
    of: Scope, chain: Chain
) -> tuple[bool, tuple[ExecutionView, ...], dict[NodeKey, ExecutionView], dict[NodeKey, str]]:
    """What the node's executions tell of the rollout."""
    workload, own = of.version.workload_hash, of.deployment.name
    members: list[ExecutionView] = []
    failed: dict[NodeKey, ExecutionView] = {}
    withdrawn: dict[NodeKey, str] = {}
    begun = False
    for execution in chain.executions:
        if execution.workload_hash != workload or execution.deployment not in of.names:
            continue
        if execution.deployment == own and execution.created < of.since:
            continue  # of an earlier deployment of that name, which a user has deleted
        begun = True
        is_withdrawn = execution.withdrawn
        if is_withdrawn and not _left_after_its_verdict(execution):
            withdrawn[execution.node_key] = execution.details["withdrawn"]
        verdictless = execution.observed == "Stopped" and not execution.stable_at
        if execution.wave > 0 and not is_withdrawn and not verdictless:
            members.append(execution)
        if execution.observed == "Failed" and not execution.stable_at:
            failed.setdefault(execution.node_key, execution)
    # What goes back by itself leaves such a node with what it has; a user may want it again.
    before = chain.failure_of(workload) if of.goes_back else None
    if before is not None:
        failed[before.node_key] = before
    return begun, tuple(members), failed, withdrawn


def _left_after_its_verdict(execution: ExecutionView) -> bool:
    """Whether its node went away only after it was stable: that withdraws nothing."""
    return bool(execution.stable_at) and execution.details["withdrawn"] == "NodeGone"


def _by_claims(
    fleet: Fleet, of: Scope, chain: Chain, failed: Mapping[NodeKey, ExecutionView]
) -> Role:
    current = chain.current
    if current is None or current.node_key in failed:
        return Role.NONE
    if not is_up_to_date(current, of.version, of.deployment, fleet.now):
        return Role.NONE
    if current.observed == "Completed" or (current.stable_at and not current.terminal):
        return Role.UPDATED
    return Role.UNSETTLED if not current.terminal and _is_there(fleet, current) else Role.NONE


def _is_there(fleet: Fleet, execution: ExecutionView) -> bool:
    """Whether it can still come to a verdict: one that was lost is judged again on its return."""
    node = fleet.node_of(execution)
    return node is not None and (execution.observed != "Lost" or node.ready)


def _remaining(
    fleet: Fleet, of: Scope, chain: Chain | None, node: NodeView | None
) -> tuple[Role, float]:
    """Whether the node is still to be taken or waited for, and until when that holds."""
    absence = of.belonging.get(node.name) if node is not None else None
    if node is None or absence is None:
        return Role.NONE, math.inf
    if not absence:
        takeable = _takeable(fleet, of.deployment, node.name, chain)
        return (Role.CANDIDATE if takeable else Role.ABSENT), math.inf
    if absence != NOT_READY:
        return Role.NONE, math.inf
    started, until = of.deployment.started, node.ready_changed + fleet.settings.lost_after
    if started is None or node.ready_changed < started or fleet.now >= until:
        return Role.NONE, math.inf  # absent since before the start: left out, and caught up later
    return Role.ABSENT, until


def _takeable(fleet: Fleet, deployment: DeploymentView, name: str, chain: Chain | None) -> bool:
    """A rollback takes what runs something else; empty nodes get the stable version anyway.

    Unless that is not for them: a user may go back to a version of a wider selector.
    """
    if deployment.type != "Rollback" or (chain is not None and chain.live is not None):
        return True
    return fleet.stable is None or not fleet.is_target(fleet.stable, name)


def _joins(of: Scope, node: NodeView | None, chain: Chain | None) -> bool:
    """Whether the node came after the start: it is new, or was first claimed as a joiner."""
    started = of.deployment.started
    if started is None or node is None or node.name not in of.belonging:
        return False
    first = chain.executions[0] if chain is not None and chain.executions else None
    came = node.created if first is None else first.created
    return came > started and (first is None or first.wave == 0)
