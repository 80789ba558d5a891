"""The pass over a FleetJob: observe once, decide once, hand over what is to be done.

What it cannot know without a request (whether the job it would create for is still as it seems) is
asked in the background, and the pass is made again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, NoReturn, Protocol

from wavegate.cache.cluster import ClusterCache
from wavegate.cache.store import JobKey
from wavegate.domain.actions import (
    CreateDeployment,
    CreateExecution,
    CreatePod,
    CreatePull,
    CreateVersion,
    Plan,
    PrepareVersion,
    Probe,
    SetStatus,
)
from wavegate.domain.health import HealthRecord
from wavegate.domain.memory import Memory
from wavegate.domain.observed import Observed, PlanSettings
from wavegate.engine.livejobs import LiveJobs
from wavegate.engine.livepods import LivePods
from wavegate.engine.passes import Passes
from wavegate.engine.preparations import Preparations
from wavegate.engine.queue import WorkQueue
from wavegate.engine.writer import Writer
from wavegate.telemetry.metrics import Metrics

_CREATES: Final = (
    CreateVersion,
    CreateDeployment,
    CreateExecution,
    CreatePod,
    CreatePull,
    PrepareVersion,
)


class Windows(Protocol):
    """Who keeps the health windows of pods that are being judged."""

    def keep(self, key: JobKey, probes: Sequence[Probe]) -> None:
        """Keep the windows of exactly these pods of the job from now on."""

    def records(self, key: JobKey) -> Mapping[str, HealthRecord]:
        """What is known of them, by pod uid."""


class Reconciler(Passes):
    """``plan`` is pure, but for the memory that the passes of a job share; ``kind_gone``: whether
    the kind that owns pods is certainly no longer served."""

    def __init__(
        self,
        plan: Callable[[Observed, Memory], Plan],
        cache: ClusterCache,
        queue: WorkQueue,
        writer: Writer,
        windows: Windows,
        preparations: Preparations,
        live: LiveJobs,
        live_pods: LivePods,
        metrics: Metrics,
        *,
        settings: PlanSettings,
        now: Callable[[], float],
        new_id: Callable[[], str],
        kind_gone: Callable[[], bool],
    ) -> None:
        super().__init__(queue, now=now, new_id=new_id, passed=metrics.passed)
        self._plan = plan
        self._cache = cache
        self._writer = writer
        self._windows = windows
        self._preparations = preparations
        self._live = live
        self._live_pods = live_pods
        self._settings = settings
        self._kind_gone = kind_gone
        self._started = 0.0
        self._memories: defaultdict[JobKey, Memory] = defaultdict(Memory)

    async def lead(self, started: float) -> NoReturn:
        """Make passes until cancelled; ``started``: when this process began to see pods."""
        self._started = started
        await self.run()

    def _pass(self, key: JobKey, eval_id: str) -> str:
        observed = self._observe(key, eval_id)
        if observed is None:
            self._forget(key)
            return "success"
        try:
            plan = self._plan(observed, self._memories[key])
        except Exception:
            del self._memories[key]  # what broke off may have left it half done
            raise
        if self._needs_live_job(observed, plan) and not self._live.confirmed(observed.job):
            self._live.read(key)
            return "requeue"
        self._windows.keep(key, plan.probes)
        self._live_pods.keep(key, plan.looks)
        self._writer.submit(observed.job, plan.steps, eval_id, plan.halted)
        return self._wake(key, plan.wake_at, self._writer.next_change(key))

    def _observe(self, key: JobKey, eval_id: str) -> Observed | None:
        job = self._cache.job(key)
        observed = self._cache.snapshot(
            key,
            now=self._now(),
            eval_id=eval_id,
            operator_started=self._started,
            health=self._windows.records(key),
            still_there=self._live_pods.found(key),
            prepared=self._preparations.of(job.uid if job else ""),
            refusals=self._writer.refusals(key),
            settings=self._settings,
            kind_gone=self._kind_gone(),
        )
        busy, delayed = self._writer.busy(key), self._writer.delayed(key)
        return observed and replace(observed, busy=busy, delayed=delayed)

    def _needs_live_job(self, observed: Observed, plan: Plan) -> bool:
        """Whether the plan makes anything, or undoes what a vanished job has left."""
        gone = not observed.job.uid
        return any(
            isinstance(action, _CREATES) or (gone and not isinstance(action, SetStatus))
            for step in plan.steps
            for action in step.actions
        )

    def _forget(self, key: JobKey) -> None:
        self._windows.keep(key, ())
        self._live_pods.keep(key, ())
        self._live.forget(key)
        self._memories.pop(key, None)
        self._queue.discard(key)
        self._preparations.keep_only({job.uid for job in self._cache.jobs.values()})
