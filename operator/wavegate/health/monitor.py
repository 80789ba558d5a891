"""The windows of the pods that are being judged, one task each.

A plan names the pods (``keep``); each gets a task that waits until the pod is first ready, opens
its first window, and from then on closes one every ``interval`` and wakes the job. What a window
says is in the records, read by the next pass. Nothing is stored: after a restart windows begin
anew, which costs time and never a verdict.

Invariants: a window ends, and the next begins, with the pod's state and a reading of the same
moment, so that whatever happens between two of these belongs to exactly one window; the first one
begins with the state in which the pod was first ready, and with the reading that follows once its
source has had time to settle and it is its turn (`health.turns`); a record is of the pod with that
uid and of these criteria; a probe that breaks takes no other with it and is begun anew by the next
pass.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from wavegate.cache.store import JobKey
from wavegate.domain.actions import CounterSource, Probe, Source
from wavegate.domain.health import (
    HealthRecord,
    PodState,
    Reading,
    Unreadable,
    begin,
    close_window,
)
from wavegate.domain.observed import PodView
from wavegate.health.turns import Turns

Pods = Callable[[str, str], PodView | None]
"""The pod of a namespace and name as it is known now."""

ReadCounters = Callable[[PodView, Source], Awaitable[Reading | Unreadable]]
"""Reads a pod's counters from their source; never raises."""

_log = logging.getLogger(__name__)


class Monitor:
    """Keeps windows.

    ``now``: epoch seconds; ``wake`` asks for a pass of a job; ``closed`` is told the verdict of
    each window.
    """

    def __init__(
        self,
        pods: Pods,
        wake: Callable[[JobKey], None],
        now: Callable[[], float],
        read: ReadCounters,
        closed: Callable[[str], None],
    ) -> None:
        self._pods = pods
        self._wake = wake
        self._now = now
        self._read = read
        self._closed = closed
        self._turns = Turns()
        self._watches: dict[JobKey, dict[str, _Watch]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def keep(self, key: JobKey, probes: Sequence[Probe]) -> None:
        """Keep the windows of exactly these pods of the job, from now on.

        A probe that has changed begins anew. To be called in each pass: a pod that becomes ready
        wakes its job, and this is how its probe hears of it.
        """
        before = self._watches.pop(key, {})
        after: dict[str, _Watch] = {}
        for uid, probe in {probe.pod_uid: probe for probe in probes}.items():
            watch = before.get(uid)
            if watch is None or watch.probe != probe or watch.task.done():
                watch = self._start(key, probe)
            else:
                del before[uid]
            watch.nudge.set()
            after[uid] = watch
        for watch in before.values():
            watch.task.cancel()
        if after:
            self._watches[key] = after

    def records(self, key: JobKey) -> Mapping[str, HealthRecord]:
        """By pod uid, of the pods whose first window has begun."""
        watches = self._watches.get(key, {})
        return {uid: watch.record for uid, watch in watches.items() if watch.record is not None}

    async def close(self) -> None:
        """End all tasks, those that were stopped a moment ago included."""
        self._watches.clear()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, key: JobKey, probe: Probe) -> _Watch:
        watch = _Watch(probe)
        watch.task = asyncio.create_task(self._run(key, watch), name=f"probe of {probe.pod_name}")
        self._tasks.add(watch.task)
        watch.task.add_done_callback(self._tasks.discard)
        return watch

    async def _run(self, key: JobKey, watch: _Watch) -> None:
        try:
            await self._keep_windows(key, watch)
        except Exception:
            facts = {"job": f"{key[0]}/{key[1]}", "pod": watch.probe.pod_name}
            _log.exception("the probe broke", extra={"fields": facts})

    async def _keep_windows(self, key: JobKey, watch: _Watch) -> None:
        probe, clock = watch.probe, asyncio.get_running_loop().time
        while not ((pod := self._pod(probe)) and pod.ready):
            watch.nudge.clear()
            await watch.nudge.wait()
        watch.first_ready = _state(pod)
        await asyncio.sleep(probe.criteria.settling)
        # What asks no pod has nothing to spread.
        due = self._turns.first(probe.criteria.interval) if _asks_the_pod(probe) else clock()
        while True:
            await asyncio.sleep(max(0.0, due - clock()))
            async with self._turns.turn():
                due = self._turns.next(probe.criteria.interval)
                closed = await self._take(watch)
            if closed:
                self._wake(key)

    async def _take(self, watch: _Watch) -> bool:
        """Open the first window, or close one; whether one was closed.

        The pod is looked at before the reading, which takes time: what happens meanwhile belongs
        to the next window. While the pod is not known there is nothing to judge.
        """
        probe, record, now = watch.probe, watch.record, self._now()
        pod = self._pod(probe)
        if pod is None:
            return False
        state = _state(pod)
        reading = None
        if probe.criteria.reads_counters and probe.source is not None:
            reading = await self._read(pod, probe.source)
        if record is None:
            watch.record = begin(probe.pod_uid, watch.first_ready, reading, now)
            return False
        watch.record = close_window(record, probe.criteria, state, reading, now)
        if watch.record.last is not None:
            self._closed(watch.record.last.verdict.value)
        return True

    def _pod(self, probe: Probe) -> PodView | None:
        """The probe's pod; None for a namesake that came after it."""
        pod = self._pods(probe.pod_namespace, probe.pod_name)
        return pod if pod is not None and pod.uid == probe.pod_uid else None


def _asks_the_pod(probe: Probe) -> bool:
    return probe.criteria.reads_counters and isinstance(probe.source, CounterSource)


def _state(pod: PodView) -> PodState:
    return PodState(pod.ready, pod.ready_changed or 0.0, pod.restarts)


class _Watch:
    """A probe with its task and what it has seen."""

    task: asyncio.Task[None]
    first_ready: PodState

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.nudge = asyncio.Event()
        self.record: HealthRecord | None = None
