"""The working view of one pass: the snapshot, with the indexes that the rules share.

Made once a pass and never changed while rules read it. What follows from objects that are the same
as in the pass before is taken from the memory.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property, partial
from typing import Any, Final, TypeVar

from wavegate.api.canonical import version_key
from wavegate.api.fleetjob import MAX_CONFIG_BYTES, FleetJobSpec, config_size
from wavegate.api.names import ROLLBACK_SUFFIX, deployment_name
from wavegate.domain.claim import Chain, Kind
from wavegate.domain.cordon import as_open
from wavegate.domain.judging import Judging, judging
from wavegate.domain.memory import About, Memory
from wavegate.domain.observed import (
    DeploymentView,
    ExecutionView,
    NodeView,
    Observed,
    PodView,
    VersionView,
)
from wavegate.domain.one_shot import is_one_shot
from wavegate.domain.remembered import recalled
from wavegate.domain.targets import Placement
from wavegate.drivers.pod import template_of

_DEFAULT_GRACE = 30.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Standing:
    """The nodes that belong to a version: its targets, in the order of waves, and the others."""

    belonging: Mapping[str, str]
    """By node: why it is no target now, of targets.ABSENCES; empty where it is one."""
    targets: list[str]
    absences: Mapping[str, int]
    """Counted by the reason."""


class Fleet:
    """A job with its children and nodes, as one pass sees them."""

    def __init__(
        self, observed: Observed, spec: FleetJobSpec, memory: Memory | None = None
    ) -> None:
        self.observed = observed
        self.job = observed.job
        self.spec = spec
        self.one_shot = is_one_shot(spec.type)
        self.now = observed.now
        self.memory = memory if memory is not None else Memory()
        self.closed = self.memory.closed(observed.nodes)
        self.nodes = as_open(observed.job, observed.nodes, self.closed)
        self.settings = observed.settings
        self.versions: Mapping[int, VersionView] = {
            each.version: each for each in observed.versions if not each.deleting
        }
        self.deployments: tuple[DeploymentView, ...] = tuple(
            sorted(
                (each for each in observed.deployments if self._belongs(each)),
                key=lambda each: (each.sequence or float("inf"), each.created, each.to_version),
            )
        )
        self._asked: dict[Any, Any] = {}
        self.memory.see(observed, self.nodes, self._about())

    def _about(self) -> About:
        """All that the rules on a node read of the job, its versions and its deployments."""
        job, observed, spec = self.job, self.observed, self.spec
        understood = all(each.spec is not None for each in self.versions.values())
        versions = [each for each in self.versions.values() if self._matters(each)]
        judged = (
            job.uid,
            job.key,
            (spec.type, None if understood else spec),
            observed.settings,
            tuple(_of(each, _SAYS) for each in versions),
            tuple((each.name, each.to_version, each.rollout) for each in self.deployments),
        )
        stands = (
            spec.suspend,
            observed.run_stands,
            observed.operator_started,
            tuple(_of(each, _STANDS) for each in versions),
            tuple(_of(each, _DEPLOYMENT) for each in self.deployments),
            None if self.recalled is None else _of(self.recalled, _DEPLOYMENT),
        )
        return About(job.uid, judged, stands)

    def _matters(self, version: VersionView) -> bool:
        """Whether anything on a node may depend on the version: of one just made nothing does."""
        number = version.version
        asked_for = any(number in (each.from_version, each.to_version) for each in self.deployments)
        return asked_for or version.stable_at is not None or self.memory.is_in_use(number)

    def once(self, rule: Callable[[Fleet], T]) -> T:
        """What a rule says of the job as a whole, asked once a pass."""
        if rule not in self._asked:
            self._asked[rule] = rule(self)
        found: T = self._asked[rule]
        return found

    def _kept(self, key: Any, make: Callable[[], T]) -> T:
        """What follows from `About.judged`, made once as long as that stays as it is."""
        kept = self.memory.kept
        if key not in kept:
            kept[key] = make()
        found: T = kept[key]
        return found

    @property
    def of_former_jobs(self) -> list[DeploymentView]:
        """Users' deployments that a job of the same name, now gone, had accepted."""
        return [each for each in self.observed.deployments if self._is_of_former_job(each)]

    def _belongs(self, deployment: DeploymentView) -> bool:
        return deployment.owner_uid in ("", self.job.uid) and not self._is_of_former_job(deployment)

    def _is_of_former_job(self, deployment: DeploymentView) -> bool:
        return not deployment.owner_uid and deployment.job_uid not in ("", self.job.uid)

    def is_users(self, deployment: DeploymentView) -> bool:
        """Whether a user made it: it has not our owner, or is none that the plan would make."""
        if deployment.owner_uid != self.job.uid:
            return True
        if deployment.type == "Rollback":
            return not deployment.name.endswith(ROLLBACK_SUFFIX)
        name = deployment_name(self.job.name, deployment.to_version)
        return deployment.type not in ("Create", "Update") or deployment.name != name

    @cached_property
    def chains(self) -> Mapping[str, Chain]:
        """By node name: every node that has, or had, a claim or a pod of the job."""
        return self.memory.chains(self._chain)

    @property
    def unstable(self) -> Iterable[Chain]:
        """Those whose current claim, ended or not, was never stable, in no order."""
        return self.memory.unstable.values() if self.chains else ()

    @cached_property
    def unproven(self) -> list[Chain]:
        """Those whose live claim is not stable yet, in the order of waves."""
        unproven = {each.node: each for each in self.unstable if each.live is not None}
        return [unproven[name] for name in self.ordered(unproven)]

    @cached_property
    def stopping(self) -> list[Chain]:
        """Those with a pod that is told to stop, in the order of waves."""
        chains = self.chains
        return [chains[name] for name in self.ordered(self.memory.stopping)]

    def _chain(
        self, node: str, executions: Iterable[ExecutionView], pods: Iterable[PodView]
    ) -> tuple[Chain, float]:
        """A node's chain, and when one of its claims becomes stable by time alone."""
        there = tuple(pods)
        views: list[ExecutionView] = []
        ends = math.inf
        for each in sorted(executions, key=lambda each: each.attempt):
            pod = next((pod for pod in there if pod.owner_uid == each.uid), None)
            proven = self._proven_at(each, pod)
            if proven <= self.now:
                views.append(replace(each, stable_at=each.updated + self.settings.stable_after))
            else:
                views.append(each)
                ends = min(ends, proven)
        return Chain(node, tuple(views), there), ends

    def _proven_at(self, execution: ExecutionView, pod: PodView | None) -> float:
        """When an execution without windows is stable; infinite where that is not to come.

        It was recorded Running when its pod became ready; that it stayed so is seen on the pod,
        and costs no write of its own.
        """
        if execution.stable_at or execution.observed not in ("Running", "Degraded"):
            return math.inf
        if execution.version not in self.versions or self.one_shot:
            return math.inf
        if self.judging(execution).criteria is not None:
            return math.inf
        at = execution.updated + self.settings.stable_after
        if pod is not None and not pod.ready and pod.ready_changed is not None:
            return -math.inf if pod.ready_changed >= at else math.inf
        return at

    @property
    def strangers(self) -> tuple[PodView, ...]:
        """Pods that carry the job's label without being controlled by an Execution."""
        return self.memory.strangers

    @property
    def census(self) -> Mapping[Kind, int]:
        """How many nodes there are of each kind, by their current claim."""
        return self.memory.census if self.chains else {}

    def is_in_use(self, version: VersionView) -> bool:
        """Whether the version has an execution on record: its ConfigMap is there."""
        return self.memory.is_in_use(version.version)

    @cached_property
    def newest_version(self) -> VersionView | None:
        return max(self.versions.values(), key=lambda each: each.version, default=None)

    @cached_property
    def is_current(self) -> bool:
        """Whether the newest version is what the spec says now."""
        newest = self.newest_version
        if self.job.run and newest is not None:
            return True  # what a run asks does not change
        if newest is None or newest.spec is None or self.excess:
            return False
        known = self.memory.compared
        if known is None or known[0] is not newest.spec or known[1] is not self.spec:
            same = newest.spec is self.spec or version_key(newest.spec) == version_key(self.spec)
            self.memory.compared = known = (newest.spec, self.spec, same)
        return known[2]

    @cached_property
    def excess(self) -> int:
        """Bytes of the spec's config, where these are too many for a version; else 0."""
        known = self.memory.sized
        if known is None or known[0] is not self.spec:
            size = config_size(self.spec)
            known = (self.spec, size if size > MAX_CONFIG_BYTES else 0)
            self.memory.sized = known
        return known[1]

    @cached_property
    def stable(self) -> VersionView | None:
        """The stable version: the one whose rollout completed last."""
        completed = [each for each in self.versions.values() if each.stable_at]
        return max(completed, key=lambda each: (each.stable_at, each.version), default=None)

    @cached_property
    def accepted(self) -> tuple[DeploymentView, ...]:
        """Deployments that have a place in the order, oldest first.

        The last may be one that the job remembers, whose object is gone: it has ended.
        """
        accepted = tuple(each for each in self.deployments if each.sequence)
        return accepted if self.recalled is None else (*accepted, self.recalled)

    @cached_property
    def recalled(self) -> DeploymentView | None:
        return recalled(self.job, self.observed.deployments, self.versions)

    @cached_property
    def failed_workloads(self) -> frozenset[str]:
        """Workloads whose newest Create or Update failed or was canceled by a person.

        A Restart to one is a new try: it is no failed workload while that is open, nor after it has
        completed.
        """
        failed: dict[str, bool] = {}
        for each in self.accepted:
            tried = each.terminal and each.reason not in ("Superseded", "QueueTimeout")
            if each.type in ("Create", "Update") and tried:
                failed[each.workload_hash] = each.state != "Completed"
            elif each.type == "Restart" and (each.state == "Completed" or not each.terminal):
                failed[each.workload_hash] = False
        return frozenset(workload for workload, bad in failed.items() if bad)

    def placement(self, version: VersionView) -> Placement:
        """Where the version may run."""
        spec = version.spec or self.spec
        key = ("placement", version.uid)
        return self._kept(key, lambda: Placement(spec, self.template(version)))

    def template(self, version: VersionView) -> Mapping[str, Any]:
        """The version's pod on any node."""
        spec = version.spec or self.spec
        return self._kept(
            ("template", version.uid),
            lambda: template_of(spec, version.driver_image, self.settings),
        )

    def targets(self, version: VersionView) -> list[str]:
        """The version's targets now, in the order of waves."""
        return self.standing(version).targets

    def absences(self, version: VersionView) -> Mapping[str, int]:
        """How many nodes belong to the version without being its targets, by the reason."""
        return self.standing(version).absences

    def standing(self, version: VersionView) -> Standing:
        """What the nodes are to the version."""
        return self.memory.standing(version.uid, partial(self._standing, version))

    def _standing(
        self, version: VersionView, before: Standing | None, changed: Iterable[str]
    ) -> Standing:
        placement = self.placement(version)
        belonging = dict(before.belonging) if before is not None else {}
        for name in changed:
            node = self.nodes.get(name)
            if node is not None and placement.belongs(node):
                belonging[name] = placement.absence(node)
            else:
                belonging.pop(name, None)
        absences = Counter(absence for absence in belonging.values() if absence)
        targets = self.ordered(name for name, absence in belonging.items() if not absence)
        return Standing(belonging, targets, absences)

    def ordered(self, names: Iterable[str]) -> list[str]:
        """Node names by a stable hash of (job uid, node name): the same from version to version."""
        return self.memory.ordered(names)

    def is_target(self, version: VersionView, name: str) -> bool:
        return self.standing(version).belonging.get(name) == ""

    def belongs(self, version: VersionView, node: NodeView) -> bool:
        return node.name in self.standing(version).belonging

    def node_of(self, execution: ExecutionView) -> NodeView | None:
        """The execution's node; None if it is gone, or another one of that name has come."""
        node = self.nodes.get(execution.node)
        return node if node is not None and node.uid == execution.node_uid else None

    def judging(self, execution: ExecutionView) -> Judging:
        """By what an execution is judged; by nothing where its version is missing."""
        version = self.versions.get(execution.version)
        return self.judging_of(version, execution.deployment) if version else Judging()

    def judging_of(self, version: VersionView, deployment: str) -> Judging:
        """The same of an execution of this version that the deployment of this name makes."""
        return self._kept(
            ("judging", version.uid, deployment), lambda: self._judging(version, deployment)
        )

    @property
    def judgings(self) -> Iterable[Judging]:
        """By what any execution of the job may be judged."""
        names = ("", *(each.name for each in self.deployments))
        for version in self.versions.values():
            for name in names:
                yield self.judging_of(version, name)

    def _judging(self, version: VersionView, deployment: str) -> Judging:
        by = next((each for each in self.deployments if each.name == deployment), None)
        return judging(version, by, self.settings)

    def grace(self, version: VersionView | None) -> float:
        """Seconds that a pod of the version may take to stop."""
        if version is None or version.spec is None:
            return _DEFAULT_GRACE
        pod = self.template(version)
        return float((pod.get("spec") or {}).get("terminationGracePeriodSeconds", _DEFAULT_GRACE))


def _of(view: VersionView | DeploymentView, names: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(getattr(view, name) for name in names)


_TELLS: Final = ("status", "resource_version", "generation", "raw_spec")
"""What of a version or a deployment only tells of it: no rule on a node reads that."""
_STANDS: Final = ("stable", "stable_at")
"""What of a version changes while it is rolled out."""
_SAYS: Final = tuple(e.name for e in fields(VersionView) if e.name not in (*_TELLS, *_STANDS))
_DEPLOYMENT: Final = tuple(e.name for e in fields(DeploymentView) if e.name not in _TELLS)
