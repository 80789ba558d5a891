"""``ticks``: when a schedule comes next, and when its runs may start."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.told import Played, Stage, play
from unit.cli.run_stories import Runs
from wavegate.api.httpjob import Trigger
from wavegate.cli.calendar import coming_ticks
from wavegate.domain.times import format_time, parse_time

SATURDAY = "2026-03-28T12:00:00Z"
"""In the night after it the clock is put forward in Berlin, from 02:00 to 03:00."""


def trigger(cron: str, zone: str = "UTC", *windows: dict[str, Any]) -> Trigger:
    raw = {"timeZone": zone, "schedule": {"cron": cron}, "windows": list(windows)}
    return Trigger.model_validate(raw)


@pytest.mark.parametrize(
    ("of", "told"),
    [
        (
            trigger("30 2 * * *", "Europe/Berlin"),
            [
                ("Sun 2026-03-29 03:00", "2026-03-29T01:00:00Z", ""),
                ("Mon 2026-03-30 02:30", "2026-03-30T00:30:00Z", ""),
            ],
        ),
        (
            trigger("0 */12 * * *", "UTC", {"start": "10:00", "end": "13:00"}),
            [
                ("Sun 2026-03-29 00:00", "2026-03-29T00:00:00Z", "2026-03-29T10:00:00Z"),
                ("Sun 2026-03-29 12:00", "2026-03-29T12:00:00Z", ""),
            ],
        ),
        (
            trigger("@daily", "Asia/Kolkata", {"days": ["Mon"], "start": "22:00", "end": "06:00"}),
            [
                ("Sun 2026-03-29 00:00", "2026-03-28T18:30:00Z", "2026-03-30T16:30:00Z"),
                ("Mon 2026-03-30 00:00", "2026-03-29T18:30:00Z", "2026-03-30T16:30:00Z"),
            ],
        ),
    ],
    ids=["an hour that is left out", "a window at noon", "a night of one day"],
)
def test_the_next_ticks_and_until_when_windows_hold_their_runs(
    of: Trigger, told: list[tuple[str, str, str]]
) -> None:
    now = parse_time(SATURDAY)
    assert now is not None
    found = coming_ticks(of, now, 2)
    assert [(each.local, each.time, each.opens) for each in found] == told


def test_each_comes_after_the_one_before_it() -> None:
    ticks = coming_ticks(trigger("*/7 * * * *"), 1_700_000_000.0, 50)
    times = [each.time for each in ticks]
    assert times == sorted(set(times))
    assert times[0] > format_time(1_700_000_000.0)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Played:
    async def jobs(stage: Stage) -> None:
        runs = Runs(stage)
        window = {"start": "04:00", "end": "05:00"}
        daily = {"timeZone": "Europe/Berlin", "schedule": {"cron": "0 3 * * *"}}
        runs.job("daily", trigger={**daily, "windows": [window]})
        runs.job("off", trigger=daily, suspend=True)
        runs.job("never")
        runs.job("odd", trigger={"schedule": {"cron": "0 0 30 2 *"}})

    return play(jobs, monkeypatch, nodes=0)


def test_the_command_tells_local_time_utc_and_when_the_run_may_start(told: Played) -> None:
    asked = told("ticks", "hj/daily", "--count", "2")
    assert (asked.code, asked.err) == (0, "")
    assert asked.out.splitlines() == [
        "LOCAL (Europe/Berlin)   UTC                    STARTS",
        "Wed 2023-11-15 03:00    2023-11-15T02:00:00Z   held until Wed 2023-11-15 04:00",
        "Thu 2023-11-16 03:00    2023-11-16T02:00:00Z   held until Thu 2023-11-16 04:00",
    ]
    items = json.loads(told("ticks", "daily", "-o", "json").out)["items"]
    assert len(items) == 10
    assert items[0] == {
        "time": "2023-11-15T02:00:00Z",
        "local": "Wed 2023-11-15 03:00",
        "opens": "2023-11-15T03:00:00Z",
        "opensLocal": "Wed 2023-11-15 04:00",
        "timeZone": "Europe/Berlin",
    }


def test_of_a_suspended_job_it_says_that_there_is_none(told: Played) -> None:
    asked = told("ticks", "off", "-c", "1")
    assert asked.code == 0
    assert asked.out.splitlines()[1].endswith("at once")
    assert asked.err == "HTTPJob off is suspended: there is no tick until wavegate enable off\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("never",), "HTTPJob never has no spec.trigger.schedule; wavegate trigger never asks"),
        (("odd",), "'0 0 30 2 *' never comes"),
        (("none",), "no HTTPJob none in namespace default"),
        (("daily", "-c", "0"), "1<=x<=1000"),
    ],
)
def test_what_has_no_tick_is_an_error(arguments: tuple[str, ...], words: str, told: Played) -> None:
    asked = told("ticks", *arguments)
    assert (asked.code, asked.out) == (2, "")
    assert words in asked.err
