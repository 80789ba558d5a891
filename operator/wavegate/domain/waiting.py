"""Waiting: what a rollout waits for, in words: which node, since when, until when, who can help.

Times are absolute and come from what is on record, so that a state that lasts is written once.

| what is missing | words |
| --- | --- |
| a verdict, a window is closed | judging n1, until T at the latest: bad window 1 of 3, 20.0% … |
| a verdict, no window yet | waits for n1, until T at the latest: begun at T |
| a verdict, of several nodes | waits for 4 nodes; n1, until T at the latest: not scheduled: … |
| a verdict that no time bounds | waits for n1: begun at T |
| the end of the pod before | waits for n1, since T: the pod before, app-x, has until T to stop |
| the end of a former job's pod | waits for n1: pod app-x of a former job has until T to stop |
| a node that went away | waits for n1, NotReady since T, until T; repair it, or delete its Node |
| a back-off | waits for n1, which is tried again at T |
| a pod that does not stop | leaves out n1: pod app-x had until T to stop; look at its kubelet |

Of several nodes that are judged, the words are of the one that is worst off: what keeps its pod
from starting, then a bad window, then one that nobody could read, then none yet, then a good one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from wavegate.domain import evidence
from wavegate.domain.fallback import next_version
from wavegate.domain.fleet import Fleet
from wavegate.domain.health import Criteria, HealthRecord, Window
from wavegate.domain.observed import PodView, VersionView
from wavegate.domain.overdue import stop_overdue
from wavegate.domain.times import format_time
from wavegate.domain.waves import Progress


def doing(fleet: Fleet, run: Progress | None, deadlines: Mapping[str, float]) -> str:
    """What the rollout waits for now; empty where it waits for nothing.

    ``deadlines``: by node, of the executions being judged.
    """
    if run is None:
        return ""
    waits = (
        _for_a_verdict(fleet, run, deadlines)
        or _for_a_former_job(fleet, run)
        or _for_a_node(fleet, run)
    )
    return "; ".join(words for words in (waits, _left_out(fleet, run)) if words)


def away(fleet: Fleet, version: VersionView) -> str:
    """The nodes that belong but cannot be used, counted: ``(25 NotReady, 1 Cordoned)``."""
    counts = fleet.absences(version)
    words = ", ".join(f"{counts[reason]} {reason}" for reason in sorted(counts))
    return f" ({words})" if words else ""


def _for_a_verdict(fleet: Fleet, run: Progress, deadlines: Mapping[str, float]) -> str:
    if not run.unsettled:
        return ""
    stopping = {
        name: chain.foreign_pods[0]
        for name in run.unsettled
        if (chain := fleet.chains[name]).own_pod is None and chain.foreign_pods
    }
    judged = run.unsettled.keys() - stopping.keys()
    if not judged:
        name = min(stopping, key=lambda each: (run.unsettled[each].created, each))
        since, pod = format_time(run.unsettled[name].created), stopping[name]
        stops = _stops(pod, f"the pod before, {pod.name},")
        return f"waits for {_who(name, stopping)}, since {since}: {stops}"
    name = min(judged, key=lambda each: (_standing(fleet, each), run.unsettled[each].created, each))
    who = f"{len(judged)} nodes; {name}" if len(judged) > 1 else name
    does = "judging" if _record(fleet, name) else "waits for"
    # One that has its verdict has no deadline any more, and waits only to go on record.
    ends = deadlines.get(name)
    latest = f", until {format_time(ends)} at the latest" if ends is not None else ""
    return f"{does} {who}{latest}: {_so_far(fleet, name, run)}"


def _record(fleet: Fleet, name: str) -> HealthRecord | None:
    pod = fleet.chains[name].own_pod
    record = fleet.observed.health.get(pod.uid) if pod is not None else None
    return record if record is not None and record.last is not None else None


def _hindrance(fleet: Fleet, name: str) -> str:
    pod = fleet.chains[name].own_pod
    return evidence.hindrance(pod) if pod is not None else ""


_STANDINGS: Final = {Window.BAD: 1, Window.UNREADABLE: 2, Window.GOOD: 4}


def _standing(fleet: Fleet, name: str) -> int:
    """How well a node that is judged stands; the lowest is worst off."""
    record = _record(fleet, name)
    if record is not None and record.last is not None:
        return _STANDINGS[record.last.verdict]
    return 0 if _hindrance(fleet, name) else 3


def _so_far(fleet: Fleet, name: str, run: Progress) -> str:
    """What is known of a node that is judged."""
    execution, record = run.unsettled[name], _record(fleet, name)
    if record is None or record.last is None:
        since = f"begun at {format_time(execution.created)}"
        return _hindrance(fleet, name) or since
    criteria = fleet.judging(execution).criteria
    return f"{record.last.verdict.value} window{_count(record, criteria)}, {record.last.why}"


def _count(record: HealthRecord, criteria: Criteria | None) -> str:
    """Which window in a row it is, and of how many, where it is windows that are counted."""
    if criteria is None or record.last is None or record.last.verdict is Window.UNREADABLE:
        return ""
    if record.last.verdict is Window.BAD:
        return f" {record.bad} of {criteria.failure_threshold}"
    return f" {record.good} of {criteria.success_threshold}" if criteria.success_threshold else ""


def _for_a_former_job(fleet: Fleet, run: Progress) -> str:
    foreign = {
        name: chain.foreign_pods
        for name in run.candidates
        if (chain := fleet.chains.get(name)) is not None and chain.foreign_pods
    }
    if not foreign:
        return ""
    own = {each.uid for each in fleet.observed.executions if each.uid}
    occupied = {
        name: pod for name, pods in foreign.items() for pod in pods if pod.owner_uid not in own
    }
    if not occupied:
        return ""
    name = next(iter(occupied))
    pod = occupied[name]
    return f"waits for {_who(name, occupied)}: {_stops(pod, f'pod {pod.name} of a former job')}"


def _for_a_node(fleet: Fleet, run: Progress) -> str:
    if run.candidates or not run.absent:
        return ""
    name = run.absent[0]
    node, who = fleet.nodes[name], _who(name, run.absent)
    if not node.ready:
        since = format_time(node.ready_changed)
        until = _until(node.ready_changed + fleet.settings.lost_after)
        return f"waits for {who}, NotReady since {since}, {until}; repair it, or delete its Node"
    following = next_version(fleet, fleet.chains.get(name), node)
    if following is not None and following.not_before > fleet.now:
        return f"waits for {who}, which is tried again at {format_time(following.not_before)}"
    return ""


def _left_out(fleet: Fleet, run: Progress) -> str:
    if not run.occupied:
        return ""
    name = min(run.occupied)
    pod = stop_overdue(fleet, fleet.chains[name])
    assert pod is not None
    until = f"had until {format_time(pod.deletion)}" if pod.deletion else "was"
    return (
        f"leaves out {_who(name, run.occupied)}: pod {pod.name} {until} to stop;"
        " look at its kubelet, it goes on once the pod is gone"
    )


def _who(name: str, among: Collection[str]) -> str:
    return f"{name} and {len(among) - 1} more" if len(among) > 1 else name


def _until(moment: float | None) -> str:
    return f"until {format_time(moment)}" if moment is not None else "without a limit"


def _stops(pod: PodView, which: str) -> str:
    until = f"has until {format_time(pod.deletion)} to stop" if pod.deletion else "is told to stop"
    return f"{which} {until}"
