"""Everything that became of a job and its children, in the order in which the server stored it.

A watch of each kind writes it down while a run goes on; afterwards it is read from the beginning,
revision by revision, and the invariants of `sim.invariants` are asked at each. What a process meant
by a write follows from what was stored. A write that a former leader sent late is known by name.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from sim.invariants import Invariants
from sim.telling import tell
from support.space import Document, Space
from wavegate.api.names import LABEL_DEPLOYMENT, LABEL_JOB, LABEL_PULL, LABEL_VERSION
from wavegate.cache.decode import OwnDecoder
from wavegate.cache.decode_core import decode_node, decode_pod
from wavegate.domain.actions import (
    Action,
    CreateDeployment,
    CreateExecution,
    CreatePod,
    DeletePod,
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
from wavegate.simulation.fates import CRASHES, FINE, Fate

if TYPE_CHECKING:
    from sim.world import World

KINDS: Final = ("FleetJob", "JobVersion", "FleetDeployment", "Execution", "Pod")
_WATCH_SECONDS: Final = 10
_TOLD: Final = 25


@dataclass(frozen=True)
class Event:
    """``at``: epoch seconds when it was heard of. ``gone``: the object is no more."""

    revision: int
    at: float
    kind: str
    document: Document
    gone: bool

    @property
    def name(self) -> str:
        return str(self.document["metadata"]["name"])


class History:
    """A watch of a namespace from when it is entered; it misses nothing, however short.

    What is there now is read from it as well, which asks the server nothing.
    """

    def __init__(
        self,
        space: Space,
        ignored: Callable[[Document], bool],
        kinds: Sequence[str] = KINDS,
    ) -> None:
        self._space = space
        self._ignored = ignored
        self._kinds = kinds
        self._ended = False
        self._events: list[Event] = []
        self._now: dict[str, dict[str, Document]] = {kind: {} for kind in kinds}
        self._broken: list[BaseException] = []

    def __enter__(self) -> History:
        for kind in self._kinds:
            threading.Thread(target=self._write, args=(kind,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True

    def get(self, kind: str, name: str) -> Document | None:
        found = [each for each in self.list(kind) if each["metadata"]["name"] == name]
        return found[0] if found else None

    def revisions(self) -> dict[str, str]:
        """By the uid of all that is there."""
        return {
            uid: str(each["metadata"]["resourceVersion"])
            for kind in self._kinds
            for uid, each in list(self._now[kind].items())
        }

    def events(self) -> list[Event]:
        """All until now, in the order in which they were stored."""
        stored = {
            each["metadata"]["uid"]: str(each["metadata"]["resourceVersion"])
            for kind in self._kinds
            for each in self._space.list(kind)
            if not self._ignored(each)
        }
        self._space.wait("the history is up to date", lambda: self.revisions() == stored)
        return sorted(self._events, key=lambda each: each.revision)

    def _write(self, kind: str) -> None:
        try:
            self._follow(kind)
        except BaseException as error:
            self._broken.append(error)

    def _follow(self, kind: str) -> None:
        path = self._space.path(kind)
        listed = self._space.client.get(path)
        for each in listed["items"]:
            self._note(kind, each, gone=False)
        since = str(listed["metadata"]["resourceVersion"])
        while not self._ended:
            query = f"?watch=true&timeoutSeconds={_WATCH_SECONDS}&resourceVersion={since}"
            for event in self._space.client.watch(f"{path}{query}"):
                assert event["type"] != "ERROR", event
                since = event["object"]["metadata"]["resourceVersion"]
                self._note(kind, event["object"], gone=event["type"] == "DELETED")

    def _note(self, kind: str, document: Document, *, gone: bool) -> None:
        if self._ignored(document):
            return
        metadata = document["metadata"]
        event = Event(int(metadata["resourceVersion"]), time.time(), kind, document, gone)
        self._events.append(event)
        if gone:
            self._now[kind].pop(metadata["uid"], None)
        else:
            self._now[kind][metadata["uid"]] = document

    def list(self, kind: str) -> list[Document]:
        """Raises what has ended a watch."""
        if self._broken:
            raise self._broken[0]
        return list(self._now[kind].values())


class Replay:
    """Reads a history; has the attributes of a `sim.world.World` that invariants read.

    ``bad``: images whose pods fail; ``places``: how many nodes may be down at once; ``launches``:
    when operator processes began (epoch seconds); ``late``: names of executions that a former
    leader made.
    """

    def __init__(
        self,
        nodes: Sequence[Document],
        *,
        bad: Collection[str],
        places: int,
        launches: Sequence[float],
        late: Collection[str] = (),
    ) -> None:
        self.now = 0.0
        self.job: JobView | None = None
        self.nodes: dict[str, NodeView] = {
            each["metadata"]["name"]: decode_node(each).view for each in nodes
        }
        self.versions: dict[str, VersionView] = {}
        self.deployments: dict[str, DeploymentView] = {}
        self.executions: dict[str, ExecutionView] = {}
        self.pods: dict[str, PodView] = {}
        self.pulls: dict[str, PullView] = {}
        self.deleted: list[DeploymentView] = []
        self.images: dict[str, str] = {}
        self.disturbed: dict[str, float] = {}
        self.late = set(late)
        self.is_late = bool(late)
        self.states = 0
        self._bad = bad
        self._places = places
        self._launches = launches
        self._invariants = Invariants(places)
        self._decoder = OwnDecoder()
        self._all_pods: dict[str, PodView] = {}
        self._before: dict[tuple[str, str], Document] = {}
        self._last: list[str] = []

    @property
    def operator_started(self) -> float:
        return max((at for at in self._launches if at <= self.now), default=0.0)

    def said(self) -> list[DeploymentView]:
        return sorted([*self.deployments.values(), *self.deleted], key=lambda each: each.created)

    def fate(self, _: str, image: str) -> Fate:
        return CRASHES if image in self._bad else FINE

    def story(self) -> str:
        return tell(cast("World", self), self._last[-_TOLD:])

    def read(self, events: Sequence[Event]) -> None:
        """Raises AssertionError at the first state in which an invariant does not hold."""
        for event in events:
            self.now = event.at
            key = event.kind, event.document["metadata"]["uid"]
            before = self._before.get(key)
            self._last.append(f"  {event.revision} {event.kind} {event.name}{_how(event, before)}")
            action = None if event.gone else self._meant(event, before)
            if isinstance(action, DeletePod):
                self._ask(action)
            self._take(event)
            if action is not None and not isinstance(action, DeletePod):
                self._ask(action)
            self._one_pod_a_node()
            self._before[key] = event.document

    def _ask(self, action: Action) -> None:
        self.states += 1
        of_former = isinstance(action, DeletePod) and action.name not in self.pods
        if self.job is not None and not self.job.deleting and not of_former:
            self._invariants(cast("World", self), action)

    def _one_pod_a_node(self) -> None:
        """Of all jobs of the name, former ones included."""
        nodes = Counter(pod.node for pod in self._all_pods.values() if not pod.terminal)
        assert max(nodes.values(), default=0) <= 1, f"two pods on a node: {nodes}\n{self.story()}"

    def _meant(self, event: Event, before: Document | None) -> Action | None:
        """The action of the operator's that leaves this behind; None for what others do."""
        raw, kind = event.document, event.kind
        metadata = raw["metadata"]
        if before is None:
            return self._created(event)
        if kind == "Pod":
            stops = (
                "deletionTimestamp" in metadata and "deletionTimestamp" not in before["metadata"]
            )
            why = "Replaced"  # or its end; nothing else stops pods of a job that is there
            uid, revision = metadata["uid"], before["metadata"]["resourceVersion"]
            return DeletePod(event.name, uid, revision, why) if stops else None
        if raw.get("status") == before.get("status") or not self._is_ours(raw):
            return None
        status = raw["status"]
        return SetStatus(kind, event.name, metadata["uid"], metadata["resourceVersion"], status)

    def _created(self, event: Event) -> Action | None:
        raw = event.document
        match event.kind:
            case "Execution" if self._is_ours(raw):
                made = self._decoder.execution(raw).view
                return CreateExecution(
                    name=made.name,
                    version=made.version,
                    node=made.node,
                    node_uid=made.node_uid,
                    wave=made.wave,
                    deployment=made.deployment,
                    attempt=made.attempt,
                    workload_hash=made.workload_hash,
                    eval_id="",
                )
            case "FleetDeployment" if self._is_ours(raw) and _owner(raw):
                spec = raw["spec"]
                versions = spec.get("fromVersion", 0), spec.get("toVersion", 0)
                return CreateDeployment(event.name, spec["type"], *versions, {})
            case "Pod" if _owner(raw) in {each.uid for each in self.executions.values()}:
                view = decode_pod(raw).view
                labels = raw["metadata"]["labels"]
                version, of = int(labels[LABEL_VERSION]), labels.get(LABEL_DEPLOYMENT, "")
                return CreatePod(view.owner_name, view.node, version, of)
            case _:
                return None

    def _is_ours(self, raw: Document) -> bool:
        """Whether it is the present job, or its child, or a user's deployment of it."""
        if self.job is None:
            return False
        uids = {self.job.uid, *(each.uid for each in self.versions.values())}
        owner = _owner(raw)
        return (
            raw["metadata"]["uid"] == self.job.uid
            or owner in uids
            or (raw["kind"] == "FleetDeployment" and not owner)
        )

    def _take(self, event: Event) -> None:
        raw, here, decoder = event.document, not event.gone, self._decoder
        match event.kind:
            case "FleetJob":
                self._take_job(decoder.job(raw).view, here=here)
            case "JobVersion":
                self._keep(self.versions, event, decoder.version, here and self._is_ours(raw))
            case "FleetDeployment":
                if not here and event.name in self.deployments:
                    self.deleted.append(self.deployments[event.name])
                ours = here and self._is_ours(raw)
                self._keep(self.deployments, event, decoder.deployment, ours)
            case "Execution":
                self._keep(self.executions, event, decoder.execution, here and self._is_ours(raw))
            case "Pod":
                self._take_pod(event)

    def _take_job(self, view: JobView, *, here: bool) -> None:
        if not here or (self.job is not None and self.job.uid != view.uid):
            self.job = None
            for each in (self.versions, self.deployments, self.executions, self.pods):
                each.clear()
            self.deleted.clear()
            self._invariants = Invariants(self._places)
        if here:
            self.job = view

    def _take_pod(self, event: Event) -> None:
        raw = event.document
        if not _owner(raw) or LABEL_JOB not in raw["metadata"]["labels"]:
            return
        assert LABEL_PULL not in raw["metadata"]["labels"]
        view = decode_pod(raw).view
        self.images[view.uid] = raw["spec"]["containers"][0]["image"]
        self._keep(self._all_pods, event, decode_pod, not event.gone)
        owners = {each.uid for each in self.executions.values()}
        self._keep(self.pods, event, decode_pod, not event.gone and view.owner_uid in owners)

    def _keep(
        self, views: dict[str, Any], event: Event, decode: Callable[[Document], Any], here: bool
    ) -> None:
        if here:
            views[event.name] = decode(event.document).view
        else:
            views.pop(event.name, None)


def _owner(raw: Document) -> str:
    """uid of the controller, empty where there is none."""
    owners = raw["metadata"].get("ownerReferences", ())
    return next((str(each["uid"]) for each in owners if each.get("controller")), "")


def _how(event: Event, before: Document | None) -> str:
    if event.gone:
        return " is gone"
    if before is None:
        return " is there"
    status = event.document.get("status") or {}
    said = status.get("observedState") or status.get("state") or status.get("phase") or ""
    stops = " stops" if "deletionTimestamp" in event.document["metadata"] else ""
    return f"{stops}: {said}"
