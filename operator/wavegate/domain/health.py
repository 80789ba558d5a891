"""Health of one execution, by windows.

A window is one ``interval`` long; windows begin when the pod is first ready. At the end of each
the pod's state and, where there is a source, its counters are read once more:

- *bad*: the error rate is above ``maxErrorRate``, or the pod restarted or was unready in it;
- *unreadable*: the counters could not be read at both ends: neither good nor bad, resets nothing;
- *good* otherwise, without traffic too.

``successThreshold`` good ones in a row make it healthy (or an unbroken good time of
``minHealthyTime``), ``failureThreshold`` bad ones in a row unhealthy.

Assumptions: readings are cumulative counters of one process; a counter that goes backwards is a
restarted process, whose count since then is its whole value. Times rise.

Worked examples (max rate 0.10, thresholds 2 and 3):

>>> rate(Reading(errors=5, total=100), Reading(errors=5, total=200))
(0, 100)
>>> rate(Reading(errors=90, total=900), Reading(errors=3, total=10))
(3, 10)
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

MOST_RECENT: Final = 8
"""Closed windows that a record keeps, so that a verdict can show what it rests on."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Cumulative counters at one moment; whole or fractional, finite, not negative."""

    errors: float
    total: float


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A reading that could not be made: the address asked and what went wrong."""

    address: str
    error: str


@dataclass(frozen=True, slots=True)
class Criteria:
    """What is asked of an execution, resolved from its version's health check."""

    interval: float
    max_error_rate: float
    success_threshold: int | None
    """None where ``min_healthy_time`` decides."""
    failure_threshold: int
    min_healthy_time: float | None
    reads_counters: bool
    settling: float = 0.0
    """Seconds from the pod's readiness to its first reading, with which the first window begins."""

    @property
    def shortest(self) -> float:
        """Seconds from the pod's readiness to the earliest healthy verdict."""
        if self.min_healthy_time is not None:
            return self.settling + max(self.interval, self.min_healthy_time)
        return self.settling + self.interval * (self.success_threshold or 1)


class Window(Enum):
    GOOD = "good"
    BAD = "bad"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class WindowResult:
    """A closed window with its numbers; ``errors`` and ``total`` are None where none were read."""

    verdict: Window
    at: float
    why: str
    errors: float | None = None
    total: float | None = None

    @property
    def rate(self) -> float | None:
        if self.errors is None or self.total is None:
            return None
        return self.errors / self.total if self.total > 0 else 0.0


@dataclass(frozen=True, slots=True)
class HealthRecord:
    """The memory of one pod's windows. Lost with the process: that costs time, never a verdict."""

    pod_uid: str
    window_start: float
    """When the window in progress began."""
    base: Reading | Unreadable | None
    """The reading at its begin; None where no counters are read."""
    base_restarts: int
    base_ready_changed: float = 0.0
    """When the Ready condition had last changed at its begin, by the node's clock."""
    first_window: float = 0.0
    """When the first window began."""
    good: int = 0
    bad: int = 0
    good_since: float | None = None
    """Begin of the unbroken good time."""
    readable_since: float | None = None
    """Begin of the first readable window after unreadable ones; None while unreadable."""
    last: WindowResult | None = None
    healthy: bool = False
    unhealthy: bool = False
    recent: tuple[WindowResult, ...] = field(default=(), repr=False)
    """The newest closed windows, oldest first; told with the verdict, and read by no rule."""


@dataclass(frozen=True, slots=True)
class PodState:
    """The pod at the end of a window."""

    ready: bool
    ready_changed: float
    restarts: int


def begin(
    pod_uid: str, pod: PodState, reading: Reading | Unreadable | None, now: float
) -> HealthRecord:
    """Open the first window of a pod, with its state when it was first seen ready.

    Whatever happens to the pod between that and the reading is in the first window.
    """
    return HealthRecord(
        pod_uid=pod_uid,
        window_start=now,
        base=reading,
        base_restarts=pod.restarts,
        base_ready_changed=pod.ready_changed,
        first_window=now,
        readable_since=now,
    )


def rate(base: Reading, end: Reading) -> tuple[float, float]:
    """Errors and total within a window, from the counters at its two ends."""
    if end.total < base.total or end.errors < base.errors:
        return (end.errors, end.total)
    return (end.errors - base.errors, end.total - base.total)


def close_window(
    record: HealthRecord,
    criteria: Criteria,
    pod: PodState,
    reading: Reading | Unreadable | None,
    now: float,
) -> HealthRecord:
    """Judge the window that ends ``now`` and open the next one."""
    result = _judge(record, criteria, pod, reading, now)
    good, bad, good_since = record.good, record.bad, record.good_since
    readable = record.window_start if record.readable_since is None else record.readable_since
    if result.verdict is Window.GOOD:
        good, bad = good + 1, 0
        good_since = record.window_start if good_since is None else good_since
    elif result.verdict is Window.BAD:
        good, bad, good_since = 0, bad + 1, None
    return replace(
        record,
        window_start=now,
        base=reading,
        base_restarts=pod.restarts,
        base_ready_changed=pod.ready_changed,
        good=good,
        bad=bad,
        good_since=good_since,
        readable_since=None if result.verdict is Window.UNREADABLE else readable,
        last=result,
        recent=(*record.recent, result)[-MOST_RECENT:],
        healthy=_healthy(criteria, good, good_since, now),
        unhealthy=bad >= criteria.failure_threshold,
    )


def _healthy(criteria: Criteria, good: int, good_since: float | None, now: float) -> bool:
    if criteria.min_healthy_time is not None:
        return good_since is not None and now - good_since >= criteria.min_healthy_time
    return good >= (criteria.success_threshold or 1)


def _judge(
    record: HealthRecord,
    criteria: Criteria,
    pod: PodState,
    reading: Reading | Unreadable | None,
    now: float,
) -> WindowResult:
    if pod.restarts > record.base_restarts:
        times = pod.restarts - record.base_restarts
        return WindowResult(Window.BAD, now, f"the pod restarted {times} time(s) in the window")
    if not pod.ready or pod.ready_changed != record.base_ready_changed:
        return WindowResult(Window.BAD, now, "the pod was not ready in the window")
    if not criteria.reads_counters:
        return WindowResult(Window.GOOD, now, "ready without a restart")
    for end in (record.base, reading):
        if not isinstance(end, Reading):
            what = f"{end.address}: {end.error}" if end else "no reading"
            return WindowResult(Window.UNREADABLE, now, what)
    assert isinstance(record.base, Reading)
    assert isinstance(reading, Reading)
    errors, total = rate(record.base, reading)
    result = WindowResult(Window.GOOD, now, "", errors, total)
    share = result.rate or 0.0
    numbers = f"{share:.1%} errors ({errors:g} of {total:g})"
    if share > criteria.max_error_rate:
        why = f"{numbers}, above {criteria.max_error_rate:.1%}"
        return WindowResult(Window.BAD, now, why, errors, total)
    why = f"{numbers}, at most {criteria.max_error_rate:.1%}" if total else "no traffic"
    return WindowResult(Window.GOOD, now, why, errors, total)
