"""The health of a job: how its runs have ended of late, and how evenly they ran, as one number.

Each run that has ended counts as one thing:

| counts as | phases |
| --- | --- |
| completed | Completed |
| failed | Failed, SystemFailed, DeadLetter |
| timedOut | TimedOut |
| crashed | Crashed |
| canceled | Canceled |
| expired | Expired |

The success rate is what completed, of all but the canceled. Durations are those of the completed,
from when the last attempt began: what failed is in the rate already. Stability is 0 without
durations, 30 if p95 is at most twice the average, and 15 less for each further time, down to 0. The
score is 0.7 times the rate in percent, and stability; without a run that was not canceled there is
none.

| runs | canceled | completed | average | p95 | stability | score |
| --- | --- | --- | --- | --- | --- | --- |
| 100 | 0 | 100 | 2 s | 4 s | 30 | 100 |
| 100 | 0 | 90 | 2 s | 5 s | 22.5 | 85.5 |
| 110 | 10 | 90 | 2 s | 5 s | 22.5 | 85.5 |
| 100 | 0 | 50 | 2 s | 6 s | 15 | 50 |
| 100 | 0 | 50 | 2 s | 8 s | 0 | 35 |
| 100 | 0 | 0 | none | none | 0 | 0 |
| 10 | 10 | 0 | none | none | 0 | none |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from wavegate.api.jobrun import Phase
from wavegate.runs.histogram import Histogram
from wavegate.runs.observed import RunView

Counted = Literal["completed", "failed", "timedOut", "crashed", "canceled", "expired"]

COUNTED_AS: Final[Mapping[Phase, Counted]] = {
    "Completed": "completed",
    "Failed": "failed",
    "SystemFailed": "failed",
    "DeadLetter": "failed",
    "TimedOut": "timedOut",
    "Crashed": "crashed",
    "Canceled": "canceled",
    "Expired": "expired",
}
"""By phase of a run that has ended."""

COUNTED: Final[tuple[Counted, ...]] = tuple(dict.fromkeys(COUNTED_AS.values()))


@dataclass(frozen=True, slots=True)
class Tally:
    """Runs that have ended: how many, by what they count as, and their durations."""

    counts: Mapping[Counted, int] = field(default_factory=dict)
    durations: Histogram = field(default_factory=Histogram)

    @classmethod
    def of(cls, run: RunView) -> Tally:
        """One run that has ended."""
        counts: Mapping[Counted, int] = {COUNTED_AS[run.phase]: 1}
        if run.phase != "Completed" or run.started is None or run.completed is None:
            return cls(counts)
        return cls(counts, Histogram.of(run.completed - run.started))

    def __add__(self, other: Tally) -> Tally:
        counts = Counter(self.counts)
        counts.update(other.counts)
        return Tally(counts, self.durations + other.durations)

    def number(self, name: Counted) -> int:
        """Runs that count as this."""
        return self.counts.get(name, 0)

    @property
    def total(self) -> int:
        """All runs."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Health:
    """What is told of a tally: shares from 0 to 1, times in milliseconds, None where there is none.

    ``p95_error``: how far ``p95_ms`` may be from the true one, as a share of that.
    """

    success_rate: float | None
    average_ms: float | None
    p95_ms: float | None
    p95_error: float | None
    stability: float
    score: float | None


def health(tally: Tally) -> Health:
    """What the runs of a tally say of their job."""
    judged = tally.total - tally.number("canceled")
    rate = tally.number("completed") / judged if judged else None
    durations = tally.durations
    average, p95 = durations.average, durations.quantile(0.95)
    steady = stability(average, p95)
    return Health(
        success_rate=rate,
        average_ms=average,
        p95_ms=p95,
        p95_error=durations.error if p95 is not None else None,
        stability=steady,
        score=score(rate, steady) if rate is not None else None,
    )


def stability(average: float | None, p95: float | None) -> float:
    """From 0 to 30, of durations in one unit, or None without any."""
    if not average or p95 is None:
        return 0.0
    return 30.0 - min(30.0, max(0.0, 15.0 * (p95 / average - 2.0)))


def score(success_rate: float, steady: float) -> float:
    """From 0 to 100, of a success rate from 0 to 1 and a stability from 0 to 30."""
    return min(100.0, 70.0 * success_rate + steady)
