"""Blockers: what stands over a job whatever its rollout does, and who can take it away.

The words of a server or of a third party are cut, so that the way out fits behind them.
"""

from __future__ import annotations

from wavegate.api.conditions import Reasons
from wavegate.api.names import version_name
from wavegate.domain.conditions import State
from wavegate.domain.evidence import clean
from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import DeploymentView, VersionView
from wavegate.domain.prepull import PULL
from wavegate.drivers.document import too_large

RETRY_PREPARATION = 30.0
"""Seconds after which a refused template is tried again."""

_LONGEST_REFUSAL = 700


def template_refused(version: VersionView, said: str) -> State:
    """The server refused a pod of the version in a dry run."""
    words = (
        f"the pod of v{version.version} is refused: {clean(said, _LONGEST_REFUSAL)}; change"
        f" spec.template, or what refuses it; tried again every {RETRY_PREPARATION:g} s"
    )
    return State("", "TemplateRefused", words, stalled=True)


def config_too_large(fleet: Fleet) -> State | None:
    """The spec has more config than a version may have, so that none is made of it."""
    if not fleet.excess:
        return None
    return State("", "TemplateRefused", too_large(fleet.excess), stalled=True)


def together(one: State | None, other: State | None) -> State | None:
    """Both as one, which has the second's reason."""
    if one is None or other is None:
        return one or other
    stalled = one.stalled or other.stalled
    return State("", other.reason, f"{one.message}; {other.message}", stalled=stalled)


def version_missing(fleet: Fleet, deployment: DeploymentView, version: VersionView | None) -> State:
    """What is to be rolled out is gone, or not understood by this release."""
    number = deployment.to_version
    if version is not None:
        words = f"version {number} is not understood: {clean(version.invalid, _LONGEST_REFUSAL)}"
        return State("", "VersionMissing", words, stalled=True)
    words = (
        f"version {number} of the job is missing: JobVersion {version_name(fleet.job.name, number)}"
        f' is gone; change the spec, or set spec.canceled of FleetDeployment "{deployment.name}" to'
        " true"
    )
    return State("", "VersionMissing", words, stalled=True)


def in_the_way(fleet: Fleet) -> State | None:
    """A stranger's pod, or a write that was refused; None where nothing is."""
    if fleet.strangers:
        words = (
            f'pod "{fleet.strangers[0].name}" carries the job\'s label but is not ours; delete or'
            " relabel it, then its node goes on by itself"
        )
        return State("", "Stranger", words, stalled=True)
    refusals = fleet.observed.refusals.items()
    found = min((each for each in refusals if not each[0].startswith(PULL)), default=None)
    if found is None:
        return None
    key, refusal = found
    stranger = refusal.reason == Reasons.STRANGER
    way_out = "delete what is in its place, or rename the job; " if stranger else ""
    words = f"{key}: {clean(refusal.message, _LONGEST_REFUSAL)}; {way_out}tried again by itself"
    stalled = stranger or refusal.reason == Reasons.CORDON_FORBIDDEN
    return State("", refusal.reason or "Refused", words, stalled=stalled)
