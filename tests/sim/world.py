"""A cluster in memory for the pure core: it obeys plans, and its kubelets follow a script.

Time is virtual. Every write is checked against the invariants of a rollout right after it is
applied, so that a broken one is found at the write that broke it. A crash is a pass whose
remaining writes are lost, together with everything that a process keeps in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sim.counters import from_source
from sim.telling import START, tell
from sim.writes import LostWriteError, Writes
from support.twice import plan_twice
from wavegate.api.fleetjob import load_job_spec
from wavegate.domain.actions import Action, Plan, Probe, PrometheusSource
from wavegate.domain.health import HealthRecord, PodState, Reading, Unreadable, begin, close_window
from wavegate.domain.memory import Memory
from wavegate.domain.observed import (
    DeploymentView,
    ExecutionView,
    Exit,
    JobView,
    NodeView,
    Observed,
    PlanSettings,
    PodView,
    Preparation,
    PullView,
    VersionView,
)
from wavegate.domain.plan import plan
from wavegate.simulation.fates import (
    COMPLETES,
    CRASHES,
    ERRS,
    FINE,
    HANGS,
    NEVER_READY,
    RUNS_ON,
    TAKES_NODE_DOWN,
    UNREADABLE,
    Fate,
)

__all__ = [
    "COMPLETES",
    "CRASHES",
    "ERRS",
    "FINE",
    "HANGS",
    "NEVER_READY",
    "RUNS_ON",
    "TAKES_NODE_DOWN",
    "UNREADABLE",
    "Fate",
    "World",
    "fleet",
    "once",
    "spec",
]


COUNTERS = {"port": 8080, "errors": ["errors"], "total": ["requests"]}


def spec(image: str = "app:1", **rollout: Any) -> dict[str, Any]:
    """A container job's spec as a user writes it."""
    settings: dict[str, Any] = {
        "strategy": "Canary",
        "autoPromote": True,
        "maxParallel": 2,
        "healthCheck": {"interval": "5s", "deadline": "1m", "errorRate": {"podMetrics": COUNTERS}},
        **rollout,
    }
    return {
        "type": "container",
        "template": {"spec": {"containers": [{"name": "main", "image": image}]}},
        "rollout": {key: value for key, value in settings.items() if value is not None},
    }


def once(image: str = "app:1", job_type: str = "query", **rollout: Any) -> dict[str, Any]:
    """The spec of a job that runs to completion, one node after the other by default."""
    settings = {"strategy": "Rolling", "maxParallel": 1, **rollout}
    return {
        "type": job_type,
        "config": {"command": ["look"]},
        "template": {"spec": {"containers": [{"name": "main", "image": image}]}},
        "rollout": {key: value for key, value in settings.items() if value is not None},
    }


