"""What is measured of runs; each scenario returns its figures, times in seconds."""

from __future__ import annotations

import asyncio
import itertools
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from statistics import quantiles
from typing import Any, Final

import aiohttp

from bench.errors import BenchError
from bench.lab import NAMESPACE, Lab, Operator
from bench.meter import Meter

Figures = dict[str, Any]

_ROOT: Final = f"/apis/wavegate.dev/v1alpha1/namespaces/{NAMESPACE}"
_CRON_JOBS: Final = f"/apis/batch/v1/namespaces/{NAMESPACE}/cronjobs"
_JOBS: Final = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
ASKERS: Final = 16
"""Clients that ask for runs at once."""
OUTSTANDING: Final = 200
"""Runs asked for and not yet called, at most, where as many as possible are called."""


@dataclass
class Stage:
    """The cluster, the operator and the endpoint; ``url``: of the endpoint."""

    lab: Lab
    operator: Operator
    session: aiohttp.ClientSession
    url: str
    serial: itertools.count[int]

    async def job(self, name: str, **spec: Any) -> None:
        """Make an HTTPJob that calls the endpoint."""
        body = _document("HTTPJob", name, {"http": {"url": f"{self.url}/"}, **spec})
        await self.lab.api.request("POST", f"{_ROOT}/httpjobs", body)

    async def pool(self, name: str, calls: int, seconds: int) -> None:
        """Make a RateLimitPool of so many calls within so long."""
        body = _document("RateLimitPool", name, {"max": calls, "window": f"{seconds}s"})
        await self.lab.api.request("POST", f"{_ROOT}/ratelimitpools", body)

    async def ask(self, job: str) -> tuple[str, float]:
        """Ask for a run; its name, and when the server had taken it."""
        name = f"{job}-{next(self.serial)}"
        body = _document("JobRun", name, {"jobName": job, "payload": '{"n": 1}'})
        owner = await self._owner(job)
        body["metadata"]["ownerReferences"] = [owner]
        await self.lab.api.request("POST", f"{_ROOT}/jobruns", body)
        return name, time.time()

    async def batch(self, name: str, job: str, count: int) -> None:
        """Ask for so many runs by one object."""
        items = [{"key": f"k{number}", "payload": '{"n": 1}'} for number in range(count)]
        body = _document("RunBatch", name, {"jobName": job, "items": items})
        await self.lab.api.request("POST", f"{_ROOT}/runbatches", body)

    async def batches(self) -> list[dict[str, Any]]:
        """Statuses of all batches."""
        found = await self.lab.api.get(f"{_ROOT}/runbatches")
        return [each.get("status", {}) for each in found["items"]]

    async def calls(self, since: int) -> list[tuple[str, str, float]]:
        """Calls from the one with that number on: job, run and time."""
        async with self.session.get(f"{self.url}/calls?from={since}") as answer:
            return [tuple(each) for each in await answer.json()]

    async def remove(self) -> None:
        """Everything that a scenario has made."""
        for plural in ("httpjobs", "jobruns", "jobversions", "ratelimitpools", "runbatches"):
            await self.lab.api.request("DELETE", f"{_ROOT}/{plural}")

    async def _owner(self, job: str) -> dict[str, Any]:
        if job not in self._uids:
            found = await self.lab.api.get(f"{_ROOT}/httpjobs/{job}")
            self._uids[job] = found["metadata"]["uid"]
        return {
            "apiVersion": "wavegate.dev/v1alpha1",
            "kind": "HTTPJob",
            "name": job,
            "uid": self._uids[job],
            "controller": True,
        }

    def __post_init__(self) -> None:
        self._uids: dict[str, str] = {}


