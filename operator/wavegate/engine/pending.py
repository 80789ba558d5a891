"""Steps that wait to be written, and which of them goes next.

Order: urgency, then the job's priority; jobs of equal rank take turns. Within a job, groups of
creates take turns too, so that a group that has to wait (slow start) holds up nobody. What a new
plan of a job says replaces all that still waits of its older plans: nothing is written that the
newest plan does not want.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from wavegate.cache.store import JobKey

_Rank = tuple[int, int]
_Steps = OrderedDict[str, "Item"]
_Groups = OrderedDict[str, _Steps]


class Job(Protocol):
    """Whose steps they are: a FleetJob's or an HTTPJob's view."""

    @property
    def key(self) -> JobKey: ...
    @property
    def uid(self) -> str: ...
    @property
    def priority(self) -> int: ...


class Step(Protocol):
    """Actions that belong together, as the core of the job's kind makes them."""

    @property
    def key(self) -> str: ...
    @property
    def urgency(self) -> int: ...
    @property
    def actions(self) -> Sequence[Any]: ...
    @property
    def group(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Item:
    """A step of the plan that the pass ``eval_id`` made for ``job``."""

    job: Job
    step: Step
    eval_id: str

    @property
    def key(self) -> tuple[JobKey, str]:
        """What may be under way only once."""
        return (self.job.key, self.step.key)

    @property
    def group(self) -> str:
        """The group of its slow start, unlike that of any other job; empty for none."""
        return f"{self.job.uid}/{self.step.group}" if self.step.group else ""


class Pending:
    """Waiting steps by rank, job and group."""

    def __init__(self) -> None:
        self._ranks: dict[_Rank, OrderedDict[JobKey, _Groups]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def replace(self, key: JobKey, items: list[Item]) -> None:
        """These are all the steps that wait for the job from now on.

        A job that has waited keeps its turn.
        """
        for rank in list(self._ranks):
            groups = self._ranks[rank].get(key)
            if groups is not None:
                self._count -= sum(map(len, groups.values()))
                groups.clear()
        for item in items:
            self._add(item)
        for rank in list(self._ranks):
            self._prune(rank, key)

    def pop(self, free: Callable[[str], bool]) -> Item | None:
        """The next step whose group is ``free``; None where all have to wait."""
        for rank in sorted(self._ranks):
            jobs = self._ranks[rank]
            for key, groups in jobs.items():
                group = next((name for name in groups if not name or free(name)), None)
                if group is not None:
                    return self._take(rank, key, group)
        return None

    def _add(self, item: Item) -> None:
        rank = (int(item.step.urgency), -item.job.priority)
        groups = self._ranks.setdefault(rank, OrderedDict()).setdefault(item.job.key, OrderedDict())
        steps = groups.setdefault(item.group, OrderedDict())
        self._count += item.step.key not in steps
        steps[item.step.key] = item

    def _take(self, rank: _Rank, key: JobKey, group: str) -> Item:
        jobs = self._ranks[rank]
        groups = jobs[key]
        steps = groups[group]
        _, item = steps.popitem(last=False)
        self._count -= 1
        if steps:
            groups.move_to_end(group)
        else:
            del groups[group]
        jobs.move_to_end(key)
        self._prune(rank, key)
        return item

    def _prune(self, rank: _Rank, key: JobKey) -> None:
        jobs = self._ranks[rank]
        if key in jobs and not jobs[key]:
            del jobs[key]
        if not jobs:
            del self._ranks[rank]
