"""Generated histories: whatever users, nodes and crashes do, the invariants hold at every write.

A history is a fleet, a fate for each image, and a list of events, each followed by some time. At
its end the faults stop: then every rollout must end or say what it waits for, and after that
nothing more may be written. A failing example prints the events and the world's story; it is
replayed by the blob that hypothesis prints.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from hypothesis import example, given, note
from hypothesis import strategies as st

from sim.endings import (
    is_at_rest_or_says_why,
    no_target_is_empty,
    pulls_for_nothing_that_has_ended,
)
from sim.invariants import Invariants
from sim.world import CRASHES, ERRS, FINE, NEVER_READY, UNREADABLE, Fate, World, spec
from wavegate.domain.observed import DeploymentView, Exit, Observed, Taint

_HEALTH: Final = {
    "interval": "2s",
    "deadline": "20s",
    "errorRate": {"podMetrics": {"port": 8080, "errors": ["errors"], "total": ["requests"]}},
}
_ROLLOUTS: Final[tuple[Mapping[str, Any], ...]] = (
    {"maxParallel": 2, "prePull": True},
    {"strategy": "Rolling", "maxParallel": 1, "maxFailedNodes": 0},
    {"maxParallel": 2, "canaryCount": 2, "autoPromote": False, "maxFailedNodesPercent": 50},
    {"maxParallel": 2, "noAutoRollback": True},
    {"maxParallel": 1, "rollbackParallel": 2, "maxFailedNodes": 1, "maxFailedNodesPercent": 100},
    {"maxParallel": 2, "canaryCount": 2, "canarySelector": {"matchLabels": {"zone": "z1"}}},
    {"maxParallel": 2, "canaryCount": 2, "spreadBy": ["zone"], "prePull": True},
)
_PLACES: Final = 2
"""The largest wave of those settings."""

_IMMEDIATE: Final = {"strategy": "Immediate", "healthCheck": None, "autoPromote": None}
_BAD: Final = (CRASHES, NEVER_READY, ERRS, UNREADABLE)

_EDGE: Final[Mapping[str, Any]] = {"matchLabels": {"pool": "edge"}}
_FOR_EVER: Final = 1e9

Event = tuple[Any, ...]


@dataclass
class History:
    """A world with what a history needs to remember of it."""

    world: World
    raw: dict[str, Any] = field(default_factory=dict)
    seen: Observed | None = None
    hanging: set[str] = field(default_factory=set)
    """Nodes on which pods do not stop."""

    def __post_init__(self) -> None:
        fate = self.world.fate
        self.world.fate = lambda node, image: replace(
            fate(node, image), stops=node not in self.hanging
        )

    def happen(self, event: Event) -> None:
        name, *arguments, seconds = event
        getattr(self, name)(*arguments)
        self.world.pass_by(seconds)

    # users

    def apply(self, image: int, rollout: Mapping[str, Any]) -> None:
        settings = {"healthCheck": _HEALTH, **rollout}
        suspended = {"suspend": True} if self.raw.get("suspend") else {}
        nodes = {"selector": self.raw.get("selector", _EDGE)}
        self.raw = {**spec(f"app:{image}", **settings), **nodes, **suspended}
        self.world.apply(self.raw)

    def select(self, numbers: frozenset[int]) -> None:
        """Narrow the job to these nodes; with none, widen it to all of them again."""
        names = {"matchIds": [f"n{number:02}" for number in sorted(numbers)]} if numbers else {}
        self.raw = {**self.raw, "selector": {**_EDGE, **names}}
        self.world.apply(self.raw)

    def reword(self, words: str) -> None:
        self.raw = {**self.raw, "meta": {"note": words}}
        self.world.apply(self.raw)

    def suspend(self, on: bool) -> None:
        self.raw = {**self.raw, "suspend": on}
        self.world.apply(self.raw)

    def pause_job(self, on: bool) -> None:
        self.raw = {**self.raw, "rollout": {**self.raw["rollout"], "paused": on}}
        self.world.apply(self.raw)

    def user_deployment(self, kind: str, to_version: int) -> None:
        name = f"by-hand-{self.world.serial}"
        self.world.add_deployment(name, kind, 0 if kind == "Stop" else to_version)

    def delete_deployment(self, number: int) -> None:
        """Of the users' deployments, one that has ended."""
        ended = {
            name: each
            for name, each in self.world.deployments.items()
            if each.terminal and not each.owner_uid
        }
        if name := _pick(ended, number):
            self.world.delete_deployment(name)

    def verb(self, verb: str, value: bool) -> None:
        deployment = self._open()
        if deployment is not None:
            self.world.change_deployment(deployment.name, **{verb: value})

    def _open(self) -> DeploymentView | None:
        found = [each for each in self.world.deployments.values() if not each.terminal]
        return max(found, key=lambda each: each.created, default=None)

    # nodes and pods; numbers count round what is there

    def change_node(self, number: int, changes: Mapping[str, Any]) -> None:
        if node := _pick(self.world.nodes, number):
            self.world.change_node(node, **changes)

    def remove_node(self, number: int) -> None:
        if node := _pick(self.world.nodes, number):
            self.world.remove_node(node)

    def replace_node(self, number: int) -> None:
        if node := _pick(self.world.nodes, number):
            self.world.remove_node(node)
            self.world.add_node(node)

    def hang(self, number: int) -> None:
        """From now on pods do not stop on the node."""
        if node := _pick(self.world.nodes, number):
            self.hanging.add(node)
            self.world.disturbed[node] = self.world.now + _FOR_EVER

    def add_node(self, number: int) -> None:
        if f"n{number:02}" not in self.world.nodes:
            self.world.add_node(f"n{number:02}", pool="edge", zone=f"z{number % 3}")

    def remove_pod(self, number: int) -> None:
        if pod := _pick({**self.world.pods, **self.world.pulls}, number):
            self.world.remove_pod(pod)

    def delete_pod(self, number: int) -> None:
        if (pod := _pick(self.world.pods, number)) and self.world.pods[pod].deletion is None:
            self.world.change_pod(pod, deletion=self.world.now + 2)

    def evict_pod(self, number: int) -> None:
        if pod := _pick(self.world.pods, number):
            self.world.change_pod(
                pod,
                phase="Failed",
                ready=False,
                ready_changed=self.world.now,
                disruption="EvictionByEvictionAPI",
            )

    def crash_pod(self, number: int) -> None:
        if pod := _pick(self.world.pods, number):
            ended = Exit("main", "Error", 1, "panic: out of cheese", self.world.now)
            self.world.change_pod(
                pod, phase="Failed", ready=False, ready_changed=self.world.now, exit=ended
            )

    def restart_pod(self, number: int) -> None:
        if pod := _pick(self.world.pods, number):
            restarts = self.world.pods[pod].restarts + 1
            self.world.change_pod(pod, restarts=restarts, ready=False, ready_changed=self.world.now)

    # the operator

    def crash(self, after: int) -> None:
        self.world.pass_once(lose_after=after)

    def look(self) -> None:
        self.seen = self.world.observe()

    def act_late(self) -> None:
        if self.seen is not None:
            self.world.apply_late(self.seen)

    # the end

    def stop_the_faults(self) -> None:
        self.hanging.clear()
        for name, node in list(self.world.nodes.items()):
            if not node.ready or node.unschedulable or node.taints:
                self.world.change_node(name, ready=True, unschedulable=False, taints=())


