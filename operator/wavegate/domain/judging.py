"""Judging: by which settings an execution is judged.

They are those of the deployment that made it, over its version's own, and never change while it
lives: what was stable by them stays so, whatever a later rollout of the same workload asks for.

| made by | its version | judged by |
| --- | --- | --- |
| Update v2 | v2 | v2's health check |
| a Restart with a health check of its own | v2 | the Restart's |
| an automatic rollback of v3 | v2 | v2's health check |
| Update v2, to which it is a fallback or joiner | v1 | v1's health check |
| Update v2, by strategy Immediate | v2 | its pod alone: no windows are kept |
| a deployment that was deleted by hand since | v2 | v2's health check |
"""

from __future__ import annotations

from dataclasses import dataclass

from wavegate.api.defaults import fill_rollout, override_rollout
from wavegate.api.fleetjob import FleetJobSpec
from wavegate.api.rollout import HealthCheck, RolloutSettings
from wavegate.domain.actions import Source
from wavegate.domain.health import Criteria
from wavegate.domain.observed import DeploymentView, PlanSettings, VersionView
from wavegate.domain.one_shot import is_one_shot
from wavegate.domain.sources import not_configured, settling, source_of


@dataclass(frozen=True, slots=True)
class Judging:
    """What is asked of an execution, and where its numbers come from."""

    deadline: float | None = None
    """Seconds; None where the settings have no health check."""
    criteria: Criteria | None = None
    """None: no windows are kept."""
    source: Source | None = None
    """Where the counters of its pod are read; None where it has none."""
    missing_source: str = ""
    """That its source is not configured, and the way out; else empty."""


def judging(
    version: VersionView, deployment: DeploymentView | None, settings: PlanSettings
) -> Judging:
    """How an execution of the version that the deployment made is judged."""
    spec = version.spec
    if spec is None:
        return Judging()
    rollout = _rollout(spec, version, deployment)
    check = rollout.health_check
    deadline = check.deadline if check is not None else None
    if is_one_shot(spec.type):
        return Judging(deadline)
    judged = spec.model_copy(update={"rollout": rollout})
    source = source_of(judged)
    windows = rollout.strategy != "Immediate" and check is not None
    return Judging(
        deadline,
        _criteria(check, source) if windows and check is not None else None,
        source,
        not_configured(judged, settings),
    )


def _rollout(
    spec: FleetJobSpec, version: VersionView, deployment: DeploymentView | None
) -> RolloutSettings:
    """The version's settings, and those that its own rollout gives itself."""
    rolls_it_out = deployment is not None and deployment.to_version == version.version
    own = deployment.rollout if deployment is not None and rolls_it_out else None
    return fill_rollout(override_rollout(spec.rollout, own), spec.type)


def _criteria(check: HealthCheck, source: Source | None) -> Criteria:
    return Criteria(
        interval=check.interval,
        max_error_rate=check.max_error_rate,
        success_threshold=check.success_threshold,
        failure_threshold=check.failure_threshold,
        min_healthy_time=check.min_healthy_time,
        reads_counters=source is not None,
        settling=settling(source),
    )
