"""Hostile objects come into a cluster, are changed, are listed by a new process, and go.

Beside them are a FleetJob, of which a version is rolled out in each of these times, and an HTTPJob
with runs. What each object costs is measured where it is parsed, decoded, and looked at in a pass;
and what a step of the event loop costs as a whole, without what the simulated server does in it.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from hostile.meter import Costs, wrapped
from hostile.objects import OF_EXECUTION, OF_HTTP_JOB, OF_JOB, OF_SOMEBODY, VICTIM, Hostile
from sim.world import spec
from support.told import Stage, roles
from wavegate.api.names import execution_name
from wavegate.api.nesting import cut
from wavegate.cache.kinds import KindCache
from wavegate.domain.times import format_time
from wavegate.engine.passes import Passes
from wavegate.kube.errors import ApiError, error_of
from wavegate.kube.reading import read_document
from wavegate.runs.states import TERMINAL
from wavegate.simulation.cluster import NAMESPACE, Process, SimulatedCluster
from wavegate.simulation.kinds import SERVED
from wavegate.simulation.loop import PROCESS, VirtualLoop
from wavegate.simulation.server import Server
from wavegate.simulation.store import Document
from wavegate.simulation.transport import SimulatedTransport
from wavegate.watch.decoding import Carefully

NODES: Final = ("n00", "n01", "n02", "n03")
POOL: Final = {"selector": {"matchLabels": {"pool": "edge"}}}
OTHERS: Final = "others"
"""Whose a step is that belongs to none of the objects."""
AT_A_TIME: Final = 10
"""Objects of which each comes by itself before a run is asked for."""

_PREFIX: Final = "hostile-"


@dataclass
class Report:
    """What was seen. ``records``: of the log, warnings and worse."""

    costs: Costs
    """Of decoding an object, and of a pass in its name."""
    parsed: Costs
    """Of parsing an object: what its size alone makes it cost."""
    steps: Costs
    """Of a step of the event loop as a whole, while objects come one by one."""
    one_by_one: bool = False
    records: list[logging.LogRecord] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    """Processes that have ended by themselves, and why."""
    metrics: bytes = b""
    requests: int = 0
    """That processes have sent in the last hour, in which nobody did anything."""


def play(objects: Sequence[Hostile], *, memory: bool) -> Report:
    """The whole story. AssertionError where a neighbour does not come to its end."""
    report = Report(Costs(memory), Costs(memory), Costs(memory=False))
    with (
        _measuring(report),
        _listening(report.records),
        asyncio.Runner(loop_factory=VirtualLoop) as runner,
    ):
        runner.run(_play(objects, report))
    return report


async def _play(objects: Sequence[Hostile], report: Report) -> None:
    cluster = SimulatedCluster(roles())
    for name in NODES:
        cluster.fleet.add(name)
    cluster.keep_running()
    story = Story(cluster, objects, report)
    collecting = asyncio.create_task(_collecting())
    try:
        await story.begin()
        await story.they_come()
        await story.a_process_finds_them()
        await story.they_change()
        await story.nothing_happens()
        await story.they_go()
    finally:
        collecting.cancel()
        report.ended += [
            f"{each.identity}: {each.task}"
            for each in cluster.processes
            if each.task.done() and each not in story.killed
        ]
        await cluster.close()


async def _collecting() -> None:
    """Garbage, between steps that are measured: in one of them it would be that step's."""
    while True:
        await asyncio.sleep(30)
        gc.collect()