async def sustained(stage: Stage, seconds: float, kept: int) -> Figures:
    """As many calls as can be made for so long, and what runs cost; then memory with ``kept``."""
    limits = {"maxQueued": 10_000}
    await stage.job(
        "sustained",
        runs={"limits": limits, "successfulHistoryLimit": 10_000},
    )
    meter = Meter(stage.lab, stage.operator)
    before = len(await stage.calls(0))
    await meter.begin()
    end = time.monotonic() + seconds
    asked = await _flood(stage, "sustained", before, lambda _: time.monotonic() < end)
    meter.done()
    calls = await _all_called(stage, before, asked)
    await meter.end()
    begin, until = calls[0][2], calls[0][2] + seconds
    within = [each for each in calls if each[2] < until]
    meter.figures |= {
        "runs": asked,
        "calls": len(calls),
        "calls a second": len(within) / seconds,
        "calls a second, the slowest ten seconds": _slowest(within, begin, until),
    }
    more = kept - asked
    if more > 0:
        begun = len(await stage.calls(0))
        count = await _flood(stage, "sustained", begun, lambda made: made < more)
        await _all_called(stage, begun, count)
    await asyncio.sleep(5)
    held = await stage.lab.api.count(f"{_ROOT}/jobruns")
    memory = Meter(stage.lab, stage.operator)
    await memory.begin()
    meter.figures["kept"] = held
    meter.figures["mib with them"] = memory.figures["mib_at_begin"]["operator"]
    await stage.remove()
    return meter.figures


async def waits(stage: Stage, seconds: float, rate: float) -> Figures:
    """Runs asked for evenly, so many a second: from the server's answer until the call arrived."""
    await stage.job("waits", runs={"successfulHistoryLimit": 10_000})
    before = len(await stage.calls(0))
    await stage.ask("waits")
    before += len(await _all_called(stage, before, 1))
    asked: dict[str, float] = {}
    begin = time.monotonic()

    async def one(number: int) -> None:
        await asyncio.sleep(max(0.0, begin + number / rate - time.monotonic()))
        name, when = await stage.ask("waits")
        asked[name] = when

    await asyncio.gather(*(one(number) for number in range(round(seconds * rate))))
    calls = await _all_called(stage, before, len(asked))
    waited = [when - asked[run] for _, run, when in calls if run in asked]
    await stage.remove()
    return {"runs": len(waited), **_of(waited)}


async def pool(stage: Stage, jobs: int, calls: int, seconds: int) -> Figures:
    """Jobs that share a pool of so many calls within so long, and ask for four times as many.

    A pool grants all its calls at once after a quiet time, and goes on as they come back.
    """
    before = len(await stage.calls(0))
    await stage.pool("shared", calls, seconds)
    names = [f"pool-{number}" for number in range(jobs)]
    for name in names:
        await stage.job(name, runs={"limits": {"pools": ["shared"]}})
    wanted = itertools.cycle(names)
    left = iter(range(4 * calls))

    async def ask() -> None:
        for _ in left:
            await stage.ask(next(wanted))

    meter = Meter(stage.lab, stage.operator)
    await meter.begin()
    await asyncio.gather(*(ask() for _ in range(ASKERS)))
    made = await _all_called(stage, before, 4 * calls)
    meter.done()
    await meter.end()
    when = sorted(each[2] for each in made)
    of_half = Counter(job for job, _, _ in made[: 2 * calls])
    await stage.remove()
    return meter.figures | {
        "runs": len(made),
        "jobs": jobs,
        "granted a second": calls / seconds,
        "calls a second after the burst": (len(when) - calls) / (when[-1] - when[calls - 1]),
        "most calls in a window": max(
            bisect_left(when, begin + seconds) - place for place, begin in enumerate(when)
        ),
        "of the first half, the job with the fewest": min(of_half[name] for name in names),
        "of the first half, the job with the most": max(of_half.values()),
    }


async def batches(stage: Stage, number: int, count: int) -> Figures:
    """Batches of so many runs each, asked for in a row: from the first until all have completed."""
    await stage.job("batches")
    before = len(await stage.calls(0))
    meter = Meter(stage.lab, stage.operator)
    await meter.begin()
    begin = time.time()
    for each in range(number):
        await stage.batch(f"batch-{each}", "batches", count)
    calls = await _all_called(stage, before, number * count)
    await _all_completed(stage)
    end = time.time()
    meter.done()
    await meter.end()
    when = sorted(each[2] for each in calls)
    await stage.remove()
    return meter.figures | {
        "runs": len(calls),
        "batches": number,
        "called once each": len({run for _, run, _ in calls}) == len(calls),
        "until the first call": when[0] - begin,
        "until all have completed": end - begin,
        "calls a second": len(when) / (when[-1] - when[0]),
    }


