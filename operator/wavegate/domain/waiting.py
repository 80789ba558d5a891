"""Waiting: what a rollout waits for, in words: which node, since when, until when, who can help.

Times are absolute and come from what is on record, so that a state that lasts is written once.

| what is missing | words |
| --- | --- |
| a verdict, windows are kept | judging n1 and 1 more: bad window, 20.0% errors …; until T |
| a verdict, no window yet | waits for n1 and 1 more, since T, until T: not scheduled: … |
| the end of the pod before | waits for n1, since T: pod app-x is to stop by T |
| the end of a former job's pod | waits for n1: pod app-x of a former job is to stop by T |
| a node that went away | waits for n1, NotReady since T, until T; repair it, or delete its Node |
| a back-off | waits for n1, which is tried again at T |
| a pod that does not stop | leaves out n1: pod app-x was to stop by T; look at its kubelet |
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from wavegate.domain import evidence
from wavegate.domain.fallback import next_version
from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import PodView, VersionView
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
    name = min(run.unsettled, key=lambda each: (run.unsettled[each].created, each))
    execution, chain = run.unsettled[name], fleet.chains[name]
    who, until = _who(name, run.unsettled), _until(deadlines.get(name))
    pod = chain.own_pod
    record = fleet.observed.health.get(pod.uid) if pod is not None else None
    if record is not None and record.last is not None:
        words = f"judging {who}: {record.last.verdict.value} window, {record.last.why}"
        # One that has its verdict waits for nothing but that this goes on record.
        return words if record.healthy or record.unhealthy else f"{words}; {until}"
    since = f"since {format_time(execution.created)}"
    if pod is None and chain.foreign_pods:
        return f"waits for {who}, {since}: {_stops(chain.foreign_pods[0])}"
    words = f"waits for {who}, {since}, {until}"
    hindrance = evidence.hindrance(pod) if pod is not None else ""
    return f"{words}: {hindrance}" if hindrance else words


def _for_a_former_job(fleet: Fleet, run: Progress) -> str:
    own = {each.uid for each in fleet.observed.executions if each.uid}
    occupied = {
        name: pod
        for name in run.candidates
        for pod in (fleet.chains[name].pods if name in fleet.chains else ())
        if pod.owner_uid not in own
    }
    if not occupied:
        return ""
    name = next(iter(occupied))
    pod = occupied[name]
    return f"waits for {_who(name, occupied)}: {_stops(pod, ' of a former job')}"


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
    pod = fleet.chains[name].stop_overdue(fleet.now)
    assert pod is not None
    by = f" by {format_time(pod.deletion)}" if pod.deletion else ""
    return (
        f"leaves out {_who(name, run.occupied)}: pod {pod.name} was to stop{by};"
        " look at its kubelet, it goes on once the pod is gone"
    )


def _who(name: str, among: Collection[str]) -> str:
    return f"{name} and {len(among) - 1} more" if len(among) > 1 else name


def _until(moment: float | None) -> str:
    return f"until {format_time(moment)}" if moment is not None else "without a limit"


def _stops(pod: PodView, whose: str = "") -> str:
    by = f" by {format_time(pod.deletion)}" if pod.deletion else ""
    return f"pod {pod.name}{whose} is to stop{by}"
