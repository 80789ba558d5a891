"""Runs that are made by a schedule: their ticks, and what becomes of those that passed unseen.

But for the first, no test waits for the clock. The record of ticks in the job's status is set back,
as an operator leaves it that was away for a while; what it finds then is due.
"""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from support.answering import Endpoint
from support.asking import Asked
from support.few import at
from support.space import Document

pytestmark = pytest.mark.cluster

MINUTE = 60.0
AWAY = 40 * MINUTE


def tick(minutes_ago: int) -> float:
    """The full minute that was so long ago, epoch seconds."""
    return (time.time() // MINUTE - minutes_ago) * MINUTE


def text_of(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def cron_of(ticks: list[float]) -> str:
    """Each hour at these minutes."""
    minutes = sorted(datetime.fromtimestamp(each, UTC).minute for each in ticks)
    return f"{','.join(map(str, minutes))} * * * *"


def scheduled(asked: Asked, cron: str, **schedule: Any) -> None:
    """Apply the job ``app`` with a schedule, and wait until its next tick is told."""
    asked.job(trigger={"schedule": {"cron": cron, **schedule}})
    asked.until(
        "the schedule is known",
        lambda: (asked.of_job().get("schedule") or {}).get("expression") == f"{cron} UTC",
    )


def set_back(asked: Asked) -> None:
    """The operator has decided on no tick for a while."""
    then = text_of(time.time() - AWAY)
    record = {"since": then, "lastTickTime": then, "nextTickTime": then}
    path = f"{asked.space.path('HTTPJob', 'app')}/status"
    body = {"status": {"schedule": record}}
    asked.space.client.request("PATCH", path, body, content="application/merge-patch+json")


def decided(asked: Asked) -> Document:
    """status.schedule, once all ticks until now are decided on."""

    def ahead() -> bool:
        return at(asked.of_job()["schedule"]["nextTickTime"]) > time.time()

    asked.until("its ticks are decided on", ahead)
    return dict(asked.of_job()["schedule"])


def made(asked: Asked) -> dict[float, str]:
    """By tick, the runs that were made."""
    return {
        at(each["metadata"]["annotations"]["wavegate.dev/tick"]): each["metadata"]["name"]
        for each in asked.space.list("JobRun")
    }


@pytest.mark.row(
    "HTTPJob.spec.trigger.schedule.cron",
    "HTTPJob.spec.labels",
    "HTTPJob.status.schedule.expression",
    "HTTPJob.status.schedule.since",
    "HTTPJob.status.schedule.lastTickTime",
    "HTTPJob.status.schedule.nextTickTime",
    "JobRun.status.scheduledTime",
    "JobRun.status.triggeredBy",
)
def test_row_schedule_cron(asked: Asked, endpoint: Endpoint) -> None:
    """A run soon after the full minute, with the job's labels; none while suspended."""
    labels = {"team": "shop"}
    trigger = {"schedule": {"cron": "* * * * *"}}
    asked.job(labels=labels, trigger=trigger)
    created = at((asked.space.get("HTTPJob", "app") or {})["metadata"]["creationTimestamp"])
    asked.space.wait("a minute is full", lambda: endpoint.calls, seconds=75)
    (call,) = endpoint.calls
    due = call.at // MINUTE * MINUTE
    assert call.at - due < 2.5
    assert asked.ended(call.run)["phase"] == "Completed"
    run = asked.space.get("JobRun", call.run)
    assert run is not None
    own = {"wavegate.dev/job": "app", "wavegate.dev/job-kind": "HTTPJob"}
    assert run["metadata"]["labels"] == {**labels, **own}
    assert run["status"]["triggeredBy"] == "Schedule"
    assert run["status"]["scheduledTime"] == text_of(due)
    schedule = decided(asked)
    assert schedule == {
        "expression": "* * * * * UTC",
        "since": text_of(created),
        "lastTickTime": text_of(due),
        "nextTickTime": text_of(due + MINUTE),
        "missedTicks": 0,
        "skippedTicks": 0,
    }
    asked.job(labels=labels, trigger=trigger, suspend=True)
    asked.until("it ticks no more", lambda: "nextTickTime" not in asked.of_job()["schedule"])
    assert asked.of_job()["state"] == "Suspended"


@pytest.mark.row("HTTPJob.spec.trigger.timeZone", "HTTPJob.status.schedule.nextTickTime")
def test_row_trigger_time_zone(asked: Asked) -> None:
    """Half past twelve of another clock; a zone that is none is told, and starts nothing."""
    zone = "Asia/Kolkata"
    asked.job(trigger={"schedule": {"cron": "30 12 * * *"}, "timeZone": zone})
    asked.until(
        "its next tick is told", lambda: "nextTickTime" in asked.of_job().get("schedule", {})
    )
    now = datetime.now(ZoneInfo(zone))
    noon = now.replace(hour=12, minute=30, second=0, microsecond=0)
    if noon <= now:
        noon += timedelta(days=1)
    schedule = asked.of_job()["schedule"]
    assert at(schedule["nextTickTime"]) == noon.timestamp()
    assert schedule["expression"] == f"30 12 * * * {zone}"
    asked.job("other", trigger={"timeZone": "Mars/Olympus"})
    asked.run("one", "other")
    asked.tells("one", "Queued", "JobInvalid")
    status = asked.of_job("other")
    assert (status["state"], status["reason"]) == ("Invalid", "InvalidSpec")
    assert status["message"].startswith("spec.trigger.timeZone: ")
    assert "Mars/Olympus" in status["message"]


CATCH_UP: dict[str, tuple[dict[str, Any], list[int]]] = {
    "latest": ({"startingDeadline": "10m"}, [3]),
    "all": ({"startingDeadline": "10m", "catchUp": "All"}, [4, 3]),
    "none": ({"startingDeadline": "10m", "catchUp": "None"}, []),
    "too late": ({"startingDeadline": "10s", "catchUp": "All"}, []),
}
"""Of ticks 20, 4 and 3 minutes ago, those that become runs."""


@pytest.mark.row(
    "HTTPJob.spec.trigger.schedule.catchUp",
    "HTTPJob.spec.trigger.schedule.startingDeadline",
    "HTTPJob.status.schedule.missedTicks",
)
@pytest.mark.parametrize("name", CATCH_UP)
def test_row_schedule_catch_up(name: str, asked: Asked) -> None:
    settings, chosen = CATCH_UP[name]
    ticks = {ago: tick(ago) for ago in (20, 4, 3)}
    scheduled(asked, cron_of([*ticks.values()]), concurrencyPolicy="Allow", **settings)
    set_back(asked)
    schedule = decided(asked)
    assert sorted(made(asked)) == [ticks[ago] for ago in chosen]
    assert schedule["missedTicks"] == len(ticks) - len(chosen)
    assert schedule["skippedTicks"] == 0
    assert at(schedule["lastTickTime"]) == ticks[3]


@pytest.mark.row("HTTPJob.spec.trigger.schedule.concurrencyPolicy")
@pytest.mark.parametrize("policy", ["Allow", "Queue"])
def test_row_schedule_two_at_once(policy: str, asked: Asked, endpoint: Endpoint) -> None:
    """Two ticks are due: both execute, or one after the other."""
    endpoint.hold()
    ticks = [tick(4), tick(3)]
    scheduled(asked, cron_of(ticks), concurrencyPolicy=policy, catchUp="All", startingDeadline="1h")
    set_back(asked)
    asked.until("both are made", lambda: len(made(asked)) == 2)
    first, second = (name for _, name in sorted(made(asked).items()))
    if policy == "Allow":
        asked.until("both are called", lambda: set(endpoint.runs()) == {first, second})
    else:
        status = asked.tells(second, "Queued", "ConcurrencyLimit")
        assert status["message"] == f"{first} of an earlier tick has not ended"
        assert endpoint.runs() == [first]
    endpoint.release()
    for name in (first, second):
        assert asked.ended(name)["phase"] == "Completed"
    assert Counter(endpoint.runs()) == {first: 1, second: 1}


@pytest.mark.row(
    "HTTPJob.spec.trigger.schedule.concurrencyPolicy", "HTTPJob.status.schedule.skippedTicks"
)
@pytest.mark.parametrize("policy", ["Forbid", "Replace"])
def test_row_schedule_one_at_a_time(policy: str, asked: Asked, endpoint: Endpoint) -> None:
    """A tick while the run before has not ended: it is skipped, or takes that one's place."""
    endpoint.hold()
    early, late = tick(4), tick(3)
    settings = {"concurrencyPolicy": policy, "startingDeadline": "1h"}
    scheduled(asked, cron_of([early]), **settings)
    set_back(asked)
    asked.until("the first is called", lambda: endpoint.calls)
    first = endpoint.calls[0].run
    scheduled(asked, cron_of([late]), **settings)
    set_back(asked)
    schedule = decided(asked)
    if policy == "Forbid":
        assert (schedule["skippedTicks"], schedule["missedTicks"]) == (1, 0)
        assert made(asked) == {early: first}
        assert asked.of(first)["phase"] == "Executing"
        return
    status = asked.ended(first)
    assert (status["phase"], status["reason"]) == ("Canceled", "Replaced")
    assert sorted(made(asked)) == [early, late]
    endpoint.release()
    assert asked.ended(made(asked)[late])["phase"] == "Completed"
