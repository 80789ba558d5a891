"""Runs of HTTPJobs in each state that waits or has ended, as the whole operator has left them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from support.told import Stage
from wavegate.dispatch.call import Call, Heard
from wavegate.domain.times import format_time

ALL_DAY_BUT_NOW = {"start": "04:00", "end": "05:00"}
"""The simulation begins at 23:13 in Berlin."""


async def by_host(call: Call) -> Heard:
    """What the first label of the host says: ``hangs``, ``s503`` or how a call fails."""
    what = (urlsplit(call.url).hostname or "").partition(".")[0]
    if what == "hangs":
        await asyncio.sleep(1e6)
    if what == "fault":
        raise RuntimeError
    if what.startswith("s"):
        return Heard(http_status=int(what[1:]), result="{}")
    failure = FAILURES[what]
    status = 200 if failure == "AnswerTooLarge" else None
    return Heard(http_status=status, failure=failure, message=f"it was {failure}")


FAILURES: Mapping[str, Any] = {
    each.lower(): each
    for each in (
        *("AnswerTooLarge", "BadAnswer", "TimedOut", "ConnectFailed", "DnsFailed", "TlsFailed"),
        *("Reset", "AddressRefused"),
    )
}


class Runs:
    """What such a story is told with."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.cluster = stage, stage.cluster
        self.cluster.endpoints.answer = by_host

    def job(self, name: str, endpoint: str = "s200", **spec: Any) -> None:
        self.cluster.create("HTTPJob", name, {"http": {"url": f"http://{endpoint}.x/"}, **spec})

    def ask(self, name: str, job: str | None = None, **spec: Any) -> None:
        self.cluster.create("JobRun", name, {"jobName": job or name, **spec})

    def status(self, name: str) -> Mapping[str, Any]:
        return dict((self.cluster.get("JobRun", name) or {}).get("status") or {})

    async def says(self, name: str, reason: str) -> None:
        await self.stage.until(
            f"{name} says {reason}", lambda: self.status(name).get("reason") == reason
        )


ONCE = {"retry": {"maxAttempts": 1}}


async def all_that_wait(stage: Stage) -> None:
    """A run for each reason to wait, named after it in lower case."""
    runs = Runs(stage)
    silent = {"url": "http://s202.x/", "completion": "Async", "heartbeatTimeout": "2h"}
    runs.job("callbackpending", http=silent)
    runs.ask("callbackpending")
    runs.job("scheduled", runs={"ttl": "1h"})
    runs.ask("scheduled", notBefore=format_time(stage.cluster.now() + 7200))
    slowly = {"maxAttempts": 4, "strategy": "Fixed", "initialDelay": "1h", "jitterPercent": 0}
    runs.job("retrybackoff", "s503", runs={"retry": slowly})
    runs.ask("retrybackoff")
    runs.job("concurrencylimit", "hangs", runs={"limits": {"maxConcurrency": 1}, "ttl": "1h"})
    runs.ask("executing", "concurrencylimit")
    await runs.says("executing", "Executing")
    runs.ask("concurrencylimit")
    runs.ask("concurrencylimit-2", "concurrencylimit")
    runs.job("keyconcurrencylimit", "hangs", runs={"limits": {"maxConcurrencyPerKey": 1}})
    runs.ask("key-1", "keyconcurrencylimit", concurrencyKey="a")
    runs.ask("key-2", "keyconcurrencylimit", concurrencyKey="b")
    await runs.says("key-1", "Executing")
    await runs.says("key-2", "Executing")
    runs.ask("keyconcurrencylimit", concurrencyKey="a")
    runs.job("ratelimited", runs={"limits": {"rate": {"max": 1, "window": "1h"}}})
    runs.ask("first", "ratelimited")
    await runs.says("first", "Completed")
    runs.ask("ratelimited")
    runs.cluster.create("RateLimitPool", "wrong", {"max": 1, "window": "25h"})
    runs.job("poolinvalid", runs={"limits": {"pools": ["wrong"]}})
    runs.ask("poolinvalid")
    runs.job("poolmissing", runs={"limits": {"pools": ["partner"]}})
    runs.ask("poolmissing")
    berlin = {"timeZone": "Europe/Berlin", "windows": [ALL_DAY_BUT_NOW]}
    runs.job("outsidewindow", trigger=berlin)
    runs.ask("outsidewindow")
    runs.job("jobsuspended", suspend=True, runs={"ttl": "1h"})
    runs.ask("jobsuspended")
    runs.job("circuitopen", "tlsfailed", runs=ONCE)
    for number in range(5):
        runs.ask(f"failed-{number}", "circuitopen")
    await runs.says("failed-4", "TlsFailed")
    runs.ask("circuitopen")
    runs.ask("jobmissing")
    runs.job("jobinvalid", trigger={"schedule": {"cron": "0 0 30 2 *"}})
    runs.ask("jobinvalid")
    runs.cluster.create("RateLimitPool", "rare", {"max": 1, "window": "1h"})
    for name in ("first-of-pool", "poollimited"):
        runs.job(name, runs={"limits": {"pools": ["rare"]}})
        runs.ask(name)
        await runs.says(name, "Completed" if name == "first-of-pool" else "PoolLimited")
    for name, after in (
        ("dependencypending", "retrybackoff"),
        ("dependencymissing", "nowhere"),
        ("dependencycycle", "circle"),
        ("circle", "dependencycycle"),
    ):
        runs.job(name, trigger={"dependsOn": [{"jobName": after}]})
        runs.ask(name)
    for reason in WAITING:
        await runs.says(reason.lower(), reason)


