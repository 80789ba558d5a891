"""The composition root: what the process consists of, in the order in which data flow through it.

access → transport → cache ← reflectors, kopf → queue → reconciler (plan) → writer → transport

Whatever ends one of the parts ends the process, and Kubernetes starts it again: everything it
knows can be read anew. Only losing the Lease and defects end it with an error.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sized
from functools import partial
from typing import Any, Final

import aiohttp

from wavegate.cache.cluster import (
    POD_SELECTOR,
    PULL_SELECTOR,
    VERSION_SELECTOR,
    ClusterCache,
)
from wavegate.cache.store import JobKey
from wavegate.dispatch.addresses import AddressPolicy
from wavegate.dispatch.call import make
from wavegate.dispatch.reserved import reserved
from wavegate.domain.plan import plan
from wavegate.engine.bucket import TokenBucket
from wavegate.engine.client import Client
from wavegate.engine.comparison import JobComparison
from wavegate.engine.crds import CrdCheck
from wavegate.engine.events import EventTeller
from wavegate.engine.executor import Executor
from wavegate.engine.kinds import KindWatch
from wavegate.engine.lease import Leadership, LeadershipLost
from wavegate.engine.livejobs import LiveJobs
from wavegate.engine.livepods import LivePods
from wavegate.engine.pace import Pace
from wavegate.engine.preparations import Preparations
from wavegate.engine.queue import WorkQueue
from wavegate.engine.reconciler import Reconciler
from wavegate.engine.statuses import StatusWriter
from wavegate.engine.writer import Writer
from wavegate.garbage import collect
from wavegate.handlers.deployments import watch_deployments
from wavegate.handlers.httpjobs import watch_http_jobs
from wavegate.handlers.jobs import watch_jobs
from wavegate.handlers.process import Frame, KopfFrame
from wavegate.health.monitor import Monitor
from wavegate.health.prometheus import Prometheus
from wavegate.health.readings import Readings
from wavegate.health.scrape import open_session
from wavegate.kube.access import AccessError, load_access
from wavegate.kube.clock import ServerClock
from wavegate.kube.errors import ApiError
from wavegate.kube.resources import (
    EXECUTIONS,
    FLEET_DEPLOYMENTS,
    FLEET_JOBS,
    HTTP_JOBS,
    JOB_VERSIONS,
    NODES,
    PODS,
    Resource,
)
from wavegate.kube.transport import HttpTransport, Transport
from wavegate.runner.callback_server import CallbackServer
from wavegate.runner.calls import CallMaker
from wavegate.runner.parts import Runner
from wavegate.settings import Settings
from wavegate.surroundings import Surroundings
from wavegate.telemetry.jobs import JobCollector
from wavegate.telemetry.lag import sample_lag
from wavegate.telemetry.metrics import BATCHES, RUNS, Metrics
from wavegate.telemetry.runs import RunCollector
from wavegate.telemetry.server import TelemetryServer
from wavegate.watch.reflector import Reflector

_KOPF_EXIT_TIMEOUT: Final = 1.0
"""Seconds that kopf is given to end by itself: it may wait for five."""

_log = logging.getLogger(__name__)


class Operator:
    """All parts of a process and how they hang together; `run` is its life.

    ``namespace``: that of the Lease, where the settings name none.
    """

    def __init__(
        self,
        settings: Settings,
        frame: Frame,
        transport: Transport,
        counters_session: aiohttp.ClientSession,
        namespace: str,
        surroundings: Surroundings | None = None,
        metrics: Metrics | None = None,
        policy: AddressPolicy | None = None,
        call: CallMaker = make,
    ) -> None:
        around = surroundings or Surroundings()
        self._settings = settings
        self._frame = frame
        self._transport = transport
        self._around = around
        self._born = around.monotonic()
        self.stop = asyncio.Event()
        self.framed = asyncio.Event()
        self.metrics = metrics or Metrics(settings.lease_name)

        self.queue = WorkQueue(around.now, added=self.metrics.added, waited=self.metrics.waited)
        self.cache = ClusterCache(
            self._fleet_changed, clock=around.monotonic, namespaces=settings.namespaces
        )
        self.kinds = KindWatch(transport, around.monotonic, self._wake_all)
        self.crds = CrdCheck(transport)
        self.reflectors = self._build_reflectors()
        watch_jobs(frame.registry, self.cache)
        watch_deployments(frame.registry, self.cache)

        self.leadership = Leadership(
            transport,
            namespace=settings.lease_namespace or namespace,
            name=settings.lease_name,
            identity=settings.identity,
            clock=around.boottime,
            now=around.now,
        )
        self.bucket = TokenBucket(settings.write_rate, settings.write_burst, self.metrics.throttled)
        client = Client(transport, self.leadership.held, self.bucket)
        self.events = EventTeller(client, settings.identity, around.now)
        self.runner = Runner(
            settings,
            transport,
            client,
            self.bucket,
            self.metrics,
            around,
            policy or AddressPolicy(),
            call,
            leading=self.leadership.held,
            failed=self._request_failed,
            fleet=self.cache,
        )
        self.runner.cache.wake_fleet = self.queue.add
        watch_http_jobs(frame.registry, self.runner.cache)
        self.comparison = JobComparison(
            transport,
            {
                FLEET_DEPLOYMENTS: self.cache,
                FLEET_JOBS: self.cache,
                HTTP_JOBS: self.runner.cache,
            },
            settings.namespaces,
            self._request_failed,
        )
        self.live = LiveJobs(client, self.cache, self.queue, around.now)
        self.live_pods = LivePods(client, self.cache, self.queue, around.now)
        preparations = Preparations()
        statuses = StatusWriter(
            client, self.cache, self.live, self.events, self.metrics, Pace(around.now)
        )
        for_plans = settings.for_plans()
        executor = Executor(client, self.cache, statuses, preparations, for_plans, around.now)
        self.writer = Writer(
            executor, self.queue, self.bucket, self.metrics, now=around.now, rng=around.rng
        )
        self.prometheus = Prometheus(counters_session, settings.prometheus, around.now)
        readings = Readings(counters_session, self.prometheus, self.metrics.reading)
        self.monitor = Monitor(
            self.cache.pods.get, self.queue.add, around.now, readings.read, self.metrics.window
        )
        self.reconciler = Reconciler(
            plan,
            self.cache,
            self.queue,
            self.writer,
            self.monitor,
            preparations,
            self.live,
            self.live_pods,
            self.metrics,
            settings=for_plans,
            now=around.now,
            new_id=around.new_id,
            kind_gone=lambda: self.kinds.gone,
        )
        self._measure()

    async def run(self) -> int:
        """Run until told to end; returns the exit code, 1 where something else ended it."""
        # Before it leads: the pods of an older release stay at work.
        await self.crds.passed()
        # Before kopf: when kopf ends, it ends every task that began after it.
        leadership = asyncio.create_task(self.leadership.run(), name="leadership")
        kopf = asyncio.create_task(
            self._frame.run(self._settings.namespaces, ready=self.framed, stop=self.stop),
            name="kopf",
        )
        tasks = [
            leadership,
            kopf,
            asyncio.create_task(self._wait_for_stop(), name="stop"),
            *self._start_parts(),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return _exit_code(done)
        finally:
            await self._shut_down(tasks, leadership, kopf)

    async def _wait_for_stop(self) -> None:
        await self.stop.wait()
        _log.info("ending: told to")

    def unready(self) -> str:
        """What has not been listed yet, or cannot be used; empty once nothing is missing."""
        if self.crds.outdated:
            return self.crds.outdated
        reflectors = (*self.reflectors, *self.runner.reflectors)
        missing = [each.resource.plural for each in reflectors if not each.synced.is_set()]
        if not self.comparison.synced.is_set():
            missing.append("fleetjobs, fleetdeployments and httpjobs")
        return ", ".join(dict.fromkeys(missing))

    def _start_parts(self) -> list[asyncio.Task[Any]]:
        parts: dict[str, Coroutine[Any, Any, Any]] = {
            "comparison": self.comparison.run(),
            "kinds": self.kinds.run(),
            "reconciler": self._reconcile(),
            "writer": self.writer.run(),
            "events": self.events.run(),
            **self.runner.parts(),
        }
        for number, reflector in enumerate(self.reflectors):
            parts[f"reflector {number} of {reflector.resource.plural}"] = reflector.run()
        return [asyncio.create_task(part, name=name) for name, part in parts.items()]

    async def _reconcile(self) -> None:
        """No pass before everything is known and this process leads."""
        for reflector in self.reflectors:
            await reflector.synced.wait()
        await self.runner.synced()
        await self.comparison.synced.wait()
        seconds = self._around.monotonic() - self._born
        _log.info("ready after %.2f s: %s", seconds, self._known())
        await self.leadership.acquired.wait()
        self._leads(True)
        # Not before: a standby sees pods but keeps no windows, so its time says nothing of them.
        async with asyncio.TaskGroup() as passes:
            passes.create_task(self.reconciler.lead(self._around.now()))
            passes.create_task(self.runner.lead())

    def _known(self) -> str:
        stores: dict[str, Sized] = {
            "nodes": self.cache.nodes,
            "pods": self.cache.pods,
            "jobs": self.cache.jobs,
            "executions": self.cache.executions,
            "runs": self.runner.cache.runs,
        }
        return ", ".join(f"{len(store)} {name}" for name, store in stores.items())

    async def _shut_down(
        self,
        tasks: list[asyncio.Task[Any]],
        leadership: asyncio.Task[None],
        kopf: asyncio.Task[None],
    ) -> None:
        """Stop deciding, let writes end, give the Lease up, then drop the rest."""
        self.stop.set()
        rest = [task for task in tasks if task not in (leadership, kopf)]
        await _cancel(rest)
        await self.live.close()
        await self.live_pods.close()
        await asyncio.gather(self.writer.close(), self.runner.close())
        await _cancel([leadership])
        await self.leadership.release()
        self._leads(False)
        await asyncio.wait([kopf], timeout=_KOPF_EXIT_TIMEOUT)
        await _cancel([kopf])
        await self.monitor.close()
        await self.prometheus.close()

    def _build_reflectors(self) -> list[Reflector[Any]]:
        namespaces = self._settings.namespaces or (None,)
        wanted: list[tuple[Resource, str | None, str]] = [(NODES, None, "")]
        for namespace in namespaces:
            wanted += [
                (PODS, namespace, POD_SELECTOR),
                (PODS, namespace, PULL_SELECTOR),
                (EXECUTIONS, namespace, ""),
                (JOB_VERSIONS, namespace, VERSION_SELECTOR),
            ]
        return [
            Reflector(
                self._transport,
                resource,
                *self.cache.source(resource, selector),
                rng=self._around.rng,
                failed=self._request_failed,
                namespace=namespace,
                label_selector=selector,
            )
            for resource, namespace, selector in wanted
        ]

    def _leads(self, leads: bool) -> None:
        self._leading = leads
        self.metrics.leads(leads)

    def _measure(self) -> None:
        """What is looked up at each scrape: of what only the leader does, a standby has nothing."""
        self._leads(False)
        self.metrics.measure_queue(partial(self._depth, self.queue))
        for queue, name in ((self.runner.queue, RUNS), (self.runner.batch_queue, BATCHES)):
            self.metrics.measure_queue(partial(self._depth, queue), name)
        by_resource: dict[str, list[Callable[[], float]]] = {
            each.plural: [self.comparison.silence]
            for each in (FLEET_DEPLOYMENTS, FLEET_JOBS, HTTP_JOBS)
        }
        for reflector in (*self.reflectors, *self.runner.reflectors):
            by_resource.setdefault(reflector.resource.plural, []).append(reflector.silence)
        for name, silences in by_resource.items():
            self.metrics.measure_watch(name, partial(_longest, silences))
        self.metrics.register(
            JobCollector(
                self.cache.jobs.values, self.cache.deployments.of_job, lambda: self._leading
            )
        )
        runs = self.runner.cache
        self.metrics.register(
            RunCollector(runs.jobs.values, runs.undelivered, lambda: self._leading)
        )

    def _depth(self, queue: WorkQueue) -> int:
        return queue.depth() if self._leading else 0

    def _fleet_changed(self, key: JobKey) -> None:
        self.queue.add(key)
        self.runner.fleet_changed(key)

    def _wake_all(self) -> None:
        for key in self.cache.job_keys():
            self.queue.add(key)

    def _request_failed(self, resource: Resource, error: ApiError) -> None:
        self.metrics.reflector_error(resource.plural)
        self.kinds.request_failed(resource, error)
        _log.warning("list or watch of %s: %s", resource.plural, error)


async def run(settings: Settings) -> int:
    """Run the operator process; returns its exit code."""
    try:
        access = await load_access(settings.kubeconfig, settings.context)
    except AccessError as error:
        _log.error("%s", error)
        return 2
    clock = ServerClock(time.time, time.monotonic)
    around = Surroundings(now=clock.now)
    metrics = Metrics(settings.lease_name)
    async with (
        HttpTransport(access, clock, measured=metrics.request) as transport,
        open_session() as counters_session,
    ):
        frame = KopfFrame(access)
        hosts, ips = await reserved(access.server)
        policy = AddressPolicy(
            allowed_namespaces=frozenset(settings.call_namespaces),
            api_server_hosts=hosts,
            api_server_ips=ips,
            allow=settings.call_networks,
        )
        operator = Operator(
            settings, frame, transport, counters_session, access.namespace, around, metrics, policy
        )
        _log.info("operator %s for %s", settings.identity, access.server)
        server = TelemetryServer(operator.metrics, operator.unready)
        port = await server.start(settings.metrics_host, settings.metrics_port)
        _log.info("serving /metrics, /healthz and /readyz on port %d", port)
        call_backs = CallbackServer(operator.runner.callbacks)
        if settings.callback_url:
            port = await call_backs.start(settings.callback_host, settings.callback_port)
            _log.info("serving call backs at port %d, as %s", port, settings.callback_url)
        lag = asyncio.create_task(sample_lag(metrics.lagged), name="lag")
        garbage = asyncio.create_task(collect(), name="garbage")
        try:
            return await operator.run()
        finally:
            await _cancel([lag, garbage])
            await call_backs.close()
            await server.close()


def _longest(silences: list[Callable[[], float]]) -> float:
    return max(silence() for silence in silences)


def _exit_code(done: set[asyncio.Task[Any]]) -> int:
    """0 where the process was told to end: by `stop`, or by kopf's own signal handling."""
    code = 0
    for task in done:
        error = task.exception()
        if isinstance(error, LeadershipLost):
            _log.error("leadership lost: %s", error)
            code = 1
        elif error is not None:
            _log.error("%s ended the process", task.get_name(), exc_info=error)
            code = 1
    return code


async def _cancel(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
