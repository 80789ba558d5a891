"""All that is known of the cluster, and the snapshot of it that a planning pass sees.

Views come in from reflectors (nodes, pods, executions, versions), from kopf's event handlers (jobs
and deployments, compared with a list now and then), and from the responses to our own writes. A
changed view wakes its job; a changed node wakes every job.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from wavegate.api.names import LABEL_JOB, LABEL_JOB_KIND, LABEL_PULL
from wavegate.cache.decode import OwnDecoder
from wavegate.cache.decode_core import decode_node, decode_pod, decode_pull
from wavegate.cache.fields import mapping
from wavegate.cache.kinds import Decoder, KindCache
from wavegate.cache.lazily import Lazily
from wavegate.cache.store import Item, JobKey, Store
from wavegate.domain.actions import CreateExecution
from wavegate.domain.health import HealthRecord
from wavegate.domain.observed import (
    Changes,
    DeploymentView,
    ExecutionView,
    JobView,
    NodeView,
    Observed,
    PlanSettings,
    PodView,
    Preparation,
    PullView,
    Refusal,
    RunStands,
    VersionView,
)
from wavegate.kube.resources import (
    EXECUTIONS,
    FLEET_DEPLOYMENTS,
    FLEET_JOBS,
    HTTP_JOBS,
    JOB_VERSIONS,
    NODES,
    PODS,
    Resource,
)

POD_SELECTOR: Final = LABEL_JOB
PULL_SELECTOR: Final = LABEL_PULL
"""Label selectors with which pods are listed and watched: those at work, those that pull images."""
VERSION_SELECTOR: Final = f"{LABEL_JOB_KIND}!={HTTP_JOBS.kind}"
"""Versions of FleetJobs."""


class ClusterCache(KindCache):
    """The stores, kind by kind, and what joins them.

    ``clock``: monotonic seconds. ``namespaces``: those that this process looks after; empty: all.
    """

    def __init__(
        self,
        wake: Callable[[JobKey], None],
        *,
        clock: Callable[[], float],
        namespaces: tuple[str, ...] = (),
    ) -> None:
        super().__init__(wake)
        self._namespaces = namespaces
        own = OwnDecoder()
        self.jobs: Store[JobView] = Store(self._job_changed, clock=clock)
        self.deployments: Store[DeploymentView] = Store(self._changed, clock=clock)
        self.versions: Store[VersionView] = Store(self._changed, clock=clock)
        self.executions: Store[ExecutionView] = Store(
            self._execution_changed, clock=clock, on_nodes=True
        )
        self.pods: Store[PodView] = Store(self._changed, clock=clock, on_nodes=True)
        self.pulls: Store[PullView] = Store(self._changed, clock=clock)
        self.nodes: Store[NodeView] = Store(self._node_changed, clock=clock)
        self._nodes: Mapping[str, NodeView] | None = None
        """As snapshots see them; None: one of them has changed since the last."""
        self._cordons: dict[str, JobKey] = {}
        self._phantoms: dict[JobKey, dict[str, ExecutionView]] = {}
        self._orphaners: defaultdict[JobKey, set[str]] = defaultdict(set)
        """uids of jobs that went and left their children alone, which may be heard of later."""
        self.run_of: Callable[[JobView], RunStands] = lambda _: "Executes"
        """Where the run is that has made a job."""
        self.asked_versions: Callable[[JobKey], frozenset[int]] = lambda _: frozenset()
        """Versions by which runs of a job execute."""
        self._serials: Counter[JobKey] = Counter()
        """By job, how many snapshots there were."""
        self.kinds = {
            FLEET_JOBS.kind: (own.job, self.jobs),
            FLEET_DEPLOYMENTS.kind: (own.deployment, self.deployments),
            JOB_VERSIONS.kind: (own.version, self.versions),
            EXECUTIONS.kind: (own.execution, self.executions),
            PODS.kind: (decode_pod, self.pods),
            NODES.kind: (decode_node, self.nodes),
        }

    def source(self, resource: Resource, selector: str = "") -> tuple[Decoder, Store[Any]]:
        """Pods that pull images have a store of their own."""
        if selector == PULL_SELECTOR:
            return decode_pull, self.pulls
        return super().source(resource)

    def assume(self, kind: str, raw: dict[str, Any]) -> None:
        """Whichever store a pod belongs to."""
        if kind == PODS.kind and LABEL_PULL in mapping(raw["metadata"].get("labels")):
            self.pulls.assume(decode_pull(raw))
        else:
            super().assume(kind, raw)

    def forget(self, kind: str, namespace: str, name: str, uid: str) -> None:
        """Whichever store a pod is in."""
        super().forget(kind, namespace, name, uid)
        if kind == PODS.kind:
            self.pulls.delete(namespace, name, uid)

    def expect(self, key: JobKey, action: CreateExecution, *, now: float) -> None:
        """Show an execution as taken while its create is in flight, until `settle`.

        The real object of that name wins as soon as it is known.
        """
        job = self.job(key)
        if self.executions.get(key[0], action.name) is not None:
            return
        self.executions.touch(key, action.node)
        self._phantoms.setdefault(key, {})[action.name] = ExecutionView(
            name=action.name,
            uid="",
            resource_version="",
            owner_uid=job.uid if job else "",
            created=now,
            job_id=job.uid if job else "",
            version=action.version,
            node=action.node,
            node_uid=action.node_uid,
            wave=action.wave,
            deployment=action.deployment,
            attempt=action.attempt,
            workload_hash=action.workload_hash,
            assumed=True,
        )

    def settle(self, key: JobKey, name: str) -> None:
        """The outcome of that create is known: a phantom that is still there is taken away."""
        if self._drop_phantom(key, name):
            self._wake(key)

    def job(self, key: JobKey) -> JobView | None:
        """The job, or None where there is none of that name."""
        return self.jobs.get(*key)

    def job_keys(self) -> set[JobKey]:
        """Every job that is known or has left children, or a node cordoned."""
        stores: tuple[Store[Any], ...] = (
            self.jobs,
            self.deployments,
            self.versions,
            self.executions,
            self.pods,
        )
        left = self._phantoms.keys() | set(self._cordons.values())
        return {key for store in stores for key in store.job_keys()} | left

    def execution_uid(self, namespace: str, name: str) -> str | None:
        """uid of an execution that really exists, for owner references."""
        view = self.executions.get(namespace, name)
        return view.uid if view else None

    def snapshot(
        self,
        key: JobKey,
        *,
        now: float,
        eval_id: str,
        operator_started: float,
        health: Mapping[str, HealthRecord],
        still_there: Mapping[str, float],
        prepared: Mapping[int, Preparation],
        refusals: Mapping[str, Refusal],
        settings: PlanSettings,
        kind_gone: bool = False,
    ) -> Observed | None:
        """What a pass for this job sees; None where nothing is known of that name.

        It is of this moment: a pass must not hold it across an await. ``nodes`` is the same object
        as in the snapshot before, as long as no node has changed.
        """
        changes = self._changes(key)
        job = self.job(key)
        versions, deployments = self.versions.of_job(key), self.deployments.of_job(key)
        if job is None:
            left = (versions, deployments, self.executions_of(key), self.pods.of_job(key))
            if not any(left) and key not in self._cordons.values():
                self._serials.pop(key, None)
                self._orphaners.pop(key, None)
                self.executions.forget_touched(key)
                self.pods.forget_touched(key)
                return None
            job = _departed(key)
        uid = job.uid
        version_uids = {view.uid for view in versions if view.owner_uid}
        own_versions = [view for view in versions if uid and view.owner_uid == uid]
        own_deployments = [
            view for view in deployments if not view.owner_uid or view.owner_uid == uid
        ]
        return Observed(
            job=job,
            now=now,
            operator_started=operator_started,
            nodes=self._nodes_now(),
            versions=sorted(own_versions, key=lambda view: view.version),
            deployments=sorted(own_deployments, key=lambda view: (view.created, view.name)),
            executions=Lazily(
                lambda: [each for each in self.executions_of(key) if uid and each.owner_uid == uid]
            ),
            former=self._former(key, uid),
            pods=Lazily(lambda: self.pods.of_job(key)),
            changes=changes,
            pulls=[view for view in self.pulls.of_job(key) if view.owner_uid in version_uids],
            health=health,
            still_there=still_there,
            prepared=prepared,
            refusals=refusals,
            settings=settings,
            run_stands=self.run_of(job) if job.run else "Executes",
            asked_versions=self.asked_versions(key),
            kind_gone=kind_gone,
            eval_id=eval_id,
        )

    def _changes(self, key: JobKey) -> Changes | None:
        """Where something is new for the job since this was asked; None: it never was."""
        executions, pods = self.executions.take_touched(key), self.pods.take_touched(key)
        if executions is None or pods is None:
            self._serials[key] = 0
            return None
        self._serials[key] += 1
        return Changes(
            self._serials[key], frozenset(executions | pods), partial(self._on_node, key)
        )

    def _on_node(self, key: JobKey, node: str) -> tuple[Sequence[ExecutionView], Sequence[PodView]]:
        """A job's own executions on a node, and the pods that carry its label there."""
        job = self.job(key)
        phantoms = self._phantoms.get(key, {}).values()
        views = [*self.executions.of_node(key, node), *(p for p in phantoms if p.node == node)]
        uid = job.uid if job is not None else ""
        own = [each for each in views if uid and each.owner_uid == uid]
        return own, self.pods.of_node(key, node)

    def executions_of(self, key: JobKey) -> list[ExecutionView]:
        """Those of the job's name, whoever owns them, also such as are being created."""
        return [*self.executions.of_job(key), *self._phantoms.get(key, {}).values()]

    def _former(self, key: JobKey, uid: str) -> Sequence[ExecutionView]:
        """Those of the name that another job owns, which is gone."""
        owners = self.executions.owners(key) - {uid, ""} - self._orphaners.get(key, set())
        if not owners:
            return []
        return [view for view in self.executions.of_job(key) if view.owner_uid in owners]

    def _nodes_now(self) -> Mapping[str, NodeView]:
        if self._nodes is None:
            self._nodes = MappingProxyType({view.name: view for view in self.nodes.values()})
        return self._nodes

    def _job_changed(self, old: Item[JobView] | None, new: Item[JobView] | None) -> None:
        if old is not None and old.view.orphaning and (new is None or new.uid != old.uid):
            self._orphaners[old.namespace, old.job].add(old.uid)
        self._changed(old, new)

    def _execution_changed(
        self, old: Item[ExecutionView] | None, new: Item[ExecutionView] | None
    ) -> None:
        if new is not None:
            self._drop_phantom((new.namespace, new.job), new.name)
        self._changed(old, new)

    def _node_changed(self, old: Item[NodeView] | None, new: Item[NodeView] | None) -> None:
        if old is not None:
            self._cordons.pop(old.name, None)
        self._nodes = None
        if new is not None:
            by = new.view.cordoned_by
            if by is not None and (not self._namespaces or by.namespace in self._namespaces):
                self._cordons[new.name] = (by.namespace, by.job)
        for key in self.job_keys():
            self._wake(key)

    def _drop_phantom(self, key: JobKey, name: str) -> bool:
        phantoms = self._phantoms.get(key, {})
        phantom = phantoms.pop(name, None)
        if phantom is None:
            return False
        self.executions.touch(key, phantom.node)
        if not phantoms:
            del self._phantoms[key]
        return True


def _departed(key: JobKey) -> JobView:
    """A job that is gone, for the sake of the children it has left."""
    namespace, name = key
    return JobView(
        namespace=namespace,
        name=name,
        uid="",
        resource_version="",
        generation=0,
        created=0.0,
        spec=None,
        raw_spec={},
        deleting=True,
    )
