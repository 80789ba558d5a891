"""Deployments: which one is open, which is accepted next, and what their status says.

One is open at a time. A new version supersedes the open one and starts from wave 1; it waits for
an open rollback. A user's Rollback or Stop supersedes whatever is open (see user_deployments).
``sequence`` never falls and is given when a deployment is accepted, which is when no other is open.
A user's ends only once the job remembers it (see remembered).

| open | comes | then |
| --- | --- | --- |
| Update v2 | Update v3 | v2 is Canceled (Superseded), v3 is accepted |
| automatic Rollback | Update v3 | v3 waits until the rollback has ended |
| anything | a user's Rollback or Stop | the open one is Canceled (Superseded) |
| a user's Restart or Stop | Update v3 | the user's is Canceled (Superseded) |
| nothing | automatic Rollback and a user's | the user's; the automatic one is Canceled |
| nothing | a user's Restart, then a user's Stop | the Stop; the Restart is Canceled (Superseded) |
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from wavegate.api.base import MAX_MESSAGE
from wavegate.api.conditions import READY, RECONCILING, STALLED, Condition, set_conditions
from wavegate.api.names import rollback_name
from wavegate.domain import asked, milestones, prepull
from wavegate.domain.actions import SetStatus, Step, Urgency
from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import DeploymentView, ExecutionView, Observed
from wavegate.domain.records import pruned, stamped
from wavegate.domain.remembered import last_sequence
from wavegate.domain.rollout import STALLING, Outlook, is_stamped
from wavegate.domain.stopping import Stop
from wavegate.domain.times import format_time
from wavegate.domain.user_deployments import SUPERSEDING, answers, first_in_line, version_left
from wavegate.domain.wanted import overtaken_by
from wavegate.domain.waves import Progress, settings_of

MOST_NAMES = 20
_TERMINAL = ("Completed", "Failed", "Canceled")


def active(fleet: Fleet) -> DeploymentView | None:
    """The deployment that acts: the accepted open one, else the one to be accepted now."""
    for each in fleet.accepted:
        if not each.terminal:
            return each
    if (users := first_in_line(fleet)) is not None:
        return _resolved(fleet, users)
    waiting = [each for each in fleet.deployments if _is_waiting(fleet, each)]
    rollbacks = [each for each in waiting if each.type == "Rollback"]
    return max(rollbacks or waiting, key=lambda each: each.to_version, default=None)


def _is_waiting(fleet: Fleet, deployment: DeploymentView) -> bool:
    """Whether it is one of the operator's own that has not been accepted yet."""
    begun = deployment.sequence or deployment.terminal or deployment.deleting
    return not begun and not fleet.is_users(deployment)


def _resolved(fleet: Fleet, deployment: DeploymentView) -> DeploymentView:
    """A user's deployment with what it leaves and where it goes filled in."""
    to_version = deployment.to_version
    if deployment.type == "Restart" and not to_version and fleet.stable is not None:
        to_version = fleet.stable.version
    return replace(deployment, from_version=version_left(fleet), to_version=to_version)


def superseded(fleet: Fleet) -> list[tuple[DeploymentView, DeploymentView]]:
    """Open deployments and, of each, the one that takes its place.

    A user's Rollback or Stop takes that of whatever is open; a newer version takes that of any but
    an open rollback, for which it waits.
    """
    found = []
    for each in fleet.deployments:
        if each.terminal or _has_stamped(fleet, each):
            continue
        successor = _successor(fleet, each)
        if successor is not None and successor is not each:
            found.append((each, successor))
    return found


def _successor(fleet: Fleet, deployment: DeploymentView) -> DeploymentView | None:
    users = first_in_line(fleet)
    if deployment.sequence and users is not None and users.type in SUPERSEDING:
        return users
    if fleet.is_users(deployment):
        return _newest_update(fleet) if deployment.sequence and not _holds(deployment) else None
    if deployment.type == "Rollback":
        last = fleet.accepted[-1] if fleet.accepted else None
        if last is None or deployment.sequence:
            return None
        return last if rollback_name(last.name) != deployment.name else None
    newer = _newest_update(fleet, above=deployment.to_version)
    if newer is None and not deployment.sequence:
        return _overtaken(fleet, deployment)
    return newer


def _overtaken(fleet: Fleet, deployment: DeploymentView) -> DeploymentView | None:
    """The user's deployment that is newer than the version which this one rolls out."""
    version = fleet.versions.get(deployment.to_version)
    return overtaken_by(fleet, version) if version is not None else None


def _holds(deployment: DeploymentView) -> bool:
    """A new version waits for an open rollback, which its deadlines end."""
    return deployment.type == "Rollback" and deployment.started is not None


