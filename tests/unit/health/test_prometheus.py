"""Asking a source, which is a server on loopback that answers as a Prometheus does."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import ssl
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from wavegate.domain.actions import PrometheusSource
from wavegate.domain.health import Reading, Unreadable
from wavegate.health.endpoint import Endpoint
from wavegate.health.prometheus import Prometheus
from wavegate.health.scrape import MAX_BODY, TIMEOUT, open_session

SOURCE = PrometheusSource("main", "errors[10000ms]", "total[10000ms]", window=10.0)
START = 1_700_000_000.0


def vector(values: dict[str, float]) -> bytes:
    result = [{"metric": {"node": n}, "value": [1.0, f"{v:g}"]} for n, v in values.items()]
    return json.dumps({"data": {"resultType": "vector", "result": result}}).encode()


@dataclass
class Server:
    """What it answers to each query, and what it was asked."""

    answers: dict[str, web.StreamResponse | bytes | Exception] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)
    waits: asyncio.Event | None = None
    takes: float = 0.0
    url: str = ""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append({"path": request.path, **request.query})
        self.headers.append(dict(request.headers))
        self.was_asked.set()
        if self.waits is not None:
            await self.waits.wait()
        await asyncio.sleep(self.takes)
        answer = self.answers[request.query["query"]]
        if isinstance(answer, bytes):
            return web.Response(body=answer, content_type="application/json")
        assert isinstance(answer, web.StreamResponse)
        return answer

    def queries(self) -> Counter[str]:
        return Counter(each["query"] for each in self.asked)


@dataclass
class Clock:
    now: float = START


Serve = Callable[..., Awaitable[Server]]


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with open_session() as opened:
        yield opened


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    runners: list[web.ServerRunner] = []

    async def start(
        errors: Any = None, total: Any = None, tls: ssl.SSLContext | None = None
    ) -> Server:
        server = Server()
        server.answers[SOURCE.error_query] = vector({"n1": 3}) if errors is None else errors
        server.answers[SOURCE.total_query] = vector({"n1": 100}) if total is None else total
        runner = web.ServerRunner(web.Server(server.handle), shutdown_timeout=0)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        scheme = "https" if tls else "http"
        server.url = f"{scheme}://127.0.0.1:{runner.addresses[0][1]}"
        return server

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
def clock() -> Clock:
    return Clock()


Ask = Callable[..., Awaitable[Reading | Unreadable]]


@pytest.fixture
async def asking(session: ClientSession, clock: Clock) -> AsyncIterator[Callable[..., Prometheus]]:
    made: list[Prometheus] = []

    def make(url: str, **files: str) -> Prometheus:
        made.append(Prometheus(session, {"main": Endpoint(url, **files)}, lambda: clock.now))
        return made[-1]

    yield make
    for each in made:
        await each.close()


async def error_of(prometheus: Prometheus, url: str) -> str:
    outcome = await prometheus.read("n1", SOURCE)
    assert isinstance(outcome, Unreadable), outcome
    assert outcome.address == f"source main ({url})"
    assert 0 < len(outcome.error) <= 200
    return outcome.error


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.row(
    "spec.rollout.healthCheck.errorRate.prometheus.errorQuery",
    "spec.rollout.healthCheck.errorRate.prometheus.totalQuery",
)
async def test_a_node_has_its_errors_and_its_total(serve, asking):
    server = await serve(vector({"n1": 3, "n2": 0}), vector({"n1": 100, "n2": 7}))
    prometheus = asking(server.url + "/prom/")
    assert await prometheus.read("n1", SOURCE) == Reading(errors=3, total=100)
    assert await prometheus.read("n2", SOURCE) == Reading(errors=0, total=7)
    assert {each["path"] for each in server.asked} == {"/prom/api/v1/query"}
    assert server.headers[0]["Accept-Encoding"] == "identity"
    assert "Authorization" not in server.headers[0]


async def test_both_queries_are_of_one_moment_and_bounded_there_too(serve, asking, clock):
    server = await serve()
    clock.now = START + 7.96
    await asking(server.url).read("n1", SOURCE)
    assert [each["time"] for each in server.asked] == [f"{START + 7:.3f}"] * 2
    assert {each["timeout"] for each in server.asked} == {"2s"}
    assert {each["partial_response"] for each in server.asked} == {"false"}


async def test_five_thousand_nodes_are_one_pair_of_queries(serve, asking):
    nodes = {f"n{number}": number for number in range(5000)}
    server = await serve(vector(dict.fromkeys(nodes, 0)), vector(nodes))
    prometheus = asking(server.url)
    readings = await asyncio.gather(*(prometheus.read(node, SOURCE) for node in nodes))
    assert readings == [Reading(0, number) for number in range(5000)]
    assert set(server.queries().values()) == {1}


async def test_readings_spread_over_a_window_are_at_most_ten_pairs(serve, asking, clock):
    server = await serve()
    prometheus = asking(server.url)
    for number in range(1000):
        clock.now = START + number * 0.01
        await prometheus.read("n1", SOURCE)
    assert set(server.queries().values()) == {10}


async def test_readings_a_window_apart_are_of_moments_a_window_apart(serve, asking, clock):
    server = await serve()
    prometheus = asking(server.url)
    for offset in (0.99, 10.99, 21.0):
        clock.now = START + offset
        await prometheus.read("n1", SOURCE)
    moments = [float(each["time"]) - START for each in server.asked[::2]]
    assert moments == [0, 10, 21]


async def test_jobs_with_other_queries_are_asked_for_apart(serve, asking):
    server = await serve()
    server.answers["other"] = vector({"n1": 50})
    prometheus = asking(server.url)
    await prometheus.read("n1", SOURCE)
    other = PrometheusSource("main", SOURCE.error_query, "other", window=10.0)
    assert await prometheus.read("n1", other) == Reading(errors=3, total=50)


async def test_one_that_is_stopped_while_waiting_stops_nobody_else(serve, asking):
    server = await serve()
    server.waits = asyncio.Event()
    prometheus = asking(server.url)
    first = asyncio.create_task(prometheus.read("n1", SOURCE))
    second = asyncio.create_task(prometheus.read("n1", SOURCE))
    await server.was_asked.wait()
    first.cancel()
    server.waits.set()
    assert await second == Reading(errors=3, total=100)
    assert first.cancelled()


async def test_after_the_clock_went_back_each_pod_has_a_reading_refused(serve, asking, clock):
    server = await serve()
    prometheus = asking(server.url)
    await prometheus.read("n1", SOURCE)
    clock.now = START - 1.5
    assert await error_of(prometheus, server.url) == "this process's clock went back by 1.5 s"
    asked = len(server.asked)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    loop.time = lambda: begun + 20.1  # type: ignore[method-assign]
    clock.now += 20.1
    assert await prometheus.read("n1", SOURCE) == Reading(errors=3, total=100)
    assert len(server.asked) == asked + 2


async def test_closing_ends_what_is_under_way(serve, session):
    server = await serve()
    server.waits = asyncio.Event()
    prometheus = Prometheus(session, {"main": Endpoint(server.url)}, lambda: START)
    reading = asyncio.create_task(prometheus.read("n1", SOURCE))
    await server.was_asked.wait()
    await prometheus.close()
    server.waits.set()
    with pytest.raises(asyncio.CancelledError):
        await reading


@pytest.mark.row("spec.rollout.healthCheck.errorRate.prometheus.source")
async def test_a_source_that_is_not_configured_is_unreadable(serve, asking):
    server = await serve()
    other = PrometheusSource("other", "e", "t", 10.0)
    outcome = await asking(server.url).read("n1", other)
    assert outcome == Unreadable("source other", "is not configured")
    assert server.asked == []


@pytest.mark.parametrize("which", ["errors", "total"])
@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param({"n2": 1}, "has no sample of the window for node n1", id="missing or stale"),
        pytest.param({"n1": float("nan")}, "the sample for node n1 is nan", id="not a number"),
        pytest.param({"n1": -5}, "the sample for node n1 is -5", id="negative"),
    ],
)
async def test_a_node_without_a_count_is_unreadable_and_the_query_is_named(
    serve, asking, which, values, message
):
    server = await serve(**{which: vector(values)})
    field = "errorQuery" if which == "errors" else "totalQuery"
    assert (await error_of(asking(server.url), server.url)).startswith(f"{field} {message}")


BAD_QUERY = json.dumps({"status": "error", "errorType": "bad_data", "error": "parse error"})


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        pytest.param(
            lambda: web.Response(status=400, text=BAD_QUERY),
            "totalQuery answers 400 Bad Request: .*parse error",
            id="a query that is none",
        ),
        pytest.param(
            lambda: web.Response(status=503, body=b"no\r\n\x00store" + b"x" * 100_000),
            "totalQuery answers 503 Service Unavailable: no storexxx",
            id="an HTTP error",
        ),
        pytest.param(
            lambda: web.Response(status=302, headers={"Location": "http://127.0.0.1/"}),
            "totalQuery answers 302 Found",
            id="a redirect",
        ),
        pytest.param(
            lambda: web.Response(text="<html>log in</html>", content_type="text/html"),
            "totalQuery is not answered as a Prometheus does",
            id="wrong content",
        ),
        pytest.param(
            lambda: web.Response(body=vector({"n1": 1})[:-9]),
            "totalQuery is not answered as a Prometheus does",
            id="cut off",
        ),
        pytest.param(
            lambda: web.Response(
                body=gzip.compress(bytes(64 * 1024 * 1024)), headers={"Content-Encoding": "gzip"}
            ),
            f"totalQuery is longer than {MAX_BODY} bytes",
            id="a gzip bomb",
        ),
        pytest.param(
            lambda: web.Response(body=b"x" * (MAX_BODY + 1)),
            f"totalQuery is longer than {MAX_BODY} bytes",
            id="huge",
        ),
    ],
)
async def test_an_answer_of_another_kind_is_unreadable(serve, asking, answer, message):
    server = await serve(total=answer())
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(await error_of(asking(server.url), server.url))
    assert server.queries()[SOURCE.total_query] == 1


async def test_an_answer_that_breaks_off_is_unreadable(serve, asking, monkeypatch):
    server = await serve()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(vector({"n1": 1}))
        assert request.transport is not None
        request.transport.close()
        return response

    runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    assert "payload" in await error_of(asking(url), url)
    await runner.cleanup()
    assert server.asked == []


async def test_a_slow_source_is_given_two_seconds_in_all_and_asked_once(serve, asking):
    server = await serve()
    server.waits = asyncio.Event()
    prometheus = asking(server.url)
    begun = asyncio.get_running_loop().time()
    both = await asyncio.gather(prometheus.read("n1", SOURCE), prometheus.read("n2", SOURCE))
    took = asyncio.get_running_loop().time() - begun
    assert [each.error for each in both] == ["no answer within 2 s"] * 2
    assert TIMEOUT - 0.1 < took < TIMEOUT + 1
    assert len(server.asked) == 1
    server.waits.set()


async def test_both_queries_together_are_given_two_seconds(serve, asking):
    server = await serve()
    server.takes = TIMEOUT * 0.6
    assert await error_of(asking(server.url), server.url) == "no answer within 2 s"


async def test_answers_that_nobody_asks_for_any_more_are_forgotten(serve, asking, clock):
    server = await serve()
    prometheus = asking(server.url)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for number in range(100):
        query = f"of version {number}"
        server.answers[query] = vector({"n1": 1})
        loop.time = lambda number=number: begun + 10.0 * number  # type: ignore[misc]
        clock.now = START + 10.0 * number
        await prometheus.read("n1", PrometheusSource("main", SOURCE.error_query, query, 10.0))
    assert len(prometheus._turns) <= 3


async def test_a_source_that_is_down_is_unreadable(asking):
    url = f"http://127.0.0.1:{free_port()}"
    assert "Cannot connect" in await error_of(asking(url), url)


async def test_a_proxy_of_the_environment_is_not_used(serve, asking, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    server = await serve()
    assert await asking(server.url).read("n1", SOURCE) == Reading(errors=3, total=100)


async def test_a_failed_answer_is_shared_for_its_turn_and_then_asked_anew(serve, asking, clock):
    server = await serve(total=b"{}")
    prometheus = asking(server.url)
    await error_of(prometheus, server.url)
    await error_of(prometheus, server.url)
    assert len(server.asked) == 1
    server.answers[SOURCE.total_query] = vector({"n1": 100})
    clock.now += 1.0
    assert await prometheus.read("n1", SOURCE) == Reading(errors=3, total=100)


class Authority:
    """A certificate for 127.0.0.1, which is its own authority."""

    def __init__(self, directory: Path, name: str) -> None:
        self.certificate, self.key = directory / f"{name}.pem", directory / f"{name}.key"
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", f"/CN={name}"),
                *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
                *("-addext", "subjectAltName=IP:127.0.0.1"),
                *("-keyout", str(self.key), "-out", str(self.certificate)),
            ],
            check=True,
            capture_output=True,
        )

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


async def test_a_certificate_that_nobody_vouches_for_is_refused(serve, asking, tmp_path):
    mine, other = Authority(tmp_path, "mine"), Authority(tmp_path, "other")
    server = await serve(tls=mine.server())
    assert "certificate" in await error_of(asking(server.url), server.url)
    assert "certificate" in await error_of(
        asking(server.url, ca_file=str(other.certificate)), server.url
    )
    assert server.asked == []


async def test_token_and_ca_are_read_again_as_they_rotate(serve, asking, clock, tmp_path):
    mine, other = Authority(tmp_path, "mine"), Authority(tmp_path, "other")
    token, ca = tmp_path / "token", tmp_path / "ca"
    token.write_text("first\n")
    ca.write_text(mine.certificate.read_text())
    server = await serve(tls=mine.server())
    prometheus = asking(server.url, token_file=str(token), ca_file=str(ca))
    assert await prometheus.read("n1", SOURCE) == Reading(errors=3, total=100)
    token.write_text("second")
    clock.now += 1.0
    await prometheus.read("n1", SOURCE)
    sent = [each["Authorization"] for each in server.headers]
    assert sent == ["Bearer first"] * 2 + ["Bearer second"] * 2
    ca.write_text(other.certificate.read_text())
    clock.now += 1.0
    assert "certificate" in await error_of(prometheus, server.url)
    ca.write_text(mine.certificate.read_text())
    clock.now += 1.0
    assert await prometheus.read("n1", SOURCE) == Reading(errors=3, total=100)


async def test_a_token_that_cannot_be_read_is_unreadable_and_nothing_is_asked(serve, asking):
    server = await serve()
    prometheus = asking(server.url, token_file="/nowhere/token")
    said = await error_of(prometheus, server.url)
    assert said == "the token file /nowhere/token: No such file or directory"
    assert server.asked == []
