"""Endpoints of raw bytes, which misbehave as they are told, and calls to them."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from typing import Any

from wavegate.dispatch.addresses import AddressPolicy
from wavegate.dispatch.call import Call, Heard, make

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

LOOPBACK = AddressPolicy(allow=(ipaddress.ip_network("127.0.0.0/8"),))
OK = b"HTTP/1.1 200 OK\r\n"
SOON = 1.5
"""Seconds: longer than a healthy call on loopback, and short enough to wait for."""


def call(url: str, **other: Any) -> Call:
    facts: dict[str, Any] = {
        "namespace": "shop",
        "body": '{"a":1}',
        "headers": {"X-A": "b"},
        "timeout": 60.0,
    }
    return Call(url, **{**facts, **other})


async def heard(
    url: str,
    policy: AddressPolicy = LOOPBACK,
    trust: ssl.SSLContext | bool = True,
    **other: Any,
) -> Heard:
    return await make(call(url, **other), policy, retryable=lambda _: False, trust=trust)


def says(*pieces: bytes, then: str = "closes", times: int = 1) -> Handler:
    """A handler that writes the pieces, so often, and then closes, resets or hangs."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(times):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
        if then == "hangs":
            await asyncio.Event().wait()
        elif then == "resets":
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()

    return handle


def drips(begin: bytes, drop: bytes) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(begin)
        while True:
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(0.05)

    return handle


def body(content: bytes, *headers: bytes, status: bytes = OK) -> bytes:
    length = b"Content-Length: %d\r\n" % len(content)
    return status + length + b"".join(each + b"\r\n" for each in headers) + b"\r\n" + content