def _newest_update(fleet: Fleet, above: int | None = None) -> DeploymentView | None:
    """The operator's newest Create or Update: of a version above one, or not accepted yet."""
    own = [
        each
        for each in fleet.deployments
        if each.type in ("Create", "Update") and not fleet.is_users(each)
    ]
    if above is None:
        own = [each for each in own if _is_waiting(fleet, each) and not _overtaken(fleet, each)]
    else:
        own = [each for each in own if each.to_version > above]
    return max(own, key=lambda each: each.to_version, default=None)


def _has_stamped(fleet: Fleet, deployment: DeploymentView) -> bool:
    """Whether it has made its version the stable one: it completes, whatever came since."""
    version = fleet.versions.get(deployment.to_version)
    return version is not None and is_stamped(fleet, version, deployment)


def supersede(fleet: Fleet, deployment: DeploymentView, by: DeploymentView) -> Step | None:
    """The step that ends a deployment in favour of another."""
    document = {
        **deployment.status,
        "state": "Canceled",
        "reason": "Superseded",
        "message": f"FleetDeployment {by.name} has taken its place",
        "completedAt": format_time(fleet.now),
    }
    return _write(fleet.now, deployment, document)


def end_asked(fleet: Fleet) -> list[Step | None]:
    """End what is open of a job that is not rolled out any more, each with its reason."""
    return [
        _write(
            fleet.now,
            each,
            {
                **each.status,
                "state": "Canceled",
                "reason": reason,
                "message": words,
                "jobUid": each.job_uid or fleet.job.uid,
                "completedAt": format_time(fleet.now),
            },
        )
        for each, reason, words in asked.ended(fleet)
    ]


def answer_users(fleet: Fleet) -> list[Step | None]:
    """End the users' deployments that are not to be carried out, each with its reason."""
    return [
        _write(
            fleet.now,
            each,
            {
                **each.status,
                "state": said.state,
                "reason": said.reason,
                "message": said.message,
                "jobUid": each.job_uid or fleet.job.uid,
                "completedAt": format_time(fleet.now),
            },
        )
        for each, said in answers(fleet)
    ]


def wait_for(now: float, deployment: DeploymentView, reason: str, message: str) -> Step | None:
    """Say why a deployment that is not accepted yet has to wait."""
    document = {**deployment.status, "state": "Pending", "reason": reason, "message": message}
    return _write(now, deployment, document)


def without_job(observed: Observed) -> list[Step | None]:
    """Users' deployments of a job that does not exist wait for it."""
    words = f"there is no FleetJob {observed.job.name} in this namespace; waits for it"
    return [
        wait_for(observed.now, each, "JobMissing", words)
        for each in observed.deployments
        if not (each.owner_uid or each.job_uid or each.terminal or each.deleting)
    ]


def record_stop(fleet: Fleet, stop: Stop) -> Step | None:
    """The step that writes a Stop's status; None where it says nothing new."""
    deployment = stop.deployment
    document = dict(deployment.status)
    if not deployment.sequence:
        document |= _acceptance(fleet, deployment, None)
    if deployment.started is None:
        document |= {"startedAt": format_time(fleet.now), "totalNodes": stop.total}
    state, reason = "InProgress", "Stopping"
    if deployment.canceled:
        state = reason = "Canceled"
    elif not stop.left:
        state, reason = "Completed", "Stopped"
    if state in _TERMINAL and not _may_end(fleet, deployment):
        state, reason = "InProgress", "Stopping"
    document |= {
        "state": state,
        "reason": reason,
        "message": stop.message,
        "updatedNodes": stop.total - stop.left,
    }
    if state in _TERMINAL:
        document |= {"completedAt": format_time(fleet.now)}
    return _write(fleet.now, deployment, document)


