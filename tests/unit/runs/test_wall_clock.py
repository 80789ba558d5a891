"""wavegate.runs.wall_clock: hours that repeat, wall times that are left out, zones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavegate.runs.wall_clock import DAY, instant_of, next_change, time_zone, wall_time

CHANGES = {
    "forward": ("Europe/Berlin", "2026-03-29T01:00Z", 3600),
    "back": ("Europe/Berlin", "2026-10-25T01:00Z", -3600),
    "forward by half an hour": ("Australia/Lord_Howe", "2026-10-03T15:30Z", 1800),
    "back by half an hour": ("Australia/Lord_Howe", "2026-04-04T15:00Z", -1800),
    "forward at midnight": ("America/Sao_Paulo", "2018-11-04T03:00Z", 3600),
    "back at midnight": ("America/Sao_Paulo", "2018-02-18T02:00Z", -3600),
    "forward by a day": ("Pacific/Apia", "2011-12-30T10:00Z", 86_400),
    "back by three hours": ("Antarctica/Casey", "2010-03-04T15:00Z", -10_800),
}


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(("zone", "instant", "by"), CHANGES.values(), ids=CHANGES)
def test_a_change_is_found_to_the_second(zone: str, instant: str, by: int) -> None:
    clock, change = time_zone(zone), at(instant)
    shown = wall_time(clock, change) - wall_time(clock, change - 1)
    assert shown == timedelta(seconds=1 + by)
    assert next_change(clock, change - DAY, change) == change
    assert next_change(clock, change - 1.5, change + 0.5) == change
    assert next_change(clock, change - DAY, change - 1) == inf
    assert next_change(clock, change, change + DAY) == inf


def test_a_wall_time_that_comes_twice() -> None:
    berlin, twice = time_zone("Europe/Berlin"), wall("2026-10-25T02:30")
    assert instant_of(berlin, twice) == at("2026-10-25T00:30Z")
    assert instant_of(berlin, twice, again=True) == at("2026-10-25T01:30Z")


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("minute", [0, 1, 30, 59])
def test_a_wall_time_that_is_left_out_comes_at_the_change(minute: int, again: bool) -> None:
    berlin = time_zone("Europe/Berlin")
    left_out = wall(f"2026-03-29T02:{minute:02}")
    assert instant_of(berlin, left_out, again=again) == at("2026-03-29T01:00Z")


def test_a_day_that_is_left_out_comes_when_the_next_begins() -> None:
    apia = time_zone("Pacific/Apia")
    begin = instant_of(apia, wall("2011-12-31T00:00"))
    assert instant_of(apia, wall("2011-12-30T00:00")) == begin
    assert instant_of(apia, wall("2011-12-30T23:59")) == begin
    assert instant_of(apia, wall("2011-12-29T23:59")) == begin - 60


@given(st.sampled_from(list(CHANGES.values())), st.floats(-2 * DAY, 2 * DAY), st.floats(0, 2 * DAY))
def test_what_the_clock_shows_and_when(
    change: tuple[str, str, int], offset: float, later: float
) -> None:
    clock, instant = time_zone(change[0]), at(change[1]) + offset
    shown = wall_time(clock, instant)
    assert shown.tzinfo is None
    assert int(instant // 1) in {instant_of(clock, shown), instant_of(clock, shown, again=True)}
    other = (shown + timedelta(seconds=later)).replace(microsecond=0)
    assert instant_of(clock, shown) <= instant_of(clock, other)
    assert instant_of(clock, shown, again=True) <= instant_of(clock, other, again=True)


def test_utc_never_changes() -> None:
    utc = time_zone("UTC")
    moment = wall("2026-03-29T02:30")
    assert instant_of(utc, moment) == moment.replace(tzinfo=UTC).timestamp()
    assert wall_time(utc, instant_of(utc, moment)) == moment


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "Europe", "Europe/berlin", "../UTC", "zone.tab", "x" * 300, "a\0b"]
)
def test_what_is_no_time_zone_is_told(name: str) -> None:
    with pytest.raises(ValueError, match="is no time zone: write an IANA name such as UTC"):
        time_zone(name)
