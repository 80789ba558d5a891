"""Dependencies: whether the jobs that a run depends on let it start.

Of another job counts its latest run that was carried out; one that was Canceled or Expired says
nothing. As windows do, dependencies count at each attempt, by the spec that the job has now.

| the other job's runs, the latest last | condition | freshness | a run |
| --- | --- | --- | --- |
| none | Any | none | waits |
| Failed, Completed | Completed | none | starts |
| Completed, DeadLetter | Completed | none | waits |
| Completed, DeadLetter | Failed | none | starts |
| Completed, DeadLetter | Any | none | starts |
| Completed, Canceled | Completed | none | starts |
| Completed 2h ago | Completed | 1h | waits |
| Completed 2h ago | Completed | 3h | starts |
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wavegate.api.durations import format_duration
from wavegate.api.names import told_ref
from wavegate.api.trigger import Dependency, DependencyCondition
from wavegate.domain.times import format_time
from wavegate.runs.held import Held
from wavegate.runs.states import ENDED_BADLY, TERMINAL

if TYPE_CHECKING:
    from wavegate.runs.observed import RunView

DEPENDENCIES: Final = ("DependencyCycle", "DependencyMissing", "DependencyPending")
"""Reasons to wait, in the order in which they are told where there are several."""

_SILENT: Final = frozenset({"Canceled", "Expired"})
"""Phases of runs that were not carried out, or of which nobody knows the outcome."""

_SATISFIES: Final[Mapping[DependencyCondition, Collection[str]]] = {
    "Completed": {"Completed"},
    "Failed": ENDED_BADLY - _SILENT,
    "Any": TERMINAL - _SILENT,
}


@dataclass(frozen=True, slots=True)
class Upstream:
    """What is known of a job that another one depends on."""

    exists: bool = False
    suspended: bool = False
    rolls_out: bool = False
    """A FleetJob that is not executed when asked."""
    latest: RunView | None = None
    """Its latest run that was carried out."""
    cycle: tuple[str, ...] = ()
    """Where it depends on the other one in turn: the jobs from that one back to itself."""


def latest(finished: Iterable[RunView]) -> RunView | None:
    """The latest run that was carried out, of those that have ended."""
    carried_out = (run for run in finished if run.phase not in _SILENT)
    return max(carried_out, key=ended_at, default=None)


def ended_at(run: RunView) -> tuple[float, str]:
    """What orders runs by their end (epoch seconds)."""
    return run.completed or 0.0, run.name


def unmet(
    depends_on: Iterable[Dependency], upstreams: Mapping[str, Upstream], now: float
) -> Held | None:
    """Why a run cannot start for what its job depends on; None: it can.

    ``upstreams``: as jobs are named among runs. What somebody has to mend comes first.
    """
    held = [each for each in (_unmet(of, upstreams, now) for of in depends_on) if each is not None]
    return min(held, key=lambda each: DEPENDENCIES.index(each.reason), default=None)


def is_met(of: Dependency, upstream: Upstream, now: float) -> bool:
    """Whether the latest run of the other job is what is asked for, and fresh enough."""
    return not _lacks(of, upstream.latest, now)


def _unmet(of: Dependency, upstreams: Mapping[str, Upstream], now: float) -> Held | None:
    upstream = upstreams.get(of.ref, Upstream())
    if upstream.cycle:
        path = ", which depends on ".join(each.replace("/", " ") for each in upstream.cycle)
        kind = "" if "/" in upstream.cycle[0] else "HTTPJob "
        words = f"no run of a circle can be the first: {kind}{path}"
        return Held("DependencyCycle", words)
    name = told_ref(of.ref)
    if upstream.rolls_out:
        words = f"{name} is not executed when asked: give it spec.runs, or do not depend on it"
        return Held("DependencyMissing", words)
    if not upstream.exists:
        return Held("DependencyMissing", f"{name} is not there: create it, or do not depend on it")
    lacks = _lacks(of, upstream.latest, now)
    if not lacks:
        return None
    suspended = "; it is suspended" if upstream.suspended else ""
    return Held("DependencyPending", f"{name}: {lacks}{suspended}")


def _lacks(of: Dependency, run: RunView | None, now: float) -> str:
    """What is wrong with the latest run; empty: nothing."""
    if run is None:
        return "no run of it has ended"
    condition = of.condition or "Completed"
    if run.phase not in _SATISFIES[condition]:
        return f"its latest run, {run.name}, is {run.phase}; {condition} is asked for"
    completed = run.completed or 0.0
    if of.freshness is not None and completed + of.freshness < now:
        longest = format_duration(of.freshness)
        return f"its latest run, {run.name}, ended at {format_time(completed)}, over {longest} ago"
    return ""
