"""The simulated cluster, seen as the world that the invariants of the rules are written for.

After each write of an operator process the invariants of `sim.invariants` are checked, with the
action that the write belongs to. What breaks one is kept, for nobody may be raised at from inside a
request of the operator.
"""

from __future__ import annotations

import functools
from collections import Counter
from contextvars import ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from sim.invariants import Invariants
from sim.telling import tell
from wavegate.api.names import LABEL_PULL
from wavegate.api.rollout import HealthCheck
from wavegate.cache.decode import OwnDecoder
from wavegate.cache.decode_core import decode_node, decode_pod, decode_pull
from wavegate.domain.actions import (
    Action,
    CreateExecution,
    CreatePod,
    DeletePod,
    DeleteRecord,
    SetStatus,
)
from wavegate.domain.observed import (
    DeploymentView,
    ExecutionView,
    JobView,
    NodeView,
    PodView,
    PullView,
    VersionView,
)
from wavegate.engine.executor import Executor
from wavegate.simulation.cluster import LEASE_NAMESPACE, START, Process, SimulatedCluster
from wavegate.simulation.fates import Fate
from wavegate.simulation.kinds import SERVED
from wavegate.simulation.loop import PROCESS
from wavegate.simulation.store import Change

if TYPE_CHECKING:
    from sim.world import World

ACTION: ContextVar[Action | None] = ContextVar("ACTION", default=None)
"""What an operator process is carrying out just now."""

UNHEARD = 1.0
"""Seconds within which a step that was begun may go on without knowing of it."""

_execute = Executor.execute


@functools.wraps(_execute)
async def _told(self: Executor, job: JobView, action: Action) -> Any:
    ACTION.set(action)
    return await _execute(self, job, action)


Executor.execute = _told  # type: ignore[method-assign]


