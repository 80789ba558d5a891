"""The real transport against a small HTTP server on this machine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from wavegate.kube.access import Access
from wavegate.kube.errors import (
    AlreadyExists,
    Gone,
    ServerError,
    TooManyRequests,
    Unauthorized,
    Uncertain,
)
from wavegate.kube.transport import MERGE_PATCH, HttpTransport

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(
    directory: Path,
    handler: Handler,
    measured: Callable[[str, str, float], None] = lambda *_: None,
) -> AsyncIterator[HttpTransport]:
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", handler)
    server = TestServer(app)
    await server.start_server()
    (directory / "token").write_text("t1")
    document = {
        "current-context": "x",
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        "clusters": [{"name": "x", "cluster": {"server": str(server.make_url("/"))}}],
        "users": [{"name": "x", "user": {"tokenFile": str(directory / "token")}}],
    }
    (directory / "config").write_text(yaml.safe_dump(document))
    access = await Access.from_kubeconfig(str(directory / "config"))
    try:
        async with HttpTransport(access, measured=measured) as transport:
            yield transport
    finally:
        await server.close()


def answering(status: int, document: Any, **headers: str) -> Handler:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.json_response(document, status=status, headers=headers)

    return handler


def streaming(*chunks: bytes | None, whole: bool = True) -> Handler:
    """Sends the chunks; None waits for ever; ``whole`` False breaks the connection at the end."""

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        for chunk in chunks:
            if chunk is None:
                await asyncio.Event().wait()
            else:
                await response.write(chunk)
        if not whole:
            assert request.transport is not None
            request.transport.close()
        return response

    return handler


def line(name: str, padding: int = 0) -> bytes:
    event = {"type": "ADDED", "object": {"name": name, "padding": "x" * padding}}
    return json.dumps(event).encode() + b"\n"


async def names(transport: HttpTransport, *, idle_timeout: float = 5.0) -> list[str]:
    async with aclosing(transport.watch("/w", {}, idle_timeout=idle_timeout)) as events:
        return [event["object"]["name"] async for event in events]


async def test_what_is_sent_and_what_comes_back(tmp_path: Path) -> None:
    seen: dict[str, Any] = {}

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.update(
            method=request.method,
            path=request.path_qs,
            type=request.headers["Content-Type"],
            authorization=request.headers["Authorization"],
            extra=request.headers["X-Extra"],
            body=await request.json(),
        )
        return web.json_response({"kind": "Pod"})

    async with serving(tmp_path, handler) as transport:
        answer = await transport.request(
            "PATCH",
            "/api/v1/pods/a",
            query={"dryRun": "All", "limit": 5},
            body={"a": 1},
            content_type=MERGE_PATCH,
            headers={"X-Extra": "1"},
        )
    assert answer == {"kind": "Pod"}
    assert seen == {
        "method": "PATCH",
        "path": "/api/v1/pods/a?dryRun=All&limit=5",
        "type": MERGE_PATCH,
        "authorization": "Bearer t1",
        "extra": "1",
        "body": {"a": 1},
    }


async def test_a_refusal_is_typed(tmp_path: Path) -> None:
    status = {"kind": "Status", "reason": "AlreadyExists", "message": "it is there"}
    async with serving(tmp_path, answering(409, status)) as transport:
        with pytest.raises(AlreadyExists, match="it is there"):
            await transport.request("POST", "/x", body={})


async def test_retry_after_is_passed_on(tmp_path: Path) -> None:
    async with serving(tmp_path, answering(429, {}, **{"Retry-After": "4"})) as transport:
        with pytest.raises(TooManyRequests) as caught:
            await transport.request("GET", "/x")
    assert caught.value.retry_after == 4


async def test_an_error_page_of_a_proxy_is_a_server_error(tmp_path: Path) -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(status=502, text="<html>bad gateway</html>")

    async with serving(tmp_path, handler) as transport:
        with pytest.raises(ServerError):
            await transport.request("GET", "/x")


async def test_no_answer_in_time_is_uncertain(tmp_path: Path) -> None:
    async with serving(tmp_path, streaming(None)) as transport:
        with pytest.raises(Uncertain) as caught:
            await transport.request("POST", "/x", body={}, timeout=0.05)
    assert caught.value.reason == "Timeout"


@pytest.mark.parametrize("handler", [streaming(b'{"a"', whole=False), streaming(b'{"a"')])
async def test_half_an_answer_is_uncertain(tmp_path: Path, handler: Handler) -> None:
    async with serving(tmp_path, handler) as transport:
        with pytest.raises(Uncertain):
            await transport.request("POST", "/x", body={})


async def test_a_401_is_answered_once_with_the_new_token(tmp_path: Path) -> None:
    used: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        used.append(request.headers["Authorization"])
        return web.json_response({}, status=200 if used[-1] == "Bearer t2" else 401)

    async with serving(tmp_path, handler) as transport:
        with pytest.raises(Unauthorized):
            await transport.request("GET", "/x")
        (tmp_path / "token").write_text("t2")
        await transport.request("GET", "/x")
    assert used == ["Bearer t1", "Bearer t1", "Bearer t2"]


async def test_watch_asks_for_a_watch(tmp_path: Path) -> None:
    asked: list[str] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        asked.append(request.query_string)
        return await streaming(line("a"))(request)

    async with serving(tmp_path, handler) as transport:
        assert await names(transport) == ["a"]
    assert asked == ["watch=true"]


async def test_events_may_be_cut_anywhere_and_be_several_megabytes_long(tmp_path: Path) -> None:
    big, small = line("big", 6_000_000), line("small")
    data = small + big + small
    chunks = [data[:10], data[10:4_000_000], data[4_000_000:-5], data[-5:]]
    async with serving(tmp_path, streaming(*chunks)) as transport:
        assert await names(transport) == ["small", "big", "small"]


@pytest.mark.parametrize("whole", [True, False], ids=["ended", "broken"])
async def test_an_event_cut_in_mid_line_is_not_delivered(tmp_path: Path, whole: bool) -> None:
    handler = streaming(line("a") + line("b")[:-9], whole=whole)
    async with (
        serving(tmp_path, handler) as transport,
        aclosing(transport.watch("/w", {}, idle_timeout=5)) as events,
    ):
        first = await anext(events)
        assert first["object"]["name"] == "a"
        with pytest.raises(Uncertain):
            await anext(events)


async def test_a_silent_watch_ends(tmp_path: Path) -> None:
    async with serving(tmp_path, streaming(line("a"), None)) as transport:
        with pytest.raises(Uncertain) as caught:
            await names(transport, idle_timeout=0.1)
    assert caught.value.reason == "Timeout"


async def test_a_refused_watch_is_typed(tmp_path: Path) -> None:
    async with serving(tmp_path, answering(410, {"reason": "Expired"})) as transport:
        with pytest.raises(Gone):
            await names(transport)


async def test_a_line_that_is_no_event_ends_the_watch(tmp_path: Path) -> None:
    async with serving(tmp_path, streaming(b"[1]\n")) as transport:
        with pytest.raises(Uncertain, match="cannot be read"):
            await names(transport)


async def test_nobody_listens(tmp_path: Path) -> None:
    async with serving(tmp_path, answering(200, {})) as transport:
        server = transport._access
    async with HttpTransport(server) as transport:
        with pytest.raises(Uncertain):
            await transport.request("GET", "/x")


async def test_each_request_is_measured_with_its_code(tmp_path: Path) -> None:
    told: list[tuple[str, str, float]] = []

    def measured(method: str, code: str, seconds: float) -> None:
        told.append((method, code, seconds))

    async with serving(tmp_path, answering(201, {"kind": "Pod"}), measured) as transport:
        await transport.request("POST", "/api/v1/pods", body={})
    async with serving(tmp_path, answering(429, {}), measured) as transport:
        with pytest.raises(TooManyRequests):
            await transport.request("PUT", "/api/v1/pods", body={})
        with pytest.raises(TooManyRequests):
            await names(transport)

    async def slow(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(5)
        return web.json_response({})

    async with serving(tmp_path, slow, measured) as transport:
        with pytest.raises(Uncertain):
            await transport.request("DELETE", "/api/v1/pods", timeout=0.3)
    assert [each[:2] for each in told] == [
        ("POST", "201"),
        ("PUT", "429"),
        ("GET", "429"),
        ("DELETE", "<error>"),
    ]
    assert told[-1][2] == pytest.approx(0.3, abs=0.2)
