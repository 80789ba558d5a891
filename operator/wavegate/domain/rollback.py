"""Rollback: when a failed rollout is taken back by itself.

Automatic unless noAutoRollback. It goes to all nodes not up to date with the stable version,
except those that already failed it; by places; never through canaries, never chained; none for a
first version, none for Immediate, none for a type that runs to completion, none where a rollout was
given up because nothing could be read or because it found no node, none after a person's cancel.

| the newest accepted deployment | stable version | rollback |
| --- | --- | --- |
| Update v2 Failed | v1 | v1 |
| Update v2 Failed, noAutoRollback | v1 | none |
| Create v1 Failed | none | none |
| Update v2 Failed, Immediate | v1 | none |
| Update v2 Failed, MetricsUnreadable | v1 | none |
| Update v2 Failed, QueueTimeout | v1 | none |
| Update v2 Canceled | v1 | none |
| Update v2 Failed, type query | v1 | none |
| Rollback to v1 Failed | v1 | none |
| Restart of v1 Failed | v1 | none |
| Restart of v3, which was never stable, Failed | v1 | v1 |
"""

from __future__ import annotations

from wavegate.api.defaults import resolve_count
from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import DeploymentView
from wavegate.domain.waves import Progress, settings_of

_NOTHING_TO_TAKE_BACK = ("MetricsUnreadable", "QueueTimeout")


def needs_rollback(fleet: Fleet, deployment: DeploymentView) -> bool:
    """Whether the newest accepted deployment is to be followed by an automatic rollback."""
    if deployment.state != "Failed" or deployment.type not in ("Create", "Update", "Restart"):
        return False
    if fleet.one_shot:
        return False
    version, stable = fleet.versions.get(deployment.to_version), fleet.stable
    if version is None or version.spec is None or stable is None:
        return False
    if deployment.reason in _NOTHING_TO_TAKE_BACK:
        return False
    rollout = settings_of(deployment, version)
    if rollout.no_auto_rollback or rollout.strategy == "Immediate":
        return False
    return stable.workload_hash != deployment.workload_hash


def rollback_places(run: Progress) -> int:
    """How many stable nodes a rollback may take back at once."""
    value = run.rollout.rollback_parallel or run.rollout.max_parallel or "10%"
    return resolve_count(value, run.sizes.total)
