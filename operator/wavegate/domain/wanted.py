"""Wanted version: what a job is to run, decided by the newest of what was said of it.

That is the newest of: a JobVersion, an accepted deployment of a user, an automatic rollback; the
order is their deployments' ``sequence``. Two things keep a version from getting a rollout:

- *It failed.* A workload that failed is not tried again by a change of words: only by a changed
  workload or rollout section, or by a Restart to it. Only a Create or Update makes it a failed one.
  One that ran out of its total time is tried again where it gets more.
- *A user said otherwise since.* A version that is older than the newest accepted deployment of a
  user has been overtaken by it. A Rollback or a Stop also holds against newer versions that say
  the same in other words, until a Restart is made.

| newest accepted | then the spec | gets a rollout |
| --- | --- | --- |
| Update v2 Failed | v3 of the same workload and rollout section | no: FailedWorkload |
| Update v2 Failed, Restart to v2 Completed | v3 of the same workload | yes |
| Update v2 Failed, TotalTimeout | v3 of the same, a longer timeouts.total or none | yes |
| a user's Rollback to v1, made after v2 | v2 itself, still without a rollout | no: Held |
| a user's Rollback to v1, made after v2 | v3 of v2's workload and rollout section | no: Held |
| a user's Rollback to v1, made after v2 | v3 of another workload | yes |
| a user's Stop, made after v2 | v3 of v2's workload, other maxParallel | yes |
| a user's Restart, made after v2 | v3 of v2's workload and rollout section | yes |

"Older" goes by creation times, which have whole seconds: of two in one second the user's
deployment counts as the newer one, because holding a version back harms less than starting it.
"""

from __future__ import annotations

from wavegate.api.canonical import rollout_key
from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import DeploymentView, VersionView
from wavegate.domain.timeouts import TOTAL_TIMEOUT

_HOLDING = ("Rollback", "Stop")


def newest_failed(fleet: Fleet) -> DeploymentView | None:
    """The newest Create or Update that failed, or that a person canceled, and still counts."""
    for each in reversed(fleet.accepted):
        failed = each.state == "Failed" or (each.state, each.reason) == ("Canceled", "Canceled")
        counts = each.type in ("Create", "Update") and each.workload_hash in fleet.failed_workloads
        if failed and counts:
            return each
    return None


def repeats_failure(fleet: Fleet, version: VersionView) -> bool:
    """Whether the version is the failed workload in other words."""
    failed = newest_failed(fleet)
    if failed is None or failed.workload_hash != version.workload_hash:
        return False
    tried = fleet.versions.get(failed.to_version)
    if tried is not None and failed.reason == TOTAL_TIMEOUT and _has_more_time(tried, version):
        return False
    return tried is None or _says_the_same(tried, version)


def _has_more_time(tried: VersionView, version: VersionView) -> bool:
    if tried.spec is None or version.spec is None:
        return False
    before, now = tried.spec.timeouts.total, version.spec.timeouts.total
    return bool(before) and (not now or now > before)


def overtaken_by(fleet: Fleet, version: VersionView) -> DeploymentView | None:
    """The user's deployment that stands against the version; None where none does."""
    newest = fleet.accepted[-1] if fleet.accepted else None
    if newest is None or not fleet.is_users(newest):
        return None
    if version.created <= newest.created:
        return newest
    if newest.type not in _HOLDING:
        return None
    spoken_of = version_before(fleet, newest)
    if spoken_of is None or spoken_of.workload_hash != version.workload_hash:
        return None
    return newest if _says_the_same(spoken_of, version) else None


def version_before(fleet: Fleet, deployment: DeploymentView) -> VersionView | None:
    """What the spec said when a user's deployment was made."""
    before = [each for each in fleet.versions.values() if each.created <= deployment.created]
    return max(before, key=lambda each: each.version, default=None)


def _says_the_same(one: VersionView, other: VersionView) -> bool:
    """Whether two versions of one workload have the same rollout section."""
    if one.spec is None or other.spec is None:
        return True
    return rollout_key(one.spec) == rollout_key(other.spec)
