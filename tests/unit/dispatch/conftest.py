"""A server of raw bytes on loopback, so that it can misbehave in any way; nothing is left of it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field

import pytest

from support.endpoints import Handler


@dataclass
class Served:
    port: int
    requests: list[bytes] = field(default_factory=list)
    """Head and body of each request that came whole."""
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/run"


Serve = Callable[..., Awaitable[Served]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    before = asyncio.all_tasks()
    servers: list[asyncio.Server] = []
    tasks: set[asyncio.Task[None]] = set()

    async def start(
        handler: Handler,
        *,
        tls: ssl.SSLContext | None = None,
        takes_request: bool = True,
    ) -> Served:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            served.connections += 1
            with contextlib.suppress(ConnectionError, asyncio.CancelledError, ssl.SSLError):
                if takes_request:
                    served.requests.append(await taken(reader))
                await handler(reader, writer)
            writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
        servers.append(server)
        served = Served(server.sockets[0].getsockname()[1])
        return served

    yield start
    assert asyncio.all_tasks() - tasks <= before | {asyncio.current_task()}
    for server in servers:
        server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for server in servers:
        await server.wait_closed()


async def taken(reader: asyncio.StreamReader) -> bytes:
    """One request, head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return head + await reader.readexactly(int(value))
    return head


@pytest.fixture(autouse=True, scope="module")
def no_socket_is_left() -> Iterator[None]:
    yield
    gc.collect()  # one that is left warns, and a warning is an error
