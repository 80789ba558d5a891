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
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from wavegate.domain.claim import Chain, Kind
from wavegate.domain.observed import ExecutionView, NodeView, Observed, PodView

if TYPE_CHECKING:
    from wavegate.domain.finding import Finding
    from wavegate.domain.fleet import Standing

Build = Callable[[str, Iterable[ExecutionView], Iterable[PodView]], tuple[Chain, float]]
"""A node's chain from its claims and pods, and when time alone may change it (epoch seconds)."""


class Memory:
    """What is known of one job. It belongs to the passes of that job, one after the other."""

    def __init__(self) -> None:
        self.kept: dict[Any, Any] = {}
        """What follows from the job as a whole, by whoever has worked it out."""
        self.census: Counter[Kind] = Counter()
        """How many nodes there are of each kind."""
        self._about: tuple[Any, ...] = ()
        self._now = -math.inf
        self._executions: dict[str, ExecutionView] = {}
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

    def see(
        self, observed: Observed, nodes: Mapping[str, NodeView], about: tuple[Any, ...]
    ) -> None:
        """Begin a pass. ``about``: all that rules read of the job as a whole."""
        if about[:1] != self._about[:1]:
            self._positions = {}
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
        return sorted(names, key=self._position)

    def _position(self, name: str) -> str:
        found = self._positions.get(name)
        if found is None:
            found = hashlib.sha256(f"{self._about[0]}/{name}".encode()).hexdigest()
            self._positions[name] = found
        return found

    def chains(self, build: Build) -> Mapping[str, Chain]:
        """By node: its claims and pods, in the order of waves."""
        now = self._now
        self._stale.update(name for name, at in self._chain_ends.items() if at <= now)
        added = False
        for name in self._stale:
            claims, pods = self._claims.get(name), self._occupants.get(name)
            self._chain_ends.pop(name, None)
            before = self._chains.get(name)
            if before is not None and before.kind is not None:
                self._count(before.kind, -1)
            if not claims and not pods:
                self._chains.pop(name, None)
                continue
            added = added or before is None
            made, ends = build(name, (claims or {}).values(), (pods or {}).values())
            self._chains[name] = made
            if made.kind is not None:
                self._count(made.kind, 1)
            if ends < math.inf:
                self._chain_ends[name] = ends
        if added:
            self._chains = {name: self._chains[name] for name in self.ordered(self._chains)}
        return self._chains

    def _count(self, kind: Kind, more: int) -> None:
        self.census[kind] += more
        if not self.census[kind]:
            del self.census[kind]

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
        """What was found of each of these nodes, in the order of waves.

        ``context``: what else rules read, beside the job; ``spared``: by node, until when its
        deadline does not count.
        """
        if context != self._context:
            self._context, self._findings = context, {}
        self._see_values_of(self._spared, spared)
        self._spared = spared
        known, ends = self._findings, self._finding_ends
        for name in known.keys() - names:
            del known[name]
        added = names - known.keys()
        over = {name for name, at in ends.items() if at <= self._now}
        for name in names & (self._stale | over | added):
            known[name] = found = find(name)
            ends[name] = found.until
        for name in [name for name, at in ends.items() if at == math.inf or name not in known]:
            del ends[name]
        if added:
            self._findings = {name: known[name] for name in self.ordered(known)}
        self._stale = set()
        return self._findings

    def _forget(self) -> None:
        """Something was said of the job as a whole: all is to be looked at anew."""
        self.kept.clear()
        self._findings = {}
        self._standings = {}
        self._stale |= self._claims.keys() | self._occupants.keys()

    def _see_executions(self, executions: Iterable[ExecutionView]) -> None:
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

    def _see_pods(self, pods: Iterable[PodView]) -> None:
        known, seen = self._pods, 0
        for each in pods:
            if each.owner_kind != "Execution":
                continue
            seen += 1
            old = known.get(each.uid)
            if old is not each:
                known[each.uid] = each
                if old is not None and old.node != each.node:
                    self._drop(self._occupants, old.node, each.uid)
                self._occupants[each.node][each.uid] = each
                self._stale.add(each.node)
        if seen < len(known):
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
