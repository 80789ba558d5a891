"""Pools: rates that jobs share, and whose turn it is.

A pool has one clock for all its jobs, reckoned as that of a job's own rate, and on record in each
run that was granted. Calls that other jobs' newest plans begin, of which nothing is on record yet,
count as granted. They may come to nothing, so nobody waits longer than for what is on record.

Jobs that wait for a pool take turns. Of what it could grant now one call each is reserved for those
that have waited longer; of the rest a job that waits takes its share, and goes to the end of the
order once it begins one.

| waiting, the longest first | could grant | asks | may begin |
| --- | --- | --- | --- |
| nobody | 5 | a | 5 |
| a, b | 1 | b | 0: it is a's turn |
| a, b | 1 | a | 1 |
| a, b | 6 | b | 3 |
| a, b | 6 | c | 4 |
"""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from wavegate.api.httpjob import Rate
from wavegate.runs.rate import ahead, room

Key = tuple[str, str]
"""Namespace and name, of a pool or a job."""


@dataclass(frozen=True, slots=True)
class Pool:
    """A RateLimitPool as a job's pass sees it. ``on_record``: its clock in epoch seconds;
    ``clock``: the same with what others are about to begin; ``turn``: calls that the job may begin
    now."""

    rate: Rate
    on_record: float | None = None
    clock: float | None = None
    turn: int = 0


class Pools:
    """Whose calls the pools grant, in the process that calls."""

    def __init__(self) -> None:
        self._promised: defaultdict[Key, Counter[Key]] = defaultdict(Counter)
        """By pool and job, calls that the job's newest plan begins."""
        self._waiting: defaultdict[Key, OrderedDict[Key, None]] = defaultdict(OrderedDict)
        """By pool, jobs with a run that only the pool holds, the one that waits longest first."""

    def seen(self, pool: Key, rate: Rate, on_record: float | None, job: Key, now: float) -> Pool:
        """The pool for a pass of the job; ``on_record``: where its clock stands there."""
        others = self._promised[pool].total() - self._promised[pool][job]
        clock = ahead(rate, on_record, others, now)
        order, free = list(self._waiting[pool]), room(rate, clock, now)
        place = order.index(job) if job in order else len(order)
        turn = max(0, free - place)
        if job in order:
            turn = min(turn, max(1, free // len(order)))
        return Pool(rate, on_record, clock, turn)

    def passed(
        self, job: Key, promised: Mapping[str, int], waits: Collection[str], *, begins: bool
    ) -> None:
        """A job's pass is over.

        ``promised``: by the names of pools, calls that it begins or has begun and that are not on
        record; ``waits``: pools for which a run waits; ``begins``: whether its plan begins any.
        """
        namespace = job[0]
        for jobs in self._promised.values():
            jobs.pop(job, None)
        for name, calls in promised.items():
            if calls:
                self._promised[namespace, name][job] = calls
        for name in waits:
            order = self._waiting[namespace, name]
            if begins:
                order.pop(job, None)
            order.setdefault(job)
        for pool in list(self._waiting):
            if pool[0] == namespace and pool[1] not in waits:
                self._waiting[pool].pop(job, None)
        for held in (self._promised, self._waiting):
            for pool in [each for each, jobs in held.items() if not jobs]:
                del held[pool]
