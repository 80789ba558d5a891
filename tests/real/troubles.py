"""What goes wrong between a real process and the real server, under the names of `faults.troubles`.

Each fault happens once, at its address: ``WRITE * * n`` and ``READ * * n`` are the n-th write and
the n-th read of all processes together (the Lease aside, watches aside), any other address is as in
`faults.plans`, counted over all names.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from faults.plans import Address, Addresses, Plan
from real.proxy import Answer, Exchange, Passed, Reset, refusal
from wavegate.kube.errors import ApiError
from wavegate.simulation.transport import Request

REFUSED_FOR: Final = 30.0
"""Seconds for which credentials are no good."""

WATCH_REFUSED_FOR: Final = 10.0
SLOW: Final = 3.0
"""Seconds that a slow request takes, or a slow answer."""

LONG: Final = 60.0
"""Seconds after which nobody waits for an answer any more."""


class Troubles:
    """The troubles of one run: shared by all its processes, so that each happens once."""

    def __init__(self, plan: Plan) -> None:
        self.happened: list[str] = []
        self.killed: list[int] = []
        """Processes that were killed, by their ids, and not yet found dead."""
        self.waits_for_lease = False
        """Whether the process that comes next has to wait until the Lease runs out."""
        self.stopped: Between | None = None
        """Whose process was stopped (SIGSTOP)."""
        self.writes = 0
        self.reads = 0
        self._left = dict(plan.faults)
        self._requests = Addresses()
        self._events = Addresses()

    def at_request(self, passed: Passed) -> str:
        """What goes wrong with this request; empty for nothing."""
        if passed.is_of_lease:
            return ""
        if not passed.writes:
            self.reads += 1
            return self._take(Address("READ", "*", "*", self.reads))
        request = Request(passed.method, passed.path, passed.query, passed.body)
        address = self._requests.of_request(request)
        self.writes += 1
        return self._take(Address("WRITE", "*", "*", self.writes), address)

    def at_event(self, passed: Passed, event: Mapping[str, Any]) -> str:
        try:
            address = self._events.of_event(passed.path, event)
        except ApiError:
            return ""  # of a kind that is only read, such as a namespace
        return self._take(address)

    def _take(self, *addresses: Address | None) -> str:
        for address in addresses:
            place = address.anonymous if address is not None and address.overall else address
            if place is not None and (fault := self._left.pop(place, "")):
                self.happened.append(f"{fault} {place}")
                return fault
        return ""


class Between:
    """A `proxy.Trouble`: what is between one replica and the server.

    ``pid``: its process.
    """

    def __init__(self, troubles: Troubles, pid: Callable[[], int]) -> None:
        self.troubles = troubles
        self.pid = pid
        self.dies_next = False
        self.refusal = 0
        self.refused_until = 0.0
        self.watch_refusals: dict[str, tuple[int, float]] = {}
        self.expired: set[str] = set()
        """Paths of which the next watch is too far behind."""
        self.stopped_at: float | None = None
        self.in_flight: list[Passed] = []
        """Writes that were under way when the process was stopped."""
        self.goes_on = asyncio.Event()

    def forget(self) -> None:
        """Another process comes in the place of the last one."""
        self.dies_next = False
        self.stopped_at = None

    async def handle(self, exchange: Exchange) -> Answer:
        passed = exchange.passed
        self._may_die()
        if time.monotonic() < self.refused_until:
            return refusal(self.refusal, "Fault")
        fault = self.troubles.at_request(passed)
        return await REQUEST_FAULTS[fault](self, exchange) if fault else await exchange.forward()

    async def watching(self, exchange: Exchange) -> Answer | None:
        path = exchange.passed.path
        self._may_die()
        if time.monotonic() < self.refused_until:
            return refusal(self.refusal, "Fault")
        code, until = self.watch_refusals.get(path, (0, 0.0))
        if time.monotonic() < until:
            return refusal(code, "Fault")
        if path in self.expired:
            self.expired.remove(path)
            return refusal(410, "Expired")
        return None

    async def arriving(self, exchange: Exchange, line: bytes) -> bytes | None:
        fault = self.troubles.at_event(exchange.passed, json.loads(line))
        return await EVENT_FAULTS[fault](self, exchange, line) if fault else line

    def die(self) -> None:
        """The process is killed at this very moment."""
        self.troubles.killed.append(self.pid())
        os.kill(self.pid(), signal.SIGKILL)
        raise Reset

    def stop(self, in_flight: list[Passed]) -> None:
        """The process stands still from this very moment on."""
        os.kill(self.pid(), signal.SIGSTOP)
        self.stopped_at, self.in_flight = time.monotonic(), in_flight
        self.troubles.stopped = self

    def go_on(self) -> None:
        """The process goes on, and what was held back arrives at the server."""
        os.kill(self.pid(), signal.SIGCONT)
        self.goes_on.set()

    def _may_die(self) -> None:
        if self.dies_next:
            self.dies_next = False
            self.die()


RequestFault = Callable[[Between, Exchange], Awaitable[Answer]]
EventFault = Callable[[Between, Exchange, bytes], Awaitable[bytes | None]]


def _before(code: int, reason: str = "Fault", retry_after: int | None = None) -> RequestFault:
    async def happen(_: Between, __: Exchange) -> Answer:
        return refusal(code, reason, retry_after)

    return happen


def _after(code: int) -> RequestFault:
    async def happen(_: Between, exchange: Exchange) -> Answer:
        await exchange.forward()
        return refusal(code, "Fault")

    return happen


def _for_a_while(code: int) -> RequestFault:
    async def happen(between: Between, _: Exchange) -> Answer:
        between.refusal, between.refused_until = code, time.monotonic() + REFUSED_FOR
        return refusal(code, "Fault")

    return happen


async def _die_before(between: Between, _: Exchange) -> Answer:
    between.die()
    raise AssertionError


async def _die_unanswered(between: Between, exchange: Exchange) -> Answer:
    await exchange.forward()
    between.die()
    raise AssertionError


async def _die_next(between: Between, exchange: Exchange) -> Answer:
    answer = await exchange.forward()
    between.dies_next = True
    return answer


def _for_long(happens: RequestFault) -> RequestFault:
    """Nobody takes the Lease away from the dead: the next process waits until it runs out."""

    async def happen(between: Between, exchange: Exchange) -> Answer:
        between.troubles.waits_for_lease = True
        return await happens(between, exchange)

    return happen


async def _conflict(_: Between, exchange: Exchange) -> Answer:
    """A create finds what was meant; anything else finds the object changed."""
    if exchange.passed.method != "POST" or exchange.passed.query.get("dryRun"):
        return refusal(409, "Conflict")
    await exchange.forward()
    return refusal(409, "AlreadyExists")


async def _reset_before(_: Between, __: Exchange) -> Answer:
    raise Reset


async def _reset_after(_: Between, exchange: Exchange) -> Answer:
    await exchange.forward()
    raise Reset


async def _time_out(_: Between, exchange: Exchange) -> Answer:
    await exchange.forward()
    await asyncio.sleep(LONG)
    raise Reset


async def _late(_: Between, exchange: Exchange) -> Answer:
    await asyncio.sleep(SLOW)
    return await exchange.forward()


async def _slow_answer(_: Between, exchange: Exchange) -> Answer:
    return replace(await exchange.forward(), seconds=SLOW)


async def _half_an_answer(_: Between, exchange: Exchange) -> Answer:
    """It is cut in the middle, although its length says nothing of that."""
    answer = await exchange.forward()
    return replace(answer, body=answer.body[: len(answer.body) // 2])


async def _stop(between: Between, exchange: Exchange) -> Answer:
    """What is under way arrives all the same."""
    between.stop(exchange.under_way())
    return await exchange.forward()


async def _stop_and_hold(between: Between, exchange: Exchange) -> Answer:
    """What is under way arrives once the process goes on."""
    between.stop(exchange.under_way())
    await between.goes_on.wait()
    return await exchange.forward()


REQUEST_FAULTS: Final[Mapping[str, RequestFault]] = {
    "C1": _die_before,
    "C2": _die_unanswered,
    "C3": _die_next,
    "C1-long": _for_long(_die_before),
    "C2-long": _for_long(_die_unanswered),
    "C3-long": _for_long(_die_next),
    "E1": _conflict,
    "E2": _before(429),
    "E2-retry-after": _before(429, retry_after=3),
    "E3-500-before": _before(500),
    "E3-503-before": _before(503),
    "E3-504-before": _before(504),
    "E3-reset-before": _reset_before,
    "E3-500-after": _after(500),
    "E3-504-after": _after(504),
    "E3-timeout-after": _time_out,
    "E3-reset-after": _reset_after,
    "E3-late": _late,
    "E3-slow-answer": _slow_answer,
    "E3-half-an-answer": _half_an_answer,
    "E4-401": _for_a_while(401),
    "E4-403": _for_a_while(403),
    "E5-413": _before(413, "RequestEntityTooLarge"),
    "E5-422": _before(422, "Invalid"),
    "L1": _stop,
    "L1-held": _stop_and_hold,
}


async def _compacted(between: Between, exchange: Exchange, _: bytes) -> bytes | None:
    """The watch breaks before the event, and the next one is too far behind."""
    between.expired.add(exchange.passed.path)
    raise Reset


async def _cut(_: Between, __: Exchange, line: bytes) -> bytes | None:
    """In the middle of the event."""
    raise Reset(line[: len(line) // 2])


async def _bad_event(_: Between, __: Exchange, ___: bytes) -> bytes | None:
    return _error_event(refusal(500, "InternalError"))


async def _too_old(_: Between, __: Exchange, ___: bytes) -> bytes | None:
    """As a server says it that finds out later."""
    return _error_event(refusal(410, "Expired"))


def _error_event(answer: Answer) -> bytes:
    return json.dumps({"type": "ERROR", "object": json.loads(answer.body)}).encode() + b"\n"


def _after_seconds(seconds: float) -> EventFault:
    async def happen(_: Between, __: Exchange, line: bytes) -> bytes | None:
        await asyncio.sleep(seconds)
        return line

    return happen


def _then_refused(code: int) -> EventFault:
    """The watch breaks, and is refused for a while."""

    async def happen(between: Between, exchange: Exchange, _: bytes) -> bytes | None:
        until = time.monotonic() + WATCH_REFUSED_FOR
        between.watch_refusals[exchange.passed.path] = (code, until)
        raise Reset

    return happen


EVENT_FAULTS: Final[Mapping[str, EventFault]] = {
    "W2": _compacted,
    "W2-event": _too_old,
    "W2-cut": _cut,
    "W3-1": _after_seconds(1),
    "W3-4": _after_seconds(4),
    "W3-30": _after_seconds(30),
    "W5-event": _bad_event,
    "W5-401": _then_refused(401),
    "W5-403": _then_refused(403),
    "W5-404": _then_refused(404),
    "W5-500": _then_refused(500),
    "W5-503": _then_refused(503),
}
