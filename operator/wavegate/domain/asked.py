"""Asked: jobs that are executed when asked, and the jobs that runs of them are.

A job with ``spec.runs`` or ``spec.trigger`` is a template: its changes make versions and no
rollout, and what asks for it is a run. A run makes a job of its own name, which is rolled out once,
as long as the run is on record as executing: so nothing begins for a run that is over, however late
the job was made. That job is the run's alone: it has one version, whatever becomes of its spec, and
no FleetDeployment of a user's but a Stop is carried out.

| the job | its rollouts | on its nodes |
| --- | --- | --- |
| is asked, was not before | those that are open are Canceled, AskedOnly | what is at work ends |
| of a run that executes | as ever | as ever |
| of a run that waits for its next attempt, or has ended | none begins | no node is caught up with |
| of a run that is to stop, or is gone | those that are open are Canceled, RunCanceled | all stops |
"""

from __future__ import annotations

from wavegate.api.conditions import Reasons
from wavegate.api.fleetjob import FleetJobSpec
from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import DeploymentView, Observed

WHEN_ASKED = "runs when asked: by a JobRun that names it, or by its spec.trigger"


def rests(fleet: Fleet) -> bool:
    """Whether nothing of the job is begun now."""
    if fleet.job.run:
        return fleet.observed.run_stands != "Executes"
    return fleet.spec.is_asked


def is_to_stop(fleet: Fleet) -> bool:
    """Whether the job is of a run that is to stop, or is gone."""
    return bool(fleet.job.run) and fleet.observed.run_stands == "Stops"


def spec_of_run(observed: Observed) -> FleetJobSpec | None:
    """The spec of a run's job whose own is not understood: what counts is its version's."""
    return next((each.spec for each in observed.versions), None) if observed.job.run else None


def ended(fleet: Fleet) -> list[tuple[DeploymentView, str, str]]:
    """Open deployments that end by this, each with its reason and words."""
    if fleet.job.run:
        reason, words = Reasons.RUN_CANCELED, f"run {fleet.job.run} was canceled, or is gone"
        is_over = is_to_stop(fleet)
    else:
        reason, words = Reasons.ASKED_ONLY, f"FleetJob {fleet.job.name} {WHEN_ASKED}"
        is_over = fleet.spec.is_asked
    open_ones = [
        each
        for each in fleet.deployments
        if not each.terminal
        and not each.deleting
        and (each.sequence or not fleet.is_users(each))  # the others are refused, or wait
    ]
    return [(each, reason, words) for each in open_ones] if is_over else []


def refusal(fleet: Fleet, deployment: DeploymentView) -> tuple[str, str] | None:
    """Why a user's deployment is not carried out: reason and words; None: not by this."""
    if fleet.job.run:
        if deployment.owner_uid == fleet.job.uid or deployment.type == "Stop":
            return None
        words = f"the job is of run {fleet.job.run}; make another JobRun to ask its nodes again"
        return Reasons.ASKED_ONLY, f"spec.jobName: {words}"
    if not fleet.spec.is_asked:
        return None
    words = f"FleetJob {fleet.job.name} {WHEN_ASKED}; make a JobRun with jobKind FleetJob"
    return Reasons.ASKED_ONLY, f"spec.jobName: {words}"
