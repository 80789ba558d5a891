"""A proxy between one operator process and the real API server, in which requests can go wrong.

It serves with the API server's own certificate, so that the process needs another port and nothing
else. Watches are passed on line by line. What goes wrong is decided by a `Trouble`; every request
that was passed on is on record, with the moment in which it was.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import aiohttp
from aiohttp import web
from yarl import URL

T = TypeVar("T")

_OF_ONE_HOP: Final = {
    "host",
    "connection",
    "keep-alive",
    "content-length",
    "transfer-encoding",
    "accept-encoding",
    "content-encoding",
}
_START_SECONDS: Final = 10.0
_PORTIONS: Final = 10


@dataclass(frozen=True)
class Answer:
    """Of the server, or of the proxy in its place."""

    code: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    """In which the body is sent, portion by portion."""

    @property
    def accepted(self) -> bool:
        return self.code < 300


@dataclass(eq=False)
class Passed:
    """A request that came, and what became of it. Times in monotonic seconds."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    """The document that it brings, None for none."""
    agent: str
    """Which client of the process sent it."""
    came: float
    sent: float | None = None
    """When it was passed on to the server."""
    code: int | None = None
    """The server's answer; None where it was not asked."""
    told: int | None = None
    """What the process was answered; None where it was answered nothing."""

    @property
    def accepted(self) -> bool:
        return self.code is not None and self.code < 300

    @property
    def writes(self) -> bool:
        return self.method not in ("GET", "HEAD")

    @property
    def watches(self) -> bool:
        return self.query.get("watch") in ("true", "1")

    @property
    def is_of_lease(self) -> bool:
        return "/leases" in self.path

    @property
    def about(self) -> str:
        """The object or collection that it names, and who wants which part of it."""
        metadata = self.body.get("metadata", {}) if isinstance(self.body, dict) else {}
        name = metadata.get("name", "") if self.method == "POST" else ""
        selects = [self.query.get(each, "") for each in ("labelSelector", "fieldSelector")]
        kind = "WATCH" if self.watches else self.method
        return " ".join(filter(None, [kind, self.path, name, *selects]))

    def __str__(self) -> str:
        return f"{self.about}: {self.code}"


class Reset(Exception):
    """The connection is to be broken off, after ``part`` of an event, without an answer."""

    def __init__(self, part: bytes = b"") -> None:
        super().__init__()
        self.part = part


class Trouble(Protocol):
    """What happens to requests and events. What is awaited may wait, kill, or raise Reset."""

    async def handle(self, exchange: Exchange) -> Answer:
        """Answer a request that is no watch."""
        ...

    async def watching(self, exchange: Exchange) -> Answer | None:
        """Answer a watch in the server's place, or None."""
        ...

    async def arriving(self, exchange: Exchange, line: bytes) -> bytes | None:
        """What arrives of a watch's event; None: nothing does."""
        ...


class Untroubled:
    """Nothing goes wrong."""

    async def handle(self, exchange: Exchange) -> Answer:
        return await exchange.forward()

    async def watching(self, exchange: Exchange) -> Answer | None:
        return None

    async def arriving(self, exchange: Exchange, line: bytes) -> bytes | None:
        return line


class Exchange:
    """One request on its way."""

    def __init__(self, proxy: Proxy, request: web.Request, raw: bytes, passed: Passed) -> None:
        self.passed = passed
        self._proxy = proxy
        self._request = request
        self._raw = raw

    def under_way(self) -> list[Passed]:
        """All writes of the process that were not answered yet, this one included."""
        return list(self._proxy.under_way)

    def open(self) -> Any:
        """Ask the server; an async context manager of its response."""
        headers = {k: v for k, v in self._request.headers.items() if k.lower() not in _OF_ONE_HOP}
        self.passed.sent = time.monotonic()
        return self._proxy.session.request(
            self.passed.method,
            URL(self._proxy.upstream + self._request.raw_path, encoded=True),
            data=self._raw or None,
            headers=headers,
        )

    async def forward(self) -> Answer:
        """Pass it on; the server's whole answer, even where whoever asked is gone."""
        return await asyncio.shield(self._proxy.spawn(self._forward()))

    async def _forward(self) -> Answer:
        async with self.open() as response:
            body = await response.read()
            self.passed.code = response.status
            return Answer(response.status, body, _headers(response))


