"""The pass over one batch, and who makes runs first where several batches of a job wait for room.

A job's batches share what its maxQueued leaves, the oldest first; a tenth of it is left to who asks
for single runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from wavegate.cache.runs import RunCache
from wavegate.cache.store import JobKey, Key
from wavegate.engine.passes import Passes
from wavegate.engine.queue import WorkQueue
from wavegate.engine.writer import Writer
from wavegate.runner.batch_executor import BatchExecutor
from wavegate.runs.batch_actions import BatchPlan
from wavegate.runs.batch_observed import BatchView, ObservedBatch
from wavegate.runs.batch_progress import NOT_MADE
from wavegate.runs.batch_room import room_of
from wavegate.runs.batches import plan
from wavegate.runs.observed import AskedJobView, RunView

INTERVAL: Final = 0.1
"""Seconds between two passes of one batch, each of which looks at all its runs."""

CONCURRENCY: Final = 16
"""Requests of batches at a time: a large import leaves room to everything else."""


class BatchReconciler(Passes):
    """Makes passes over batches."""

    def __init__(
        self,
        cache: RunCache,
        queue: WorkQueue,
        writer: Writer,
        executor: BatchExecutor,
        *,
        now: Callable[[], float],
        new_id: Callable[[], str],
        passed: Callable[[str, float], None],
    ) -> None:
        super().__init__(queue, now=now, new_id=new_id, passed=passed)
        self._cache = cache
        self._writer = writer
        self._executor = executor
        self._plans: dict[Key, BatchPlan] = {}
        """By batch, the newest plan."""

    def run_changed(self, job: JobKey) -> None:
        """A run of this job has come, gone or changed: there may be room for others."""
        first = min(self._waiting(job), key=_order, default=None)
        if first is not None:
            self._queue.add(first.key)

    def _waiting(self, job: JobKey) -> list[BatchView]:
        """Batches that have runs of a job to make."""
        namespace, name = job
        return [
            batch
            for batch in self._cache.batches.open
            if batch.namespace == namespace and self._unmade(batch, name)
        ]

    def _unmade(self, batch: BatchView, job: str) -> int:
        """Runs of a job that a batch has to make: as its newest plan says, or what is on record."""
        if batch.key in self._plans:
            return self._plans[batch.key].unmade.get(job, 0)
        is_its = batch.job == job and batch.state == "Running"
        return batch.progress.count(NOT_MADE) if is_its else 0

    def _pass(self, key: Key, eval_id: str) -> str:
        batch = self._cache.batches.store.get(*key)
        self._executor.keep_only({each.uid for each in self._cache.batches.open})
        if batch is None:
            self._plans.pop(key, None)
            self._queue.discard(key)
            self._writer.submit(_departed(key), (), eval_id)
            return "success"
        try:
            made = plan(self._observed(batch))
        except Exception:
            # Nobody waits for a batch whose pass has broken; what it wanted is not made.
            self._plans[key] = BatchPlan()
            self._writer.submit(batch, (), eval_id)
            raise
        before = self._plans.get(key, BatchPlan())
        self._plans[key] = made
        for job, count in before.unmade.items():
            if made.unmade.get(job, 0) < count:
                self._wake_following(batch, job)
        self._writer.submit(batch, made.steps, eval_id)
        return self._wake(key, made.wake_at, self._writer.next_change(key))

    def _wake_following(self, batch: BatchView, job: str) -> None:
        """Room that this batch no longer needs is the next one's."""
        waiting = self._waiting((batch.namespace, job))
        following = [each for each in waiting if _order(each) > _order(batch)]
        first = min(following, key=_order, default=None)
        if first is not None:
            self._queue.add(first.key)

    def _observed(self, batch: BatchView) -> ObservedBatch:
        finished = self._finished(batch)
        jobs = self._jobs(batch, finished)
        return ObservedBatch(
            batch=batch,
            now=self._now(),
            jobs=jobs,
            members=self._cache.batches.members(batch),
            active=self._active(batch),
            finished=finished,
            room={name: self._room(batch, job) for name, job in jobs.items()},
            read=self._executor.read(batch),
            refusals=self._writer.refusals(batch.key),
        )

    def _active(self, batch: BatchView) -> Iterable[RunView]:
        """Runs among which it chooses those that it cancels."""
        if batch.spec is None or batch.spec.cancel is None:
            return ()
        return self._cache.runs_in(batch.namespace, batch.job, ended=False)

    def _finished(self, batch: BatchView) -> Sequence[RunView]:
        """Runs among which it chooses those that it replays; once it has, these."""
        if batch.spec is None or batch.spec.replay is None:
            return ()
        if batch.state != "Running":
            return list(self._cache.runs_in(batch.namespace, batch.job, ended=True))
        names = batch.status.get("runs") or ()
        found = (self._cache.runs.get(batch.namespace, name) for name in names)
        return [run for run in found if run is not None]

    def _jobs(self, batch: BatchView, finished: Sequence[RunView]) -> dict[str, AskedJobView]:
        names = {batch.job} if batch.job else {run.job for run in finished}
        found = ((name, self._cache.jobs.get(batch.namespace, name)) for name in names)
        return {name: job for name, job in found if job is not None}

    def _room(self, batch: BatchView, job: AskedJobView) -> int:
        if job.spec is None:
            return 0
        wanted = 0
        for other in self._waiting(job.key):
            if _order(other) < _order(batch):
                wanted += self._unmade(other, job.name)
            elif other.key != batch.key and other.key in self._plans:
                wanted += self._plans[other.key].making.get(job.name, 0)
        active = self._cache.active(job.key).values()
        waiting = sum(run.phase != "Executing" for run in active)
        return room_of(job.spec.runs.limits.max_queued, waiting, wanted)


def _order(batch: BatchView) -> tuple[float, str]:
    return batch.created, batch.name


def _departed(key: Key) -> BatchView:
    """A batch that is gone, so that nothing that was wanted for it is done."""
    namespace, name = key
    return BatchView(
        namespace=namespace,
        name=name,
        uid="",
        resource_version="",
        created=0.0,
        generation=0,
        deleting=True,
    )
