"""Connections to strangers that get only so much of the event loop's time.

What is sent is bounded by what is kept of it, and by time. But there is much that is taken apart
and thrown away: chunks of a byte, the extensions of one, empty lines. Who sends these without end
could have the loop do nothing else until the time is over, and again at the next reading. So what
taking apart costs is added up, and once it is too much nothing more is read, and whoever waits for
the answer is told so.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import Any, Final

import aiohttp

MAX_WORK: Final = 0.02
"""Seconds of the processor that an answer may take to be taken apart; 4 MiB take some 5 ms."""


_PIECE: Final = 16 * 1024


class TooCostlyError(Exception):
    """The answer has cost too much to take apart, so that not all of it was read."""


class _Work:
    """What it costs to take the answer to one request apart."""

    def __init__(self, timeout: asyncio.Timeout) -> None:
        self._timeout = timeout
        self._seconds = 0.0

    @property
    def is_over(self) -> bool:
        return self._seconds > MAX_WORK

    def add(self, seconds: float) -> None:
        self._seconds += seconds
        if self.is_over:
            with suppress(RuntimeError):  # nobody waits any more
                self._timeout.reschedule(asyncio.get_running_loop().time())


_work: ContextVar[_Work] = ContextVar("work")


@asynccontextmanager
async def bounded() -> AsyncIterator[None]:
    """For one request by a BoundedConnector; TooCostlyError once its answer has cost too much."""
    timeout = asyncio.timeout(None)
    work = _Work(timeout)
    _work.set(work)
    try:
        async with timeout:
            yield
    except TimeoutError:
        if work.is_over:
            raise TooCostlyError(
                f"costs more than {MAX_WORK * 1000:g} ms of the processor to be received"
            ) from None
        raise


class BoundedConnector(aiohttp.TCPConnector):
    """As its base; for connections that are used once, within `bounded`."""

    async def connect(self, *arguments: Any, **named: Any) -> Any:
        connection = await super().connect(*arguments, **named)
        protocol, transport = connection.protocol, connection.transport
        if protocol is not None and transport is not None:
            transport.set_protocol(_Bounded(protocol, transport, _work.get()))
        return connection


class _Bounded(asyncio.Protocol):
    """Stands before the protocol that takes answers apart."""

    def __init__(
        self, protocol: asyncio.Protocol, transport: asyncio.Transport, work: _Work
    ) -> None:
        self._protocol = protocol
        self._transport = transport
        self._work = work

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), _PIECE):
            if self._work.is_over:
                self._transport.pause_reading()
                return
            begun = time.thread_time()
            self._protocol.data_received(data[start : start + _PIECE])
            self._work.add(time.thread_time() - begun)

    def eof_received(self) -> bool | None:
        """An end that comes after something was left out is no end."""
        return True if self._work.is_over else self._protocol.eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        self._protocol.connection_lost(error)

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()
