"""wavegate.runs.windows: when runs may start, also over midnight and as clocks are changed."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unit.runs.test_wall_clock import CHANGES, at
from wavegate.api.httpjob import Window
from wavegate.runs.wall_clock import DAY, time_zone, wall_time
from wavegate.runs.windows import DAYS, opens


def window(text: str) -> Window:
    """``22:00-06:00``, ``Fri,Sat 22:00-06:00``, or a cron expression."""
    days, _, times = text.rpartition(" ")
    start, between, end = times.partition("-")
    if not between or ":" not in start:
        return Window.model_validate({"cron": text})
    fields: dict[str, Any] = {"start": start, "end": end}
    return Window.model_validate(fields | ({"days": days.split(",")} if days else {}))


def opening(zone: str, now: str, *texts: str) -> str:
    """When it opens, in UTC; ``open``: it is."""
    found = opens([window(text) for text in texts], zone, at(now))
    if found is None:
        return "open"
    return datetime.fromtimestamp(found, UTC).strftime("%a %m-%dT%H:%M:%S")


# 2026-11-26 is a Thursday.
@pytest.mark.parametrize(
    ("now", "windows", "expected"),
    [
        ("2026-11-26T12:00Z", [], "open"),
        ("2026-11-26T08:59:59Z", ["09:00-17:00"], "Thu 11-26T09:00:00"),
        ("2026-11-26T09:00Z", ["09:00-17:00"], "open"),
        ("2026-11-26T16:59:59Z", ["09:00-17:00"], "open"),
        ("2026-11-26T17:00Z", ["09:00-17:00"], "Fri 11-27T09:00:00"),
        ("2026-11-26T21:00Z", ["22:00-06:00"], "Thu 11-26T22:00:00"),
        ("2026-11-26T23:59Z", ["22:00-06:00"], "open"),
        ("2026-11-26T05:59Z", ["22:00-06:00"], "open"),
        ("2026-11-26T06:00Z", ["22:00-06:00"], "Thu 11-26T22:00:00"),
        ("2026-11-26T23:00Z", ["Fri 22:00-06:00"], "Fri 11-27T22:00:00"),
        ("2026-11-27T05:00Z", ["Fri 22:00-06:00"], "Fri 11-27T22:00:00"),
        ("2026-11-28T05:00Z", ["Fri 22:00-06:00"], "open"),
        ("2026-11-28T06:00Z", ["Fri 22:00-06:00"], "Fri 12-04T22:00:00"),
        ("2026-11-26T09:30Z", ["Thu 08:00-09:00"], "Thu 12-03T08:00:00"),
        ("2026-11-26T09:30Z", ["00:00-23:59"], "open"),
        ("2026-11-26T23:59Z", ["00:00-23:59"], "Fri 11-27T00:00:00"),
        ("2026-11-26T09:30Z", ["12:00-00:00"], "Thu 11-26T12:00:00"),
        ("2026-11-27T00:00Z", ["12:00-00:00"], "Fri 11-27T12:00:00"),
        ("2026-11-26T09:30Z", ["12:00-13:00", "10:00-11:00"], "Thu 11-26T10:00:00"),
        ("2026-11-26T10:30Z", ["12:00-13:00", "10:00-11:00"], "open"),
        ("2026-11-26T09:30:20Z", ["30 9 * * *"], "open"),
        ("2026-11-26T09:31:20Z", ["30 9 * * *"], "Fri 11-27T09:30:00"),
        ("2026-11-26T09:31:20Z", ["* 9-17 * * SAT,SUN"], "Sat 11-28T09:00:00"),
        ("2026-11-26T09:31:20Z", ["0 0 29 2 *", "@daily"], "Fri 11-27T00:00:00"),
    ],
)
def test_when_it_opens(now: str, windows: list[str], expected: str) -> None:
    assert opening("UTC", now, *windows) == expected


@pytest.mark.parametrize(
    ("zone", "now", "text", "expected"),
    [
        ("Europe/Berlin", "2026-11-26T08:30Z", "10:00-11:00", "Thu 11-26T09:00:00"),
        ("Europe/Berlin", "2026-03-28T23:00Z", "02:30-04:00", "Sun 03-29T01:00:00"),
        ("Europe/Berlin", "2026-03-29T01:59:59Z", "02:30-04:00", "open"),
        ("Europe/Berlin", "2026-03-28T23:00Z", "02:15-02:45", "Mon 03-30T00:15:00"),
        ("Europe/Berlin", "2026-10-25T00:30Z", "02:15-02:45", "open"),
        ("Europe/Berlin", "2026-10-25T00:50Z", "02:15-02:45", "Sun 10-25T01:15:00"),
        ("Europe/Berlin", "2026-10-25T01:30Z", "02:15-02:45", "open"),
        ("Europe/Berlin", "2026-10-25T00:50Z", "01:00-02:45", "Sun 10-25T01:00:00"),
        ("Europe/Berlin", "2026-10-25T00:50Z", "30 2 * * *", "Sun 10-25T01:30:00"),
        ("Europe/Berlin", "2026-03-28T23:00Z", "*/30 2,3 * * *", "Sun 03-29T01:00:00"),
        ("America/Sao_Paulo", "2018-11-04T02:00Z", "00:00-01:30", "Sun 11-04T03:00:00"),
        ("Pacific/Apia", "2011-12-30T09:00Z", "Fri 12:00-13:00", "Thu 01-05T22:00:00"),
        ("Pacific/Apia", "2011-12-30T09:00Z", "Fri 20:00-08:00", "Fri 12-30T10:00:00"),
    ],
    ids=[
        "in the trigger's zone",
        "a start that is left out",
        "until its end",
        "a window that is left out",
        "the first time",
        "between",
        "the second time",
        "the second time begins inside",
        "a minute, the second time",
        "minutes of which some are left out",
        "midnight is left out",
        "its day is left out",
        "its day is left out, but not its end",
    ],
)
def test_as_clocks_are_changed(zone: str, now: str, text: str, expected: str) -> None:
    assert opening(zone, now, text) == expected


def test_what_never_comes_is_looked_at_again_much_later() -> None:
    always_left_out = window("30 2 * 3 0L")
    begin = time.process_time()
    found = opens([always_left_out], "Europe/Berlin", at("2026-11-26T00:00Z"))
    assert found is not None
    assert found > at("2046-01-01T00:00Z")
    assert time.process_time() - begin < 2


@pytest.mark.parametrize("text", ["0 0 30 2 *", "61 * * * *"])
def test_what_is_not_understood_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"never comes|not understood"):
        opens([window(text)], "UTC", 0)
    with pytest.raises(ValueError, match="is no time zone"):
        opens([window("09:00-10:00")], "Mars/Olympus", 0)


TIMES = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 1, 15, 30, 45, 59]))
SPANS = st.tuples(
    st.lists(st.sampled_from(DAYS), max_size=3, unique=True).map(",".join), TIMES, TIMES
).filter(lambda span: span[1] != span[2])
TEXTS = SPANS.map(lambda span: f"{span[0]} {span[1]}-{span[2]}".strip()) | st.sampled_from(
    ["30 2 * * *", "*/20 1-3 * * *", "15,45 23,0 * * *", "* 2 * * *", "0 12 * * SUN"]
)


def shown_inside(text: str, wall: datetime) -> bool:
    """The rule for the minute that a clock shows, told by minutes of the week."""
    each = window(text)
    if each.cron is not None:
        minute, hour, *_, day = each.cron.split()
        among = {
            "30": {30}, "*/20": {0, 20, 40}, "15,45": {15, 45}, "*": set(range(60)), "0": {0},
            "2": {2}, "1-3": {1, 2, 3}, "23,0": {23, 0}, "12": {12},
        }  # fmt: skip
        return (
            wall.minute in among[minute]
            and wall.hour in among[hour]
            and (day == "*" or wall.weekday() == 6)
        )
    now = wall.weekday() * 1440 + wall.hour * 60 + wall.minute
    assert each.start is not None
    assert each.end is not None
    start, end = (60 * int(text[:2]) + int(text[3:]) for text in (each.start, each.end))
    return any(
        (now - 1440 * DAYS.index(day) - start) % (7 * 1440) < (end - start) % 1440
        for day in each.days or DAYS
    )


@settings(max_examples=150)
@given(
    st.sampled_from(list(CHANGES.values())),
    TEXTS,
    st.integers(-26 * 60, 26 * 60),
    st.integers(0, 59),
)
def test_it_opens_when_the_clock_first_shows_a_time_of_it(
    change: tuple[str, str, int], text: str, minutes: int, seconds: int
) -> None:
    zone, now = change[0], at(change[1]) + 60 * minutes + seconds
    clock = time_zone(zone)
    found = opens([window(text)], zone, now)
    if found is None:
        assert shown_inside(text, wall_time(clock, now))
        return
    assert not shown_inside(text, wall_time(clock, now))
    assert now < found <= now + 16 * DAY
    assert shown_inside(text, wall_time(clock, found))
    assert opens([window(text)], zone, found) is None
    minute = now - seconds + 60
    while minute < found:
        assert not shown_inside(text, wall_time(clock, minute)), "it was open before"
        minute += 60