def record(
    fleet: Fleet, run: Progress, outlook: Outlook, deadlines: dict[str, float], doing: str
) -> Step | None:
    """The step that writes the active deployment's status; None where it says nothing new.

    ``deadlines``: by node, of the executions being judged; ``doing``: who is judged, with numbers.
    """
    deployment = run.deployment
    document = dict(deployment.status)
    if not deployment.sequence:
        document |= _acceptance(fleet, deployment, run)
    document |= _pins(fleet, run, outlook)
    in_wave = [at for name, at in deadlines.items() if name in run.in_wave]
    state, reason = outlook.state, outlook.reason
    if state in _TERMINAL and not _may_end(fleet, deployment):
        state, reason = "InProgress", "Progressing"
    going_on = doing if state == "InProgress" else ""
    early = prepull.refused(fleet) if state not in _TERMINAL else ""
    message = "; ".join(words for words in (outlook.message, going_on, early) if words)
    document |= {
        "state": state,
        "reason": reason,
        "message": message[:MAX_MESSAGE],
        "currentWave": run.shown_wave,
        "totalWaves": run.shown_waves,
        "updatedNodes": len(run.updated),
        "failedNodes": len(run.failed),
        "addedNodes": run.added,
        "canaryNodes": canaries(run),
        "canaryPromoted": deployment.promoted_gate or outlook.passed_gate or None,
        "healthCheckDeadline": _time(max(deadlines.values(), default=None)),
        "healthyDeadline": _time(max(in_wave, default=None)),
        "lastProgressTime": _time(run.progressed),
        "withdrawn": [
            {"reason": reason, "nodes": nodes}
            for reason, nodes in sorted(Counter(run.withdrawn.values()).items())
        ],
        "failures": failures(run),
    }
    if state in _TERMINAL:
        # The clock may have gone back since the version was stamped.
        stamped_at = run.version.stable_at if state == "Completed" else None
        document |= {"completedAt": format_time(max(fleet.now, stamped_at or 0.0))}
        document |= {"healthCheckDeadline": None, "healthyDeadline": None}
    return _write(fleet.now, deployment, document, run)


def _acceptance(fleet: Fleet, deployment: DeploymentView, run: Progress | None) -> dict[str, Any]:
    """What is pinned when a deployment is accepted; ``run`` is None for a Stop."""
    resolved: dict[str, Any] = {
        "fromVersion": deployment.from_version,
        "toVersion": deployment.to_version,
    }
    if run is not None:
        resolved["rollout"] = rollout_document(settings_of(deployment, run.version))
    return {
        "sequence": _last_sequence(fleet) + 1,
        "acceptedAt": format_time(fleet.now),
        "jobUid": fleet.job.uid,
        "jobType": fleet.spec.type,
        "workloadHash": run.version.workload_hash if run is not None else None,
        "resolved": resolved,
    }


def _last_sequence(fleet: Fleet) -> int:
    return max([last_sequence(fleet.job), *(each.sequence for each in fleet.deployments)])


def _may_end(fleet: Fleet, deployment: DeploymentView) -> bool:
    """Whether the job remembers what a user has said, as it must before that ends."""
    return not fleet.is_users(deployment) or 0 < deployment.sequence <= last_sequence(fleet.job)


def _pins(fleet: Fleet, run: Progress, outlook: Outlook) -> dict[str, Any]:
    """Pinned by the first pass that has a target, before the first Execution is created."""
    if outlook.state != "InProgress":
        return {}
    counts = {"totalNodes": run.sizes.total, "waveSize": run.sizes.wave}
    if run.deployment.started is not None:
        return counts  # as they are, or renewed (see sizes)
    return {"startedAt": format_time(fleet.now), **counts}


def canaries(run: Progress) -> list[str]:
    """Names of the chosen canaries, at most 20."""
    if run.sizes.canary == 0:
        return []
    chosen = [each.node for each in run.members.get(1, ())]
    missing = max(0, run.sizes.canary - len(chosen))
    if run.current <= 1:
        chosen += run.canaries[:missing]
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


def _time(moment: float | None) -> str | None:
    return format_time(moment) if moment is not None else None


def _conditions(
    now: float, deployment: DeploymentView, document: dict[str, Any]
) -> list[dict[str, Any]]:
    state, message = str(document["state"]), str(document.get("message") or "")
    reason = str(document.get("reason") or state)
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
        if reason in STALLING:
            wanted[1] = Condition(STALLED, "True", reason, message)
    old = deployment.status.get("conditions") or ()
    return set_conditions(old, wanted, format_time(now), deployment.generation)


def _complete(
    now: float, deployment: DeploymentView, document: dict[str, Any]
) -> dict[str, Any] | None:
    document = {**document, "conditions": _conditions(now, deployment, document)}
    counted = ("revision", "updatedAt", "observedGeneration")
    plain = {key: value for key, value in document.items() if key not in counted}
    return stamped(plain, deployment.status, deployment.generation, now)


def _write(
    now: float, deployment: DeploymentView, document: dict[str, Any], run: Progress | None = None
) -> Step | None:
    document = {**document, **milestones.waiting(deployment, str(document["state"]), now)}
    status = _complete(now, deployment, document)
    if status is None:
        return None
    action = SetStatus(
        "FleetDeployment",
        deployment.name,
        deployment.uid,
        deployment.resource_version,
        status,
        notes=milestones.notes(deployment, document, now, run),
    )
    return Step(f"FleetDeployment/{deployment.name}", Urgency.RECORD, (action,))
