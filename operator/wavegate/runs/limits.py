"""Which of the runs that could start may: concurrency, by the job and by key, and the rate.

Slots are counted from the runs that execute, never in a counter that could leak; so a limit that
is lowered ends nothing, and holds as soon as enough runs have ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from wavegate.api.durations import format_duration
from wavegate.api.httpjob import Limits
from wavegate.runs.observed import RunView
from wavegate.runs.rate import granted, next_time


@dataclass(frozen=True, slots=True)
class Held:
    """Why a run does not start, and when that may end; None: when another run has ended."""

    reason: str
    message: str
    until: float | None = None


@dataclass(slots=True)
class Allowance:
    """What is left of a job's limits as runs are chosen; ``clock``: the rate's."""

    limits: Limits
    now: float
    clock: float | None
    executing: int = 0
    by_key: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(
        cls, limits: Limits, executing: Iterable[RunView], clock: float | None, now: float
    ) -> Allowance:
        runs: Sequence[RunView] = list(executing)
        keys = Counter(run.concurrency_key for run in runs if run.concurrency_key)
        return cls(limits, now, clock, len(runs), keys)

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
            calls = "1 call" if rate.max == 1 else f"{rate.max} calls"
            words = f"{calls} may begin within {format_duration(rate.window)}"
            return Held("RateLimited", words, next_time(rate, self.clock, self.now))
        return None

    def take(self, run: RunView) -> None:
        """The run starts: its place and its call are no longer free."""
        if self.limits.rate is not None:
            self.clock = granted(self.limits.rate, self.clock, self.now) or self.clock
        self.executing += 1
        if run.concurrency_key:
            self.by_key[run.concurrency_key] += 1


def _runs(number: int) -> str:
    return "1 run" if number == 1 else f"{number} runs"
