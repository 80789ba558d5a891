"""Connections to strangers that get only so much of the event loop's time.

What is sent is bounded by what is kept of it, and by time. But there is much that is taken apart
and thrown away: chunks of a byte, the extensions of one, empty lines. Who sends these without end
could have the loop do nothing else until the time is over, and again at the next reading. So what
taking apart costs is added up, and once it is too much nothing more is read: the time runs out.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

import aiohttp

MAX_WORK: Final = 0.02
"""Seconds of the processor that an answer may take to be taken apart; 4 MiB take some 5 ms."""


_PIECE: Final = 16 * 1024


class BoundedConnector(aiohttp.TCPConnector):
    """As its base; for connections that are used once."""

    async def connect(self, *arguments: Any, **named: Any) -> Any:
        connection = await super().connect(*arguments, **named)
        protocol, transport = connection.protocol, connection.transport
        if protocol is not None and transport is not None:
            transport.set_protocol(_Bounded(protocol, transport))
        return connection


class _Bounded(asyncio.Protocol):
    """Stands before the protocol that takes answers apart."""

    def __init__(self, protocol: asyncio.Protocol, transport: asyncio.Transport) -> None:
        self._protocol = protocol
        self._transport = transport
        self._work = 0.0

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), _PIECE):
            if self._is_over:
                self._transport.pause_reading()
                return
            begun = time.thread_time()
            self._protocol.data_received(data[start : start + _PIECE])
            self._work += time.thread_time() - begun

    def eof_received(self) -> bool | None:
        """An end that comes after something was left out is no end."""
        return True if self._is_over else self._protocol.eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        self._protocol.connection_lost(error)

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()

    @property
    def _is_over(self) -> bool:
        return self._work > MAX_WORK
