"""Versions: when a change of the spec makes a JobVersion, and when that gets a rollout.

A change of the spec (reserved meta, suspend, rollout.paused, revisionHistoryLimit, description and
priority aside) makes JobVersion N+1, N being the highest among status and children. An identical
apply does nothing, and neither does a config that is too large for a version. It gets a rollout
unless something stands against that (see wanted).
"""

from __future__ import annotations

from typing import Any

from wavegate.api.canonical import workload_hash
from wavegate.api.names import deployment_name, rollback_name, version_name
from wavegate.domain.actions import CreateDeployment, CreateVersion, DeleteRecord, Step, Urgency
from wavegate.domain.asked import rests
from wavegate.domain.fleet import Fleet
from wavegate.domain.rollback import needs_rollback
from wavegate.domain.wanted import overtaken_by, repeats_failure
from wavegate.drivers.driver import driver_for


def new_version(fleet: Fleet) -> Step | None:
    """The step that snapshots a changed spec; None where the newest version is current."""
    if fleet.spec.suspend and fleet.newest_version is None:
        return None
    if fleet.is_current or fleet.excess:
        return None
    if fleet.job.run and rests(fleet):
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


def new_deployment(fleet: Fleet) -> Step | None:
    """The step that makes the next FleetDeployment: an automatic rollback, or a new version's."""
    existing = {each.name: each for each in fleet.deployments if not fleet.is_users(each)}
    last = fleet.accepted[-1] if fleet.accepted else None
    if last is not None and needs_rollback(fleet, last):
        assert fleet.stable is not None
        name = rollback_name(last.name)
        if (old := existing.get(name)) is not None:
            if not 0 < old.sequence < last.sequence:
                return None
            record = DeleteRecord("FleetDeployment", old.name, old.uid, old.resource_version)
            return Step(f"FleetDeployment/{name}", Urgency.REMOVE, (record,))
        rollout = _without_pause(dict(last.status.get("resolved", {}).get("rollout") or {}))
        rollout.pop("healthCheck", None)  # the stable version is judged by its own
        return _create(
            name, "Rollback", last.to_version, fleet.stable.version, rollout, paused=last.paused
        )
    newest = fleet.newest_version
    if newest is None or not fleet.is_current or fleet.spec.suspend or rests(fleet):
        return None
    name = deployment_name(fleet.job.name, newest.version)
    if name in existing or repeats_failure(fleet, newest) or overtaken_by(fleet, newest):
        return None
    if any(
        each.type == "Rollback"
        and not each.terminal
        and (each.started is not None or not fleet.is_users(each))
        for each in fleet.deployments
    ):
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
