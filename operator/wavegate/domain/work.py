"""Work: the next step on one node, from the claims and pods that are there.

One step a node and pass, the first of these that applies:

1. what is to stop is stopped, and its end recorded once no pod is left;
2. an older claim is ended: its pod first, then its record, then the pod of the new claim;
3. a new judgement goes on record;
4. a new claim is made, and what it replaces is stopped;
5. a live claim without a pod gets one; a pod that has ended is removed first;
6. an execution that ended before another was there to replace it gets its link to that one;
7. records that nobody needs any more are removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wavegate.api.names import execution_name, pod_name
from wavegate.domain.actions import (
    Action,
    CreateExecution,
    CreatePod,
    DeletePod,
    DeleteRecord,
    Proof,
    Step,
    Urgency,
)
from wavegate.domain.claim import Chain
from wavegate.domain.cordon import cordon, wants_cordon
from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import ExecutionView, PodView, VersionView
from wavegate.domain.places import REPLACED
from wavegate.domain.records import execution_status, followed_by
from wavegate.domain.timeouts import TOTAL_TIMEOUT
from wavegate.domain.verdict import NOT_A_TARGET, WITHDRAWN_FOR_GOOD, Judgement

_LONG_CHAIN = 12
"""Claims on a node above which old ones are removed although the newest is not stable yet."""


@dataclass(frozen=True, slots=True)
class NewClaim:
    """The decision that a node is to get a version now."""

    version: VersionView
    wave: int
    deployment: str


def stop(fleet: Fleet, chain: Chain, reason: str) -> Step | None:
    """End everything of the job on a node."""
    running = _delete_pods(_ours(chain), reason)
    if running:
        return _step(chain, Urgency.REMOVE, running)
    if _ours(chain):
        return None  # it takes its grace period to stop
    writes = [_ended(fleet, each, reason, "") for each in chain.executions if _open(each)]
    return _step(chain, Urgency.RECORD, writes)


def end_older(fleet: Fleet, chain: Chain) -> Step | None:
    """End claims that a newer one has replaced."""
    current, theirs = chain.current, chain.older_pods
    if current is None or not (chain.older_open or theirs):
        return None
    running = _delete_pods(theirs, REPLACED)
    if running:
        return _step(chain, Urgency.REMOVE, running)
    if theirs:
        return None  # it takes its grace period to stop
    writes: list[Action] = [
        _ended(fleet, each, REPLACED, current.name) for each in chain.older_open if _open(each)
    ]
    return _step(chain, Urgency.RECORD, [*writes, *_pod_of(fleet, chain, current)])


def record(
    fleet: Fleet, chain: Chain, execution: ExecutionView, judgement: Judgement
) -> Step | None:
    """Put a judgement on record, where it says something new."""
    if not _is_news(execution, judgement):
        return None
    pod, proof = chain.own_pod, None
    if judgement.needs_proof:
        name = pod_name(fleet.job.name, chain.node)
        proof = Proof(name, pod.uid if pod else "", pod.resource_version if pod else "")
    before = chain.before(execution)
    write = execution_status(
        fleet,
        execution,
        judgement,
        pod_uid=pod.uid if pod is not None else "",
        previous=before.name if before is not None else "",
        proof=proof,
    )
    return _step(chain, Urgency.RECORD, [write])


def claim(fleet: Fleet, chain: Chain, new: NewClaim) -> Step | None:
    """Claim the node, then stop what runs there, or start at once where nothing does."""
    if any(pod not in _ours(chain) for pod in chain.pods):
        return None  # a former job's pod occupies it
    node = fleet.nodes[chain.node]
    name = execution_name(fleet.job.name, chain.node, chain.next_attempt)
    create = CreateExecution(
        name=name,
        version=new.version.version,
        node=chain.node,
        node_uid=node.uid,
        wave=new.wave,
        deployment=new.deployment,
        attempt=chain.next_attempt,
        workload_hash=new.version.workload_hash,
        eval_id=fleet.observed.eval_id,
        labels=new.version.spec.labels if new.version.spec is not None else {},
    )
    actions: list[Action] = [create, *_delete_pods(chain.pods, REPLACED)]
    if wants_cordon(new.version):
        actions.insert(0, cordon(fleet.job, node, name))
    if not chain.pods and not any(_open(each) for each in chain.executions):
        actions.append(CreatePod(name, chain.node, new.version.version, new.deployment))
    urgency = Urgency.REMOVE if new.wave == 0 and chain.executions else Urgency.CREATE
    return Step(_key(chain), urgency, tuple(actions), group=f"v{new.version.version}")


def keep_running(fleet: Fleet, chain: Chain, execution: ExecutionView) -> Step | None:
    """Give a live claim its pod, or make one again that was deleted or evicted."""
    pod = chain.own_pod
    if pod is not None:
        evicted = pod.terminal and pod.deletion is None
        return _step(chain, Urgency.REMOVE, _delete_pods([pod], "Ended")) if evicted else None
    version = fleet.versions.get(execution.version)
    if chain.pods or version is None:
        return None
    if fleet.is_target(version, chain.node):
        return _step(chain, Urgency.CREATE, _pod_of(fleet, chain, execution), f"v{version.version}")
    node = fleet.node_of(execution)
    if execution.stable_at or node is None:
        return None  # not made again until the node is a target again
    if not node.ready and not execution.withdrawn:
        return None  # it is waited for until its deadline
    return _step(chain, Urgency.RECORD, [_withdrawn(fleet, execution)])


def link(chain: Chain) -> Step | None:
    """Tell an execution that ended by itself which one has followed it, once that is settled."""
    current = chain.current
    before = chain.before(current) if current is not None else None
    if current is None or before is None or not before.terminal:
        return None
    if not (current.stable_at or current.terminal) or "nextExecution" in before.status:
        return None
    return _step(chain, Urgency.CLEAN, [followed_by(before, current.name)])


def remove_leftovers(
    fleet: Fleet, chain: Chain, wanted: VersionView | None, open_names: frozenset[str]
) -> Step | None:
    """Remove the pod of a failed claim, and records that nobody needs any more."""
    current = chain.current
    if current is None or (len(chain.executions) == 1 and not current.terminal):
        return None
    if chain.node not in fleet.nodes:
        over = [e for e in chain.executions if e.terminal and e.deployment not in open_names]
        return _forget(chain, over)
    if current.terminal and current.observed != "Completed":
        running = _delete_pods(_ours(chain), "Ended")
        if running:
            return _step(chain, Urgency.REMOVE, running)
    if not (current.stable_at or len(chain.executions) > _LONG_CHAIN):
        return None
    workloads = {each.workload_hash for each in (wanted, fleet.stable) if each is not None}
    kept = _kept(chain, current, workloads, open_names)
    old = [each for each in chain.executions if each.name not in kept and each.terminal]
    return _forget(chain, old)


def _forget(chain: Chain, old: Sequence[ExecutionView]) -> Step | None:
    writes = [
        DeleteRecord("Execution", each.name, each.uid, each.resource_version) for each in old[:4]
    ]
    return _step(chain, Urgency.CLEAN, writes)


def _kept(
    chain: Chain, current: ExecutionView, workloads: set[str], open_names: frozenset[str]
) -> set[str]:
    """The live one, the one it replaced, the newest failed one of each of these workloads (the
    wanted and the stable one), the open deployment's, and what the node was last stable on."""
    kept = {current.name}
    for other in (chain.before(current), chain.last_stable):
        if other is not None:
            kept.add(other.name)
    failed = {e.workload_hash: e.name for e in chain.executions if e.observed == "Failed"}
    kept |= {name for workload, name in failed.items() if workload in workloads}
    if len(chain.executions) <= _LONG_CHAIN:
        kept |= {each.name for each in chain.executions if each.deployment in open_names}
    return kept