def refusal(code: int, reason: str, retry_after: int | None = None, **status: Any) -> Answer:
    """A Status document, as the API server answers with."""
    document = {
        "apiVersion": "v1",
        "kind": "Status",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": f"a fault's {code}",
        **status,
    }
    headers = {"Content-Type": "application/json"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return Answer(code, json.dumps(document).encode(), headers)


class Proxy:
    """Runs in a thread of its own. ``server``: the API server's address, without a slash.

    ``certificates``: the directory with the API server's certificate and key.
    """

    def __init__(self, server: str, certificates: Path, trouble: Trouble) -> None:
        self.upstream = server
        self.passed: list[Passed] = []
        self.under_way: list[Passed] = []
        """Writes that have come and were not answered yet."""
        self.url = ""
        self.session: aiohttp.ClientSession
        self._certificates = certificates
        self._trouble = trouble
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        self._thread.start()
        self.run(self._start()).result(_START_SECONDS)

    def close(self) -> None:
        self.run(self._close()).result(_START_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """From another thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def call(self, work: Callable[[], None]) -> None:
        """From another thread, and soon."""
        self._loop.call_soon_threadsafe(work)

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _start(self) -> None:
        authority = self._certificates / "apiserver.crt"
        outward = ssl.create_default_context(cafile=str(authority))
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=outward, limit=0),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
            read_bufsize=2**22,
        )
        inward = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        inward.load_cert_chain(authority, self._certificates / "apiserver.key")
        self._runner = web.ServerRunner(web.Server(self._handle), shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=inward)
        await site.start()
        self.url = f"https://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _close(self) -> None:
        await self._runner.cleanup()
        await self.session.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        raw = await request.read()
        passed = Passed(
            request.method,
            request.path,
            dict(request.query),
            json.loads(raw) if raw else None,
            request.headers.get("User-Agent", ""),
            time.monotonic(),
        )
        self.passed.append(passed)
        exchange = Exchange(self, request, raw, passed)  # type: ignore[arg-type]
        try:
            if passed.watches:
                return await self._watch(request, exchange)
            if passed.writes:
                self.under_way.append(passed)
            answer = await self._trouble.handle(exchange)
        except (Reset, ConnectionError, aiohttp.ClientError):
            _break_off(request)
            return web.Response(status=500)  # nobody gets it
        finally:
            if passed in self.under_way:
                self.under_way.remove(passed)
        passed.told = answer.code
        return await _send(request, answer)

    async def _watch(self, request: web.BaseRequest, exchange: Exchange) -> web.StreamResponse:
        answer = await self._trouble.watching(exchange)
        if answer is not None:
            exchange.passed.told = answer.code
            return await _send(request, answer)
        async with exchange.open() as response:
            exchange.passed.code = exchange.passed.told = response.status
            passing = web.StreamResponse(status=response.status, headers=_headers(response))
            await passing.prepare(request)
            async for line in _lines(response.content):
                try:
                    arrives = await self._trouble.arriving(exchange, line)
                except Reset as reset:
                    await passing.write(reset.part)
                    raise
                if arrives is not None:
                    await passing.write(arrives)
            await passing.write_eof()
            return passing


async def _send(request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
    if not answer.seconds:
        return web.Response(status=answer.code, body=answer.body, headers=answer.headers)
    sent = web.StreamResponse(status=answer.code, headers=answer.headers)
    sent.content_length = len(answer.body)
    await sent.prepare(request)
    size = len(answer.body) // _PORTIONS + 1
    for begin in range(0, len(answer.body), size):
        await asyncio.sleep(answer.seconds / _PORTIONS)
        await sent.write(answer.body[begin : begin + size])
    await sent.write_eof()
    return sent


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Lines with their ends, however long they are."""
    kept = b""
    async for chunk in content.iter_any():
        *ended, kept = (kept + chunk).split(b"\n")
        for line in ended:
            yield line + b"\n"
    if kept:
        yield kept


def _headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    return {k: v for k, v in response.headers.items() if k.lower() not in _OF_ONE_HOP}


def _break_off(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()
