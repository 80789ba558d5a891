"""Every kind of source is read where it is, and counted."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web

from unit.domain.builders import pod
from wavegate.domain.actions import CounterSource, PrometheusSource
from wavegate.domain.health import Reading, Unreadable
from wavegate.health.endpoint import Endpoint
from wavegate.health.prometheus import Prometheus
from wavegate.health.readings import Readings
from wavegate.health.scrape import open_session

ANSWER = (
    '{"data": {"resultType": "vector", "result": [{"metric": {"node": "n7"}, "value": [1, "5"]}]}}'
)
PAGE = '# TYPE reqs counter\nreqs_total{code="200"} 90\nreqs_total{code="500"} 10\n'
QUERIES = PrometheusSource("main", "e", "t", 10.0)


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with open_session() as opened:
        yield opened


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A server that is a pod's and a Prometheus at once."""

    async def handle(request: web.BaseRequest) -> web.Response:
        pages = {"/m": PAGE, "/json": '{"all{a=\\"b\\"}": 8, "bad": 2}', "/api/v1/query": ANSWER}
        return web.Response(text=pages[request.path])

    runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@pytest.mark.row(
    "spec.rollout.healthCheck.errorRate.podMetrics.port",
    "spec.rollout.healthCheck.errorRate.podMetrics.path",
    "spec.rollout.healthCheck.errorRate.podMetrics.format",
    "spec.rollout.healthCheck.errorRate.podMetrics.errors",
    "spec.rollout.healthCheck.errorRate.podMetrics.total",
)
@pytest.mark.parametrize(
    ("path", "form", "names", "reading"),
    [
        ("/m", "Prometheus", (("errs",), ("reqs_total",)), Reading(0, 100)),
        ("/json", "JSON", (("bad",), ("all",)), Reading(2, 8)),
    ],
)
async def test_pod_metrics_are_read_at_the_pods_address(session, port, path, form, names, reading):
    counted = []
    readings = Readings(
        session, Prometheus(session, {}, lambda: 0.0), lambda *told: counted.append(told)
    )
    source = CounterSource(port, path, form, *names)
    assert await readings.read(pod(ip="127.0.0.1"), source) == reading
    assert isinstance(await readings.read(pod(ip=""), source), Unreadable)
    assert counted == [("pod", True), ("pod", False)]


async def test_a_prometheus_is_asked_for_the_pods_node(session, port):
    counted = []
    endpoints = {"main": Endpoint(f"http://127.0.0.1:{port}")}
    prometheus = Prometheus(session, endpoints, lambda: 0.0)
    readings = Readings(session, prometheus, lambda *told: counted.append(told))
    assert await readings.read(pod(node="n7"), QUERIES) == Reading(5, 5)
    assert isinstance(await readings.read(pod(node="n8"), QUERIES), Unreadable)
    assert counted == [("prometheus", True), ("prometheus", False)]
    await prometheus.close()
