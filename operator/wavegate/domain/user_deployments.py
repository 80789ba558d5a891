"""User deployments: Restart, Rollback and Stop, written by people and GitOps tools.

They belong to a job by its name; the operator adds nothing to their metadata and writes their
status only. One is accepted when its turn comes, and acts while the job is the one that accepted
it. What cannot be done is refused in its own status, and a refused one counts for nothing.

| written | while | outcome |
| --- | --- | --- |
| Restart | nothing is open, there is a stable version | accepted: the stable version, made anew |
| Restart of v3, which failed | nothing is open | accepted: v3 is tried again |
| Restart | a rollout is open | refused: RolloutOpen |
| Restart | no version was ever stable | refused: NoStableVersion |
| Rollback to v1, whose rollout completed | anything | accepted, supersedes what is open |
| Rollback to v3, whose rollout never completed | anything | refused: NeverStable |
| Rollback to v9 | there is no v9 | refused: VersionMissing |
| Rollback of a job that runs to completion | anything | refused: OneShotType |
| Stop | anything | accepted, supersedes what is open |
| Create, Update | anything | refused: MadeByTheOperator |
| Restart, of a job that is executed when asked | anything | refused: AskedOnly |
| any, ``fromVersion`` v1 | the newest rollout is v2's | refused: FromVersionDiffers |
| any, accepted by a job that is gone | a new job has its name | Canceled: JobReplaced |
| any, ``canceled`` | before it was accepted | Canceled |
| any | a later Rollback or Stop waits as well | Canceled: Superseded |

Of two that wait the older is first. But a Rollback or Stop takes the place of what waits before it,
as it would of what is open: nothing is begun only to be ended.
"""

from __future__ import annotations

from dataclasses import dataclass

from wavegate.domain.asked import refusal
from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import DeploymentView

SUPERSEDING = ("Rollback", "Stop")
"""Types that end what is open; a Restart waits for nothing and is refused."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What becomes of a user's deployment that is not to be carried out."""

    state: str
    reason: str
    message: str


def first_in_line(fleet: Fleet) -> DeploymentView | None:
    """The user's deployment that is to be accepted next."""
    return fleet.once(_first_in_line)


def _first_in_line(fleet: Fleet) -> DeploymentView | None:
    line = sorted((each for each in _undecided(fleet) if _refusal(fleet, each) is None), key=_came)
    taking_over = [each for each in line if each.type in SUPERSEDING]
    return next(iter([*taking_over[-1:], *line]), None)


def _came(deployment: DeploymentView) -> tuple[float, str]:
    return deployment.created, deployment.name


def version_left(fleet: Fleet) -> int:
    """The version that a deployment which is accepted now takes the job away from; 0: none."""
    newest = fleet.accepted[-1] if fleet.accepted else None
    if newest is not None and newest.to_version:
        return newest.to_version
    return fleet.stable.version if fleet.stable is not None else 0


def answers(fleet: Fleet) -> list[tuple[DeploymentView, Answer]]:
    """Those that end without being carried out, and why."""
    first = first_in_line(fleet)
    found = [(each, _answer(fleet, each, first)) for each in _undecided(fleet)]
    found += [(each, _REPLACED) for each in fleet.of_former_jobs if not each.terminal]
    return [(each, said) for each, said in found if said is not None]


def _undecided(fleet: Fleet) -> list[DeploymentView]:
    return [
        each
        for each in fleet.deployments
        if fleet.is_users(each) and not each.sequence and not each.terminal and not each.deleting
    ]


def _answer(
    fleet: Fleet, deployment: DeploymentView, first: DeploymentView | None
) -> Answer | None:
    """Why it is not carried out; None where nothing stands against it."""
    if (refusal := _refusal(fleet, deployment)) is not None:
        return refusal
    if first is None or _came(first) <= _came(deployment):
        return None
    return Answer("Canceled", "Superseded", f"FleetDeployment {first.name} has taken its place")


def _refusal(fleet: Fleet, deployment: DeploymentView) -> Answer | None:
    """Why it cannot be carried out, whatever else waits."""
    if deployment.canceled:
        return Answer("Canceled", "Canceled", "canceled before it was accepted")
    if (asked := refusal(fleet, deployment)) is not None:
        return _refused(*asked)
    if deployment.from_version not in (0, left := version_left(fleet)):
        return _refused(
            "FromVersionDiffers",
            f"spec.fromVersion: the job is on v{left}, not on v{deployment.from_version}",
        )
    match deployment.type:
        case "Restart":
            return _about_restart(fleet, deployment)
        case "Rollback":
            return _about_rollback(fleet, deployment)
        case "Stop":
            return None
    return _refused(
        "MadeByTheOperator",
        f"spec.type: {deployment.type} deployments are made by the operator when the spec of"
        f" FleetJob {fleet.job.name} changes; Restart, Rollback and Stop are yours to make",
    )


def _about_restart(fleet: Fleet, deployment: DeploymentView) -> Answer | None:
    opened = next((each for each in fleet.deployments if _stands_in_the_way(fleet, each)), None)
    if opened is not None:
        return _refused(
            "RolloutOpen",
            f"spec.type: a Restart cannot begin while FleetDeployment {opened.name} is open; make"
            " it again once that has ended, or set its spec.canceled to true first",
        )
    if deployment.to_version:
        return _about_version(fleet, deployment)
    if fleet.stable is None:
        return _refused(
            "NoStableVersion",
            "spec.toVersion: no version of the job was ever stable; name the one to try",
        )
    return None


def _stands_in_the_way(fleet: Fleet, deployment: DeploymentView) -> bool:
    """Whether it is open, or one of the operator's own that is about to begin."""
    begins = bool(deployment.sequence) or not fleet.is_users(deployment)
    return begins and not deployment.terminal and not deployment.deleting


def _about_rollback(fleet: Fleet, deployment: DeploymentView) -> Answer | None:
    if fleet.one_shot:
        return _refused(
            "OneShotType",
            f"spec.type: a job of type {fleet.spec.type} runs to completion, which cannot be taken"
            " back; apply the spec that is wanted, or run a version again by a Restart to it",
        )
    if missing := _about_version(fleet, deployment):
        return missing
    if fleet.versions[deployment.to_version].stable_at is None:
        stable = sorted(each.version for each in fleet.versions.values() if each.stable_at)
        return _refused(
            "NeverStable",
            f"spec.toVersion: no rollout of v{deployment.to_version} ever completed; go back to"
            f" one of {_listed(stable)}, or try it by a Restart",
        )
    return None


def _about_version(fleet: Fleet, deployment: DeploymentView) -> Answer | None:
    version = fleet.versions.get(deployment.to_version)
    if version is None:
        return _refused(
            "VersionMissing",
            f"spec.toVersion: the job has no v{deployment.to_version}; it has"
            f" {_listed(sorted(fleet.versions))}",
        )
    if version.spec is None:
        return _refused("VersionMissing", f"spec.toVersion: is not understood: {version.invalid}")
    return None


def _refused(reason: str, message: str) -> Answer:
    return Answer("Failed", reason, f"refused: {message}")


_MOST_LISTED = 10


def _listed(versions: list[int]) -> str:
    """The newest few of them."""
    shown = ", ".join(f"v{number}" for number in versions[-_MOST_LISTED:])
    return shown or "none"


_REPLACED = Answer(
    "Canceled",
    "JobReplaced",
    "the FleetJob that it was accepted for is gone; another has its name",
)
