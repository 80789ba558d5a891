"""Memory: what was found out about a job's nodes, kept from pass to pass.

A pass looks anew only at nodes of which something has changed that rules read: a claim or a pod,
the Node itself, the health record of a pod, what a live read has found, when judging counts again,
what is said of the job as a whole, or the time until which a finding holds. Views never change, so
another object is a change, and the same one is none.

Invariant: a pass decides with a memory what it decides with an empty one.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from wavegate.domain.claim import Chain, Kind
from wavegate.domain.lineup import Lineup
from wavegate.domain.observed import ExecutionView, NodeView, Observed, PodView

if TYPE_CHECKING:
    from wavegate.domain.finding import Finding
    from wavegate.domain.fleet import Standing

K = TypeVar("K")
V = TypeVar("V")

Build = Callable[[str, Iterable[ExecutionView], Iterable[PodView]], tuple[Chain, float]]
"""A node's chain from its claims and pods, and when time alone may change it (epoch seconds)."""

_FEW = 16
"""Of so many nodes one is looked up by itself; of more, all are gone through in order."""


class Memory:
    """What is known of one job. It belongs to the passes of that job, one after the other."""

    def __init__(self) -> None:
        self.kept: dict[Any, Any] = {}
        """What follows from the job as a whole, by whoever has worked it out."""
        self.census: Counter[Kind] = Counter()
        """How many nodes there are of each kind."""
        self.unstable: dict[str, Chain] = {}
        """By node, chains whose current claim, ended or not, was never stable."""
        self.stopping: dict[str, Chain] = {}
        """By node, chains with a pod that is told to stop."""
        self.loud: dict[str, Finding] = {}
        """By node, findings of which there is something to do, now or later."""
        self.lineup = Lineup()
        """What the nodes are to the open rollout."""
        self.strangers: tuple[PodView, ...] = ()
        """Pods that carry the job's label without being controlled by an Execution."""
        self._about: tuple[Any, ...] = ()
        self._now = -math.inf
        self._executions: dict[str, ExecutionView] = {}
        self._examples: dict[int, str] = {}
        """By version, the name of an execution that has it."""
        self._pods: dict[str, PodView] = {}
        self._nodes: Mapping[str, NodeView] = {}
        self._health: Mapping[str, Any] = {}
        self._still_there: Mapping[str, float] = {}
        self._claims: dict[str, dict[str, ExecutionView]] = defaultdict(dict)
        self._occupants: dict[str, dict[str, PodView]] = defaultdict(dict)
        """By node and uid, the pods that some execution controls."""
        self._stale: set[str] = set()
        """Nodes that are to be looked at anew."""
        self._chains: dict[str, Chain] = {}
        self._chain_ends: dict[str, float] = {}
        """By node, when time alone changes its chain."""
        self._standings: dict[int, Standing] = {}
        self._context: tuple[Any, ...] = ()
        self._spared: Mapping[str, float] = {}
        self._findings: dict[str, Finding] = {}
        self._finding_ends: dict[str, float] = {}
        """By node, when it is to be looked at anew, where that is ever."""
        self._positions: dict[str, str] = {}
        self._order: list[str] = []
        """All names that have a position, by that; empty where it is not known."""

    def see(
        self, observed: Observed, nodes: Mapping[str, NodeView], about: tuple[Any, ...]
    ) -> None:
        """Begin a pass. ``about``: all that rules read of the job as a whole."""
        if about[:1] != self._about[:1]:
            self._positions, self._order = {}, []
        if about != self._about or observed.now < self._now:
            self._forget()
        self._about, self._now = about, observed.now
        self._see_executions(observed.executions)
        self._see_pods(observed.pods)
        self._see_nodes(nodes)
        self._see_values(self._health, observed.health)
        self._see_values(self._still_there, observed.still_there)
        self._health, self._still_there = observed.health, observed.still_there

    def ordered(self, names: Iterable[str]) -> list[str]:
        """Node names by a stable hash of (job uid, node name)."""
        wanted, places = set(names), self._positions
        if new := [name for name in wanted if name not in places]:
            places.update((name, self._position(name)) for name in new)
            self._order = []
        if len(wanted) * _FEW < len(places):
            return sorted(wanted, key=places.__getitem__)
        self._order = self._order or sorted(places, key=places.__getitem__)
        return [name for name in self._order if name in wanted]

    def _position(self, name: str) -> str:
        return hashlib.sha256(f"{self._about[0]}/{name}".encode()).hexdigest()

    def chains(self, build: Build) -> Mapping[str, Chain]:
        """By node: its claims and pods, in no order."""
        self._stale.update(name for name, at in self._chain_ends.items() if at <= self._now)
        for name in self._stale:
            claims, pods = self._claims.get(name), self._occupants.get(name)
            made, ends = None, math.inf
            if claims or pods:
                made, ends = build(name, (claims or {}).values(), (pods or {}).values())
            self._put_chain(name, made)
            _put(self._chain_ends, name, ends if ends < math.inf else None)
        return self._chains

    def _put_chain(self, name: str, chain: Chain | None) -> None:
        before = self._chains.get(name)
        _put(self._chains, name, chain)
        _put(self.unstable, name, chain if chain is not None and not chain.is_stable else None)
        _put(self.stopping, name, chain if chain is not None and chain.stopping_pods else None)
        for each, more in ((before, -1), (chain, 1)):
            if each is not None and each.kind is not None:
                self.census[each.kind] += more
        if before is not None and before.kind is not None and not self.census[before.kind]:
            del self.census[before.kind]

    def standing(self, version: int, make: Callable[[], Standing]) -> Standing:
        """What the nodes are to a version, made anew where one of them has changed."""
        if version not in self._standings:
            self._standings[version] = make()
        return self._standings[version]

    def findings(
        self,
        names: set[str],
        context: tuple[Any, ...],
        spared: Mapping[str, float],
        find: Callable[[str], Finding],
    ) -> Mapping[str, Finding]:
        """What was found of each of these nodes, in no order.

        ``context``: what else rules read, beside the job; ``spared``: by node, until when its
        deadline does not count.
        """
        if context != self._context:
            self._context = context
            self._forget_findings()
        self._see_values_of(self._spared, spared)
        self._spared = spared
        known, ends = self._findings, self._finding_ends
        for name in known.keys() - names:
            self._put_finding(name, None)
        over = {name for name, at in ends.items() if at <= self._now}
        for name in names & (self._stale | over | (names - known.keys())):
            self._put_finding(name, find(name))
        self._stale = set()
        return known

    def _put_finding(self, name: str, found: Finding | None) -> None:
        _put(self._findings, name, found)
        _put(self.loud, name, found if found is not None and found.is_loud else None)
        ends = found.until if found is not None else math.inf
        _put(self._finding_ends, name, ends if ends < math.inf else None)
        self.lineup.put(name, found.stance if found is not None else None)

    def _forget_findings(self) -> None:
        self._findings, self.loud, self._finding_ends, self.lineup = {}, {}, {}, Lineup()

    def _forget(self) -> None:
        """Something was said of the job as a whole: all is to be looked at anew."""
        self.kept.clear()
        self._forget_findings()
        self._standings = {}
        self._stale |= self._claims.keys() | self._occupants.keys()

    def is_in_use(self, version: int) -> bool:
        """Whether a version has an execution on record."""
        example = self._executions.get(self._examples.get(version, ""))
        if example is None or not _is_of(version, example):
            found = (each for each in self._executions.values() if _is_of(version, each))
            example = next(found, None)
            _put(self._examples, version, example.name if example is not None else None)
        return example is not None

    def _see_executions(self, executions: Sequence[ExecutionView]) -> None:
        known, seen = self._executions, 0
        for each in executions:
            if each.deleting:
                continue
            seen += 1
            old = known.get(each.name)
            if old is not each:
                known[each.name] = each
                if old is not None and old.node != each.node:
                    self._drop(self._claims, old.node, each.name)
                self._claims[each.node][each.name] = each
                self._stale.add(each.node)
        if seen < len(known):
            there = {each.name for each in executions if not each.deleting}
            for name in known.keys() - there:
                self._drop(self._claims, known.pop(name).node, name)

    def _see_pods(self, pods: Sequence[PodView]) -> None:
        known, strangers = self._pods, []
        for each in pods:
            if each.owner_kind != "Execution":
                strangers.append(each)
                continue
            old = known.get(each.uid)
            if old is not each:
                known[each.uid] = each
                if old is not None and old.node != each.node:
                    self._drop(self._occupants, old.node, each.uid)
                self._occupants[each.node][each.uid] = each
                self._stale.add(each.node)
        self.strangers = tuple(strangers)
        if len(pods) - len(strangers) < len(known):
            there = {each.uid for each in pods if each.owner_kind == "Execution"}
            for uid in known.keys() - there:
                self._drop(self._occupants, known.pop(uid).node, uid)

    def _drop(self, from_: dict[str, dict[str, Any]], node: str, key: str) -> None:
        from_[node].pop(key, None)
        if not from_[node]:
            del from_[node]
        self._stale.add(node)

    def _see_nodes(self, nodes: Mapping[str, NodeView]) -> None:
        if nodes is self._nodes:
            return
        before = self._nodes
        changed = {name for name, node in nodes.items() if before.get(name) is not node}
        changed |= before.keys() - nodes.keys()
        self._nodes = nodes
        self._stale |= changed
        if changed:
            self._standings = {}

    def _see_values(self, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
        """``before`` and ``now`` are by pod uid."""
        for uid in before.keys() | now.keys():
            if before.get(uid) is not now.get(uid) and uid in self._pods:
                self._stale.add(self._pods[uid].node)

    def _see_values_of(self, before: Mapping[str, float], now: Mapping[str, float]) -> None:
        """The same by node."""
        self._stale.update(
            name for name in before.keys() | now.keys() if before.get(name) != now.get(name)
        )


def _is_of(version: int, execution: ExecutionView) -> bool:
    return execution.version == version and not execution.assumed


def _put(values: dict[K, V], key: K, value: V | None) -> None:
    """Set it; None: take it away."""
    if value is None:
        values.pop(key, None)
    else:
        values[key] = value
