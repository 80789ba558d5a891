"""Answers that cost too much to be taken apart."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wavegate.health import connections
from wavegate.health.connections import MAX_WORK, TooCostlyError, _Bounded, _work, bounded


class Parser(asyncio.Protocol):
    """Takes so many seconds of the processor for each piece."""

    def __init__(self, seconds: float, patch: pytest.MonkeyPatch) -> None:
        self.seconds = seconds
        self.got: list[Any] = []
        self._clock = 0.0
        patch.setattr(connections.time, "thread_time", lambda: self._clock)

    def data_received(self, data: bytes) -> None:
        self.got.append(data)
        self._clock += self.seconds

    def eof_received(self) -> None:
        self.got.append("end")

    def connection_lost(self, error: Exception | None) -> None:
        self.got.append("lost")


class Transport(asyncio.Transport):
    paused = False

    def pause_reading(self) -> None:
        self.paused = True


async def test_nothing_more_is_read_once_it_has_cost_too_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parser, transport = Parser(0.6 * MAX_WORK, monkeypatch), Transport()

    async def read() -> None:
        async with bounded():
            protocol = _Bounded(parser, transport, _work.get())
            for piece in (b"1", b"2", b"3", b"4"):
                protocol.data_received(piece)
            assert protocol.eof_received() is True, "it is kept open: its end would make it whole"
            await asyncio.Event().wait()

    with pytest.raises(TooCostlyError, match="costs more than 20 ms of the processor"):
        await read()
    assert parser.got == [b"1", b"2"]
    assert transport.paused


async def test_what_costs_little_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    parser, transport = Parser(MAX_WORK / 100, monkeypatch), Transport()
    async with bounded():
        protocol = _Bounded(parser, transport, _work.get())
        for piece in (b"1", b"2", b"3", b"4"):
            protocol.data_received(piece)
        assert not protocol.eof_received()
    protocol.connection_lost(None)
    assert parser.got == [b"1", b"2", b"3", b"4", "end", "lost"]
    assert not transport.paused


async def test_what_comes_when_nobody_waits_any_more_breaks_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parser, transport = Parser(2 * MAX_WORK, monkeypatch), Transport()
    async with bounded():
        protocol = _Bounded(parser, transport, _work.get())
    protocol.data_received(b"1")
    protocol.data_received(b"2")
    assert parser.got == [b"1"]


async def test_who_waits_too_long_is_told_that() -> None:
    with pytest.raises(TimeoutError):
        async with bounded(), asyncio.timeout(0):
            await asyncio.Event().wait()
