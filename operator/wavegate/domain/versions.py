"""Versions: when a change of the spec makes a JobVersion, and when that gets a rollout.

A change of the spec (reserved meta, suspend, rollout.paused, description, priority aside) makes
JobVersion N+1, N being the highest among status and children. An identical apply does nothing.
A workload that failed is not tried again by a change of words: only by a changed workload or
rollout section; until then no Deployment is made (FailedWorkload).
"""

from __future__ import annotations

from typing import Any

from wavegate.api.canonical import rollout_key, version_key, workload_hash
from wavegate.api.names import deployment_name, rollback_name, version_name
from wavegate.domain.actions import CreateDeployment, CreateVersion, Step, Urgency
from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import DeploymentView, VersionView
from wavegate.domain.rollback import needs_rollback
from wavegate.drivers.driver import driver_for


def is_current(fleet: Fleet) -> bool:
    """Whether the newest version is what the spec says now."""
    newest = fleet.newest_version
    if newest is None or newest.spec is None:
        return False
    return newest.spec is fleet.spec or version_key(newest.spec) == version_key(fleet.spec)


def new_version(fleet: Fleet) -> Step | None:
    """The step that snapshots a changed spec; None where the newest version is current."""
    if fleet.spec.suspend and fleet.newest_version is None:
        return None
    if is_current(fleet):
        return None
    highest = max([int(fleet.job.status.get("version") or 0), *fleet.versions], default=0)
    number = highest + 1
    settings = fleet.settings
    image = driver_for(fleet.spec.type).image(settings)
    action = CreateVersion(
        name=version_name(fleet.job.name, number),
        version=number,
        raw_spec=fleet.job.raw_spec,
        workload_hash=workload_hash(fleet.spec, image, settings.driver_revision),
        driver_image=image,
        driver_revision=settings.driver_revision,
        job_status=fleet.job.status,
    )
    return Step(f"JobVersion/{action.name}", Urgency.CREATE, (action,))


def newest_failed(fleet: Fleet) -> DeploymentView | None:
    """The newest Create or Update that failed, or that a person canceled."""
    for each in reversed(fleet.accepted):
        if each.reason == "QueueTimeout":
            continue  # nothing of it ever ran
        failed = each.state == "Failed" or (each.state, each.reason) == ("Canceled", "Canceled")
        if failed and each.type in ("Create", "Update"):
            return each
    return None


def is_held(fleet: Fleet, version: VersionView) -> bool:
    """Whether the version is the failed workload in other words."""
    failed = newest_failed(fleet)
    if failed is None or failed.workload_hash != version.workload_hash:
        return False
    tried = fleet.versions.get(failed.to_version)
    if tried is None or tried.spec is None or version.spec is None:
        return True
    return rollout_key(tried.spec) == rollout_key(version.spec)


def new_deployment(fleet: Fleet) -> Step | None:
    """The step that makes the next FleetDeployment: an automatic rollback, or a new version's."""
    existing = {each.name for each in fleet.deployments}
    last = fleet.accepted[-1] if fleet.accepted else None
    if last is not None and needs_rollback(fleet, last):
        assert fleet.stable is not None
        name = rollback_name(last.name)
        if name in existing:
            return None
        rollout = _without_pause(dict(last.status.get("resolved", {}).get("rollout") or {}))
        return _create(
            name, "Rollback", last.to_version, fleet.stable.version, rollout, paused=last.paused
        )
    newest = fleet.newest_version
    if newest is None or not is_current(fleet) or fleet.spec.suspend:
        return None
    name = deployment_name(fleet.job.name, newest.version)
    if name in existing or is_held(fleet, newest):
        return None
    if any(each.type == "Rollback" and not each.terminal for each in fleet.deployments):
        return None  # it waits for an open rollback, which its deadlines end
    kind = "Update" if fleet.accepted else "Create"
    from_version = fleet.stable.version if fleet.stable is not None else 0
    rollout = _without_pause(dict(newest.raw_spec.get("rollout") or {}))
    return _create(name, kind, from_version, newest.version, rollout)


def _without_pause(rollout: dict[str, Any]) -> dict[str, Any]:
    rollout.pop("paused", None)
    return rollout


def _create(
    name: str,
    kind: str,
    from_version: int,
    to_version: int,
    rollout: dict[str, Any],
    *,
    paused: bool = False,
) -> Step:
    action = CreateDeployment(name, kind, from_version, to_version, rollout, paused)
    urgency = Urgency.REMOVE if kind == "Rollback" else Urgency.CREATE
    return Step(f"FleetDeployment/{name}", urgency, (action,))
