"""What a real Prometheus answers, on loopback: nothing of it is on the cluster."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from wavegate.api.fleetjob import load_job_spec
from wavegate.domain.actions import Probe, PrometheusSource, Source
from wavegate.domain.health import Criteria, Reading, Unreadable, Window
from wavegate.domain.observed import PodView
from wavegate.domain.sources import settling, source_of
from wavegate.health.connections import bounded
from wavegate.health.endpoint import Endpoint
from wavegate.health.monitor import Monitor
from wavegate.health.prometheus import Prometheus
from wavegate.health.scrape import open_session
from wavelab import prometheus
from wavelab.process import Processes
from wavelab.state import State

pytestmark = pytest.mark.nodes

WINDOW = 1.0
TOTAL = 'sum by (node) (last_over_time(requests_total{app="a"}[$window]))'
ERRORS = 'sum by (node) (last_over_time(errors_total{app="a"}[$window]))'


def source(errors: str = f"{ERRORS} or 0 * {TOTAL}", total: str = TOTAL) -> PrometheusSource:
    """As a job's windows of one second ask for it."""
    queries = {"source": "main", "errorQuery": errors, "totalQuery": total}
    check = {"interval": "1s", "deadline": "1m", "errorRate": {"prometheus": queries}}
    rollout = {"strategy": "Rolling", "healthCheck": check}
    found = source_of(load_job_spec({"type": "pipeline", "config": {}, "rollout": rollout}))
    assert isinstance(found, PrometheusSource)
    return found


@dataclass
class Pod:
    """A page of counters; ``runner`` is what serves it."""

    requests: int = 0
    errors: int | None = None
    runner: web.ServerRunner | None = None
    address: str = ""

    async def handle(self, _: web.BaseRequest) -> web.Response:
        text = f"requests_total {self.requests}\n"
        if self.errors is not None:
            text += f'errors_total{{why="x"}} {self.errors}\nerrors_total{{why="y"}} 1\n'
        return web.Response(text=text)

    async def start(self) -> None:
        self.runner = web.ServerRunner(web.Server(self.handle), shutdown_timeout=0)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.address = f"127.0.0.1:{self.runner.addresses[0][1]}"

    async def stop(self) -> None:
        if self.runner is not None:
            await self.runner.cleanup()


@dataclass
class Lab:
    server: prometheus.Prometheus
    pods: dict[str, Pod] = field(default_factory=dict)

    async def scrape(self) -> str:
        """Start the Prometheus on these pods, by node; returns its address."""
        groups = [
            {"targets": [pod.address], "labels": {"node": node, "app": "a"}}
            for node, pod in self.pods.items()
        ]
        config: dict[str, Any] = {
            "global": {"scrape_interval": "200ms", "scrape_timeout": "200ms"},
            "scrape_configs": [{"job_name": "pods", "static_configs": groups}],
        }
        return await asyncio.to_thread(self.server.start, config)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[prometheus.Prometheus]:
    monkeypatch.setenv("WAVELAB_STATE", str(tmp_path))
    state = State("loopback")
    state.directory.mkdir()
    processes = Processes(state.directory, state.instance)
    yield prometheus.Prometheus(state, processes)
    processes.stop_all()


@pytest.fixture
async def lab(server: prometheus.Prometheus) -> AsyncIterator[Lab]:
    made = Lab(server, {"n1": Pod(requests=100), "n2": Pod(requests=7, errors=3)})
    for pod in made.pods.values():
        await pod.start()
    yield made
    for pod in made.pods.values():
        await pod.stop()


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with open_session() as opened:
        yield opened


class Reader:
    """Reads a node until what is read is what is waited for."""

    def __init__(self, session: ClientSession, address: str) -> None:
        self._prometheus = Prometheus(session, {"main": Endpoint(address)}, time.time)

    async def read(self, pod: PodView, asked: Source) -> Reading | Unreadable:
        """As the monitor reads."""
        assert isinstance(asked, PrometheusSource)
        return await self._prometheus.read(pod.node, asked)

    async def until(
        self,
        holds: Callable[[Reading | Unreadable], object],
        node: str = "n1",
        asked: PrometheusSource | None = None,
    ) -> Reading | Unreadable:
        seen: Reading | Unreadable | None = None
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            seen = await self._prometheus.read(node, asked or source())
            if holds(seen):
                return seen
            await asyncio.sleep(0.02)
        raise AssertionError(f"last read: {seen}")


def is_read(seen: Reading | Unreadable) -> bool:
    return isinstance(seen, Reading)


async def instant(session: ClientSession, address: str, query: str) -> list[Any]:
    """What people see who ask without looking at the age of samples."""
    plain = {"Accept-Encoding": "identity"}
    url, parameters = f"{address}/api/v1/query", {"query": query}
    async with bounded(), session.get(url, params=parameters, headers=plain) as answer:
        return list((await answer.json())["data"]["result"])


