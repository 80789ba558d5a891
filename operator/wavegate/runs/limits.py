"""Which of the runs that could start may: concurrency, by the job and by key, and the rate.

Slots are counted from the runs that execute, never in a counter that could leak; so a limit that
is lowered ends nothing, and holds as soon as enough runs have ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from wavegate.api.durations import format_duration
from wavegate.api.httpjob import Limits, Rate
from wavegate.domain.times import parse_time
from wavegate.runs.held import Held
from wavegate.runs.observed import AskedJobView, RunView
from wavegate.runs.pools import Pool
from wavegate.runs.rate import ahead, clock_of, granted, next_time, oldest

TURN = 0.1
"""Seconds after which a run is looked at again where another job goes first."""


def rate_clock(job: AskedJobView, runs: Iterable[RunView], now: float) -> float | None:
    """Where the clock of the job's rate stands; None: it has none, or nothing says so."""
    rate = job.spec.runs.limits.rate if job.spec is not None else None
    if rate is None:
        return None
    own = parse_time(job.status.get("rateClock")), parse_time(job.status.get("updatedAt"))
    # Nearly all runs that are kept are over; to look at each of them is too much for each pass.
    since = oldest(rate, now)
    recent = (run for run in runs if run.started is not None and run.started > since)
    return clock_of(rate, chain([own], ((run.rate_clock, run.started) for run in recent)))


@dataclass(slots=True)
class Allowance:
    """What is left of a job's limits as runs are chosen.

    ``clock``: the rate's; ``pools``: those of the namespace that the job names and that are there,
    or what of their spec is not understood.
    """

    limits: Limits
    now: float
    clock: float | None
    pools: Mapping[str, Pool | str] = field(default_factory=dict)
    executing: int = 0
    by_key: Counter[str] = field(default_factory=Counter)
    begun: int = 0
    """Runs that have been chosen, each of which takes a call of every pool."""

    @classmethod
    def of(
        cls,
        limits: Limits,
        executing: Iterable[RunView],
        clock: float | None,
        now: float,
        pools: Mapping[str, Pool | str],
    ) -> Allowance:
        runs: Sequence[RunView] = list(executing)
        keys = Counter(run.concurrency_key for run in runs if run.concurrency_key)
        return cls(limits, now, clock, pools, len(runs), keys)

    def refuses(self, run: RunView) -> Held | None:
        """What stands against starting the run now."""
        limits, key = self.limits, run.concurrency_key
        if limits.max_concurrency is not None and self.executing >= limits.max_concurrency:
            return Held(
                "ConcurrencyLimit", f"{_runs(limits.max_concurrency)} may execute at a time"
            )
        most = limits.max_concurrency_per_key
        if key and most is not None and self.by_key[key] >= most:
            return Held("KeyConcurrencyLimit", f"{_runs(most)} of its key may execute at a time")
        rate = limits.rate
        if rate is not None and granted(rate, self.clock, self.now) is None:
            words = _calls(rate)
            return Held("RateLimited", words, next_time(rate, self.clock, self.now))
        return next(filter(None, map(self._pool_refuses, limits.pools)), None)

    def _pool_refuses(self, name: str) -> Held | None:
        pool = self.pools.get(name)
        if pool is None:
            words = "is not there: create it, or take it out of spec.runs.limits.pools of the job"
            return Held("PoolMissing", f"RateLimitPool {name} {words}")
        if isinstance(pool, str):
            return Held("PoolInvalid", f"RateLimitPool {name} is not understood: {pool}")
        clock = ahead(pool.rate, pool.clock, self.begun, self.now)
        if granted(pool.rate, clock, self.now) is None:
            words = f"RateLimitPool {name}: {_calls(pool.rate)}"
            return Held("PoolLimited", words, self._next_of(pool), name)
        if self.begun >= pool.turn:
            words = f"RateLimitPool {name}: it is another job's turn"
            return Held("PoolLimited", words, self.now + TURN, name)
        return None

    def _next_of(self, pool: Pool) -> float:
        """When the pool may grant the next call: what others are about to begin may fail."""
        certain = ahead(pool.rate, pool.on_record, self.begun, self.now)
        next_call = next_time(pool.rate, certain, self.now)
        return next_call if next_call > self.now else self.now + TURN

    @property
    def pool_clocks(self) -> dict[str, float]:
        """Where the clock of each pool stands after the runs that were chosen."""
        clocks = (
            (name, ahead(pool.rate, pool.clock, self.begun, self.now))
            for name in self.limits.pools
            if isinstance(pool := self.pools.get(name), Pool)
        )
        return {name: clock for name, clock in clocks if clock is not None}

    def take(self, run: RunView) -> None:
        """The run starts: its place and its call are no longer free."""
        self.begun += 1
        if self.limits.rate is not None:
            self.clock = granted(self.limits.rate, self.clock, self.now) or self.clock
        self.executing += 1
        if run.concurrency_key:
            self.by_key[run.concurrency_key] += 1


def _calls(rate: Rate) -> str:
    calls = "1 call" if rate.max == 1 else f"{rate.max} calls"
    return f"{calls} may begin within {format_duration(rate.window)}"


def _runs(number: int) -> str:
    return "1 run" if number == 1 else f"{number} runs"
