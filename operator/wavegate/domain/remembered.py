"""Remembered: what the deployment that was accepted last has said holds without its object.

A user's deployment may be deleted once it has ended, as tools do that keep only what is in Git. So
the job's status remembers the one that was accepted last (status.lastAccepted). While its object is
there, that alone is read. When it is gone, the deployment is recalled as one that has ended:

| remembered | recalled |
| --- | --- |
| Rollback or Restart, Completed | Completed |
| Rollback or Restart, open, its version stamped stable since | Completed |
| Rollback or Restart, open | Canceled: no further node, nothing is taken back |
| Stop, open or Completed | Completed: it stands |
| any, Canceled or Failed | the same |
| Create or Update, open | Canceled (Superseded): it is made again, and finds its waves |
| automatic Rollback, open | not at all: it is made again for what failed before it |
| any, and a newer one was accepted | not at all |

The order of writes: a user's deployment is accepted, then the job remembers it, and only then its
end is written, so that a crash in between forgets nothing. A view of the job that is old remembers
an older deployment, which is recalled only where no newer one is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from wavegate.domain.observed import DeploymentView, JobView, VersionView
from wavegate.domain.times import format_time, parse_time


def last_sequence(job: JobView) -> int:
    """Place in the order of the deployment that the job remembers; 0: it remembers none."""
    return int(_memory(job).get("sequence") or 0)


def recalled(
    job: JobView, deployments: Iterable[DeploymentView], versions: Mapping[int, VersionView]
) -> DeploymentView | None:
    """The deployment that was accepted last, as ended, where its object is gone."""
    memory, sequence = _memory(job), last_sequence(job)
    if not sequence or any(
        each.uid == memory["uid"] or each.sequence >= sequence for each in deployments
    ):
        return None
    end = _end(memory, versions)
    if end is None:
        return None
    state, reason, message = end
    accepted = parse_time(memory["acceptedAt"])
    return DeploymentView(
        name=memory["name"],
        uid=memory["uid"],
        resource_version="",
        owner_uid="" if memory["byUser"] else job.uid,
        created=parse_time(memory["createdAt"]) or 0.0,
        generation=0,
        job_name=job.name,
        type=memory["type"],
        from_version=memory.get("fromVersion") or 0,
        to_version=memory.get("toVersion") or 0,
        rollout=None,
        state=state,
        reason=reason,
        sequence=sequence,
        accepted=accepted,
        started=accepted,
        workload_hash=memory.get("workloadHash") or "",
        status={**(job.status.get("rollout") or {}), "message": message},
    )


def to_remember(
    job: JobView,
    deployments: Iterable[DeploymentView],
    is_users: Callable[[DeploymentView], bool],
) -> Mapping[str, Any]:
    """status.lastAccepted of the job; as it is, where no deployment is seen that is so new."""
    newest = max(deployments, key=lambda each: each.sequence, default=None)
    if newest is None or newest.sequence < max(1, last_sequence(job)):
        return _memory(job)
    return _document(newest, by_user=is_users(newest))


def _document(deployment: DeploymentView, *, by_user: bool) -> dict[str, Any]:
    remembered = {
        "name": deployment.name,
        "uid": deployment.uid,
        "byUser": by_user,
        "type": deployment.type,
        "fromVersion": deployment.from_version or None,
        "toVersion": deployment.to_version or None,
        "workloadHash": deployment.workload_hash or None,
        "sequence": deployment.sequence,
        "createdAt": format_time(deployment.created),
        "acceptedAt": format_time(deployment.accepted or deployment.created),
    }
    if deployment.terminal:
        remembered |= {"state": deployment.state, "reason": deployment.reason or None}
        remembered |= {"message": deployment.status.get("message")}
    return {key: value for key, value in remembered.items() if value is not None}


def _memory(job: JobView) -> Mapping[str, Any]:
    return job.status.get("lastAccepted") or {}


def _end(
    memory: Mapping[str, Any], versions: Mapping[int, VersionView]
) -> tuple[str, str, str] | None:
    """State, reason and message with which it is recalled; None: it is not."""
    if state := memory.get("state"):
        return state, memory.get("reason") or state, memory.get("message") or ""
    if not memory["byUser"]:
        return ("Canceled", "Superseded", "") if memory["type"] != "Rollback" else None
    version = versions.get(memory.get("toVersion") or 0)
    stamped = version.stable_at if version is not None else None
    accepted = parse_time(memory["acceptedAt"]) or 0.0
    if memory["type"] == "Stop" or (stamped is not None and stamped >= accepted):
        return "Completed", "Completed", ""
    words = (
        f"FleetDeployment {memory['name']} was deleted before it had ended: nodes keep what they"
        " run until the spec changes or another is made"
    )
    return "Canceled", "Canceled", words