@dataclass
class World(Writes):
    """The state of the cluster. ``fate`` says what happens to a pod of an image on a node, and
    ``serves`` whether one that is fine has the counters that a health check reads."""

    nodes: dict[str, NodeView] = field(default_factory=dict)
    fate: Callable[[str, str], Fate] = lambda _node, _image: FINE
    serves: Callable[[Any], bool] = lambda _check: True
    now: float = START
    job: JobView | None = None
    versions: dict[str, VersionView] = field(default_factory=dict)
    deployments: dict[str, DeploymentView] = field(default_factory=dict)
    deleted: list[DeploymentView] = field(default_factory=list)
    """Deployments that users have deleted, as they were then."""
    executions: dict[str, ExecutionView] = field(default_factory=dict)
    pods: dict[str, PodView] = field(default_factory=dict)
    pulls: dict[str, PullView] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)
    """By pod uid."""
    limits: dict[str, float] = field(default_factory=dict)
    """activeDeadlineSeconds, by pod uid, where there is one."""
    health: dict[str, HealthRecord] = field(default_factory=dict)
    still_there: dict[str, float] = field(default_factory=dict)
    prepared: dict[int, Preparation] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)
    probes: tuple[Probe, ...] = ()
    operator_started: float = START
    serial: int = 0
    writes: list[tuple[float, Action]] = field(default_factory=list)
    watchers: list[Callable[[World, Action], None]] = field(default_factory=list)
    """Called after each write that succeeded."""
    settings: PlanSettings = field(default_factory=PlanSettings)
    may_not_pull: bool = False
    """Whether pods that pull images are refused, by a quota for one."""
    may_not_cordon: bool = False
    """Whether the operator lacks the right to patch nodes."""
    sources_down: set[str] = field(default_factory=set)
    """Names of configured sources that do not answer."""
    stirred: bool = True
    """Whether something has changed that would wake the operator since its last pass."""
    wake_at: float | None = None
    """What the last pass asked for."""
    disturbed: dict[str, float] = field(default_factory=dict)
    """By node: when it was last changed from outside."""
    late: set[str] = field(default_factory=set)
    """Names of what was created from a snapshot that was no longer true."""
    is_late: bool = False
    """While the writes of such a plan are applied."""

    def next_serial(self) -> str:
        self.serial += 1
        self.stirred = True
        return str(self.serial)

    # the user's side

    def add_node(self, name: str, **labels: str) -> None:
        self.nodes[name] = NodeView(
            name=name,
            uid=f"node-{name}-{self.next_serial()}",
            labels=labels or {"pool": "edge"},
            created=self.now,
            ready=True,
            ready_changed=self.now,
        )

    def change_node(self, name: str, **changes: Any) -> None:
        self.next_serial()
        self.disturbed[name] = self.now
        if "ready" in changes and changes["ready"] != self.nodes[name].ready:
            changes["ready_changed"] = self.now
        self.nodes[name] = replace(self.nodes[name], **changes)

    def remove_node(self, name: str) -> None:
        """The node and, as the pod garbage collector does it, what ran there."""
        del self.nodes[name]
        self.disturbed[name] = self.now
        self.pods = {each.name: each for each in self.pods.values() if each.node != name}
        self.pulls = {each.name: each for each in self.pulls.values() if each.node != name}
        self.next_serial()

    def change_pod(self, name: str, **changes: Any) -> None:
        self._set_pod(self.pods[name], **changes)

    def remove_pod(self, name: str) -> None:
        del (self.pods if name in self.pods else self.pulls)[name]
        self.next_serial()

    def evict(self, node: str, grace: float = 2.0) -> None:
        """Evict what runs on a node, as kubectl drain does after it has cordoned it."""
        for pod in [each for each in self.pods.values() if each.node == node]:
            self.disturbed[node] = self.now
            self.change_pod(pod.name, disruption="EvictionByEvictionAPI", deletion=self.now + grace)

    def apply(self, raw: Mapping[str, Any]) -> None:
        """kubectl apply of the job."""
        parsed = load_job_spec(dict(raw))
        if self.job is None:
            self.job = JobView(
                "default", "app", "job-uid", self.next_serial(), 1, self.now, parsed, raw
            )
            return
        changed = raw != self.job.raw_spec
        self.job = replace(
            self.job,
            spec=parsed,
            raw_spec=raw,
            generation=self.job.generation + changed,
            resource_version=self.next_serial(),
        )

    def change_deployment(self, name: str, **changes: Any) -> None:
        old = self.deployments[name]
        self.deployments[name] = replace(
            old, **changes, generation=old.generation + 1, resource_version=self.next_serial()
        )

    def add_deployment(self, name: str, kind: str, to_version: int = 0, **fields: Any) -> None:
        """A user's deployment, as kubectl apply makes it."""
        self.deployments[name] = DeploymentView(
            name=name,
            uid=f"fd-{self.serial}",
            resource_version=self.next_serial(),
            owner_uid="",
            created=self.now,
            generation=1,
            job_name="app",
            type=kind,
            from_version=0,
            to_version=to_version,
            rollout=None,
            **fields,
        )

    def delete_deployment(self, name: str) -> None:
        self.deleted.append(self.deployments.pop(name))
        self.next_serial()

    def said(self) -> list[DeploymentView]:
        """All deployments that ever were, oldest first."""
        return sorted([*self.deployments.values(), *self.deleted], key=lambda each: each.created)

    # the operator's side

    def observe(self) -> Observed:
        assert self.job is not None
        return Observed(
            job=self.job,
            now=self.now,
            operator_started=self.operator_started,
            nodes=dict(self.nodes),
            versions=tuple(self.versions.values()),
            deployments=tuple(self.deployments.values()),
            executions=tuple(self.executions.values()),
            pods=tuple(self.pods.values()),
            pulls=tuple(self.pulls.values()),
            health=dict(self.health),
            still_there=dict(self.still_there),
            prepared=dict(self.prepared),
            settings=self.settings,
            eval_id="eval",
        )

    def plan_now(self) -> Plan:
        """What a pass would do now: the same as one that remembers nothing of those before."""
        made, difference = plan_twice(self.observe(), self.memory)
        assert not difference, difference
        return made

    @property
    def job_created(self) -> float:
        assert self.job is not None
        return self.job.created

    def pass_once(self, lose_after: int | None = None) -> Plan:
        """One pass; with ``lose_after`` the process dies after so many writes."""
        made = self.plan_now()
        self.carry_out(made, lose_after)
        return made

    def carry_out(self, made: Plan, lose_after: int | None = None) -> None:
        """Write what a pass has decided; with ``lose_after`` the process dies after so many."""
        self.stirred = False
        self.wake_at = made.wake_at
        left = lose_after
        for step in made.steps:
            for action in step.actions:
                if left == 0:
                    self.crash()
                    return
                left = None if left is None else left - 1
                try:
                    self.write(action)
                except LostWriteError:
                    break
        self.probes = made.probes
        self.look(made.looks)
        kept = {probe.pod_uid for probe in made.probes}
        self.health = {uid: record for uid, record in self.health.items() if uid in kept}

    def apply_late(self, seen: Observed) -> None:
        """The writes of a former leader, decided on what it saw long ago."""
        self.is_late = True
        for step in plan(seen).steps:
            for action in step.actions:
                try:
                    self.write(action)
                except LostWriteError:
                    break
        self.is_late = False

    def crash(self) -> None:
        """What a process keeps in memory is gone."""
        self.stirred = True
        self.health.clear()
        self.still_there.clear()
        self.prepared.clear()
        self.probes = ()
        self.memory = Memory()
        self.operator_started = self.now

    def settle(self, seconds: float = 600.0, step: float = 1.0) -> None:
        """Let time pass, with a pass at each step."""
        until = self.now + seconds
        while self.now < until:
            self.pass_once()
            self.advance(step)

    def pass_by(self, seconds: float, step: float = 1.0) -> None:
        """Let time pass, with a pass only where something changed or a plan asked to be woken."""
        until = self.now + seconds
        while self.now < until:
            if self.stirred or (self.wake_at is not None and self.now >= self.wake_at):
                self.pass_once()
            self.advance(min(step, until - self.now))

    def until(self, holds: Callable[[World], bool], seconds: float = 1200.0) -> None:
        """Let time pass until something holds; AssertionError with the story if it never does."""
        until = self.now + seconds
        while not holds(self):
            assert self.now < until, f"still not so after {seconds} s:\n{self.story()}"
            self.pass_once()
            self.advance(1.0)

    # time

    def advance(self, seconds: float) -> None:
        self.now += seconds
        for pod in list(self.pods.values()):
            self._run(pod)
        for pull in list(self.pulls.values()):
            if pull.deleting and self.nodes[pull.node].ready:
                self.remove_pod(pull.name)
        for probe in self.probes:
            self._probe(probe)

    def _run(self, pod: PodView) -> None:
        if pod.deletion is not None:
            node = self.nodes.get(pod.node)
            alive = node is not None and node.ready  # only a kubelet takes a pod away
            fate = self.fate(pod.node, self.images[pod.uid])
            if self.now >= pod.deletion and fate.stops and alive:
                self.remove_pod(pod.name)
            elif pod.ready:
                self._set_pod(pod, ready=False, ready_changed=self.now)
            return
        node = self.nodes.get(pod.node)
        if node is None or not node.ready:
            if pod.ready:
                self._set_pod(pod, ready=False, ready_changed=self.now)
            return
        fate = self.fate(pod.node, self.images[pod.uid])
        age = self.now - pod.created
        limit = self.limits.get(pod.uid)
        if fate.takes_node_down and fate.ready_after is not None and age >= fate.ready_after:
            self.change_node(pod.node, ready=False)
        elif limit is not None and age >= limit and not pod.terminal:
            self._set_pod(
                pod, phase="Failed", ready=False, ready_changed=self.now, reason="DeadlineExceeded"
            )
        elif fate.exits_after is not None and age >= fate.exits_after and not pod.terminal:
            self._end(pod, "Failed", Exit("main", "Error", 1, "boom", self.now))
        elif fate.completes_after is not None and age >= fate.completes_after:
            self._end(pod, "Succeeded", Exit("main", "Completed", 0, "as asked", self.now))
        elif fate.ready_after is not None and age >= fate.ready_after and not pod.ready:
            self._set_pod(
                pod, phase="Running", scheduled=True, ready=True, ready_changed=self.now, ip="::1"
            )

    def _end(self, pod: PodView, phase: str, ended: Exit) -> None:
        changed = {"ready": False, "ready_changed": self.now}
        self._set_pod(pod, phase=phase, exit=ended, main=ended, **changed)

    def _set_pod(self, pod: PodView, **changes: Any) -> None:
        if pod.terminal:
            return
        self.pods[pod.name] = replace(pod, **changes, resource_version=self.next_serial())

    def _probe(self, probe: Probe) -> None:
        pod = self.pods.get(probe.pod_name)
        if pod is None or pod.uid != probe.pod_uid:
            return
        record = self.health.get(pod.uid)
        state = PodState(pod.ready, pod.ready_changed or pod.created, pod.restarts)
        age = self.now - pod.created
        fate = self.fate(pod.node, self.images[pod.uid])
        total = round(age * 10)
        reading: Reading | Unreadable | None = Reading(errors=total * fate.error_rate, total=total)
        if not fate.readable:
            reading = Unreadable(f"http://[{pod.ip}]:8080/metrics", "timed out")
        if isinstance(probe.source, PrometheusSource):
            reading = from_source(self, probe.source, reading)
        if not probe.criteria.reads_counters:
            reading = None
        if record is None:
            if pod.ready and self.now - state.ready_changed >= probe.criteria.settling:
                self.health[pod.uid] = begin(pod.uid, state, reading, self.now)
        elif self.now - record.window_start >= probe.criteria.interval:
            self.health[pod.uid] = close_window(record, probe.criteria, state, reading, self.now)
            self.stirred = True

    # for people

    def live(self) -> dict[str, int]:
        """Version that runs on each node, by its live execution."""
        newest: dict[str, ExecutionView] = {}
        for each in self.executions.values():
            if each.node not in newest or each.attempt > newest[each.node].attempt:
                newest[each.node] = each
        return {node: each.version for node, each in newest.items() if not each.terminal}

    def state(self) -> str:
        assert self.job is not None
        return str((self.job.status.get("state") or {}).get("stateType", ""))

    def deployment_state(self, name: str) -> str:
        deployment = self.deployments.get(name)
        return deployment.state if deployment is not None else ""

    def story(self) -> str:
        """What a person needs to understand a failure."""
        written = (
            f"  t={at - START:g} {type(action).__name__} {getattr(action, 'name', '')}"
            for at, action in self.writes[-15:]
        )
        return tell(self, written)


def fleet(size: int, **fields: Any) -> World:
    """A world of so many nodes, labelled pool=edge."""
    world = World(**fields)
    for number in range(size):
        world.add_node(f"n{number:02}")
    return world
