"""A state of the small world that is searched: a cluster, its operator's memory, troubles left.

The cluster is `sim.world.World`, with the invariants that its other tests check, after each write.
A state is never changed once it has been made: every move is made on a copy. Times are whole
seconds, and time goes straight to the next moment at which something is due.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace

from sim.invariants import Invariants
from sim.world import FINE, UNREADABLE, Fate, World, spec
from sim.writes import LostWriteError
from wavegate.domain.actions import Action, CreatePod, Probe

LOST_AFTER = 120.0
"""Longer than a stop may take, as it is by default."""
DEADLINE = 20.0
INTERVAL = 5.0
_WAVE = 2
_ROLLOUT = {
    "maxParallel": _WAVE,
    "maxFailedNodes": 0,
    "healthCheck": {
        "interval": f"{INTERVAL:g}s",
        "deadline": f"{DEADLINE:g}s",
        "successThreshold": 1,
        "failureThreshold": 1,
        "errorRate": {"podMetrics": {"port": 8080, "errors": ["errors"], "total": ["requests"]}},
    },
}
READ_AGAIN = replace(FINE, error_rate=0.01)
"""Fate of a pod whose numbers could not be read before; a few errors are within the limit."""


@dataclass(frozen=True)
class Scope:
    """How large the world is, and how much may go wrong in it."""

    strategy: str = "Canary"
    """Canary: waves of 1 and 2 of three nodes; Rolling: of 2 and 1."""
    nodes: int = 3
    edits: int = 1
    crashes: int = 2
    writes: int = 1
    """Writes that are lost while the process lives on."""
    away: int = 1
    """Nodes that are lost: they become NotReady, or their objects are deleted."""
    verdicts: int = 1
    """Windows that are bad, or that cannot be read."""
    troubles: int = 2
    """Of all these but the edit together."""

    def spend(self, kind: str) -> Scope | None:
        """What is left after one more of a kind; None where none is left."""
        left: int = getattr(self, kind)
        if left == 0 or (kind != "edits" and self.troubles == 0):
            return None
        return replace(self, **{kind: left - 1}, troubles=self.troubles - (kind != "edits"))

    def __str__(self) -> str:
        told = [f"{getattr(self, each.name)} {each.name}" for each in fields(self)[1:]]
        return f"{self.strategy}, {', '.join(told)}"


@dataclass
class SmallWorld(World):
    """A world that can be copied, and in which a chosen write of a pass is lost."""

    fates: dict[str, Fate] = field(default_factory=dict)
    """By node, of the pod that is there; FINE where nothing is said."""
    lost_write: int | None = None
    """Number of the write of this pass that is lost, from 0."""

    def __post_init__(self) -> None:
        self.fate = lambda node, _image: self.fates.get(node, FINE)

    def write(self, action: Action) -> None:
        if self.lost_write is not None:
            self.lost_write -= 1
            if self.lost_write < 0:
                self.lost_write = None
                self.next_serial()  # who has failed looks again
                raise LostWriteError("lost")
        super().write(action)
        if isinstance(action, CreatePod):
            self.fates.pop(action.node, None)

    def copied(self) -> SmallWorld:
        """Another world that is as this one; their views are shared, for they never change."""
        twin = copy.copy(self)
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, dict | set):
                setattr(twin, each.name, value.copy())
        twin.writes = []
        twin.watchers = []
        twin.__post_init__()
        return twin


class State:
    """A world, the troubles that are left, and what the invariants remember."""

    def __init__(self, world: SmallWorld, left: Scope, invariants: Invariants) -> None:
        self.world = world
        self.left = left
        self.invariants = invariants
        world.watchers = [invariants]

    def copied(self, left: Scope | None = None) -> State:
        remembers = copy.copy(self.invariants)
        for name, value in vars(self.invariants).items():
            if isinstance(value, dict):
                setattr(remembers, name, value.copy())
        remembers.stable_on = copy.copy(self.invariants.stable_on)
        for workload, nodes in self.invariants.stable_on.items():
            remembers.stable_on[workload] = set(nodes)
        return State(self.world.copied(), left or self.left, remembers)

    def moved(self, move: Callable[[SmallWorld], None], left: Scope | None = None) -> State:
        """The state after a move; AssertionError where that breaks an invariant."""
        following = self.copied(left)
        move(following.world)
        return following

    @property
    def awake(self) -> bool:
        """Whether a pass is due."""
        world = self.world
        return world.stirred or (world.wake_at is not None and world.wake_at <= world.now)

    @property
    def next_moment(self) -> float | None:
        """When something is due next that is no pass; None where nothing is."""
        world = self.world
        moments = [*_of_pods(world), *(_of_window(world, each) for each in world.probes)]
        moments += [world.wake_at] if world.wake_at is not None else []
        first = min((each for each in moments if each is not None), default=None)
        return max(world.now + 1, math.ceil(first)) if first is not None else None

    @property
    def judged_next(self) -> list[str]:
        """Nodes whose pod's window ends at the next moment."""
        world, moment = self.world, self.next_moment
        ends = {each: _of_window(world, each) for each in world.probes}
        return sorted(
            world.pods[probe.pod_name].node
            for probe, at in ends.items()
            if at is not None and probe.pod_uid in world.health and moment is not None
            if at <= moment
        )


def beginning(scope: Scope) -> State:
    """Nodes, and a job that has just been applied."""
    world = SmallWorld()
    world.settings = replace(world.settings, lost_after=LOST_AFTER)
    for number in range(scope.nodes):
        world.add_node(f"n{number:02}")
    apply(world, 1, scope.strategy)
    return State(world, scope, Invariants(_WAVE))


def apply(world: World, version: int, strategy: str) -> None:
    """kubectl apply of a version of the job."""
    gate = {"autoPromote": True if strategy == "Canary" else None}
    world.apply(spec(f"app:{version}", strategy=strategy, **gate, **_ROLLOUT))


def pass_time(world: SmallWorld, until: float) -> None:
    """Go to a moment: kubelets do what is due, windows that are due are closed."""
    closing = [each for each in world.probes if (_of_window(world, each) or math.inf) <= until]
    nodes = [world.pods[each.pod_name].node for each in closing]
    world.advance(until - world.now)
    for node in nodes:
        if world.fates.get(node) == UNREADABLE:
            world.fates[node] = READ_AGAIN


def _of_pods(world: SmallWorld) -> list[float | None]:
    """When a kubelet does something to a pod next."""
    moments: list[float | None] = []
    for pod in world.pods.values():
        node = world.nodes.get(pod.node)
        there = node is not None and node.ready
        if pod.ready and not (there and pod.deletion is None):
            moments.append(world.now)
        elif there and pod.deletion is not None:
            moments.append(pod.deletion)
        elif there and not pod.ready and not pod.terminal:
            moments.append(pod.created + (FINE.ready_after or 0.0))
    return moments


def _of_window(world: SmallWorld, probe: Probe) -> float | None:
    """When a pod is read next; None while it is not ready and has no window."""
    pod = world.pods.get(probe.pod_name)
    if pod is None or pod.uid != probe.pod_uid:
        return None
    if (record := world.health.get(pod.uid)) is not None:
        return record.window_start + probe.criteria.interval
    ready = pod.ready_changed if pod.ready else None
    return ready + probe.criteria.settling if ready is not None else None
