"""The parts that runs of HTTPJobs consist of, and how they hang together.

They share the process, the Lease, the transport, and the rate of writes with the fleet's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from random import Random
from typing import Any, Final

from wavegate.api.names import LABEL_JOB_KIND
from wavegate.cache.cluster import ClusterCache
from wavegate.cache.fleet_runs import FleetSide
from wavegate.cache.runs import RunCache
from wavegate.cache.services import Services, decode_service
from wavegate.cache.store import JobKey
from wavegate.dispatch.addresses import AddressPolicy
from wavegate.engine.bucket import TokenBucket
from wavegate.engine.client import Client
from wavegate.engine.events import EventTeller
from wavegate.engine.pace import Pace
from wavegate.engine.queue import WorkQueue
from wavegate.engine.writer import Writer
from wavegate.kube.errors import ApiError
from wavegate.kube.resources import (
    HTTP_JOBS,
    JOB_RUNS,
    JOB_VERSIONS,
    RATE_LIMIT_POOLS,
    RUN_BATCHES,
    SERVICES,
    Resource,
)
from wavegate.kube.transport import Transport
from wavegate.runner.batch_executor import BatchExecutor
from wavegate.runner.batches import CONCURRENCY, BatchReconciler
from wavegate.runner.batches import INTERVAL as BATCH_INTERVAL
from wavegate.runner.callbacks import Callbacks
from wavegate.runner.calls import CallMaker, Calls
from wavegate.runner.executor import RunExecutor
from wavegate.runner.hooks import Hooks
from wavegate.runner.notes import notes_of, notes_of_batch
from wavegate.runner.reconciler import INTERVAL, RunReconciler
from wavegate.runner.sources import Sources
from wavegate.runs.observed import RunView
from wavegate.settings import Settings
from wavegate.surroundings import Surroundings
from wavegate.telemetry.metrics import BATCHES, RUNS, Metrics
from wavegate.watch.reflector import Reflector

FLEET_INTERVAL: Final = 0.5
"""Seconds until a job's runs are looked at after the fleet has changed."""

VERSION_SELECTOR: Final = f"{LABEL_JOB_KIND}={HTTP_JOBS.kind}"


