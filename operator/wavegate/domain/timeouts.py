"""Timeouts: how long a version may wait, run and be tried again.

- *execution*: one run. The kubelet ends the pod (activeDeadlineSeconds); the execution has failed
  by ExecutionTimeout, which is a failure as any other.
- *queue*: no target node. Counted from when the rollout was accepted, as long as it has not begun;
  then it is Failed, QueueTimeout. Nothing of the version ever ran, so it is not a failed workload,
  and there is nothing to take back.
- *total*: waiting, running and retries of one version, counted from when its newest deployment was
  accepted. An open rollout is Failed, TotalTimeout. What runs of the version is taken back by the
  rollback; where there is none to come, it is stopped, and it is not started again.

Assumptions: only the version of the newest accepted deployment has a clock: an older one that is
still on some nodes waits to be replaced. 0 means no limit.

| total 1h, accepted 10:00, no other version | at 10:59 | at 11:00 |
| --- | --- | --- |
| rollout open | goes on | Failed, TotalTimeout; stopped everywhere |
| rollout Completed, executions run | Running | stopped everywhere, the job is Failed |
| rollout Completed, every execution Completed | Completed | Completed |
| a type that runs to completion, every execution Completed or Failed | Completed | Completed |
"""

from __future__ import annotations

from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import DeploymentView, VersionView
from wavegate.domain.rollback import needs_rollback

QUEUE_TIMEOUT = "QueueTimeout"
TOTAL_TIMEOUT = "TotalTimeout"


def queue_ends(deployment: DeploymentView, version: VersionView) -> float | None:
    """When a rollout that has found no target is given up; None: never."""
    limit = version.spec.timeouts.queue if version.spec is not None else 0.0
    if not limit or deployment.accepted is None or deployment.started is not None:
        return None
    return deployment.accepted + limit


def total_ends(deployment: DeploymentView, version: VersionView) -> float | None:
    """When the time of a version, as this deployment wants it, is over; None: never."""
    limit = version.spec.timeouts.total if version.spec is not None else 0.0
    if not limit or deployment.accepted is None:
        return None
    return deployment.accepted + limit


def wanted_until(fleet: Fleet) -> float | None:
    """When the time of the newest accepted deployment's version is over; None: never."""
    newest = fleet.accepted[-1] if fleet.accepted else None
    version = fleet.versions.get(newest.to_version) if newest is not None else None
    return total_ends(newest, version) if newest is not None and version is not None else None


def is_over(fleet: Fleet, workload_hash: str) -> bool:
    """Whether the time of this workload is over, so that it is stopped and not started again.

    Not before its rollout's end is on record, and not while a rollback is to come: that takes it
    back node by node.
    """
    return fleet.once(over) == workload_hash


def over(fleet: Fleet) -> str | None:
    """The workload whose time is over; None: there is none."""
    ends = wanted_until(fleet)
    if ends is None or fleet.now < ends:
        return None
    newest = fleet.accepted[-1]
    if not newest.terminal or needs_rollback(fleet, newest):
        return None
    return newest.workload_hash
