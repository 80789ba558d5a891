"""wavegate.runs.cron: which wall-clock minutes come, and when, also as clocks are changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unit.runs.test_wall_clock import CHANGES, at
from wavegate.runs.cron import NAMED, Cron
from wavegate.runs.wall_clock import DAY, wall_time


def stepped(cron: Cron, after: float, until: float) -> list[float]:
    """The same as `Cron.between`, one by one."""
    found = []
    while (after := cron.next_after(after)) <= until:
        found.append(after)
    return found


@pytest.mark.parametrize(
    ("text", "zone", "after", "expected"),
    [
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00Z", "03-29T01:00 03-30T00:30"),
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00Z", "10-25T00:30 10-26T01:30"),
        ("0,30 2 * * *", "Europe/Berlin", "2026-03-28T12:00Z", "03-29T01:00 03-30T00:00"),
        ("*/15 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00Z", "03-29T01:00 03-29T01:15"),
        ("0 * * * *", "Europe/Berlin", "2026-10-24T23:30Z", "10-25T00:00 10-25T02:00"),
        ("59 * * * *", "Europe/Berlin", "2026-03-29T00:00Z", "03-29T00:59 03-29T01:00 03-29T01:59"),
        ("* * * * *", "Europe/Berlin", "2026-10-25T00:59Z", "10-25T02:00 10-25T02:01"),
        ("* * * * *", "Europe/Berlin", "2026-03-29T00:58Z", "03-29T00:59 03-29T01:00 03-29T01:01"),
        ("30 2 * * *", "America/New_York", "2026-03-07T12:00Z", "03-08T07:00 03-09T06:30"),
        ("30 1 * * *", "America/New_York", "2026-10-31T12:00Z", "11-01T05:30 11-02T06:30"),
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00Z", "10-03T15:30 10-04T15:15"),
        ("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00Z", "04-04T14:45 04-05T15:15"),
        ("0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00Z", "11-04T03:00 11-05T02:00"),
        ("30 23 * * *", "America/Sao_Paulo", "2018-02-17T12:00Z", "02-18T01:30 02-19T02:30"),
        ("0 0 * * *", "Asia/Beirut", "2022-03-26T12:00Z", "03-26T22:00 03-27T21:00"),
        ("0 12 * * *", "Pacific/Apia", "2011-12-29T00:00Z", "12-29T22:00 12-30T10:00 12-30T22:00"),
        ("0 0 * * *", "Pacific/Apia", "2011-12-29T00:00Z", "12-29T10:00 12-30T10:00 12-31T10:00"),
        ("30 2 * * *", "UTC", "2026-03-28T12:00Z", "03-29T02:30 03-30T02:30"),
        ("0 0 31 * *", "UTC", "2026-03-01T00:00Z", "03-31T00:00 05-31T00:00 07-31T00:00"),
        ("0 0 L 2 *", "UTC", "2027-01-01T00:00Z", "02-28T00:00 02-29T00:00"),
        ("0 0 29 2 *", "UTC", "2026-01-01T00:00Z", "02-29T00:00 02-29T00:00"),
        ("0 0 13 * 5", "UTC", "2026-11-01T00:00Z", "11-06T00:00 11-13T00:00 11-20T00:00"),
        ("0 0 */2 * 1", "UTC", "2026-11-01T00:00Z", "11-09T00:00 11-23T00:00"),
        ("0 9 * * MON#1", "UTC", "2026-11-01T00:00Z", "11-02T09:00 12-07T09:00"),
        ("@hourly", "UTC", "2026-11-01T00:00Z", "11-01T01:00 11-01T02:00"),
        ("@daily", "UTC", "2026-11-01T00:00Z", "11-02T00:00"),
        ("@midnight", "UTC", "2026-11-01T00:00Z", "11-02T00:00"),
        ("@weekly", "UTC", "2026-11-01T00:00Z", "11-08T00:00"),
        ("@monthly", "UTC", "2026-11-01T00:00Z", "12-01T00:00 01-01T00:00"),
        ("@yearly", "UTC", "2026-11-01T00:00Z", "01-01T00:00"),
        ("@annually", "UTC", "2026-11-01T00:00Z", "01-01T00:00"),
    ],
)
def test_when_it_comes_next(text: str, zone: str, after: str, expected: str) -> None:
    cron, instant, found = Cron.parse(text, zone), at(after), []
    for _ in expected.split():
        instant = cron.next_after(instant)
        found.append(wall_time(Cron.parse(text, "UTC").zone, instant).strftime("%m-%dT%H:%M"))
    assert " ".join(found) == expected


def test_an_instant_is_not_after_itself_and_a_fraction_before_it_is_not_it() -> None:
    cron = Cron.parse("* * * * *", "UTC")
    assert cron.next_after(0.0) == 60.0
    assert cron.next_after(59.999) == 60.0
    assert cron.next_after(60.5) == 120.0
    assert cron.next_after(-0.5) == 0.0
    assert cron.between(0.0, 60.0, 5) == ([60.0], 1)
    assert cron.between(0.0, 59.9, 5) == ([], 0)
    assert cron.between(60.0, 60.0, 5) == ([], 0)
    assert cron.between(120.0, 60.0, 5) == ([], 0)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("* * * *", "write five fields"),
        ("0 0 * * * *", "write five fields"),
        ("", "write five fields"),
        ("@reboot", "or one of @hourly, @daily"),
        ("60 * * * *", "its minute '60' is not understood: write .* from 0 to 59"),
        ("* 24 * * *", "its hour '24' .* 0 to 23"),
        ("* * 0 * *", "its day-of-month '0' .* 1 to 31"),
        ("* * * 13 *", "its month '13' .* 1 to 12 or JAN to DEC"),
        ("* * * * 8", "its day-of-week '8' .* 0 to 7"),
        ("*/0 * * * *", "its minute"),
        ("5-1 * * * *", "its minute"),
        ("1,,2 * * * *", "its minute ''?"),
        (f"{'9' * 5000} * * * *", "its minute '9{32}' is not understood"),
        ("0 0 30 2 *", "never comes: no month that it names has such a day"),
        ("0 0 31 2,4,6,9,11 *", "never comes"),
        ("0 0 */30 * 1#2", "never comes"),
    ],
)
def test_what_is_wrong_is_told_with_the_way_out(text: str, what: str) -> None:
    with pytest.raises(ValueError, match=what) as told:
        Cron.parse(text, "UTC")
    assert len(str(told.value)) < 400


def test_a_zone_that_is_none_is_told() -> None:
    with pytest.raises(ValueError, match="'Mars/Olympus' is no time zone: write an IANA name"):
        Cron.parse("@daily", "Mars/Olympus")


def test_one_expression_is_one_object() -> None:
    assert Cron.parse("@daily", "UTC") is Cron.parse("@daily", "UTC")
    assert Cron.parse("@daily", "UTC") == Cron.parse("@daily", "UTC")
    assert len({Cron.parse("@daily", zone) for zone in ("UTC", "Europe/Berlin")}) == 2


@pytest.mark.parametrize(
    ("text", "zone", "instant", "inside"),
    [
        ("30 2 * * *", "UTC", "2026-10-25T02:30:59Z", True),
        ("30 2 * * *", "UTC", "2026-10-25T02:31Z", False),
        ("30 2 * * *", "UTC", "2026-10-25T03:30Z", False),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30Z", True),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T01:30Z", True),
        ("30 2 * * *", "Europe/Berlin", "2026-03-29T01:00Z", False),
        ("* * * 10 *", "UTC", "2026-11-25T02:30Z", False),
        ("* * * * MON-FRI", "UTC", "2026-11-28T02:30Z", False),
        ("* * * * MON-FRI", "UTC", "2026-11-27T02:30Z", True),
    ],
)
def test_whether_the_clock_shows_one_of_its_minutes(
    text: str, zone: str, instant: str, inside: bool
) -> None:
    assert Cron.parse(text, zone).matches(at(instant)) is inside


@pytest.mark.parametrize(
    ("text", "zone", "count"),
    [
        ("* * * * *", "UTC", 5_258_880),
        ("* * * * *", "Europe/Berlin", 5_258_280),
        ("0 0 29 2 *", "America/New_York", 2),
        ("0 12 * 10 *", "Europe/Berlin", 310),
    ],
)
def test_ten_years_are_counted_by_days(
    text: str, zone: str, count: int, measured: Callable[[str], None]
) -> None:
    begin = time.process_time()
    found, counted = Cron.parse(text, zone).between(
        at("2016-03-01T00:00Z"), at("2026-03-01T00:00Z"), 100
    )
    took = time.process_time() - begin
    measured(f"ten years of {text} in {zone}: {1000 * took:.0f} ms")
    assert (counted, len(found)) == (count, min(count, 100))
    assert took < 5


LISTS = st.lists(st.integers(0, 59), min_size=1, max_size=4, unique=True)
HOURS = st.lists(st.sampled_from([0, 1, 2, 3, 12, 22, 23]), min_size=1, max_size=4, unique=True)


def joined(values: list[int] | None) -> str:
    return "*" if values is None else ",".join(map(str, values))


def as_shown(
    zone: str, minutes: list[int], hours: list[int], after: float, until: float
) -> list[float]:
    """The rule as a person with a clock would follow it, who looks each minute.

    What the clock has not shown yet is new; what it passed over is new as well.
    """
    cron, found = Cron.parse("* * * * *", zone), []
    shown = wall_time(cron.zone, after)
    for instant in range(int(after) + 60, int(until) + 1, 60):
        wall = wall_time(cron.zone, instant)
        new = False
        while shown < wall:
            shown += timedelta(minutes=1)
            new = new or (shown.minute in minutes and shown.hour in hours)
        if new:
            found.append(float(instant))
    return found


@settings(max_examples=60)
@given(
    st.sampled_from(list(CHANGES.values())),
    st.none() | LISTS,
    st.none() | HOURS,
    st.integers(1, 36),
    st.integers(0, 120),
)
def test_it_comes_as_a_person_with_a_clock_would_follow_it(
    change: tuple[str, str, int],
    minutes: list[int] | None,
    hours: list[int] | None,
    before: int,
    most: int,
) -> None:
    zone, middle = change[0], at(change[1])
    cron = Cron.parse(f"{joined(minutes)} {joined(hours)} * * *", zone)
    after, until = middle - before * 3600, middle + DAY
    expected = as_shown(
        zone,
        list(range(60)) if minutes is None else minutes,
        list(range(24)) if hours is None else hours,
        after,
        until,
    )
    assert stepped(cron, after, until) == expected
    assert cron.between(after, until, 10_000) == (expected, len(expected))
    newest = expected[max(0, len(expected) - most) :]
    assert cron.between(after, until, most) == (newest, len(expected))


@given(
    st.sampled_from(list(CHANGES.values())),
    st.sampled_from(
        ["* * * * *", "30 2 * * *", "@daily", "0 0 L * *", "*/7 */5 * * 1-5", "@monthly"]
    ),
    st.floats(-400 * DAY, 400 * DAY),
    st.floats(0, 40 * DAY),
    st.integers(0, 3),
)
def test_what_is_counted_by_days_is_what_comes_one_by_one(
    change: tuple[str, str, int], text: str, offset: float, length: float, most: int
) -> None:
    cron, after = Cron.parse(text, change[0]), at(change[1]) + offset
    until = after + (length if text != "* * * * *" else length / 20)
    expected = stepped(cron, after, until)
    newest = expected[len(expected) - min(most, len(expected)) :]
    assert cron.between(after, until, most) == (newest, len(expected))


@given(st.sampled_from(list(CHANGES.values())), LISTS, HOURS, st.floats(-3 * DAY, 3 * DAY))
def test_the_next_is_later_and_on_the_clock_or_where_it_was_put_forward(
    change: tuple[str, str, int], minutes: list[int], hours: list[int], offset: float
) -> None:
    zone, middle = change[0], at(change[1])
    cron = Cron.parse(f"{joined(minutes)} {joined(hours)} * * *", zone)
    instant, walls = middle + offset, set()
    for _ in range(20):
        later = cron.next_after(instant)
        assert later > instant
        wall = wall_time(cron.zone, later)
        assert wall not in walls
        assert cron.matches(later) or (later == middle and change[2] > 0)
        walls.add(wall)
        instant = later


@pytest.mark.parametrize(
    ("text", "zone", "after", "until", "count"),
    [
        ("45 2 * * *", "Europe/Berlin", "2026-10-24T12:00Z", "2026-10-25T01:15Z", 1),
        ("45 23 * * *", "America/Sao_Paulo", "2018-02-17T12:00Z", "2018-02-18T02:15Z", 1),
        ("0 12 * * *", "Pacific/Apia", "2011-12-29T12:00Z", "2012-01-03T12:00Z", 6),
        ("0 0 * * *", "Pacific/Apia", "2011-12-29T12:00Z", "2012-01-03T12:00Z", 5),
    ],
    ids=[
        "until the second 02:15, and the first 02:45 was before it",
        "the same at midnight",
        "a noon that was left out is none of those of the next day",
        "a midnight that was left out is that of the next day",
    ],
)
@pytest.mark.parametrize("most", [0, 1, 100])
def test_days_on_which_the_clock_was_put(
    text: str, zone: str, after: str, until: str, count: int, most: int
) -> None:
    found, counted = Cron.parse(text, zone).between(at(after), at(until), most)
    assert (len(found), counted) == (min(count, most), count)


def test_every_name_is_an_expression() -> None:
    for name, text in NAMED.items():
        assert Cron.parse(name, "UTC").next_after(0) == Cron.parse(text, "UTC").next_after(0)