class Watched:
    """Has the attributes of a `sim.world.World` that invariants read."""

    def __init__(
        self, cluster: SimulatedCluster, places: int | None, *, verbs_come_late: bool = False
    ) -> None:
        """``verbs_come_late``: what a person wants of a deployment counts once it was seen."""
        self.meddled = -UNHEARD
        """When a third party last took a child away (seconds of the loop)."""
        self._verbs_come_late = verbs_come_late
        self.broken: AssertionError | None = None
        """The first invariant that did not hold."""
        self.states = 0
        """How many states were looked at."""
        self.job: JobView | None = None
        self.nodes: dict[str, NodeView] = {}
        self.versions: dict[str, VersionView] = {}
        self.deployments: dict[str, DeploymentView] = {}
        self.executions: dict[str, ExecutionView] = {}
        self.pods: dict[str, PodView] = {}
        self.pulls: dict[str, PullView] = {}
        self.deleted: list[DeploymentView] = []
        """Deployments that were deleted, as they were last."""
        self.images: dict[str, str] = {}
        self.disturbed: dict[str, float] = {}
        self.late: set[str] = set()
        self.is_late = False
        self._all_pods: dict[str, PodView] = {}
        self._cluster = cluster
        self._places = places
        self._invariants = Invariants(places)
        self._decoder = OwnDecoder()
        self._last: list[str] = []
        self._formers = (-UNHEARD, frozenset[str]())
        """When the job before the present one ended, and the uids of its executions then."""
        cluster.server.store.listeners.append(self._changed)

    @property
    def now(self) -> float:
        return self._cluster.now()

    @property
    def operator_started(self) -> float:
        """When the newest process began."""
        return self._cluster.processes[-1].started

    def said(self) -> list[DeploymentView]:
        """All deployments that ever were, oldest first."""
        return sorted([*self.deployments.values(), *self.deleted], key=lambda each: each.created)

    def fate(self, node: str, image: str) -> Fate:
        return self._cluster.fleet.fate(node, image)

    def serves(self, check: HealthCheck | None) -> bool:
        """Whether pods that are fine have the counters that are asked for (`simulation.fleet`)."""
        asked = check.error_rate.pod_metrics if check and check.error_rate else None
        if asked is None:
            return True
        return asked.format != "JSON" and {*asked.errors, *asked.total} <= {"errors", "requests"}

    def disturb(self, node: str) -> None:
        """A third party has done something to the node, or to what runs there."""
        self.disturbed[node] = self.now

    def sends(self, process: Process, what: str) -> None:
        """9. A process that does not lead sends no write."""
        if self.broken is None and not self._leads(process):
            self.broken = AssertionError(
                f"{process.identity} does not lead: {what}\n{self.story()}"
            )

    def _changed(self, change: Change) -> None:
        writer, action = PROCESS.get(), ACTION.get()
        ours = isinstance(writer, Process)
        deletes = ours and isinstance(action, DeletePod) and not change.new
        if not deletes:
            self._take(change)
        if ours and action is not None and self.broken is None:
            self.is_late = self._is_unheard() or not self._leads(cast("Process", writer))
            if self.is_late and isinstance(action, CreateExecution):
                self.late.add(action.name)
            self._check(action, change)
            self._is_what_was_meant(change, action)
        if deletes:
            self._take(change)
        name = f"{change.kind.resource.kind} {change.key[1]}"
        if ours and "Lease" not in name and "Event" not in name:
            by = cast("Process", writer).identity
            self._last.append(f"  t={self.now - START:g} {by} {type(action).__name__} {name}")

    def _check(self, action: Action, change: Change) -> None:
        self.states += 1
        try:
            former = isinstance(action, DeletePod) and action.name not in self.pods
            former = former or (isinstance(action, SetStatus) and self._is_former(change))
            former = former or (isinstance(action, CreatePod) and self._is_of_former(change))
            if self.job is None or former:
                self._one_pod_a_node()
            else:
                self._invariants(cast("World", self), action)
                self._one_pod_a_node()
                self._completed_is_whole(action)
        except AssertionError as error:
            self.broken = error
        except (KeyError, StopIteration) as error:
            if self._is_unheard() or self._has_just_gone(action):
                return  # a third party has taken away what it is about
            self.broken = AssertionError(f"{action} is about what is not there: {error!r}")

    def _is_what_was_meant(self, change: Change, action: Action) -> None:
        """9. An object is only deleted or changed that has the uid which the plan saw."""
        if isinstance(action, DeletePod | DeleteRecord | SetStatus) and self.broken is None:
            uid = change.document["metadata"]["uid"]
            if uid != action.uid:
                self.broken = AssertionError(f"{action} has hit {uid}\n{self.story()}")

    def _completed_is_whole(self, action: Action) -> None:
        """A rollout that is Completed has reached as many nodes as it began with."""
        if not isinstance(action, SetStatus) or action.kind != "FleetDeployment" or self.disturbed:
            return
        status = action.status
        if status.get("state") == "Completed" and self.deployments[action.name].type != "Stop":
            reached = status["updatedNodes"] + status["failedNodes"]
            assert reached >= status["totalNodes"], f"{action.name} is not over\n{self.story()}"

    def _one_pod_a_node(self) -> None:
        """Of all jobs of the name, former ones included."""
        nodes = Counter(pod.node for pod in self._all_pods.values() if not pod.terminal)
        assert max(nodes.values(), default=0) <= 1, f"two pods on a node: {nodes}\n{self.story()}"

    def _is_former(self, change: Change) -> bool:
        """Whether it is a child of a job that is gone, and whose end was not heard of yet."""
        owners = {each["uid"] for each in change.document["metadata"].get("ownerReferences", ())}
        return self.job is not None and bool(owners) and self.job.uid not in owners

    def _is_of_former(self, change: Change) -> bool:
        """Whether it is a pod of a job that has just gone: its claims go, and with them the pod."""
        ended, executions = self._formers
        owners = {each["uid"] for each in change.document["metadata"].get("ownerReferences", ())}
        return bool(owners) and owners <= executions and self._cluster.loop.time() - ended < UNHEARD

    def _is_unheard(self) -> bool:
        """Whether what a third party did may not have been heard of yet."""
        return self._cluster.loop.time() - self.meddled < UNHEARD

    def _has_just_gone(self, action: Action) -> bool:
        """Whether the node that it is about went while the write was on its way."""
        gone_at = self.disturbed.get(getattr(action, "node", ""))
        return gone_at is not None and self.now - gone_at < UNHEARD

    def meddle(self) -> None:
        """A third party takes a child away."""
        self.meddled = self._cluster.loop.time()

    def _leads(self, process: Process) -> bool:
        lease = self._cluster.server.store.get(SERVED["Lease"], (LEASE_NAMESPACE, "wavegate"))
        return lease is not None and lease["spec"]["holderIdentity"] == process.identity

    def _take(self, change: Change) -> None:
        kind, name, here = change.kind.resource.kind, change.key[1], bool(change.new)
        match kind:
            case "FleetJob":
                self._take_job(change)
            case "JobVersion":
                view = self._decoder.version(change.document).view
                _keep(self.versions, name, view, here and self._is_ours(view.owner_uid))
            case "FleetDeployment":
                raw = change.document
                view = self._as_seen(self._decoder.deployment(raw).view)
                if not here and name in self.deployments:
                    self.deleted.append(self.deployments[name])
                _keep(self.deployments, name, view, here and self._is_ours(view.owner_uid or None))
            case "Execution":
                view = self._decoder.execution(change.document).view
                _keep(self.executions, name, view, here and self._is_ours(view.owner_uid))
            case "Pod":
                self._take_pod(change)
            case "Node":
                view = decode_node(change.document).view
                _keep(self.nodes, name, view, here)

    def _as_seen(self, view: DeploymentView) -> DeploymentView:
        before = self.deployments.get(view.name)
        seen = view.status.get("observedGeneration") == view.generation
        if seen or before is None or not self._verbs_come_late:
            return view
        return replace(view, paused=before.paused, canceled=before.canceled)

    def _is_ours(self, owner: str | None) -> bool:
        """Whether it is the present job's, or a user's."""
        return owner is None or (self.job is not None and owner == self.job.uid)

    def _take_job(self, change: Change) -> None:
        view = self._decoder.job(change.document).view
        if not change.new or (self.job is not None and self.job.uid != view.uid):
            self.job = None
            claims = frozenset(each.uid for each in self.executions.values())
            self._formers = (self._cluster.loop.time(), claims)
            for each in (self.versions, self.deployments, self.executions, self.pods, self.deleted):
                each.clear()  # type: ignore[attr-defined]
            self._invariants = Invariants(self._places)
        if change.new:
            self.job = view

    def _take_pod(self, change: Change) -> None:
        raw = change.document
        if LABEL_PULL in raw["metadata"].get("labels", {}):
            pull = decode_pull(raw).view
            _keep(self.pulls, pull.name, pull, bool(change.new))
            return
        view = decode_pod(raw).view
        self.images[view.uid] = raw["spec"]["containers"][0]["image"]
        _keep(self._all_pods, view.name, view, bool(change.new))
        owners = {each.uid for each in self.executions.values()}
        _keep(self.pods, view.name, view, bool(change.new) and view.owner_uid in owners)

    def story(self) -> str:
        """What a person needs to understand a failure."""
        return tell(cast("World", self), self._last[-25:])


def _keep(views: dict[str, Any], name: str, view: Any, here: bool) -> None:
    if here:
        views[name] = view
    else:
        views.pop(name, None)
