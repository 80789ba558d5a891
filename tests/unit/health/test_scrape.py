"""Reading counters from real servers on loopback, most of them ill-behaved."""

from __future__ import annotations

import asyncio
import gzip
import socket
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import ClientSession, web

from wavegate.domain.actions import CounterSource
from wavegate.domain.health import Reading, Unreadable
from wavegate.health import scrape
from wavegate.health.scrape import open_session, read_counters

PAGE = b"reqs 100\nerrs 3\n"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with open_session() as opened:
        yield opened


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[Handler], Awaitable[CounterSource]]]:
    runners = []

    async def start(handler: Handler) -> CounterSource:
        runner = web.ServerRunner(web.Server(handler), shutdown_timeout=0)
        runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return source(runner.addresses[0][1])

    yield start
    for runner in runners:
        await runner.cleanup()


def source(port: int, path: str = "/metrics") -> CounterSource:
    return CounterSource(port, path, "Prometheus", ("errs",), ("reqs",))


def answer(body: bytes, *, status: int = 200, **headers: str) -> Handler:
    async def handle(_: web.Request) -> web.Response:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(body=body, status=status, headers=names)

    return handle


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


async def error_of(session: ClientSession, where: CounterSource) -> str:
    outcome = await read_counters(session, "127.0.0.1", where)
    assert isinstance(outcome, Unreadable)
    assert outcome.address == f"http://127.0.0.1:{where.port}/metrics"
    assert 0 < len(outcome.error) <= 200
    return outcome.error


async def test_counters_are_read_at_the_pods_own_address(session, serve):
    asked = []

    async def handle(request: web.Request) -> web.Response:
        asked.append((str(request.rel_url), request.headers["Accept-Encoding"]))
        return web.Response(body=PAGE)

    where = await serve(handle)
    where = source(where.port, "/deep/metrics?name=errs")
    assert await read_counters(session, "127.0.0.1", where) == Reading(errors=3, total=100)
    assert asked == [("/deep/metrics?name=errs", "identity")]


async def test_a_proxy_of_the_environment_is_not_used(session, serve, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    where = await serve(answer(PAGE))
    assert await read_counters(session, "127.0.0.1", where) == Reading(errors=3, total=100)


async def test_a_redirect_is_not_followed(session, serve):
    target = await serve(answer(PAGE))
    location = f"http://127.0.0.1:{target.port}/metrics"
    where = await serve(answer(b"elsewhere", status=302, Location=location))
    assert await error_of(session, where) == "answers 302 Found: elsewhere"


async def test_a_refusal_is_told_in_one_short_line(session, serve):
    where = await serve(answer(b"no\r\nway \x00\x1b[31m" + b"x" * 100_000, status=503))
    assert (await error_of(session, where)).startswith(
        "answers 503 Service Unavailable: no way [31mxxx"
    )


async def test_a_page_that_says_nothing_is_unreadable(session, serve):
    where = await serve(answer(b"reqs NaN\n"))
    assert await error_of(session, where) == "reqs is nan, no count"


async def test_a_closed_port_is_unreadable(session):
    assert "Cannot connect" in await error_of(session, source(free_port()))


async def test_a_server_that_does_not_answer_is_given_two_seconds(session, serve):
    released = asyncio.Event()

    async def handle(_: web.Request) -> web.Response:
        await released.wait()
        return web.Response(body=PAGE)

    where = await serve(handle)
    begun = asyncio.get_running_loop().time()
    assert await error_of(session, where) == "no answer within 2 s"
    assert 1.9 < asyncio.get_running_loop().time() - begun < 3
    released.set()


async def test_a_server_that_drips_is_given_two_seconds_in_all(session, serve):
    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"reqs 1\n")
            await asyncio.sleep(0.05)

    assert await error_of(session, await serve(handle)) == "no answer within 2 s"


async def test_a_page_without_end_is_left_after_4_mib(session, serve):
    sent = 0

    async def handle(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65536)
            sent += 65536

    assert await error_of(session, await serve(handle)) == "is longer than 4194304 bytes"
    assert sent < 32 * 1024 * 1024


async def test_a_page_of_exactly_4_mib_is_read(session, serve):
    page = PAGE + b"\n" * (scrape.MAX_BODY - len(PAGE))
    where = await serve(answer(page))
    assert await read_counters(session, "127.0.0.1", where) == Reading(errors=3, total=100)
    where = await serve(answer(page + b"\n"))
    assert await error_of(session, where) == "is longer than 4194304 bytes"


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)]
)
async def test_a_page_packed_although_not_asked_to_is_read(session, serve, encoding, pack):
    where = await serve(answer(pack(PAGE), Content_Encoding=encoding))
    assert await read_counters(session, "127.0.0.1", where) == Reading(errors=3, total=100)


async def test_a_page_that_unpacks_to_much_more_is_unpacked_no_further_than_4_mib(session, serve):
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(bytes(1024 * 1024)) for _ in range(64)) + packer.flush()
    assert len(bomb) < scrape.MAX_BODY
    where = await serve(answer(bomb, Content_Encoding="gzip"))
    tracemalloc.start()
    try:
        assert await error_of(session, where) == "is longer than 4194304 bytes"
        assert tracemalloc.get_traced_memory()[1] < 4 * scrape.MAX_BODY
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("body", "encoding", "message"),
    [
        pytest.param(gzip.compress(PAGE)[:-9], "gzip", "breaks off", id="cut off"),
        pytest.param(PAGE, "gzip", "while decompressing", id="not packed at all"),
        pytest.param(PAGE, "br", "is encoded as br", id="another encoding"),
    ],
)
async def test_a_packed_page_that_cannot_be_unpacked_is_unreadable(
    session, serve, body, encoding, message
):
    where = await serve(answer(body, Content_Encoding=encoding))
    assert message in await error_of(session, where)


async def test_a_page_that_breaks_off_is_unreadable(session, serve):
    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(PAGE)
        request.transport.close()
        return response

    await error_of(session, await serve(handle))


async def test_a_pod_without_an_address_is_unreadable(session):
    assert await read_counters(session, "", source(80)) == Unreadable("", "the pod has no address")


async def test_only_an_ip_address_is_asked(session):
    outcome = await read_counters(session, "example.com", source(80))
    assert outcome == Unreadable("example.com", "is no IP address")


async def test_a_path_cannot_name_another_host(session):
    outcome = await read_counters(session, "127.0.0.1", source(free_port(), "@example.com/"))
    assert isinstance(outcome, Unreadable)
    assert "example.com" not in outcome.error
    assert outcome.address.startswith("http://127.0.0.1:")


async def test_an_address_of_ip_version_6_is_written_in_brackets(session):
    port = free_port()
    outcome = await read_counters(session, "::1", source(port))
    assert isinstance(outcome, Unreadable)
    assert outcome.address == f"http://[::1]:{port}/metrics"
