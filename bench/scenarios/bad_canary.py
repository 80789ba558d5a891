"""Versions whose canaries end at once: how soon they are taken back, and who starts after that.

Each of REPEATED versions has CANARIES canaries whose pods fail, one after the other as they are
made. The verdict is the status write by which the first of their Executions is Failed. The first
rollback write is the first that gives a node the stable version back, or makes the rollback. What a
write was is told by a watch, when it came and was answered by the audit log: of an object's writes
the n-th in the one is the n-th in the other.

    the server answers: Execution a-2 is Failed          10.00 s    the verdict
    the server receives: pod b, of the bad version        9.99 s    had been sent already
    the server receives: Execution a-3, of the stable    10.06 s    first rollback write: 0.06 s
    the server receives: pod c, of the bad version       10.20 s    a start after the verdict
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from bench.api import Api
from bench.audit import Request, writes
from bench.contenders import DEPLOYMENTS, EXECUTIONS, PODS, rolling
from bench.errors import BenchError
from bench.lab import RAISED, USER, Lab
from bench.meter import quiet
from bench.scenarios.fleet import Fleet
from bench.scenarios.many_jobs import percentile
from wavegate.api.names import LABEL_VERSION, ROLLBACK_SUFFIX
from wavelab.fates import FATE

REPEATED: Final = 30
CANARIES: Final = 10

_COLLECTIONS: Final = {"executions": EXECUTIONS, "pods": PODS, "fleetdeployments": DEPLOYMENTS}


@dataclass(frozen=True)
class Event:
    """Of a watch: an object was made (``ADDED``) or written, and what it then was."""

    kind: str
    resource: str
    name: str
    version: int
    """That it belongs to; of a FleetDeployment, that which it leads to."""
    state: str


@dataclass(frozen=True)
class TakenBack:
    """What followed the verdict over a version, in seconds."""

    to_rollback: float
    starts: int
    """Executions and pods of the version that were made."""
    late_starts: int
    """Those of them that were asked for after the verdict was answered."""


async def measure(lab: Lab, nodes: int) -> dict[str, Any]:
    """Seconds from verdicts to rollbacks, and starts of bad versions after their verdict."""
    fleet, since = Fleet(lab.api), 0.0
    async with lab.operator(RAISED):
        await fleet.create()
        await quiet(lab)
        since = time.time()
        async with _watching(lab.api) as events:
            for number in range(1, REPEATED + 1):
                await fleet.change(_canaries(nodes), {FATE: "crash"})
                await fleet.ends("Failed")
                await fleet.ends("Completed", ROLLBACK_SUFFIX)
                lab.say(f"bad canary {number} of {REPEATED} taken back")
            await quiet(lab)
    told = timed(events, writes(await lab.requests(since), USER))
    found = [taken_back(told, version, stable=1) for version in range(2, fleet.version + 1)]
    seconds = sorted(each.to_rollback for each in found)
    return {
        "nodes": nodes,
        "canaries": min(CANARIES, nodes),
        "repeated": REPEATED,
        "to_rollback": {
            "p50": percentile(seconds, 0.5),
            "p99": percentile(seconds, 0.99),
            "most": seconds[-1],
        },
        "starts": sum(each.starts for each in found),
        "late_starts": sum(each.late_starts for each in found),
    }


def timed(events: Sequence[Event], requests: Sequence[Request]) -> list[tuple[Event, Request]]:
    """Each event of a watch with the write that it tells of. Raises BenchError."""
    asked: Mapping[tuple[str, str, str], list[Request]] = defaultdict(list)
    for request in requests:
        kind = "ADDED" if request.verb == "create" else "MODIFIED"
        resource = request.resource.removesuffix("/status")
        if request.verb in ("create", "update"):
            asked[kind, resource, request.name].append(request)
    told: Mapping[tuple[str, str, str], list[Event]] = defaultdict(list)
    for event in events:
        # Others write pods, too.
        if event.kind == "ADDED" or event.resource == "executions":
            told[event.kind, event.resource, event.name].append(event)
    found: list[tuple[Event, Request]] = []
    for key, its_events in told.items():
        if len(its_events) != len(asked[key]):
            raise BenchError(f"{key}: {len(its_events)} events, {len(asked[key])} requests")
        found += zip(its_events, asked[key], strict=True)
    return sorted(found, key=lambda pair: pair[1].answered)


def taken_back(told: Sequence[tuple[Event, Request]], version: int, stable: int) -> TakenBack:
    """What followed the first verdict over a version. Raises BenchError where there was none."""
    verdicts = [
        request.answered
        for event, request in told
        if (event.resource, event.version, event.state) == ("executions", version, "Failed")
    ]
    if not verdicts:
        raise BenchError(f"no execution of version {version} has failed")
    after = [(event, request) for event, request in told if request.received > verdicts[0]]
    back = [
        request.received
        for event, request in after
        if event.kind == "ADDED" and event.version == stable
    ]
    if not back:
        raise BenchError(f"version {version} was not taken back")
    return TakenBack(min(back) - verdicts[0], _starts(told, version), _starts(after, version))


def _starts(told: Sequence[tuple[Event, Request]], version: int) -> int:
    return sum(
        event.kind == "ADDED" and event.version == version and event.resource != "fleetdeployments"
        for event, _ in told
    )


def _canaries(nodes: int) -> dict[str, Any]:
    count = min(CANARIES, nodes)
    return {**rolling(), "strategy": "Canary", "canaryCount": count, "autoPromote": True}


@asynccontextmanager
async def _watching(api: Api) -> AsyncIterator[list[Event]]:
    """Events from now on, in a list that grows."""
    events: list[Event] = []
    since = {resource: await api.revision(path) for resource, path in _COLLECTIONS.items()}
    tasks = [
        asyncio.create_task(_record(api, resource, since[resource], events))
        for resource in _COLLECTIONS
    ]
    try:
        yield events
    finally:
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, BenchError):
                raise ended


async def _record(api: Api, resource: str, since: str, events: list[Event]) -> None:
    async for event in api.watch(_COLLECTIONS[resource], f"resourceVersion={since}"):
        if event["type"] in ("ADDED", "MODIFIED"):
            found = event["object"]
            state = found.get("status", {}).get("observedState", {}).get("stateType", "")
            about = found["metadata"]
            version = int(about["labels"][LABEL_VERSION])
            events.append(Event(event["type"], resource, about["name"], version, state))
