"""What one act costs: requests, processors, memory, and how the operator fared meanwhile.

Time ends when the act is done; everything else is counted until the cluster is quiet again, so that
what is cleaned up or told later counts as well.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from bench import exposition, machine
from bench.exposition import Page
from bench.lab import NAMESPACE, Lab, Operator

WRITES: Final = ("POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION")
KINDS: Final = ("writes", "reads", "refused", "dry_runs")
READS: Final = ("GET", "LIST")
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_REQUESTS: Final = "apiserver_request_total"

QUIET_SECONDS: Final = 3.0
QUIET_WRITES: Final = 10
"""Fewer writes than these in that time are Leases."""
MOST_SECONDS: Final = 120.0

_RECONCILE: Final = "controller_runtime_reconcile_time_seconds"
_QUEUE: Final = "workqueue_queue_duration_seconds"
_LAG: Final = "wavegate_event_loop_lag_seconds"
_SENT: Final = "rest_client_requests_total"
_HELD_BACK: Final = "rest_client_rate_limiter_duration_seconds"


@dataclass(frozen=True)
class _Moment:
    requests: Page
    operator: Page
    cpu: Mapping[str, float]
    busy: float


@dataclass
class Meter:
    """Begin, act, end; `figures` are those of a row, in seconds and MiB."""

    lab: Lab
    operator: Operator | None
    figures: dict[str, Any] = field(default_factory=dict)

    async def begin(self) -> None:
        """From now on."""
        self._pids = {**self.lab.cluster.pids(), "bench": os.getpid()}
        if self.operator:
            self._pids["operator"] = self.operator.pid
        for pid in self._pids.values():
            machine.forget_peak(pid)
        self.figures["mib_at_begin"] = self._peaks()
        self._before = await self._look()
        self._began = time.monotonic()

    def done(self) -> None:
        """The act has done what it was to do."""
        self.figures["seconds"] = time.monotonic() - self._began

    async def end(self) -> None:
        """Wait until nothing is written any more, and take the figures."""
        await quiet(self.lab)
        await self.look_again()

    async def look_again(self) -> None:
        """Take the figures as they are now."""
        after, before = await self._look(), self._before
        took = {name: after.cpu[name] - before.cpu[name] for name in self._pids}
        self.figures["seconds_until_quiet"] = time.monotonic() - self._began
        self.figures["cpu"] = took
        self.figures["cpu_of_others"] = max(0.0, after.busy - before.busy - sum(took.values()))
        self.figures["peak_mib"] = self._peaks()
        self.figures |= requests(exposition.difference(before.requests, after.requests))
        if self.operator:
            told = exposition.difference(before.operator, after.operator)
            self.figures["operator"] = of_operator(told)

    def _peaks(self) -> dict[str, float]:
        return {name: machine.peak_mib(pid) for name, pid in self._pids.items()}

    async def _look(self) -> _Moment:
        cpu = {name: machine.cpu_seconds(pid) for name, pid in self._pids.items()}
        busy = machine.busy_seconds()
        page = exposition.read(await self.lab.api.text("/metrics"), [_REQUESTS])
        told: Page = {}
        if self.operator:
            names = (_RECONCILE, _QUEUE, _LAG, _SENT, _HELD_BACK)
            async with (
                aiohttp.ClientSession() as session,
                session.get(self.operator.metrics) as answer,
            ):
                told = exposition.read(await answer.text(), names)
        return _Moment(page, told, cpu, busy)


async def quiet(lab: Lab) -> None:
    """Until fewer than QUIET_WRITES are written in QUIET_SECONDS, or MOST_SECONDS have passed."""
    deadline = time.monotonic() + MOST_SECONDS
    last = await _revision(lab)
    while time.monotonic() < deadline:
        await asyncio.sleep(QUIET_SECONDS)
        now = await _revision(lab)
        if now - last < QUIET_WRITES:
            return
        last = now


async def _revision(lab: Lab) -> int:
    """How often anything has been written."""
    found = await lab.api.get(f"/api/v1/namespaces/{NAMESPACE}/configmaps?limit=1")
    return int(found["metadata"]["resourceVersion"])


def requests(page: Page) -> dict[str, Any]:
    """As the API server counted them, by verb and resource; Leases and watches are left out.

    Writes that were dry runs are not among the writes, nor is anything that was refused.
    """
    counted: dict[str, dict[str, int]] = {kind: {} for kind in KINDS}
    for (name, labels), value in page.items():
        label = dict(labels)
        if name != _REQUESTS or not value or not label.get("resource"):
            continue
        if label["resource"] == "leases" or label["verb"] not in (*WRITES, *READS):
            continue
        if label["code"] >= "400":
            kind = "refused"
        elif label["verb"] in READS:
            kind = "reads"
        else:
            kind = "dry_runs" if label["dry_run"] else "writes"
        resource = "/".join(part for part in (label["resource"], label["subresource"]) if part)
        key = f"{label['verb']} {resource}"
        counted[kind][key] = counted[kind].get(key, 0) + int(value)
    return {kind: dict(sorted(counts.items())) for kind, counts in counted.items()}


def of_operator(page: Page) -> dict[str, Any]:
    """Its own account: passes, the queue, the event loop, and the requests that it sent."""
    sent = {method: int(exposition.total(page, _SENT, method=method)) for method in METHODS}
    passes = int(exposition.total(page, f"{_RECONCILE}_count"))
    return {
        "passes": passes,
        "pass_mean": exposition.total(page, f"{_RECONCILE}_sum") / passes if passes else None,
        "seconds_held_back": exposition.total(page, f"{_HELD_BACK}_sum"),
        "requests": sent,
        **{
            f"{what}_{word}": exposition.quantile(page, name, share)
            for what, name in (("pass", _RECONCILE), ("queue", _QUEUE), ("lag", _LAG))
            for word, share in (("p50", 0.5), ("p99", 0.99))
        },
    }
