"""Answers that cost too much to be taken apart."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wavegate.health import connections
from wavegate.health.connections import MAX_WORK, _Bounded


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


def test_nothing_more_is_read_once_it_has_cost_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    parser, transport = Parser(0.6 * MAX_WORK, monkeypatch), Transport()
    bounded = _Bounded(parser, transport)
    for piece in (b"1", b"2", b"3", b"4"):
        bounded.data_received(piece)
    assert bounded.eof_received() is True, "it is kept open, for its end would make it whole"
    bounded.connection_lost(None)
    assert parser.got == [b"1", b"2", "lost"]
    assert transport.paused


def test_what_costs_little_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    parser, transport = Parser(MAX_WORK / 100, monkeypatch), Transport()
    bounded = _Bounded(parser, transport)
    for piece in (b"1", b"2", b"3", b"4"):
        bounded.data_received(piece)
    assert not bounded.eof_received()
    bounded.connection_lost(None)
    assert parser.got == [b"1", b"2", b"3", b"4", "end", "lost"]
    assert not transport.paused