class Runner:
    """``failed`` is told every list or watch that did not succeed."""

    def __init__(
        self,
        settings: Settings,
        transport: Transport,
        client: Client,
        bucket: TokenBucket,
        metrics: Metrics,
        around: Surroundings,
        policy: AddressPolicy,
        call: CallMaker,
        *,
        leading: Callable[[], bool],
        failed: Callable[[Resource, ApiError], None],
        fleet: ClusterCache,
    ) -> None:
        self._now = around.now
        self.queue = WorkQueue(
            around.now,
            interval=INTERVAL,
            added=lambda: metrics.added(RUNS),
            waited=lambda seconds: metrics.waited(seconds, RUNS),
        )
        self.batch_queue = WorkQueue(
            around.now,
            interval=BATCH_INTERVAL,
            added=lambda: metrics.added(BATCHES),
            waited=lambda seconds: metrics.waited(seconds, BATCHES),
        )
        self.cache = RunCache(
            self.queue.add,
            clock=around.monotonic,
            now=around.now,
            wake_batch=self.batch_queue.add,
            run_changed=self._run_changed,
            fleet=FleetSide(fleet),
        )
        fleet.run_of = self.cache.run_stands
        fleet.asked_versions = self.cache.asked_versions
        # Its own, so that many failures of runs crowd out nothing that is told of rollouts.
        self.events = EventTeller(client, settings.identity, around.now)
        services = Services(around.monotonic)
        self.reflectors = self._build_reflectors(
            settings.namespaces, services, transport, around.rng, failed
        )
        sources = Sources(client, read_secrets=settings.read_secrets)
        policy = replace(policy, namespace_of=services.namespace_of)
        self.hooks = Hooks(
            client,
            sources,
            policy,
            call,
            leading=leading,
            now=around.now,
            ended=self.queue.add,
            attempted=metrics.attempted,
            forget=self._forget,
        )
        self.callbacks = Callbacks(
            self.cache,
            client,
            sources,
            namespaces=settings.namespaces,
            leading=leading,
            now=around.now,
            wake=self.queue.add,
            took=metrics.called_back,
        )
        self.calls = Calls(
            sources,
            policy,
            call,
            concurrency=settings.calls,
            callback_address=settings.callback_url,
            leading=leading,
            now=around.now,
            ended=self._call_ended,
            called=metrics.called,
        )
        executor = RunExecutor(
            client, self.cache, self.calls, Pace(around.now, None), self.events, metrics
        )
        self.writer = Writer(
            executor,
            self.queue,
            bucket,
            metrics,
            now=around.now,
            rng=around.rng,
            notes=notes_of,
        )
        self.reconciler = RunReconciler(
            self.cache,
            self.queue,
            self.writer,
            self.calls,
            self.hooks,
            self.callbacks,
            identity=settings.identity,
            now=around.now,
            new_id=around.new_id,
            passed=lambda result, seconds: metrics.passed(result, seconds, RUNS),
        )

        batch_executor = BatchExecutor(
            client, self.cache, Pace(around.now, None), self.events, around.now
        )
        self.batch_writer = Writer(
            batch_executor,
            self.batch_queue,
            bucket,
            metrics,
            now=around.now,
            rng=around.rng,
            concurrency=CONCURRENCY,
            notes=notes_of_batch,
        )
        self.batches = BatchReconciler(
            self.cache,
            self.batch_queue,
            self.batch_writer,
            batch_executor,
            now=around.now,
            new_id=around.new_id,
            passed=lambda result, seconds: metrics.passed(result, seconds, BATCHES),
        )

    def parts(self) -> dict[str, Coroutine[Any, Any, Any]]:
        """What runs as long as the process does, but for `lead`."""
        parts: dict[str, Coroutine[Any, Any, Any]] = {
            "writer of runs": self.writer.run(),
            "writer of batches": self.batch_writer.run(),
            "events of runs": self.events.run(),
        }
        for number, reflector in enumerate(self.reflectors):
            parts[f"reflector {number} of {reflector.resource.plural}, for runs"] = reflector.run()
        return parts

    async def synced(self) -> None:
        """Return once all has been listed."""
        for reflector in self.reflectors:
            await reflector.synced.wait()

    async def lead(self) -> None:
        """Make passes, once all is known and this process leads, until cancelled."""
        for key in self.cache.job_keys():
            self.queue.add(key)
        for batch in self.cache.batches.open:
            self.batch_queue.add(batch.key)
        self.callbacks.lead()
        async with asyncio.TaskGroup() as passes:
            passes.create_task(self.reconciler.run())
            passes.create_task(self.batches.run())

    async def close(self) -> None:
        """Begin no call any more, and put on record those that end within a moment."""
        self.callbacks.stop()
        if self.calls.is_open or self.hooks.is_open or self.callbacks.is_open:
            parts = (self.reconciler.run(), self.writer.run())
            tasks = [asyncio.create_task(part) for part in parts]
            await asyncio.gather(self.calls.drain(), self.hooks.drain(), self.callbacks.drain())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await self.calls.close()
        await self.hooks.close()
        await asyncio.gather(self.writer.close(), self.batch_writer.close())

    def _run_changed(self, key: JobKey) -> None:
        self.batches.run_changed(key)

    def _forget(self, run: RunView) -> None:
        self.cache.forget(JOB_RUNS.kind, run.namespace, run.name, run.uid)

    def fleet_changed(self, key: JobKey) -> None:
        """Something of a FleetJob is new. A rollout has much to tell, which may wait a moment."""
        for each in self.cache.fleet_changed(key):
            self.queue.wake_at(each, self._now() + FLEET_INTERVAL)

    def _call_ended(self, key: JobKey) -> None:
        self.reconciler.call_ended(key)

    def _build_reflectors(
        self,
        namespaces: Sequence[str],
        services: Services,
        transport: Transport,
        rng: Random,
        failed: Callable[[Resource, ApiError], None],
    ) -> list[Reflector[Any]]:
        wanted: list[tuple[Resource, str | None, str, tuple[Any, Any]]] = [
            (SERVICES, None, "", (decode_service, services.store))
        ]
        for namespace in namespaces or (None,):
            wanted += [
                (JOB_VERSIONS, namespace, VERSION_SELECTOR, self.cache.source(JOB_VERSIONS)),
                (JOB_RUNS, namespace, "", self.cache.source(JOB_RUNS)),
                (RATE_LIMIT_POOLS, namespace, "", self.cache.source(RATE_LIMIT_POOLS)),
                (RUN_BATCHES, namespace, "", self.cache.source(RUN_BATCHES)),
            ]
        return [
            Reflector(
                transport,
                resource,
                decode,
                store,
                rng=rng,
                failed=failed,
                namespace=namespace,
                label_selector=selector,
            )
            for resource, namespace, selector, (decode, store) in wanted
        ]
