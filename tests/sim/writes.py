"""The API server's side of the world: what becomes of a write."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wavegate.api.fleetdeployment import RolloutOverride
from wavegate.api.fleetjob import FleetJobSpec, load_job_spec
from wavegate.api.names import pod_name, version_name
from wavegate.domain.actions import (
    Action,
    CordonNode,
    CreateDeployment,
    CreateExecution,
    CreatePod,
    CreatePull,
    CreateVersion,
    DeletePod,
    DeleteRecord,
    Look,
    PrepareVersion,
    SetStatus,
    UncordonNode,
)
from wavegate.domain.observed import (
    DeploymentView,
    ExecutionView,
    NodeView,
    PodView,
    Preparation,
    PullView,
    VersionView,
)
from wavegate.domain.times import parse_time
from wavegate.drivers.pod import render_pod

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sim.world import World
    from wavegate.domain.observed import JobView


class LostWriteError(Exception):
    """A write that the API server refuses: the object is not as it was seen."""


class Writes:
    """Applies writes to a world, or refuses them."""

    now: float
    job: JobView | None
    versions: dict[str, VersionView]
    deployments: dict[str, DeploymentView]
    executions: dict[str, ExecutionView]
    pods: dict[str, PodView]
    pulls: dict[str, PullView]
    may_not_pull: bool
    images: dict[str, str]
    limits: dict[str, float]
    prepared: dict[int, Preparation]
    still_there: dict[str, float]
    stirred: bool
    writes: list[tuple[float, Action]]
    may_not_cordon: bool
    nodes: dict[str, NodeView]
    watchers: list[Callable[[World, Action], None]]

    def look(self, looks: tuple[Look, ...]) -> None:
        """Read live the pods that a plan doubts: here they are as they are."""
        before, uids = self.still_there, {pod.uid for pod in self.pods.values()}
        doubted = [look for look in looks if before.get(look.pod_uid, 0.0) < look.since]
        self.stirred = self.stirred or bool(doubted)
        found = {look.pod_uid: self.now for look in doubted if look.pod_uid in uids}
        kept = {look.pod_uid for look in looks}
        self.still_there = {uid: at for uid, at in before.items() if uid in kept} | found

    def next_serial(self) -> str:
        raise NotImplementedError

    def write(self, action: Action) -> None:
        """Apply a write as the API server would, or refuse it."""
        assert self.job is not None
        rv = self.next_serial()
        match action:
            case CreateVersion():
                if action.name in self.versions:
                    raise LostWriteError(action.name)
                self.versions[action.name] = VersionView(
                    name=action.name,
                    uid=f"jv-{rv}",
                    resource_version=rv,
                    owner_uid=self.job.uid,
                    created=self.now,
                    version=action.version,
                    spec=self._parsed(action.raw_spec),
                    raw_spec=action.raw_spec,
                    workload_hash=action.workload_hash,
                    driver_image=action.driver_image,
                    driver_revision=action.driver_revision,
                )
            case PrepareVersion():
                self.prepared[action.version] = Preparation(ok=True, at=self.now)
            case CreateDeployment():
                self._create_deployment(action, rv)
            case CreateExecution():
                self._create_execution(action, rv)
            case CreatePod() | CreatePull():
                self._create_pod(action, rv)
            case DeletePod():
                self._delete_pod(action, rv)
            case DeleteRecord():
                kept: dict[str, Any] = {
                    "Execution": self.executions,
                    "JobVersion": self.versions,
                    "FleetDeployment": self.deployments,
                }[action.kind]
                self._check(kept.get(action.name), action)
                del kept[action.name]
            case SetStatus():
                self._set_status(action, rv)
            case CordonNode() | UncordonNode():
                self._write_node(action)
        self.writes.append((self.now, action))
        for watcher in self.watchers:
            watcher(self, action)

    def _create_pull(self, action: CreatePull, rv: str) -> None:
        name = action.manifest["metadata"]["name"]
        version = self.versions.get(action.version_name)
        if self.may_not_pull or name in self.pulls or version is None:
            raise LostWriteError(name)
        self.pulls[name] = PullView(name, f"pull-{rv}", rv, action.node, version.uid)
        assert action.version_uid == version.uid

    def _delete_pod(self, action: DeletePod, rv: str) -> None:
        if (pull := self.pulls.get(action.name)) is not None:
            if (pull.uid, pull.resource_version) != (action.uid, action.resource_version):
                raise LostWriteError(action.name)
            self.pulls[action.name] = replace(pull, deleting=True, resource_version=rv)
            return
        pod = self.pods.get(action.name)
        seen = (action.uid, action.resource_version)
        if pod is None or (pod.uid, pod.resource_version) != seen:
            raise LostWriteError(action.name)
        self.pods[action.name] = replace(pod, deletion=self.now + 2, resource_version=rv)

    def _write_node(self, action: CordonNode | UncordonNode) -> None:
        node = self.nodes.get(action.node)
        if node is None or self.may_not_cordon:
            raise LostWriteError(action.node)
        match action:
            case CordonNode():
                others = node.unschedulable and node.cordoned_by is None
                if others or node.uid != action.node_uid:
                    raise LostWriteError(action.node)
                self.nodes[action.node] = replace(node, unschedulable=True, cordoned_by=action.by)
            case UncordonNode():
                if node.cordoned_by != action.by:
                    raise LostWriteError(action.node)
                self.nodes[action.node] = replace(node, unschedulable=False, cordoned_by=None)

    def _parsed(self, raw: Mapping[str, Any]) -> FleetJobSpec | None:
        """As in the operator's cache, one text is one object: comparing it with itself is free."""
        assert self.job is not None
        return self.job.spec if raw is self.job.raw_spec else load_job_spec(dict(raw))

    def _create_deployment(self, action: CreateDeployment, rv: str) -> None:
        assert self.job is not None
        if action.name in self.deployments:
            raise LostWriteError(action.name)
        self.deployments[action.name] = DeploymentView(
            name=action.name,
            uid=f"fd-{rv}",
            resource_version=rv,
            owner_uid=self.job.uid,
            created=self.now,
            generation=1,
            job_name=self.job.name,
            type=action.type,
            from_version=action.from_version,
            to_version=action.to_version,
            rollout=RolloutOverride.model_validate(dict(action.rollout)),
            paused=action.paused,
        )

    def _create_execution(self, action: CreateExecution, rv: str) -> None:
        assert self.job is not None
        if action.name in self.executions:
            raise LostWriteError(action.name)
        if self.is_late:
            self.late.add(action.name)
        self.executions[action.name] = ExecutionView(
            name=action.name,
            uid=f"ex-{rv}",
            resource_version=rv,
            owner_uid=self.job.uid,
            created=self.now,
            job_id=self.job.uid,
            version=action.version,
            node=action.node,
            node_uid=action.node_uid,
            wave=action.wave,
            deployment=action.deployment,
            attempt=action.attempt,
            workload_hash=action.workload_hash,
        )

    def _create_pod(self, action: CreatePod | CreatePull, rv: str) -> None:
        assert self.job is not None
        if isinstance(action, CreatePull):
            self._create_pull(action, rv)
            return
        version = self.versions.get(version_name(self.job.name, action.version))
        if version is None:
            raise LostWriteError(action.execution)
        manifest = render_pod(
            job=self.job,
            version=version,
            node=action.node,
            execution=action.execution,
            deployment=action.deployment,
            settings=self.settings,
        )
        name = manifest["metadata"]["name"]
        assert name == pod_name(self.job.name, action.node)
        if name in self.pods:
            raise LostWriteError(name)
        owner = self.executions.get(action.execution)
        if owner is None:
            raise LostWriteError(action.execution)
        self.pods[name] = PodView(
            namespace="default",
            name=name,
            uid=f"pod-{rv}",
            resource_version=rv,
            job=self.job.name,
            node=action.node,
            owner_kind="Execution",
            owner_name=owner.name,
            owner_uid=owner.uid,
            created=self.now,
        )
        self.images[f"pod-{rv}"] = manifest["spec"]["containers"][0]["image"]
        if "activeDeadlineSeconds" in manifest["spec"]:
            self.limits[f"pod-{rv}"] = manifest["spec"]["activeDeadlineSeconds"]

    def _set_status(self, action: SetStatus, rv: str) -> None:
        assert self.job is not None
        status = dict(action.status)
        match action.kind:
            case "FleetJob":
                self._check(self.job, action)
                self.job = replace(self.job, status=status, resource_version=rv)
            case "JobVersion":
                self._check_proof(action)
                version = self._check(self.versions.get(action.name), action)
                self.versions[action.name] = replace(
                    version,
                    status=status,
                    resource_version=rv,
                    stable=status.get("stable", False),
                    stable_at=parse_time(status.get("stableAt")),
                )
            case "FleetDeployment":
                deployment = self._check(self.deployments.get(action.name), action)
                resolved = status.get("resolved") or {}
                self.deployments[action.name] = replace(
                    deployment,
                    status=status,
                    resource_version=rv,
                    state=status.get("state", ""),
                    reason=status.get("reason", ""),
                    sequence=status.get("sequence", 0),
                    accepted=parse_time(status.get("acceptedAt")),
                    started=parse_time(status.get("startedAt")),
                    total=status.get("totalNodes", 0),
                    wave_size=status.get("waveSize", 0),
                    promoted_gate=status.get("canaryPromoted", False),
                    completed=parse_time(status.get("completedAt")),
                    workload_hash=status.get("workloadHash", ""),
                    from_version=resolved.get("fromVersion", deployment.from_version),
                    to_version=resolved.get("toVersion", deployment.to_version),
                )
            case "Execution":
                self._check_proof(action)
                execution = self._check(self.executions.get(action.name), action)
                self.executions[action.name] = replace(
                    execution,
                    status=status,
                    resource_version=rv,
                    desired=status["desiredState"]["stateType"],
                    observed=status["observedState"]["stateType"],
                    stable_at=parse_time(status.get("stableAt")),
                    pod_uid=status.get("podUid", ""),
                    updated=parse_time(status["updatedAt"]) or 0.0,
                )

    def _check(self, view: Any, action: SetStatus | DeleteRecord) -> Any:
        seen = (action.uid, action.resource_version)
        if view is None or (view.uid, view.resource_version) != seen:
            raise LostWriteError(action.name)
        return view

    def _check_proof(self, action: SetStatus) -> None:
        proof = action.proof
        if proof is None:
            return
        kept: dict[str, Any] = {"Pod": self.pods, "FleetDeployment": self.deployments}[proof.kind]
        there = kept.get(proof.name)
        found = (there.uid, there.resource_version) if there is not None else ("", "")
        if found != (proof.uid, proof.resource_version):
            raise LostWriteError(action.name)
