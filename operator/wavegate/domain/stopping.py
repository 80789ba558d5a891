"""Stopping: a job that is suspended, or stopped by a user's Stop, runs nowhere.

Both stop every execution at once. A suspended job starts again when ``suspend`` is turned off, each
node on the version that it was last stable on. A Stop holds until the workload or the rollout
section of the spec changes, or a Restart is made (see wanted).

| spec.suspend | newest accepted deployment | runs |
| --- | --- | --- |
| true | any | nowhere (Suspended) |
| false | Stop, whatever its state but Canceled | nowhere (Stopped) |
| false | Stop, canceled by a person | as before |
| false | any, and a Stop waits for its turn | nowhere (Stopped) |
| false | Restart after a Stop | everywhere |

A Stop ends when nothing runs any more on nodes that are Ready. Nodes that are gone do not count,
and those that are NotReady stop when they are back.
"""

from __future__ import annotations

from dataclasses import dataclass

from wavegate.domain import asked
from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import DeploymentView
from wavegate.domain.user_deployments import first_in_line

SUSPENDED = "Suspended"
"""Reason of an execution that was stopped because its job is suspended."""

RUN_CANCELED = "RunCanceled"
"""Reason of an execution that was stopped because the run that it is a part of is to stop."""

STOPPED = "Stopped"
"""Reason of an execution that was stopped by a user's Stop."""


@dataclass(frozen=True, slots=True)
class Stop:
    """How far a Stop has come."""

    deployment: DeploymentView
    total: int
    """Nodes on which something ran when it began."""
    left: int
    """Ready nodes on which something still runs."""
    away: int
    """NotReady nodes on which something may still run: they have been told, and are not waited
    for."""

    @property
    def message(self) -> str:
        if self.left:
            return f"stopping: {self.left} of {self.total} nodes still run"
        text = f"stopped on {self.total - self.away} nodes"
        return (
            f"{text}; {self.away} that are NotReady stop when they are back" if self.away else text
        )


def stop_reason(fleet: Fleet) -> str:
    """Why nothing of the job is to run; empty if it is to run."""
    return fleet.once(_stop_reason)


def _stop_reason(fleet: Fleet) -> str:
    if asked.is_to_stop(fleet):
        return RUN_CANCELED
    if fleet.spec.suspend:
        return SUSPENDED
    return STOPPED if stopped_by(fleet) is not None else ""


def stopped_by(fleet: Fleet) -> DeploymentView | None:
    """The user's Stop that stands; None where there is none."""
    newest = fleet.accepted[-1] if fleet.accepted else None
    if newest is not None and newest.type == "Stop" and newest.state != "Canceled":
        return newest
    # One whose turn it is counts at once: nothing is started only to be stopped.
    following = first_in_line(fleet)
    return following if following is not None and following.type == "Stop" else None


def stop_progress(fleet: Fleet, deployment: DeploymentView) -> Stop:
    """Count what still runs; an execution counts until its end is on record."""
    running = [
        fleet.nodes[name]
        for name, chain in fleet.chains.items()
        if name in fleet.nodes
        and (
            any(not pod.terminal for pod in chain.pods)
            or any(not each.terminal for each in chain.executions)
        )
    ]
    left = sum(node.ready for node in running)
    pinned = deployment.total if deployment.started is not None else len(running)
    return Stop(deployment, max(pinned, len(running)), left, len(running) - left)