async def schedules(stage: Stage, jobs: int, ticks: int) -> Figures:
    """How late schedules of each minute are, beside as many CronJobs of the same control plane."""
    before = len(await stage.calls(0))
    numbers = range(jobs)
    trigger = {"schedule": {"cron": "* * * * *", "concurrencyPolicy": "Allow"}}
    for number in numbers:
        await stage.job(f"tick-{number}", trigger=trigger)
        await stage.lab.api.request("POST", _CRON_JOBS, _cron_job(f"tick-{number}"))
    late: list[float] = []
    version = await stage.lab.api.revision(_JOBS)

    async def follow() -> None:
        async for event in stage.lab.api.watch(_JOBS, f"resourceVersion={version}"):
            if event["type"] != "ADDED":
                continue
            late.append(time.time() % 60)

    following = asyncio.create_task(follow())
    begin = time.time()
    await asyncio.sleep(60 * ticks + 60 - begin % 60 - 5)
    following.cancel()
    with suppress(asyncio.CancelledError, BenchError):
        await following
    calls = await stage.calls(before)
    for number in numbers:
        await stage.lab.api.request(
            "DELETE", f"{_CRON_JOBS}/tick-{number}?propagationPolicy=Background"
        )
    await stage.remove()
    ours = [when % 60 for _, _, when in calls]
    return {
        "jobs": jobs,
        "ticks": len(ours),
        **_of(ours),
        "CronJobs' ticks": len(late),
        **{f"CronJobs' {name}": value for name, value in _of(late).items()},
    }


async def _flood(stage: Stage, job: str, before: int, goes_on: Callable[[int], bool]) -> int:
    """Ask for runs, OUTSTANDING ahead of the calls at most; how many were asked for."""
    asked, called = 0, 0

    async def ask() -> None:
        nonlocal asked
        while goes_on(asked):
            if asked - called >= OUTSTANDING:
                await asyncio.sleep(0.02)
                continue
            asked += 1
            await stage.ask(job)

    async def look() -> None:
        nonlocal called
        while True:
            called = called + len(await stage.calls(before + called))
            await asyncio.sleep(0.1)

    looking = asyncio.create_task(look())
    await asyncio.gather(*(ask() for _ in range(ASKERS)))
    looking.cancel()
    with suppress(asyncio.CancelledError):
        await looking
    return asked


async def _all_called(stage: Stage, before: int, number: int) -> list[tuple[str, str, float]]:
    deadline = time.monotonic() + 120
    while True:
        calls = await stage.calls(before)
        if len(calls) >= number:
            return calls
        if time.monotonic() > deadline:
            raise BenchError(f"{len(calls)} of {number} runs were called")
        await asyncio.sleep(0.2)


async def _all_completed(stage: Stage) -> None:
    deadline = time.monotonic() + 120
    while True:
        states = Counter(each.get("state") for each in await stage.batches())
        if set(states) == {"Completed"}:
            return
        if time.monotonic() > deadline:
            raise BenchError(f"batches have ended as {dict(states)}")
        await asyncio.sleep(0.1)


def _slowest(calls: list[tuple[str, str, float]], begin: float, end: float) -> float:
    spans = int((end - begin) // 10)
    counts = [0] * max(1, spans)
    for _, _, when in calls:
        place = int((when - begin) // 10)
        if place < len(counts):
            counts[place] += 1
    return min(counts) / 10


def _of(values: list[float]) -> Figures:
    if len(values) < 2:
        return {"p50": None, "p99": None, "most": None}
    cuts = quantiles(values, n=100, method="inclusive")
    return {"p50": cuts[49], "p99": cuts[98], "most": max(values)}


def _document(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "wavegate.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": spec,
    }


def _cron_job(name: str) -> dict[str, Any]:
    container = {"name": "main", "image": "none"}
    pod = {"restartPolicy": "Never", "nodeName": "none", "containers": [container]}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "schedule": "* * * * *",
            "jobTemplate": {"spec": {"template": {"spec": pod}}},
        },
    }
