"""Hold: nothing is judged where nobody's numbers can be read.

Pods are held together that are read at the same place: at their own addresses, or from one source.
Where the last window of every one that is ready and being judged is unreadable, while no old
version's can be read at that place either, the fault is not the version's: judging is held
(MetricsUnreadable), no deadline ends, and no rollback is made. After three deadlines an open
rollout is given up, without taking Ready nodes back. If an old version's numbers can be read, it is
the new version's fault. A source that is not configured is unreadable from the start.

| pods being judged | an old version's pod | held |
| --- | --- | --- |
| all unreadable | unreadable, or none there | yes |
| all unreadable | readable | no |
| all unreadable | readable, but at another place | yes |
| one readable | any | no |
| one without a window yet, the others unreadable | unreadable, or none there | yes |
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from wavegate.domain.actions import PrometheusSource
from wavegate.domain.claim import Chain
from wavegate.domain.fleet import Fleet
from wavegate.domain.health import HealthRecord, Window
from wavegate.domain.judging import Judging
from wavegate.domain.observed import ExecutionView
from wavegate.domain.verdict import hold_ends

_REFERENCES = 3
"""Pods of old versions that are read to tell whose fault it is, a place."""


@dataclass(frozen=True, slots=True)
class Held:
    """Why judging is held at a place (address and error), and for how long at most."""

    why: str = ""
    until: float | None = None
    """When an open rollout is given up because of it."""
    given_up: bool = False


@dataclass(frozen=True, slots=True)
class Holding:
    """Where judging is held."""

    places: Mapping[str, Held] = field(default_factory=dict)
    readable_since: Mapping[str, float] = field(default_factory=dict)
    """By place, where something can be read: since when."""
    references: tuple[tuple[Chain, ExecutionView], ...] = ()

    def until(self, fleet: Fleet, chain: Chain) -> float | None:
        """Until when the deadline of a chain's live claim does not count; None: it does.

        Where numbers have come back, one pod's are read before another's: each has the time to
        show that it is well since the first could.
        """
        execution, pod = chain.live, chain.own_pod
        if execution is None or execution.assumed:
            return None
        judging = fleet.judging(execution)
        if self.of(judging).why:
            return math.inf
        record = fleet.observed.health.get(pod.uid) if pod is not None else None
        since = self.readable_since.get(_place(judging) or "")
        if record is None or judging.criteria is None or since is None or _is_read(record):
            return None
        ends = since + judging.criteria.shortest + judging.criteria.interval
        return ends if fleet.now < ends else None

    def of(self, judging: Judging) -> Held:
        """What holds those that are judged so; an empty why where nothing does."""
        return self.places.get(_place(judging) or "", Held())

    def of_rollout(self, fleet: Fleet, run: Judging, waited_for: Collection[ExecutionView]) -> Held:
        """What holds a rollout that judges so: its own place, or that of all it waits for.

        An execution that it took over from another rollout is read where that one says.
        """
        own = self.of(run)
        if not self.places:
            return own
        others = [self.of(fleet.judging(each)) for each in waited_for]
        if own.why or not others or not all(each.why for each in others):
            return own
        ends = [each.until for each in others if each.until is not None]
        until = max(ends, default=None)
        return Held(others[0].why, until, all(each.given_up for each in others))


@dataclass(frozen=True, slots=True)
class _Member:
    """A ready pod with a claim whose numbers are looked at."""

    chain: Chain
    execution: ExecutionView
    judging: Judging
    record: HealthRecord | None


def holding(fleet: Fleet) -> Holding:
    """Where nobody's numbers can be read."""
    if all(_place(judging) is None for judging in fleet.judgings):
        return Holding()
    judged = _members(fleet, fleet.unproven)
    places: dict[str, Held] = {}
    since: dict[str, float] = {}
    references: list[tuple[Chain, ExecutionView]] = []
    for place, members in judged.items():
        why = members[0].judging.missing_source
        if not why:
            last = _first_unreadable(members)
            if last is None:
                since |= _readable_since(place, members)
                continue
            old = _references(fleet, place, members)
            references += [(each.chain, each.execution) for each in old]
            if any(_is_readable(each) for each in old):
                since |= _readable_since(place, old)
                continue
            why = last
        ends = [hold_ends(fleet, each.chain, each.execution) for each in members]
        until = max((each for each in ends if each is not None), default=None)
        places[place] = Held(why, until, until is not None and fleet.now >= until)
    return Holding(places, since, tuple(references))


def _readable_since(place: str, members: Sequence[_Member]) -> dict[str, float]:
    """Since when the first of them that can be read could be."""
    records = [each.record for each in members if each.record is not None]
    moments = [each.readable_since for each in records if each.readable_since is not None]
    return {place: min(moments)} if moments else {}


def _members(fleet: Fleet, chains: Iterable[Chain]) -> dict[str, list[_Member]]:
    """By place, those of the chains' live claims whose numbers are looked at."""
    found: dict[str, list[_Member]] = defaultdict(list)
    for chain in chains:
        execution, pod = chain.live, chain.own_pod
        if execution is None or pod is None or not pod.ready:
            continue
        judging = fleet.judging(execution)
        place = _place(judging)
        if place is not None:
            record = fleet.observed.health.get(pod.uid)
            found[place].append(_Member(chain, execution, judging, record))
    return found


def _place(judging: Judging) -> str | None:
    """Where the numbers are read; None where none are."""
    source = judging.source
    if source is None or judging.criteria is None:
        return None
    return f"source {source.name}" if isinstance(source, PrometheusSource) else "pods"


def _first_unreadable(members: Sequence[_Member]) -> str | None:
    """What the first one says where all that have a window are unreadable; None if they are not."""
    windows = [each.record.last for each in members if each.record is not None and each.record.last]
    if not windows or any(window.verdict is not Window.UNREADABLE for window in windows):
        return None
    return windows[0].why


def _references(fleet: Fleet, place: str, members: Sequence[_Member]) -> list[_Member]:
    """Some that are read there, and stable with a workload that is not being judged."""
    workloads = {each.execution.workload_hash for each in members}
    in_order = (fleet.chains[name] for name in fleet.ordered(fleet.chains))
    stable = (chain for chain in in_order if chain.is_stable)
    old = _members(fleet, stable).get(place, [])
    return [each for each in old if each.execution.workload_hash not in workloads][:_REFERENCES]


def _is_readable(member: _Member) -> bool:
    return member.record is not None and _is_read(member.record)


def _is_read(record: HealthRecord) -> bool:
    return record.last is not None and record.last.verdict is not Window.UNREADABLE