async def test_each_node_has_what_its_pod_has_counted(lab: Lab, session: ClientSession) -> None:
    reader = Reader(session, await lab.scrape())
    assert await reader.until(is_read) == Reading(errors=0, total=100)
    assert await reader.until(is_read, "n2") == Reading(errors=4, total=7)
    lab.pods["n2"].requests, lab.pods["n2"].errors = 50, 9
    await reader.until(lambda seen: seen == Reading(errors=10, total=50), "n2")
    # Where the query does not say what counts as none, errors without a series are unreadable.
    plain = replace(source(), error_query=source(ERRORS).error_query)
    seen = await reader.until(lambda seen: isinstance(seen, Unreadable), "n1", plain)
    assert isinstance(seen, Unreadable)
    assert seen.error.startswith("errorQuery has no sample of the window for node n1")
    assert await reader.until(is_read, "n2", plain) == Reading(errors=10, total=50)


async def test_a_window_is_of_what_was_counted_in_it(lab: Lab, session: ClientSession) -> None:
    reader = Reader(session, await lab.scrape())
    await reader.until(is_read)
    lab.pods["n1"].errors = 0
    pod = PodView("web", "p", "u1", "1", "a", "n1", "Execution", "e", "eu", 0.0, ready=True)
    criteria = Criteria(WINDOW, 0.1, 2, 2, None, True, settling=settling(source()))
    closed = asyncio.Event()
    monitor = Monitor(
        lambda *_: pod, lambda _: closed.set(), time.time, reader.read, lambda _: None
    )
    monitor.keep(("web", "a"), [Probe("web", "p", "u1", criteria, source())])
    unhealthy = False
    while not unhealthy:
        closed.clear()
        while not closed.is_set():
            lab.pods["n1"].requests += 10
            lab.pods["n1"].errors += 4
            await asyncio.sleep(0.02)
        (record,) = monitor.records(("web", "a")).values()
        unhealthy = record.unhealthy
    await monitor.close()
    assert record.last is not None
    assert record.last.verdict is Window.BAD
    assert record.last.rate == pytest.approx(0.4, abs=0.01)
    assert "above 10.0%" in record.last.why


async def test_a_node_that_is_not_scraped_is_unreadable_and_another_is_not(
    lab: Lab, session: ClientSession
) -> None:
    reader = Reader(session, await lab.scrape())
    await reader.until(is_read)
    await lab.pods["n1"].stop()
    seen = await reader.until(lambda seen: isinstance(seen, Unreadable))
    assert isinstance(seen, Unreadable)
    assert "totalQuery has no sample of the window for node n1" in seen.error
    assert await reader.until(is_read, "n2") == Reading(errors=4, total=7)


async def test_a_sample_that_is_only_old_is_unreadable(lab: Lab, session: ClientSession) -> None:
    """Started again without its targets, a Prometheus leaves no mark that their series ended."""
    reader = Reader(session, await lab.scrape())
    for node in lab.pods:  # both have been scraped before it is stopped
        await reader.until(is_read, node)
    await asyncio.to_thread(lab.server.stop)
    for pod in lab.pods.values():
        await pod.stop()
    lab.pods.clear()
    address = await lab.scrape()
    await reader.until(lambda seen: isinstance(seen, Unreadable) and "no sample" in seen.error)
    assert len(await instant(session, address, "sum by (node) (requests_total)")) == 2


WRONG = {
    "sum by (node) (last_over_time(x[$window])": "unclosed left parenthesis",
    "rate(requests_total)[$window]": "parse error",
    "scalar(sum(last_over_time(requests_total[$window])))": "gives a scalar, not a vector",
    "requests_total[$window]": "gives a matrix, not a vector",
    "sum(last_over_time(requests_total[$window]))": "but 1 without the label node",
    "last_over_time({node='n1'}[$window])": "samples for node n1, not one",
    "-1 * last_over_time(requests_total[$window])": "is -100, no count",
    "last_over_time(requests_total[$window]) / 0": "is inf, no count",
    "0 * last_over_time(requests_total[$window]) / 0": "is nan, no count",
}


async def test_a_query_that_does_not_give_counts_is_unreadable_with_the_server_s_words(
    lab: Lab, session: ClientSession
) -> None:
    reader = Reader(session, await lab.scrape())
    await reader.until(is_read)
    for total, message in WRONG.items():
        asked = source(total=total)
        seen = await reader.until(lambda seen: isinstance(seen, Unreadable), asked=asked)
        assert isinstance(seen, Unreadable)
        assert seen.error.startswith("totalQuery ")
        assert message in seen.error
