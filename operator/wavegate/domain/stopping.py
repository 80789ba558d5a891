"""Stopping: a job that is suspended, or stopped by a user's Stop, runs nowhere.

Both stop every execution at once. A suspended job starts again when ``suspend`` is turned off, each
node on the version that it was last stable on. A Stop holds until the workload or the rollout
section of the spec changes, or a Restart is made (see wanted).

| spec.suspend | newest accepted deployment | runs |
| --- | --- | --- |
| true | any | nowhere (Suspended) |
| false | Stop, whatever its state but Canceled | nowhere (Stopped) |
| false | Stop, canceled by a person | as before |
| false | Restart after a Stop | everywhere |
"""

from __future__ import annotations

from dataclasses import dataclass

from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import DeploymentView

SUSPENDED = "Suspended"
"""Reason of an execution that was stopped because its job is suspended."""

STOPPED = "Stopped"
"""Reason of an execution that was stopped by a user's Stop."""


@dataclass(frozen=True, slots=True)
class Stop:
    """How far a Stop has come."""

    deployment: DeploymentView
    total: int
    """Nodes on which something ran when it began."""
    left: int
    """Nodes on which something still runs."""

    @property
    def message(self) -> str:
        if self.left:
            return f"stopping: {self.left} of {self.total} nodes still run"
        return f"stopped on {self.total} nodes"


def stop_reason(fleet: Fleet) -> str:
    """Why nothing of the job is to run; empty if it is to run."""
    if fleet.spec.suspend:
        return SUSPENDED
    newest = fleet.accepted[-1] if fleet.accepted else None
    if newest is not None and newest.type == "Stop" and newest.state != "Canceled":
        return STOPPED
    return ""


def stop_progress(fleet: Fleet, deployment: DeploymentView) -> Stop:
    """Count what still runs; an execution counts until its end is on record."""
    left = sum(
        bool(chain.pods) or any(not each.terminal for each in chain.executions)
        for chain in fleet.chains.values()
    )
    pinned = deployment.total if deployment.started is not None else left
    return Stop(deployment, max(pinned, left), left)
