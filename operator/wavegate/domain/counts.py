"""How many nodes of a job are what: numbers, and never names, in its status.

Counted is each node's current claim. A node that a job of a one-shot type has run on stays on
record once it has left, and is none of those that are desired: it is not counted as updated, so
that a job whose selector was narrowed is not 5 of 4.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from wavegate.domain.claim import Kind
from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import VersionView
from wavegate.domain.targets import NOT_READY

_MOST_VERSIONS: Final = 10


def nodes(fleet: Fleet, wanted: VersionView | None) -> dict[str, int]:
    """status.nodes of the job. ``wanted``: the version that nodes are to have."""
    counts: Counter[str] = Counter()
    for kind, number in fleet.census.items():
        alive = kind.is_live or kind.observed == "Completed"
        counts["stable"] += number * (alive and kind.is_stable)
        counts["failed"] += number * (kind.observed == "Failed")
        counts["lost"] += number * (kind.observed == "Lost")
        if wanted is not None:
            counts["updated"] += number * (alive and kind.workload_hash == wanted.workload_hash)
    if wanted is not None:
        counts["notReady"] = fleet.absences(wanted).get(NOT_READY, 0)
    if wanted is not None and fleet.one_shot:
        for kind in _ended_elsewhere(fleet, wanted):
            counts["stable"] -= kind.is_stable
            counts["updated"] -= kind.workload_hash == wanted.workload_hash
    return {
        "desired": len(fleet.targets(wanted)) if wanted is not None else 0,
        **{key: int(counts[key]) for key in ("updated", "stable", "failed", "lost", "notReady")},
    }


def _ended_elsewhere(fleet: Fleet, wanted: VersionView) -> Iterator[Kind]:
    """What nodes that are no targets count as, where something has completed on them."""
    targets = frozenset(fleet.targets(wanted))
    for name, chain in fleet.chains.items():
        if chain.kind and chain.kind.observed == "Completed" and name not in targets:
            yield chain.kind


def versions(fleet: Fleet) -> list[dict[str, int]]:
    """status.versions of the job: those that run, the newest first."""
    running: Counter[int] = Counter()
    for kind, number in fleet.census.items():
        if kind.is_live:
            running[kind.version] += number
    newest_first = sorted(running.items(), reverse=True)[:_MOST_VERSIONS]
    return [{"version": version, "nodes": nodes} for version, nodes in newest_first]


def other_absences(fleet: Fleet, wanted: VersionView | None) -> dict[str, str]:
    """Facts: nodes that belong but cannot be used, besides those that status.nodes counts."""
    counts = fleet.absences(wanted) if wanted is not None else {}
    return {
        f"{reason[0].lower()}{reason[1:]}": str(number)
        for reason, number in counts.items()
        if reason != NOT_READY
    }
