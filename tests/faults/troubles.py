"""What goes wrong, by name: killed processes, lost and refused requests, watches that lie.

Each fault happens once, at its address. `FAULTS` has what happens at a request, `EVENT_FAULTS`
what happens at an event of a watch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from faults.outside import AT_CHILD, AT_NODE, STRANGER, Outside
from faults.plans import Address, Addresses, Plan
from faults.watched import Watched
from wavegate.kube.errors import ApiError, Uncertain
from wavegate.kube.resources import BY_KIND
from wavegate.simulation import refusals
from wavegate.simulation.cluster import Process, SimulatedCluster
from wavegate.simulation.kinds import SERVED
from wavegate.simulation.server import parse
from wavegate.simulation.transport import Request
from wavegate.watch.reflector import IDLE_TIMEOUT

HELD_FOR = 30.0
"""Seconds for which credentials are no good."""

CATCHES_UP = 5.0
"""Seconds for which a server is behind."""

STAYS = {"pods": 10.0, "executions": 10.0}
STAYS_LONG = 100.0
"""Seconds for which a stranger has a name: shorter than the deadline of what waits for it."""


class Troubles:
    """The troubles of one run: shared by all its processes, so that each happens once."""

    def __init__(self, plan: Plan, cluster: SimulatedCluster, watched: Watched) -> None:
        self.cluster = cluster
        self.watched = watched
        self.outside = Outside(cluster, watched)
        self.writes: list[Address] = []
        self.events: dict[Address, str] = {}
        """Events in their order, each with the uid of its object."""
        self.requests = 0
        self.happened: list[str] = []
        self._left = dict(plan.faults)
        self._numbers = Addresses()
        self._event_numbers = Addresses()

    def of(self, process: Process) -> Between:
        """Those of one process."""
        return Between(self, process)

    def at_write(self, request: Request) -> str:
        """What goes wrong with this request; empty for nothing."""
        address = self._numbers.of_request(request)
        if address is None:
            return ""
        self.writes.append(address)
        return self._take(address)

    def at_event(self, path: str, event: dict[str, Any]) -> str:
        address = self._event_numbers.of_event(path, event)
        if address is None:
            return ""
        self.events[address] = event["object"]["metadata"]["uid"]
        return self._take(address)

    def _take(self, address: Address) -> str:
        fault = self._left.pop(address, "") or self._left.pop(address.anonymous, "")
        if fault:
            self.happened.append(f"{fault} {address}")
        return fault


class Between:
    """A `simulation.transport.Trouble`: what is between one process and the server."""

    def __init__(self, troubles: Troubles, process: Process) -> None:
        self.troubles = troubles
        self.cluster = troubles.cluster
        self.process = process
        self.dies_next = False
        self.refused_until = 0.0
        self.refusal = 0
        self.behind_until = 0.0
        self.behind_at = 0
        """The revision at which lists are until then."""
        self.expires_next = False
        self._after: dict[int, str] = {}

    def leaving(self, request: Request) -> None:
        """9. A process that does not lead sends no write."""
        if request.method != "GET" and "leases" not in request.path:
            self.troubles.watched.sends(self.process, f"{request.method} {request.path}")

    async def sending(self, request: Request) -> None:
        if "leases" not in request.path:
            self.troubles.requests += 1
        if self.dies_next:
            self.die()
        if self.cluster.loop.time() < self.refused_until:
            raise _answer(self.refusal)
        fault = self.troubles.at_write(request)
        if fault in AFTER or fault in AT_CHILD:
            self._after[id(request)] = fault
        if fault in AT_NODE:
            outside = self.troubles.outside
            if node := outside.node_of(request):
                self.cluster.apart(lambda: AT_NODE[fault](outside, node))
        if fault in BEFORE:
            await BEFORE[fault](self, request)

    async def answered(self, request: Request, answer: dict[str, Any]) -> None:
        fault = self._after.pop(id(request), "")
        if fault in AFTER:
            await AFTER[fault](self, request)
        elif fault:
            outside = self.troubles.outside
            self.cluster.apart(lambda: AT_CHILD[fault](outside, _path_of(answer)))
        elif request.method == "GET" and self.cluster.loop.time() < self.behind_until:
            self._answer_from_behind(request, answer)

    def _answer_from_behind(self, request: Request, answer: dict[str, Any]) -> None:
        if "items" in answer:
            server, account = self.cluster.server, self.cluster.account
            query = {k: v for k, v in request.query.items() if k != "continue"}
            answer |= server.list_behind(account, request.path, query, self.behind_at)

    async def watching(self, path: str) -> None:
        if self.dies_next:
            self.die()
        if self.cluster.loop.time() < self.refused_until:
            raise _answer(self.refusal)
        if self.expires_next:
            self.expires_next = False
            raise refusals.expired("too old resource version: it is another server's")

    async def arriving(self, path: str, event: dict[str, Any]) -> bool:
        fault = self.troubles.at_event(path, event)
        return await EVENT_FAULTS[fault](self, event) if fault else True

    def die(self) -> None:
        """The process is killed at this very moment."""
        self.process.kill()
        raise Uncertain("the process was killed", "Dead")

    def refuse_for_a_while(self, code: int) -> None:
        self.refusal = code
        self.refused_until = self.cluster.loop.time() + HELD_FOR
        raise _answer(code)


Happens = Callable[[Between, Request], Awaitable[None]]


def _path_of(written: dict[str, Any]) -> str:
    """Of the object that the server has answered with."""
    metadata = written["metadata"]
    return BY_KIND[written["kind"]].object(metadata.get("namespace"), metadata["name"])


def _answer(code: int, retry_after: int | None = None) -> ApiError:
    return refusals.refusal(code, "Fault", f"a fault's {code}", retry_after=retry_after)


def _raises(code: int, retry_after: int | None = None) -> Happens:
    async def happen(_: Between, __: Request) -> None:
        raise _answer(code, retry_after)

    return happen


def _for_a_while(code: int) -> Happens:
    async def happen(between: Between, _: Request) -> None:
        between.refuse_for_a_while(code)

    return happen


async def _die(between: Between, _: Request) -> None:
    between.die()


async def _die_for_long(between: Between, _: Request) -> None:
    """For longer than a health deadline nobody looks."""
    between.process.machine.starts_after = 90.0
    between.die()


async def _die_next(between: Between, _: Request) -> None:
    between.dies_next = True


async def _reset(_: Between, __: Request) -> None:
    raise Uncertain("connection reset by peer")


async def _time_out(between: Between, _: Request) -> None:
    await asyncio.sleep(60)


async def _conflict(between: Between, request: Request) -> None:
    """A create finds what was meant; anything else finds the object changed."""
    target = parse(request.path)
    if request.method != "POST":
        raise refusals.conflict(target.kind.resource, target.name, "a fault")
    if request.query:
        raise _answer(409)
    await _apply(between, request)


async def _apply(between: Between, request: Request) -> None:
    """As if an earlier try had gone through unseen."""
    account = between.cluster.account
    between.cluster.server.request(account, "POST", request.path, request.query, request.body)


async def _stranger(between: Between, request: Request) -> None:
    """Somebody else has the name, and leaves after a while."""
    if request.method != "POST" or request.query or "events" in request.path:
        return
    cluster, metadata = between.cluster, request.body["metadata"]
    bare = {"name": metadata["name"], "namespace": metadata["namespace"]}
    body = {**request.body, "metadata": bare}
    if body["kind"] == "Pod":
        body["spec"] = {**body["spec"], "nodeName": "elsewhere"}
    try:
        cluster.server.request(STRANGER, "POST", request.path, body=body)
    except ApiError:
        return  # there is one already
    path = f"{request.path}/{metadata['name']}"

    def leave() -> None:
        options = {"gracePeriodSeconds": 0}
        cluster.server.request(STRANGER, "DELETE", path, body=options)

    cluster.later(STAYS.get(parse(request.path).kind.resource.plural, STAYS_LONG), leave)


def _pause(seconds: float) -> Happens:
    async def happen(between: Between, _: Request) -> None:
        process = between.process
        between.cluster.later(seconds, process.resume)
        process.pause()
        await asyncio.sleep(0)

    return happen


def _skew(seconds: float) -> Happens:
    """The clock of every other node is wrong from now on."""

    async def happen(between: Between, _: Request) -> None:
        names = sorted(key[1] for key, _ in between.cluster.server.store.items(SERVED["Node"]))
        between.cluster.fleet.skew |= dict.fromkeys(names[::2], seconds)

    return happen


def _jump(seconds: float) -> Happens:
    async def happen(between: Between, _: Request) -> None:
        between.process.machine.ahead += seconds

    return happen


BEFORE: dict[str, Happens] = {
    "C1": _die,
    "C1-long": _die_for_long,
    "E1": _conflict,
    "E1-stranger": _stranger,
    "E2": _raises(429),
    "E2-retry-after": _raises(429, 3),
    "E3-500-before": _raises(500),
    "E3-503-before": _raises(503),
    "E3-504-before": _raises(504),
    "E3-reset-before": _reset,
    "E4-401": _for_a_while(401),
    "E4-403": _for_a_while(403),
    "E5-413": _raises(413),
    "E5-422": _raises(422),
    "L1": _pause(40),
    "L1-short": _pause(12),
    "T1-nodes+30": _skew(30),
    "T1-nodes-30": _skew(-30),
    "T1-nodes+300": _skew(300),
    "T1-nodes-300": _skew(-300),
    "T1-nodes+3600": _skew(3600),
    "T1-nodes-3600": _skew(-3600),
    "T1+30": _jump(30),
    "T1-30": _jump(-30),
    "T1+300": _jump(300),
    "T1-300": _jump(-300),
    "T1+3600": _jump(3600),
    "T1-3600": _jump(-3600),
}
AFTER: dict[str, Happens] = {
    "C2": _die,
    "C3": _die_next,
    "E3-500-after": _raises(500),
    "E3-504-after": _raises(504),
    "E3-timeout-after": _time_out,
    "E3-reset-after": _reset,
}
FAULTS = (*BEFORE, *AFTER, *AT_NODE, *AT_CHILD)

Event = dict[str, Any]


async def _lost(between: Between, _: Event) -> bool:
    return False


async def _compacted(between: Between, _: Event) -> bool:
    """The watch breaks before the event, and the server has forgotten what was before now."""
    between.cluster.server.store.compact()
    raise Uncertain("connection reset by peer")


def _late(seconds: float) -> Callable[[Between, Event], Awaitable[bool]]:
    async def happen(_: Between, __: Event) -> bool:
        await asyncio.sleep(seconds)
        return True

    return happen


def _silent(seconds: float) -> Callable[[Between, Event], Awaitable[bool]]:
    """Nothing comes, not even a bookmark; a client that has had enough of it breaks off."""

    async def happen(_: Between, __: Event) -> bool:
        await asyncio.sleep(min(seconds, IDLE_TIMEOUT))
        if seconds < IDLE_TIMEOUT:
            return True
        raise Uncertain("no answer in time", "Timeout")

    return happen


def _behind(revisions: int) -> Callable[[Between, Event], Awaitable[bool]]:
    """The next server does not know where the watch was, and lists what was so long ago."""

    async def happen(between: Between, _: Event) -> bool:
        store = between.cluster.server.store
        between.behind_at = max(store.compacted, store.revision - revisions)
        between.behind_until = between.cluster.loop.time() + CATCHES_UP
        between.expires_next = True
        raise Uncertain("connection reset by peer")

    return happen


async def _bad_event(between: Between, event: Event) -> bool:
    event.clear()
    event |= {"type": "ERROR", "object": refusals.status(500, "InternalError", "a fault")}
    return True


def _refused(code: int) -> Callable[[Between, Event], Awaitable[bool]]:
    async def happen(between: Between, _: Event) -> bool:
        between.refuse_for_a_while(code)
        return False

    return happen


EVENT_FAULTS: dict[str, Callable[[Between, Event], Awaitable[bool]]] = {
    "W1": _lost,
    "W2": _compacted,
    "W3-1": _late(1),
    "W3-4": _late(4),
    "W3-6": _late(6),
    "W3-30": _late(30),
    "W3-120": _late(120),
    "W4-80": _silent(80),
    "W4-600": _silent(600),
    "W6-1": _behind(1),
    "W6-10": _behind(10),
    "W6-100": _behind(100),
    "W5-event": _bad_event,
    "W5-401": _refused(401),
    "W5-403": _refused(403),
    "W5-404": _refused(404),
    "W5-500": _refused(500),
    "W5-503": _refused(503),
}
