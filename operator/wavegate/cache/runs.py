"""All that is known of HTTPJobs and their runs, and the snapshot that a pass sees.

Views come from reflectors, from kopf's handler of HTTPJobs, and from the responses to our own
writes. Runs are kept by whether they have ended, so that a pass does not walk thousands of old
ones to find the few that wait.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from wavegate.api.httpjob import Rate
from wavegate.api.names import job_ref, split_ref
from wavegate.cache.batches import Batches
from wavegate.cache.cluster import ClusterCache
from wavegate.cache.decode_runs import RunDecoder, decode_pool
from wavegate.cache.fleet_runs import FleetSide
from wavegate.cache.kinds import KindCache
from wavegate.cache.store import Item, JobKey, Key, Store
from wavegate.cache.uncounted import Uncounted
from wavegate.domain.observed import JobView, RunStands
from wavegate.kube.resources import (
    FLEET_JOBS,
    HTTP_JOBS,
    JOB_RUNS,
    JOB_VERSIONS,
    RATE_LIMIT_POOLS,
    RUN_BATCHES,
)
from wavegate.runs.batch_observed import BatchView
from wavegate.runs.cycles import cycle
from wavegate.runs.dependencies import Upstream, latest
from wavegate.runs.lineage import depth
from wavegate.runs.nodes import Pass
from wavegate.runs.observed import AskedJobView, ObservedRuns, RunVersionView, RunView
from wavegate.runs.passing import is_stopping
from wavegate.runs.pool_clocks import PoolClocks
from wavegate.runs.rate import clock_of

_FLEET: Final = FLEET_JOBS.kind
_OVER: Final = 5.0
"""Seconds that a clock has to lie behind before it is forgotten: processes know the time apart."""


class RunCache(KindCache):
    """The stores, kind by kind. ``clock``: monotonic seconds; ``now``: epoch seconds.

    ``wake_batch`` is told batches that have something new to look at, ``run_changed`` jobs of which
    a run has come, gone or changed; ``fleet``: without, nothing is known of FleetJobs.
    """

    def __init__(
        self,
        wake: Callable[[JobKey], None],
        *,
        clock: Callable[[], float],
        now: Callable[[], float],
        wake_batch: Callable[[Key], None] = lambda _: None,
        run_changed: Callable[[JobKey], None] = lambda _: None,
        fleet: FleetSide | None = None,
    ) -> None:
        super().__init__(wake)
        self._run_of = run_changed
        self.batches = Batches(wake_batch, self._batch_told, clock)
        self._fleet = fleet or FleetSide(ClusterCache(lambda _: None, clock=clock))
        self._fleet_depends: dict[JobKey, Sequence[str]] = {}
        """By FleetJob that is executed when asked, the jobs that it depends on."""
        self._now = now
        decoder = RunDecoder()
        self.jobs: Store[AskedJobView] = Store(self._job_changed, clock=clock)
        self.versions: Store[RunVersionView] = Store(self._changed, clock=clock)
        self.runs: Store[RunView] = Store(self._run_changed, clock=clock)
        self.pools: Store[Rate | str] = Store(self._pool_changed, clock=clock)
        self.pool_clocks: PoolClocks[Key] = PoolClocks()
        """Of what runs say or have said: also of those that are gone."""
        self._active: defaultdict[JobKey, dict[str, RunView]] = defaultdict(dict)
        self._finished: defaultdict[JobKey, dict[str, RunView]] = defaultdict(dict)
        self._leaving: dict[Key, RunView] = {}
        """Runs over nodes that went while they executed, as long as something of them is at work.
        After a restart that is not known."""
        self._uncounted = Uncounted()
        self._undelivered: defaultdict[JobKey, dict[str, RunView]] = defaultdict(dict)
        """Of those that have ended, whose delivery is pending."""
        self._latest: dict[JobKey, RunView | None] = {}
        """By job, its latest run that was carried out, where somebody has asked for it."""
        self._dependents: defaultdict[JobKey, set[JobKey]] = defaultdict(set)
        """By job, those that depend on it."""
        self.wake_fleet: Callable[[JobKey], None] = lambda _: None
        """Told namespace and name of a FleetJob whose run has changed."""
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
        found = {key for store in stores for key in store.job_keys() if key[1]}
        return found | self._fleet.keys()

    def job(self, key: JobKey) -> AskedJobView | None:
        """The job of that key, whatever its kind."""
        kind, _ = split_ref(key[1])
        if kind == HTTP_JOBS.kind:
            return self.jobs.get(*key)
        return self._fleet.job(key) if kind == _FLEET else None

    def _versions(self, key: JobKey) -> Sequence[RunVersionView]:
        kind, _ = split_ref(key[1])
        if kind == HTTP_JOBS.kind:
            return self.versions.of_job(key)
        return self._fleet.versions(key) if kind == _FLEET else ()

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
        job = self.job(key)
        active, finished = self._active.get(key, {}), self._finished.get(key, {})
        versions = self._versions(key)
        if not active and (job is None or job.rolls_out or (job.kind == _FLEET and not job.spec)):
            return None
        uid = job.uid if job is not None else ""
        own = [each for each in versions if uid and each.owner_uid == uid]
        seen = {each: self._seen[each] for each in active if each in self._seen}
        return ObservedRuns(
            job=job,
            now=self._now(),
            versions=sorted(own, key=lambda each: each.version),
            active=[self._placed(run) for run in active.values()],
            finished=finished.values(),
            identity=identity,
            slots=slots,
            seen=seen,
            upstreams={name: self._upstream(key, name) for name in self.depends_on(key)},
            depended_on=key in self._dependents,
            passes=self._passes(active.values()),
            uncounted=self._uncounted.of(key),
            cancels=self.batches.cancels(key, active.values()),
            kept=self.batches.kept(finished.values()) if tidy else frozenset(),
            tidy=tidy,
            undelivered=self.undelivered(key).values(),
            leaving=[
                run
                for name, run in self._leaving.items()
                if run.job_key == key and self._fleet.working(name)
            ],
            **calls,
        )

    def _placed(self, run: RunView) -> RunView:
        """The run, with the depth of its lineage where that is not on record yet."""
        if not run.asked_by or run.lineage_depth:
            return run
        found = depth(run.asked_by, lambda name: self.runs.get(run.namespace, name))
        return replace(run, lineage_depth=found)

    def version(self, key: JobKey, number: int) -> RunVersionView | None:
        """The version of that number of the job that is there now."""
        job = self.job(key)
        return next(
            (
                each
                for each in self._versions(key)
                if job is not None and each.owner_uid == job.uid and each.version == number
            ),
            None,
        )

    def clock_on_record(self, pool: Key, rate: Rate) -> float | None:
        """Where the clock of a pool with this rate stands; None: nothing says so."""
        return clock_of(rate, self.pool_clocks.of(pool))

    def pools_of(self, key: JobKey) -> Sequence[str]:
        """Names of the pools that the job names."""
        job = self.job(key)
        return job.spec.runs.limits.pools if job is not None and job.spec is not None else ()

    def depends_on(self, key: JobKey) -> Sequence[str]:
        """Names of the jobs that the job depends on."""
        return _depends_on(self.job(key))

    def _upstream(self, key: JobKey, name: str) -> Upstream:
        job = self.job((key[0], name))
        if job is None or job.deleting:
            return Upstream()
        if job.rolls_out:
            return Upstream(True, rolls_out=True)
        circle = cycle(key[1], lambda each: self.depends_on((key[0], each)), through=name)
        suspended = job.spec is not None and job.spec.suspend
        if job.key not in self._latest:
            self._latest[job.key] = latest(self._finished.get(job.key, {}).values())
        return Upstream(True, suspended, latest=self._latest[job.key], cycle=circle)

    def active(self, key: JobKey) -> Mapping[str, RunView]:
        """The job's runs that have not ended, by uid."""
        return self._active.get(key, {})

    def fleet_changed(self, key: JobKey) -> Sequence[JobKey]:
        """Something of a FleetJob is new, or of what it owns. ``key``: its namespace and name.

        The keys of jobs to which that may matter.
        """
        ref, run = (key[0], job_ref(_FLEET, key[1])), self.runs.get(*key)
        is_asked, left = self._fleet.is_asked(key), self._leaving.get(key)
        known = (self._active, self._dependents, self._fleet_depends)
        if not (is_asked or run or left) and not any(ref in each for each in known):
            return ()  # most are none of ours, and have much to tell
        if left is not None and not self._fleet.working(key):
            del self._leaving[key]
        job = self.job(ref)
        before, after = self._fleet_depends.get(ref, ()), _depends_on(job)
        if before != after:
            self._depends(ref, set(before), set(after))
            self._fleet_depends[ref] = after
            if not after:
                del self._fleet_depends[ref]
            self._wake_dependents(ref, all_of_them=True)
        found = [ref] if is_asked or ref in self._active else []
        found += [run.job_key] if run is not None and run.job_kind == _FLEET else []
        found += [left.job_key] if left is not None else []
        return [*found, *self._dependents.get(ref, ())]

    def run_stands(self, job: JobView) -> RunStands:
        """Where the run is that has made a FleetJob."""
        run = self.runs.get(job.namespace, job.run)
        if run is None or run.uid != job.run_uid or run.phase == "Canceled" or is_stopping(run):
            return "Stops"
        if run.ended:
            return "Ended"
        return "Executes" if run.phase == "Executing" else "Waits"

    def asked_versions(self, key: JobKey) -> frozenset[int]:
        """Versions of a FleetJob (by its namespace and name) by which runs execute."""
        active = self._active.get((key[0], job_ref(_FLEET, key[1])), {})
        return frozenset(run.version for run in active.values())

    def assume(self, kind: str, raw: dict[str, Any]) -> None:
        """What is the fleet's goes to its cache."""
        if kind in self.kinds:
            super().assume(kind, raw)
        else:
            self._fleet.cluster.assume(kind, raw)

    def forget(self, kind: str, namespace: str, name: str, uid: str) -> None:
        """What is the fleet's goes from its cache."""
        if kind in self.kinds:
            super().forget(kind, namespace, name, uid)
        else:
            self._fleet.cluster.forget(kind, namespace, name, uid)

    def _passes(self, active: Iterable[RunView]) -> dict[str, Pass]:
        over_nodes = (run for run in active if run.job_kind == _FLEET and run.phase == "Executing")
        found = ((run.uid, self._fleet.passed(run)) for run in over_nodes)
        return {uid: each for uid, each in found if each is not None}

    def _depends(self, key: JobKey, before: set[str], after: set[str]) -> None:
        for name in before - after:
            self._dependents[key[0], name].discard(key)
            if not self._dependents[key[0], name]:
                del self._dependents[key[0], name]
        for name in after:
            self._dependents[key[0], name].add(key)

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

    def _job_changed(self, old: Item[AskedJobView] | None, new: Item[AskedJobView] | None) -> None:
        before, after = (set(_depends_on(item.view if item else None)) for item in (old, new))
        changed = {item.key for item in (old, new) if item is not None}
        for key in changed:
            self._depends(key, before, after)
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
            keys = [job.key for job in self.jobs.values()]
            keys += self._fleet.keys()
            for key in keys:
                if key[0] == namespace and name in self.pools_of(key):
                    self._wake(key)

    def _run_changed(self, old: Item[RunView] | None, new: Item[RunView] | None) -> None:
        if old is not None:
            key = old.view.job_key
            for views in (self._active, self._finished, self._undelivered):
                views[key].pop(old.uid, None)
                if not views[key]:
                    del views[key]
            is_same = new is not None and new.uid == old.uid
            went = old.view.job_kind == _FLEET and old.view.phase == "Executing" and not is_same
            if went and self._fleet.working(old.key):
                self._leaving[old.key] = old.view
        self._uncounted.changed(old, new)
        for item in filter(None, (old, new)):
            if new is None or new.view.ended:
                self._seen.pop(item.uid, None)
            self._learn_clocks(item.view)
            if item.view.job_kind == _FLEET:
                self.wake_fleet(item.key)
        if new is not None:
            self._keep(new)
        self._changed(old, new)
        self._tell_batches(old, new)
        before, after = (item.uid if item and item.view.ended else "" for item in (old, new))
        if before != after:  # else it had ended before, and only its webhook was told, or so
            for key in {item.view.job_key for item in (old, new) if item is not None}:
                self._latest.pop(key, None)
                self._wake_dependents(key)

    def _keep(self, new: Item[RunView]) -> None:
        key, view = new.view.job_key, new.view
        if not view.ended:
            self._active[key][new.uid] = view
            self._seen.setdefault(new.uid, self._now())
            return
        self._finished[key][new.uid] = view
        if view.delivery is not None:
            self._undelivered[key][new.uid] = view

    def _tell_batches(self, old: Item[RunView] | None, new: Item[RunView] | None) -> None:
        self.batches.run_changed(old.view if old else None, new.view if new else None)
        for key in {item.view.job_key for item in (old, new) if item is not None}:
            self._run_of(key)

    def _learn_clocks(self, run: RunView) -> None:
        # Also of one that goes: by then its clocks, and those that are older, are mostly passed.
        for name, clock in run.pool_clocks.items():
            pool = (run.namespace, name)
            if run.started is not None:
                self.pool_clocks.learn(pool, clock, run.started)
            self.pool_clocks.forget(pool, self._now() - _OVER)


def _depends_on(job: AskedJobView | None) -> Sequence[str]:
    spec = job.spec if job is not None and not job.deleting else None
    return [each.ref for each in spec.trigger.depends_on] if spec is not None else ()


def _made_by(item: Item[AskedJobView] | None) -> tuple[object, ...]:
    """What a batch that makes runs of a job sees of it."""
    if item is None:
        return ()
    job = item.view
    most = job.spec.runs.limits.max_queued if job.spec is not None else 0
    return job.uid, job.deleting, job.version_key, most


def _standing(item: Item[AskedJobView] | None) -> tuple[bool, bool]:
    """What others that depend on a job see of it: whether it is there, and suspended."""
    if item is None or item.view.deleting:
        return False, False
    return True, item.view.spec is not None and item.view.spec.suspend
