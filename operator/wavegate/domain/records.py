"""Records: the status documents that are written of executions and versions.

A document is built whole and written only where it says something new. revision counts the
writes and the changes of the spec that lie between them; updatedAt is the time of the last write.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from wavegate.api.conditions import READY, Condition, set_conditions
from wavegate.domain import evidence
from wavegate.domain.actions import Note, Proof, SetStatus, Verdict
from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import DeploymentView, ExecutionView, VersionView
from wavegate.domain.times import format_time, parse_time
from wavegate.domain.verdict import Judgement

_READY_STATES = ("Running", "Completed")


def pruned(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document without fields that are None or empty, as the API server would keep it."""
    return {key: value for key, value in document.items() if value not in (None, "", {}, [])}


def stamped(
    document: Mapping[str, Any], old: Mapping[str, Any], generation: int, now: float
) -> dict[str, Any] | None:
    """The document with revision, updatedAt and observedGeneration; None if nothing is new."""
    counted = {"revision", "updatedAt"}
    new = {**pruned(document), "observedGeneration": generation}
    if new == {key: value for key, value in old.items() if key not in counted}:
        return None
    changes = max(0, generation - max(1, int(old.get("observedGeneration") or 1)))
    revision = int(old.get("revision") or 0) + changes + 1
    return {**new, "revision": revision, "updatedAt": format_time(now)}


def execution_status(
    fleet: Fleet,
    execution: ExecutionView,
    judgement: Judgement,
    *,
    pod_uid: str = "",
    previous: str = "",
    following: str = "",
    proof: Proof | None = None,
) -> SetStatus:
    """The write that puts a judgement on record."""
    old = execution.status
    stable_at = judgement.stable_at or execution.stable_at
    ready = judgement.observed in _READY_STATES
    reason = judgement.details.get("reason") or judgement.observed
    desired: dict[str, Any] = {"stateType": "Running"}
    if judgement.observed == "Stopped":
        desired = {"stateType": "Stopped", "message": judgement.message}
        desired["details"] = {"reason": reason}
    conditions = set_conditions(
        old.get("conditions") or (),
        [Condition(READY, "True" if ready else "False", reason, judgement.message)],
        format_time(fleet.now),
        execution.generation,
    )
    document = {
        "conditions": conditions,
        "desiredState": pruned(desired),
        "observedState": pruned(
            {
                "stateType": judgement.observed,
                "message": judgement.message,
                "details": {"reason": reason},
            }
        ),
        "details": {**_windows(execution), **judgement.details},
        "previousExecution": old.get("previousExecution") or previous,
        "nextExecution": following or old.get("nextExecution"),
        "stableAt": format_time(stable_at) if stable_at else None,
        "podUid": pod_uid or old.get("podUid"),
        "result": judgement.result or old.get("result"),
        "observedGeneration": execution.generation,
        "revision": int(old.get("revision") or 0) + 1,
        "updatedAt": format_time(fleet.now),
    }
    return SetStatus(
        kind="Execution",
        name=execution.name,
        uid=execution.uid,
        resource_version=execution.resource_version,
        status=pruned(document),
        proof=proof,
        notes=_notes(execution, judgement),
    )


def _windows(execution: ExecutionView) -> dict[str, str]:
    """The windows of its verdict, which are told once: what comes later does not take them away."""
    told = execution.details.get(evidence.WINDOWS)
    return {evidence.WINDOWS: told} if told else {}


def _verdict(execution: ExecutionView, judgement: Judgement) -> Verdict | None:
    """What this write says for the first time: a failure, an end, or a withdrawal."""
    details = judgement.details
    if judgement.observed == "Failed" != execution.observed:
        return Verdict("failed", details.get("reason", ""))
    if judgement.observed == "Completed" != execution.observed:
        return Verdict("completed", "Completed")
    if "withdrawn" in details and not execution.withdrawn and not execution.stable_at:
        return Verdict("withdrawn", details["withdrawn"])
    return None


def followed_by(execution: ExecutionView, following: str) -> SetStatus:
    """The write that names the execution which came after one that had ended.

    updatedAt stays: it is when the execution ended, and back-off counts from there.
    """
    status = {
        **execution.status,
        "nextExecution": following,
        "revision": int(execution.status.get("revision") or 0) + 1,
    }
    uid, resource_version = execution.uid, execution.resource_version
    return SetStatus("Execution", execution.name, uid, resource_version, status)


_NUMBERS: Final = ("exitCode", "errors", "total", "rate", "limit")


def _notes(execution: ExecutionView, judgement: Judgement) -> tuple[Note, ...]:
    """What is decided of an execution for the first time: for the log, never as an event."""
    verdict = _verdict(execution, judgement)
    where = f"v{execution.version} on {execution.node}"
    match verdict:
        case Verdict("failed"):
            reason, words = "ExecutionFailed", f"{where} failed: {judgement.message}"
        case Verdict("completed"):
            reason, words = "ExecutionCompleted", f"{where} ended well: {judgement.message}"
        case Verdict("withdrawn", why):
            reason, words = "ExecutionWithdrawn", f"{where} left its wave, not counted: {why}"
        case _ if judgement.stable_at and not execution.stable_at:
            reason, words = "ExecutionStable", f"{where} is stable: {judgement.message}"
        case _:
            return ()
    warning = reason == "ExecutionFailed"
    facts = {
        "version": execution.version,
        "wave": execution.wave,
        "deployment": execution.deployment,
        "node": execution.node,
        **({"blame": verdict.reason} if verdict is not None else {}),
        **{key: float(judgement.details[key]) for key in _NUMBERS if key in judgement.details},
    }
    return (Note(reason, words, warning, facts, counted=verdict, is_event=False),)


def _earliest_stamp(fleet: Fleet, version: VersionView, deployment: DeploymentView) -> float:
    """From when on a stamp is this rollout's: the clock may have gone back since it began.

    Times have whole seconds, and the version that was stamped last is the stable one.
    """
    before = [
        parse_time(each.status.get("completedAt"))
        for each in fleet.accepted
        if each.to_version == version.version and each.sequence < deployment.sequence
    ]
    last = fleet.stable
    if last is not None and last.name != version.name:
        before.append(last.stable_at)
    return max(deployment.started or 0.0, *(moment + 1 for moment in before if moment), 0.0)


def stable_version_status(
    fleet: Fleet, version: VersionView, deployment: DeploymentView
) -> SetStatus:
    """The write that makes a version the stable one, as long as its rollout is as it was seen.

    A former leader's late write would otherwise stamp it after the rollout was canceled.
    """
    old = version.status
    now = format_time(max(fleet.now, _earliest_stamp(fleet, version, deployment)))
    status = {
        **old,
        "stable": True,
        "stableAt": now,
        "observedGeneration": version.generation,
        "conditions": set_conditions(
            old.get("conditions") or (),
            [Condition(READY, "True", "Stable", "its rollout completed")],
            now,
            version.generation,
        ),
    }
    proof = Proof(
        deployment.name, deployment.uid, deployment.resource_version, kind="FleetDeployment"
    )
    uid, resource_version = version.uid, version.resource_version
    return SetStatus("JobVersion", version.name, uid, resource_version, status, proof)
