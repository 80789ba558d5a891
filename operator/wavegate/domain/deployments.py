"""Deployments: which one is open, which is accepted next, and what their status says.

One is open at a time. A new version supersedes the open one and starts from wave 1; it waits for
an open rollback. ``sequence`` never falls and is given when a deployment is accepted, which is when
no other is open. Users' deployments that this release cannot carry out are refused in their own
status.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from wavegate.api.base import MAX_MESSAGE
from wavegate.api.conditions import READY, RECONCILING, STALLED, Condition, set_conditions
from wavegate.domain.actions import Note, SetStatus, Step, Urgency
from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import DeploymentView, ExecutionView
from wavegate.domain.records import pruned, stamped
from wavegate.domain.rollout import Outlook, is_stamped
from wavegate.domain.times import format_time
from wavegate.domain.waves import Progress, settings_of

MOST_NAMES = 20
_TERMINAL = ("Completed", "Failed", "Canceled")


def active(fleet: Fleet) -> DeploymentView | None:
    """The deployment that acts: the accepted open one, else the one to be accepted now."""
    for each in fleet.accepted:
        if not each.terminal:
            return each
    waiting = [each for each in fleet.deployments if not each.terminal and not each.deleting]
    rollbacks = [each for each in waiting if each.type == "Rollback"]
    return max(rollbacks or waiting, key=lambda each: each.to_version, default=None)


def superseded(fleet: Fleet) -> list[DeploymentView]:
    """Open deployments of versions that a newer one with a deployment of its own has replaced."""
    kinds = ("Create", "Update")
    newest = max((each.to_version for each in fleet.deployments if each.type in kinds), default=0)
    return [
        each
        for each in fleet.deployments
        if not each.terminal
        and each.type in kinds
        and each.to_version < newest
        and not _has_stamped(fleet, each)
    ]


def _has_stamped(fleet: Fleet, deployment: DeploymentView) -> bool:
    """Whether it has made its version the stable one: it completes, whatever came since."""
    version = fleet.versions.get(deployment.to_version)
    return version is not None and is_stamped(version, deployment)


def supersede(fleet: Fleet, deployment: DeploymentView) -> Step | None:
    """The step that ends a deployment in favour of a newer version."""
    message = "a newer version has taken its place"
    document = {
        **deployment.status,
        "state": "Canceled",
        "reason": "Superseded",
        "message": message,
        "completedAt": format_time(fleet.now),
    }
    return _write(fleet, deployment, document, "Superseded")


def refuse_users(fleet: Fleet) -> list[Step]:
    """Refuse deployments that a user made: this release acts on its own alone."""
    steps = []
    for each in fleet.observed.deployments:
        if each.owner_uid or each.state or each.deleting:
            continue
        message = (
            f"spec.type: {each.type} deployments are made by the operator; change the FleetJob"
            f" {fleet.job.name}, or set paused, promoted or canceled on its open deployment"
        )
        document = {
            "state": "Failed",
            "reason": "Refused",
            "message": message,
            "jobUid": fleet.job.uid,
            "completedAt": format_time(fleet.now),
        }
        if step := _write(fleet, each, document, "Refused"):
            steps.append(step)
    return steps


def record(
    fleet: Fleet, run: Progress, outlook: Outlook, deadlines: dict[str, float], doing: str
) -> Step | None:
    """The step that writes the active deployment's status; None where it says nothing new.

    ``deadlines``: by node, of the executions being judged; ``doing``: who is judged, with numbers.
    """
    deployment = run.deployment
    document = dict(deployment.status)
    if not deployment.sequence:
        document |= _acceptance(fleet, run)
    document |= _pins(fleet, run, outlook)
    wave = run.members.get(run.current, ())
    in_wave = [deadlines[each.node] for each in wave if each.node in deadlines]
    progressed = [each.stable_at for each in _stable_members(run) if each.stable_at]
    message = outlook.message
    if doing and outlook.state == "InProgress":
        message = f"{message}; {doing}"
    document |= {
        "state": outlook.state,
        "reason": outlook.reason,
        "message": message[:MAX_MESSAGE],
        "currentWave": run.current,
        "totalWaves": max(run.sizes.waves, run.current),
        "updatedNodes": len(run.updated),
        "failedNodes": len(run.failed),
        "addedNodes": len(run.joiners),
        "canaryNodes": canaries(run),
        "canaryPromoted": deployment.promoted_gate or outlook.passed_gate or None,
        "healthCheckDeadline": _time(max(deadlines.values(), default=None)),
        "healthyDeadline": _time(max(in_wave, default=None)),
        "lastProgressTime": _time(max(progressed, default=None)),
        "withdrawn": [
            {"reason": reason, "nodes": nodes}
            for reason, nodes in sorted(Counter(run.withdrawn.values()).items())
        ],
        "failures": failures(run),
    }
    if outlook.state in _TERMINAL:
        document |= {"completedAt": format_time(fleet.now)}
        document |= {"healthCheckDeadline": None, "healthyDeadline": None}
    return _write(fleet, deployment, document, outlook.reason)


def _acceptance(fleet: Fleet, run: Progress) -> dict[str, Any]:
    sequence = max((each.sequence for each in fleet.deployments), default=0) + 1
    rollout = settings_of(run.deployment, run.version)
    return {
        "sequence": sequence,
        "acceptedAt": format_time(fleet.now),
        "jobUid": fleet.job.uid,
        "jobType": fleet.spec.type,
        "workloadHash": run.version.workload_hash,
        "resolved": {
            "fromVersion": run.deployment.from_version,
            "toVersion": run.deployment.to_version,
            "rollout": rollout_document(rollout),
        },
    }


def _pins(fleet: Fleet, run: Progress, outlook: Outlook) -> dict[str, Any]:
    """Pinned by the first pass that has a target, before the first Execution is created."""
    if run.deployment.started is not None or outlook.state != "InProgress":
        return {}
    return {
        "startedAt": format_time(fleet.now),
        "totalNodes": run.sizes.total,
        "waveSize": run.sizes.wave,
    }


def canaries(run: Progress) -> list[str]:
    """Names of the chosen canaries, at most 20."""
    if run.sizes.canary == 0:
        return []
    chosen = [each.node for each in run.members.get(1, ())]
    missing = max(0, run.sizes.canary - len(chosen))
    if run.current <= 1:
        chosen += list(run.candidates)[:missing]
    return sorted(chosen)[:MOST_NAMES]


def failures(run: Progress) -> list[dict[str, Any]]:
    """The first 20 failures with their evidence."""
    ordered = sorted(run.failed.values(), key=lambda each: (each.updated, each.node))
    return [_failure(each) for each in ordered[:MOST_NAMES]]


def _failure(execution: ExecutionView) -> dict[str, Any]:
    facts = execution.details
    state = execution.status.get("observedState") or {}
    window = {
        key: float(facts[key]) for key in ("errors", "total", "rate", "limit") if key in facts
    }
    return pruned(
        {
            "node": execution.node,
            "nodeUid": execution.node_uid,
            "execution": execution.name,
            "reason": facts.get("reason"),
            "message": state.get("message"),
            "exitCode": int(facts["exitCode"]) if "exitCode" in facts else None,
            "lastLogLine": facts.get("lastLogLine"),
            "at": execution.status.get("updatedAt"),
            "window": window,
        }
    )


def rollout_document(rollout: Any) -> dict[str, Any]:
    """Rollout settings as they are stored."""
    document: dict[str, Any] = rollout.model_dump(mode="json", by_alias=True, exclude_none=True)
    document.pop("paused", None)
    return document


def _stable_members(run: Progress) -> list[ExecutionView]:
    return [each for wave in run.members.values() for each in wave if each.stable_at]


def _time(moment: float | None) -> str | None:
    return format_time(moment) if moment is not None else None


def _conditions(
    fleet: Fleet, deployment: DeploymentView, document: dict[str, Any], reason: str
) -> list[dict[str, Any]]:
    state, message = str(document["state"]), str(document.get("message") or "")
    if state == "Failed":
        wanted = [
            Condition(READY, "False", reason, message),
            Condition(STALLED, "True", reason, message),
        ]
    elif state in ("Completed", "Canceled"):
        wanted = [Condition(READY, "True", reason, message)]
    else:
        wanted = [
            Condition(READY, "False", reason, message),
            Condition(RECONCILING, "True", reason, message),
        ]
        if reason == "NoCanary":
            wanted[1] = Condition(STALLED, "True", reason, message)
    old = deployment.status.get("conditions") or ()
    return set_conditions(old, wanted, format_time(fleet.now), deployment.generation)


def _complete(
    fleet: Fleet, deployment: DeploymentView, document: dict[str, Any], reason: str
) -> dict[str, Any] | None:
    document = {**document, "conditions": _conditions(fleet, deployment, document, reason)}
    counted = ("revision", "updatedAt", "observedGeneration")
    plain = {key: value for key, value in document.items() if key not in counted}
    return stamped(plain, deployment.status, deployment.generation, fleet.now)


def _write(
    fleet: Fleet, deployment: DeploymentView, document: dict[str, Any], reason: str
) -> Step | None:
    status = _complete(fleet, deployment, document, reason)
    if status is None:
        return None
    state = str(document["state"])
    notes: tuple[Note, ...] = ()
    if state != deployment.state:
        text = f"{deployment.name}: {document.get('message', '')}"
        notes = (Note(f"Rollout{state}", text, warning=state == "Failed"),)
    action = SetStatus(
        "FleetDeployment",
        deployment.name,
        deployment.uid,
        deployment.resource_version,
        status,
        notes=notes,
    )
    return Step(f"FleetDeployment/{deployment.name}", Urgency.RECORD, (action,))
