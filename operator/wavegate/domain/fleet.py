"""The working view of one pass: the snapshot, with the indexes that the rules share.

Built once a pass, linear in the job's objects, and never changed while rules read it.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from wavegate.api.canonical import version_key
from wavegate.api.fleetjob import FleetJobSpec
from wavegate.api.names import ROLLBACK_SUFFIX, deployment_name
from wavegate.domain.claim import Chain
from wavegate.domain.cordon import as_open
from wavegate.domain.judging import Judging, judging
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


@dataclass(frozen=True, slots=True)
class Standing:
    """The nodes that belong to a version: its targets, in the order of waves, and the others."""

    targets: list[str]
    absences: Mapping[str, int]
    """Counted by the reason, of targets.ABSENCES."""


class Fleet:
    """A job with its children and nodes, as one pass sees them."""

    def __init__(self, observed: Observed, spec: FleetJobSpec) -> None:
        self.observed = observed
        self.job = observed.job
        self.spec = spec
        self.one_shot = is_one_shot(spec.type)
        self.now = observed.now
        self.nodes = as_open(observed.job, observed.nodes)
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
        self._templates: dict[int, Mapping[str, Any]] = {}
        self._placements: dict[int, Placement] = {}
        self._judging: dict[tuple[int, str], Judging] = {}
        self._order: dict[str, str] = {}
        self._standings: dict[int, Standing] = {}

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
        pods: dict[str, list[PodView]] = defaultdict(list)
        by_owner: dict[str, PodView] = {}
        for pod in self.observed.pods:
            if pod.owner_kind == "Execution":
                pods[pod.node].append(pod)
                by_owner[pod.owner_uid] = pod
        executions: dict[str, list[ExecutionView]] = defaultdict(list)
        for execution in self.observed.executions:
            if not execution.deleting:
                view = self._with_stability(execution, by_owner.get(execution.uid))
                executions[execution.node].append(view)
        return {
            node: Chain(
                node,
                tuple(sorted(executions.get(node, ()), key=lambda each: each.attempt)),
                tuple(pods.get(node, ())),
            )
            for node in {*executions, *pods}
        }

    def _with_stability(self, execution: ExecutionView, pod: PodView | None) -> ExecutionView:
        """Fill in since when an execution without windows is stable.

        It was recorded Running when its pod became ready; that it stayed so is seen on the pod,
        and costs no write of its own.
        """
        if execution.stable_at or execution.observed not in ("Running", "Degraded"):
            return execution
        if execution.version not in self.versions or self.one_shot:
            return execution
        if self.judging(execution).criteria is not None:
            return execution
        ready_until = self.now
        if pod is not None and not pod.ready and pod.ready_changed is not None:
            ready_until = pod.ready_changed
        if ready_until - execution.updated < self.settings.stable_after:
            return execution
        return replace(execution, stable_at=execution.updated + self.settings.stable_after)

    @cached_property
    def strangers(self) -> tuple[PodView, ...]:
        """Pods that carry the job's label without being controlled by an Execution."""
        return tuple(pod for pod in self.observed.pods if pod.owner_kind != "Execution")

    @cached_property
    def versions_in_use(self) -> frozenset[int]:
        """Versions that have an execution on record: their ConfigMap is there."""
        executions = self.observed.executions
        return frozenset(each.version for each in executions if not each.assumed)

    @cached_property
    def newest_version(self) -> VersionView | None:
        return max(self.versions.values(), key=lambda each: each.version, default=None)

    @cached_property
    def is_current(self) -> bool:
        """Whether the newest version is what the spec says now."""
        newest = self.newest_version
        if newest is None or newest.spec is None:
            return False
        return newest.spec is self.spec or version_key(newest.spec) == version_key(self.spec)

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
        if version.version not in self._placements:
            spec = version.spec or self.spec
            self._placements[version.version] = Placement(spec, self.template(version))
        return self._placements[version.version]

    def template(self, version: VersionView) -> Mapping[str, Any]:
        """The version's pod on any node."""
        if version.version not in self._templates:
            spec = version.spec or self.spec
            made = template_of(spec, version.driver_image, self.settings)
            self._templates[version.version] = made
        return self._templates[version.version]

    def targets(self, version: VersionView) -> list[str]:
        """The version's targets now, in the order of waves."""
        return self.standing(version).targets

    def absences(self, version: VersionView) -> Mapping[str, int]:
        """How many nodes belong to the version without being its targets, by the reason."""
        return self.standing(version).absences

    def standing(self, version: VersionView) -> Standing:
        """What the nodes are to the version; looked at once a pass."""
        if version.version not in self._standings:
            placement = self.placement(version)
            names: list[str] = []
            absences: Counter[str] = Counter()
            for name, node in self.nodes.items():
                if not placement.belongs(node):
                    continue
                if absence := placement.absence(node):
                    absences[absence] += 1
                else:
                    names.append(name)
            self._standings[version.version] = Standing(self.ordered(names), absences)
        return self._standings[version.version]

    def ordered(self, names: Iterable[str]) -> list[str]:
        """Node names by a stable hash of (job uid, node name): the same from version to version."""
        return sorted(names, key=self._position)

    def _position(self, name: str) -> str:
        if name not in self._order:
            text = f"{self.job.uid}/{name}"
            self._order[name] = hashlib.sha256(text.encode()).hexdigest()
        return self._order[name]

    def is_target(self, version: VersionView, name: str) -> bool:
        node = self.nodes.get(name)
        return node is not None and self.placement(version).is_target(node)

    def belongs(self, version: VersionView, node: NodeView) -> bool:
        return self.placement(version).belongs(node)

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
        key = (version.version, deployment)
        if key not in self._judging:
            by = next((each for each in self.deployments if each.name == deployment), None)
            self._judging[key] = judging(version, by, self.settings)
        return self._judging[key]

    def grace(self, version: VersionView | None) -> float:
        """Seconds that a pod of the version may take to stop."""
        if version is None or version.spec is None:
            return _DEFAULT_GRACE
        pod = self.template(version)
        return float((pod.get("spec") or {}).get("terminationGracePeriodSeconds", _DEFAULT_GRACE))