WAITING = (
    *("Scheduled", "RetryBackoff", "ConcurrencyLimit", "KeyConcurrencyLimit", "RateLimited"),
    *("OutsideWindow", "JobSuspended", "CircuitOpen", "JobMissing", "JobInvalid", "PoolMissing"),
    *("PoolLimited", "PoolInvalid", "DependencyPending", "DependencyMissing", "DependencyCycle"),
    *("Executing", "CallbackPending"),
)


async def operator_busy(stage: Stage) -> None:
    """As many calls are under way as the operator may make."""
    runs = Runs(stage)
    runs.job("hangs", "hangs")
    for number in range(stage.cluster.settings.calls):
        runs.ask(f"hangs-{number}", "hangs")
    await stage.until(
        "all calls are made",
        lambda: len(stage.cluster.endpoints.calls) == stage.cluster.settings.calls,
    )
    runs.job("operatorbusy")
    runs.ask("operatorbusy")
    await runs.says("operatorbusy", "OperatorBusy")


async def all_that_ended(stage: Stage) -> None:
    """A run for each way to end, named after it in lower case."""
    runs = Runs(stage)
    for name in FAILURES:
        runs.job(name, name, runs=ONCE)
        runs.ask(name)
    for name, endpoint in (("completed", "s200"), ("rejected", "s404"), ("fault", "fault")):
        runs.job(name, endpoint, runs=ONCE)
        runs.ask(name)
    runs.job("unavailable", "s503", runs={"retry": {"maxAttempts": 2, "initialDelay": "1s"}})
    runs.ask("unavailable", metadata={"month": "11"}, concurrencyKey="c", priority=3)
    runs.job("callbacksoff", http={"url": "http://s202.x/", "completion": "Async"})
    runs.ask("callbacksoff")
    runs.job("sourceunreadable")
    runs.ask("sourceunreadable", payloadFrom={"secretKeyRef": {"name": "none", "key": "a"}})
    runs.job("payloadinvalid", runs={"payloadSchema": {"type": "object", "required": ["a"]}})
    runs.ask("payloadinvalid", payload="{}")
    runs.job("once", "hangs", runs={"dedupWindow": "1h"})
    runs.ask("a-first", "once", idempotencyKey="k", payload="1")
    await runs.says("a-first", "Executing")
    runs.ask("duplicatekey", "once", idempotencyKey="k", payload="1")
    runs.ask("keyreused", "once", idempotencyKey="k", payload="2")
    runs.ask("a-third", "once", payload="3")
    await runs.says("a-third", "Executing")
    runs.ask("duplicate", "once", payload="3")
    runs.job("held", suspend=True, runs={"limits": {"maxQueued": 1}})
    runs.ask("held-1", "held")
    await runs.says("held-1", "JobSuspended")
    runs.ask("queuefull", "held")
    runs.job("ratelimited", runs={"limits": {"rate": RARELY}})
    runs.ask("granted", "ratelimited")
    await runs.says("granted", "Completed")
    runs.ask("ratelimited")
    runs.job("deep", "hangs")
    for number in range(11):
        runs.ask(
            f"deep-{number}", "deep", **({"parentRun": f"deep-{number - 1}"} if number else {})
        )
        await runs.says(f"deep-{number}", "Executing")
    runs.ask("lineagetoodeep", "deep", continuationOf="deep-10")
    runs.job("suspended", suspend=True)
    for name, more in (("canceled", {}), ("expired", {"ttl": "2s"}), ("versionmissing", {})):
        runs.ask(name, "suspended", **more)
    runs.job(
        "replaced", "hangs", trigger={"schedule": {"cron": "* * * * *", **REPLACES}}, runs=ONCE
    )
    await runs.says("versionmissing", "JobSuspended")
    runs.cluster.patch("JobRun", "canceled", {"spec": {"canceled": True}})
    await runs.says("expired", "Expired")
    runs.cluster.patch("HTTPJob", "suspended", {"spec": {"suspend": False, "meta": {"a": "b"}}})
    runs.cluster.delete("JobVersion", "suspended-h1")
    await runs.says("versionmissing", "VersionMissing")
    runs.job("crashed", "hangs", runs=ONCE)
    runs.ask("crashed")
    await runs.says("crashed", "Executing")
    stage.cluster.living[0].kill()
    await runs.says("crashed", "Crashed")
    await stage.until("a tick has replaced the one before", lambda: replaced(stage))
    for reason in ENDED:
        if reason != "Replaced":
            await runs.says(reason.lower(), reason)


