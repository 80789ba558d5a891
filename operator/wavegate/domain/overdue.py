"""Overdue: a pod that should have stopped a minute ago, and is still there.

What is known of a pod may be old: one whose end was not heard of looks like one that does not stop.
So no pod counts as overdue before a live read has found it, a minute after its grace period or
later; the plan asks for that read (``Plan.looks``), once a pod.

| grace period over | last live read that found it | overdue |
| --- | --- | --- |
| not being deleted | any | no |
| for less than a minute | any | no |
| for a minute or longer | none | no, it is read |
| for a minute or longer | before that minute was over | no, it is read |
| for a minute or longer | since | yes |

It is never deleted by force: that it does not run any more is for its kubelet to say.
"""

from __future__ import annotations

from collections.abc import Iterator

from wavegate.domain.actions import Look
from wavegate.domain.claim import Chain
from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import PodView

STOP_LIMIT = 60.0
"""Seconds beyond its grace period after which a stop takes too long."""


def overdue_at(pod: PodView) -> float | None:
    """When its stop begins to take too long; None where it is not being deleted."""
    return None if pod.deletion is None else pod.deletion + STOP_LIMIT


def is_overdue(fleet: Fleet, pod: PodView) -> bool:
    """Whether the pod's stop takes too long, and a live read has shown that it does."""
    at, found = overdue_at(pod), fleet.observed.still_there.get(pod.uid)
    return at is not None and found is not None and at <= min(found, fleet.now)


def stop_overdue(fleet: Fleet, chain: Chain) -> PodView | None:
    """An overdue pod of another claim than the current one: the node is occupied."""
    return next((pod for pod in chain.foreign_pods if is_overdue(fleet, pod)), None)


def looks(fleet: Fleet) -> Iterator[Look]:
    """The live reads that have to tell which pods are overdue, those made before included."""
    for pod in _stopping(fleet):
        at = overdue_at(pod)
        if at is not None and at <= fleet.now:
            yield Look(pod.namespace, pod.name, pod.uid, at)


def looks_at(fleet: Fleet) -> list[float]:
    """When the stops of pods begin to take too long."""
    times = (overdue_at(pod) for pod in _stopping(fleet))
    return [at for at in times if at is not None and at > fleet.now]


def _stopping(fleet: Fleet) -> Iterator[PodView]:
    """Those that are told to stop; a stranger's is none of them, since it occupies nothing."""
    return (pod for chain in fleet.stopping for pod in chain.stopping_pods)
