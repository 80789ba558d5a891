"""The pass over a job's runs: observe once, decide once, hand over what is to be done.

As for FleetJobs, nothing changes between a pass's snapshot and its plan. Jobs that could start more
than the operator may call at a time take turns: when a call has ended, the one that has waited
longest is looked at first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from wavegate.api.names import split_ref
from wavegate.cache.runs import RunCache
from wavegate.cache.store import JobKey
from wavegate.engine.passes import Passes
from wavegate.engine.queue import WorkQueue
from wavegate.engine.writer import Writer
from wavegate.kube.resources import FLEET_JOBS
from wavegate.runner.callbacks import Callbacks
from wavegate.runner.calls import Calls
from wavegate.runner.hooks import Hooks
from wavegate.runs.actions import RunPlan, StartPass, StartRun
from wavegate.runs.observed import AskedJobView, ObservedRuns
from wavegate.runs.plan import plan
from wavegate.runs.pools import Pool, Pools

INTERVAL: Final = 0.02
"""Seconds between two passes of one job: a run should not wait long to be seen."""

TIDY_EVERY: Final = 1.0
"""Seconds between two looks for what is to be removed, which goes through all that has ended."""


class RunReconciler(Passes):
    """``identity``: who is put on record as the one that calls."""

    def __init__(
        self,
        cache: RunCache,
        queue: WorkQueue,
        writer: Writer,
        calls: Calls,
        hooks: Hooks,
        callbacks: Callbacks,
        *,
        identity: str,
        now: Callable[[], float],
        new_id: Callable[[], str],
        passed: Callable[[str, float], None],
    ) -> None:
        super().__init__(queue, now=now, new_id=new_id, passed=passed)
        self._cache = cache
        self._writer = writer
        self._calls = calls
        self._hooks = hooks
        self._callbacks = callbacks
        self._identity = identity
        self._tidied: dict[JobKey, float] = {}
        self._promised: dict[JobKey, int] = {}
        """Calls that the newest plan of a job begins."""
        self._pools = Pools()
        self._wanting: OrderedDict[JobKey, None] = OrderedDict()
        """Jobs that could start more than there were slots, the one that waits longest first."""

    def call_ended(self, key: JobKey) -> None:
        """A call of this job has ended: it is looked at, and whoever waits for a slot."""
        self._queue.add(key)
        for waiting in self._wanting:
            self._queue.add(waiting)

    def _pass(self, key: JobKey, eval_id: str) -> str:
        now = self._now()
        tidy = now >= self._tidied.get(key, 0.0) + TIDY_EVERY
        observed = self._observe(key, tidy=tidy)
        if observed is None:
            self._forget(key)
            return "success"
        # Those of which nothing is on record yet count as well.
        executing = {run.uid for run in observed.active if run.phase == "Executing"}
        unrecorded = len(observed.calling - executing)
        try:
            made = plan(observed)
        except Exception:
            self._give_way(key, observed, unrecorded, eval_id)
            raise
        for uid in made.abandon:
            self._calls.abandon(uid)
        actions = [action for step in made.steps for action in step.actions]
        self._promised[key] = sum(isinstance(action, StartRun) for action in actions)
        begins = sum(isinstance(action, StartRun | StartPass) for action in actions)
        promised = dict.fromkeys(observed.pools, begins + unrecorded)
        self._pools.passed(key, promised, made.pools, begins=begins > 0)
        self._writer.submit(observed.job or _departed(key), made.steps, eval_id)
        self._tell(observed, made)
        if made.wanting:
            self._wanting[key] = None
        else:
            self._wanting.pop(key, None)
        if tidy:
            self._tidied[key] = now
        again = None if tidy else self._tidied[key] + TIDY_EVERY
        return self._wake(key, made.wake_at, self._writer.next_change(key), again)

    def _tell(self, observed: ObservedRuns, made: RunPlan) -> None:
        job = observed.job
        if job is None:
            return
        for run in made.tell:
            self._hooks.begin(job, run)
        begun = bool(made.tell)
        self._hooks.passed(job.key, job, begun=begun, wanting=made.wanting_to_tell)

    def _observe(self, key: JobKey, *, tidy: bool) -> ObservedRuns | None:
        active = self._cache.active(key).items()
        called = [uid for uid, run in active if run.phase == "Executing" and not run.is_accepted]
        held, probes = self._calls.held()
        return self._cache.observed(
            key,
            identity=self._identity,
            slots=self._share(key),
            tidy=tidy,
            calling=self._calls.of(key) | self._beginning(key),
            answers={**self._calls.answers(key, called), **self._callbacks.answers(key)},
            heartbeats=self._callbacks.heartbeats(key),
            leads_since=self._callbacks.leads_since,
            held=held,
            probes=probes,
            pools=self._pools_of(key),
            delayed=self._writer.delayed(key),
            refusals=self._writer.refusals(key),
            deliveries=self._hooks.known(
                key, self._cache.jobs.get(*key), self._cache.undelivered(key)
            ),
        )

    def _beginning(self, key: JobKey) -> frozenset[str]:
        """Runs over nodes of which a write is under way: it may say that they execute."""
        if split_ref(key[1])[0] != FLEET_JOBS.kind:
            return frozenset()
        busy, active = self._writer.busy(key), self._cache.active(key)
        return frozenset(uid for uid, run in active.items() if run.step_key in busy)

    def _pools_of(self, key: JobKey) -> dict[str, Pool | str]:
        found: dict[str, Pool | str] = {}
        for name in self._cache.pools_of(key):
            pool = (key[0], name)
            rate = self._cache.pools.get(*pool)
            if isinstance(rate, str):
                found[name] = rate
            elif rate is not None:
                clock = self._cache.clock_on_record(pool, rate)
                found[name] = self._pools.seen(pool, rate, clock, key, self._now())
        return found

    def _share(self, key: JobKey) -> int:
        """Calls that the job may begin; where several wait for slots, a share at its turn."""
        order = list(self._wanting)
        place = order.index(key) if key in self._wanting else len(order)
        others = sum(number for each, number in self._promised.items() if each != key)
        slots = self._calls.slots - others
        free = slots - place
        if free <= 0:
            return 0
        if key in self._wanting:
            self._wanting.move_to_end(key)
        return min(free, max(1, slots // max(1, len(order))))

    def _give_way(self, key: JobKey, observed: ObservedRuns, unrecorded: int, eval_id: str) -> None:
        """Nobody waits for a job whose pass has broken; what an older one wanted is not begun.

        ``unrecorded``: its calls of which nothing is on record yet.
        """
        self._writer.submit(observed.job or _departed(key), (), eval_id)
        self._hooks.passed(key, observed.job, begun=False, wanting=False)
        self._wanting.pop(key, None)
        self._promised.pop(key, None)
        self._pools.passed(key, dict.fromkeys(observed.pools, unrecorded), (), begins=False)

    def _forget(self, key: JobKey) -> None:
        self._queue.discard(key)
        self._hooks.forget(key)
        self._tidied.pop(key, None)
        self._wanting.pop(key, None)
        self._promised.pop(key, None)
        self._pools.passed(key, {}, (), begins=False)


def _departed(key: JobKey) -> AskedJobView:
    """A job that is gone, for the sake of the runs that name it."""
    kind, name = split_ref(key[1])
    return AskedJobView(
        namespace=key[0],
        name=name,
        kind="FleetJob" if kind == FLEET_JOBS.kind else "HTTPJob",
        uid="",
        resource_version="",
        generation=0,
        created=0.0,
        spec=None,
        deleting=True,
    )
