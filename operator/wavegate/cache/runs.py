"""All that is known of HTTPJobs and their runs, and the snapshot that a pass sees.

Views come from reflectors, from kopf's handler of HTTPJobs, and from the responses to our own
writes. Runs are kept by whether they have ended, so that a pass does not walk thousands of old
ones to find the few that wait.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from wavegate.api.httpjob import Rate
from wavegate.cache.batches import Batches
from wavegate.cache.decode_runs import RunDecoder, decode_pool
from wavegate.cache.kinds import KindCache
from wavegate.cache.store import Item, JobKey, Key, Store
from wavegate.cache.uncounted import Uncounted
from wavegate.kube.resources import HTTP_JOBS, JOB_RUNS, JOB_VERSIONS, RATE_LIMIT_POOLS, RUN_BATCHES
from wavegate.runs.batch_observed import BatchView
from wavegate.runs.cycles import cycle
from wavegate.runs.dependencies import Upstream, latest
from wavegate.runs.observed import HTTPJobView, ObservedRuns, RunVersionView, RunView
from wavegate.runs.pool_clocks import PoolClocks
from wavegate.runs.rate import clock_of

_OVER: Final = 5.0
"""Seconds that a clock has to lie behind before it is forgotten: processes know the time apart."""


class RunCache(KindCache):
    """The stores, kind by kind. ``clock``: monotonic seconds; ``now``: epoch seconds.

    ``wake_batch`` is told batches that have something new to look at, ``run_changed`` jobs of which
    a run has come, gone or changed.
    """

    def __init__(
        self,
        wake: Callable[[JobKey], None],
        *,
        clock: Callable[[], float],
        now: Callable[[], float],
        wake_batch: Callable[[Key], None] = lambda _: None,
        run_changed: Callable[[JobKey], None] = lambda _: None,
    ) -> None:
        super().__init__(wake)
        self._run_of = run_changed
        self.batches = Batches(wake_batch, self._batch_told, clock)
        self._now = now
        decoder = RunDecoder()
        self.jobs: Store[HTTPJobView] = Store(self._job_changed, clock=clock)
        self.versions: Store[RunVersionView] = Store(self._changed, clock=clock)
        self.runs: Store[RunView] = Store(self._run_changed, clock=clock)
        self.pools: Store[Rate | str] = Store(self._pool_changed, clock=clock)
        self.pool_clocks: PoolClocks[Key] = PoolClocks()
        """Of what runs say or have said: also of those that are gone."""
        self._active: defaultdict[JobKey, dict[str, RunView]] = defaultdict(dict)
        self._finished: defaultdict[JobKey, dict[str, RunView]] = defaultdict(dict)
        self._uncounted = Uncounted()
        self._undelivered: defaultdict[JobKey, dict[str, RunView]] = defaultdict(dict)
        """Of those that have ended, whose delivery is pending."""
        self._latest: dict[JobKey, RunView | None] = {}
        """By job, its latest run that was carried out, where somebody has asked for it."""
        self._dependents: defaultdict[JobKey, set[JobKey]] = defaultdict(set)
        """By job, those that depend on it."""
        self._seen: dict[str, float] = {}
        """By uid of an active run, when this process first saw it."""
        self.kinds = {
            HTTP_JOBS.kind: (decoder.job, self.jobs),
            JOB_VERSIONS.kind: (decoder.version, self.versions),
            JOB_RUNS.kind: (decoder.run, self.runs),
            RATE_LIMIT_POOLS.kind: (decode_pool, self.pools),
            RUN_BATCHES.kind: (self.batches.decode, self.batches.store),
        }

    def job_keys(self) -> set[JobKey]:
        """Every job that is known or has runs."""
        stores: tuple[Store[Any], ...] = (self.jobs, self.versions, self.runs)
        return {key for store in stores for key in store.job_keys() if key[1]}

    def observed(
        self,
        key: JobKey,
        *,
        identity: str,
        slots: int,
        tidy: bool,
        **calls: Any,
    ) -> ObservedRuns | None:
        """What a pass for this job sees; None where nothing is known of that name.

        ``calls``: what is known of its calls, as ObservedRuns names it.
        """
        job = self.jobs.get(*key)
        active, finished = self._active.get(key, {}), self._finished.get(key, {})
        versions = self.versions.of_job(key)
        if job is None and not active:
            return None
        uid = job.uid if job is not None else ""
        own = [each for each in versions if uid and each.owner_uid == uid]
        seen = {each: self._seen[each] for each in active if each in self._seen}
        return ObservedRuns(
            job=job,
            now=self._now(),
            versions=sorted(own, key=lambda each: each.version),
            active=list(active.values()),
            finished=finished.values(),
            identity=identity,
            slots=slots,
            seen=seen,
            upstreams={name: self._upstream(key, name) for name in self.depends_on(key)},
            depended_on=key in self._dependents,
            uncounted=self._uncounted.of(key),
            cancels=self.batches.cancels(key, active.values()),
            kept=self.batches.kept(finished.values()) if tidy else frozenset(),
            tidy=tidy,
            undelivered=self.undelivered(key).values(),
            **calls,
        )

    def version(self, key: JobKey, number: int) -> RunVersionView | None:
        """The version of that number of the job that is there now."""
        job = self.jobs.get(*key)
        return next(
            (
                each
                for each in self.versions.of_job(key)
                if job is not None and each.owner_uid == job.uid and each.version == number
            ),
            None,
        )

    def clock_on_record(self, pool: Key, rate: Rate) -> float | None:
        """Where the clock of a pool with this rate stands; None: nothing says so."""
        return clock_of(rate, self.pool_clocks.of(pool))

    def pools_of(self, key: JobKey) -> Sequence[str]:
        """Names of the pools that the job names."""
        job = self.jobs.get(*key)
        return job.spec.runs.limits.pools if job is not None and job.spec is not None else ()

    def depends_on(self, key: JobKey) -> Sequence[str]:
        """Names of the jobs that the job depends on."""
        return _depends_on(self.jobs.get(*key))

    def _upstream(self, key: JobKey, name: str) -> Upstream:
        job = self.jobs.get(key[0], name)
        if job is None or job.deleting:
            return Upstream()
        circle = cycle(key[1], lambda each: self.depends_on((key[0], each)), through=name)
        suspended = job.spec is not None and job.spec.suspend
        if job.key not in self._latest:
            self._latest[job.key] = latest(self._finished.get(job.key, {}).values())
        return Upstream(True, suspended, self._latest[job.key], circle)

    def active(self, key: JobKey) -> Mapping[str, RunView]:
        """The job's runs that have not ended, by uid."""
        return self._active.get(key, {})

    def runs_in(self, namespace: str, job: str = "", *, ended: bool) -> Iterator[RunView]:
        """Runs of a namespace, or of one job there, that have ended or have not."""
        views = self._finished if ended else self._active
        for key in [(namespace, job)] if job else [key for key in views if key[0] == namespace]:
            yield from views.get(key, {}).values()

    def _batch_told(self, batch: BatchView) -> None:
        """Jobs whose runs a batch cancels, or has counted, so that they may be removed."""
        jobs = {(batch.namespace, batch.job)} if batch.job else {*self._active, *self._finished}
        for key in jobs:
            if key[0] == batch.namespace and (key in self._active or key in self._finished):
                self._wake(key)

    def undelivered(self, key: JobKey) -> Mapping[str, RunView]:
        """The job's runs of which its webhook is still to be told, by uid."""
        return self._undelivered.get(key, {})

    def _job_changed(self, old: Item[HTTPJobView] | None, new: Item[HTTPJobView] | None) -> None:
        before, after = (set(_depends_on(item.view if item else None)) for item in (old, new))
        changed = {item.key for item in (old, new) if item is not None}
        for key in changed:
            for name in before - after:
                self._dependents[key[0], name].discard(key)
                if not self._dependents[key[0], name]:
                    del self._dependents[key[0], name]
            for name in after:
                self._dependents[key[0], name].add(key)
        if old is not None and (new is None or new.uid != old.uid):
            self._uncounted.says(old.key, None)
        if new is not None:
            self._uncounted.says(new.key, new.view)
        self._changed(old, new)
        if _made_by(old) != _made_by(new):
            for namespace in {key[0] for key in changed}:
                self.batches.job_changed(namespace)
        if before != after or _standing(old) != _standing(new):
            for key in changed:
                self._wake_dependents(key, all_of_them=before != after)

    def _wake_dependents(self, key: JobKey, *, all_of_them: bool = False) -> None:
        """``all_of_them``: also those that depend on it by way of others."""
        woken, left = {key}, [key]
        while left:
            found = self._dependents.get(left.pop(), set()) - woken
            woken |= found
            left += found if all_of_them else ()
        for each in woken - {key}:
            self._wake(each)

    def _pool_changed(self, old: Item[Any] | None, new: Item[Any] | None) -> None:
        for namespace, name in {item.key for item in (old, new) if item is not None}:
            for job in list(self.jobs.values()):
                if job.namespace == namespace and name in self.pools_of(job.key):
                    self._wake(job.key)

    def _run_changed(self, old: Item[RunView] | None, new: Item[RunView] | None) -> None:
        if old is not None:
            key = (old.namespace, old.job)
            for views in (self._active, self._finished, self._undelivered):
                views[key].pop(old.uid, None)
                if not views[key]:
                    del views[key]
        self._uncounted.changed(old, new)
        if new is None or new.view.ended:
            for item in (old, new):
                if item is not None:
                    self._seen.pop(item.uid, None)
        for item in (old, new):
            if item is not None:
                self._learn_clocks(item.view)
        if new is not None:
            self._keep(new)
        self._changed(old, new)
        self._tell_batches(old, new)
        before, after = (item.uid if item and item.view.ended else "" for item in (old, new))
        if before != after:  # else it had ended before, and only its webhook was told, or so
            for key in {(item.namespace, item.job) for item in (old, new) if item is not None}:
                self._latest.pop(key, None)
                self._wake_dependents(key)

    def _keep(self, new: Item[RunView]) -> None:
        key, view = (new.namespace, new.job), new.view
        if not view.ended:
            self._active[key][new.uid] = view
            self._seen.setdefault(new.uid, self._now())
            return
        self._finished[key][new.uid] = view
        if view.delivery is not None:
            self._undelivered[key][new.uid] = view

    def _tell_batches(self, old: Item[RunView] | None, new: Item[RunView] | None) -> None:
        self.batches.run_changed(old.view if old else None, new.view if new else None)
        for key in {(item.namespace, item.job) for item in (old, new) if item is not None}:
            self._run_of(key)

    def _learn_clocks(self, run: RunView) -> None:
        # Also of one that goes: by then its clocks, and those that are older, are mostly passed.
        for name, clock in run.pool_clocks.items():
            pool = (run.namespace, name)
            if run.started is not None:
                self.pool_clocks.learn(pool, clock, run.started)
            self.pool_clocks.forget(pool, self._now() - _OVER)


def _depends_on(job: HTTPJobView | None) -> Sequence[str]:
    spec = job.spec if job is not None and not job.deleting else None
    return [each.job_name for each in spec.trigger.depends_on] if spec is not None else ()


def _made_by(item: Item[HTTPJobView] | None) -> tuple[object, ...]:
    """What a batch that makes runs of a job sees of it."""
    if item is None:
        return ()
    job = item.view
    most = job.spec.runs.limits.max_queued if job.spec is not None else 0
    return job.uid, job.deleting, job.version_key, most


def _standing(item: Item[HTTPJobView] | None) -> tuple[bool, bool]:
    """What others that depend on a job see of it: whether it is there, and suspended."""
    if item is None or item.view.deleting:
        return False, False
    return True, item.view.spec is not None and item.view.spec.suspend