def _ours(chain: Chain) -> list[PodView]:
    own = {each.uid for each in chain.executions if each.uid}
    return [pod for pod in chain.pods if pod.owner_uid in own]


def _open(execution: ExecutionView) -> bool:
    return not execution.terminal and not execution.assumed


def _delete_pods(pods: Sequence[PodView], why: str) -> list[Action]:
    return [
        DeletePod(pod.name, pod.uid, pod.resource_version, why)
        for pod in pods
        if pod.deletion is None
    ]


def _ended(fleet: Fleet, execution: ExecutionView, reason: str, following: str) -> Action:
    details = {**execution.details, "reason": reason}
    judgement = Judgement("Stopped", _WORDS.get(reason, reason), details, execution.stable_at)
    return execution_status(fleet, execution, judgement, following=following)


_WORDS = {
    REPLACED: "another version took its place",
    "Suspended": "the job is suspended",
    "Stopped": "the job is stopped by a FleetDeployment of type Stop",
    "NoLongerMatches": "its node no longer matches the selector",
    TOTAL_TIMEOUT: "the time of its version is over (spec.timeouts.total)",
}


def _withdrawn(fleet: Fleet, execution: ExecutionView) -> Action:
    details = {**WITHDRAWN_FOR_GOOD, **execution.details, "reason": "Withdrawn"}
    return execution_status(fleet, execution, Judgement("Stopped", NOT_A_TARGET, details))


def _pod_of(fleet: Fleet, chain: Chain, execution: ExecutionView) -> list[Action]:
    version = fleet.versions.get(execution.version)
    if version is None or chain.own_pod is not None or not _open(execution):
        return []
    if not fleet.is_target(version, chain.node):
        return []
    return [CreatePod(execution.name, chain.node, version.version, execution.deployment)]


def _is_news(execution: ExecutionView, judgement: Judgement) -> bool:
    if judgement.observed != execution.observed:
        return True
    if judgement.details.get("withdrawn") != execution.details.get("withdrawn"):
        return True
    stored = execution.status.get("observedState") or {}
    if judgement.observed in ("Starting", "Degraded"):
        return str(stored.get("message") or "") != judgement.message
    return False


def _key(chain: Chain) -> str:
    return f"node/{chain.node}"


def _step(
    chain: Chain, urgency: Urgency, actions: Sequence[Action], group: str = ""
) -> Step | None:
    return Step(_key(chain), urgency, tuple(actions), group) if actions else None
