"""Times in which runs may start."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from support.answering import Endpoint
from support.asking import Asked
from support.few import at

pytestmark = pytest.mark.cluster

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
KOLKATA = timezone(timedelta(hours=5, minutes=30))
HOUR = timedelta(hours=1)


def window(begin: datetime, end: datetime, days: list[str] | None = None) -> dict[str, Any]:
    between = {"start": f"{begin:%H:%M}", "end": f"{end:%H:%M}"}
    return {**between, "days": days} if days else between


def around(now: datetime) -> dict[str, Any]:
    return window(now - HOUR, now + HOUR)


def day_of(moment: datetime) -> str:
    return DAYS[moment.weekday()]


def open_windows(now: datetime) -> dict[str, dict[str, Any]]:
    begins = now - HOUR
    return {
        "between": {"windows": [around(now)]},
        "on-the-day": {"windows": [window(begins, now + HOUR, [day_of(begins)])]},
        "each-minute": {"windows": [{"cron": "* * * * *"}]},
        "one-of-two": {"windows": [window(now + HOUR, now + 2 * HOUR), around(now)]},
        "elsewhere": {"windows": [around(now.astimezone(KOLKATA))], "timeZone": "Asia/Kolkata"},
    }


def closed_windows(now: datetime) -> dict[str, dict[str, Any]]:
    later, begins = now + HOUR, now - HOUR
    return {
        "later": {"windows": [window(later, later + HOUR)]},
        "another-day": {"windows": [window(begins, later, [day_of(begins + 72 * HOUR)])]},
        "another-minute": {"windows": [{"cron": f"{(now.minute + 30) % 60} * * * *"}]},
        "not-here": {"windows": [around(now.astimezone(KOLKATA))]},
    }


@pytest.mark.row(
    "HTTPJob.spec.trigger.windows[].cron",
    "HTTPJob.spec.trigger.windows[].days",
    "HTTPJob.spec.trigger.windows[].start",
    "HTTPJob.spec.trigger.windows[].end",
    "HTTPJob.spec.trigger.timeZone",
)
def test_row_trigger_windows(asked: Asked, endpoint: Endpoint) -> None:
    """A run starts where one of its job's windows is open; else it says when the next one opens."""
    now = datetime.now(UTC)
    opened, closed = open_windows(now), closed_windows(now)
    for name, trigger in {**opened, **closed}.items():
        asked.job(name, trigger=trigger)
        asked.run(name, name)
    for name in opened:
        assert asked.ended(name)["phase"] == "Completed", name
    for name in closed:
        words = asked.tells(name, "Queued", "OutsideWindow")["message"]
        before, _, opens = words.rpartition(" ")
        assert before == "its job's next window opens at"
        assert at(opens) > time.time()
    later = (now + HOUR).replace(second=0, microsecond=0)
    assert at(asked.of("later")["message"].rpartition(" ")[2]) == later.timestamp()
    assert sorted(endpoint.runs()) == sorted(opened)
    for name in closed:
        asked.job(name)
        assert asked.ended(name)["phase"] == "Completed", "without windows: at any time"