@dataclass
class Story:
    cluster: SimulatedCluster
    objects: Sequence[Hostile]
    report: Report
    killed: list[Process] = field(default_factory=list)
    _version: int = 1
    _runs: int = 0
    _uids: dict[str, str] = field(default_factory=dict)

    async def begin(self) -> None:
        """Version 1 runs, and so do the victims."""
        stage = Stage(self.cluster)
        self.cluster.apply("app", self._job())
        self.cluster.apply(VICTIM, spec("victim:1", strategy="Rolling", maxParallel="100%"))
        for name in ("calls", VICTIM):
            self.cluster.create("HTTPJob", name, {"http": {"url": "http://echo.example/"}})
        await stage.ended("app-v1")
        await stage.ended(f"{VICTIM}-v1")
        self._uids = {
            OF_JOB: self._uid("FleetJob", VICTIM),
            OF_HTTP_JOB: self._uid("HTTPJob", VICTIM),
            OF_EXECUTION: self._uid("Execution", execution_name(VICTIM, NODES[0], 1)),
            OF_SOMEBODY: self._uid("HTTPJob", "calls"),
        }

    async def they_come(self) -> None:
        self._roll_out()
        for each in self.objects:
            with self.report.parsed.of(each.name, "parsed"):
                read_document(each.text().encode())
        await self._put_all()
        await self._neighbours_are_well()

    async def a_process_finds_them(self) -> None:
        [process] = self.cluster.living
        self.killed.append(process)
        process.kill()
        self._roll_out()
        self._ask()
        await self._neighbours_are_well()

    async def they_change(self) -> None:
        self._roll_out()
        await self._put_all(changed="x")
        await self._neighbours_are_well()

    async def nothing_happens(self) -> None:
        """For an hour; what is told of jobs is told all the same."""
        [process] = self.cluster.living
        self.report.metrics = process.operator.metrics.render()
        before = self.report.requests
        await asyncio.sleep(3600)
        self.report.requests -= before

    async def they_go(self) -> None:
        self._roll_out()
        store = self.cluster.server.store
        for each in self.objects:
            kind, key = SERVED[each.kind], _key(each)
            if store.get(kind, key) is not None:
                store.delete(kind, key)
        self._ask()
        await self._neighbours_are_well()

    async def _put_all(self, **more: Any) -> None:
        """One after the other, so that each has steps of the event loop of its own."""
        self.report.one_by_one = True
        for number, each in enumerate(self.objects):
            self._put(each, **more)
            await asyncio.sleep(0.1)
            if number % AT_A_TIME == 0:
                self._ask()
        self.report.one_by_one = False

    def _uid(self, kind: str, name: str) -> str:
        found = self.cluster.get(kind, name)
        assert found is not None, f"no {kind} {name}"
        return str(found["metadata"]["uid"])

    def _put(self, each: Hostile, **more: Any) -> None:
        store = self.cluster.server.store
        uid = f"uid-of-{each.name}"
        if each.kind == "Pod":
            self.cluster.fleet.strangers.add(each.name)
        owners = each.metadata.get("ownerReferences", ())
        owned = {
            "ownerReferences": [
                {**owner, "uid": self._uids.get(owner["uid"], owner["uid"])} for owner in owners
            ]
        }
        text = each.text(
            **{} if each.kind == "Node" else {"namespace": NAMESPACE, **owned},
            uid=uid,
            resourceVersion=str(store.revision + 1),
            generation=1,
            creationTimestamp=format_time(self.cluster.now()),
            **more,
        )
        store.keep(SERVED[each.kind], _key(each), uid, text)

    def _job(self) -> dict[str, Any]:
        return spec(f"app:{self._version}", strategy="Rolling", maxParallel="50%") | POOL

    def _roll_out(self) -> None:
        self._version += 1
        self.cluster.apply("app", self._job())

    def _ask(self) -> None:
        self._runs += 1
        self.cluster.create("JobRun", f"run-{self._runs}", {"jobName": "calls"})

    async def _neighbours_are_well(self) -> None:
        stage, name = Stage(self.cluster), f"app-v{self._version}"
        await stage.ended(name)
        await stage.until(f"v{self._version} runs", lambda: stage.state() == "Running")
        await stage.until("runs have ended", lambda: set(self._phases()) <= set(TERMINAL))
        assert set(self._phases()) == {"Completed"}

    def _phases(self) -> list[str]:
        runs = (self.cluster.get("JobRun", f"run-{n}") for n in range(1, self._runs + 1))
        return [str(each["status"]["phase"]) for each in runs if each is not None]


def _key(each: Hostile) -> tuple[str, str]:
    return ("" if each.kind == "Node" else NAMESPACE, each.name)


# Measuring.


@contextmanager
def _measuring(report: Report) -> Iterator[None]:
    costs, server = report.costs, _ServerTime()
    with pytest.MonkeyPatch.context() as patch:
        decode = wrapped(Carefully.__call__, costs, lambda _, raw: _whose(raw), "decoded")
        patch.setattr(Carefully, "__call__", decode)
        assume = wrapped(KindCache.assume, costs, lambda _, kind, raw: _whose(raw), "assumed")
        patch.setattr(KindCache, "assume", assume)
        passed = wrapped(Passes.reconcile, costs, lambda _, key: _named(key[1]), "a pass")
        patch.setattr(Passes, "reconcile", passed)
        patch.setattr(Server, "request", server.timed(Server.request))
        patch.setattr(Server, "watch", server.timed(Server.watch))
        reads = _reading(SimulatedTransport.request, report, server)
        patch.setattr(SimulatedTransport, "request", reads)
        if not costs.memory:
            patch.setattr(asyncio.Handle, "_run", _timed_step(server, report))
        yield


def _whose(raw: Document) -> str:
    return _named(str(raw["metadata"].get("name")))


def _named(name: str) -> str:
    return name[: len(_PREFIX) + 3] if name.startswith(_PREFIX) else OTHERS


class _ServerTime:
    """How long the simulated server has worked: it breaks on what a real one would not hold."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, function: Callable[..., Any]) -> Any:
        def measured(*arguments: Any, **named: Any) -> Any:
            begun = time.thread_time()
            try:
                return function(*arguments, **named)
            except ApiError:
                raise
            except Exception as error:
                raise error_of(500, {"message": f"not simulated: {error!r}"}) from error
            finally:
                self.seconds += time.thread_time() - begun

        return measured


def _reading(function: Callable[..., Any], report: Report, server: _ServerTime) -> Any:
    """Answers as they are once they have been read from bytes; what that costs is asked apart."""

    async def request(*arguments: Any, **named: Any) -> Any:
        report.requests += 1
        answer = await function(*arguments, **named)
        server.timed(cut)(answer)
        return answer

    return request


def _timed_step(server: _ServerTime, report: Report) -> Any:
    """A list of all objects, which a comparison takes now and then, is no single object's."""
    run = asyncio.Handle._run

    def timed(self: asyncio.Handle) -> None:
        is_ours = isinstance(self._context.get(PROCESS), Process)
        if not is_ours or not report.one_by_one or _named_step(self) == "comparison":
            run(self)
            return
        begun, outside = time.thread_time(), server.seconds
        run(self)
        spent = time.thread_time() - begun - (server.seconds - outside)
        report.steps.spent(report.costs.last, _named_step(self), 1000 * spent)

    return timed


def _named_step(handle: asyncio.Handle) -> str:
    """The name of the task that it goes on with."""
    task = getattr(handle._callback, "__self__", None)
    return task.get_name() if isinstance(task, asyncio.Task) else repr(handle)[:80]


@contextmanager
def _listening(records: list[logging.LogRecord]) -> Iterator[None]:
    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            record.virtual = asyncio.get_running_loop().time()
            records.append(record)

    handler = Handler(logging.WARNING)
    logger = logging.getLogger()
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
