"""Events: every reason that the operator gives, on which object, and what it means.

An event says that something has become so; what is so is in the object's status. The last wave's
end and a gate's decision come with the rollout's own event, and what a single execution comes to is
in its status: the number of events grows neither with the number of nodes nor with that of runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

_Kind = Literal["FleetJob", "FleetDeployment", "HTTPJob", "RunBatch"]


@dataclass(frozen=True, slots=True)
class EventReason:
    """``kind``: of the object that the event is about."""

    reason: str
    kind: _Kind
    type: Literal["Normal", "Warning"]
    description: str


def _normal(kind: _Kind, reason: str, words: str) -> EventReason:
    return EventReason(reason, kind, "Normal", words)


def _warning(kind: _Kind, reason: str, words: str) -> EventReason:
    return EventReason(reason, kind, "Warning", words)


_JOB: Final = "FleetJob"
_ROLLOUT: Final = "FleetDeployment"
_CALLS: Final = "HTTPJob"
_BATCH: Final = "RunBatch"

EVENTS: Final = (
    _normal(_ROLLOUT, "RolloutPending", "It waits, for a first node or for its job."),
    _normal(_ROLLOUT, "RolloutStarted", "It takes nodes: its total and wave size are pinned."),
    _normal(_ROLLOUT, "WaveEnded", "Each node of a wave is stable, and the next wave begins."),
    _warning(
        _ROLLOUT,
        "WaveFailures",
        "A wave is over and nodes of it have failed, within the budget; the next wave begins.",
    ),
    _normal(
        _ROLLOUT,
        "RolloutPaused",
        "It waits for a person: somebody paused it, or its gate waits to be promoted.",
    ),
    _normal(_ROLLOUT, "RolloutResumed", "A person has resumed or promoted it."),
    _normal(_ROLLOUT, "RolloutCompleted", "It has ended well, within its budget."),
    _warning(_ROLLOUT, "RolloutFailed", "It has ended badly, or was refused."),
    _normal(_ROLLOUT, "RolloutCanceled", "A person, or what took its place, has ended it."),
    _normal(_JOB, "Queued", "No node matches; spec.timeouts.queue says for how long it waits."),
    _normal(_JOB, "Running", "It runs, after a rollout or after something was wrong."),
    _normal(_JOB, "Completed", "It has run to its end."),
    _normal(_JOB, "Degraded", "It runs, and not well on some nodes."),
    _normal(_JOB, "Stopped", "It is suspended, or stopped by a FleetDeployment."),
    _warning(_JOB, "RolloutFailed", "A rollout ended badly or was canceled, with no way back."),
    _warning(_JOB, "Failed", "Its work failed: a type that runs to its end, or a time-out."),
    _warning(_JOB, "RolledBack", "A version failed, and the last stable one runs again."),
    _warning(_JOB, "FailedWorkload", "The spec is again what has failed before; nothing is done."),
    _warning(_JOB, "Held", "A Rollback or Stop holds until the spec changes more than words."),
    _warning(_JOB, "NoCanary", "No node can be a canary, and no other wave comes before."),
    _warning(_JOB, "InvalidSpec", "This release does not understand the stored spec."),
    _warning(_JOB, "TemplateRefused", "The API server refuses a pod of the version."),
    _warning(_JOB, "VersionMissing", "A JobVersion that is needed is gone."),
    _warning(_JOB, "SourceNotConfigured", "The source of its error rate is not configured."),
    _warning(_JOB, "Stranger", "Something that is not ours has the name or label of a child."),
    _warning(_JOB, "CordonForbidden", "The operator may not cordon nodes, which the job asks."),
    _normal(_CALLS, "Active", "Runs start again, after it was suspended or not understood."),
    _normal(_CALLS, "Suspended", "No run starts until spec.suspend is false."),
    _warning(_CALLS, "InvalidSpec", "Its spec is not understood; no run starts."),
    _warning(
        _CALLS,
        "RunFailed",
        "A run has ended badly: told once in ten minutes for each phase and reason, with the name"
        " of one run.",
    ),
    _warning(_CALLS, "TicksMissed", "Ticks of its schedule passed, and no run was made for them."),
    _normal(_BATCH, "BatchCompleted", "All its runs completed, or have ended where it cancels."),
    _normal(_BATCH, "BatchCanceled", "Somebody has canceled it, and its runs have ended."),
    _warning(_BATCH, "BatchFailed", "All its runs have ended, and not all of them completed."),
    _warning(_BATCH, "BatchRefused", "Something was wrong with it, and nothing was done."),
    _warning(
        _CALLS,
        "WebhookHeld",
        "Its webhook is told of nothing: it has answered 410, or a Secret cannot be read.",
    ),
    _warning(
        _CALLS,
        "WebhookFailed",
        "Its webhook is not told of a run, in spite of all attempts, or since too many wait: told"
        " once in ten minutes for each kind of failure, with the name of one run.",
    ),
)
