"""Carries out plans with a bounded number of requests, the most urgent first.

Of each job and step key at most one step is under way. A step's actions run in order and end with
the first that does not succeed; after each step its job is looked at anew. A step that failed is
not tried again before its back-off, so nothing that goes wrong becomes a hot loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from random import Random
from typing import Any, Final, NoReturn, Protocol

from wavegate.cache.store import JobKey
from wavegate.domain.actions import Note
from wavegate.domain.observed import Refusal
from wavegate.engine.backoff import Backoff
from wavegate.engine.bucket import TokenBucket
from wavegate.engine.decisions import about, log_notes, notes_of
from wavegate.engine.outcomes import (
    Done,
    Failed,
    LookAgain,
    NotLeading,
    Outcome,
    Refused,
    TooSoon,
)
from wavegate.engine.pending import Item, Job, Pending, Step
from wavegate.engine.queue import WorkQueue
from wavegate.engine.slowstart import SlowStart
from wavegate.kube.errors import Uncertain
from wavegate.telemetry.metrics import Metrics

CONCURRENCY: Final = 64
"""Steps under way at a time."""

CLOSE_TIMEOUT: Final = 2.0
"""Seconds that steps under way are given to end when the process does."""

_log = logging.getLogger(__name__)


class Executor(Protocol):
    """Carries out single actions; what may go wrong is returned."""

    def taking(self, job: Any, actions: Sequence[Any], /) -> AbstractContextManager[None]:
        """While a step with these actions is under way: what it is to take counts as taken.

        Entered as the step is chosen, before anything is awaited, so that no pass sees what it
        takes neither as waiting nor as under way, and gives the place to another.
        """
        ...

    async def execute(self, job: Any, action: Any) -> Outcome: ...


class Writer:
    """Takes steps from plans and sees them through. ``now``: epoch seconds."""

    def __init__(
        self,
        executor: Executor,
        queue: WorkQueue,
        bucket: TokenBucket,
        metrics: Metrics,
        *,
        now: Callable[[], float],
        rng: Random,
        concurrency: int = CONCURRENCY,
        notes: Callable[[Any], Iterable[Note]] = notes_of,
    ) -> None:
        """``notes``: what is to be said of an action that has been carried out."""
        self._executor = executor
        self._queue = queue
        self._bucket = bucket
        self._metrics = metrics
        self._now = now
        self._concurrency = concurrency
        self._notes = notes
        self._pending = Pending()
        self._backoff = Backoff(now, rng)
        self._slow_start = SlowStart(lambda: asyncio.get_running_loop().time())
        self._running: dict[tuple[JobKey, str], asyncio.Task[None]] = {}
        self._halted: set[tuple[JobKey, str]] = set()
        self._changed = asyncio.Event()
        metrics.measure_steps(lambda: len(self._pending), lambda: len(self._running))

    def submit(
        self,
        job: Job,
        steps: Iterable[Step],
        eval_id: str,
        halted: frozenset[str] = frozenset(),
    ) -> None:
        """These are all the steps that the job's newest plan, of pass ``eval_id``, wants.

        They replace those of older plans that have not begun; steps whose key is under way or has
        to wait are dropped: the pass after them decides anew. Of those under way that are
        ``halted`` no further action is begun.
        """
        steps = tuple(steps)
        self._halted |= {(job.key, step) for step in halted if (job.key, step) in self._running}
        items = [
            Item(job, step, eval_id)
            for step in steps
            if (job.key, step.key) not in self._running
            and not self._backoff.blocked(job.key, step.key)
        ]
        self._pending.replace(job.key, items)
        # No plan wants what is under way, such as a try that waits for its answer: not forgotten.
        self._backoff.keep_only(job.key, {step.key for step in steps} | self.busy(job.key))
        self._changed.set()

    def busy(self, key: JobKey) -> frozenset[str]:
        """Keys of the job's steps that are under way."""
        return frozenset(step for job, step in self._running if job == key)

    def delayed(self, key: JobKey) -> frozenset[str]:
        """Keys of the job's steps that have failed and may not be tried again yet."""
        return self._backoff.delayed(key)

    def refusals(self, key: JobKey) -> Mapping[str, Refusal]:
        """What the server refused for good of the job's steps, by step key."""
        return self._backoff.refusals(key)

    def next_change(self, key: JobKey) -> float | None:
        """When one of the job's steps may be tried again (epoch seconds); None: none waits."""
        return self._backoff.next_change(key)

    async def run(self) -> NoReturn:
        """Start steps until cancelled."""
        while True:
            self._changed.clear()
            if self._pending and len(self._running) < self._concurrency:
                # The choice is made when there is something to spend, not before: until then
                # something more urgent may have come.
                await self._bucket.ready()
                item = self._pending.pop(self._slow_start.free)
                if item is not None:
                    if item.key not in self._running:
                        self._start(item)
                    # Its first request has to take its token before the next step is chosen.
                    await asyncio.sleep(0)
                    continue
            await self._changed.wait()

    async def close(self) -> None:
        """Let what is under way end, for a moment; nothing is written after this."""
        tasks = list(self._running.values())
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_TIMEOUT)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, item: Item) -> None:
        if item.group:
            self._slow_start.start(item.group)
        taking = ExitStack()
        taking.enter_context(self._executor.taking(item.job, item.step.actions))
        task = asyncio.create_task(self._run(item, taking), name=f"step {item.step.key}")
        self._running[item.key] = task

    async def _run(self, item: Item, taking: ExitStack) -> None:
        outcome: Outcome = NotLeading()
        try:
            with taking:
                outcome = await self._carry_out(item)
        finally:
            del self._running[item.key]
            self._halted.discard(item.key)
            self._settle(item, outcome)
            if not isinstance(outcome, TooSoon):
                self._queue.add(item.job.key)
            self._changed.set()

    async def _carry_out(self, item: Item) -> Outcome:
        outcome: Outcome = Done()
        for action in item.step.actions:
            if item.key in self._halted:
                return LookAgain("a later pass has decided otherwise")
            try:
                outcome = await self._executor.execute(item.job, action)
            except Exception as error:
                _log.exception("the step broke", extra=_about(item))
                return Failed(Uncertain(f"{type(error).__name__}: {error}"))
            if not isinstance(outcome, Done):
                break
            log_notes(item.job.key, item.eval_id, self._notes(action))
        return outcome

    def _settle(self, item: Item, outcome: Outcome) -> None:
        job, step = item.key
        ended = self._slow_start.dropped
        match outcome:
            case Done():
                actions = ",".join(type(action).__name__ for action in item.step.actions)
                _log.debug("done: %s", actions, extra=_about(item))
                self._backoff.succeeded(job, step)
                ended = self._slow_start.succeeded
            case LookAgain(why):
                _log.debug("looks again: %s", why, extra=_about(item))
                self._backoff.look_again(job, step)
            case Refused(reason, message):
                _log.warning("refused: %s: %s", reason, message, extra=_about(item))
                self._backoff.failed(job, step, Refusal(message, reason, self._now()))
                ended = self._slow_start.failed
            case Failed(error):
                _log.log(error.log_level, "failed: %s", error, extra=_about(item))
                self._backoff.failed(job, step, retry_after=error.retry_after)
                ended = self._slow_start.failed
            case TooSoon(at):
                self._queue.wake_at(job, at)
            case NotLeading():
                pass
        if item.group:
            ended(item.group)
        self._metrics.step(type(outcome).__name__)


def _about(item: Item) -> dict[str, Any]:
    return about(item.job.key, item.eval_id, step=item.step.key)
