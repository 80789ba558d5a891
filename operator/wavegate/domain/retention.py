"""Retention: old versions, with the deployments that the operator made of them, are removed.

``revisionHistoryLimit`` of them are kept beside those that are needed: the newest, the stable one,
those that an execution on record has, those of an open deployment, and those by which the job
remembers what it is to run: of the newest accepted deployment, of the newest that failed, and what
the spec said before a user's newest deployment. Of the deployments the newest accepted and the
newest failed one stay with their versions. What users made is theirs to remove.

| versions | stable | runs | limit | removed |
| --- | --- | --- | --- | --- |
| 1 to 4 | 4 | 4 | 2 | 1 |
| 1 to 4 | 1 (v4 was taken back) | 1 | 0 | 2, 3 |
| 1 to 4 | 4 | 4, and 1 on a node that is away | 0 | 2, 3 |
| 1 to 4, v1 stable, v2 open | 1 | 1, 2 | 0 | none of 1 and 2 |
"""

from __future__ import annotations

from wavegate.domain.actions import Action, DeleteRecord, Step, Urgency
from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import DeploymentView, VersionView
from wavegate.domain.wanted import newest_failed, version_before

_AT_ONCE = 5
"""Versions removed in one pass."""


def remove_old(fleet: Fleet) -> list[Step]:
    """Steps that remove what is kept no longer: of each version its deployments first."""
    limit = fleet.spec.revision_history_limit
    old = fleet.versions.keys() - _needed(fleet)
    if len(old) <= limit:
        return []
    kept = sorted(old - {each.version for each in fleet.observed.executions})
    beyond = kept[: max(0, len(kept) - limit)]
    return [_remove(fleet, fleet.versions[number]) for number in beyond[:_AT_ONCE]]


def _needed(fleet: Fleet) -> set[int]:
    """Versions that are kept whatever runs."""
    numbers = set(fleet.observed.asked_versions)
    for version in (fleet.newest_version, fleet.stable):
        if version is not None:
            numbers.add(version.version)
    remembered = [each for each in fleet.deployments if not each.terminal]
    remembered += fleet.accepted[-1:]
    if (failed := newest_failed(fleet)) is not None:
        remembered.append(failed)
    for each in remembered:
        numbers |= {each.from_version, each.to_version}
        if fleet.is_users(each) and (before := version_before(fleet, each)) is not None:
            numbers.add(before.version)
    return numbers


def _remove(fleet: Fleet, version: VersionView) -> Step:
    records: list[DeploymentView | VersionView] = [
        each
        for each in fleet.deployments
        if not fleet.is_users(each)
        and not each.deleting
        and version.version
        in (each.to_version, each.from_version if each.type == "Rollback" else 0)
    ]
    actions: list[Action] = [_delete("FleetDeployment", each) for each in records]
    actions.append(_delete("JobVersion", version))
    return Step(f"JobVersion/{version.name}", Urgency.CLEAN, tuple(actions))


def _delete(kind: str, record: DeploymentView | VersionView) -> DeleteRecord:
    return DeleteRecord(kind, record.name, record.uid, record.resource_version)
