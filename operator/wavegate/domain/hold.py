"""Hold: nothing is judged where nobody's numbers can be read.

Where the last window of every ready pod that is being judged is unreadable, while no old version's
can be read either, the fault is not the version's: judging is held (MetricsUnreadable), no deadline
ends, and no rollback is made. After three deadlines an open rollout is given up, without taking
Ready nodes back. If an old version's numbers can be read, it is the new version's fault.

| pods being judged | an old version's pod | held |
| --- | --- | --- |
| all unreadable | unreadable, or none there | yes |
| all unreadable | readable | no |
| one readable | any | no |
"""

from __future__ import annotations

from dataclasses import dataclass

from wavegate.domain.claim import Chain
from wavegate.domain.fleet import Fleet
from wavegate.domain.health import HealthRecord, Window
from wavegate.domain.observed import ExecutionView
from wavegate.domain.verdict import hold_ends

_REFERENCES = 3
"""Pods of old versions that are read to tell whose fault it is."""


@dataclass(frozen=True, slots=True)
class Holding:
    """Whether judging is held: why (address and error), else empty."""

    why: str = ""
    until: float | None = None
    """When an open rollout is given up because of it."""
    given_up: bool = False
    references: tuple[tuple[Chain, ExecutionView], ...] = ()


def holding(fleet: Fleet) -> Holding:
    """Whether nobody's numbers can be read."""
    judged: list[tuple[Chain, ExecutionView, HealthRecord]] = []
    for chain in fleet.chains.values():
        execution, pod = chain.live, chain.own_pod
        if execution is None or execution.stable_at or pod is None or not pod.ready:
            continue
        version = fleet.versions.get(execution.version)
        if version is None or not fleet.has_source(version) or fleet.criteria(version) is None:
            continue
        record = fleet.observed.health.get(pod.uid)
        if record is None or not _unreadable(record):
            return Holding()
        judged.append((chain, execution, record))
    if not judged:
        return Holding()
    references = _references(fleet, {execution.workload_hash for _, execution, _ in judged})
    if any(_readable(fleet, chain) for chain, _ in references):
        return Holding(references=references)
    last = judged[0][2].last
    assert last is not None
    ends = [hold_ends(fleet, chain, execution) for chain, execution, _ in judged]
    until = max((each for each in ends if each is not None), default=None)
    given_up = until is not None and fleet.now >= until
    return Holding(last.why, until, given_up, references)


def _unreadable(record: HealthRecord) -> bool:
    return record.last is not None and record.last.verdict is Window.UNREADABLE


def _references(
    fleet: Fleet, judged_workloads: set[str]
) -> tuple[tuple[Chain, ExecutionView], ...]:
    """Some ready pods of executions that are stable with another workload and have counters."""
    found: list[tuple[Chain, ExecutionView]] = []
    for chain in fleet.chains.values():
        execution, pod = chain.live, chain.own_pod
        if execution is None or not execution.stable_at or pod is None or not pod.ready:
            continue
        version = fleet.versions.get(execution.version)
        if execution.workload_hash in judged_workloads or version is None:
            continue
        if fleet.has_source(version) and fleet.criteria(version) is not None:
            found.append((chain, execution))
        if len(found) == _REFERENCES:
            break
    return tuple(found)


def _readable(fleet: Fleet, chain: Chain) -> bool:
    pod = chain.own_pod
    record = fleet.observed.health.get(pod.uid) if pod is not None else None
    return record is not None and record.last is not None and not _unreadable(record)
