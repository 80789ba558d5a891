"""A cluster in memory on which plans of the core are carried out: all pods are healthy.

What the core asks for becomes documents by the operator's own bodies and views by its own cache,
so that a rehearsal passes through the same code as a rollout. Kubelets are a few lines: a pod is
ready `STARTS` seconds after it was made, of a type that runs to completion it ends well `RUNS`
seconds later, and it is gone `STOPS` seconds after its deletion.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from wavegate.api.names import LABEL_JOB, version_name
from wavegate.cache.cluster import ClusterCache
from wavegate.cli.core import fill
from wavegate.cli.sight import Document, Sight, at
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
    Plan,
    PrepareVersion,
    Probe,
    SetStatus,
    UncordonNode,
)
from wavegate.domain.health import HealthRecord, PodState, Reading, begin, close_window
from wavegate.domain.observed import JobView, Observed, PlanSettings, PodView, Preparation
from wavegate.domain.one_shot import is_one_shot
from wavegate.domain.plan import plan
from wavegate.domain.times import format_time
from wavegate.engine import bodies

STARTS: Final = 1.0
RUNS: Final = 2.0
STOPS: Final = 1.0
"""Seconds from a pod's making to its start, from there to its end if it ends, from its deletion to
where it is gone; the least that pods take, so that what is told of times is the least too."""

Where = tuple[str, str]
"""Kind and name."""


class Stage:
    """The documents of one job and the nodes; `now` is virtual time."""

    def __init__(
        self, sight: Sight, nodes: Iterable[Document], now: float, settings: PlanSettings
    ) -> None:
        self.now = now
        self.writes: Counter[str] = Counter()
        """By what is written, such as ``Execution create``."""
        self.taken: list[CreateExecution] = []
        """Claims in the order in which they were made."""
        self._settings = settings
        self._serial = itertools.count(1 << 60)
        self._cache = ClusterCache(lambda _: None, clock=lambda: self.now)
        self._documents: dict[Where, Document] = {}
        self._due: dict[str, float] = {}
        """By name of a pod: when its kubelet does something next."""
        self._running: set[str] = set()
        """Names of pods that run and are to end."""
        self._health: dict[str, HealthRecord] = {}
        self._prepared: dict[int, Preparation] = {}
        self._probes: tuple[Probe, ...] = ()
        metadata = sight.job["metadata"]
        self._key = (metadata["namespace"], metadata["name"])
        fill(self._cache, nodes)
        for each in (sight.job, *sight.deployments, *sight.versions, *sight.executions):
            self._keep(each)
        for pod in sight.pods:
            self._keep(pod)
            self._watch(pod)

    # what is asked

    @property
    def job(self) -> JobView:
        found = self._cache.job(self._key)
        assert found is not None
        return found

    def observed(self) -> Observed:
        """The snapshot that a pass sees now."""
        found = self._cache.snapshot(
            self._key,
            now=self.now,
            eval_id="plan",
            operator_started=0.0,
            health=dict(self._health),
            prepared=dict(self._prepared),
            refusals={},
            still_there={},
            settings=self._settings,
        )
        assert found is not None
        return found

    def documents(self, kind: str) -> list[Document]:
        return [each for (of, _), each in self._documents.items() if of == kind]

    @property
    def is_moving(self) -> bool:
        """Whether a pod starts or stops."""
        return bool(self._due)

    def serving(self) -> set[str]:
        """Nodes on which a pod of the job is ready, or has ended well."""
        pods = self._cache.pods.of_job(self._key)
        return {pod.node for pod in pods if pod.ready or pod.phase == "Succeeded"}

    # what happens

    def change(self, kind: str, name: str, spec: Mapping[str, Any]) -> None:
        """What a user does: merge these fields into an object's spec."""
        old = self._documents[kind, name]
        metadata = {**old["metadata"], "generation": old["metadata"].get("generation", 1) + 1}
        self._put({**old, "metadata": metadata, "spec": {**old["spec"], **spec}})

    def carry_out(self) -> Plan:
        """One pass: decide and write."""
        made = plan(self.observed())
        for step in made.steps:
            for action in step.actions:
                self._write(action)
        self._probes = made.probes
        kept = {probe.pod_uid for probe in made.probes}
        self._health = {uid: each for uid, each in self._health.items() if uid in kept}
        return made

    def pass_to(self, wake_at: float | None) -> bool:
        """Let time pass to the next thing that happens; False where nothing ever does."""
        coming = [*self._due.values(), *(self._window_ends(each) for each in self._probes)]
        if wake_at is not None:
            coming.append(wake_at)
        times = [each for each in coming if each is not None]
        if not times:
            return False
        self.now = max(self.now, min(times))
        for name in [each for each, due in self._due.items() if due <= self.now]:
            self._run(name)
        for probe in self._probes:
            self._probe(probe)
        return True

    # writes

    def _write(self, action: Action) -> None:
        job = self.job
        match action:
            case CreateVersion():
                self._create("JobVersion", bodies.version(job, action))
            case CreateDeployment():
                self._create("FleetDeployment", bodies.deployment(job, action))
            case CreateExecution():
                self.taken.append(action)
                self._create("Execution", bodies.execution(job, action))
            case CreatePod():
                uid = self._cache.execution_uid(job.namespace, action.execution)
                assert uid is not None
                version = self._cache.versions.get(
                    job.namespace, version_name(job.name, action.version)
                )
                assert version is not None
                self._create("Pod", bodies.pod(job, version, uid, action, self._settings))
            case CreatePull():
                self._create("Pod", bodies.pull(job, action))
            case PrepareVersion():
                self._prepared[action.version] = Preparation(ok=True, at=self.now)
                self.writes["ConfigMap create"] += bool(action.data)
            case SetStatus():
                self.writes[f"{action.kind} status"] += 1
                self._put({**self._documents[action.kind, action.name], "status": action.status})
            case DeletePod():
                self.writes["Pod delete"] += 1
                self._delete_pod(action.name)
            case DeleteRecord():
                self.writes[f"{action.kind} delete"] += 1
                self._forget(action.kind, action.name)
            case CordonNode() | UncordonNode():
                # The node is closed to others alone: no rule takes it for closed to its own job.
                self.writes["Node patch"] += 1

    def _create(self, kind: str, body: Document) -> None:
        self.writes[f"{kind} create"] += 1
        serial = next(self._serial)
        metadata = {
            **body["metadata"],
            "namespace": self._key[0],
            "uid": f"{kind}-{serial}",
            "generation": 1,
            "creationTimestamp": format_time(self.now),
        }
        self._put({**body, "kind": kind, "metadata": metadata})
        if kind == "Pod":
            self._due[metadata["name"]] = self.now + STARTS

    def _put(self, document: Document) -> None:
        metadata = {**document["metadata"], "resourceVersion": str(next(self._serial))}
        self._keep({**document, "metadata": metadata})

    def _keep(self, document: Document) -> None:
        self._documents[document["kind"], document["metadata"]["name"]] = document
        fill(self._cache, [document])

    def _forget(self, kind: str, name: str) -> None:
        gone = self._documents.pop((kind, name))
        metadata = gone["metadata"]
        self._cache.forget(kind, metadata["namespace"], name, metadata["uid"])

    def _delete_pod(self, name: str) -> None:
        pod = self._documents["Pod", name]
        metadata = {**pod["metadata"], "deletionTimestamp": format_time(self.now + STOPS)}
        self._put({**pod, "metadata": metadata})
        self._due[name] = self.now + STOPS

    # kubelets

    def _watch(self, pod: Document) -> None:
        """A pod that was there before: one that is not ready becomes so, one deleted goes."""
        is_ready = any(
            each["type"] == "Ready" and each["status"] == "True"
            for each in at(pod, "status", "conditions") or ()
        )
        ended = at(pod, "status", "phase") in ("Succeeded", "Failed")
        deleted = "deletionTimestamp" in pod["metadata"]
        if deleted or not (is_ready or ended):
            self._due[pod["metadata"]["name"]] = self.now + (STOPS if deleted else STARTS)

    def _run(self, name: str) -> None:
        del self._due[name]
        pod = self._documents["Pod", name]
        if "deletionTimestamp" in pod["metadata"]:
            self._running.discard(name)
            self._forget("Pod", name)
            return
        if name in self._running:
            self._put({**pod, "status": _ended(self.now)})
            return
        self._put({**pod, "status": _ready(self.now)})
        spec = self.job.spec
        is_work = LABEL_JOB in pod["metadata"].get("labels", {})
        if spec is not None and is_one_shot(spec.type) and is_work:
            self._running.add(name)
            self._due[name] = self.now + RUNS

    def _view(self, probe: Probe) -> PodView | None:
        pod = self._cache.pods.get(probe.pod_namespace, probe.pod_name)
        return pod if pod is not None and pod.uid == probe.pod_uid and pod.ready else None

    def _window_ends(self, probe: Probe) -> float | None:
        """When the window in progress ends, or the first one begins."""
        pod, record = self._view(probe), self._health.get(probe.pod_uid)
        if pod is None:
            return None
        if record is None:
            return (pod.ready_changed or self.now) + probe.criteria.settling
        return record.window_start + probe.criteria.interval

    def _probe(self, probe: Probe) -> None:
        pod, ends = self._view(probe), self._window_ends(probe)
        if pod is None or ends is None or self.now < ends:
            return
        state = PodState(pod.ready, pod.ready_changed or pod.created, pod.restarts)
        reading = Reading(0, 0) if probe.criteria.reads_counters else None
        record = self._health.get(pod.uid)
        if record is None:
            self._health[pod.uid] = begin(pod.uid, state, reading, self.now)
        else:
            self._health[pod.uid] = close_window(record, probe.criteria, state, reading, self.now)


def _ready(now: float) -> Document:
    moment = format_time(now)
    conditions = [
        {"type": kind, "status": "True", "lastTransitionTime": moment}
        for kind in ("PodScheduled", "Ready")
    ]
    return {"phase": "Running", "podIP": "::1", "conditions": conditions}


def _ended(now: float) -> Document:
    ended = {"exitCode": 0, "reason": "Completed", "finishedAt": format_time(now)}
    scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": format_time(now)}
    return {
        "phase": "Succeeded",
        "conditions": [scheduled],
        "containerStatuses": [
            {"name": "main", "restartCount": 0, "state": {"terminated": ended}},
        ],
    }