RARELY = {"max": 1, "window": "1h", "onLimit": "Reject"}
REPLACES = {"concurrencyPolicy": "Replace"}
ENDED = (
    *("Completed", "Rejected", "Unavailable", "TimedOut", "AnswerTooLarge", "BadAnswer"),
    *("ConnectFailed", "DnsFailed", "TlsFailed", "Reset", "Crashed", "AddressRefused"),
    *("SourceUnreadable", "Fault", "Canceled", "Expired", "Replaced", "PayloadInvalid"),
    "CallbacksOff",
    *(
        "LineageTooDeep",
        "DuplicateKey",
        "KeyReused",
        "Duplicate",
        "QueueFull",
        "RateLimited",
        "VersionMissing",
    ),
)


def replaced(stage: Stage) -> str:
    """Name of a run in whose place a newer tick's came; empty: there is none yet."""
    for each in stage.cluster.list("JobRun"):
        if each["status"].get("reason") == "Replaced":
            return str(each["metadata"]["name"])
    return ""


async def jobs(stage: Stage) -> None:
    """HTTPJobs in each state."""
    runs = Runs(stage)
    daily = {"timeZone": "Europe/Berlin", "schedule": {"cron": "0 3 * * *"}}
    runs.job("active", "hangs", runs={"limits": {"maxConcurrency": 1}})
    runs.ask("one", "active")
    await runs.says("one", "Executing")
    runs.ask("two", "active")
    runs.job("daily", trigger=daily)
    runs.job("suspended", suspend=True, trigger=daily)
    runs.job("invalid", trigger={"timeZone": "Mars/Olympus"})
    await runs.says("two", "ConcurrencyLimit")
    await stage.until(
        "each has a state",
        lambda: all(each["status"].get("state") for each in stage.cluster.list("HTTPJob")),
    )