def _pick(things: Mapping[str, object], number: int) -> str:
    names = sorted(things)
    return names[number % len(names)] if names else ""


_TIME = st.sampled_from((0, 1, 3, 8, 20, 60))
_NUMBER = st.integers(0, 11)
_CHANGES = st.sampled_from(
    (
        {"unschedulable": True},
        {"unschedulable": False},
        {"ready": False},
        {"ready": True},
        {"taints": (Taint("away", "", "NoExecute"),)},
        {"taints": ()},
        {"labels": {"pool": "other"}},
        {"labels": {"pool": "edge"}},
        {"labels": {"pool": "edge", "zone": "z1"}},
    )
)


def _events(rollouts: tuple[Mapping[str, Any], ...]) -> st.SearchStrategy[Event]:
    def event(name: str, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Event]:
        return st.tuples(st.just(name), *arguments, _TIME)

    return st.one_of(
        event("apply", st.integers(1, 3), st.sampled_from(rollouts)),
        event("reword", st.sampled_from(("once", "again"))),
        event("verb", st.sampled_from(("paused", "promoted", "canceled")), st.just(True)),
        event("verb", st.just("paused"), st.just(False)),
        event(
            "user_deployment",
            st.sampled_from(("Restart", "Rollback", "Stop")),
            st.integers(0, 3),
        ),
        event("delete_deployment", _NUMBER),
        event("pause_job", st.booleans()),
        event("suspend", st.booleans()),
        event("change_node", _NUMBER, _CHANGES),
        event("remove_node", _NUMBER),
        event("add_node", _NUMBER),
        event("replace_node", _NUMBER),
        event("hang", _NUMBER),
        event("select", st.frozensets(_NUMBER, max_size=4)),
        event("remove_pod", _NUMBER),
        event("delete_pod", _NUMBER),
        event("evict_pod", _NUMBER),
        event("crash_pod", _NUMBER),
        event("restart_pod", _NUMBER),
        event("crash", st.integers(0, 4)),
        event("look"),
        event("act_late"),
    )


