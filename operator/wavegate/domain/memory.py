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
import operator
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from wavegate.domain.claim import Chain, Kind
from wavegate.domain.cordon import closed
from wavegate.domain.lineup import Lineup
from wavegate.domain.observed import ExecutionView, NodeView, Observed, PodView

if TYPE_CHECKING:
    from wavegate.api.fleetjob import FleetJobSpec
    from wavegate.domain.finding import Finding
    from wavegate.domain.fleet import Standing

K = TypeVar("K")
V = TypeVar("V")

Build = Callable[[str, Iterable[ExecutionView], Iterable[PodView]], tuple[Chain, float]]
"""A node's chain from its claims and pods, and when time alone may change it (epoch seconds)."""

_OWNER = "Execution"
"""Kind of what controls the job's own pods."""

_FEW = 16
"""Of so many nodes one is looked up by itself; of more, all are gone through in order."""


class About(NamedTuple):
    """All that rules read of a job as a whole."""

    uid: str
    judged: tuple[Any, ...]
    """By what executions are judged and where versions may run: chains and standings follow."""
    stands: tuple[Any, ...]
    """What else findings rest on: what is accepted, open, stable."""


class Memory:
    """What is known of one job. It belongs to the passes of that job, one after the other."""

    def __init__(self) -> None:
        self.kept: dict[Any, Any] = {}
        """What follows from `About.judged`, by whoever has worked it out."""
        self.compared: tuple[FleetJobSpec, FleetJobSpec, bool] | None = None
        """Two specs, and whether they are the same version."""
        self.sized: tuple[FleetJobSpec, int] | None = None
        """A spec, and the bytes of its config where these are too many; else 0."""
        self.census: Counter[Kind] = Counter()
        """How many nodes there are of each kind."""
        self.unstable: dict[str, Chain] = {}
        """By node, chains whose current claim, ended or not, was never stable."""
        self.stopping: dict[str, Chain] = {}
        """By node, chains with a pod that is told to stop."""
        self.loud: dict[str, Finding] = {}
        """By node, findings of which there is something to do, now or later."""
        self.holding: set[str] = set()
        """Nodes that hold a place."""
        self.lineup = Lineup()
        """What the nodes are to the open rollout."""
        self._about: About | None = None
        self._now = -math.inf
        self._serial = 0
        self._nodes: Mapping[str, NodeView] = {}
        self._looked_through: Mapping[str, NodeView] = {}
        self._closed: Sequence[NodeView] = ()
        self._health: Mapping[str, Any] = {}
        self._still_there: Mapping[str, float] = {}
        self._claims: dict[str, Sequence[ExecutionView]] = {}
        self._pods: dict[str, Sequence[PodView]] = {}
        """By node, strangers' included."""
        self._node_of: dict[str, str] = {}
        """By pod uid."""
        self._strangers: dict[str, list[PodView]] = {}
        self._examples: dict[int, str] = {}
        """By version, a node on which an execution has it."""
        self._stale: set[str] = set()
        """Nodes that are to be looked at anew."""
        self._chains: dict[str, Chain] = {}
        self._chain_ends: dict[str, float] = {}
        """By node, when time alone changes its chain."""
        self._standings: dict[str, Standing] = {}
        self._moved: dict[str, set[str]] = {}
        """By version, nodes that have changed since its standing was made."""
        self._context: tuple[Any, ...] = ()
        self._spared: Mapping[str, float] = {}
        self._looked_at: Sequence[Standing] = ()
        self._belonging: set[str] = set()
        """All nodes that belong by these."""
        self._findings: dict[str, Finding] = {}
        self._finding_ends: dict[str, float] = {}
        """By node, when it is to be looked at anew, where that is ever."""
        self._positions: dict[str, str] = {}
        self._order: list[str] = []
        """All names that have a position, by that; empty where it is not known."""

    def see(self, observed: Observed, nodes: Mapping[str, NodeView], about: About) -> None:
        """Begin a pass."""
        before = self._about
        is_another = before is None or about.uid != before.uid
        if is_another:
            self._positions, self._order = {}, []
        if before is None or about.judged != before.judged or observed.now < self._now:
            self._forget()
        elif about.stands != before.stands:
            self._forget_findings()
        self._about, self._now = about, observed.now
        changes = observed.changes
        if changes is None or is_another or changes.serial != self._serial + 1:
            self._see_all(observed)
        else:
            for name in changes.nodes:
                self._see_place(name, *changes.on(name))
        self._serial = changes.serial if changes is not None else 0
        self._see_nodes(nodes)
        self._see_values(self._health, observed.health)
        self._see_values(self._still_there, observed.still_there)
        # Who has given them may go on to fill them.
        self._health, self._still_there = dict(observed.health), dict(observed.still_there)

    def closed(self, nodes: Mapping[str, NodeView]) -> Sequence[NodeView]:
        """Those of the nodes that the operator has cordoned."""
        if nodes is not self._looked_through:
            self._looked_through, self._closed = nodes, closed(nodes)
        return self._closed

    def ordered(self, names: Iterable[str]) -> list[str]:
        """Node names by a stable hash of (job uid, node name)."""
        wanted, places = set(names), self._positions
        if not places.keys() >= wanted:
            places.update((name, self._position(name)) for name in wanted - places.keys())
            self._order = []
        if len(wanted) * _FEW < len(places):
            return sorted(wanted, key=places.__getitem__)
        self._order = self._order or sorted(places, key=places.__getitem__)
        return [name for name in self._order if name in wanted]

    def _position(self, name: str) -> str:
        uid = self._about.uid if self._about is not None else ""
        return hashlib.sha256(f"{uid}/{name}".encode()).hexdigest()

    def chains(self, build: Build) -> Mapping[str, Chain]:
        """By node: its claims and pods, in no order."""
        self._stale.update(name for name, at in self._chain_ends.items() if at <= self._now)
        for name in self._stale:
            claims = self._claims.get(name, ())
            pods = [pod for pod in self._pods.get(name, ()) if pod.owner_kind == _OWNER]
            made, ends = build(name, claims, pods) if claims or pods else (None, math.inf)
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

    def standing(
        self, version: str, make: Callable[[Standing | None, Iterable[str]], Standing]
    ) -> Standing:
        """What the nodes are to a version (its uid).

        ``make``: from what they were, None where that is not known, and the nodes that changed.
        """
        before = self._standings.get(version)
        if before is None:
            self._standings[version] = make(None, self._nodes)
        elif version in self._moved:
            self._standings[version] = make(before, self._moved.pop(version))
        return self._standings[version]

    def look(
        self,
        chains: Mapping[str, Chain],
        standings: Sequence[Standing],
        context: tuple[Any, ...],
        spared: Mapping[str, float],
        find: Callable[[str], Finding],
    ) -> None:
        """Find anew what has to be: `loud` and `lineup` tell of all nodes then.

        ``chains``: of this pass; ``standings``: to the versions that matter. Nodes that have a
        chain or belong to one of these are looked at. ``context``: what else rules read, beside
        the job; ``spared``: by node, until when its deadline does not count.
        """
        if context != self._context:
            self._context = context
            self._forget_findings()
        self._see_values_of(self._spared, spared)
        self._spared = spared
        due = self._stale | {name for name, at in self._finding_ends.items() if at <= self._now}
        if not self._findings or not _is_same(standings, self._looked_at):
            self._looked_at = standings
            self._belonging = set().union(*(each.belonging for each in standings))
            known = self._findings.keys()
            names = chains.keys() | self._belonging
            due |= names ^ known
        for name in due:
            there = name in chains or name in self._belonging
            self._put_finding(name, find(name) if there else None)
        self._stale = set()

    def _put_finding(self, name: str, found: Finding | None) -> None:
        _put(self._findings, name, found)
        _put(self.loud, name, found if found is not None and found.is_loud else None)
        if found is not None and found.holds_place:
            self.holding.add(name)
        else:
            self.holding.discard(name)
        ends = found.until if found is not None else math.inf
        _put(self._finding_ends, name, ends if ends < math.inf else None)
        self.lineup.put(name, found.stance if found is not None else None)

    def _forget_findings(self) -> None:
        self._findings, self.loud, self._finding_ends = {}, {}, {}
        self.holding, self.lineup = set(), Lineup()

    def _forget(self) -> None:
        """What chains and standings rest on has changed: all is to be looked at anew."""
        self.kept.clear()
        self._forget_findings()
        self._standings, self._moved = {}, {}
        self._stale |= self._claims.keys() | self._pods.keys()

    def is_in_use(self, version: int) -> bool:
        """Whether a version has an execution on record."""
        example = self._examples.get(version, "")
        if not _has(version, self._claims.get(example, ())):
            having = (name for name, claims in self._claims.items() if _has(version, claims))
            found = next(having, None)
            _put(self._examples, version, found)
            return found is not None
        return True

    @property
    def strangers(self) -> tuple[PodView, ...]:
        """Pods that carry the job's label without being controlled by an Execution."""
        return tuple(pod for name in sorted(self._strangers) for pod in self._strangers[name])

    def _see_all(self, observed: Observed) -> None:
        claims: dict[str, list[ExecutionView]] = defaultdict(list)
        pods: dict[str, list[PodView]] = defaultdict(list)
        for execution in observed.executions:
            claims[execution.node].append(execution)
        for pod in observed.pods:
            pods[pod.node].append(pod)
        for name in {*self._claims, *self._pods, *claims, *pods}:
            self._see_place(name, claims.get(name, ()), pods.get(name, ()))

    def _see_place(
        self, name: str, claims: Sequence[ExecutionView], pods: Sequence[PodView]
    ) -> None:
        """These are the job's executions and pods on a node."""
        claims = [each for each in claims if not each.deleting]
        pods_before = self._pods.get(name, ())
        if _is_same(claims, self._claims.get(name, ())) and _is_same(pods, pods_before):
            return
        self._stale.add(name)
        _put(self._claims, name, claims or None)
        _put(self._pods, name, pods or None)
        for pod in pods_before:
            self._node_of.pop(pod.uid, None)
        self._node_of.update((pod.uid, name) for pod in pods)
        strangers = [pod for pod in pods if pod.owner_kind != _OWNER]
        _put(self._strangers, name, strangers or None)

    def _see_nodes(self, nodes: Mapping[str, NodeView]) -> None:
        if nodes is self._nodes:
            return
        before = self._nodes
        changed = {name for name, node in nodes.items() if before.get(name) is not node}
        changed |= before.keys() - nodes.keys()
        self._nodes = nodes
        self._stale |= changed
        if changed:  # what nobody has asked for since the change before is not kept
            kept = self._standings.keys() - self._moved.keys()
            self._standings = {version: self._standings[version] for version in kept}
            self._moved = dict.fromkeys(kept, changed)
        for name in before.keys() - nodes.keys():  # names may never come back
            if self._positions.pop(name, None) is not None:
                self._order = []

    def _see_values(self, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
        """``before`` and ``now`` are by pod uid."""
        for uid in before.keys() | now.keys():
            if before.get(uid) is not now.get(uid) and uid in self._node_of:
                self._stale.add(self._node_of[uid])

    def _see_values_of(self, before: Mapping[str, float], now: Mapping[str, float]) -> None:
        """The same by node."""
        self._stale.update(
            name for name in before.keys() | now.keys() if before.get(name) != now.get(name)
        )


def _has(version: int, claims: Iterable[ExecutionView]) -> bool:
    return any(each.version == version and not each.assumed for each in claims)


def _is_same(one: Sequence[object], other: Sequence[object]) -> bool:
    """Whether two sequences are of the same objects."""
    return len(one) == len(other) and all(map(operator.is_, one, other))


def _put(values: dict[K, V], key: K, value: V | None) -> None:
    """Set it; None: take it away."""
    if value is None:
        values.pop(key, None)
    else:
        values[key] = value
