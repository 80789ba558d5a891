"""Reads all pods as the operator does while it judges them, and takes the times of their windows.

All pods are ready when it begins, as they are for an operator that has just been started: nothing
comes closer to all windows at once. The passes that windows wake are those of one job, at most four
a second; of a pass only its part in health is made.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Final

from bench.health.endpoints import address, hangs
from wavegate.domain.actions import CounterSource, Probe, Source
from wavegate.domain.health import Criteria, Reading, Unreadable
from wavegate.domain.observed import PodView
from wavegate.health.monitor import Monitor
from wavegate.health.prometheus import Prometheus
from wavegate.health.readings import Readings
from wavegate.health.scrape import open_session
from wavegate.telemetry.lag import sample_lag

JOB: Final = ("bench", "fleet")
PASS_SECONDS: Final = 0.25


@dataclass(frozen=True)
class Load:
    """What is measured: so many pods, sampled each ``interval`` seconds, at the server's port."""

    pods: int
    interval: float
    port: int
    every: int
    """One pod in so many hangs, or may begin to; of it no times are taken."""
    hang: Callable[[], None]
    """Lets these pods hang from now on."""

    def counts(self, name: str) -> bool:
        """Whether the pod of that name is one of the others."""
        return not hangs(int(name), self.every)


@dataclass
class Figures:
    """Of a stretch of time, and of the pods that always answer. Lateness and lag in seconds."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    ends: int = 0
    """Windows begun or ended."""
    missed: int = 0
    """Windows that were over before they were closed, so that one took the time of several."""
    unread: int = 0
    """Readings that failed."""
    late: list[float] = field(default_factory=list)
    """Of each end; of the begin of a first window, since its pod was known to be ready."""
    lag: list[float] = field(default_factory=list)
    """Of the event loop."""

    @property
    def share(self) -> float:
        """Of one processor."""
        return self.cpu_seconds / self.seconds


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that so many of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else 0.0


class Sampler:
    """The health code at work on ``load``."""

    def __init__(self, load: Load, readings: Readings) -> None:
        self._load = load
        self._readings = readings
        self._pods = {str(n): _pod(n) for n in range(load.pods)}
        self._begun = asyncio.get_running_loop().time()
        self._due: dict[str, float] = {}
        self._woken = asyncio.Event()
        self.now = Figures()
        """Of the stretch that is under way."""
        self.monitor = Monitor(
            self._known, lambda _: self._woken.set(), time.time, self._read, lambda _: None
        )

    def _known(self, _: str, name: str) -> PodView | None:
        return self._pods.get(name)

    async def _read(self, pod: PodView, source: Source) -> Reading | Unreadable:
        if not self._load.counts(pod.name):
            return await self._readings.read(pod, source)
        at, interval = asyncio.get_running_loop().time(), self._load.interval
        late = at - self._due.get(pod.name, self._begun)
        self._due[pod.name] = at + interval
        self.now.ends += 1
        self.now.missed += int(late / interval)
        self.now.late.append(late)
        reading = await self._readings.read(pod, source)
        self.now.unread += isinstance(reading, Unreadable)
        return reading

    async def make_passes(self) -> None:
        """As the queue does, whenever a window has ended."""
        named = [_probes(self._load), _probes(self._load)]
        for probes in itertools.cycle(named):
            self.monitor.keep(JOB, probes)
            self.monitor.records(JOB)
            self._woken.clear()
            await asyncio.sleep(PASS_SECONDS)
            await self._woken.wait()

    async def stretch(self, seconds: float) -> Figures:
        """Measure for so long."""
        self.now = figures = Figures()
        begun, cpu = time.monotonic(), time.process_time()
        lag = asyncio.create_task(sample_lag(figures.lag.append))
        await asyncio.sleep(seconds)
        lag.cancel()
        figures.seconds = time.monotonic() - begun
        figures.cpu_seconds = time.process_time() - cpu
        return figures


async def measure(load: Load, seconds: float, *, at_once: bool) -> Mapping[str, Figures]:
    """The first interval, and ``seconds`` that follow; pods hang ``at_once``, or after these."""
    async with open_session() as session:
        prometheus = Prometheus(session, {}, time.time)
        sampler = Sampler(load, Readings(session, prometheus, lambda *_: None))
        passes = asyncio.create_task(sampler.make_passes())
        if at_once:
            load.hang()
        try:
            found = {"first windows": await sampler.stretch(load.interval)}
            found["later"] = await sampler.stretch(seconds)
            if not at_once:
                load.hang()
                found["some hang"] = await sampler.stretch(seconds)
            return found
        finally:
            passes.cancel()
            await sampler.monitor.close()


def _pod(number: int) -> PodView:
    return PodView(
        *("bench", str(number), f"uid-{number}", "1", "fleet", f"node-{number}"),
        *("Execution", f"fleet-{number}", f"execution-{number}", 0.0),
        ip=address(number),
        ready=True,
        ready_changed=time.time() - 3600,
    )


def _probes(load: Load) -> list[Probe]:
    """As a plan names them: each pass makes its own, and they are equal."""
    criteria = Criteria(
        interval=load.interval,
        max_error_rate=0.05,
        success_threshold=3,
        failure_threshold=3,
        min_healthy_time=None,
        reads_counters=True,
    )
    source = CounterSource(load.port, "/metrics", "Prometheus", ("failed",), ("messages",))
    return [Probe("bench", str(n), f"uid-{n}", criteria, source) for n in range(load.pods)]