_FATES = st.dictionaries(
    st.sampled_from(("app:1", "app:2", "app:3")),
    st.tuples(st.sampled_from(_BAD), st.frozensets(_NUMBER, max_size=12)),
    max_size=2,
)


def _fate(fates: Mapping[str, tuple[Fate, frozenset[int]]]) -> Callable[[str, str], Fate]:
    def fate(node: str, image: str) -> Fate:
        bad, numbers = fates.get(image, (FINE, frozenset()))
        return bad if not numbers or int(node[1:]) in numbers else FINE

    return fate


_STAMPED_LATE: Final[list[Event]] = [
    ("change_node", 0, {"ready": False}, 60),
    ("verb", "paused", True, 60),
    ("look", 0),
    ("verb", "canceled", True, 1),
    ("act_late", 0),
]
"""A former leader stamps a version stable whose rollout was canceled since."""

_FORGOTTEN: Final[list[Event]] = [
    ("user_deployment", "Stop", 0, 20),
    ("delete_deployment", 0, 20),
    ("user_deployment", "Restart", 0, 60),
    ("delete_deployment", 0, 60),
]
"""What users have said is deleted as soon as it has ended."""


@given(size=st.integers(3, 7), fates=_FATES, events=st.lists(_events(_ROLLOUTS), max_size=8))
@example(size=3, fates={}, events=_STAMPED_LATE)
@example(size=3, fates={}, events=_FORGOTTEN)
def test_whatever_happens_no_invariant_breaks_and_every_rollout_ends(
    size: int, fates: dict[str, tuple[Fate, frozenset[int]]], events: list[Event]
) -> None:
    play(size, fates, events, places=_PLACES)


@given(
    size=st.integers(3, 5),
    fates=_FATES,
    events=st.lists(_events((_IMMEDIATE, _ROLLOUTS[0])), max_size=6),
)
def test_immediate_has_no_places_but_all_other_invariants(
    size: int, fates: dict[str, tuple[Fate, frozenset[int]]], events: list[Event]
) -> None:
    play(size, fates, events, places=None)


def play(
    size: int,
    fates: Mapping[str, tuple[Fate, frozenset[int]]],
    events: list[Event],
    places: int | None,
) -> None:
    world = World(fate=_fate(fates))
    world.settings = replace(world.settings, lost_after=120.0, start_deadline=60.0)
    world.watchers.append(Invariants(places))
    history = History(world)
    for number in range(size):
        history.add_node(number)
    history.apply(1, _ROLLOUTS[0])
    world.pass_by(3)
    for event in events:
        history.happen(event)
    history.stop_the_faults()
    world.pass_by(1500)
    note(world.story())
    is_at_rest_or_says_why(world)
    no_target_is_empty(world)
    pulls_for_nothing_that_has_ended(world)
    _writes_nothing_more(world)


def _writes_nothing_more(world: World) -> None:
    """Except for nodes on which everything fails: they are tried again by back-off."""
    newest: dict[str, Any] = {}
    for each in sorted(world.executions.values(), key=lambda e: e.attempt):
        newest[each.node] = each
    if any(not each.stable_at and each.node in world.nodes for each in newest.values()):
        return
    before = len(world.writes)
    world.pass_by(3600, step=20)
    assert len(world.writes) == before, f"still writes:\n{world.story()}"
